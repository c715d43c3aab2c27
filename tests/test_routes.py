"""Messages made from frozen words, channel by channel."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from ledger_samples import NOW, SHARED, leased, person
from peers.loopback import Desk, Loopback
from tambour.config import Config
from tambour.delivery.routes import make_route
from tambour.delivery.world import Route
from tambour.ledger.records import Content, ContentId, Leased
from tambour.model import DeliveryId, EditionId, Rate, Rendered

CHANNELS: dict[str, Any] = {
    "lettre": {
        "type": "smtp",
        "host": "localhost",
        "from": "La lettre <lettre@example.org>",
        "reply_to": "contact@example.org",
        "unsubscribe": "leave@example.org",
        "rate": "10/s",
    },
    "outbox": {"type": "outbox"},
    "equipe": {"type": "webhook", "url": "http://localhost/hook"},
}
CONFIG = Config.model_validate(
    {
        "version": 1,
        "site": {"name": "Numérique public", "url": "https://www.example.org"},
        "channels": CHANNELS,
        "serve": {"url": "https://lettre.example.org"},
    }
)


def route(name: str) -> Route:
    """Return a channel's route."""
    channel = Loopback(Desk())
    return make_route(name, channel, CONFIG, secret=b"secret", clock=lambda: NOW)


def to_zoe(channel: str, **changes: Any) -> Leased:
    """Return a delivery to Zoé."""
    zoe = person("zoe@example.org", name="Zoé")
    return leased(**({"channel": channel, "recipient": zoe} | changes))


def parse(content: bytes) -> EmailMessage:
    """Read a mail."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_is_filled_for_its_recipient() -> None:
    """Envelope, headers and words are those of settings, campaign and recipient."""
    message = route("lettre").compose(to_zoe("lettre"), SHARED).write()
    mail = parse(message.content)

    assert ("lettre@example.org", "zoe@example.org", 7) == (
        message.sender,
        message.recipient,
        message.delivery,
    )
    assert message.key == mail["Message-ID"]
    assert "contact@example.org" == mail["Reply-To"]
    assert "mailto:leave@example.org" in mail["List-Unsubscribe"]
    assert "https://lettre.example.org/" in mail["List-Unsubscribe"]
    body = mail.get_body(("html",))
    assert body is not None
    assert "é Zoé" in body.get_content()


@pytest.mark.parametrize(
    ("address", "is_plain"),
    [("zoe@example.org", True), ("zoé@example.org", False)],
    ids=["ASCII", "SMTPUTF8"],
)
def test_a_mail_says_whether_its_lines_are_plain(address: str, is_plain: bool) -> None:
    """Channels need not look again at what an edition's bytes cannot hold."""
    to = person(address, name=".é\n.")
    message = route("lettre").compose(to_zoe("lettre", recipient=to), SHARED).write()

    assert is_plain == message.is_plain == message.content.isascii()
    assert b"\n." not in message.content


def test_every_try_has_the_same_key() -> None:
    """Another try, of another process, is recognised by its key; others differ."""
    keys = [
        route(name).compose(to_zoe(name, **changes), SHARED).key
        for name, changes in [
            ("lettre", {}),
            ("lettre", {"attempts": 3, "id": DeliveryId(8)}),
            ("lettre", {"edition": EditionId("hebdo/2027-03-29/1")}),
            ("outbox", {}),
        ]
    ]

    assert keys[0] == keys[1]
    assert 3 == len(set(keys))


def test_personal_words_are_not_mixed_up() -> None:
    """Words of one person do not stay for the next, and a sender is made up."""
    compose = route("outbox").compose
    mails = [
        parse(
            compose(to_zoe("outbox", content=ContentId(number)), content)
            .write()
            .content
        )
        for number, content in enumerate(
            Content(
                key="",
                language="fr",
                address=f"{word}@example.org",
                rendered=Rendered(language="fr", text=word),
            )
            for word in ("first", "second")
        )
    ]

    assert ["first", "second"] == [mail.get_content().strip() for mail in mails]
    assert "tambour@www.example.org" == mails[0]["From"].addresses[0].addr_spec


def test_a_post_goes_out_as_it_was_frozen() -> None:
    """A post's bytes are those of the ledger, its key is stable."""
    post = Content(key="", language="fr", payload='{"text": "é"}')
    account = person("equipe")
    compose = route("equipe").compose
    first, again = (
        compose(to_zoe("equipe", recipient=account, id=DeliveryId(n)), post).write()
        for n in (1, 2)
    )

    assert ('{"text": "é"}'.encode(), "equipe", "") == (
        first.content,
        first.recipient,
        first.sender,
    )
    assert first.key == again.key


@pytest.mark.parametrize(
    ("name", "rates", "policy"),
    [
        ("lettre", (Rate(10, timedelta(seconds=1)),), "resend"),
        ("outbox", (), "resend"),
        ("equipe", (), "hold"),
    ],
)
def test_settings_reach_the_route(
    name: str, rates: tuple[Rate, ...], policy: str
) -> None:
    """Rate and policy are the channel's."""
    made = route(name)

    assert (rates, policy) == (made.rates, made.on_uncertain)
