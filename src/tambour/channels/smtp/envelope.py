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
        self._where, self._rejected = verdicts.where, verdicts.rejected
        self._has_stuffing = has_stuffing
        self._largest = offer.largest_bytes
        self._takes_8bit = offer.has("8BITMIME")
        self._takes_utf8 = offer.has("SMTPUTF8")
        self._wants_size = offer.has("SIZE")
        self._has_dsn = offer.has("DSN")
        self._sender: tuple[str, str | None] = ("", None)

    def seal(self, message: Message) -> Sealed | Outcome:
        """Return *message* as it goes out, or why it cannot go to this server."""
        known, sender = self._sender
        # An edition has one sender.
        if known != message.sender:
            sender = on_the_wire(message.sender)
            self._sender = (message.sender, sender)
        recipient = on_the_wire(message.recipient)
        if sender is None or recipient is None:
            odd = message.recipient if sender else message.sender
            return self._rejected("bad-address", f"{odd!r} is no mail address")
        content = message.content
        needs_utf8 = not (sender.isascii() and recipient.isascii())
        is_8bit = not message.is_plain and not content.isascii()
        refusal = self._refusal(message, needs_utf8=needs_utf8, is_8bit=is_8bit)
        if refusal is not None:
            return refusal
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"
        if self._wants_size:
            mail += f" SIZE={len(content)}"
        if is_8bit:
            mail += " BODY=8BITMIME"
        if needs_utf8:
            mail += " SMTPUTF8"
        if self._has_dsn:
            mail += f" RET=HDRS{_envid(message.key)}"
            rcpt += f" NOTIFY=FAILURE{_orcpt(message.recipient)}"
        if self._has_stuffing and not message.is_plain:
            content = _LEADING_DOT.sub(b"..", content)
        return Sealed(f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), content)

    def _refusal(
        self, message: Message, *, needs_utf8: bool, is_8bit: bool
    ) -> Outcome | None:
        content = message.content
        if not message.is_plain and not has_whole_lines(content):
            return self._rejected("bad-content", "every line must end with CRLF")
        if is_8bit and not self._takes_8bit:
            reply = f"{self._where} takes ASCII content only"
            return self._rejected("8bitmime-missing", reply)
        if needs_utf8 and not self._takes_utf8:
            local = message.recipient.rpartition("@")[0]
            odd = message.sender if local.isascii() else message.recipient
            reply = f"{self._where} takes only ASCII before the @ of {odd}"
            return self._rejected("smtputf8-missing", reply)
        if self._largest is not None and len(content) > self._largest:
            limit, size = self._largest, len(content)
            reply = f"{self._where} takes {limit} bytes, the message has {size}"
            return self._rejected("too-large", reply)
        return None


def _envid(key: str) -> str:
    name = xtext(key) if key.isascii() and key.isprintable() else ""
    return f" ENVID={name}" if 0 < len(name) <= MAX_ENVID_CHARS else ""


def _orcpt(address: str) -> str:
    return f" ORCPT=rfc822;{xtext(address)}" if address.isascii() else ""


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
