"""
The fixed words of messages, one YAML file per language in `languages/`.

A new language is a new file there, nothing else. Chooses plural forms as CLDR says;
knows nothing of events or templates. Source: Unicode TR35 part 3, language plurals.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

from tambour.yamltext import parse

FOLDER = Path(__file__).parent / "languages"
FALLBACK = "en"
NO_BREAK_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """
    What one language's file says.

    `locale` is the reader's own (`fr_CA`), even where the words are those of `fr`.
    """

    language: str
    locale: Locale
    words: Mapping[str, str | Mapping[str, str]]
    dates: Mapping[str, Any]
    labels: Mapping[str, str]
    typography: Mapping[str, str]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML's `dir` wants it."""
        return self.locale.text_direction

    def text(self, key: str, **values: object) -> str:
        """
        Return the word, in the plural form that `count` asks for.

        Raises:
            KeyError: no such word, or the word has a value that was not given.

        """
        word = self.words[key]
        if not isinstance(word, str):
            form = self.locale.plural_form(_number(values.get("count")))
            word = word.get(form, word["other"])
        return word.format_map(values)


def _number(count: object) -> int:
    return count if isinstance(count, int) else 0


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that have a file."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def catalogue(language: str) -> Catalogue:
    """Return the words for *language*, its base language, or else English."""
    candidates = (language, language.split("-", maxsplit=1)[0].lower())
    chosen = next((one for one in candidates if one in languages()), FALLBACK)
    source = (FOLDER / f"{chosen}.yaml").read_text(encoding="utf-8")
    data = parse(source.replace("~", NO_BREAK_SPACE)).data
    return Catalogue(language=chosen, locale=_locale(language, chosen), **data)


def _locale(language: str, chosen: str) -> Locale:
    if language.split("-", maxsplit=1)[0].lower() == chosen.split("-", maxsplit=1)[0]:
        with suppress(UnknownLocaleError, ValueError):
            return Locale.parse(language, sep="-")
    return Locale.parse(chosen, sep="-")


def greeting(name: str, language: str) -> str:
    """Return the line that opens a letter to *name*, who may have none."""
    words, name = catalogue(language), name.strip()
    return words.text("greeting", name=name) if name else words.text("greeting_nobody")


def typeset(text: str, language: str) -> str:
    """Return *text* with the no-break spaces that its language asks for."""
    rules = catalogue(language).typography
    for sign in rules["keep_before"]:
        text = text.replace(f" {sign}", f"{NO_BREAK_SPACE}{sign}")
    for sign in rules["keep_after"]:
        text = text.replace(f"{sign} ", f"{sign}{NO_BREAK_SPACE}")
    return text
