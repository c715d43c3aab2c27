"""The events of the world, as their files tell them."""

from __future__ import annotations

from dataclasses import dataclass
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
        )


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
