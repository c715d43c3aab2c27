"""Which days a rule gives, beside RFC 5545's own examples and a count by hand."""

# ruff: noqa: DTZ001 - what clocks show has no zone

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_cases import read
from tambour.content import recurrence
from tambour.content.recurrence import (
    MOST,
    Recurrence,
    RecurrenceError,
    Window,
    read_rule,
)
from tambour.content.series import Series
from tambour.model import Event, EventId

PARIS = ZoneInfo("Europe/Paris")
FIRST = datetime(1997, 9, 2, 9)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "UTC",
)


def starts(
    rule: str, first: datetime = FIRST, *, until: datetime | None = None
) -> tuple[datetime, ...]:
    """Return the starts that a rule gives, within a year unless told."""
    end = until or first + timedelta(days=366)
    recurrence = Recurrence(rule=read_rule(rule, zone=PARIS))
    return recurrence.starts(first, since=first, until=end)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=10", [f"09-{day:02}" for day in range(2, 12)]),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", ["09-02", "09-12", "09-22", "10-02", "10-12"]),
        ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", [
            "09-02", "09-04", "09-09", "09-11", "09-16", "09-18", "09-23", "09-25", "09-30", "10-02",
        ]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", [
            "09-02", "09-04", "09-16", "09-18", "09-30", "10-02", "10-14", "10-16",
        ]),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=1TU", ["09-02", "10-07", "11-04"]),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU;BYSETPOS=1", ["09-02", "10-07", "11-04"]),
        ("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=2,15", ["09-02", "09-15", "10-02"]),
        ("FREQ=YEARLY;BYMONTH=9;BYDAY=TU", ["09-02", "09-09", "09-16", "09-23", "09-30"]),
        ("RRULE:FREQ=DAILY;COUNT=2", ["09-02", "09-03"]),
        ("freq=daily;count=2", ["09-02", "09-03"]),
        ("FREQ=DAILY;UNTIL=19970904", ["09-02", "09-03", "09-04"]),
        ("FREQ=DAILY;UNTIL=19970904T090000", ["09-02", "09-03", "09-04"]),
        ("FREQ=DAILY;UNTIL=19970904T070000Z", ["09-02", "09-03", "09-04"]),
        ("FREQ=DAILY;UNTIL=19970904T065959Z", ["09-02", "09-03"]),
        ("FREQ=DAILY;UNTIL=19960101", ["09-02"]),
        ("FREQ=WEEKLY;BYDAY=WE;COUNT=3", ["09-02", "09-03", "09-10"]),
    ],
)  # fmt: skip
def test_gives_the_days_of_a_rule(rule: str, days: list[str]) -> None:
    """The examples of RFC 5545 §3.8.5.3, and how its ends are written."""
    end = datetime(1998, 8, 31)

    assert days == [f"{one:%m-%d}" for one in starts(rule, until=end)]


@pytest.mark.parametrize(
    "rule",
    [
        *("", "weekly", "FREQ=", "FREQ=FORTNIGHTLY", "BYDAY=MO", "FREQ=WEEKLY;BYDAY=XX"),
        *("FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY;COUNT=3"),
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3;BYSECOND=1,2,3",
        *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=-1"),
        *("FREQ=DAILY;BYSETPOS=0", "FREQ=YEARLY;RSCALE=HEBREW", "FREQ=DAILY;X=1"),
        *("FREQ=DAILY;UNTIL=tomorrow", "FREQ=DAILY;UNTIL=20270230", "FREQ=DAILY;BYHOUR=25"),
        "FREQ=DAILY;UNTIL=20270101,20270102",
    ],
)  # fmt: skip
def test_refuses_what_nobody_could_follow(rule: str) -> None:
    """Nonsense and explosions are refused with a reason."""
    with pytest.raises(RecurrenceError):
        starts(rule)


def test_refuses_a_rule_over_which_its_counting_stumbles() -> None:
    """What is found out only while counting is refused, too."""
    with pytest.raises(RecurrenceError, match="cannot be followed"):
        starts("FREQ=MONTHLY;BYDAY=99MO", datetime(2027, 4, 1, 19))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYSETPOS=50",
        "FREQ=DAILY;BYMONTH=13",
    ],
)
def test_refuses_a_rule_that_no_date_fits(rule: str) -> None:
    """A rule that never comes true is found out, not waited for."""
    with pytest.raises(RecurrenceError, match="no date fits"):
        starts(rule, datetime(2027, 4, 1, 19))


def test_a_rule_without_end_is_followed_to_the_end_of_the_window() -> None:
    """Nothing is endless: the window bounds it."""
    found = starts("FREQ=DAILY", datetime(2000, 1, 1, 19), until=datetime(2000, 4, 9))

    assert 99 == len(found)


def test_refuses_more_times_than_anybody_announces() -> None:
    """Beyond a thousand times within the window the event is held."""
    with pytest.raises(RecurrenceError, match=str(MOST)):
        starts("FREQ=DAILY;BYHOUR=1,2,3,4", datetime(2027, 1, 1))


def test_dates_are_added_and_taken_out() -> None:
    """A day takes out all of its times, a time only itself."""
    first = datetime(2027, 4, 1, 19)
    recurrence = Recurrence(
        rule=read_rule("FREQ=WEEKLY;COUNT=4", zone=PARIS),
        added=(datetime(2027, 4, 2, 10), datetime(2027, 4, 15, 10), first),
        excluded=frozenset({date(2027, 4, 8), datetime(2027, 4, 15, 19)}),
    )
    found = recurrence.starts(first, since=first, until=datetime(2027, 6, 1))

    assert [
        first,
        datetime(2027, 4, 2, 10),
        datetime(2027, 4, 15, 10),
        datetime(2027, 4, 22, 19),
    ] == list(found)


def test_counts_once_what_is_asked_all_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon looks every few seconds, and a rule may have begun long ago."""
    asked: list[str] = []
    counting = recurrence.rrulestr

    def rrulestr(text: str, *, dtstart: datetime) -> object:
        asked.append(text)
        return counting(text, dtstart=dtstart)

    rule = read_rule("FREQ=DAILY;BYDAY=TU,FR,SA", zone=PARIS)
    impossible = read_rule("FREQ=WEEKLY;BYMONTH=6;BYSETPOS=49", zone=PARIS)
    monkeypatch.setattr(recurrence, "rrulestr", rrulestr)
    end = FIRST + timedelta(days=30)
    for _ in range(3):
        found = Recurrence(rule=rule).starts(FIRST, since=FIRST, until=end)
        with pytest.raises(RecurrenceError, match="no date fits"):
            Recurrence(rule=impossible).starts(FIRST, since=FIRST, until=end)

    assert 13 == len(found)
    assert [rule.text, impossible.text] == asked


def test_the_window_is_the_same_all_day() -> None:
    """What was found once a day need not be found at every tick."""
    morning = Window.around(datetime(2027, 3, 28, 0, 1, tzinfo=UTC))
    night = Window.around(datetime(2027, 3, 28, 23, 59, tzinfo=UTC))

    assert morning == night
    assert morning.since <= datetime(2027, 3, 26, 0, 1, tzinfo=UTC)
    assert morning.until >= datetime(2028, 5, 1, tzinfo=UTC)


# ── Beside a count by hand ──────────────────────────────────────────────────────


@st.composite
def simple_rules(draw: st.DrawFn) -> tuple[str, int, frozenset[int], int | None, int]:
    """Draw a rule of days or weeks, and its parts."""
    weekly = draw(st.booleans())
    interval = draw(st.integers(1, 4))
    days = draw(st.frozensets(st.integers(0, 6), max_size=4))
    count = draw(st.none() | st.integers(1, 30))
    start = draw(st.integers(0, 6))
    parts = [f"FREQ={'WEEKLY' if weekly else 'DAILY'}", f"INTERVAL={interval}"]
    if days:
        parts.append("BYDAY=" + ",".join(DAYS[day] for day in sorted(days)))
    if count:
        parts.append(f"COUNT={count}")
    if weekly:
        parts.append(f"WKST={DAYS[start]}")
    return ";".join(parts), interval, days, count, start if weekly else -1


def by_hand(
    first: datetime,
    until: datetime,
    rule: tuple[str, int, frozenset[int], int | None, int],
) -> list[datetime]:
    """Look at each day on its own and ask whether the rule means it."""
    _, interval, days, count, week_start = rule
    found = [first]
    day = first + timedelta(days=1)
    while day <= until:
        if week_start < 0:
            fits = (day - first).days % interval == 0
            fits = fits and (not days or day.weekday() in days)
        else:
            begins = [d - timedelta(days=(d.weekday() - week_start) % 7) for d in (first, day)]  # fmt: skip
            weeks = (begins[1] - begins[0]).days // 7
            fits = weeks % interval == 0 and day.weekday() in (
                days or {first.weekday()}
            )
        if fits:
            found.append(day)
        day += timedelta(days=1)
    return found[:count]


@given(
    rule=simple_rules(),
    first=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    zone=st.sampled_from(ZONES),
    length=st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=3)),
)
def test_repeats_on_the_clocks_of_any_zone(
    rule: tuple[str, int, frozenset[int], int | None, int],
    first: datetime,
    zone: str,
    length: timedelta | None,
) -> None:
    """Each time is where the clock shows it, also in the nights when clocks change."""
    first = first.replace(second=0, microsecond=0)
    here = ZoneInfo(zone)
    begun = first.replace(tzinfo=here).astimezone(UTC).astimezone(here)
    ended = None if length is None else begun + length
    whole = Event(
        id=EventId("x"), source="s", path="x.md", title="X", start=begun, end=ended,
        timezone=zone, language="fr",
    )  # fmt: skip
    series = Series(
        first=first,
        zone=here,
        recurrence=Recurrence(rule=read_rule(rule[0], zone=here)),
    )
    window = Window(since=begun - timedelta(days=1), until=begun + timedelta(days=200))
    try:
        found, wrong = series.occurrences(whole, window)
    except RecurrenceError:  # pragma: no cover - such rules always fit some day
        pytest.fail(rule[0])
    expected = [
        (one, at)
        for one in by_hand(first, first + timedelta(days=210), rule)
        if window.has(at := one.replace(tzinfo=here).astimezone(UTC))
    ]

    assert wrong is None
    assert [at for _, at in expected] == [event.start for event in found]
    assert [f"x@{one:%Y%m%dT%H%M}" for one, _ in expected] == [e.id for e in found]
    assert all(event.end is None or event.end > event.start for event in found if event.start)  # fmt: skip
    assert len({event.path for event in found}) == len(found)


@given(text=st.text("FREQ=DAILYWKMOTHSUBC;,0123456789-TZ", max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    """Nothing else can come of it, and it always ends."""
    try:
        found = starts(f"FREQ=YEARLY;{text}", datetime(2027, 4, 1, 19))
    except RecurrenceError:
        return

    assert found[0] == datetime(2027, 4, 1, 19)


# ── In front matter ─────────────────────────────────────────────────────────────

AROUND = Window.around(datetime(2027, 3, 20, tzinfo=UTC))


def test_front_matter_repeats() -> None:
    """19:00 stays 19:00 when clocks change, and each time has a lasting name."""
    file = read(
        "title: Cours\nstart: 2027-03-18 19:00\nend: 2027-03-18 21:00\n"
        "rrule: FREQ=WEEKLY;COUNT=4\nexdate: [2027-04-01]\nrdate: 20270502T100000"
    )
    events, problems = file.takes_place(AROUND)

    assert file.problems == problems == ()
    assert [
        ("agenda/fete@20270318T1900", "2027-03-18T19:00:00+01:00"),
        ("agenda/fete@20270325T1900", "2027-03-25T19:00:00+01:00"),
        ("agenda/fete@20270408T1900", "2027-04-08T19:00:00+02:00"),
        ("agenda/fete@20270502T1000", "2027-05-02T10:00:00+02:00"),
    ] == [(e.id, e.start and e.start.isoformat()) for e in events]
    assert {2} == {e.end.hour - e.start.hour for e in events if e.start and e.end}


@pytest.mark.parametrize(
    ("front", "line"),
    [
        ("rrule: FREQ=SECONDLY", 4),
        ("rrule: each Thursday", 4),
        ("rrule: FREQ=WEEKLY\nexdate: [2027-04-33]", 5),
        ("rrule: FREQ=WEEKLY\nsessions: [{start: 2027-04-01 10:00}]", 4),
    ],
)
def test_a_recurrence_that_says_nothing_holds_its_event(front: str, line: int) -> None:
    """The problem is at its line; the event is one, and held."""
    file = read(f"title: Cours\nstart: 2027-03-18 19:00\n{front}")
    events, _ = file.takes_place(AROUND)

    assert [line] == [problem.line for problem in file.problems]
    assert [("agenda/fete", "held")] == [(e.id, e.status) for e in events]


def test_a_recurrence_that_explodes_holds_its_event() -> None:
    """What is more than anybody would announce is said when it is counted."""
    file = read("title: C\nstart: 2027-03-18 19:00\nrrule: FREQ=DAILY;BYHOUR=1,2,3,4")
    events, problems = file.takes_place(AROUND)

    assert [("agenda/fete", "held")] == [(e.id, e.status) for e in events]
    assert [("E215", 4)] == [(one.code, one.line) for one in problems]


def test_sessions_are_events_that_take_the_rest_from_their_page() -> None:
    """Each has its own words, and those of the whole where it has none."""
    file = read(
        "title: Colloque\nlieu: Halle\nstart: 2027-04-01\nsessions:\n"
        "  - {debut: 2027-04-01 09:00, fin: 2027-04-01 12:00}\n"
        "  - {start: 2027-04-02 09:00, titre: Atelier, venue: Salle B}\n"
        "  - {start: 2027-04-03 09:00, id: cloture}\n"
    )
    events, _ = file.takes_place(AROUND)

    assert file.problems == ()
    assert [
        ("agenda/fete@20270401T0900", "Colloque", "Halle"),
        ("agenda/fete@20270402T0900", "Atelier", "Salle B"),
        ("agenda/fete@cloture", "Colloque", "Halle"),
    ] == [(e.id, e.title, e.venue) for e in events]
    assert [12, None, None] == [e.end and e.end.hour for e in events]


def test_a_broken_session_is_held_and_one_without_a_name_holds_all() -> None:
    """Nobody can tell which of them it was."""
    good = "  - {start: 2027-04-01 09:00}\n"
    named = read(f"title: C\nsessions:\n{good}  - {{start: 2027-04-33, id: b}}\n")
    nameless = read(f"title: C\nsessions:\n{good}  - {{start: 2027-04-33}}\n")

    assert [("E205", 5)] == [(p.code, p.line) for p in named.problems]
    assert ["scheduled", "held"] == [e.status for e in named.takes_place(AROUND)[0]]
    assert ["held"] == [e.status for e in nameless.takes_place(AROUND)[0]]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("", ""), [("agenda/fete", "held")]),
        ((", id: a", ", id: a"), [("agenda/fete", "held")]),
        ((", id: a", ""), [("agenda/fete@a", "scheduled"), ("agenda/fete@20270401T0900", "scheduled")]),
    ],
    ids=["no ids", "the same id", "one id"],
)  # fmt: skip
def test_sessions_side_by_side_need_names(
    ids: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    """Two at one hour would be one event, of which only one is announced."""
    each = "".join(f"  - {{start: 2027-04-01 09:00{more}}}\n" for more in ids)
    file = read(f"title: C\nsessions:\n{each}")
    events, _ = file.takes_place(AROUND)

    assert expected == [(event.id, event.status) for event in events]
    is_held = len(expected) == 1
    assert [("E209", 5)] * is_held == [(p.code, p.line) for p in file.problems]


@pytest.mark.parametrize(
    "given",
    [
        "rrule: {freq: weekly, count: 3}",
        "rrule: [{freq: weekly}]",
        "rrule: FREQ=WEEKLY;COUNT=3\nexdate: {on: 2027-04-08}",
    ],
)
def test_a_recurrence_that_is_no_text_is_not_passed_over(given: str) -> None:
    """An event that should come again is not announced as if it came once."""
    file = read(f"title: C\nstart: 2027-04-01 19:00\n{given}")

    assert ["held"] == [event.status for event in file.takes_place(AROUND)[0]]
    assert ["E215"] == [problem.code for problem in file.problems]


def test_a_list_of_sessions_without_starts_is_the_sites_own() -> None:
    """A page that lists its talks is still one event."""
    file = read("title: C\nstart: 2027-04-01 09:00\nsessions:\n  - {speaker: Zoé}\n")

    assert file.problems == ()
    assert ["agenda/fete"] == [event.id for event in file.takes_place(AROUND)[0]]


def test_the_first_is_counted_as_written_in_a_night_that_skips_it() -> None:
    """02:30 in the night of the change is 02:30 a week later."""
    file = read("title: C\nstart: 2027-03-28 02:30\nrrule: FREQ=WEEKLY;COUNT=2")
    events, _ = file.takes_place(AROUND)

    assert ["03:30", "02:30"] == [f"{e.start:%H:%M}" for e in events]
    assert ["0230", "0230"] == [e.id[-4:] for e in events]


def test_takes_no_longer_than_what_it_finds() -> None:
    """The starts before the window are passed over, however many."""
    rule = read_rule("FREQ=DAILY", zone=PARIS)
    found = rule.starts(datetime(1900, 1, 1, 19), until=datetime(2027, 1, 1))
    before = list(takewhile(lambda one: one.year < 1901, found))

    assert 365 == len(before)
