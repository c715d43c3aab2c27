"""
Everything a planning rule may look at, gathered once for a plan.

Holds values only: what was read from files and the ledger, and the `now` that was
given. The rules themselves live beside it, one file each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from tambour.model import (
    Campaign,
    EditionId,
    Event,
    EventId,
    FrozenEdition,
    Limits,
    Selection,
    Site,
    Snapshot,
    Speed,
)
from tambour.planning.calendar import begins_at


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
    start, and `upcoming` the part of it that has not started.
    """

    dated: tuple[Dated, ...]
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
