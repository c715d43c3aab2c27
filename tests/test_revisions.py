from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    seen,
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


def revised(
    edition: FrozenEdition, *events: Event, vanished: Sequence[Event] = (), **known: Any
) -> list[Revision]:
    """Return what the events of today ask of an edition."""
    snapshot = Snapshot(editions={edition.id: edition}, **known)
    return list(revise(snapshot, events, vanished, LIMITS))


@pytest.mark.parametrize(
    ("change", "stop"),
    [
        pytest.param({}, None, id="as-told"),
        pytest.param({"title": "The concert"}, None, id="another-title"),
        pytest.param({"start": at("2027-04-02 19:00")}, "supersede", id="later"),
        pytest.param({"start": at("2027-04-01 18:00")}, "supersede", id="earlier"),
        pytest.param({"venue": "Town hall"}, "supersede", id="place"),
        pytest.param({"status": EventStatus.HELD}, None, id="held"),
        pytest.param({"status": EventStatus.CANCELLED}, "withdraw", id="cancelled"),
        pytest.param({"status": EventStatus.POSTPONED}, "withdraw", id="postponed"),
        pytest.param({"status": EventStatus.HIDDEN}, "withdraw", id="hidden"),
    ],
)
def test_a_reminder_stops_when_what_it_says_is_not_so(
    change: dict[str, Any], stop: str | None
) -> None:
    """An error in a file is no cancellation; a cancellation is."""
    found = revised(frozen(CONCERT), replace(CONCERT, **change))

    assert ([] if stop is None else [stop]) == [one.stop for one in found]


def test_a_start_that_moves_earlier_brings_the_deadline_forward() -> None:
    """What is on the wire just then does not outlast the new start either."""
    (earlier,) = revised(frozen(CONCERT), event("2027-04-01 18:00"))
    (later,) = revised(frozen(CONCERT), event("2027-04-02 19:00"))

    assert (utc("2027-04-01 15:50"), DEADLINE) == (earlier.deadline, later.deadline)


def test_a_wider_margin_brings_the_deadline_forward() -> None:
    """Settings count for what is frozen, too; nothing stops for that."""
    late = frozen(CONCERT, deadline=utc("2027-04-01 16:55"))

    assert [Revision(edition=NAME, deadline=DEADLINE)] == revised(late, CONCERT)


@pytest.mark.parametrize(
    "kind", [EditionKind.DIGEST, EditionKind.CORRECTION, EditionKind.CANCELLATION]
)
@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.HIDDEN])
def test_whatever_speaks_of_others_too_goes_on_in_another_revision(
    kind: EditionKind, status: EventStatus
) -> None:
    """Only a reminder has nothing left to say."""
    talk = event("2027-04-03 10:00", name="talk")
    edition = frozen(CONCERT, talk, kind=kind)

    (one,) = revised(edition, replace(CONCERT, status=status), talk)

    assert Decision.SUPERSEDE is one.stop


@pytest.mark.parametrize(
    ("kind", "missing", "stop"),
    [
        pytest.param(EditionKind.REMINDER, 0, None, id="never-counted"),
        pytest.param(EditionKind.REMINDER, 1, None, id="missed-by-one-scan"),
        pytest.param(EditionKind.REMINDER, 2, Decision.WITHDRAW, id="by-two"),
        pytest.param(EditionKind.DIGEST, 1, None, id="digest-missed-by-one"),
        pytest.param(EditionKind.DIGEST, 2, Decision.SUPERSEDE, id="digest-by-two"),
    ],
)
def test_a_vanished_event_counts_after_two_good_scans(
    kind: EditionKind, missing: int, stop: Decision | None
) -> None:
    """One scan may have met a folder that was being rewritten."""
    known = seen(CONCERT, missing=missing)
    found = revised(frozen(CONCERT, kind=kind), vanished=[CONCERT], known=known)

    assert ([] if stop is None else [stop]) == [one.stop for one in found]


@pytest.mark.parametrize(
    ("gone", "there", "stops"),
    [
        pytest.param(5, 0, True, id="five-of-five"),
        pytest.param(6, 0, False, id="six-of-six"),
        pytest.param(6, 24, True, id="a-fifth"),
        pytest.param(6, 23, False, id="more-than-a-fifth"),
    ],
)
def test_many_that_vanish_at_once_stop_nothing(
    gone: int, there: int, stops: bool
) -> None:
    """A disk is likelier gone than six events of a source."""
    lost = [event("2027-04-01 19:00", name=f"gone{one}") for one in range(gone)]
    others = [event("2027-04-01 19:00", name=f"there{one}") for one in range(there)]
    elsewhere = event("2027-04-01 19:00", name="far", source="other")
    known = seen(*lost, missing=2) | seen(*others, elsewhere)

    found = revised(frozen(lost[0]), *others, elsewhere, vanished=lost, known=known)

    assert stops == bool(found)


@pytest.mark.parametrize(
    "state", [EditionState.DONE, EditionState.CANCELLED, EditionState.SUPERSEDED]
)
def test_what_is_over_is_left_alone(state: EditionState) -> None:
    """There is nobody left to protect."""
    assert [] == revised(frozen(CONCERT, state=state), event("2027-03-30 10:00"))


def test_an_event_that_nobody_knows_changes_nothing() -> None:
    """Its source may be gone from the settings; what was frozen has a deadline."""
    assert [] == revised(frozen(CONCERT))


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
