"""
What a message needs said before its content, and what cannot be sent to a server.

Pure: what the server offers and a message in, command lines and content out. Nothing of
a message is ever changed to make it fit: what a server could read in two ways, or does
not take, is refused here.
Source: RFC 5321 §4.1.1 and §4.5.2, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531
(SMTPUTF8), RFC 5890 (domains in ASCII), RFC 3461 (RET, ENVID, ORCPT, NOTIFY).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import idna

from tambour.channels.smtp.replies import Reply
from tambour.channels.smtp.verdicts import Verdicts
from tambour.model import Message, Outcome

MAX_ENVID_CHARS = 100
"""As encoded: MAIL may be 107 longer for it (RFC 3461 §4)."""
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_UNFIT = re.compile(r"[\s<>\x00-\x1f\x7f]")
_NO_XTEXT = re.compile(r"[^!-~]|[+=]")
_NUMBER = re.compile(r"[0-9]{1,18}")
_ASCII = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The extensions that a server names in its reply to EHLO, with their words."""

    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: Reply) -> Offer:
        """Read the reply to EHLO; its first line is the server's name."""
        words: dict[str, str] = {}
        for line in reply.lines[1:]:
            # Old servers write AUTH=PLAIN beside AUTH PLAIN.
            name, _, rest = line.decode("ascii", "replace").upper().partition(" ")
            name, _, first = name.partition("=")
            said = f"{first} {rest}".strip()
            words[name] = f"{words[name]} {said}".strip() if name in words else said
        return cls(words=words)

    def has(self, name: str) -> bool:
        """Whether the server knows extension *name*."""
        return name in self.words

    @property
    def largest_bytes(self) -> int | None:
        """The largest message that the server takes, if it says so."""
        said = self.words.get("SIZE", "").split()
        is_number = bool(said) and _NUMBER.fullmatch(said[0]) is not None
        return int(said[0]) or None if is_number else None


class Sealed(NamedTuple):
    """A message as it goes over the wire."""

    mail: bytes
    rcpt: bytes
    content: bytes


class Envelopes:
    """Puts messages into envelopes for one server."""

    def __init__(
        self, offer: Offer, verdicts: Verdicts, *, has_stuffing: bool = True
    ) -> None:
        self._verdicts = verdicts
        self._has_stuffing = has_stuffing
        self._largest = offer.largest_bytes
        self._takes_8bit = offer.has("8BITMIME")
        self._takes_utf8 = offer.has("SMTPUTF8")
        self._wants_size = offer.has("SIZE")
        self._has_dsn = offer.has("DSN")
        self._sender: tuple[str, str | None] = ("", None)

    def seal(self, message: Message) -> Sealed | Outcome:
        """Return *message* as it goes out, or why it cannot go to this server."""
        sender, recipient = self._ends(message)
        if sender is None or recipient is None:
            odd = message.recipient if sender else message.sender
            return self._verdicts.rejected("bad-address", f"{odd!r} is no mail address")
        needs_utf8 = not (sender.isascii() and recipient.isascii())
        is_8bit = not message.is_plain and not message.content.isascii()
        refusal = self._refusal(message, needs_utf8=needs_utf8, is_8bit=is_8bit)
        if refusal is not None:
            return refusal
        content = message.content
        if self._has_stuffing and not message.is_plain:
            content = _LEADING_DOT.sub(b"..", content)
        return Sealed(
            self._mail(message, sender, needs_utf8=needs_utf8, is_8bit=is_8bit),
            self._rcpt(message, recipient),
            content,
        )

    def _ends(self, message: Message) -> tuple[str | None, str | None]:
        # An edition has one sender.
        known, sender = self._sender
        if known != message.sender or sender is None:
            sender = on_the_wire(message.sender)
            self._sender = (message.sender, sender)
        return sender, on_the_wire(message.recipient)

    def _refusal(
        self, message: Message, *, needs_utf8: bool, is_8bit: bool
    ) -> Outcome | None:
        where, rejected = self._verdicts.where, self._verdicts.rejected
        size = len(message.content)
        if not message.is_plain and not has_whole_lines(message.content):
            return rejected("bad-content", "every line must end with CRLF")
        if is_8bit and not self._takes_8bit:
            return rejected("8bitmime-missing", f"{where} takes ASCII content only")
        if needs_utf8 and not self._takes_utf8:
            local = message.recipient.rpartition("@")[0]
            odd = message.sender if local.isascii() else message.recipient
            reply = f"{where} takes only ASCII before the @ of {odd}"
            return rejected("smtputf8-missing", reply)
        if self._largest is not None and size > self._largest:
            reply = f"{where} takes {self._largest} bytes, the message has {size}"
            return rejected("too-large", reply)
        return None

    def _mail(
        self, message: Message, sender: str, *, needs_utf8: bool, is_8bit: bool
    ) -> bytes:
        line = f"MAIL FROM:<{sender}>"
        if self._wants_size:
            line += f" SIZE={len(message.content)}"
        if is_8bit:
            line += " BODY=8BITMIME"
        if needs_utf8:
            line += " SMTPUTF8"
        if self._has_dsn:
            line += " RET=HDRS"
            name = xtext(message.key) if _ASCII.fullmatch(message.key) else ""
            if 0 < len(name) <= MAX_ENVID_CHARS:
                line += f" ENVID={name}"
        return f"{line}\r\n".encode()

    def _rcpt(self, message: Message, recipient: str) -> bytes:
        line = f"RCPT TO:<{recipient}>"
        if self._has_dsn:
            line += " NOTIFY=FAILURE"
            if message.recipient.isascii():
                line += f" ORCPT=rfc822;{xtext(message.recipient)}"
        return f"{line}\r\n".encode()


def has_whole_lines(content: bytes) -> bool:
    """
    Whether every line ends in CRLF and no CR or LF stands elsewhere.

    A bare one is a line's end to some servers: messages could be smuggled in.
    """
    ends = content.count(b"\r\n")
    return content.endswith(b"\r\n") and (
        ends == content.count(b"\n") == content.count(b"\r")
    )


def on_the_wire(address: str) -> str | None:
    """Return the address with an ASCII domain; None when it is no address."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or _UNFIT.search(address):
        return None
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return None


def xtext(text: str) -> str:
    """Return printable ASCII as RFC 3461 §4 writes it: `+` and `=` as hexadecimals."""
    return _NO_XTEXT.sub(lambda odd: f"+{ord(odd[0]):02X}", text)
