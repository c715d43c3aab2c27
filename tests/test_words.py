from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.rendering.words import catalogue, greeting, languages, typeset

ENGLISH = catalogue("en")


def fields(pattern: str) -> set[str]:
    """Return the values that *pattern* asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name}


def forms(word: object) -> dict[str, str]:
    """Return a word's plural forms; one that is not counted has one."""
    return dict(word) if isinstance(word, dict) else {"other": str(word)}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_word(language: str) -> None:
    """A file of words says all that English says, and nothing more."""
    assert set(ENGLISH.words) == set(catalogue(language).words)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("key", sorted(ENGLISH.words))
def test_words_take_the_same_values_in_every_language(key: str, language: str) -> None:
    """No language asks for a value that the others do not, in any plural form."""
    words = catalogue(language)
    allowed = {
        name for form in forms(ENGLISH.words[key]).values() for name in fields(form)
    }

    for form in forms(words.words[key]).values():
        assert fields(form) <= allowed


@pytest.mark.parametrize("language", languages())
def test_plural_words_have_every_form_of_their_language(language: str) -> None:
    """A counted word has each form that CLDR knows for whole numbers."""
    words = catalogue(language)
    needed = {words.locale.plural_form(n) for n in (0, 1, 2, 5, 21, 100, 1_000_000)}
    counted = [word for word in words.words.values() if isinstance(word, dict)]

    assert counted
    for word in counted:
        assert needed | {"other"} <= set(word)


@pytest.mark.parametrize("language", languages())
def test_every_language_says_how_to_write_dates(language: str) -> None:
    """Only what English needs for its half days, and French for its 1er, may differ."""
    optional = {"first_of_month", "midnight", "start_in_same_half"}

    assert set(ENGLISH.dates) - optional == set(catalogue(language).dates) - optional
    assert set(ENGLISH.labels) == set(catalogue(language).labels)


@pytest.mark.parametrize(
    ("asked", "language", "locale"),
    [
        pytest.param("fr", "fr", "fr", id="known"),
        pytest.param("fr-CA", "fr", "fr_CA", id="variant"),
        pytest.param("fr-xyzzy", "fr", "fr", id="unknown-variant"),
        pytest.param("br", "en", "en", id="without-a-file"),
    ],
)
def test_words_fall_back_to_the_base_language_then_english(
    asked: str, language: str, locale: str
) -> None:
    """A reader gets the nearest language there is."""
    words = catalogue(asked)

    assert (language, locale) == (words.language, str(words.locale))


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("Zoé", "fr", "Bonjour Zoé,"),
        ("", "fr", "Bonjour,"),
        ("  ", "fr", "Bonjour,"),
        ("Tom", "en", "Hello Tom,"),
        ("", "en", "Hello,"),
        ("{name}", "en", "Hello {name},"),
    ],
)
def test_greeting_names_who_has_a_name(name: str, language: str, expected: str) -> None:
    """Nobody is greeted by an empty name."""
    assert expected == greeting(name, language)


def test_french_titles_keep_their_double_signs_with_the_word() -> None:
    """A colon, a question mark and « » never stand alone at a line's edge."""
    typed = typeset("Le « libre » : pour qui ?", "fr")

    assert "Le «\u00a0libre\u00a0»\u00a0: pour qui\u00a0?" == typed


@given(st.text())
def test_typesetting_changes_nothing_but_spaces(text: str) -> None:
    """Read with ordinary spaces, a typeset text is the text."""
    for language in languages():
        typed = typeset(text, language)

        assert text.replace("\u00a0", " ") == typed.replace("\u00a0", " ")
