from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from rendering_samples import PARIS, make_event
from tambour.model import Event
from tambour.rendering.dates import span, when, when_short

NEW_YORK = ZoneInfo("America/New_York")


def plain(text: str) -> str:
    """Return *text* with ordinary spaces."""
    return text.replace("\u00a0", " ")


def event(
    start: str, end: str = "", *, all_day: bool = False, zone: str = "Europe/Paris"
) -> Event:
    """Return an event from one local time to another."""
    place = ZoneInfo(zone)
    return make_event(
        start=datetime.fromisoformat(start).replace(tzinfo=place),
        end=datetime.fromisoformat(end).replace(tzinfo=place) if end else None,
        all_day=all_day,
        timezone=zone,
    )


CASES = [
    pytest.param(
        event("2019-05-23 18:00", "2019-05-23 21:00"),
        "jeudi 23 mai 2019, de 18 h à 21 h",
        "Thursday, May 23, 2019, 6:00–9:00 PM",
        id="evening",
    ),
    pytest.param(
        event("2019-05-23 09:30", "2019-05-23 12:15"),
        "jeudi 23 mai 2019, de 9 h 30 à 12 h 15",
        "Thursday, May 23, 2019, 9:30 AM–12:15 PM",
        id="over-noon",
    ),
    pytest.param(
        event("2019-05-01 18:30"),
        "mercredi 1er mai 2019 à 18 h 30",
        "Wednesday, May 1, 2019, 6:30 PM",
        id="no-end",
    ),
    pytest.param(
        event("2019-05-23 18:00", "2019-05-23 18:00"),
        "jeudi 23 mai 2019 à 18 h",
        "Thursday, May 23, 2019, 6:00 PM",
        id="end-is-start",
    ),
    pytest.param(
        event("2019-05-23 18:00", "2019-05-23 00:00"),
        "jeudi 23 mai 2019 à 18 h",
        "Thursday, May 23, 2019, 6:00 PM",
        id="end-before-start",
    ),
    pytest.param(
        event("2019-05-23 20:00", "2019-05-24 00:00"),
        "jeudi 23 mai 2019, de 20 h à minuit",
        "Thursday, May 23, 2019, 8:00 PM–midnight",
        id="until-midnight",
    ),
    pytest.param(
        event("2019-05-23 22:00", "2019-05-24 02:00"),
        "jeudi 23 mai 2019, de 22 h à 2 h",
        "Thursday, May 23, 2019, 10:00 PM–2:00 AM",
        id="into-the-night",
    ),
    pytest.param(
        event("2019-12-03 09:00", "2019-12-05 17:00"),
        "du mardi 3 décembre 2019 à 9 h au jeudi 5 décembre 2019 à 17 h",
        "Tuesday, December 3, 2019, 9:00 AM – Thursday, December 5, 2019, 5:00 PM",
        id="days-with-hours",
    ),
    pytest.param(
        event("2019-05-23", all_day=True),
        "jeudi 23 mai 2019",
        "Thursday, May 23, 2019",
        id="all-day",
    ),
    pytest.param(
        event("2019-05-23", "2019-05-23", all_day=True),
        "jeudi 23 mai 2019",
        "Thursday, May 23, 2019",
        id="all-day-with-same-end",
    ),
    pytest.param(
        event("2019-12-03", "2019-12-05", all_day=True),
        "du 3 au 5 décembre 2019",
        "December 3–5, 2019",
        id="days-of-one-month",
    ),
    pytest.param(
        event("2019-11-30", "2019-12-01", all_day=True),
        "du 30 novembre au 1er décembre 2019",
        "November 30 – December 1, 2019",
        id="days-of-two-months",
    ),
    pytest.param(
        event("2019-12-30", "2020-01-01", all_day=True),
        "du 30 décembre 2019 au 1er janvier 2020",
        "December 30, 2019 – January 1, 2020",
        id="days-of-two-years",
    ),
    pytest.param(
        event("2019-05-23 14:00", "2019-05-23 15:00", zone="America/New_York"),
        "jeudi 23 mai 2019, de 14 h à 15 h (heure locale : New York)",
        "Thursday, May 23, 2019, 2:00–3:00 PM (New York time)",
        id="another-zone",
    ),
    pytest.param(
        event("2019-05-23 14:00", zone="Europe/Brussels"),
        "jeudi 23 mai 2019 à 14 h",
        "Thursday, May 23, 2019, 2:00 PM",
        id="another-zone-with-the-same-clock",
    ),
    pytest.param(
        event("2019-05-23", zone="America/New_York", all_day=True),
        "jeudi 23 mai 2019",
        "Thursday, May 23, 2019",
        id="another-zone-all-day",
    ),
]


@pytest.mark.parametrize(("one", "french", "english"), CASES)
def test_when_says_day_hours_and_zone(one: Event, french: str, english: str) -> None:
    """An event's time reads as its poster would print it, in either language."""
    said = {
        language: plain(when(one, language=language, site_zone=PARIS))
        for language in ("fr", "en")
    }

    assert {"fr": french, "en": english} == said


def test_hours_and_days_are_never_torn_from_their_numbers() -> None:
    """`18 h` and `23 mai` stay on one line."""
    said = when(CASES[0].values[0], language="fr", site_zone=PARIS)

    assert "jeudi 23\u00a0mai 2019, de\u00a018\u00a0h à\u00a021\u00a0h" == said


@pytest.mark.parametrize(
    ("one", "year", "french", "english"),
    [
        pytest.param(
            event("2019-05-23 18:00"),
            2019,
            "jeu. 23 mai, 18 h",
            "Thu, May 23, 6:00 PM",
            id="this-year",
        ),
        pytest.param(
            event("2020-01-01 10:30"),
            2019,
            "mer. 1er janv. 2020, 10 h 30",
            "Wed, Jan 1, 2020, 10:30 AM",
            id="another-year",
        ),
        pytest.param(
            event("2019-05-23", all_day=True),
            2019,
            "jeu. 23 mai",
            "Thu, May 23",
            id="all-day",
        ),
    ],
)
def test_the_short_form_leaves_out_what_is_understood(
    one: Event, year: int, french: str, english: str
) -> None:
    """Weekday and month are short, the year is said only when it is another."""
    said = {
        language: plain(when_short(one, language=language, site_zone=PARIS, year=year))
        for language in ("fr", "en")
    }

    assert {"fr": french, "en": english} == said


def test_a_span_of_one_day_is_that_day() -> None:
    """A period whose events all fall on one day names its weekday."""
    day = date(2019, 5, 23)

    assert "jeudi 23 mai 2019" == plain(span(day, day, language="fr"))


def test_the_zone_matters_at_the_moment_of_the_event() -> None:
    """London and Lisbon share a clock all year; Paris and New York never do."""
    lisbon = event("2019-05-23 18:00", zone="Europe/Lisbon")

    assert "Lis" not in when(lisbon, language="en", site_zone=ZoneInfo("Europe/London"))
    assert "Lis" in when(lisbon, language="en", site_zone=NEW_YORK)


def test_an_event_without_a_start_is_refused() -> None:
    """A held event must never be announced."""
    with pytest.raises(ValueError, match="has no start"):
        when(make_event(start=None), language="fr", site_zone=PARIS)
