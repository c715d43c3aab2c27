"""
What a page's front matter says, found through a dialect's map.

Gives each value with its line, as clean text; makes no dates or links of it, and
judges nothing. A value that is a null word of the dialect is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tambour.content.coercion import clean_line, read_words
from tambour.content.front_matter import Page
from tambour.content.markdown import to_line
from tambour.content.terms import (
    OF_A_PART,
    BodyLink,
    Dialect,
    Gather,
    Item,
    Join,
    Key,
    Labelled,
    Spec,
    Steps,
)
from tambour.yamltext import Document, Path

_MARKDOWN_LINK = re.compile(r"\[([^\[\]]{1,200})\]\(\s*<?([^\s)>]+)")
_HTML_LINK = re.compile(
    r"<a\s[^<>]{0,400}?href=[\"']([^\"'<>]{1,2000})[\"'][^<>]{0,400}>(.{1,200}?)</a>",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class Found:
    """A text on one line, and the line of the file it stands in."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A labelled extra of the page, as found."""

    label: Found
    text: Found | None
    url: Found | None


class Reading:
    """One page through one dialect; what a part of it lacks is that of the *whole*."""

    def __init__(
        self, page: Page, dialect: Dialect, *, whole: Reading | None = None
    ) -> None:
        self._page = page
        self._whole = whole
        self._data = page.data
        self._dialect = dialect
        self._null_words = dialect.rules.null_words
        self._texts: dict[str, Found | None] = {}
        self._spellings: dict[str, str] = {}
        for key in self._data:
            self._spellings.setdefault(_spelling(key), key)

    def text(self, field: str) -> Found | None:
        """Return the first text that the map finds for *field*."""
        if field not in self._texts:
            specs = self._dialect.map.get(field, ())
            found = (self._find(spec) for spec in specs)
            own = next((one for one in found if one), None)
            if own is None and self._whole is not None and field not in OF_A_PART:
                own = self._whole.text(field)
            self._texts[field] = own
        return self._texts[field]

    def texts(self, field: str) -> list[Found]:
        """Return each text of the first list, or text with commas, that is there."""
        for spec in self._dialect.map.get(field, ()):
            places = self._values(spec.steps) if isinstance(spec, Key) else ()
            found = [
                Found(word, self._page.document.line(path))
                for path, value in places
                for word in read_words(value)
                if not self._is_null(word)
            ]
            if found:
                return found
        return []

    def odd_line(self, field: str) -> int | None:
        """Return where *field* has a value that is neither a text nor some."""
        for spec in self._dialect.map.get(field, ()):
            places = self._values(spec.steps) if isinstance(spec, Key) else ()
            for path, value in places:
                each = value if isinstance(value, list) else [value]
                if any(one and not isinstance(one, str) for one in each):
                    return self._page.document.line(path)
        return None

    def parts(self, field: str) -> Iterator[Reading]:
        """Yield each mapping of the first list that is there, to be read alike."""
        for spec in self._dialect.map.get(field, ()):
            places = self._values(spec.steps) if isinstance(spec, Key) else ()
            for path, value in places:
                if isinstance(value, list) and value:
                    for place, one in enumerate(value):
                        if isinstance(one, dict):
                            yield self._part((*path, place), one)
                    return

    def _part(self, path: Path, data: dict[str, Any]) -> Reading:
        depth = len(path)
        inside = {
            place[depth:]: line
            for place, line in self._page.document.lines.items()
            if place[:depth] == path
        }
        page = Page(document=Document(data, inside), body="", body_line=1)
        return Reading(page, self._dialect, whole=self)

    def words(self, field: str) -> tuple[str, ...]:
        """Return the first list, or text with commas, that the map finds."""
        for spec in self._dialect.map.get(field, ()):
            words = self._words(spec)
            if words:
                return words
        return self._whole.words(field) if self._whole is not None else ()

    def extras(self) -> Iterator[Extra]:
        """Yield the labelled extras that say anything besides their label."""
        for source in self._dialect.details:
            for path, item in self._values(source.steps):
                items = item if isinstance(item, list) else [item]
                for place, one in enumerate(items):
                    extra = self._extra(source, (*path, place), one)
                    if extra is not None:
                        yield extra
        if self._whole is not None:
            yield from self._whole.extras()

    def line(self, field: str) -> int:
        """Return where *field* stands, or the first line of the front matter."""
        found = self.text(field)
        return found.line if found else self._page.document.line(())

    def key(self, field: str) -> str:
        """Return the key under which this dialect looks for *field* first."""
        keys = (s for s in self._dialect.map.get(field, ()) if isinstance(s, Key))
        return next((str(key.steps[0]) for key in keys), field)

    def _extra(self, source: Labelled, path: Path, item: Any) -> Extra | None:  # noqa: ANN401 - front matter is a tree of anything
        label = self._first(source.label, path, item)
        text = self._first(source.text, path, item) if source.text else None
        url = self._first(source.url, path, item) if source.url else None
        if label is None or (text is None and url is None):
            return None
        return Extra(label=label, text=text, url=url)

    def _find(self, spec: Spec) -> Found | None:
        match spec:
            case Key():
                return self._key(spec)
            case Item():
                return self._item(spec)
            case Join():
                parts = [found for part in spec.parts if (found := self._find(part))]
                text = spec.separator.join(part.text for part in parts)
                return Found(text, parts[0].line) if parts else None
            case BodyLink():
                return self._body_link(spec.label)
            case Gather():
                words = self._words(spec)
                return Found(", ".join(words), 1) if words else None

    def _words(self, spec: Spec) -> tuple[str, ...]:
        if isinstance(spec, Gather):
            each = (word for part in spec.parts for word in self._words(part))
            return tuple(dict.fromkeys(each))
        if isinstance(spec, Key):
            each = (w for _, v in self._values(spec.steps) for w in read_words(v))
            return tuple(word for word in each if not self._is_null(word))
        found = self._find(spec)
        return read_words(found.text) if found else ()

    def _key(self, key: Key) -> Found | None:
        if self._spelled(str(key.steps[0])) not in self._data:
            return None
        if any(self._first(steps) is None for steps in key.when):
            return None
        if any(self._has(steps) for steps in key.unless):
            return None
        return self._first(key.steps, is_markdown=key.is_markdown)

    def _item(self, item: Item) -> Found | None:
        for path, value in self._values(item.steps):
            for place, one in enumerate(value if isinstance(value, list) else [value]):
                here = (*path, place)
                fits = all(
                    (found := self._first(steps, here, one)) is not None
                    and pattern.search(found.text)
                    for steps, pattern in item.where
                )
                taken = self._first(item.take, here, one) if fits else None
                if taken is not None:
                    return taken
        return None

    def _body_link(self, label: re.Pattern[str]) -> Found | None:
        body = self._page.body
        links = [(m.start(), m[1], m[2]) for m in _MARKDOWN_LINK.finditer(body)]
        links += [(m.start(), m[2], m[1]) for m in _HTML_LINK.finditer(body)]
        for start, words, url in sorted(links):
            if label.search(_TAG.sub("", words)):
                line = self._page.body_line + body.count("\n", 0, start)
                return Found(url, line)
        return None

    def _first(
        self,
        steps: Steps,
        path: Path = (),
        value: Any = None,  # noqa: ANN401 - front matter is a tree of anything
        *,
        is_markdown: bool = False,
    ) -> Found | None:
        """Return the texts at *steps*, joined by commas, if there are any."""
        texts: list[str] = []
        line = 0
        for here, one in self._values(steps, path, value):
            for part in one if isinstance(one, list) else [one]:
                if not isinstance(part, str):
                    continue
                text = to_line(part) if is_markdown else part
                text = clean_line(text)
                if not self._is_null(text):
                    line = line or self._page.document.line(here)
                    texts.append(text)
        return Found(", ".join(texts), line) if texts else None

    def _has(self, steps: Steps) -> bool:
        return any(True for _ in self._values(steps))

    def _values(
        self,
        steps: Steps,
        path: Path = (),
        value: Any = None,  # noqa: ANN401 - front matter is a tree of anything
    ) -> Iterator[tuple[Path, Any]]:
        """Yield what *steps* lead to, from *value* or from the whole front matter."""
        if not path:
            value = self._data
        if not steps:
            yield path, value
            return
        step, rest = steps[0], steps[1:]
        if isinstance(step, str) and isinstance(value, dict):
            key = step if path else self._spelled(step)
            if key in value:
                yield from self._values(rest, (*path, key), value[key])
        elif isinstance(step, int) and isinstance(value, list):
            if step < len(value):
                yield from self._values(rest, (*path, step), value[step])
        elif step is None and isinstance(value, list):
            for place, one in enumerate(value):
                yield from self._values(rest, (*path, place), one)

    def _spelled(self, key: str) -> str:
        """Return how this page spells *key*: `startDate`, `Start-Date`."""
        if key in self._data:
            return key
        return self._spellings.get(_spelling(key), key)

    def _is_null(self, text: str) -> bool:
        return not text or text.casefold() in self._null_words


@lru_cache(maxsize=4096)
def _spelling(key: str) -> str:
    return key.casefold().replace("-", "").replace("_", "").replace(" ", "")
