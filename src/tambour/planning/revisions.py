"""
What becomes of an edition that is frozen, but not sent to all, when events change.

Its words stay as they were frozen, so what says something that is no longer so stops
at once: a reminder of what does not take place is withdrawn, any other edition gives
way to its next revision, for those whom it did not reach. Telling those whom it reached
is for corrections. A file with an error changes nothing here, nor one that may come
back with the next scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tambour.model import (
    Change,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Event,
    EventId,
    EventStatus,
    Facts,
    FrozenEdition,
    Limits,
    Revision,
    Snapshot,
)
from tambour.planning.calendar import begins_at
from tambour.planning.vanishing import standing_of

CALLED_OFF = frozenset({Change.CANCELLED, Change.POSTPONED})

Present = Mapping[EventId, Facts]
"""What is so now, of the events of which that is certain."""


def revise(
    snapshot: Snapshot,
    events: Sequence[Event],
    vanished: Sequence[Event],
    limits: Limits,
) -> tuple[Revision, ...]:
    """Return what must change about the frozen editions that are still being sent."""
    running = snapshot.open_editions
    about = {told.event for frozen in running for told in frozen.facts}
    present = standing_of(events, vanished, snapshot).facts(about)
    return tuple(
        revision
        for frozen in running
        for revision in _revision(frozen, present, limits=limits)
    )


def stop_of(frozen: FrozenEdition, present: Present) -> Decision | None:
    """Return how an edition must stop, if what it tells is not so."""
    changes = {
        change
        for told in frozen.facts
        if told.event in present
        for change in told.changes(present[told.event])
    }
    if frozen.kind is EditionKind.REMINDER and changes & CALLED_OFF:
        return Decision.WITHDRAW
    return Decision.SUPERSEDE if changes else None


def stem_of(edition: EditionId) -> str:
    """Return an edition's name without its revision."""
    return edition.rpartition("/")[0]


def number_of(edition: EditionId) -> int:
    """Return an edition's revision; the clock may have gone back, this never does."""
    return int(edition.rpartition("/")[2])


def revisions_of(stem: str, snapshot: Snapshot) -> tuple[FrozenEdition, ...]:
    """Return an edition's frozen revisions, the first one first."""
    found: list[FrozenEdition] = []
    while (name := named(stem, len(found) + 1)) in snapshot.editions:
        found.append(snapshot.editions[name])
    return tuple(found)


def named(stem: str, number: int) -> EditionId:
    """Return the name of an edition's revision."""
    return EditionId(f"{stem}/{number}")


def was_stopped(frozen: FrozenEdition, snapshot: Snapshot) -> bool:
    """
    Tell whether an edition ended, because of its facts, before all had it.

    One that was withdrawn counts: its event may take place again.
    """
    is_withdrawn = snapshot.decisions.get(frozen.id) is Decision.WITHDRAW
    return frozen.state is EditionState.SUPERSEDED or is_withdrawn


def _revision(
    frozen: FrozenEdition, present: Present, *, limits: Limits
) -> Iterator[Revision]:
    now = [present[told.event] for told in frozen.facts if told.event in present]
    starts = (
        begins_at(facts) for facts in now if facts.status is EventStatus.SCHEDULED
    )
    limit = min((start - limits.margin for start in starts), default=None)
    before = frozen.deadline
    is_earlier = limit is not None and (before is None or limit < before)
    stop = stop_of(frozen, present)
    if is_earlier or stop is not None:
        deadline = limit if is_earlier else before
        yield Revision(edition=frozen.id, deadline=deadline, stop=stop)
