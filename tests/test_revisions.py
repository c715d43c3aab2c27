from __future__ import annotations

from typing import Any

import pytest

from planning_cases import (
    LIMITS,
    WEEK_AT_9,
    at,
    event,
    known,
    plan,
    reminder,
    rows,
    utc,
)
from tambour.model import (
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Event,
    EventStatus,
    FrozenEdition,
    Revision,
    Snapshot,
)
from tambour.planning import revise

NAME = EditionId("reminders/concert/7d-0900/1")
CONCERT = event("2027-04-01 19:00")
DEADLINE = utc("2027-04-01 16:50")


def frozen(*about: Event, **changes: Any) -> FrozenEdition:
    """Return an edition that is still being sent."""
    values: dict[str, Any] = {
        "due": at("2027-03-25 09:00"),
        "deadline": DEADLINE,
        "state": EditionState.OPEN,
        **changes,
    }
    edition = known(NAME, about[0], **values)
    return FrozenEdition(
        **{
            **{name: getattr(edition, name) for name in edition.__slots__},
            "facts": tuple(one.facts() for one in about),
        }
    )


def revised(edition: FrozenEdition, *events: Event) -> list[Revision]:
    """Return what the events of today ask of an edition."""
    snapshot = Snapshot(editions={edition.id: edition})
    return list(revise(snapshot, events, LIMITS))


@pytest.mark.parametrize(
    ("start", "deadline"),
    [
        pytest.param("2027-04-01 19:00", None, id="as-told"),
        pytest.param("2027-04-02 19:00", None, id="later"),
        pytest.param("2027-04-01 18:00", utc("2027-04-01 15:50"), id="earlier"),
        pytest.param("2027-03-20 18:00", utc("2027-03-20 16:50"), id="in-the-past"),
    ],
)
def test_a_start_that_moves_earlier_brings_the_deadline_forward(
    start: str, deadline: Any
) -> None:
    """Nothing that was frozen leaves after the new start; nothing is put off."""
    found = revised(frozen(CONCERT), event(start))

    expected = [Revision(edition=NAME, deadline=deadline, stop=None)]
    assert (expected if deadline else []) == found


@pytest.mark.parametrize(
    ("status", "is_withdrawn"),
    [
        (EventStatus.SCHEDULED, False),
        (EventStatus.HELD, False),
        (EventStatus.CANCELLED, True),
        (EventStatus.POSTPONED, True),
        (EventStatus.HIDDEN, True),
    ],
)
def test_a_reminder_of_what_does_not_take_place_stops(
    status: EventStatus, *, is_withdrawn: bool
) -> None:
    """An error in a file is no cancellation; a cancellation is."""
    found = revised(frozen(CONCERT), event("2027-04-01 19:00", status=status))

    assert [is_withdrawn] * len(found) == [
        one.stop is Decision.WITHDRAW for one in found
    ]
    assert is_withdrawn == bool(found)


def test_a_vanished_event_changes_nothing() -> None:
    """A file may come back; what was frozen still goes by its own deadline."""
    assert [] == revised(frozen(CONCERT))


def test_a_digest_goes_on_without_one_of_its_events() -> None:
    """It speaks of the others too, and leaves before the earliest of them."""
    talk = event("2027-04-03 10:00", name="talk")
    off = event("2027-04-01 19:00", status=EventStatus.CANCELLED)
    moved = event("2027-03-30 10:00", name="talk")
    agenda = frozen(CONCERT, talk, kind=EditionKind.DIGEST)

    assert [] == revised(agenda, off, talk)
    assert [utc("2027-03-30 07:50")] == [
        one.deadline for one in revised(agenda, off, moved)
    ]


@pytest.mark.parametrize("state", [EditionState.DONE, EditionState.CANCELLED])
def test_what_is_over_is_left_alone(state: EditionState) -> None:
    """There is nobody left to protect."""
    assert [] == revised(frozen(CONCERT, state=state), event("2027-03-30 10:00"))


def test_a_withdrawn_reminder_says_why() -> None:
    """The plan names the event's status, not a person."""
    off = event("2027-04-01 19:00", status=EventStatus.CANCELLED)
    from_ledger = Snapshot(
        editions={NAME: frozen(CONCERT, state=EditionState.CANCELLED)},
        decisions={NAME: Decision.WITHDRAW},
        campaigns_seen={"reminders": utc("2027-01-01 00:00")},
    )
    made = plan(
        "2027-03-26 12:00",
        events=[off],
        campaigns=[reminder(WEEK_AT_9)],
        snapshot=from_ledger,
    )

    assert [(NAME, "skipped", "event-cancelled")] == rows(made)
