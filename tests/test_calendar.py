from __future__ import annotations

import zoneinfo
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_cases import (
    BERLIN,
    DAY_AT_9,
    MONDAYS_AT_8,
    TWO_HOURS,
    WEEK_AT_9,
    at,
    clock_shows,
    event,
    utc,
)
from tambour.model import Cron, Every, Offset
from tambour.planning.calendar import (
    at_clock,
    begins_at,
    latest,
    occurrences,
    reminder_due,
)

ZONES = sorted(zoneinfo.available_timezones())
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("start", "offset", "due"),
    [
        pytest.param(
            "2027-04-01 19:00", WEEK_AT_9, "2027-03-25 08:00", id="week-over-spring"
        ),
        pytest.param(
            "2027-04-01 19:00",
            Offset(key="7d", days=7),
            "2027-03-25 18:00",
            id="own-clock-over-spring",
        ),
        pytest.param(
            "2027-03-29 02:30",
            Offset(key="1d", days=1),
            "2027-03-28 01:30",
            id="own-clock-into-gap",
        ),
        pytest.param(
            "2026-10-26 02:30",
            Offset(key="1d", days=1),
            "2026-10-25 00:30",
            id="own-clock-into-fold-first-time",
        ),
        pytest.param(
            "2027-03-28 03:30", TWO_HOURS, "2027-03-27 23:30", id="hours-over-gap"
        ),
        pytest.param(
            "2026-10-25 03:30", TWO_HOURS, "2026-10-25 00:30", id="hours-over-fold"
        ),
        pytest.param("2027-01-01 19:00", DAY_AT_9, "2026-12-31 08:00", id="new-year"),
        pytest.param("2028-03-01 19:00", DAY_AT_9, "2028-02-29 08:00", id="leap-year"),
        pytest.param(
            "2027-05-10 18:00",
            Offset(key="0d-0900", days=0, at=time(9)),
            "2027-05-10 07:00",
            id="same-day",
        ),
    ],
)
def test_reminder_is_due_before_the_start(start: str, offset: Offset, due: str) -> None:
    """Days are counted on the calendar, hours on the stopwatch."""
    actual = reminder_due(at(start), ZoneInfo(BERLIN), offset=offset)

    assert utc(due) == actual


@pytest.mark.parametrize(
    "offset",
    [
        pytest.param(Offset(key="x", days=999_999), id="days"),
        pytest.param(Offset(key="x", elapsed=timedelta(days=999_999)), id="elapsed"),
    ],
)
def test_reminder_due_before_the_calendar_began_is_long_past(offset: Offset) -> None:
    """An absurd offset is past, not a crash."""
    due = reminder_due(at("2027-04-01 19:00"), ZoneInfo(BERLIN), offset=offset)

    assert date(2, 1, 2) >= due.date()


@pytest.mark.parametrize(
    ("start", "all_day", "begins"),
    [
        pytest.param("2027-04-01 19:00", False, "2027-04-01 17:00", id="time"),
        pytest.param("2027-04-01 00:00", True, "2027-03-31 22:00", id="date"),
        pytest.param("2027-04-01 12:00", True, "2027-03-31 22:00", id="noon-as-date"),
    ],
)
def test_a_mere_date_begins_at_its_midnight(
    start: str, all_day: bool, begins: str
) -> None:
    """An all-day event has begun when its day has."""
    actual = begins_at(event(start, all_day=all_day))

    assert utc(begins) == actual


def test_an_event_without_a_start_never_begins() -> None:
    """A held event may lack a start."""
    assert begins_at(event(None)) is None


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "until", "expected"),
    [
        pytest.param(
            MONDAYS_AT_8,
            BERLIN,
            "2027-03-20 00:00",
            "2027-04-01 00:00",
            ["2027-03-22 07:00", "2027-03-29 06:00"],
            id="mondays-over-spring",
        ),
        pytest.param(
            Every(at=time(2, 30)),
            BERLIN,
            "2027-03-27 12:00",
            "2027-03-29 12:00",
            ["2027-03-28 01:30", "2027-03-29 00:30"],
            id="daily-in-gap",
        ),
        pytest.param(
            Every(at=time(2, 30)),
            BERLIN,
            "2027-03-28 03:15",
            "2027-03-28 03:30",
            ["2027-03-28 01:30"],
            id="skipped-into-a-stretch-after-the-gap",
        ),
        pytest.param(
            Every(at=time(2, 30)),
            BERLIN,
            "2026-10-24 12:00",
            "2026-10-26 12:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
            id="daily-in-fold-once",
        ),
        pytest.param(
            Cron(expression="0,30 2,3 * * *"),
            BERLIN,
            "2027-03-28 00:00",
            "2027-03-28 12:00",
            ["2027-03-28 01:00", "2027-03-28 01:30"],
            id="cron-in-gap-merges",
        ),
        pytest.param(
            Cron(expression="0 8 1 * *"),
            BERLIN,
            "2027-03-15 00:00",
            "2027-05-01 08:00",
            ["2027-04-01 06:00", "2027-05-01 06:00"],
            id="cron-monthly-end-included",
        ),
        pytest.param(
            Every(at=time(8)),
            "Pacific/Apia",
            "2011-12-29 07:59",
            "2011-12-31 12:00",
            ["2011-12-29 18:00", "2011-12-30 18:00"],
            id="a-whole-day-skipped",
        ),
        pytest.param(
            Every(at=time(8), weekdays=frozenset({5, 6})),
            "UTC",
            "2027-01-01 00:00",
            "2027-01-05 00:00",
            ["2027-01-02 08:00", "2027-01-03 08:00"],
            id="weekends",
        ),
        pytest.param(
            Cron(expression="0 0 30 2 1"),
            "UTC",
            "2027-01-01 00:00",
            "2027-01-05 00:00",
            [],
            id="nothing",
        ),
    ],
)
def test_occurrences_follow_the_local_clock(
    *, schedule: Every | Cron, zone: str, after: str, until: str, expected: list[str]
) -> None:
    """A schedule keeps its local time over clock changes, once a period."""
    found = occurrences(
        schedule, ZoneInfo(zone), after=at(after, zone), until=at(until, zone)
    )

    assert [utc(one) for one in expected] == [one.at for one in found]


def test_two_periods_never_share_a_nominal_time() -> None:
    """In Nuuk, a Saturday's 23:30 is skipped into the Sunday that has its own."""
    nuuk = "America/Nuuk"
    found = occurrences(
        Every(at=time(23, 30)),
        ZoneInfo(nuuk),
        after=at("2027-03-27 12:00", nuuk),
        until=at("2027-03-29 12:00", nuuk),
    )

    assert [28, 28] == [one.at.astimezone(ZoneInfo(nuuk)).day for one in found]
    assert [27, 28] == [one.nominal.day for one in found]


def test_the_latest_may_be_the_earlier_local_time() -> None:
    """On Lord Howe, 02:15 is skipped to 02:45, past a 02:30 that exists."""
    lord_howe = "Australia/Lord_Howe"
    schedule = Cron(expression="15,30 2 * * *")
    until = at("2027-10-03 12:00", lord_howe)
    last = latest(schedule, ZoneInfo(lord_howe), until=until)
    found = occurrences(
        schedule, ZoneInfo(lord_howe), after=until - timedelta(hours=12), until=until
    )

    assert last is not None
    assert utc("2027-10-02 15:45") == last.at
    assert [utc("2027-10-02 15:30"), utc("2027-10-02 15:45")] == [
        one.at for one in found
    ]


def test_the_latest_is_none_when_there_never_was_one() -> None:
    """A cron line may be sound and yet match no day of any year."""
    never = Cron(expression="0 0 */30 2 5#5")

    assert latest(never, ZoneInfo("UTC"), until=utc("2027-01-01")) is None


zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2005, 1, 1), date(2037, 12, 31))
clocks = st.times().map(lambda one: one.replace(second=0, microsecond=0))
schedules = st.one_of(
    st.builds(Every, at=clocks, weekdays=st.frozensets(st.integers(0, 6))),
    st.builds(
        Cron,
        expression=st.sampled_from(
            ["*/30 * * * *", "0 0 * * *", "15 1-3 * * 0", "30 2 * * *", "0 23,0 * * *"]
        ),
    ),
)


@settings(deadline=None)
@given(zone=zones, day=days, clock=clocks)
def test_local_times_mean_the_same_in_every_zone(
    zone: ZoneInfo, day: date, clock: time
) -> None:
    """Gaps count with the offset before them, folds the first time."""
    expected = clock_shows(datetime.combine(day, clock), zone)

    assert expected == at_clock(day, clock, zone=zone)


@settings(max_examples=60, deadline=None)
@given(
    schedule=schedules,
    zone=zones,
    day=days,
    clock=clocks,
    length=st.timedeltas(timedelta(0), timedelta(days=9)),
)
def test_latest_and_occurrences_agree(
    *,
    schedule: Every | Cron,
    zone: ZoneInfo,
    day: date,
    clock: time,
    length: timedelta,
) -> None:
    """The latest time is the last of those before, wherever the stretch begins."""
    until = clock_shows(datetime.combine(day, clock), zone)
    found = occurrences(schedule, zone, after=until - length, until=until)
    split = until - length / 2
    first = occurrences(schedule, zone, after=until - length, until=split)
    second = occurrences(schedule, zone, after=split, until=until)
    last = latest(schedule, zone, until=until)

    assert found == [*first, *second]
    assert last is not None
    assert (last == found[-1]) if found else (last.at <= until - length)
    assert len(found) == len({one.nominal for one in found})
    assert len(found) == len({one.at for one in found})


@settings(max_examples=60, deadline=None)
@given(zone=zones, day=days, clock=clocks)
def test_daily_schedules_miss_no_day(zone: ZoneInfo, day: date, clock: time) -> None:
    """Each local day has its time, found by looking from UTC."""
    until = clock_shows(datetime.combine(day, time(12)), zone)
    after = until - timedelta(days=6)
    found = occurrences(Every(at=clock), zone, after=after, until=until)
    expected = {
        clock_shows(datetime.combine(day - timedelta(days=back), clock), zone)
        for back in range(-2, 10)
    }

    assert sorted(one for one in expected if after < one <= until) == [
        one.at for one in found
    ]
