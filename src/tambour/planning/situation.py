"""
Everything a planning rule may look at, gathered once for a plan.

Holds values only: what was read from files and the ledger, and the `now` that was
given. The rules themselves live beside it, one file each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
)
from tambour.planning.calendar import begins_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """An event that has not started; `starts_at` is UTC, midnight for a mere date."""

    event: Event
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    What is known at `now`, in UTC.

    `horizon` bounds what is listed, never what may leave now. `upcoming` is in order
    of start, and leaves out what has started.
    """

    upcoming: tuple[Upcoming, ...]
    campaigns: tuple[Campaign, ...]
    recipients: Mapping[str, int]
    snapshot: Snapshot
    site: Site
    limits: Limits
    now: datetime
    horizon: datetime

    def frozen(self, edition: EditionId) -> FrozenEdition | None:
        """What the ledger knows of an edition."""
        return self.snapshot.editions.get(edition)

    def event_seen(self, event: EventId) -> datetime:
        """When the event was first seen; one that nobody recorded is seen now."""
        return self.snapshot.events_seen.get(event, self.now)

    def campaign_seen(self, campaign: str) -> datetime:
        """When the campaign was first seen; one that nobody recorded is seen now."""
        return self.snapshot.campaigns_seen.get(campaign, self.now)


def upcoming_events(events: Sequence[Event], now: datetime) -> tuple[Upcoming, ...]:
    """Return the events that start after *now*, in order of start."""
    starts = ((event, begins_at(event)) for event in events)
    ahead = (
        Upcoming(event=event, starts_at=start)
        for event, start in starts
        if start is not None and start > now
    )
    return tuple(sorted(ahead, key=lambda one: (one.starts_at, one.event.id)))


def is_selected(event: Event, where: Selection) -> bool:
    """Tell whether a campaign is about the event; any one of the tags will do."""
    return (
        (not where.tags or not where.tags.isdisjoint(event.tags))
        and (not where.sources or event.source in where.sources)
        and (not where.languages or event.language in where.languages)
        and (where.online is None or event.online == where.online)
    )
