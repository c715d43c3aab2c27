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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

LINE = 76
SOFT_BREAK = b"=\r\n"
_NEWLINE = re.compile(r"\r\n?")
_FRAGILE = (b".", b"From ")
_MAY_BE_FRAGILE = b".F"
# What stays as it is both in quoted-printable and in HTML.
_TAME = bytes(octet for octet in range(0x20, 0x7F) if octet not in b"=&<>\"'")
_FRAGILE_LINE = re.compile(rb"^(?:\.|From ).*$", re.MULTILINE)


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


class Stem:
    """What many values begin with, encoded once for all of them."""

    def __init__(self, start: str = "") -> None:
        encoded = quoted_printable_open(start).removesuffix(SOFT_BREAK)
        lines, newline, last = encoded.rpartition(b"\r\n")
        # How a fragile line is written depends on all of it.
        if last.startswith((b"=2E", b"=46")) or escape(start) != start:
            start, lines, newline, last = "", b"", b"", b""
        self._start = start
        self._before = lines + newline
        self._last = last
        self._room = LINE - 1 - len(last)

    def tame(self, text: str) -> bytes | None:
        """
        Return what `quoted_printable_open` makes of *text* and of its HTML alike.

        None where finding that takes an encoder: where the stem is missing, where more
        follows it than plain ASCII on two lines, or where a line may be fragile.
        """
        if not text.isascii() or not text.startswith(self._start):
            return None
        data = text[len(self._start) :].encode()
        if not data or data.translate(None, _TAME):
            return None
        first, second = self._last + data[: self._room], data[self._room :]
        if first[0] in _MAY_BE_FRAGILE:
            return None
        if not second:
            return self._before + first + SOFT_BREAK
        if len(second) >= LINE or second[0] in _MAY_BE_FRAGILE:
            return None
        return self._before + first + SOFT_BREAK + second + SOFT_BREAK


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    All slots of a message that differ in nothing but being HTML or not.

    `texts` and `htmls` are where they stand among the message's chunks. What all their
    values begin with, lead and all, is the *stem*.
    """

    attribute: str
    lead: str
    texts: tuple[int, ...]
    htmls: tuple[int, ...]
    stem: Stem

    def put(self, value: str, chunks: list[bytes]) -> None:
        """Put *value* where it belongs, encoded once if HTML says it alike."""
        text = self.lead + value if value else ""
        in_text = in_html = self.stem.tame(text)
        if in_text is None or in_html is None:
            in_text = in_html = quoted_printable_open(text)
            escaped = escape(text)
            if escaped != text:
                in_html = quoted_printable_open(escaped)
        for number in self.texts:
            chunks[number] = in_text
        for number in self.htmls:
            chunks[number] = in_html


def places(
    chunks: Sequence[bytes | Slot], stems: Mapping[str, str]
) -> tuple[Place, ...]:
    """
    Return where among *chunks* each recipient's values go.

    Args:
        stems: what all values of an attribute begin with, where that is known.

    """
    found: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for number, chunk in enumerate(chunks):
        if isinstance(chunk, Slot):
            both = found.setdefault((chunk.attribute, chunk.lead), ([], []))
            both[chunk.in_html].append(number)
    return tuple(
        Place(
            attribute=attribute,
            lead=lead,
            texts=tuple(texts),
            htmls=tuple(htmls),
            stem=Stem(lead + stems[attribute] if attribute in stems else ""),
        )
        for (attribute, lead), (texts, htmls) in found.items()
    )


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
    if b"\n" not in lines and lines[:1] not in _MAY_BE_FRAGILE:
        return lines
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
