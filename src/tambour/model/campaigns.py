"""Campaigns: the standing rules that editors write, and the site they serve."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class CampaignKind(StrEnum):
    """What a campaign speaks about: a period's events, or one event at a time."""

    DIGEST = "digest"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A weekly or daily time; no weekdays means each day (Monday is 0)."""

    at: time
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A five-field cron expression, read in the site's zone."""

    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """
    How long before the start a reminder is due.

    Either *days* (calendar arithmetic in the event's zone, at the local time *at* or
    at the event's own clock time) or *elapsed* (subtracted in UTC), never both.
    `key` names it within an edition's id: `7d-0900`, `30d`, `2h`.
    """

    key: str
    days: int | None = None
    at: time | None = None
    elapsed: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of days, in the site's zone, whose events a digest gathers."""

    days: int
    skip_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events a campaign is about; an empty field selects all."""

    tags: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    online: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One `to:` entry; without an audience it is a post by the channel's account."""

    channel: str
    template: str
    audience: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A standing rule an editor wrote. `name` is its file's name; `body` Markdown."""

    name: str
    path: str
    kind: CampaignKind
    targets: tuple[Target, ...]
    schedule: Every | Cron | None = None
    offsets: tuple[Offset, ...] = ()
    window: Window = field(default_factory=lambda: Window(days=14))
    where: Selection = field(default_factory=Selection)
    send_empty: bool = False
    approve_manually: bool = False
    announce_late: bool = True
    body: str = ""
    body_line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The website that the events belong to."""

    name: str
    url: str
    timezone: str
    language: str

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, used wherever an event names none."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How close to a start, and how late after its due time, a message may leave.

    A changed fact has to stand for *settle* before readers are told.
    """

    margin: timedelta
    late: timedelta
    settle: timedelta = timedelta(minutes=10)
