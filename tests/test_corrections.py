"""Rules 7 and 8: who was told what is no longer so is told what is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from planning_cases import (
    LONG_AGO,
    POST,
    WEEK_AT_9,
    at,
    corrected,
    digest,
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
    EventId,
    EventStatus,
    FrozenEdition,
    Plan,
    Told,
)

WAS = event("2027-05-10 19:00", venue="Hall A")
MOVED = event("2027-05-09 18:00", venue="Hall A")
WEEK = "reminders/concert/7d-0900/1"
FIRST = "reminders/concert/correction/1"
NEXT = "reminders/concert/correction/2"
OFF = "reminders/concert/cancellation/1"
SENT = known(WEEK, WAS, due=utc("2027-05-03 07:00"))
EDITED = at("2027-05-08 12:00")


def planned(
    now: datetime | str,
    is_now: Event,
    *,
    groups: Sequence[Told] = (told(WAS),),
    frozen: Sequence[FrozenEdition] = (SENT,),
    changed_at: datetime = EDITED,
    vanished: Sequence[Event] = (),
    missing: int = 0,
    **changes: Any,
) -> Plan:
    """Plan for an event that was told, and is now otherwise."""
    remembered = {
        "decisions": changes.pop("decisions", {}),
        "decided_at": changes.pop("decided_at", {}),
        "audience_sizes": changes.pop("audience_sizes", {}),
    }
    snapshot = remember(
        is_now,
        frozen=frozen,
        known=seen(is_now, changed_at=changed_at, missing=missing),
        told={is_now.id: tuple(groups)},
        **remembered,
    )
    values: dict[str, Any] = {"campaigns": [reminder(WEEK_AT_9)], **changes}
    return plan(
        now,
        events=[] if vanished else [is_now],
        vanished=vanished,
        snapshot=snapshot,
        **values,
    )


def of(made: Plan) -> list[Entry]:
    """Return the rows that correct somebody."""
    return [one for one in made.entries if one.kind in ("correction", "cancellation")]


def row(made: Plan) -> tuple[str, str, str | None]:
    """Show the one row that corrects somebody."""
    (entry,) = of(made)
    return (
        entry.edition,
        entry.state.value,
        entry.reason.code.value if entry.reason else None,
    )


@pytest.mark.parametrize(
    ("change", "edition"),
    [
        pytest.param({"start": MOVED.start}, FIRST, id="moved"),
        pytest.param({"venue": "Hall B"}, FIRST, id="place"),
        pytest.param({"registration_url": "https://x.example"}, FIRST, id="link"),
        pytest.param({"status": EventStatus.CANCELLED}, OFF, id="cancelled"),
        pytest.param({"status": EventStatus.POSTPONED}, FIRST, id="postponed"),
        pytest.param({"title": "The concert"}, None, id="title"),
        pytest.param({"status": EventStatus.HELD}, None, id="error-in-its-file"),
    ],
)
def test_a_change_of_what_readers_go_by_is_told(
    change: dict[str, Any], edition: str | None
) -> None:
    """Nobody is written to for another title, or for a slip in a file."""
    made = planned("2027-05-08 12:10", replace(WAS, **change))

    assert ([edition] if edition else []) == [one.edition for one in of(made)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2027-05-08 12:00", (FIRST, "planned", "settling"), id="at-once"),
        pytest.param(
            "2027-05-08 12:09:59", (FIRST, "planned", "settling"), id="settling"
        ),
        pytest.param("2027-05-08 12:10", (FIRST, "due", None), id="settled"),
        pytest.param("2027-05-09 17:49:59", (FIRST, "due", None), id="last-second"),
        pytest.param("2027-05-09 17:50", (FIRST, "missed", "late"), id="deadline"),
        pytest.param(
            "2027-05-11 19:00", (FIRST, "missed", "late"), id="said-for-a-day"
        ),
    ],
)
def test_a_correction_leaves_between_settling_and_the_earlier_start(
    now: str, expected: tuple[str, str, str | None]
) -> None:
    """Announced for 10 May, edited on the 8th to 9 May 18:00: told by 17:50."""
    made = planned(now, MOVED)

    assert expected == row(made)
    assert utc("2027-05-09 15:50") == of(made)[0].deadline
    assert utc("2027-05-08 10:10") == of(made)[0].due


def test_a_day_after_both_starts_nothing_is_said_any_more() -> None:
    """By then it was logged, and nobody can do anything about it."""
    assert [] == of(planned("2027-05-11 19:00:01", MOVED))


@pytest.mark.parametrize(
    ("change", "deadline"),
    [
        pytest.param(
            {"start": at("2027-06-10 19:00")}, utc("2027-05-10 16:50"), id="later"
        ),
        pytest.param(
            {"start": at("2027-05-09 18:00")}, utc("2027-05-09 15:50"), id="earlier"
        ),
        pytest.param(
            {"status": EventStatus.CANCELLED, "start": at("2027-05-09 18:00")},
            utc("2027-05-10 16:50"),
            id="cancelled-by-the-start-that-was-told",
        ),
        pytest.param(
            {"status": EventStatus.POSTPONED}, utc("2027-05-10 16:50"), id="postponed"
        ),
        pytest.param(
            {"all_day": True, "start": at("2027-05-09 00:00")},
            utc("2027-05-08 21:50"),
            id="to-a-mere-date",
        ),
    ],
)
def test_the_deadline_is_before_the_earlier_of_both_starts(
    change: dict[str, Any], deadline: datetime
) -> None:
    """Nobody waits in the old place, or misses the new one, before being told."""
    (entry,) = of(planned("2027-05-08 13:00", replace(WAS, **change)))

    assert deadline == entry.deadline


@pytest.mark.parametrize(
    ("was", "now", "deadline"),
    [
        pytest.param(
            "2027-03-28 19:00", "2027-03-28 02:30", utc("2027-03-28 01:20"), id="gap"
        ),
        pytest.param(
            "2026-10-26 19:00", "2026-10-25 02:30", utc("2026-10-25 00:20"), id="fold"
        ),
    ],
)
def test_the_deadline_is_right_in_nights_of_clock_changes(
    was: str, now: str, deadline: datetime
) -> None:
    """A skipped start is an hour later on the clock, a repeated one its first."""
    before, after = event(was), event(now)
    changed = deadline - timedelta(days=1)
    made = planned(
        deadline - timedelta(seconds=1),
        after,
        groups=[told(before)],
        frozen=[],
        changed_at=changed,
    )

    assert (FIRST, "due", None) == row(made)
    assert deadline == of(made)[0].deadline


def test_what_cannot_settle_in_time_is_told_at_once() -> None:
    """Rather a correction of the correction than somebody at the wrong door."""
    changed = at("2027-05-09 17:45")
    made = planned("2027-05-09 17:45", MOVED, changed_at=changed)

    assert (FIRST, "due", None) == row(made)
    assert changed == of(made)[0].due


def test_several_edits_make_one_correction() -> None:
    """Each begins the settling anew."""
    made = planned(
        "2027-05-08 12:15",
        replace(MOVED, venue="Hall B"),
        changed_at=at("2027-05-08 12:08"),
    )

    assert (FIRST, "planned", "settling") == row(made)
    assert utc("2027-05-08 10:18") == of(made)[0].due


def test_an_edit_that_is_undone_makes_none() -> None:
    """Whatever the ledger thought a moment ago."""
    assert [] == of(planned("2027-05-08 12:05", WAS))


@pytest.mark.parametrize(
    ("modified", "due"),
    [
        pytest.param(at("2027-05-08 12:20"), utc("2027-05-08 10:30"), id="by-its-file"),
        pytest.param(None, utc("2027-05-08 10:40"), id="unknown"),
        pytest.param(at("2027-05-08 12:31"), utc("2027-05-08 10:40"), id="in-future"),
        pytest.param(LONG_AGO, utc("2027-05-08 10:40"), id="before-the-last-sight"),
    ],
)
def test_a_reader_of_the_plan_sees_a_change_that_nobody_noted(
    modified: datetime | None, due: datetime
) -> None:
    """Commands that only read count from the file's own time, where it can be right."""
    snapshot = remember(
        WAS,
        frozen=[SENT],
        known=seen(WAS, changed_at=EDITED),
        told={WAS.id: (told(WAS),)},
    )
    made = plan(
        "2027-05-08 12:30",
        events=[replace(MOVED, modified=modified)],
        campaigns=[reminder(WEEK_AT_9)],
        snapshot=snapshot,
    )

    assert [due] == [one.due for one in of(made)]


def test_a_change_of_the_future_is_told_now() -> None:
    """A clock that was set back must not hold a correction for a year."""
    made = planned("2027-05-08 12:00", MOVED, changed_at=at("2028-01-01 00:00"))

    assert (FIRST, "due", None) == row(made)


# ── To whom ─────────────────────────────────────────────────────────────────────


def test_each_channel_and_audience_that_was_told_has_a_row() -> None:
    """Groups of one place are one row, and nobody beside them gets one."""
    groups = [
        told(WAS),
        told(event("2027-05-12 19:00"), recipients=3),
        told(WAS, channel="team", audience=None, recipients=1),
    ]
    both = reminder(WEEK_AT_9, targets=(POST, digest().targets[0]))
    made = planned(
        "2027-05-08 12:10",
        MOVED,
        groups=groups,
        campaigns=[both],
        recipients={"readers": 12},
    )

    assert [
        (FIRST, "mail", "readers", "correction", 12),
        (FIRST, "team", None, "correction", 1),
    ] == [
        (
            one.edition,
            one.target.channel,
            one.target.audience,
            one.target.template,
            one.recipients,
        )
        for one in of(made)
    ]


def test_each_campaign_corrects_what_it_was_the_last_to_tell() -> None:
    """Nobody gets two: a reader belongs to the campaign that told last."""
    made = planned(
        "2027-05-08 12:10",
        MOVED,
        groups=[told(WAS), told(WAS, campaign="agenda", recipients=4)],
        campaigns=[reminder(WEEK_AT_9), digest()],
    )

    assert [("agenda/concert/correction/1", 4), (FIRST, 10)] == [
        (one.edition, one.recipients) for one in of(made)
    ]


def test_those_whose_time_has_passed_do_not_stop_the_others() -> None:
    """Who still expects a past date cannot be helped; who expects a later one can."""
    groups = [
        told(event("2027-05-08 10:00"), channel="team", audience=None),
        told(WAS),
    ]
    made = planned("2027-05-08 12:10", MOVED, groups=groups)

    assert {"team": "missed", "mail": "due"} == {
        one.target.channel: one.state.value for one in of(made)
    }


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param([], FIRST, id="first"),
        pytest.param(
            [corrected(FIRST, event("2027-05-11 19:00"), now=EDITED)],
            "reminders/concert/correction/2",
            id="second",
        ),
        pytest.param(
            [corrected(OFF, event("2027-05-11 19:00"), now=EDITED)],
            "reminders/concert/correction/2",
            id="after-a-cancellation",
        ),
        pytest.param(
            [
                corrected(
                    "agenda/concert/correction/1",
                    event("2027-05-11 19:00"),
                    now=EDITED,
                    campaign="agenda",
                )
            ],
            FIRST,
            id="another-campaign-counts-for-itself",
        ),
        pytest.param(
            [corrected(FIRST, MOVED, now=EDITED, state=EditionState.SUPERSEDED)],
            "reminders/concert/correction/2",
            id="one-that-stopped-half-way",
        ),
        pytest.param(
            [corrected(FIRST, MOVED, now=EDITED)], None, id="who-was-not-reached"
        ),
        pytest.param(
            [corrected(FIRST, MOVED, now=EDITED, state=EditionState.CANCELLED)],
            None,
            id="a-person-cancelled-it",
        ),
    ],
)
def test_corrections_are_counted_and_not_repeated(
    before: list[FrozenEdition], expected: str | None
) -> None:
    """Whom one did not reach for reasons of their own is not written to for ever."""
    made = planned("2027-05-08 12:30", MOVED, frozen=[SENT, *before])

    assert ([expected] if expected else []) == [one.edition for one in of(made)]


def test_who_was_told_otherwise_after_a_correction_is_corrected_again() -> None:
    """An edit that was undone after a digest had told it."""
    late = known(
        "agenda/2027-05-10/1",
        WAS,
        due=at("2027-05-08 12:20"),
        campaign="agenda",
        kind="digest",
    )
    made = planned(
        "2027-05-08 13:00",
        MOVED,
        groups=[told(WAS, campaign="agenda", edition=late.id)],
        frozen=[
            late,
            corrected(
                "agenda/concert/correction/1", MOVED, now=EDITED, campaign="agenda"
            ),
        ],
        campaigns=[digest()],
    )

    assert ("agenda/concert/correction/2", "due", None) == row(made)


def test_one_on_its_way_is_shown_where_its_campaign_speaks() -> None:
    """The ledger has it from there, and nothing new is planned beside it."""
    running = corrected(FIRST, MOVED, now=EDITED, state=EditionState.OPEN)
    made = planned("2027-05-08 12:30", MOVED, groups=[], frozen=[SENT, running])

    assert (FIRST, "due", "already-frozen") == row(made)


# ── Held, or not at all ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"campaigns": [reminder(WEEK_AT_9, approve_manually=True)]},
            ("held", "awaits-approval"),
            id="manual",
        ),
        pytest.param(
            {
                "campaigns": [reminder(WEEK_AT_9, approve_manually=True)],
                "decisions": {EditionId(FIRST): Decision.APPROVE},
            },
            ("due", None),
            id="manual-approved",
        ),
        pytest.param(
            {"decisions": {EditionId(FIRST): Decision.HOLD}},
            ("held", "decided"),
            id="a-person-holds",
        ),
        pytest.param(
            {"decisions": {EditionId(FIRST): Decision.CANCEL}},
            ("skipped", "decided"),
            id="a-person-cancels",
        ),
        pytest.param(
            {"audience_sizes": {"readers": 10}, "recipients": {"readers": 0}},
            ("held", "audience-emptied"),
            id="audience-emptied",
        ),
        pytest.param(
            {"audience_sizes": {"readers": 10}, "recipients": {"readers": 90}},
            ("due", None),
            id="only-who-was-told-before",
        ),
        pytest.param(
            {"recipients": {"readers": 0}}, ("held", "no-recipients"), id="nobody"
        ),
        pytest.param({"campaigns": []}, ("held", "facts-changed"), id="campaign-gone"),
    ],
)
def test_a_correction_waits_for_a_person(
    changes: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    """As any edition does; only strangers are no worry."""
    made = planned("2027-05-08 12:30", MOVED, **changes)

    assert (FIRST, *expected) == row(made)


@pytest.mark.parametrize(
    ("decision", "decided_at", "expected"),
    [
        pytest.param(
            Decision.CANCEL,
            "2027-05-08 12:01",
            (FIRST, "skipped"),
            id="cancelled-since",
        ),
        pytest.param(
            Decision.CANCEL, "2027-05-08 11:59", (NEXT, "held"), id="cancelled-before"
        ),
        pytest.param(
            Decision.APPROVE, "2027-05-08 11:59", (NEXT, "held"), id="approved-before"
        ),
        pytest.param(
            Decision.APPROVE, "2027-05-08 12:01", (FIRST, "due"), id="approved-since"
        ),
        pytest.param(
            Decision.HOLD, "2027-05-08 11:59", (FIRST, "held"), id="held-before"
        ),
    ],
)
def test_a_decision_is_about_what_a_correction_said_then(
    decision: Decision, decided_at: str, expected: tuple[str, str]
) -> None:
    """Another edit is another correction; what was put on hold stays on hold."""
    made = planned(
        "2027-05-08 12:30",
        MOVED,
        campaigns=[reminder(WEEK_AT_9, approve_manually=True)],
        decisions={EditionId(FIRST): decision},
        decided_at={EditionId(FIRST): at(decided_at)},
    )

    assert expected == row(made)[:2]


def test_a_clock_that_was_set_back_ends_no_decision() -> None:
    """A change of the future is older than what was decided about it."""
    made = planned(
        "2027-05-08 11:00",
        MOVED,
        decisions={EditionId(FIRST): Decision.CANCEL},
        decided_at={EditionId(FIRST): at("2027-05-08 10:59")},
    )

    assert (FIRST, "skipped", "decided") == row(made)


def test_a_held_correction_is_missed_at_its_deadline() -> None:
    """The alert says so; readers have to be reached by other means."""
    made = planned(
        "2027-05-09 17:50", MOVED, decisions={EditionId(FIRST): Decision.HOLD}
    )

    assert (FIRST, "missed", "late") == row(made)


@pytest.mark.parametrize(
    ("missing", "decision", "expected"),
    [
        pytest.param(0, None, None, id="never-counted"),
        pytest.param(1, None, None, id="missed-by-one-scan"),
        pytest.param(2, None, (OFF, "held", "event-vanished"), id="by-two"),
        pytest.param(2, Decision.APPROVE, (OFF, "due", None), id="approved"),
    ],
)
def test_only_a_person_says_that_a_vanished_event_is_cancelled(
    missing: int, decision: Decision | None, expected: tuple[str, str, str | None]
) -> None:
    """Put the file back, and the cause is gone."""
    made = planned(
        "2027-05-08 12:30",
        WAS,
        vanished=[WAS],
        missing=missing,
        decisions={EditionId(OFF): decision} if decision else {},
    )

    assert ([] if expected is None else [expected]) == [
        each for each in rows(made) if "concert/c" in each[0]
    ]


def test_a_vanished_event_that_had_changed_waits_for_the_next_scan() -> None:
    """The change is told, or the cancellation, but not yet."""
    made = planned("2027-05-08 12:30", MOVED, vanished=[MOVED], missing=1)

    assert (FIRST, "held", "event-vanished") == row(made)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(None, ("held", "event-hidden"), id="waits"),
        pytest.param(Decision.APPROVE, ("due", None), id="approved"),
    ],
)
def test_only_a_person_says_that_a_hidden_event_is_cancelled(
    decision: Decision | None, expected: tuple[str, str | None]
) -> None:
    """`published: false` may be a slip, once readers were told."""
    made = planned(
        "2027-05-08 12:30",
        replace(WAS, status=EventStatus.HIDDEN),
        decisions={EditionId(OFF): decision} if decision else {},
    )

    assert (OFF, *expected) == row(made)


def test_an_event_that_is_back_after_its_cancellation_is_corrected() -> None:
    """It is on again: the second word of the campaign about it."""
    off = replace(WAS, status=EventStatus.CANCELLED)
    made = planned(
        "2027-05-08 12:30",
        WAS,
        groups=[told(off, edition=EditionId(OFF))],
        frozen=[SENT, corrected(OFF, off, now=at("2027-05-07 12:00"))],
    )

    assert ("reminders/concert/correction/2", "due", None) == row(made)


def mass(
    changed: int,
    others: int,
    *,
    apart: timedelta,
    corrected_already: int = 0,
    before: Sequence[FrozenEdition] = (),
    past: Sequence[Event] = (),
    when: str = "2027-05-09 12:00",
) -> list[str]:
    """Return how the corrections of many events stand that changed one by one."""
    was = [event("2027-05-10 19:00", name=f"e{one:02}") for one in range(changed)]
    now = [replace(one, venue="Elsewhere") for one in was]
    still = [event("2027-05-10 19:00", name=f"s{one:02}") for one in range(others)]
    remembered = {}
    for number, one in enumerate(now):
        remembered |= seen(one, changed_at=EDITED + number * apart)
    frozen = [
        known(f"reminders/{one.id}/7d-0900/1", one, due=utc("2027-05-03 07:00"))
        for one in (*was, *still)
    ]
    done = [
        corrected(f"reminders/{one.id}/correction/1", one, now=at("2027-05-08 13:00"))
        for one in now[:corrected_already]
    ]
    snapshot = remember(
        *now,
        *still,
        frozen=[*before, *frozen, *done],
        known=remembered | seen(*still),
        told={EventId(one.id): (told(one),) for one in was[corrected_already:]},
    )
    made = plan(
        when,
        events=[*past, *now, *still],
        campaigns=[reminder(WEEK_AT_9)],
        snapshot=snapshot,
    )
    return [
        one.reason.code.value if one.reason else one.state.value for one in of(made)
    ]


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("changed", "others", "apart", "expected"),
    [
        pytest.param(5, 0, SECOND, ["due"] * 5, id="five-of-five"),
        pytest.param(6, 0, SECOND, ["many-changed"] * 6, id="six-of-six"),
        pytest.param(6, 24, SECOND, ["due"] * 6, id="a-fifth"),
        pytest.param(6, 23, SECOND, ["many-changed"] * 6, id="more-than-a-fifth"),
        pytest.param(6, 0, timedelta(minutes=11), ["due"] * 6, id="one-by-one"),
    ],
)
def test_many_that_change_at_once_wait_for_a_person(
    changed: int, others: int, apart: timedelta, expected: list[str]
) -> None:
    """A slip in a script is likelier than six moves in ten minutes."""
    assert expected == mass(changed, others, apart=apart)


def test_what_changed_years_ago_is_not_counted_again() -> None:
    """Past events are remembered by what was told of them alone."""
    long_past = [event("2025-05-10 19:00", name=f"p{one}") for one in range(9)]
    moved = [replace(one, venue="Elsewhere") for one in long_past]
    frozen = [
        known(f"reminders/{one.id}/7d-0900/1", one, due=utc("2025-05-03 07:00"))
        for one in long_past
    ]

    made = mass(1, 0, apart=SECOND, before=frozen, past=moved, when="2027-05-08 12:10")

    assert ["due"] == made


def test_approving_one_of_many_does_not_release_the_others() -> None:
    """They changed with it, whoever has been told by now."""
    assert ["many-changed"] * 4 == mass(6, 0, apart=SECOND, corrected_already=2)


def test_the_sentences_say_what_a_person_can_do() -> None:
    """Each with the command, or the time."""
    fresh = planned("2027-05-08 12:00", MOVED)
    gone = planned("2027-05-08 12:30", WAS, vanished=[WAS], missing=2)
    late = planned("2027-05-09 17:50", MOVED)

    assert [
        (
            "The change is fresh and may still be undone; readers are told from "
            "2027-05-08 12:10 CEST on."
        ),
        (
            "The event's file is gone, but readers were told of it. Put it back, and "
            "nothing is said; or tell them that it is cancelled: tambour approve "
            "reminders/concert/cancellation/1"
        ),
        (
            "These readers were told what is no longer so, and nothing may leave from "
            "2027-05-09 17:50 CEST on; reach them by other means."
        ),
    ] == [of(one)[0].reason.text for one in (fresh, gone, late)]  # type: ignore[union-attr]


def test_a_second_tick_is_silent() -> None:
    """Once frozen and told, the correction is neither planned nor repeated."""
    first = of(planned("2027-05-08 12:10", MOVED))[0]
    done = corrected(first.edition, MOVED, now=at("2027-05-08 12:10"))
    again = planned("2027-05-08 12:10:15", MOVED, groups=[], frozen=[SENT, done])

    assert "due" == first.state
    assert [] == of(again)
