"""
The bodies of a message in quoted-printable, cut where a recipient's values go.

Each value stands on lines of its own between soft breaks, so that all around it stays
the same bytes for everybody and is encoded once. No line begins with a dot or "From ",
so that DATA, BDAT and mailboxes carry the same bytes. Knows no headers.
Source: RFC 2045 §6.7; RFC 5321 §4.5.2 (dots).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

LINE = 76
SOFT_BREAK = b"=\r\n"
_NEWLINE = re.compile(r"\r\n?")
_FRAGILE = (b".", b"From ")
_FRAGILE_LINE = re.compile(rb"^(?:\.|From ).*$", re.MULTILINE)
_PLAIN_VALUE = re.compile(r"(?!\.|From )[ -<>-~]{1,75}")


@dataclass(frozen=True, slots=True)
class Slot:
    """
    A place for a recipient's *attribute*.

    `lead` is the space before it, which an empty value takes away: "Bonjour, voici".
    """

    attribute: str
    lead: str = ""
    in_html: bool = False

    def text(self, value: str) -> str:
        """Return what stands in the place, before any encoding."""
        if not value:
            return ""
        return self.lead + (escape(value) if self.in_html else value)

    def encoded(self, value: str) -> bytes:
        """Return what stands in the place, and leaves the next byte a new line."""
        text = self.text(value)
        if _PLAIN_VALUE.fullmatch(text):
            return text.encode() + SOFT_BREAK
        return quoted_printable_open(text)


def pieces(text: str, tokens: Mapping[str, str], *, in_html: bool) -> list[str | Slot]:
    """Return *text* cut into words and slots; *tokens* as in `Rendered`."""
    if not tokens:
        return [text]
    longest_first = sorted(tokens, key=len, reverse=True)
    token = re.compile("([ \u00a0]?)(" + "|".join(map(re.escape, longest_first)) + ")")
    result: list[str | Slot] = []
    position = 0
    for match in token.finditer(text):
        slot = Slot(tokens[match[2]], lead=match[1], in_html=in_html)
        result += [text[position : match.start()], slot]
        position = match.end()
    return [*result, text[position:]]


def encoded_pieces(
    text: str, tokens: Mapping[str, str], *, in_html: bool
) -> Iterator[bytes | Slot]:
    """Yield *text* encoded, each slot at the start of a line."""
    parts = pieces(_NEWLINE.sub("\n", text), tokens, in_html=in_html)
    for number, part in enumerate(parts, 1):
        if isinstance(part, Slot):
            yield part
        elif number == len(parts):
            yield quoted_printable(part)
        else:
            yield quoted_printable_open(part)


def quoted_printable(text: str) -> bytes:
    """Return *text* encoded, in lines of at most 76 octets ending in CRLF."""
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    lines = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if lines.startswith(_FRAGILE) or b"\n." in lines or b"\nFrom " in lines:
        lines = _FRAGILE_LINE.sub(lambda match: _guarded(match[0]), lines)
    return lines.replace(b"\n", b"\r\n")


def quoted_printable_open(text: str) -> bytes:
    """Return *text* encoded, the end of its last line hidden by a soft break."""
    if not text:
        return b""
    # A final NUL keeps room for the break, and blanks before it from being encoded.
    encoded = quoted_printable(text + "\0").removesuffix(b"=00")
    return encoded if encoded.endswith(b"\n") else encoded + SOFT_BREAK


def _guarded(line: bytes) -> bytes:
    """Return a line whose first byte must not be seen, in as many lines as it takes."""
    result = b""
    while line.startswith(_FRAGILE):
        result += b"=%02X" % line[0]
        line = line[1:]
        if len(line) + 3 <= LINE:
            break
        result += b"=\n"
    return result + line
