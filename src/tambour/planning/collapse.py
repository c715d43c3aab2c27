"""
Rule 6: of several reminders of an event at once, readers get the latest one.

At once are those that are overdue, and those to come that are due at one instant.

Works per event, channel and audience, across campaigns and offsets, and remembers
what the ledger sent: an earlier reminder never follows a later one, even if the clock
stepped back or the campaign was renamed since. Being late is judged as of the moment a
later reminder took over, so that a superseded one is never shown as missed afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tambour.model import (
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    EventId,
    FrozenEdition,
    Reason,
    ReasonCode,
)
from tambour.planning import reasons
from tambour.planning.precedence import Place, place_of, places_of
from tambour.planning.revisions import stem_of
from tambour.planning.situation import Situation

_FREE = frozenset({EntryState.PLANNED, EntryState.DUE})
_WAITING = _FREE | {EntryState.HELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A reminder's row; it counts as late from *since* + *limit* on."""

    entry: Entry
    since: datetime
    limit: timedelta
    zone: ZoneInfo


def settle(rows: Iterable[Row], situation: Situation) -> list[Entry]:
    """Return the rows with their last word: one of each group may speak."""
    groups: dict[tuple[EventId, Place, datetime], list[Row]] = defaultdict(list)
    for one in rows:
        at = max(one.entry.due, situation.now)
        groups[one.entry.events[0], place_of(one.entry), at].append(one)
    spoken = _spoken(situation)
    places = places_of(situation)
    settled: list[Entry] = []
    for (event, place, _), group in groups.items():
        heard = [
            frozen
            for frozen in spoken.get(event, ())
            if place in places.get(frozen.campaign, (place,))
        ]
        settled.extend(_settle_group(group, heard=heard, situation=situation))
    return settled


def _spoken(situation: Situation) -> Mapping[EventId, Sequence[FrozenEdition]]:
    spoken: dict[EventId, list[FrozenEdition]] = defaultdict(list)
    for frozen in situation.snapshot.editions.values():
        is_reminder = frozen.kind is EditionKind.REMINDER
        if is_reminder and frozen.state is not EditionState.CANCELLED:
            for facts in frozen.facts:
                spoken[facts.event].append(frozen)
    return spoken


def _settle_group(
    group: Sequence[Row], *, heard: Sequence[FrozenEdition], situation: Situation
) -> list[Entry]:
    judged = [_judge(one, heard=heard, situation=situation) for one in group]
    leaders = [
        entry
        for one, entry in zip(group, judged, strict=True)
        if entry.state in _WAITING or _stopped(one.entry)
    ]
    if not leaders:
        return judged
    leader = max(
        leaders,
        key=lambda one: (one.due, one.state in _FREE, one.edition),
    )
    return [
        entry
        if entry.edition == leader.edition or entry.state not in _WAITING
        else _superseded(entry, reasons.later_one_speaks(leader.edition))
        for entry in judged
    ]


def _judge(one: Row, *, heard: Sequence[FrozenEdition], situation: Situation) -> Entry:
    entry = one.entry
    if entry.state not in _WAITING:
        return entry
    is_frozen = situation.frozen(entry.edition) is not None
    later = [
        frozen
        for frozen in heard
        if stem_of(frozen.id) != stem_of(entry.edition)
        and (frozen.due > entry.due or (frozen.due == entry.due and not is_frozen))
    ]
    taken_over_at = min((frozen.frozen_at for frozen in later), default=situation.now)
    reason = None if is_frozen else _too_late(one, situation, as_of=taken_over_at)
    if reason is not None:
        return replace(entry, state=EntryState.MISSED, reason=reason)
    if later:
        last = max(later, key=lambda frozen: (frozen.due, frozen.id))
        return _superseded(entry, reasons.later_one_speaks(last.id))
    return entry


def _too_late(one: Row, situation: Situation, *, as_of: datetime) -> Reason | None:
    deadline = one.entry.deadline
    if deadline is not None and as_of >= deadline:
        seen = situation.event_seen(one.entry.events[0])
        if seen >= deadline:
            return reasons.seen_past_deadline(seen, deadline, zone=one.zone)
        return reasons.deadline_passed(deadline, zone=one.zone)
    if as_of - one.since > one.limit:
        return reasons.late(one.since, one.limit, zone=one.zone)
    return None


def _stopped(entry: Entry) -> bool:
    """Tell whether a person stopped it; an earlier one must not speak in its place."""
    return entry.reason is not None and entry.reason.code is ReasonCode.DECIDED


def _superseded(entry: Entry, reason: Reason) -> Entry:
    return replace(entry, state=EntryState.SUPERSEDED, reason=reason)
