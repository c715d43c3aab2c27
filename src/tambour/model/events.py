"""The events of the world, as their files tell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NewType
from zoneinfo import ZoneInfo

EventId = NewType("EventId", str)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """
    Return the instant at which clocks in *zone* show the naive time *local*.

    A time skipped by a spring change takes the offset before the gap (and so shows
    an hour later); a repeated one is its first occurrence.
    Source: RFC 5545 §3.3.5.
    """
    aware = local.replace(tzinfo=zone, fold=0)
    return aware.astimezone(UTC).astimezone(zone)


class EventStatus(StrEnum):
    """Whether the happening takes place, and whether we may speak of it."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    HELD = "held"
    """Its file has an error; it is left out until somebody mends it."""
    HIDDEN = "hidden"
    """Its site does not show it: a draft, or `published: false`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A labelled extra of an event's page: access, opening hours, a second link."""

    label: str
    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    A real-world happening, as its file tells it.

    `start` and `end` are aware, in the event's zone; `start` is None only when the
    event is held or hidden. An all-day event's `end` is 00:00 of its last day, None if
    it has but one. `summary` is plain text; `body` is the file's Markdown, untouched.
    Links and images are absolute. `path` is relative to the project, with slashes.
    `modified` is when its file, or its item in a feed, last changed, where known.
    """

    id: EventId
    source: str
    path: str
    title: str
    start: datetime | None
    end: datetime | None = None
    all_day: bool = False
    timezone: str
    venue: str | None = None
    address: str | None = None
    url: str | None = None
    registration_url: str | None = None
    image: str | None = None
    image_alt: str | None = None
    summary: str | None = None
    body: str = ""
    tags: tuple[str, ...] = ()
    language: str
    status: EventStatus = EventStatus.SCHEDULED
    online: bool = False
    organizer: str | None = None
    details: tuple[Detail, ...] = ()
    modified: datetime | None = field(default=None, compare=False)

    @property
    def zone(self) -> ZoneInfo:
        """The event's own time zone."""
        return ZoneInfo(self.timezone)

    def facts(self) -> Facts:
        """
        Return what readers are told of the event.

        Raises:
            ValueError: the event has no start, so nobody may be told anything.

        """
        if self.start is None:
            msg = f"{self.id} has no start"
            raise ValueError(msg)
        return Facts(
            event=self.id,
            title=self.title,
            start=self.start,
            end=self.end,
            timezone=self.timezone,
            venue=self.venue,
            address=self.address,
            url=self.url,
            registration_url=self.registration_url,
            status=self.status,
            all_day=self.all_day,
            online=self.online,
        )


class Change(StrEnum):
    """What of an event is not as readers were told."""

    MOVED = "moved"
    PLACE = "place"
    LINK = "link"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What readers are told of an event, and would have to be corrected about."""

    event: EventId
    title: str
    start: datetime
    end: datetime | None
    timezone: str
    venue: str | None
    address: str | None
    url: str | None
    registration_url: str | None
    status: EventStatus
    all_day: bool = False
    online: bool = False

    def changes(self, now: Facts) -> frozenset[Change]:
        """
        Return what differs in *now*, of that which readers go by.

        A title is no such thing, nor the address of the event's page, unless that is
        where it takes place. Of what is called off only that is said.
        """
        if now.status is not self.status:
            called_off = _CALLED_OFF.get(now.status)
            if called_off is not None:
                return frozenset({called_off})
        elif now.status in _CALLED_OFF:
            return frozenset()
        differs = {
            Change.REINSTATED: now.status is not self.status,
            Change.MOVED: self._times() != now._times(),
            Change.PLACE: self._place() != now._place(),
            Change.LINK: self._link() != now._link(),
        }
        return frozenset(change for change, is_so in differs.items() if is_so)

    def _times(self) -> tuple[object, ...]:
        if not self.all_day:
            return self.all_day, self.start, self.end
        return self.all_day, self.start.date(), self.end and self.end.date()

    def _place(self) -> tuple[bool, str, str]:
        said = (" ".join((text or "").split()) for text in (self.venue, self.address))
        venue, address = said
        return self.online, venue.casefold(), address.casefold()

    def _link(self) -> str | None:
        return self.registration_url or (self.url if self.online else None)


_CALLED_OFF = {
    EventStatus.CANCELLED: Change.CANCELLED,
    EventStatus.POSTPONED: Change.POSTPONED,
}
