"""
Sanitised HTML as plain text: in lines for a mail's text part, or as a single line.

Knows only the tags that sanitising lets pass, and relies on it: every tag is closed,
nothing is hidden. Lists, quotes, tables and links stay recognisable.
Source: RFC 5322 §2.1.1 for the length of lines.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from html.parser import HTMLParser

COLUMNS = 78
"""RFC 5322 asks for no more in a line of text."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = HEADINGS.union(
    ("address", "article", "aside", "blockquote", "center", "dd", "details", "div"),
    ("dl", "dt", "figcaption", "figure", "footer", "header", "hr", "li", "main"),
    ("nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot"),
    ("th", "thead", "tr", "ul"),
)
_ROWS = frozenset({"tr", "thead", "tbody", "tfoot"})
_SPACE = re.compile(r"[\x00-\x20\x7f\x85\u2028\u2029]+")


def collapse(text: str) -> str:
    """
    Return *text* in one line, each run of space or control characters a single space.

    No-break spaces are typography and stay.
    """
    return _SPACE.sub(" ", text).strip(" ")


def html_to_text(html: str) -> str:
    """Return *html* in lines of at most 78 columns; longer only to hold an address."""
    writer = _TextWriter()
    writer.feed(html)
    writer.close()
    return writer.text()


def html_to_line(html: str) -> str:
    """Return the words of *html* in one line, without addresses."""
    reader = _LineReader()
    reader.feed(html)
    reader.close()
    return collapse("".join(reader.pieces))


class _LineReader(HTMLParser):
    """Gathers the words, with a space wherever a block or a break was."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._counters: list[int | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br" or tag in BLOCKS:
            self.pieces.append(" ")
        if tag in ("ol", "ul"):
            self._counters.append(_first_number(tag, dict(attrs)))
        elif tag == "li" and self._counters and self._counters[-1] is not None:
            # "2026. A year of events" is a list to Markdown, and must not lose 2026.
            self.pieces.append(f"{self._counters[-1]}. ")
            self._counters[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.pieces.append(" ")
        if tag in ("ol", "ul"):
            self._counters.pop()

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


class _TextWriter(HTMLParser):
    """
    Writes sanitised HTML as text.

    Sanitised means that every tag is closed and nothing is hidden, so that a stack of
    prefixes is all the structure there is to remember.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._words: list[str] = []
        self._indents: list[str] = []
        self._marker = ""
        self._counters: list[int | None] = []
        self._links: list[tuple[str, int]] = []
        self._wants_gap = False
        self._depth_of_pre = 0
        self._cells = 0

    def text(self) -> str:
        """Return all that was written."""
        self._flush()
        return "\n".join(self._lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "br" | "p" | "div" if self._cells:
                self._words.append(" ")
            case "br":
                self._words.append("\n")
            case "img":
                self._image(values.get("alt", "").strip())
            case "a":
                self._links.append((values.get("href", ""), len(self._words)))
            case "td" | "th":
                self._words.append(" | " if self._has_words() else "")
                self._cells += 1
            case "hr":
                self._block()
                self._put(["* * *"])
                self._block()
            case "ol" | "ul":
                self._open_list(_first_number(tag, values))
            case _ if tag in BLOCKS:
                self._open_block(tag)

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "a" if self._links:
                self._close_link(*self._links.pop())
            case "td" | "th":
                self._cells -= 1
            case "p" | "div" if self._cells:
                self._words.append(" ")
            case "ol" | "ul":
                self._flush()
                self._counters.pop()
                self._wants_gap |= not self._counters
            case _ if tag in BLOCKS and tag != "hr":
                self._close_block(tag)

    def handle_data(self, data: str) -> None:
        if not self._depth_of_pre:
            data = _SPACE.sub(" ", data)
        self._words.append(data)

    def _open_list(self, first: int | None) -> None:
        self._block()
        self._counters.append(first)

    def _open_block(self, tag: str) -> None:
        if tag in _ROWS:
            self._flush()
        elif tag == "li":
            self._flush()
            self._marker = self._next_marker()
            self._indents.append(" " * len(self._marker))
        elif tag == "p" and self._marker:
            pass
        else:
            self._block()
        if tag in ("blockquote", "pre"):
            self._indents.append("    ")
        self._depth_of_pre += tag == "pre"

    def _close_block(self, tag: str) -> None:
        if tag in HEADINGS:
            self._flush(underline="=" if tag in ("h1", "h2") else "-")
        self._flush()
        if tag in ("li", "blockquote", "pre"):
            self._indents.pop()
        if tag == "li":
            self._marker = ""
        elif tag not in _ROWS:
            self._wants_gap |= not self._counters
        self._depth_of_pre -= tag == "pre"

    def _next_marker(self) -> str:
        if not self._counters or self._counters[-1] is None:
            return "- "
        number = self._counters[-1]
        self._counters[-1] = number + 1
        return f"{number}. "

    def _image(self, alt: str) -> None:
        if alt:
            self._words.append(alt if self._links else f"[{alt}]")

    def _close_link(self, url: str, start: int) -> None:
        label = "".join(self._words[start:])
        shown = url.removeprefix("mailto:").removeprefix("tel:")
        if not url or _bare(label) == _bare(shown):
            return
        if not label.strip():
            self._words.append(shown)
            return
        stripped = label.rstrip(" ")
        self._words[start:] = [f"{stripped} ({shown})", label[len(stripped) :]]

    def _has_words(self) -> bool:
        return any(word.strip(" ") for word in self._words)

    def _block(self) -> None:
        self._flush()
        self._wants_gap |= not self._counters

    def _flush(self, *, underline: str = "") -> None:
        text = "".join(self._words)
        self._words.clear()
        if self._depth_of_pre:
            self._put(text.strip("\n").split("\n") if text.strip() else [])
            return
        width = COLUMNS - sum(map(len, self._indents))
        lines: list[str] = []
        for line in text.strip().split("\n"):
            lines += _wrapped(collapse(line), width) or [""]
        if not text.strip():
            return
        if underline:
            lines.append(underline * min(width, max(map(len, lines))))
        self._put(lines)

    def _put(self, lines: list[str]) -> None:
        if not lines:
            return
        if self._wants_gap and self._lines:
            self._lines.append("")
        self._wants_gap = False
        indent = "".join(self._indents)
        for line in lines:
            lead = indent
            if self._marker:
                lead = indent[: len(indent) - len(self._marker)] + self._marker
                self._marker = ""
            self._lines.append((lead + line).rstrip(" "))


def _first_number(tag: str, attributes: Mapping[str, str | None]) -> int | None:
    start = attributes.get("start") or ""
    number = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1
    return number if tag == "ol" else None


def _bare(address: str) -> str:
    """Return an address as a reader compares it: no scheme, no final slash."""
    return re.sub(r"^(https?://)?(www\.)?|/$", "", address.strip().lower())


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(
        line,
        max(width, 30),
        break_long_words=False,
        break_on_hyphens=False,
    )
