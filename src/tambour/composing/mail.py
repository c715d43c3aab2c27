"""
A mail: multipart/alternative, encoded once per edition and filled per recipient.

`prepare` does all that is the same for everyone; `fill` joins the ready bytes with one
recipient's values. Knows neither templates nor channels; the clock and the secret are
given. Calendar parts are not written here yet.
Source: RFC 5322, RFC 2046 §5.1.4 (plain first), RFC 2369 and 8058 (List-Unsubscribe),
RFC 2919 (List-Id), RFC 3834 (Auto-Submitted); facts on receivers, 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote

from tambour.composing.body import Place, Slot, encoded_pieces, pieces, places
from tambour.composing.dkim import Signing
from tambour.composing.headers import (
    Spec,
    address_spec,
    ascii_token,
    clean,
    list_field,
    list_id_field,
    mailbox_field,
    split_mailbox,
    text_field,
)
from tambour.composing.identity import (
    DEAD_END,
    message_ids,
    unsubscribe_pages,
    unsubscribe_urls,
)
from tambour.composing.signers import Signer
from tambour.errors import ConfigError, UserError
from tambour.model import EditionId, EditionKind, Recipient, Rendered
from tambour.rendering.words import greeting

# "=_" cannot occur in quoted-printable, so no body ever holds the boundary.
_BOUNDARY = b"=_tambour"
_ALTERNATIVE = b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n' % _BOUNDARY
_LEAVE = "List-Unsubscribe"
_UNQUOTED = re.compile(r"[A-Za-z0-9_.~@-]*")
TEST_MARK = "[TEST] "


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHead:
    """
    What an edition's headers need to know, the same for all its recipients.

    `sender` and `reply_to` read `Name <a@b>` or `a@b`. `unsubscribe_address` answers
    List-Unsubscribe mail, the sender's when empty; `unsubscribe_base` is `serve.url`,
    where there are public pages. `audience` is what a click leaves. A *test* is marked
    as such and cannot unsubscribe anybody. `edition` and `channel` name the delivery.
    """

    sender: str
    reply_to: str | None = None
    site_name: str
    unsubscribe_address: str = ""
    unsubscribe_base: str | None = None
    campaign: str
    audience: str = ""
    kind: EditionKind
    edition: EditionId
    channel: str
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """
    How recipients leave.

    `of` an address gives List-Unsubscribe, and the link that stands in the words; all
    links begin with the *stem*.
    """

    stem: str
    of: Callable[[str], tuple[bytes, str]]


class Addressed(NamedTuple):
    """
    One recipient's header fields, and the chunks of all with their values put in.

    `spec` is the envelope's address.
    """

    spec: Spec
    to: bytes
    subject: bytes
    name: bytes
    unsubscribe: bytes
    chunks: list[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedMail:
    """
    An edition as bytes, with places left for one recipient.

    `sender` is the envelope's address, `domain` that of its Message-IDs. `is_plain`
    tells that messages for an ASCII address are ASCII throughout, in lines that end in
    CRLF and never begin with a dot.
    """

    sender: str
    domain: str
    language: str
    is_plain: bool
    is_test: bool
    subject: tuple[str | Slot, ...] = field(repr=False)
    first: bytes = field(repr=False)
    edition: bytes = field(repr=False)
    chunks: tuple[bytes, ...] = field(repr=False)
    places: tuple[Place, ...] = field(repr=False)
    identify: Callable[[str], str] = field(repr=False)
    ways: Ways = field(repr=False)
    signing: Signing | None = field(repr=False)

    def fill(self, recipient: Recipient, *, message_id: str, now: datetime) -> bytes:
        """
        Return the message for *recipient*; `address` and `finish` are its two halves.

        Args:
            message_id: as `message_id` gives it; of its own for a test, and as safe.
            now: aware; becomes Date.

        Raises:
            UserError: the words name a column that the recipient does not have.

        """
        return self.finish(self.address(recipient, message_id=message_id), now=now)

    def address(self, recipient: Recipient, *, message_id: str) -> Addressed:
        """Return what is *recipient*'s own, which is little; raises as `fill` does."""
        unsubscribe, link = self.ways.of(recipient.address)
        chunks = list(self.chunks)
        for place in self.places:
            place.put(self._value(place.attribute, recipient, link), chunks)
        spec = address_spec(recipient.address)
        to = mailbox_field("To", recipient.name, spec)
        subject = self._subject_field(recipient, link) if self.subject else b""
        name = f"Message-ID: {message_id}\r\n".encode()
        return Addressed(spec, to, subject, name, unsubscribe, chunks)

    def finish(self, own: Addressed, *, now: datetime) -> bytes:
        """Return the message of which *own* is somebody's part, dated and signed."""
        _, to, subject, name, unsubscribe, chunks = own
        date = _date_field(int(now.timestamp()))
        head = (self.first, to, subject, date, name, self.edition, unsubscribe)
        if self.signing is None:
            return b"".join((*head, *chunks))
        fields = filter(None, (to, subject, date, name, unsubscribe))
        signatures = self.signing.sign(fields, chunks[1:], now=now)
        return b"".join((signatures, *head, *chunks))

    def message_id(self, recipient: Recipient) -> str:
        """
        Return the Message-ID of every attempt for *recipient*.

        Raises:
            ValueError: this is a test, whose Message-ID must be new each time.

        """
        if self.is_test:
            msg = "a test message must be given a Message-ID of its own"
            raise ValueError(msg)
        return self.identify(recipient.address)

    def _subject_field(self, recipient: Recipient, link: str) -> bytes:
        words = (
            part.text(self._value(part.attribute, recipient, link))
            if isinstance(part, Slot)
            else part
            for part in self.subject
        )
        return text_field("Subject", "".join(words))

    def _value(self, attribute: str, recipient: Recipient, link: str) -> str:
        """Return a recipient's attribute by the name that templates use."""
        match attribute:
            case "unsubscribe_url":
                return link
            case "greeting":
                return greeting(recipient.name, self.language)
            case "name":
                return recipient.name
            case "address":
                return recipient.address
            case "language":
                return recipient.language
        try:
            return recipient.fields[attribute]
        except KeyError:
            msg = f"{recipient.address} has no {attribute!r}: the words name it"
            raise UserError(msg) from None


def prepare(
    rendered: Rendered,
    head: MailHead,
    *,
    secret: bytes,
    signers: Sequence[Signer] = (),
) -> PreparedMail:
    """
    Return *rendered* ready to be filled for each recipient, and signed by *signers*.

    Raises:
        ConfigError: the sender is no address.

    """
    name, address = split_mailbox(head.sender)
    if not all(address.rpartition("@")[::2]):
        msg = f"{head.sender!r} is no sender; write Name <name@example.org>"
        raise ConfigError(msg)
    sender = address_spec(address)
    domain = sender.rpartition("@")[2]
    mark = TEST_MARK if head.test else ""
    subject = pieces(mark + clean(rendered.subject), rendered.tokens, in_html=False)
    is_shared = not any(isinstance(part, Slot) for part in subject)
    words = "".join(map(str, subject)) if is_shared else None
    first = mailbox_field("From", name, sender)
    edition = text_field("X-Tambour-Edition", head.edition)
    fixed = _fixed_head(rendered, head, words, domain)
    content = [fixed + b"\r\n", *_merged(_body(rendered))]
    chunks = tuple(b"" if isinstance(part, Slot) else part for part in content)
    ways = _ways(head, sender, secret)
    return PreparedMail(
        sender=sender,
        domain=domain,
        language=rendered.language,
        is_plain=_is_plain(first + edition) and all(map(_is_plain, chunks)),
        is_test=head.test,
        subject=() if is_shared else tuple(subject),
        first=first,
        edition=edition,
        chunks=chunks,
        places=places(content, {"unsubscribe_url": ways.stem}),
        identify=message_ids(
            secret, edition=head.edition, channel=head.channel, domain=domain
        ),
        ways=ways,
        signing=_signing(
            signers,
            fixed=first + edition + fixed,
            is_shared=is_shared,
            body=content[1:],
        ),
    )


def _signing(
    signers: Sequence[Signer],
    *,
    fixed: bytes,
    is_shared: bool,
    body: Sequence[bytes | Slot],
) -> Signing | None:
    """Return what signs, if anything does; `fill` gives it the same fields."""
    if not signers:
        return None
    subject = () if is_shared else ("Subject",)
    return Signing(
        signers,
        fixed=fixed,
        varying=("To", *subject, "Date", "Message-ID", _LEAVE),
        body=[b"" if isinstance(part, Slot) else part for part in body],
        slots=[n for n, part in enumerate(body) if isinstance(part, Slot)],
    )


def _fixed_head(
    rendered: Rendered, head: MailHead, subject: str | None, domain: str
) -> bytes:
    campaign = ascii_token(head.campaign)
    feedback = f"{campaign}:{head.kind.value}:tambour:{domain}"
    lines = [b"MIME-Version: 1.0\r\n"]
    if head.reply_to:
        name, address = split_mailbox(head.reply_to)
        lines.append(mailbox_field("Reply-To", name, address_spec(address)))
    if subject is not None:
        lines.append(text_field("Subject", subject))
    if head.unsubscribe_base and not head.test:
        lines.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    lines += [
        list_id_field(head.site_name, f"{campaign}.{domain}"),
        b"Auto-Submitted: auto-generated\r\n",
        b"Precedence: bulk\r\n",
        list_field("Feedback-ID", (feedback,)),
        text_field("Content-Language", rendered.language),
    ]
    if head.test:
        lines.append(b"X-Tambour-Test: yes\r\n")
    lines.append(_ALTERNATIVE if rendered.html else _part_head(b"plain"))
    return b"".join(lines)


def _body(rendered: Rendered) -> list[bytes | Slot]:
    """Return what follows the headers' empty line."""
    tokens: Mapping[str, str] = rendered.tokens
    text = encoded_pieces(rendered.text, tokens, in_html=False)
    if not rendered.html:
        return [*text, b"\r\n"]
    html = encoded_pieces(rendered.html, tokens, in_html=True)
    return [
        b"--%s\r\n%s\r\n" % (_BOUNDARY, _part_head(b"plain")),
        *text,
        b"\r\n--%s\r\n%s\r\n" % (_BOUNDARY, _part_head(b"html")),
        *html,
        b"\r\n--%s--\r\n" % _BOUNDARY,
    ]


def _part_head(subtype: bytes) -> bytes:
    return (
        b"Content-Type: text/%s; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n" % subtype
    )


def _merged(parts: Iterable[bytes | Slot]) -> Iterator[bytes | Slot]:
    """Yield *parts*, those that are the same for everybody in as few as can be."""
    for is_slot, group in groupby(parts, lambda part: isinstance(part, Slot)):
        if is_slot:
            yield from group
        else:
            yield b"".join(part for part in group if isinstance(part, bytes))


def _is_plain(lines: bytes) -> bool:
    """Whether all octets are ASCII and all lines whole, none beginning with a dot."""
    ends = lines.count(b"\r\n")
    return (
        lines.isascii()
        and not lines.startswith(b".")
        and b"\n." not in lines
        and ends == lines.count(b"\n") == lines.count(b"\r")
        and (not lines or lines.endswith(b"\r\n"))
    )


def _ways(head: MailHead, sender: str, secret: bytes) -> Ways:
    if head.test:
        dead_end = list_field(_LEAVE, (f"<{DEAD_END}>",)), DEAD_END
        return Ways(stem=DEAD_END, of=lambda _address: dead_end)
    to = split_mailbox(head.unsubscribe_address)[1] or sender
    words = quote(f"unsubscribe {head.campaign} ")
    mailto = f"mailto:{_quoted(address_spec(to))}?subject={words}"
    if head.unsubscribe_base is not None:
        return _ways_by_click(head, head.unsubscribe_base, mailto, secret)

    def by_mail(address: str) -> tuple[bytes, str]:
        link = mailto + _quoted(address)
        return f"{_LEAVE}: <{link}>\r\n".encode(), link

    return Ways(stem=mailto, of=by_mail)


def _ways_by_click(head: MailHead, base: str, mailto: str, secret: bytes) -> Ways:
    stem = unsubscribe_pages(base)
    page = unsubscribe_urls(
        secret, base=base, audience=head.audience, campaign=head.campaign
    )
    is_clean = stem.isascii() and stem.isprintable() and " " not in stem

    def by_click(address: str) -> tuple[bytes, str]:
        url, by_mail = page(address), mailto + _quoted(address)
        if is_clean:
            return f"{_LEAVE}: <{url}>,\r\n <{by_mail}>\r\n".encode(), url
        return list_field(_LEAVE, (f"<{url}>", f"<{by_mail}>")), url

    return Ways(stem=stem, of=by_click)


def _quoted(address: str) -> str:
    return address if _UNQUOTED.fullmatch(address) else quote(address, safe="@")


@lru_cache(maxsize=64)
def _date_field(seconds: int) -> bytes:
    date = format_datetime(datetime.fromtimestamp(seconds, UTC))
    return f"Date: {date}\r\n".encode()
