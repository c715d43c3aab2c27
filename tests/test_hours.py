from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.content.hours import Hours, read_hours


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("18h00 - 21h00 ", "18:00–21:00"),
        ("De 9h à 12h30", "09:00–12:30"),
        ("9h30-17h", "09:30–17:00"),
        ("18h30 – 21h30", "18:30–21:30"),
        ("de 12h à 13h30", "12:00–13:30"),
        ("11h45-12h30", "11:45–12:30"),
        ("mardi 8 octobre 2024 de 09h00 à 12h30", "09:00–12:30"),
        ("9am–5pm", "09:00–17:00"),
        ("9-11am", "09:00–11:00"),
        ("9:30 - 11 a.m.", "09:30–11:00"),
        ("12 pm to 1:30 pm", "12:00–13:30"),
        ("9 - 17h", "09:00–17:00"),
        ("14 h 30 - 16 h", "14:30–16:00"),
        ("9 heures 30 à 11 heures", "09:30–11:00"),
        ("18:30:00", "18:30"),
        ("2024-05-01 18:00:00", "18:00"),
        ("à partir de 18h30", "18:30"),
        ("9h à midi", "09:00–12:00"),
        ("9h-12h et 14h-17h", "09:00–17:00"),
        ("20h-2h", "20:00–02:00"),
        ("22h - minuit", "22:00–00:00"),
    ],
)
def test_reads_the_hours_people_write(text: str, hours: str) -> None:
    """A start, and an end if one is said."""
    assert hours == str(read_hours(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "toute la journée",
        "du 13 au 20 décembre",
        "14h-12h",
        "11-1pm",
        "25h",
        "18h75",
        "13pm",
        "jusqu'à 18h",
        "inscription avant 12h",
        "Accueil 9h, début 9h30",
        "Lundi 9h-12h, mardi 14h-15h",
        "9h-12h et 11h-17h",
        "18h CET",
        "9am PT",
        "2024-05-01T18:00:00",
    ],
)
def test_leaves_alone_what_can_be_read_in_two_ways(text: str) -> None:
    """A wrong hour is worse than none."""
    assert read_hours(text) is None


def test_knows_that_a_night_ends_the_next_day() -> None:
    """Only an end at or before the start has passed midnight."""
    assert Hours(start=time(20), end=time(2)).ends_next_day
    assert not Hours(start=time(9), end=time(12)).ends_next_day
    assert not Hours(start=time(9)).ends_next_day


@given(st.times(), st.times(), st.sampled_from([" - ", "–", " à ", " to "]))
def test_reads_back_any_day_hours(one: time, other: time, link: str) -> None:
    """Two clock times in order are read as they were written."""
    start, end = (t.replace(second=0, microsecond=0) for t in sorted((one, other)))
    hours = read_hours(f"De {start:%H}h{start:%M}{link}{end:%H:%M}")

    expected = Hours(start=start, end=end) if start < end else None
    assert expected == hours


@given(st.text(alphabet="0123456789 h:-–àapmetdu.,\n\u0660") | st.text())
def test_never_raises(text: str) -> None:
    """Any words are hours or none."""
    read_hours(text)
