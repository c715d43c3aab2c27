"""
A dialect's YAML read into terms, with every fault at its line.

Complains and goes on, so that all faults of a file are shown at once. Knows neither
where the file is nor what it extends.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, TypeVar

from tambour.content.findings import Findings
from tambour.content.terms import (
    FIELDS,
    BodyLink,
    Gather,
    Item,
    Join,
    Key,
    Labelled,
    Midnight,
    NaiveTime,
    OffsetRule,
    Patterns,
    Spec,
    Steps,
)
from tambour.yamltext import Document
from tambour.yamltext import Path as Place

_STEPS = re.compile(r"[^\[\].]+(?:\[\d*\])*(?:\.[^\[\].]+(?:\[\d*\])*)*")
_STEP = re.compile(r"([^\[\].]+)|\[(\d*)\]")
_YEARS = re.compile(r"(?:(?:19|20|21)[0-9]{2}){2}")
_Choice = TypeVar("_Choice", bound=StrEnum)
_Term = TypeVar("_Term")


class DialectFile:
    """One dialect file, section by section."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self.document = document
        self.findings = findings
        self._sections = self._mapping((), ("extends", "map", "rules"))
        self._map = self._mapping(("map",), FIELDS) if "map" in self._sections else {}

    def complain(self, place: Place, message: str, mend: str = "") -> None:
        """Remember a fault at *place*."""
        self.findings.add("E211", self.document.line(place), message, mend=mend)

    def base(self) -> str | None:
        """Return the preset that this dialect extends."""
        name = self._sections.get("extends")
        return None if name is None else str(name)

    def fields(self) -> dict[str, tuple[Spec, ...]]:
        """Return where to look for each field, first place first."""
        names = [name for name in self._map if name != "details"]
        return {name: self._each(("map", name), self._spec) for name in names}

    def details(self) -> tuple[Labelled, ...]:
        """Return the lists that a page shows as labelled extras."""
        if "details" not in self._map:
            return ()
        return self._each(("map", "details"), self._labelled)

    def rules(self) -> dict[str, Any]:
        """Return the rules that this dialect sets."""
        if "rules" not in self._sections:
            return {}
        readers: dict[str, Callable[[Place], Any]] = {
            "naive_time": lambda place: self._choice(place, NaiveTime),
            "offset": lambda place: self._choice(place, OffsetRule),
            "midnight": lambda place: self._choice(place, Midnight),
            "plausible_years": self._years,
            "online_if": self._patterns,
            "cancelled_if": self._patterns,
            "postponed_if": self._patterns,
            "null_words": self._words,
            "permalink": self._text,
        }
        given = self._mapping(("rules",), readers)
        values = {name: readers[name](("rules", name)) for name in given}
        return {name: value for name, value in values.items() if value is not None}

    def _at(self, place: Place) -> Any:  # noqa: ANN401 - YAML is a tree of anything
        value = self.document.data
        for step in place:
            value = value[step]
        return value

    def _mapping(self, place: Place, known: Iterable[str]) -> dict[str, Any]:
        """Return the mapping at *place*, without keys that are not *known*."""
        value, names = self._at(place), sorted(known)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.complain(place, "this must be made of `key: value` lines")
            return {}
        for key in value.keys() - set(names):
            close = difflib.get_close_matches(key, names, n=1) or [", ".join(names)]
            self.complain((*place, key), f"unknown key {key!r}", f"known: {close[0]}")
        return {key: item for key, item in value.items() if key in names}

    def _each(
        self, place: Place, read: Callable[[Place], _Term | None]
    ) -> tuple[_Term, ...]:
        """Read a value, or each of a list of them; nothing means: look nowhere."""
        value = self._at(place)
        if value is None:
            return ()
        places = (
            [(*place, i) for i in range(len(value))]
            if isinstance(value, list)
            else [place]
        )
        return tuple(term for term in map(read, places) if term is not None)

    def _spec(self, place: Place) -> Spec | None:
        value = self._at(place)
        if isinstance(value, str):
            steps = self._steps(place)
            return Key(steps=steps) if steps else None
        kinds: dict[str, Callable[[Place], Spec | None]] = {
            "key": self._key,
            "list": self._item,
            "body_link": self._body_link,
            "join": self._join,
            "all": self._gather,
        }
        keys = value if isinstance(value, dict) else ()
        kind = next((kind for kind in kinds if kind in keys), None)
        if kind is None:
            known = ", ".join(kinds)
            self.complain(place, f"this must be a key's name, or have one of: {known}")
            return None
        return kinds[kind](place)

    def _key(self, place: Place) -> Key | None:
        value = self._mapping(place, ("key", "as", "when", "unless"))
        steps = self._steps((*place, "key"))
        style = value.get("as", "text")
        if style not in ("text", "markdown_inline"):
            self.complain((*place, "as"), f"{style!r} is not text or markdown_inline")
        if steps is None:
            return None
        return Key(
            steps=steps,
            is_markdown=style == "markdown_inline",
            when=self._each((*place, "when"), self._steps) if "when" in value else (),
            unless=(
                self._each((*place, "unless"), self._steps) if "unless" in value else ()
            ),
        )

    def _item(self, place: Place) -> Item | None:
        value = self._mapping(place, ("list", "where", "take"))
        steps, take = self._steps((*place, "list")), self._required(place, "take")
        where = self._patterns((*place, "where")) if "where" in value else ()
        if steps is None or take is None:
            return None
        return Item(
            steps=steps,
            take=take,
            where=tuple((_split(key), pattern) for key, pattern in where or ()),
        )

    def _labelled(self, place: Place) -> Labelled | None:
        value = self._mapping(place, ("list", "label", "text", "url"))
        steps, label = self._required(place, "list"), self._required(place, "label")
        if steps is None or label is None:
            return None
        return Labelled(
            steps=steps,
            label=label,
            text=self._steps((*place, "text")) if "text" in value else None,
            url=self._steps((*place, "url")) if "url" in value else None,
        )

    def _body_link(self, place: Place) -> BodyLink | None:
        self._mapping(place, ("body_link",))
        label = self._pattern((*place, "body_link"))
        return BodyLink(label=label) if label else None

    def _join(self, place: Place) -> Join:
        value = self._mapping(place, ("join", "with"))
        parts: tuple[Spec, ...] = self._each((*place, "join"), self._spec)
        return Join(parts=parts, separator=str(value.get("with") or ", "))

    def _gather(self, place: Place) -> Gather:
        self._mapping(place, ("all",))
        return Gather(parts=self._each((*place, "all"), self._spec))

    def _required(self, place: Place, key: str) -> Steps | None:
        value = self._at(place)
        if not isinstance(value, dict) or value.get(key) is None:
            self.complain(place, f"{key!r} is missing")
            return None
        return self._steps((*place, key))

    def _steps(self, place: Place) -> Steps | None:
        text = self._text(place)
        if text is None:
            return None
        if not _STEPS.fullmatch(text):
            mend = "write it like champs[0].lien, or lignes[].nom for every item"
            self.complain(place, f"{text!r} is not a path", mend)
            return None
        return _split(text)

    def _text(self, place: Place) -> str | None:
        value = self._at(place)
        if isinstance(value, str):
            return value
        if value is not None:
            self.complain(place, "this must be a text")
        return None

    def _pattern(self, place: Place) -> re.Pattern[str] | None:
        text = self._text(place)
        try:
            return re.compile(text) if text is not None else None
        except re.error as error:
            self.complain(place, f"{text!r} is not a regular expression: {error}")
            return None

    def _patterns(self, place: Place) -> Patterns | None:
        value = self._at(place)
        if not isinstance(value, dict):
            self.complain(place, "this must be made of `key: pattern` lines")
            return None
        is_rule = place[:1] == ("rules",)
        keys = self._mapping(place, FIELDS) if is_rule else value
        pairs = [(key, self._pattern((*place, key))) for key in keys]
        return tuple((key, pattern) for key, pattern in pairs if pattern is not None)

    def _choice(self, place: Place, choices: type[_Choice]) -> _Choice | None:
        value = self._at(place)
        try:
            return choices(str(value))
        except ValueError:
            known = ", ".join(choices)
            self.complain(place, f"{value!r} is not one of: {known}")
            return None

    def _years(self, place: Place) -> tuple[int, int] | None:
        match self._at(place):
            case [str() as since, str() as until] if _YEARS.fullmatch(since + until):
                return int(since), int(until)
        self.complain(place, "this must be two years from 1900 on: [2000, 2100]")
        return None

    def _words(self, place: Place) -> frozenset[str] | None:
        value = self._at(place)
        if not isinstance(value, list):
            self.complain(place, "this must be a list of words")
            return None
        return frozenset(str(word).casefold() for word in value)


def _split(path: str) -> Steps:
    steps = []
    for name, place in _STEP.findall(path):
        steps.append(name or (int(place) if place else None))
    return tuple(steps)
