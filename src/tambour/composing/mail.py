"""
A mail: multipart/alternative, encoded once per edition and filled per recipient.

`prepare` does all that is the same for everyone; `fill` joins the ready bytes with one
recipient's values. Knows neither templates nor channels; the clock and the secret are
given. Calendar parts and DKIM are not written here yet.
Source: RFC 5322, RFC 2046 §5.1.4 (plain first), RFC 2369 and 8058 (List-Unsubscribe),
RFC 2919 (List-Id), RFC 3834 (Auto-Submitted); facts on receivers, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from tambour.composing.body import Slot, encoded_pieces, pieces
from tambour.composing.headers import (
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
    Leaving,
    message_id,
    unsubscribe_url,
)
from tambour.errors import ConfigError, UserError
from tambour.model import EditionId, EditionKind, Recipient, Rendered
from tambour.rendering.words import greeting

# "=_" cannot occur in quoted-printable, so no body ever holds the boundary.
_BOUNDARY = b"=_tambour"
TEST_MARK = "[TEST] "


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHead:
    """
    What an edition's headers need to know, the same for all its recipients.

    `sender` and `reply_to` read `Name <a@b>` or `a@b`. `unsubscribe_address` answers
    List-Unsubscribe mail, the sender's when empty; `unsubscribe_base` is `serve.url`,
    where there are public pages. `audience` is what a click leaves. A *test* is marked
    as such and cannot unsubscribe anybody.
    """

    sender: str
    reply_to: str | None = None
    site_name: str
    unsubscribe_address: str = ""
    unsubscribe_base: str | None = None
    campaign: str
    audience: str = ""
    kind: EditionKind
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How one recipient leaves: List-Unsubscribe's items, and the link in the words."""

    items: tuple[str, ...]
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedMail:
    """
    An edition as bytes, with places left for one recipient.

    `sender` is the envelope's address, `domain` that of its Message-IDs.
    """

    sender: str
    domain: str
    head: MailHead
    language: str
    mailto: str
    subject: tuple[str | Slot, ...]
    first: bytes
    chunks: tuple[bytes, ...]
    slots: tuple[tuple[Slot, tuple[int, ...]], ...] = field(repr=False)

    def fill(
        self,
        recipient: Recipient,
        *,
        edition: EditionId,
        message_id: str,
        now: datetime,
        secret: bytes,
    ) -> bytes:
        """
        Return the message for *recipient*.

        Args:
            message_id: as `message_id` gives it; of its own for a test.
            now: aware; becomes Date.

        Raises:
            UserError: the words name a column that the recipient does not have.

        """
        ways = self._ways(recipient, secret)
        values = _Values(recipient, self.language, ways.link)
        chunks = list(self.chunks)
        for slot, places in self.slots:
            filled = slot.encoded(values[slot.attribute])
            for place in places:
                chunks[place] = filled
        chunks[0] = b"".join(
            (
                self.first,
                mailbox_field("To", recipient.name, recipient.address),
                self._subject_field(values),
                _date_field(int(now.timestamp())),
                b"Message-ID: %s\r\n" % clean(message_id).encode(),
                _edition_field(edition),
                list_field("List-Unsubscribe", ways.items),
            )
        )
        return b"".join(chunks)

    def message_id(
        self, recipient: Recipient, *, edition: EditionId, channel: str, secret: bytes
    ) -> str:
        """
        Return the Message-ID of every attempt for *recipient*.

        Raises:
            ValueError: this is a test, whose Message-ID must be new each time.

        """
        if self.head.test:
            msg = "a test message must be given a Message-ID of its own"
            raise ValueError(msg)
        return message_id(
            secret,
            edition=edition,
            channel=channel,
            address=recipient.address,
            domain=self.domain,
        )

    def _ways(self, recipient: Recipient, secret: bytes) -> Ways:
        head = self.head
        if head.test:
            return Ways(items=(f"<{DEAD_END}>",), link=DEAD_END)
        address = quote(recipient.address, safe="@")
        mailto = f"{self.mailto}{address}"
        if head.unsubscribe_base is None:
            return Ways(items=(f"<{mailto}>",), link=mailto)
        leaving = Leaving(
            audience=head.audience, campaign=head.campaign, address=recipient.address
        )
        url = unsubscribe_url(secret, base=head.unsubscribe_base, leaving=leaving)
        return Ways(items=(f"<{url}>", f"<{mailto}>"), link=url)

    def _subject_field(self, values: _Values) -> bytes:
        if not any(isinstance(part, Slot) for part in self.subject):
            return b""
        words = (
            part.text(values[part.attribute]) if isinstance(part, Slot) else part
            for part in self.subject
        )
        return text_field("Subject", "".join(words))


@dataclass(frozen=True, slots=True)
class _Values:
    """A recipient's attributes by the names that templates use."""

    recipient: Recipient
    language: str
    unsubscribe_url: str

    def __getitem__(self, attribute: str) -> str:
        match attribute:
            case "name":
                return self.recipient.name
            case "address":
                return self.recipient.address
            case "language":
                return self.recipient.language
            case "greeting":
                return greeting(self.recipient.name, self.language)
            case "unsubscribe_url":
                return self.unsubscribe_url
        try:
            return self.recipient.fields[attribute]
        except KeyError:
            msg = f"{self.recipient.address} has no {attribute!r}: the words name it"
            raise UserError(msg) from None


def prepare(rendered: Rendered, head: MailHead) -> PreparedMail:
    """
    Return *rendered* ready to be filled for each recipient.

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
    content: list[bytes | Slot] = [
        b"",
        _fixed_head(rendered, head, subject, domain),
        *_bodies(rendered),
    ]
    places: dict[Slot, list[int]] = {}
    for number, part in enumerate(content):
        if isinstance(part, Slot):
            places.setdefault(part, []).append(number)
    return PreparedMail(
        sender=sender,
        domain=domain,
        head=head,
        mailto=_mailto(head, sender),
        language=rendered.language,
        subject=tuple(subject),
        first=mailbox_field("From", name, address),
        chunks=tuple(b"" if isinstance(part, Slot) else part for part in content),
        slots=tuple((slot, tuple(numbers)) for slot, numbers in places.items()),
    )


def _fixed_head(
    rendered: Rendered, head: MailHead, subject: list[str | Slot], domain: str
) -> bytes:
    campaign = ascii_token(head.campaign)
    feedback = f"{campaign}:{head.kind.value}:tambour:{domain}"
    lines = [b"MIME-Version: 1.0\r\n"]
    if head.reply_to:
        lines.append(mailbox_field("Reply-To", *split_mailbox(head.reply_to)))
    if not any(isinstance(part, Slot) for part in subject):
        lines.append(text_field("Subject", "".join(map(str, subject))))
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
    return b"".join(lines)


def _bodies(rendered: Rendered) -> list[bytes | Slot]:
    tokens: Mapping[str, str] = rendered.tokens
    text = encoded_pieces(rendered.text, tokens, in_html=False)
    if not rendered.html:
        return [_part_head(b"plain"), *text, b"\r\n"]
    html = encoded_pieces(rendered.html, tokens, in_html=True)
    return [
        b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n' % _BOUNDARY,
        b"\r\n--%s\r\n" % _BOUNDARY,
        _part_head(b"plain"),
        *text,
        b"\r\n--%s\r\n" % _BOUNDARY,
        _part_head(b"html"),
        *html,
        b"\r\n--%s--\r\n" % _BOUNDARY,
    ]


def _part_head(subtype: bytes) -> bytes:
    return (
        b"Content-Type: text/%s; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" % subtype
    )


def _mailto(head: MailHead, sender: str) -> str:
    """Return the address that mail to leave goes to, all but who writes it."""
    address = split_mailbox(head.unsubscribe_address)[1] or sender
    words = quote(f"unsubscribe {head.campaign} ")
    return f"mailto:{quote(address_spec(address), safe='@')}?subject={words}"


@lru_cache(maxsize=64)
def _date_field(seconds: int) -> bytes:
    date = format_datetime(datetime.fromtimestamp(seconds, UTC))
    return f"Date: {date}\r\n".encode()


@lru_cache(maxsize=64)
def _edition_field(edition: str) -> bytes:
    return text_field("X-Tambour-Edition", edition)
