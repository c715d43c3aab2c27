"""A digest of 35 KB as bytes: once per edition, per recipient, and by the library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from itertools import cycle

from measuring import Row, Sample, alternate, lasting, timed
from samples import (
    MAIL_EVENTS,
    NOW,
    make_edition,
    make_events,
    make_recipients,
    make_templates,
    render_digest,
)
from tambour.composing.mail import MailHead, prepare
from tambour.model import EditionKind, Recipient, Rendered

HEAD = MailHead(
    sender="Agenda de Rivemont <lettre@example.org>",
    site_name="Agenda de Rivemont",
    unsubscribe_base="https://lettre.example.org",
    campaign="agenda",
    audience="lecteurs",
    kind=EditionKind.DIGEST,
    edition=make_edition().id,
    channel="lettre",
)
_FILLS = 5_000
_LIBRARY = 50
_SECRET = b"a secret of 32 bytes, for tests.."


def measure() -> Iterator[Row]:
    """Yield the lines for preparing and filling."""
    rendered = render_digest(make_templates(), make_events(MAIL_EVENTS))
    mail = prepare(rendered, HEAD, secret=_SECRET)
    people = cycle(make_recipients(_FILLS))

    def fill() -> bytes:
        person = next(people)
        return mail.fill(person, message_id=mail.message_id(person), now=NOW)

    prepared, filled, library = alternate(
        timed(lambda: prepare(rendered, HEAD, secret=_SECRET)),
        timed(lambda: [fill() for _ in range(_FILLS)]),
        timed(lambda: [build(rendered, next(people)) for _ in range(_LIBRARY)]),
    )
    filled, library = _each(filled, _FILLS), _each(library, _LIBRARY)
    yield lasting(f"prepare a message of {len(fill()) // 1000} kB", prepared)
    yield replace(
        lasting("fill it for a recipient", filled),
        ratio=f"1/{library.over(filled):,.0f} of EmailMessage.as_bytes",
    )


def build(rendered: Rendered, person: Recipient) -> bytes:
    """Return the same message as the standard library makes it."""
    values = {"name": person.name, "greeting": f"Bonjour {person.name},"}
    html, text = rendered.html, rendered.text
    for token, attribute in rendered.tokens.items():
        value = values.get(attribute, "https://lettre.example.org/u/x")
        html, text = html.replace(token, value), text.replace(token, value)
    message = EmailMessage()
    message["From"] = HEAD.sender
    message["To"] = f"{person.name} <{person.address}>"
    message["Subject"] = rendered.subject
    message["List-Unsubscribe"] = "<https://lettre.example.org/u/x>"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes(policy=SMTP)


def _each(sample: Sample, count: int) -> Sample:
    return Sample(tuple(seconds / count for seconds in sample.seconds))
