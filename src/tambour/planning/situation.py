"""
Everything a planning rule may look at, gathered once for a plan.

Holds values only: what was read from files and the ledger, and the `now` that was
given. The rules themselves live beside it, one file each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from tambour.model import (
    Campaign,
    EditionId,
    Event,
    EventId,
    EventStatus,
    FrozenEdition,
    KnownEvent,
    Limits,
    Selection,
    Site,
    Snapshot,
    Speed,
)
from tambour.planning.calendar import begins_at
from tambour.planning.vanishing import Absence, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """An event with a start; `starts_at` is UTC, midnight for a mere date."""

    event: Event
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    What is known at `now`, in UTC.

    `horizon` bounds what is listed, never what may leave now. `dated` is in order of
    start, vanished events included, and `upcoming` the part of it that has not started.
    """

    dated: tuple[Dated, ...]
    standing: Standing
    campaigns: tuple[Campaign, ...]
    recipients: Mapping[str, int]
    speeds: Mapping[str, Speed]
    snapshot: Snapshot
    site: Site
    limits: Limits
    now: datetime
    horizon: datetime

    @property
    def upcoming(self) -> tuple[Dated, ...]:
        """The events that start after now, in order of start."""
        first = bisect_right(self.dated, self.now, key=attrgetter("starts_at"))
        return self.dated[first:]

    def frozen(self, edition: EditionId) -> FrozenEdition | None:
        """What the ledger knows of an edition."""
        return self.snapshot.editions.get(edition)

    def event_seen(self, event: EventId) -> datetime:
        """When the event was first seen; one that nobody recorded is seen now."""
        return self.snapshot.events_seen.get(event, self.now)

    def absence(self, event: EventId) -> Absence | None:
        """What is thought of an event that is not there any more."""
        return self.standing.absent.get(event)

    def changed_at(self, event: EventId) -> datetime:
        """Since when an event is as it is; what nobody recorded changed just now."""
        remembered = self.snapshot.known.get(event)
        known = self.standing.known.get(event)
        if remembered is None or known is None:
            return self.now
        if event in self.standing.absent or not _differs(remembered, known):
            return remembered.changed_at
        written = known.modified or self.now
        is_likely = remembered.changed_at <= written <= self.now
        return written if is_likely else self.now

    def settled_at(self, changed_at: datetime) -> datetime:
        """
        Return when a change counts, unless it is undone; one in the future counts now.

        Only a clock that was set back can make a change of the future.
        """
        is_past = changed_at <= self.now
        return changed_at + self.limits.settle if is_past else self.now

    def campaign_seen(self, campaign: str) -> datetime:
        """When the campaign was first seen; one that nobody recorded is seen now."""
        return self.snapshot.campaigns_seen.get(campaign, self.now)


def dated_events(events: Sequence[Event]) -> tuple[Dated, ...]:
    """Return the events that have a start, in its order."""
    starts = ((event, begins_at(event)) for event in events)
    dated = (
        Dated(event=event, starts_at=start)
        for event, start in starts
        if start is not None
    )
    return tuple(sorted(dated, key=lambda one: (one.starts_at, one.event.id)))


def _differs(remembered: KnownEvent, known: Event) -> bool:
    """Whether an event changed since the ledger last noted its facts."""
    before, now = remembered.facts, known.facts()
    if before.status is EventStatus.HIDDEN:
        before = replace(before, status=EventStatus.CANCELLED)
    return bool(before.changes(now))


def is_selected(event: Event, where: Selection) -> bool:
    """
    Tell whether a campaign is about the event; any one of the tags will do.

    Tags are the same in capitals: editors write both “Webinaire” and “webinaire”.
    """
    tags = {tag.casefold() for tag in event.tags} if where.tags else set()
    return (
        (not where.tags or any(tag.casefold() in tags for tag in where.tags))
        and (not where.sources or event.source in where.sources)
        and (not where.languages or event.language in where.languages)
        and (where.online is None or event.online == where.online)
    )
