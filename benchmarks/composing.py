"""A digest of 35 KB as bytes: per edition, per recipient, signed, and by libraries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

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
from tambour.composing.mail import MailHead, PreparedMail, prepare
from tambour.composing.signers import Signer
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
_SIGNED = 500
_LIBRARY = 50
_BY_DKIMPY = 10
_MOST_ON_TOP = 1.5
_SECRET = b"a secret of 32 bytes, for tests.."
_DIGEST = bytes(32)
_RSA = Signer(
    domain="example.org",
    selector="rsa",
    key=generate_private_key(public_exponent=65537, key_size=2048),
)
_ED25519 = Signer(domain="example.org", selector="ed", key=Ed25519PrivateKey.generate())


def measure() -> Iterator[Row]:
    """Yield the lines for preparing, filling and signing."""
    rendered = render_digest(make_templates(), make_events(MAIL_EVENTS))
    yield from _filling(rendered)
    yield from _signing(rendered)


def _filling(rendered: Rendered) -> Iterator[Row]:
    people = list(make_recipients(_FILLS))
    by_mail = prepare(rendered, replace(HEAD, unsubscribe_base=None), secret=_SECRET)
    by_click = prepare(rendered, HEAD, secret=_SECRET)
    prepared, mailed, clicked, library = alternate(
        timed(lambda: prepare(rendered, HEAD, secret=_SECRET)),
        timed(lambda: fill_all(by_mail, people)),
        timed(lambda: fill_all(by_click, people)),
        timed(lambda: [build(rendered, one) for one in people[:_LIBRARY]]),
    )
    mailed, clicked = _each(mailed, _FILLS), _each(clicked, _FILLS)
    library = _each(library, _LIBRARY)
    size = len(fill_all(by_mail, people[:1])) // 1000
    yield lasting(f"prepare a message of {size} kB", prepared)
    for what, sample, goal_us in (
        ("fill it for a recipient", mailed, 10),
        ("the same with a page to leave by", clicked, 15),
    ):
        yield replace(
            lasting(what, sample, goal_s=goal_us / 1e6),
            ratio=f"1/{library.over(sample):,.0f} of EmailMessage.as_bytes",
        )


def _signing(rendered: Rendered) -> Iterator[Row]:
    people = list(make_recipients(_SIGNED))
    bare, by_rsa, by_ed25519 = (
        prepare(rendered, HEAD, secret=_SECRET, signers=signers)
        for signers in ((), (_RSA,), (_ED25519,))
    )
    message = bare.fill(people[0], message_id="<1@example.org>", now=NOW)
    pem = _RSA.key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    samples = alternate(
        timed(lambda: [_RSA.sign(_DIGEST) for _ in people]),
        timed(lambda: fill_all(bare, people)),
        timed(lambda: fill_all(by_rsa, people)),
        timed(lambda: fill_all(by_ed25519, people)),
        timed(lambda: [_by_dkimpy(message, pem) for _ in range(_BY_DKIMPY)]),
    )
    counts = (*[_SIGNED] * 4, _BY_DKIMPY)
    signature, unsigned, rsa, ed25519, dkimpy = map(_each, samples, counts)
    rsa, ed25519 = _less(rsa, unsigned), _less(ed25519, unsigned)
    yield lasting("an RSA-2048 signature of 32 octets", signature)
    ratio = rsa.over(signature)
    yield replace(
        lasting("DKIM by RSA-2048, on top of filling", rsa),
        ratio=f"{ratio:.2f} of the bare signature, 1/{dkimpy.over(rsa):,.0f} of dkimpy",
        goal="≤ 1.5 of it",
        is_met=ratio <= _MOST_ON_TOP,
    )
    yield lasting("DKIM by Ed25519, on top of filling", ed25519, goal_s=120e-6)


def fill_all(mail: PreparedMail, people: Iterable[Recipient]) -> bytes:
    """Fill a message for all *people*; return the last."""
    filled = b""
    for one in people:
        filled = mail.fill(one, message_id=mail.message_id(one), now=NOW)
    return filled


def _by_dkimpy(message: bytes, pem: bytes) -> bytes:
    signed: bytes = dkim.sign(
        message, b"rsa", b"example.org", pem, canonicalize=(b"relaxed", b"relaxed")
    )
    return signed


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


def _less(sample: Sample, other: Sample) -> Sample:
    pairs = zip(sample.seconds, other.seconds, strict=True)
    return Sample(tuple(mine - yours for mine, yours in pairs))
