"""
The vocabulary of Tambour: immutable values that every other module speaks in.

Knows nothing of files, databases, networks or clocks, and imports nothing of ours.
Every instant is an aware `datetime`; the words are defined in `docs/glossary.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NewType
from zoneinfo import ZoneInfo

EventId = NewType("EventId", str)
EditionId = NewType("EditionId", str)
DeliveryId = NewType("DeliveryId", int)

NOTHING: Mapping[str, str] = MappingProxyType({})


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """
    Return the instant at which clocks in *zone* show the naive time *local*.

    A time skipped by a spring change takes the offset before the gap (and so shows
    an hour later); a repeated one is its first occurrence.
    Source: RFC 5545 §3.3.5.
    """
    aware = local.replace(tzinfo=zone, fold=0)
    return aware.astimezone(UTC).astimezone(zone)


# ── Events ──────────────────────────────────────────────────────────────────────


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
    event is held. `summary` is plain text; `body` is the file's Markdown, untouched.
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


# ── Campaigns ───────────────────────────────────────────────────────────────────


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


# ── Project settings that pure code needs ───────────────────────────────────────


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
    """How close to a start, and how late after its due time, a message may leave."""

    margin: timedelta = timedelta(minutes=10)
    late: timedelta = timedelta(hours=24)


# ── Plans ───────────────────────────────────────────────────────────────────────


class EditionKind(StrEnum):
    """What an edition is to its readers."""

    DIGEST = "digest"
    REMINDER = "reminder"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


class EntryState(StrEnum):
    """Where a planned edition stands at the plan's `now` (contract of `plan`)."""

    PLANNED = "planned"
    DUE = "due"
    HELD = "held"
    MISSED = "missed"
    SKIPPED = "skipped"
    SENT = "sent"
    SUPERSEDED = "superseded"


class ReasonCode(StrEnum):
    """Why an edition is not simply planned or due; one sentence each in the docs."""

    EVENT_HELD = "event-held"
    EVENT_HIDDEN = "event-hidden"
    EVENT_CANCELLED = "event-cancelled"
    EVENT_POSTPONED = "event-postponed"
    NO_TIME_OF_DAY = "no-time-of-day"
    TOO_CLOSE = "too-close"
    LATE = "late"
    ADDED_LATE = "added-late"
    LATER_ONE_SPEAKS = "later-one-speaks"
    BEFORE_CAMPAIGN = "before-campaign"
    NO_EVENTS = "no-events"
    NO_RECIPIENTS = "no-recipients"
    AUDIENCE_EMPTIED = "audience-emptied"
    AUDIENCE_TRIPLED = "audience-tripled"
    AWAITS_APPROVAL = "awaits-approval"
    ALREADY_FROZEN = "already-frozen"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason code with the sentence that a person reads."""

    code: ReasonCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One (edition, channel, audience) of a plan.

    `due` and `deadline` are aware UTC; a deadline is None when nothing in the edition
    starts. `target` is the campaign's `to:` entry; `recipients` counts people now.
    """

    edition: EditionId
    campaign: str
    kind: EditionKind
    events: tuple[EventId, ...]
    target: Target
    due: datetime
    deadline: datetime | None
    state: EntryState
    reason: Reason | None = None
    recipients: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every edition to come, and why some will not, ordered by due time."""

    now: datetime
    entries: tuple[Entry, ...]


# ── The ledger's memory, as planning reads it ───────────────────────────────────


class EditionState(StrEnum):
    """Where a frozen edition stands as a whole."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Decision(StrEnum):
    """What a person decided about an edition."""

    APPROVE = "approve"
    HOLD = "hold"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenEdition:
    """An edition whose words, facts and recipients no longer change."""

    id: EditionId
    campaign: str
    kind: EditionKind
    due: datetime
    deadline: datetime | None
    facts: tuple[Facts, ...]
    frozen_at: datetime
    state: EditionState = EditionState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    What the ledger remembers, for planning.

    Audience sizes are those of the last edition frozen for each audience.
    """

    editions: Mapping[EditionId, FrozenEdition] = field(default_factory=dict)
    events_seen: Mapping[EventId, datetime] = field(default_factory=dict)
    campaigns_seen: Mapping[str, datetime] = field(default_factory=dict)
    audience_sizes: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[EditionId, Decision] = field(default_factory=dict)


# ── Messages and what becomes of them ───────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A subscriber's address frozen into an edition; `fields` are the CSV's others."""

    address: str
    name: str = ""
    language: str
    fields: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """
    An edition's words for one channel and language, before any recipient is known.

    `tokens` maps each alphanumeric sentinel in the words to the recipient's attribute
    that replaces it: `name`, `greeting`, `address`, `unsubscribe_url`, or a column.
    `payload` is a post's own JSON, when its template makes one.
    """

    language: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    payload: str = ""
    tokens: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    Bytes ready for a channel.

    `content` is an RFC 5322 message, or a post's JSON object; `recipient` the envelope
    address or the channel's account; `sender` the envelope sender, empty for posts;
    `key` the idempotency key, stable over retries.
    """

    delivery: DeliveryId
    recipient: str
    key: str
    content: bytes
    sender: str = ""


class OutcomeKind(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The value of one attempt; remote failures are this, never exceptions.

    `code` is the peer's own (`250`, `HTTP 410`) or ours (`timeout`, `unreachable`).
    """

    kind: OutcomeKind
    code: str
    reply: str = ""
    retry_after: timedelta | None = None


class DeliveryState(StrEnum):
    """Where one (edition, channel, recipient) stands; `ledger.states` has the rules."""

    PLANNED = "planned"
    LEASED = "leased"
    IN_FLIGHT = "in_flight"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
