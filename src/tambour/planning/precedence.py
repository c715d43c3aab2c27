"""
At most one message about an event, to one person, at a time: corrections go first.

A reminder that is due while a correction to the same readers waits, or leaves, goes to
all the others afterwards. One that is due again only because the event was moved is not
sent at all when the correction has just said so. Works per channel and audience.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tambour.model import (
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    EventId,
    FrozenEdition,
    ReasonCode,
)
from tambour.planning import reasons
from tambour.planning.corrections import Spoken, corrections_of
from tambour.planning.situation import Situation

Place = tuple[str, str | None]
"""A channel and an audience."""

LEAVING = timedelta(minutes=30)
"""How long a correction on its way is waited for; one address may take a day."""

_COMING = frozenset({EntryState.PLANNED, EntryState.DUE})
_LEFT = frozenset({EditionState.OPEN, EditionState.DONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """The corrections that are to come, and those that spoke."""

    coming: Mapping[tuple[EventId, Place], Entry]
    spoken: Spoken
    places: Mapping[str, frozenset[Place]]
    situation: Situation

    def ahead(self, entry: Entry) -> Entry | None:
        """Return the correction that leaves no later than a reminder could."""
        correction = self.coming.get((entry.events[0], place_of(entry)))
        if correction is None:
            return None
        moment = max(correction.due, self.situation.now)
        return correction if entry.due <= moment else None

    def since(self, entry: Entry, since: datetime, *, limit: timedelta) -> datetime:
        """Return from when on a reminder counts as late, if it had to wait in time."""
        ahead = self.ahead(entry)
        moments = [one.frozen_at for one in self._before(entry)]
        patience = max(limit, self.situation.limits.settle)
        for moment in sorted([*moments, *([ahead.due] if ahead else [])]):
            if moment - since <= patience:
                since = max(since, moment)
        return since

    def corrected_instead(self, entry: Entry) -> EditionId | None:
        """Return the correction, or a digest, that says when a moved event is now."""
        start = self.situation.standing.known[entry.events[0]].start
        for frozen in self._spoken(entry):
            if any(told.start == start for told in frozen.facts):
                return frozen.id if frozen.frozen_at >= entry.due else None
        ahead = self.ahead(entry)
        return self._digest_since(entry) if ahead is None else ahead.edition

    def without_corrected(self, entry: Entry) -> Entry:
        """Leave out of a reminder whom a correction reached in its place."""
        before = tuple(frozen.id for frozen in self._before(entry))
        return replace(entry, after=(*entry.after, *before))

    def in_turn(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Let what may leave wait for the corrections that go first."""
        for entry in entries:
            first = self._goes_first(entry)
            if first is None or entry.state not in _COMING or _is_frozen(entry):
                yield entry
            else:
                reason = reasons.correction_first(first)
                yield replace(entry, state=EntryState.PLANNED, reason=reason)

    def _goes_first(self, entry: Entry) -> EditionId | None:
        """Return the correction that is to leave, or is leaving just now."""
        ahead = self.ahead(entry)
        if ahead is not None:
            return ahead.edition
        for frozen in self._before(entry):
            since = self.situation.now - frozen.frozen_at
            if frozen.state is EditionState.OPEN and timedelta() <= since < LEAVING:
                return frozen.id
        return None

    def _spoken(self, entry: Entry) -> Iterator[FrozenEdition]:
        """Yield the corrections that the readers of a reminder got, or get."""
        place = place_of(entry)
        for frozen in self.spoken.get(entry.events[0], ()):
            is_there = place in self.places.get(frozen.campaign, (place,))
            if is_there and frozen.state in _LEFT:
                yield frozen

    def _digest_since(self, entry: Entry) -> EditionId | None:
        """Return a digest that told the start when the reminder was due already."""
        start = self.situation.standing.known[entry.events[0]].start
        for frozen in self.situation.snapshot.editions.values():
            if (
                frozen.kind is EditionKind.DIGEST
                and frozen.state in _LEFT
                and frozen.frozen_at >= entry.due
                and place_of(entry) in self.places.get(frozen.campaign, ())
                and any(
                    told.event == entry.events[0] and told.start == start
                    for told in frozen.facts
                )
            ):
                return frozen.id
        return None

    def _before(self, entry: Entry) -> Iterator[FrozenEdition]:
        """Yield those of them that left when the reminder was due already."""
        return (one for one in self._spoken(entry) if one.frozen_at >= entry.due)


def precedence(corrections: Sequence[Entry], situation: Situation) -> Precedence:
    """Return which corrections go before which reminders."""
    return Precedence(
        coming={
            (one.events[0], place_of(one)): one
            for one in corrections
            if one.state in _COMING and not _is_frozen(one)
        },
        spoken=corrections_of(situation),
        places=places_of(situation),
        situation=situation,
    )


def place_of(entry: Entry) -> Place:
    """Return where an entry speaks."""
    return entry.target.channel, entry.target.audience


def places_of(situation: Situation) -> Mapping[str, frozenset[Place]]:
    """Return where each campaign speaks; one that is gone may have spoken anywhere."""
    return {
        campaign.name: frozenset((to.channel, to.audience) for to in campaign.targets)
        for campaign in situation.campaigns
    }


def _is_frozen(entry: Entry) -> bool:
    return entry.reason is not None and entry.reason.code is ReasonCode.ALREADY_FROZEN
