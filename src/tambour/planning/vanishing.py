"""
Rule 8, never by accident: what became of an event whose file is not there any more.

One good scan may have met a folder that was being rewritten; two in a row have not.
But where many events of a source vanish together, a disk or a feed is likelier gone
than they. An event that its site does not show any more needs no second scan: somebody
wrote that into its file. Knows what was read and remembered, not why.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tambour.model import Event, EventId, EventStatus, Facts, Snapshot

GOOD_SCANS = 2
"""So many scans must not find an event before it counts as gone."""
MANY = 5
MANY_SHARE = 0.2
"""More than both, at once, is likelier an accident than what somebody wanted."""


class Absence(StrEnum):
    """What is thought of an event that is not there any more."""

    UNSURE = "unsure"
    """The next scan tells."""
    GONE = "gone"
    MANY = "many"
    """Too many are gone with it: a person tells."""
    HIDDEN = "hidden"
    """Readers were told of it, and its site shows it no more."""


_UNCERTAIN = frozenset({Absence.UNSURE, Absence.MANY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    Each event in `known` as its readers ought to know it; why some are `absent`.

    What is gone, or shown no more, is called off as far as its readers are concerned.
    One that has an error is left out: nobody knows what it would say.
    """

    known: Mapping[EventId, Event]
    absent: Mapping[EventId, Absence]

    def facts(self, names: Iterable[EventId]) -> dict[EventId, Facts]:
        """Return what is so now of those about which that is certain."""
        certain = (one for one in names if self.absent.get(one) not in _UNCERTAIN)
        return self.likely_facts(certain)

    def likely_facts(self, names: Iterable[EventId]) -> dict[EventId, Facts]:
        """Return what is so now as far as anybody knows: a person may have to say."""
        return {one: self.known[one].facts() for one in names if one in self.known}


def standing_of(
    events: Sequence[Event], vanished: Sequence[Event], snapshot: Snapshot
) -> Standing:
    """Return how events stand, those included that were there and are not any more."""
    absent = _absences(events, vanished, snapshot)
    there = (one for one in events if one.status is not EventStatus.HELD and one.start)
    known = {event.id: as_told(event) for event in there}
    for event in vanished:
        is_unsure = absent[event.id] is Absence.UNSURE
        known[event.id] = as_told(event) if is_unsure else _called_off(event)
    return Standing(known=known, absent=absent)


def sources_losing_many(standing: Standing) -> Counter[str]:
    """Count, for each source that lost too many events at once, how many those are."""
    return Counter(
        standing.known[name].source
        for name, absence in standing.absent.items()
        if absence is Absence.MANY
    )


def as_told(event: Event) -> Event:
    """Return an event as those are told of it who knew of it before."""
    return _called_off(event) if event.status is EventStatus.HIDDEN else event


def is_many(count: int, total: int) -> bool:
    """Tell whether *count* of *total* at once is likelier an accident."""
    return count > MANY and count > MANY_SHARE * total


def _called_off(event: Event) -> Event:
    return replace(event, status=EventStatus.CANCELLED)


def _absences(
    events: Sequence[Event], vanished: Sequence[Event], snapshot: Snapshot
) -> dict[EventId, Absence]:
    lost: dict[str, list[Event]] = defaultdict(list)
    for event in (*vanished, *(one for one in events if _is_retracted(one, snapshot))):
        lost[event.source].append(event)
    found: dict[EventId, Absence] = {}
    for source, group in lost.items():
        total = sum(known.source == source for known in snapshot.known.values())
        of_many = is_many(len(group), total)
        for event in group:
            found[event.id] = _absence(event, snapshot, of_many=of_many)
    return found


def _is_retracted(event: Event, snapshot: Snapshot) -> bool:
    """Whether its site showed it, and readers were told, and shows it no more."""
    return event.status is EventStatus.HIDDEN and event.id in snapshot.told


def _absence(event: Event, snapshot: Snapshot, *, of_many: bool) -> Absence:
    if event.status is EventStatus.HIDDEN:
        return Absence.MANY if of_many else Absence.HIDDEN
    known = snapshot.known.get(event.id)
    if known is None or known.missing < GOOD_SCANS:
        return Absence.UNSURE
    return Absence.MANY if of_many else Absence.GONE
