from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_cases import (
    DAILY_AT_8,
    LONG_AGO,
    MAIL,
    POST,
    at,
    digest,
    event,
    froze,
    known,
    plan,
    remember,
    rows,
    seen,
    utc,
)
from tambour.model import (
    Cron,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Event,
    EventId,
    EventStatus,
    Every,
    FrozenEdition,
    Selection,
    Site,
    Snapshot,
    Window,
)

MONDAY = "agenda/2027-03-22/1"
NEXT_MONDAY = "agenda/2027-03-29/1"
AGENDA = digest()


def events_at(*starts: str, **changes: Any) -> list[Event]:
    """Make an event for each start, named by it."""
    return [event(start, name=start, **changes) for start in starts]


FAIR = event("2027-04-03 12:00", name="fair")


def test_a_weekly_digest_keeps_its_local_time() -> None:
    """Mondays at 8 are 7 in UTC in winter and 6 in summer."""
    made = plan(
        "2027-03-21 12:00",
        events=[FAIR],
        campaigns=[AGENDA],
        until=at("2027-03-29 08:00"),
    )
    past, first, second = made.entries

    assert "agenda/2027-03-15/1" == past.edition
    assert (MONDAY, utc("2027-03-22 07:00")) == (first.edition, first.due)
    assert (NEXT_MONDAY, utc("2027-03-29 06:00")) == (second.edition, second.due)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2027-03-22 07:59:59", (MONDAY, "planned", None), id="before"),
        pytest.param("2027-03-22 08:00", (MONDAY, "due", None), id="on-time"),
        pytest.param("2027-03-23 08:00", (MONDAY, "due", None), id="a-day-late"),
        pytest.param("2027-03-23 08:00:01", (MONDAY, "missed", "late"), id="too-late"),
    ],
)
def test_a_digest_speaks_between_its_due_time_and_the_late_limit(
    now: str, expected: tuple[str, str, str | None]
) -> None:
    """A day late is still worth reading."""
    made = plan(now, events=[FAIR], campaigns=[AGENDA])

    assert expected in rows(made)


def test_only_the_latest_past_period_may_speak() -> None:
    """After three weeks off there is one digest, not three."""
    made = plan(
        "2027-03-22 12:00",
        events=[FAIR],
        campaigns=[digest(schedule=DAILY_AT_8)],
        until=at("2027-03-22 12:00"),
    )

    assert [(MONDAY, "due", None)] == rows(made)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(None, (MONDAY, "skipped", "before-campaign"), id="never-seen"),
        pytest.param(
            "2027-03-22 08:00:01", (MONDAY, "skipped", "before-campaign"), id="after"
        ),
        pytest.param("2027-03-22 08:00", (MONDAY, "due", None), id="in-time"),
    ],
)
def test_a_new_campaign_does_not_start_with_its_past(
    seen: str | None, expected: tuple[str, str, str | None]
) -> None:
    """What was due before the campaign was first seen stays unsent."""
    made = plan(
        "2027-03-22 09:00",
        events=[FAIR],
        campaigns=[AGENDA],
        snapshot=Snapshot(campaigns_seen={"agenda": at(seen)} if seen else {}),
        until=at("2027-03-22 09:00"),
    )

    assert [expected] == rows(made)


def test_a_new_campaign_may_be_due_this_very_moment() -> None:
    """A demonstration starts on the minute."""
    made = plan(
        "2027-03-22 08:00",
        events=[FAIR],
        campaigns=[AGENDA],
        snapshot=Snapshot(),
        until=at("2027-03-22 08:00"),
    )

    assert [(MONDAY, "due", None)] == rows(made)


@pytest.mark.parametrize(
    ("window", "now", "starts", "expected"),
    [
        pytest.param(
            Window(days=7),
            "2027-03-22 08:00",
            [
                "2027-03-22 08:10",
                "2027-03-22 08:25",
                "2027-03-22 08:26",
                "2027-03-29 07:59",
                "2027-03-29 08:00",
            ],
            ["2027-03-22 08:26", "2027-03-29 07:59"],
            id="from-now-over-the-spring-change",
        ),
        pytest.param(
            Window(days=7),
            "2027-03-22 20:00",
            [
                "2027-03-22 19:00",
                "2027-03-22 20:30",
                "2027-03-29 07:59",
                "2027-03-29 12:00",
            ],
            ["2027-03-22 20:30", "2027-03-29 07:59"],
            id="sent-late",
        ),
        pytest.param(
            Window(days=1, skip_days=1),
            "2027-03-22 08:00",
            [
                "2027-03-22 23:59",
                "2027-03-23 00:00",
                "2027-03-23 23:59",
                "2027-03-24 00:00",
            ],
            ["2027-03-23 00:00", "2027-03-23 23:59"],
            id="tomorrow",
        ),
        pytest.param(
            Window(days=1, skip_days=1),
            "2027-03-23 07:30",
            ["2027-03-23 07:00", "2027-03-23 07:40", "2027-03-23 07:41"],
            ["2027-03-23 07:41"],
            id="tomorrow-sent-late",
        ),
        pytest.param(
            Window(days=1),
            "2027-03-22 08:00",
            ["2027-03-22 08:10", "2027-03-22 08:11", "2027-03-22 08:20"],
            ["2027-03-22 08:11", "2027-03-22 08:20"],
            id="only-what-is-about-to-start",
        ),
        pytest.param(
            Window(days=999_999),
            "2027-03-22 08:00",
            ["2027-03-23 00:00", "2999-01-01 00:00"],
            ["2027-03-23 00:00", "2999-01-01 00:00"],
            id="for-ever",
        ),
    ],
)
def test_a_digest_gathers_what_starts_in_its_window(
    window: Window, now: str, starts: list[str], expected: list[str]
) -> None:
    """By the site's calendar, in order, without what is about to start."""
    made = plan(
        now,
        events=events_at(*reversed(starts)),
        campaigns=[digest(window=window)],
        until=at(now),
    )

    assert [tuple(expected)] == [one.events for one in made.entries]


def test_weekly_windows_of_a_week_join_without_a_seam() -> None:
    """An event early on Monday is in the digest of the week before."""
    starts = ["2027-03-28 12:00", "2027-03-29 07:30", "2027-03-29 09:00"]
    made = plan(
        "2027-03-22 07:00",
        events=events_at(*starts),
        campaigns=[digest(window=Window(days=7))],
        until=at("2027-03-30 00:00"),
    )
    gathered = [name for one in made.entries for name in one.events]

    assert starts == gathered


def test_the_deadline_is_the_earliest_inside() -> None:
    """A digest must not arrive after its first event has begun."""
    made = plan(
        "2027-03-22 08:00",
        events=events_at("2027-03-25 10:00", "2027-03-24 10:00"),
        campaigns=[AGENDA],
        until=at("2027-03-22 08:00"),
    )

    assert [utc("2027-03-24 08:50")] == [one.deadline for one in made.entries]


def test_an_all_day_event_begins_at_its_midnight() -> None:
    """Today's fair is over for a digest, tomorrow's is not."""
    today, tomorrow = events_at("2027-03-22 00:00", "2027-03-23 00:00", all_day=True)
    made = plan(
        "2027-03-22 08:00",
        events=[today, tomorrow],
        campaigns=[AGENDA],
        until=at("2027-03-22 08:00"),
    )

    assert [("2027-03-23 00:00",)] == [one.events for one in made.entries]
    assert [utc("2027-03-22 22:50")] == [one.deadline for one in made.entries]


@pytest.mark.parametrize(
    "status",
    [one for one in EventStatus if one is not EventStatus.SCHEDULED],
)
def test_a_digest_leaves_out_what_is_not_scheduled(status: EventStatus) -> None:
    """With nothing else, it is skipped."""
    off = event("2027-03-24 10:00", status=status)
    made = plan(
        "2027-03-22 08:00", events=[off], campaigns=[AGENDA], until=at("2027-03-22")
    )

    assert [(MONDAY, "skipped", "no-events")] == rows(made)


def test_a_digest_leaves_out_what_it_is_not_about() -> None:
    """`where` selects, by tags whatever their capitals."""
    talk = event("2027-03-24 10:00", name="talk", tags=("Webinar",))
    only = digest(where=Selection(tags=frozenset({"webinar"})))
    made = plan(
        "2027-03-22 08:00",
        events=[FAIR, talk],
        campaigns=[only],
        until=at("2027-03-22"),
    )

    assert [("talk",)] == [one.events for one in made.entries]


@pytest.mark.parametrize(
    ("events", "seen", "expected"),
    [
        pytest.param([], {}, (MONDAY, "skipped", "no-events"), id="nothing-to-say"),
        pytest.param(
            [event("2027-03-23 19:00", name="past")],
            {"past": LONG_AGO},
            (MONDAY, "missed", "late"),
            id="something-that-has-passed",
        ),
        pytest.param(
            [FAIR],
            {"fair": utc("2027-03-24 00:00")},
            (MONDAY, "skipped", "no-events"),
            id="added-too-late-for-it",
        ),
    ],
)
def test_a_late_digest_is_missed_only_if_it_had_something_to_say(
    events: list[Event],
    seen: dict[EventId, datetime],
    expected: tuple[str, str, str],
) -> None:
    """What was empty in time is skipped, however late one looks."""
    made = plan(
        "2027-03-24 12:00",
        events=events,
        campaigns=[AGENDA],
        snapshot=Snapshot(campaigns_seen={"agenda": LONG_AGO}, events_seen=seen),
        until=at("2027-03-24 12:00"),
    )

    assert [expected] == rows(made)


def test_an_empty_digest_can_be_sent() -> None:
    """`empty: send` has nothing to be late for."""
    made = plan(
        "2027-03-22 08:00", campaigns=[digest(send_empty=True)], until=at("2027-03-22")
    )

    assert [(MONDAY, "due", None)] == rows(made)
    assert [None] == [one.deadline for one in made.entries]


def test_a_digest_without_a_schedule_has_no_rows() -> None:
    """Its file's problem says so elsewhere."""
    made = plan("2027-03-22 08:00", events=[FAIR], campaigns=[digest(schedule=None)])

    assert () == made.entries


def test_a_cron_digest_is_named_by_date_and_time() -> None:
    """A day may have several."""
    twice = digest(schedule=Cron(expression="0 8,17 * * *"))
    made = plan(
        "2027-03-22 07:00",
        events=[FAIR],
        campaigns=[twice],
        until=at("2027-03-22 23:00"),
    )

    assert [
        "agenda/2027-03-21-1700/1",
        "agenda/2027-03-22-0800/1",
        "agenda/2027-03-22-1700/1",
    ] == [one.edition for one in made.entries]


def frozen_agenda(**changes: Any) -> FrozenEdition:
    """Make Monday's digest as the ledger knows it."""
    values: dict[str, Any] = {
        "kind": EditionKind.DIGEST,
        "campaign": "agenda",
        "due": utc("2027-03-22 07:00"),
        "deadline": utc("2027-03-24 08:50"),
        **changes,
    }
    return known(MONDAY, event("2027-03-24 10:00", name="told"), **values)


@pytest.mark.parametrize(
    ("now", "state", "expected"),
    [
        pytest.param(
            "2027-03-22 09:00", EditionState.DONE, (MONDAY, "sent", None), id="sent"
        ),
        pytest.param(
            "2027-03-22 09:00",
            EditionState.OPEN,
            (MONDAY, "due", "already-frozen"),
            id="open",
        ),
        pytest.param(
            "2027-03-22 07:55",
            EditionState.OPEN,
            (MONDAY, "planned", "already-frozen"),
            id="open-before-due",
        ),
        pytest.param(
            "2027-03-24 09:50",
            EditionState.OPEN,
            (MONDAY, "missed", "late"),
            id="open-at-the-deadline",
        ),
        pytest.param(
            "2027-03-22 09:00",
            EditionState.CANCELLED,
            (MONDAY, "skipped", "decided"),
            id="cancelled",
        ),
    ],
)
def test_a_frozen_digest_keeps_its_events(
    now: str, state: EditionState, expected: tuple[str, str, str | None]
) -> None:
    """What the ledger knows is shown as it was frozen."""
    made = plan(
        now,
        events=[FAIR],
        campaigns=[AGENDA],
        snapshot=remember(FAIR, frozen=[frozen_agenda(state=state)]),
        until=at("2027-03-22 09:00"),
    )
    last = made.entries[-1]

    assert expected == rows(made)[-1]
    assert ("told",) == last.events
    assert utc("2027-03-24 08:50") == last.deadline


TOLD = event("2027-03-24 10:00", name="told")
NEXT = "agenda/2027-03-22/2"


def superseded(*events: Event, **changes: Any) -> list[Any]:
    """Plan on Monday after its digest stopped; show the digest's rows."""
    values: dict[str, Any] = {"now": "2027-03-22 08:06", "changed": "2027-03-22 08:05"}
    values |= changes
    made = plan(
        values["now"],
        events=events,
        campaigns=[AGENDA],
        snapshot=remember(
            *events,
            frozen=[frozen_agenda(state=EditionState.SUPERSEDED)],
            known=seen(*events, changed_at=at(values["changed"])),
        ),
        until=at("2027-03-22 12:00"),
    )
    return [one for one in made.entries if "03-22" in one.edition]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            "2027-03-22 08:06", ("planned", utc("2027-03-22 07:15")), id="settles"
        ),
        pytest.param(
            "2027-03-22 08:15", ("due", utc("2027-03-22 07:15")), id="settled"
        ),
    ],
)
def test_a_digest_that_stopped_goes_on_with_those_not_reached(
    now: str, expected: tuple[str, datetime]
) -> None:
    """It gathers anew, once what changed has settled."""
    elsewhere = event("2027-03-24 10:00", name="told", venue="Hall B")
    first, second = superseded(elsewhere, FAIR, now=now)

    assert (MONDAY, "superseded", "facts-changed") == (
        first.edition,
        first.state,
        first.reason and first.reason.code,
    )
    assert (NEXT, *expected) == (second.edition, second.state, second.due)
    assert (("told", "fair"), (MONDAY,)) == (second.events, second.after)


def test_a_digest_that_stopped_has_nothing_left_to_say() -> None:
    """Its only event does not take place."""
    off = event("2027-03-24 10:00", name="told", status=EventStatus.CANCELLED)

    assert ["superseded", "skipped"] == [one.state for one in superseded(off)]


def test_a_digest_that_stopped_for_what_vanished_goes_on_at_once() -> None:
    """Its own earlier revision, due at the same time, does not stand in its way."""
    _, second = superseded(FAIR, now="2027-03-22 08:30", changed="2027-03-01 12:00")

    assert (NEXT, "due", ("fair",)) == (second.edition, second.state, second.events)


def test_a_digest_that_stopped_gives_way_to_the_next_period() -> None:
    """As any digest does."""
    made = superseded(TOLD, now="2027-03-29 07:59", changed="2027-03-22 08:05")

    assert ["superseded", "missed"] == [one.state for one in made]


@pytest.mark.parametrize("due", ["2027-03-23 00:10", "2027-03-23 08:05"])
def test_a_revision_that_came_the_next_day_does_not_speak_for_that(due: str) -> None:
    """It belongs to its own period, however late its events settled."""
    first = frozen_agenda(state=EditionState.SUPERSEDED)
    second = replace(first, id=EditionId(NEXT), due=at(due), state=EditionState.DONE)
    made = plan(
        "2027-03-23 08:06",
        events=[FAIR],
        campaigns=[replace(AGENDA, schedule=DAILY_AT_8)],
        snapshot=remember(FAIR, frozen=[first, replace(second, frozen_at=at(due))]),
        until=at("2027-03-23 12:00"),
    )

    assert ("agenda/2027-03-23/1", "due", None) == rows(made)[-1]


def without(missing: int, *, count: int = 1, **changes: Any) -> Any:
    """Plan Monday's digest with the fair, and events that scans did not find."""
    lost = [event("2027-03-24 10:00", name=f"lost{one}") for one in range(count)]
    made = plan(
        "2027-03-22 08:00",
        events=[FAIR],
        vanished=lost,
        campaigns=[AGENDA],
        snapshot=remember(
            FAIR, *lost, known=seen(FAIR) | seen(*lost, missing=missing), **changes
        ),
        until=at("2027-03-22 08:00"),
    )
    return made.entries[0]


@pytest.mark.parametrize(
    ("missing", "count", "expected"),
    [
        pytest.param(1, 1, ("held", "event-vanished"), id="missed-by-one-scan"),
        pytest.param(2, 1, ("due", None), id="by-two"),
        pytest.param(2, 6, ("held", "many-vanished"), id="six-by-two"),
    ],
)
def test_a_digest_waits_for_what_may_come_back(
    missing: int, count: int, expected: tuple[str, str | None]
) -> None:
    """A second scan, or a person, says that it goes without."""
    entry = without(missing, count=count)

    assert expected == (entry.state, entry.reason and entry.reason.code)
    assert ("fair",) == entry.events


@pytest.mark.parametrize(("missing", "count"), [(1, 1), (2, 6)])
def test_a_person_sends_a_digest_without_what_vanished(
    missing: int, count: int
) -> None:
    """The sentence says so."""
    monday = EditionId(MONDAY)
    entry = without(missing, count=count, decisions={monday: Decision.APPROVE})

    assert ("due", ("fair",)) == (entry.state, entry.events)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(Decision.CANCEL, ("skipped", "decided"), id="cancel"),
        pytest.param(Decision.HOLD, ("held", "decided"), id="hold"),
    ],
)
@pytest.mark.parametrize("is_frozen", [False, True])
@pytest.mark.parametrize("now", ["2027-03-22 07:55", "2027-03-22 09:00"])
def test_a_person_stops_a_digest(
    decision: Decision, expected: tuple[str, str], is_frozen: bool, now: str
) -> None:
    """Before and after it is frozen, before and after it is due."""
    frozen = [frozen_agenda(state=EditionState.OPEN)] if is_frozen else []
    snapshot = remember(FAIR, frozen=frozen, decisions={EditionId(MONDAY): decision})
    made = plan(
        now,
        events=[FAIR],
        campaigns=[AGENDA],
        snapshot=snapshot,
        until=at("2027-03-22 09:00"),
    )

    assert (MONDAY, *expected) == rows(made)[-1]


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_refused_sender_waits_for_a_person(is_frozen: bool) -> None:
    """Held by the machine, an edition says so with the server's words and the mend."""
    monday = EditionId(MONDAY)
    snapshot = remember(
        FAIR,
        frozen=[frozen_agenda(state=EditionState.OPEN)] if is_frozen else [],
        decisions={monday: Decision.HOLD},
        held_because={monday: "550 5.7.1 not from you"},
    )
    made = plan(
        utc("2027-03-22 09:00"), events=[FAIR], campaigns=[AGENDA], snapshot=snapshot
    )
    reason = next(row.reason for row in made.entries if row.edition == monday)

    assert (MONDAY, "held", "sender-refused") in rows(made)
    assert reason is not None
    assert "(550 5.7.1 not from you)" in reason.text
    assert reason.text.endswith(f"tambour approve {MONDAY}")


def test_a_changed_schedule_does_not_repeat_a_period() -> None:
    """The same Monday as a cron line has another name, and is not sent again."""
    as_cron = digest(schedule=Cron(expression="0 8 * * 1"))
    made = plan(
        "2027-03-22 09:00",
        events=[FAIR],
        campaigns=[as_cron],
        snapshot=remember(FAIR, frozen=[frozen_agenda()]),
        until=at("2027-03-22 09:00"),
    )

    assert [("agenda/2027-03-22-0800/1", "superseded", "later-one-speaks")] == rows(
        made
    )


@pytest.mark.parametrize(
    ("line", "state"),
    [
        pytest.param("0 10 * * 1", "superseded", id="moved"),
        pytest.param("0 8,10 * * 1", "due", id="one-of-two"),
    ],
)
def test_a_schedule_moved_after_sending_speaks_from_the_next_day(
    line: str, state: str
) -> None:
    """A second digest of a day is sent only where the schedule always said so."""
    made = plan(
        "2027-03-22 10:00",
        events=[FAIR],
        campaigns=[digest(schedule=Cron(expression=line))],
        snapshot=remember(FAIR, frozen=[frozen_agenda()]),
        until=at("2027-03-29 10:00"),
    )
    states = {one.edition: one.state for one in made.entries}

    assert state == states["agenda/2027-03-22-1000/1"]
    assert "planned" == states["agenda/2027-03-29-1000/1"]


def test_an_edition_from_a_clock_that_ran_ahead_silences_nothing() -> None:
    """After one bad jump of the clock, the campaign goes on."""
    ahead = known(
        "agenda/2033-01-03/1",
        FAIR,
        due=utc("2033-01-03 07:00"),
        kind=EditionKind.DIGEST,
        campaign="agenda",
    )
    made = plan(
        "2027-03-22 09:00",
        events=[FAIR],
        campaigns=[AGENDA],
        snapshot=remember(FAIR, frozen=[ahead]),
        until=at("2027-03-22 09:00"),
    )

    assert [(MONDAY, "due", None)] == rows(made)


def test_the_second_tick_is_silent() -> None:
    """What the first tick sent, the second shows as sent."""
    both = digest(targets=(MAIL, POST))
    now = at("2027-03-22 08:00")
    first = plan(now, events=[FAIR], campaigns=[both], until=now)
    sent = [froze(one, FAIR, now=now) for one in first.entries]
    second = plan(
        now,
        events=[FAIR],
        campaigns=[both],
        snapshot=remember(FAIR, frozen=sent),
        until=now,
    )

    assert [(MONDAY, "due", None)] * 2 == rows(first)
    assert [(MONDAY, "sent", None)] * 2 == rows(second)


def test_a_digest_skipped_over_midnight_keeps_a_name_of_its_own() -> None:
    """In Nuuk, Saturday's 23:30 lands on the Sunday that has another."""
    nightly = digest(schedule=Every(at=time(23, 30)))
    nuuk = Site(
        name="Site",
        url="https://www.example.org",
        timezone="America/Nuuk",
        language="kl",
    )
    made = plan(
        utc("2027-03-27 12:00"),
        events=[FAIR],
        campaigns=[nightly],
        until=utc("2027-03-29 12:00"),
        site=nuuk,
    )

    assert [
        ("agenda/2027-03-27/1", utc("2027-03-28 01:30")),
        ("agenda/2027-03-28/1", utc("2027-03-29 00:30")),
    ] == [(one.edition, one.due) for one in made.entries[1:]]


@given(
    minutes=st.integers(0, 2_000_000),
    ahead=st.integers(0, 40),
    further=st.integers(0, 40),
)
@settings(deadline=None, max_examples=50)
def test_looking_further_ahead_only_adds_rows(
    minutes: int, ahead: int, further: int
) -> None:
    """`until` never changes what an earlier horizon showed."""
    moment = utc("2026-01-01 00:00") + timedelta(minutes=minutes)
    events = [
        event(moment + timedelta(days=days, hours=5), name=f"e{days}")
        for days in range(0, 30, 3)
    ]
    campaigns = [AGENDA, digest("daily", schedule=DAILY_AT_8)]
    near, far = (
        plan(
            moment,
            events=events,
            campaigns=campaigns,
            until=moment + timedelta(days=days),
            snapshot=remember(campaigns=["agenda", "daily"]),
        ).entries
        for days in (ahead, ahead + further)
    )

    assert near == far[: len(near)]
