"""The beginning of a conversation, without a network."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from pydantic import SecretStr

from tambour.channels.smtp.opening import Opening, verdicts_for
from tambour.channels.smtp.replies import ReplyReader
from tambour.channels.smtp.verdicts import Loss
from tambour.config import SmtpServer
from tambour.model import Cause, OutcomeKind

LOGIN: dict[str, Any] = {"username": "ina", "password": SecretStr("gloria-é-7391")}


class Talk:
    """A conversation being opened."""

    def __init__(self, *, is_encrypted: bool = False, **settings: Any) -> None:
        given = {"host": "127.0.0.1", "security": "none"}
        server = SmtpServer.model_validate(given | settings)
        self.opening = Opening(
            server,
            verdicts_for(server),
            introduction="[127.0.0.1]",
            is_encrypted=is_encrypted,
        )

    def say(self, *lines: str) -> list[str]:
        """Have the server say *lines*; return what the client says to that."""
        text = "".join(f"{line}\r\n" for line in lines)
        self.opening.receive(ReplyReader().feed(text.encode()))
        said = b"".join(self.opening.out).decode()
        self.opening.out.clear()
        return said.splitlines()

    @property
    def code(self) -> str:
        """Why it came to nothing."""
        return "" if self.opening.refusal is None else self.opening.refusal.code


def base64(text: str) -> str:
    """Encode as AUTH does."""
    return b64encode(text.encode()).decode()


def test_a_plain_server_is_ready_after_its_introduction() -> None:
    """Greeting, EHLO, and no more."""
    talk = Talk()

    assert talk.say("220 mx") == ["EHLO [127.0.0.1]"]
    assert talk.say("250-mx", "250 PIPELINING") == []
    assert talk.opening.is_ready
    assert talk.opening.offer.has("PIPELINING")


def test_what_was_learnt_before_tls_is_forgotten() -> None:
    """Extensions offered in the clear are not believed."""
    talk = Talk(security="starttls", **LOGIN)
    talk.say("220 mx")

    assert talk.say("250-mx", "250-AUTH PLAIN", "250 STARTTLS") == ["STARTTLS"]
    talk.say("220 go")
    assert talk.opening.wants_handshake
    talk.opening.secured()
    assert talk.say() == ["EHLO [127.0.0.1]"]
    assert not talk.opening.offer.words
    talk.say("250 mx")
    assert talk.code == "login-unsupported"


def test_what_is_injected_before_tls_is_not_looked_at() -> None:
    """Replies that come with the consent to STARTTLS do not count as said in it."""
    talk = Talk(security="starttls", **LOGIN)
    talk.say("220 mx")
    talk.say("250-mx", "250 STARTTLS")

    assert talk.say("220 go", "250-evil", "250 AUTH PLAIN", "235 in") == []
    assert talk.opening.wants_handshake
    assert not talk.opening.is_ready


@pytest.mark.parametrize("host", ["mx.example.org", "192.168.1.1"])
def test_no_password_is_said_in_the_clear(host: str) -> None:
    """Whatever the server offers, but to this machine."""
    talk = Talk(host=host, **LOGIN)
    talk.say("220 mx")

    assert talk.say("250-mx", "250 AUTH PLAIN LOGIN") == []
    assert talk.code == "plaintext-login"


@pytest.mark.parametrize(
    ("auth", "offered", "expected"),
    [
        ("auto", "PLAIN LOGIN XOAUTH2", "PLAIN"),
        ("auto", "LOGIN XOAUTH2", "LOGIN"),
        ("auto", "XOAUTH2", ""),
        ("plain", "PLAIN LOGIN", "PLAIN"),
        ("login", "PLAIN LOGIN", "LOGIN"),
        ("xoauth2", "PLAIN XOAUTH2", "XOAUTH2"),
        ("xoauth2", "PLAIN", ""),
    ],
)
def test_the_login_is_one_that_both_know(
    auth: str, offered: str, expected: str
) -> None:
    """The settings' choice, or PLAIN before LOGIN."""
    talk = Talk(auth=auth, **LOGIN)
    talk.say("220 mx")
    said = talk.say("250-mx", f"250 AUTH {offered}")

    assert expected == (said[0].split()[1] if said else "")
    assert bool(expected) == (talk.code != "login-unsupported")


def test_plain_and_login_say_who_comes() -> None:
    """In UTF-8, in one line or two; a server may ask for the name once more."""
    plain, login = Talk(auth="plain", **LOGIN), Talk(auth="login", **LOGIN)
    for talk in (plain, login):
        talk.say("220 mx")

    (line,) = plain.say("250-mx", "250 AUTH PLAIN")
    assert b64decode(line.split()[2]).decode() == "\0ina\0gloria-é-7391"
    plain.say("235 welcome")
    assert plain.opening.is_ready

    assert login.say("250-mx", "250 AUTH LOGIN") == [f"AUTH LOGIN {base64('ina')}"]
    assert login.say(f"334 {base64('Username:')}") == [base64("ina")]
    assert login.say(f"334 {base64('Password:')}") == [base64("gloria-é-7391")]
    login.say("235 welcome")
    assert login.opening.is_ready


def test_a_refused_token_is_explained() -> None:
    """The challenge is answered by nothing, and its words reach the outcome."""
    talk = Talk(auth="xoauth2", **LOGIN)
    talk.say("220 mx")
    (line,) = talk.say("250-mx", "250 AUTH XOAUTH2")
    why = json.dumps({"status": "401", "schemes": "bearer"})

    assert b64decode(line.split()[2]).decode() == (
        "user=ina\1auth=Bearer gloria-é-7391\1\1"
    )
    assert talk.say(f"334 {base64(why)}") == [""]
    talk.say("535 5.7.8 not accepted")
    refusal = talk.opening.refusal
    assert refusal is not None
    assert (refusal.code, refusal.cause) == ("535", Cause.SENDER)
    assert '"status": "401"' in refusal.reply


def test_a_long_token_has_a_line_of_its_own() -> None:
    """The command stays short; the token answers an empty challenge."""
    talk = Talk(auth="xoauth2", username="ina", password=SecretStr("t" * 2000))
    talk.say("220 mx")

    assert talk.say("250-mx", "250 AUTH XOAUTH2") == ["AUTH XOAUTH2"]
    (token,) = talk.say("334 ")
    assert len(token) > 2000
    assert talk.say(f"334 {base64('{}')}") == [""]


def test_a_login_that_asks_for_ever_is_left() -> None:
    """Four questions are enough for any."""
    talk = Talk(auth="login", **LOGIN)
    talk.say("220 mx")
    talk.say("250-mx", "250 AUTH LOGIN")
    for _ in range(9):
        talk.say(f"334 {base64('Username:')}")

    assert talk.code == "login-unsupported"


@pytest.mark.parametrize(
    ("lines", "kind", "expected"),
    [
        (["554 no"], OutcomeKind.REJECTED, "554"),
        (["421 4.3.2 busy"], OutcomeKind.DEFERRED, "421"),
        (["HTTP/1.1 400 Bad"], OutcomeKind.DEFERRED, "protocol"),
        (["354 what"], OutcomeKind.DEFERRED, "protocol"),
        (["220 mx", "421 no"], OutcomeKind.DEFERRED, "421"),
        (["220 mx", "500 what", "550 no"], OutcomeKind.REJECTED, "550"),
        (["220 mx", "250 mx"], OutcomeKind.REJECTED, "login-unsupported"),
        (["220 mx", "250-mx\r\n250 AUTH PLAIN", "535 no"], OutcomeKind.REJECTED, "535"),
        (["220 mx", "250-mx\r\n250 AUTH PLAIN", "454 no"], OutcomeKind.DEFERRED, "454"),
    ],
    ids=lambda value: " / ".join(value) if isinstance(value, list) else None,
)
def test_each_way_of_not_getting_in_has_its_code(
    lines: list[str], kind: OutcomeKind, expected: str
) -> None:
    """The server's own code, or ours."""
    talk = Talk(**LOGIN)
    for line in lines:
        talk.say(line)

    assert talk.opening.refusal is not None
    assert (kind, expected) == (talk.opening.refusal.kind, talk.code)
    assert not talk.opening.is_ready


def test_a_loss_on_the_way_is_for_now() -> None:
    """Nobody knows why a connection ended; another try may tell."""
    talk = Talk()
    talk.opening.lose(Loss.CLOSED)

    assert talk.code == "unreachable"
