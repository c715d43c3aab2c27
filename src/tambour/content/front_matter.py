"""
A Markdown file cut into front matter and body, with the line of everything.

python-frontmatter splits and detects; the two formats below tell it where, and keep
every scalar as the text that was typed, so that nobody's `-0500` or `no` changes its
meaning on the way. Knows neither events nor campaigns.
Source: Jekyll's `YAML_FRONT_MATTER_REGEXP` (`---` up to `---` or `...`); Hugo's
documentation, "Front matter" (`+++` for TOML).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import frontmatter
from frontmatter.default_handlers import BaseHandler

from tambour.yamltext import Document, Path, YamlError, parse

UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
)
"""Characters that nobody sees and that YAML refuses, or takes for line breaks."""

_TOML_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_TOML_KEY = re.compile(r"""^\s*([A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*=""")
_TOML_ERROR = re.compile(r"\(at line (\d+), column \d+\)")


class FrontMatterError(Exception):
    """
    The file cannot be cut or its front matter not read; *line* counts from 1.

    `is_readable` is False when the file is not text at all.
    """

    def __init__(self, message: str, line: int, *, is_readable: bool = True) -> None:
        super().__init__(message)
        self.line = line
        self.is_readable = is_readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A file's front matter (a mapping), its body, and the body's first line."""

    document: Document
    body: str
    body_line: int

    @property
    def data(self) -> dict[str, Any]:
        """The front matter: dicts, lists, strings as typed, and None."""
        data: dict[str, Any] = self.document.data
        return data


@dataclass
class _Cut:
    """Where a format cut the text; filled while python-frontmatter runs."""

    first_line: int = 1
    body_line: int = 1
    document: Document = field(default_factory=lambda: Document({}))


class _Format(BaseHandler):
    """What YAML and TOML share: the cut, and the count of lines."""

    closing: re.Pattern[str]

    def __init__(self, first_line: int) -> None:
        super().__init__()
        self.cut = _Cut(first_line=first_line)

    def split(self, text: str) -> tuple[str, str]:
        """Cut *text*, which opens with the delimiter, at the closing one."""
        opening = text.find("\n") + 1
        closing = self.closing.search(text, opening) if opening else None
        if closing is None:
            msg = f"the front matter opened by {self.START_DELIMITER} is never closed"
            raise FrontMatterError(msg, self.cut.first_line)
        body = text[closing.end() :]
        blank = body[: len(body) - len(body.lstrip())]
        before = text.count("\n", 0, closing.end()) + blank.count("\n")
        self.cut.body_line = self.cut.first_line + before
        return UNSEEN.sub(" ", text[opening : closing.start()]), body

    def load(self, fm: str) -> dict[str, Any]:
        """Parse the front matter, keeping its text and lines."""
        try:
            document = self.read(fm, self.cut.first_line + 1)
        except YamlError as error:
            raise FrontMatterError(str(error), error.line) from None
        if document.data is None:
            document = Document({}, document.lines)
        if not isinstance(document.data, dict):
            msg = "the front matter is not made of `key: value` lines"
            raise FrontMatterError(msg, self.cut.first_line + 1)
        self.cut.document = document
        data: dict[str, Any] = document.data
        return data

    def read(self, text: str, first_line: int) -> Document:
        """Parse *text*, whose first line is *first_line* of the file."""
        raise NotImplementedError


class _Yaml(_Format):
    FM_BOUNDARY = re.compile(r"---[ \t]*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "---"
    closing = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)

    def read(self, text: str, first_line: int) -> Document:
        return parse(text, first_line=first_line)


class _Toml(_Format):
    FM_BOUNDARY = re.compile(r"\+\+\+[ \t]*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"
    closing = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)

    def read(self, text: str, first_line: int) -> Document:
        try:
            data = _as_text(tomllib.loads(text))
        except (ValueError, RecursionError) as error:
            place = _TOML_ERROR.search(str(error))
            line = first_line + (int(place[1]) - 1 if place else 0)
            message = _TOML_ERROR.sub("", str(error)).strip()
            raise YamlError(message, line) from None
        return Document(data, _toml_lines(text, first_line))


def read_page(raw: bytes) -> Page:
    """
    Cut a file's bytes into front matter and body.

    Raises:
        FrontMatterError: not UTF-8, no front matter, never closed, or not valid.

    """
    text = _decode(raw)
    start = text.lstrip()
    first_line = 1 + text.count("\n", 0, len(text) - len(start))
    formats = (_Yaml(first_line), _Toml(first_line))
    chosen = frontmatter.detect_format(start, formats)
    if not isinstance(chosen, _Format):
        msg = "there is no front matter"
        raise FrontMatterError(msg, first_line if start else 1)
    _, body = frontmatter.parse(start, handler=chosen)
    cut = chosen.cut
    return Page(document=cut.document, body=body, body_line=cut.body_line)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        msg = "the file is not UTF-8 text"
        raise FrontMatterError(msg, line, is_readable=False) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_text(value: Any) -> Any:  # noqa: ANN401 - TOML is a tree of anything
    """Return TOML's typed values as the text that YAML would have kept."""
    match value:
        case dict():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _toml_lines(text: str, first_line: int) -> dict[Path, int]:
    """Return the line of each key; tomllib keeps none, so the text is read again."""
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.split("\n"), first_line):
        if header := _TOML_TABLE.match(line):
            table = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, counts[table])
            lines.setdefault(table, number)
        elif key := _TOML_KEY.match(line):
            lines.setdefault((*table, key[1].strip("\"'")), number)
    return lines
