"""
What becomes of an edition that is frozen, but not sent to all, when events change.

Its words stay as they were frozen. But nothing leaves after an event's new start, and a
reminder of what does not take place stops at once. A digest goes on without being
withdrawn: it speaks of other events too. A file that vanished or has an error changes
nothing here; telling those who were told is for corrections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tambour.model import (
    Decision,
    EditionKind,
    EditionState,
    Event,
    EventId,
    EventStatus,
    FrozenEdition,
    Limits,
    Revision,
    Snapshot,
)
from tambour.planning.calendar import begins_at

_OFF = {EventStatus.CANCELLED, EventStatus.POSTPONED, EventStatus.HIDDEN}


def revise(
    snapshot: Snapshot, events: Sequence[Event], limits: Limits
) -> tuple[Revision, ...]:
    """Return what must change about the frozen editions that are still being sent."""
    known = {event.id: event for event in events}
    return tuple(
        revision
        for frozen in snapshot.editions.values()
        if frozen.state is EditionState.OPEN
        for revision in _revision(frozen, known, limits)
    )


def _revision(
    frozen: FrozenEdition, known: dict[EventId, Event], limits: Limits
) -> Iterator[Revision]:
    current = [known[told.event] for told in frozen.facts if told.event in known]
    starts = (
        begins_at(event) for event in current if event.status is EventStatus.SCHEDULED
    )
    limit = min((start - limits.margin for start in starts if start), default=None)
    before = frozen.deadline
    is_earlier = limit is not None and (before is None or limit < before)
    is_off = frozen.kind is EditionKind.REMINDER and any(
        event.status in _OFF for event in current
    )
    if is_earlier or is_off:
        deadline = limit if is_earlier else before
        stop = Decision.WITHDRAW if is_off else None
        yield Revision(edition=frozen.id, deadline=deadline, stop=stop)
