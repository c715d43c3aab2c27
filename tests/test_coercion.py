from __future__ import annotations

import contextlib
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.content.coercion import (
    DateError,
    clean_line,
    named_days,
    read_boolean,
    read_date,
    read_words,
)

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "local", "offset"),
    [
        ("2019-05-23 00:00:00 +02:00", "2019-05-23 00:00", 2 * HOUR),
        ("2018-06-14 9:00:00 -0500", "2018-06-14 09:00", -5 * HOUR),
        ("2026-05-16 21:30", "2026-05-16 21:30", None),
        ("2024-05-01T18:00:00.000Z", "2024-05-01 18:00", 0 * HOUR),
        ("2024-05-01 18:00-0330", "2024-05-01 18:00", -3.5 * HOUR),
        ("2024-05-01 18:00 +05", "2024-05-01 18:00", 5 * HOUR),
        ("2024-5-1", "2024-05-01", None),
        ("2024/05/01 6:30 pm", "2024-05-01 18:30", None),
        ("2024-05-01 12am", "2024-05-01 00:00", None),
        ("2024-05-01 à 18h30", "2024-05-01 18:30", None),
        ("December 10, 2021", "2021-12-10", None),
        ("Friday, December 10, 2021 6:30 PM", "2021-12-10 18:30", None),
        ("10 Dec 2021", "2021-12-10", None),
        ("jeudi 18 novembre 2021", "2021-11-18", None),
        ("1er décembre 2022 à 18h", "2022-12-01 18:00", None),
        ("0007-08-31 23:09:21 +00:09", "0007-08-31 23:09", 9 * HOUR / 60),
        ("1589625000", "2020-05-16 10:30", 0 * HOUR),
    ],
)
def test_reads_dates_as_they_are_written(
    text: str, local: str, offset: timedelta | None
) -> None:
    """What the clock shows and the offset beside it, nothing computed."""
    written = read_date(text)

    assert (local, offset) == (str(written), written.offset)


def test_tells_a_machines_utc_from_a_persons_zero() -> None:
    """Only a literal Z or UTC is surely an instant."""
    answers = {
        text: read_date(f"2024-05-01 18:00 {text}").is_utc
        for text in ("Z", "UTC", "+00:00", "+0200")
    }

    assert {"Z": True, "UTC": True, "+00:00": False, "+0200": False} == answers


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2023-02-29 10:00",
        "2024-13-01",
        "2024-05-01 25:00",
        "2024-05-01 18:61",
        "2024-05-01 13pm",
        "2024-05-01 18:00 +99:00",
        "2024-05-01 18:00 +01:75",
        "31 novembre 2021",
    ],
)
def test_an_impossible_date_is_an_error(text: str) -> None:
    """A day or hour that does not exist is not moved to one that does."""
    with pytest.raises(DateError, match=r"does not exist|not an offset"):
        read_date(text)


@pytest.mark.parametrize(
    "text",
    ["03/04/2024", "3.4.2024", "2024-05", "18:30", "demain", "5 mai", "2024-05-01 9"],
)
def test_what_could_be_two_dates_is_none(text: str) -> None:
    """Day before month, or month before day: nobody knows, so nobody guesses."""
    with pytest.raises(DateError, match="is not a date"):
        read_date(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  U&#46;S&#46; Web&#58; R&amp;D \n", "U.S. Web: R&D"),
        ("one\u2028two\x85three\x00four\tfive", "one two three four five"),
        ("Café\xa0: l’été", "Café\xa0: l’été"),
        ("Q&A &notanentity AT&T;", "Q&A &notanentity AT&T;"),
        ("\ufeffTitle\u200b\xa0", "Title"),
    ],
)
def test_puts_text_on_one_clean_line(text: str, line: str) -> None:
    """Entities are decoded, white space collapsed, and no-break spaces kept."""
    assert line == clean_line(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", " b ", "a", None, {"x": "y"}], ("a", "b")),
        ("a, b,,c", ("a", "b", "c")),
        (["R&amp;D, design"], ("R&D, design",)),
        (None, ()),
        ({"a": "b"}, ()),
    ],
)
def test_reads_lists_and_commas(value: object, words: tuple[str, ...]) -> None:
    """A list keeps its commas, a text is split at them, each word comes once."""
    assert words == read_words(value)


def test_reads_yes_and_no_in_both_languages() -> None:
    """Anything else is neither."""
    answers = [read_boolean(text) for text in ("Yes", "oui", "FALSE", "non", "peut")]

    assert [True, True, False, False, None] == answers


def test_finds_the_days_a_sentence_names() -> None:
    """Weekday and year may be missing; a bare month is no day."""
    text = "Le jeudi 8 décembre, then Friday, June 14, 2024 and 13 & 14 juin in May"
    found = {(d.day, d.month, d.year, d.weekday) for d in named_days(text)}

    assert {(8, 12, None, 3), (14, 6, 2024, 4), (14, 6, None, None)} == found


@given(st.datetimes(min_value=datetime(1900, 1, 1)))  # noqa: DTZ001 - a clock's reading
def test_reads_back_any_written_date(local: datetime) -> None:
    """What Python writes, with or without `T`, is read as the same clock time."""
    for separator in ("T", " "):
        assert (
            local.replace(microsecond=0) == read_date(local.isoformat(separator)).local
        )


@given(st.dates(min_value=date(1900, 1, 1)), st.sampled_from(["%d %B %Y", "%B %d, %Y"]))
def test_reads_back_any_spelt_date(day: date, form: str) -> None:
    """Month names in English mean one day only."""
    assert day == read_date(day.strftime(form)).day


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\d( \d?\d:\d\d)?( [+-]\d{4})?"))
def test_any_text_is_a_date_or_a_date_error(text: str) -> None:
    """No text raises anything else, in any reader."""
    with contextlib.suppress(DateError):
        read_date(text)
    clean_line(text)
    read_boolean(text)
    list(named_days(text))
