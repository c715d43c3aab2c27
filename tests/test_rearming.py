"""Reminders of events that move, stop, vanish, or were corrected just now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from planning_cases import (
    DAY_AT_9,
    POST,
    TWO_HOURS,
    WEEK_AT_9,
    at,
    corrected,
    event,
    known,
    plan,
    remember,
    reminder,
    rows,
    seen,
    told,
    utc,
)
from tambour.model import (
    Decision,
    EditionId,
    EditionState,
    Entry,
    Event,
    EventStatus,
    FrozenEdition,
    KnownEvent,
    Offset,
    Told,
)

WAS = event("2027-05-10 19:00")
NEXT_MONTH = event("2027-06-10 19:00")
WEEK, DAY, HOURS = (f"reminders/concert/{key}" for key in ("7d-0900", "1d-0900", "2h"))
WEEK_SENT = known(f"{WEEK}/1", WAS, due=utc("2027-05-03 07:00"))
DAY_SENT = known(f"{DAY}/1", WAS, due=utc("2027-05-09 07:00"))
FIRST = "reminders/concert/correction/1"
EDITED = at("2027-05-08 12:00")
ALL = (WEEK_AT_9, DAY_AT_9, TWO_HOURS)


def planned(
    now: datetime | str,
    is_now: Event,
    *offsets: Offset,
    frozen: Sequence[FrozenEdition] = (WEEK_SENT,),
    groups: Sequence[Told] = (),
    changed_at: datetime = EDITED,
    decisions: Mapping[str, Decision] | None = None,
    **changes: Any,
) -> tuple[Entry, ...]:
    """Plan the reminders of an event that was told, and may be otherwise now."""
    snapshot = remember(
        is_now,
        frozen=frozen,
        known=seen(is_now, changed_at=changed_at),
        told={is_now.id: tuple(groups)} if groups else {},
        decisions={EditionId(key): one for key, one in (decisions or {}).items()},
    )
    values: dict[str, Any] = {
        "events": [is_now],
        "campaigns": [reminder(*(offsets or ALL))],
        "until": at("2027-12-01 00:00"),
        **changes,
    }
    return plan(now, snapshot=snapshot, **values).entries


def shown(entries: Sequence[Entry]) -> list[tuple[str, str, str | None]]:
    """Show the rows of reminders."""
    return [
        (one.edition, one.state.value, one.reason.code.value if one.reason else None)
        for one in entries
        if one.kind == "reminder"
    ]


def test_a_month_later_all_reminders_come_again() -> None:
    """Edited to 10 June: the correction, then 7 d, 1 d and 2 h again."""
    made = planned("2027-05-08 13:00", NEXT_MONTH, groups=[told(WAS)])

    assert [
        (FIRST, utc("2027-05-08 10:10"), "due"),
        (f"{WEEK}/2", utc("2027-06-03 07:00"), "planned"),
        (f"{DAY}/1", utc("2027-06-09 07:00"), "planned"),
        (f"{HOURS}/1", utc("2027-06-10 15:00"), "planned"),
    ] == [(one.edition, one.due, one.state.value) for one in made]


@pytest.mark.parametrize(
    ("was", "now", "is_armed"),
    [
        pytest.param("2027-05-10 19:00", "2027-05-11 19:00", True, id="a-day"),
        pytest.param("2027-05-10 19:00", "2027-05-11 18:59", False, id="a-minute-less"),
        pytest.param("2027-05-10 19:00", "2027-05-09 19:00", False, id="earlier"),
        pytest.param("2027-05-10 19:00", "2027-05-10 19:00", False, id="not-at-all"),
        pytest.param("2027-03-27 19:00", "2027-03-28 19:00", True, id="over-23-hours"),
        pytest.param("2026-10-24 19:00", "2026-10-25 19:00", True, id="over-25-hours"),
        pytest.param(
            "2026-10-24 19:00",
            "2026-10-25 18:30",
            False,
            id="of-25-hours-24-and-a-half",
        ),
    ],
)
def test_a_reminder_is_armed_again_by_a_day_on_the_clock(
    was: str, now: str, is_armed: bool
) -> None:
    """The same time on the next day is a day later, whatever the night's length."""
    before = event(was)
    sent = known(f"{WEEK}/1", before, due=at(was))
    moment = at(now)
    snapshot = remember(before, frozen=[sent], known=seen(event(now)))
    made = plan(
        moment.replace(day=1),
        events=[event(now)],
        campaigns=[reminder(WEEK_AT_9)],
        snapshot=snapshot,
    ).entries

    assert [f"{WEEK}/{2 if is_armed else 1}"] == [one.edition for one in made]


def test_a_mere_date_is_armed_again_by_the_next_date() -> None:
    """Also in the night that has 23 hours."""
    before = event("2027-03-28 00:00", all_day=True)
    sent = known(f"{WEEK}/1", before, due=at("2027-03-21 09:00"))
    after = event("2027-03-29 00:00", all_day=True)
    made = planned("2027-03-01 12:00", after, WEEK_AT_9, frozen=[sent])

    assert [(f"{WEEK}/2", "planned", None)] == shown(made)


def test_it_counts_from_what_the_last_revision_said() -> None:
    """Back from June, and on to May again: nobody is reminded of May twice."""
    june = known(f"{WEEK}/2", NEXT_MONTH, due=utc("2027-06-03 07:00"))
    both = [WEEK_SENT, june]

    assert [(f"{WEEK}/2", "sent", None)] == shown(
        planned("2027-05-08 13:00", WAS, WEEK_AT_9, frozen=both)
    )
    assert [(f"{WEEK}/3", "planned", None)] == shown(
        planned("2027-05-08 13:00", event("2027-06-11 19:00"), WEEK_AT_9, frozen=both)
    )


def test_a_reminder_that_a_person_cancelled_may_be_armed_again() -> None:
    """The decision was about the old date."""
    cancelled = replace(WEEK_SENT, state=EditionState.CANCELLED)

    assert [(f"{WEEK}/2", "planned", None)] == shown(
        planned("2027-05-08 13:00", NEXT_MONTH, WEEK_AT_9, frozen=[cancelled])
    )


# ── Corrected just now ──────────────────────────────────────────────────────────

TWO_DAYS_LATER = event("2027-05-12 19:00")


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        pytest.param("2027-05-08 12:05", [], id="settling"),
        pytest.param("2027-05-08 12:10", [], id="due"),
        pytest.param(
            "2027-05-08 12:30",
            [corrected(FIRST, TWO_DAYS_LATER, now=at("2027-05-08 12:10"))],
            id="sent",
        ),
        pytest.param(
            "2027-05-08 12:30",
            [
                corrected(FIRST, TWO_DAYS_LATER, now=at("2027-05-08 12:10")),
                corrected(
                    "reminders/concert/correction/2",
                    replace(TWO_DAYS_LATER, venue="Hall B"),
                    now=at("2027-05-08 12:20"),
                ),
            ],
            id="sent-and-corrected-in-turn",
        ),
    ],
)
def test_what_is_due_again_when_the_move_is_noticed_is_not_sent(
    now: str, frozen: list[FrozenEdition]
) -> None:
    """The correction says the same."""
    made = planned(
        now,
        TWO_DAYS_LATER,
        WEEK_AT_9,
        frozen=[WEEK_SENT, *frozen],
        groups=[] if frozen else [told(WAS)],
    )

    assert [(f"{WEEK}/2", "superseded", "corrected-instead")] == shown(made)


@pytest.mark.parametrize(
    ("groups", "decisions"),
    [
        pytest.param([], {}, id="nobody-was-told"),
        pytest.param([told(WAS)], {FIRST: Decision.CANCEL}, id="a-person-cancelled-it"),
        pytest.param(
            [told(WAS, channel="team", audience=None)], {}, id="on-another-channel"
        ),
    ],
)
def test_without_a_correction_it_speaks(
    groups: list[Told], decisions: dict[str, Decision]
) -> None:
    """As any late reminder does."""
    made = planned(
        "2027-05-05 12:30",
        TWO_DAYS_LATER,
        WEEK_AT_9,
        groups=groups,
        decisions=decisions,
        changed_at=at("2027-05-05 12:00"),
    )

    assert [(f"{WEEK}/2", "due", None)] == shown(made)


def test_a_change_of_place_does_not_take_a_moved_reminder_away() -> None:
    """That was told long ago; this waits for the correction like any other."""
    moved = corrected(FIRST, NEXT_MONTH, now=at("2027-05-08 12:10"))
    elsewhere = replace(NEXT_MONTH, venue="Hall B")
    made = planned(
        "2027-06-03 09:00",
        elsewhere,
        WEEK_AT_9,
        frozen=[WEEK_SENT, moved],
        groups=[told(NEXT_MONTH)],
        changed_at=at("2027-06-03 08:55"),
    )

    assert [(f"{WEEK}/2", "planned", "settling")] == shown(made)


ELSEWHERE = replace(WAS, venue="Hall B")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            "2027-05-09 08:59", ("planned", "settling"), id="before-it-is-due"
        ),
        pytest.param(
            "2027-05-09 09:00", ("planned", "settling"), id="due-while-settling"
        ),
        pytest.param("2027-05-09 09:05", ("planned", "settling"), id="both-are-due"),
    ],
)
def test_a_reminder_waits_for_the_correction_that_leaves_first(
    now: str, expected: tuple[str, str]
) -> None:
    """Nobody gets two messages about one event at once."""
    made = planned(
        now,
        ELSEWHERE,
        DAY_AT_9,
        groups=[told(WAS)],
        changed_at=at("2027-05-09 08:55"),
    )

    assert [(f"{DAY}/1", *expected)] == shown(made)


@pytest.mark.parametrize(
    ("now", "state", "expected"),
    [
        pytest.param("2027-05-09 09:05:15", EditionState.DONE, "due", id="sent"),
        pytest.param("2027-05-09 09:34:59", EditionState.OPEN, "planned", id="leaving"),
        pytest.param(
            "2027-05-09 09:35", EditionState.OPEN, "due", id="put-off-for-one"
        ),
    ],
)
def test_then_it_goes_to_all_others(
    now: str, state: EditionState, expected: str
) -> None:
    """Whom the correction reached is left out; whom nobody told before is not."""
    done = corrected(FIRST, ELSEWHERE, now=at("2027-05-09 09:05"), state=state)
    (entry,) = [
        one
        for one in planned(now, ELSEWHERE, DAY_AT_9, frozen=[WEEK_SENT, done])
        if one.kind == "reminder"
    ]

    assert (f"{DAY}/1", expected) == (entry.edition, entry.state)
    assert (FIRST,) == entry.after


def test_what_is_due_after_the_correction_goes_to_everybody() -> None:
    """A correction of last week reminds nobody of tomorrow."""
    done = corrected(FIRST, ELSEWHERE, now=at("2027-05-09 08:59"))
    made = planned("2027-05-09 09:00", ELSEWHERE, DAY_AT_9, frozen=[WEEK_SENT, done])

    assert [("due", ())] == [(one.state, one.after) for one in made]


def test_a_held_correction_lets_reminders_speak() -> None:
    """They tell what is so; the correction may never be approved."""
    made = planned(
        "2027-05-09 09:05",
        ELSEWHERE,
        DAY_AT_9,
        groups=[told(WAS)],
        decisions={FIRST: Decision.HOLD},
        changed_at=at("2027-05-09 08:55"),
    )

    assert [(f"{DAY}/1", "due", None)] == shown(made)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2027-05-10 17:10", "due", id="in-time"),
        pytest.param("2027-05-10 18:10", "due", id="late-as-of-the-correction"),
        pytest.param("2027-05-10 18:10:01", "missed", id="later"),
    ],
)
def test_waiting_for_a_correction_makes_nothing_late(now: str, expected: str) -> None:
    """Two hours before, an hour late at most, counted from the correction."""
    done = corrected(FIRST, ELSEWHERE, now=at("2027-05-10 17:10"))
    made = planned(now, ELSEWHERE, TWO_HOURS, frozen=[WEEK_SENT, done])

    assert [expected] == [one.state for one in made]


def test_a_correction_brings_nothing_back_that_was_missed() -> None:
    """A week's reminder does not leave because of an edit on the last day."""
    done = corrected(FIRST, ELSEWHERE, now=at("2027-05-09 12:10"))
    made = planned("2027-05-09 12:30", ELSEWHERE, WEEK_AT_9, frozen=[done])

    assert [(f"{WEEK}/1", "missed", "late")] == shown(made)


def test_channels_wait_for_themselves() -> None:
    """Who was not told otherwise on a channel is reminded there."""
    both = reminder(DAY_AT_9, targets=(POST, reminder(DAY_AT_9).targets[0]))
    made = planned(
        "2027-05-09 09:00",
        ELSEWHERE,
        groups=[told(WAS)],
        changed_at=at("2027-05-09 08:55"),
        campaigns=[both],
    )

    assert {"mail": "planned", "team": "due"} == {
        one.target.channel: one.state.value for one in made if one.kind == "reminder"
    }


# ── Stopped half-way ────────────────────────────────────────────────────────────


def stopped(
    about: Event = WAS, state: EditionState = EditionState.SUPERSEDED
) -> FrozenEdition:
    """Return the day's reminder, stopped before all had it."""
    return replace(DAY_SENT, facts=(about.facts(),), state=state)


@pytest.mark.parametrize(
    ("is_now", "offset", "due"),
    [
        pytest.param(
            ELSEWHERE, DAY_AT_9, utc("2027-05-09 07:15"), id="as-soon-as-it-settled"
        ),
        pytest.param(WAS, DAY_AT_9, utc("2027-05-09 07:15"), id="undone"),
        pytest.param(
            event("2027-05-10 22:00"), DAY_AT_9, utc("2027-05-09 07:15"), id="moved"
        ),
        pytest.param(
            NEXT_MONTH, DAY_AT_9, utc("2027-06-09 07:00"), id="moved-by-a-month"
        ),
    ],
)
def test_what_stopped_goes_on_with_those_not_reached(
    is_now: Event, offset: Offset, due: datetime
) -> None:
    """When the change has settled, or at its own new time."""
    changed = at("2027-05-09 09:05")
    made = planned(
        "2027-05-09 09:06", is_now, offset, frozen=[stopped()], changed_at=changed
    )

    assert [
        (f"{DAY}/1", "superseded", "facts-changed"),
        (f"{DAY}/2", "planned", None),
    ] == shown(made)
    assert due == made[1].due


@pytest.mark.parametrize(
    ("is_now", "after"),
    [
        pytest.param(ELSEWHERE, (f"{DAY}/1",), id="about-the-same-start"),
        pytest.param(NEXT_MONTH, (), id="all-are-reminded-of-another-day"),
    ],
)
def test_whom_a_revision_reached_is_left_out_of_the_next(
    is_now: Event, after: tuple[str, ...]
) -> None:
    """But for a start that is a day or more later."""
    made = planned("2027-05-09 09:06", is_now, DAY_AT_9, frozen=[stopped()])

    assert after == made[1].after


def test_all_revisions_about_a_start_count() -> None:
    """Sent for May, stopped for June, and May again: only who heard neither."""
    second = replace(stopped(NEXT_MONTH), id=EditionId(f"{DAY}/2"))
    made = planned("2027-05-09 09:06", WAS, DAY_AT_9, frozen=[DAY_SENT, second])

    assert (f"{DAY}/3", (f"{DAY}/1", f"{DAY}/2")) == (made[-1].edition, made[-1].after)


def test_the_next_revision_waits_for_the_correction_of_the_others() -> None:
    """Whom an earlier edition told may be among those not reached."""
    changed = at("2027-05-09 09:05")
    made = planned(
        "2027-05-09 09:15",
        ELSEWHERE,
        DAY_AT_9,
        frozen=[stopped()],
        groups=[told(WAS)],
        changed_at=changed,
    )
    done = corrected(FIRST, ELSEWHERE, now=at("2027-05-09 09:15"))
    then = planned(
        "2027-05-09 09:16",
        ELSEWHERE,
        DAY_AT_9,
        frozen=[stopped(), done],
        changed_at=changed,
    )

    assert (f"{DAY}/2", "planned", "settling") == shown(made)[-1]
    assert (f"{DAY}/2", "due", None) == shown(then)[-1]
    assert (f"{DAY}/1", FIRST) == then[-1].after


def test_a_withdrawn_reminder_goes_on_when_its_event_is_back() -> None:
    """A file that was gone for a moment costs nobody the reminder."""
    withdrawn = stopped(state=EditionState.CANCELLED)
    made = planned(
        "2027-05-09 09:30",
        WAS,
        DAY_AT_9,
        frozen=[withdrawn],
        decisions={f"{DAY}/1": Decision.WITHDRAW},
        changed_at=utc("2020-01-01 00:00"),
    )

    assert [
        (f"{DAY}/1", "superseded", "facts-changed"),
        (f"{DAY}/2", "due", None),
    ] == shown(made)
    assert (f"{DAY}/1",) == made[1].after


def test_what_stopped_long_after_the_change_goes_on_at_once() -> None:
    """Its own earlier revision, due at the same time, does not stand in its way."""
    made = planned(
        "2027-05-09 09:30",
        ELSEWHERE,
        DAY_AT_9,
        frozen=[stopped()],
        changed_at=at("2027-05-08 12:00"),
    )

    assert (f"{DAY}/2", "due", None) == shown(made)[-1]


def test_whoever_only_reads_sees_what_the_next_send_will_stop() -> None:
    """The edition is open, and says what is no longer so."""
    running = replace(DAY_SENT, state=EditionState.OPEN)
    made = planned("2027-05-09 09:06", ELSEWHERE, DAY_AT_9, frozen=[running])

    assert [(f"{DAY}/1", "superseded", "facts-changed")] == shown(made)


def test_an_earlier_reminder_does_not_slip_out_meanwhile() -> None:
    """Between a stopped revision and the next, the week's reminder stays silent."""
    made = plan(
        "2027-05-09 09:06",
        events=[ELSEWHERE],
        campaigns=[reminder(WEEK_AT_9, DAY_AT_9)],
        snapshot=remember(
            seen={"concert": at("2027-05-09 08:00")},
            frozen=[stopped()],
            known=seen(ELSEWHERE, changed_at=at("2027-05-09 09:05")),
        ),
    )

    assert (f"{WEEK}/1", "superseded", "later-one-speaks") == rows(made)[0]


# ── Not there any more ──────────────────────────────────────────────────────────


def vanished(
    missing: int, *, count: int = 1, **changes: Any
) -> list[tuple[str, str, str | None]]:
    """Plan for events that so many scans did not find; show the first one's rows."""
    lost = [replace(WAS, id=WAS.id if one == 0 else f"e{one}") for one in range(count)]  # type: ignore[arg-type]
    known_events: dict[Any, KnownEvent] = seen(*lost, missing=missing)
    made = plan(
        "2027-05-08 12:00",
        vanished=lost,
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(*lost, known=known_events, **changes),
    )
    return [one for one in rows(made) if "concert" in one[0]]


@pytest.mark.parametrize(
    ("missing", "count", "expected"),
    [
        pytest.param(0, 1, ("held", "event-vanished"), id="never-counted"),
        pytest.param(1, 1, ("held", "event-vanished"), id="missed-by-one-scan"),
        pytest.param(2, 1, ("skipped", "event-vanished"), id="by-two"),
        pytest.param(1, 6, ("held", "event-vanished"), id="six-by-one"),
        pytest.param(2, 6, ("held", "many-vanished"), id="six-by-two"),
    ],
)
def test_reminders_of_a_vanished_event_wait_and_then_stop(
    missing: int, count: int, expected: tuple[str, str]
) -> None:
    """After two good scans; but many at once wait for a person."""
    assert [(f"{DAY}/1", *expected)] == vanished(missing, count=count)


def test_a_person_may_let_the_reminders_of_many_go() -> None:
    """They are meant to be gone."""
    decisions = {EditionId(f"{DAY}/1"): Decision.CANCEL}

    assert [(f"{DAY}/1", "skipped", "decided")] == vanished(
        2, count=6, decisions=decisions
    )


def test_a_cancelled_event_whose_file_vanishes_says_so() -> None:
    """Nothing waits for what was off anyway."""
    off = replace(WAS, status=EventStatus.CANCELLED)
    made = plan(
        "2027-05-08 12:00",
        vanished=[off],
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(off, known=seen(off, missing=1)),
    )

    assert [(f"{DAY}/1", "skipped", "event-cancelled")] == rows(made)
