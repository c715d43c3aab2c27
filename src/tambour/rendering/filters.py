"""
What templates do to text, beyond Jinja's own filters.

Pure functions from text to text; nothing here knows events, files or HTML templates.
Escaping in Markdown: CommonMark 0.31 §2.4, any ASCII punctuation may be escaped.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from urllib.parse import quote

from tambour.content.plaintext import COLUMNS
from tambour.rendering.readers import Absent

ELLIPSIS = "…"
_SPACES = re.compile(r"[ \t\r\n]+")
_SENTENCE_END = re.compile(r"(?:(?<=\w\w[.!?…])|(?<=[»)\u00a0 ][.!?…]))(?=\s)")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"^(https?|mailto|tel):[^\s]+$")
_SAFE_IN_ADDRESS = ":/?#@!$&'+,;=%~._-"
_MARK = re.compile(rf"[ \u00a0]*{Absent.MARK}")
_HEADING = re.compile(r"(</?)h([1-6])(?=[\s>])")
_EMPTY_PARAGRAPH = re.compile(r"<p[^>]*>(?:\s|&nbsp;|<br\s*/?>)*</p>\s*")
_BREAKS_AT_EDGE = re.compile(
    r"(?P<open><(?:p|li|blockquote|div|td)[^>]*>)(?:\s*<br\s*/?>\s*)+"
    r"|(?:\s*<br\s*/?>\s*)+(?P<close></(?:p|li|blockquote|div|td)>)"
)
_LOOSE_BREAKS = re.compile(
    r"(?<=>)\s*(?:<br\s*/?>\s*)+(?=<(?:p|h[1-6]|ul|ol|block|div))"
)
_SPACE_IN_LINK = re.compile(r"(\s+)(</a>)")
_WORDS = re.compile(r"(?<=>)[^<>]+")
_BLANK_LINE = re.compile(r"\s*<br\s*/?>(?:\s|&nbsp;)*<br\s*/?>\s*(?:<br\s*/?>\s*)*")


def shorten(text: str, length: int) -> str:
    """Return *text* in at most *length* characters, cut after a whole word."""
    text = _SPACES.sub(" ", text).strip()
    if len(text) <= length:
        return text
    kept = text[:length]
    if " " in kept:
        kept = kept.rsplit(" ", 1)[0]
    return kept[: length - 1].rstrip(" \u00a0,;:.!?·–—-([«'’") + ELLIPSIS


def excerpt(text: str, length: int) -> str:
    """Return whole sentences of *text*, or first words where none is short enough."""
    text = _SPACES.sub(" ", text).strip()
    if len(text) <= length:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, length + 1)]
    if ends and ends[-1] >= length // 2:
        return text[: ends[-1]].rstrip()
    return shorten(text, length)


def plain_spaces(text: str) -> str:
    """Return *text* with ordinary spaces, as plain text is searched and quoted."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def wrap(text: str, width: int = COLUMNS) -> str:
    """Return *text* in lines of at most *width*; addresses are never broken."""
    return "\n".join(_wrap_line(line, width) for line in text.splitlines())


def _wrap_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line.rstrip()
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def capitalize_first(text: str) -> str:
    """Return *text* with a capital, the rest untouched."""
    return text[:1].upper() + text[1:]


def as_markdown(value: object) -> str:
    """
    Return *value* so that Markdown shows it as it is.

    Addresses are encoded instead, for they stand between brackets; what is HTML
    already stays HTML, and is sanitised with the rest.
    """
    if hasattr(value, "__html__"):
        return str(value)
    if isinstance(value, Absent):
        return Absent.MARK
    text = str(value)
    if _ADDRESS.match(text):
        return quote(text, safe=_SAFE_IN_ADDRESS)
    return _PUNCTUATION.sub(r"\\\1", _SPACES.sub(" ", text))


def without_absent(text: str) -> str:
    """Return *text* without the places where a value was missing: "Bonjour, voici"."""
    return _MARK.sub("", text)


def tidy(html: str) -> str:
    """
    Return an event's sanitised HTML as an editor would have set it.

    Headings rank from h2 without gaps, below the message's own; blank lines made of
    `<br>` become paragraphs or go.
    """
    html = _LOOSE_BREAKS.sub("", html)
    html = _split_paragraphs(html)
    html = _BREAKS_AT_EDGE.sub(lambda m: m["open"] or m["close"] or "", html)
    html = _EMPTY_PARAGRAPH.sub("", html)
    html = _SPACE_IN_LINK.sub(r"\2\1", html)
    levels = sorted({match[2] for match in _HEADING.finditer(html)})
    rank = {level: str(min(index + 2, 6)) for index, level in enumerate(levels)}
    return _HEADING.sub(lambda m: f"{m[1]}h{rank[m[2]]}", html).strip()


def on_words(html: str, change: Callable[[str], str]) -> str:
    """Return *html* with *change* applied between its tags, never inside one."""
    return _WORDS.sub(lambda match: change(match[0]), html)


_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
_INLINE_TAG = re.compile(r"<(/?)(?!br\b|img\b)[a-z]+[^>]*>")


def _split_paragraphs(html: str) -> str:
    def split(match: re.Match[str]) -> str:
        parts = _BLANK_LINE.split(match[1])
        if len(parts) == 1 or not all(_is_balanced(part) for part in parts):
            return match[0]
        return "\n".join(f"<p>{part.strip()}</p>" for part in parts if part.strip())

    return _PARAGRAPH.sub(split, html)


def _is_balanced(html: str) -> bool:
    closing = [bool(match[1]) for match in _INLINE_TAG.finditer(html)]
    return closing.count(True) * 2 == len(closing)
