"""Plans: which editions are to come, why some will not, and what was frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from tambour.model.campaigns import Target
from tambour.model.events import EventId, Facts

EditionId = NewType("EditionId", str)


class EditionKind(StrEnum):
    """What an edition is to its readers."""

    DIGEST = "digest"
    REMINDER = "reminder"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


CORRECTIONS = frozenset({EditionKind.CORRECTION, EditionKind.CANCELLATION})
"""What tells readers that something is no longer so."""


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
    EVENT_VANISHED = "event-vanished"
    MANY_VANISHED = "many-vanished"
    MANY_CHANGED = "many-changed"
    SETTLING = "settling"
    FACTS_CHANGED = "facts-changed"
    CORRECTED_INSTEAD = "corrected-instead"
    CLOCK_JUMPED = "clock-jumped"
    LEDGER_OUTDATED = "ledger-outdated"
    LEDGER_COPIED = "ledger-copied"
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
    TOO_SLOW = "too-slow"
    SENDER_REFUSED = "sender-refused"


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
    Whom the editions in `after` have reached on the same channel is left out, so that
    `recipients` is then the most that it can be.
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
    after: tuple[EditionId, ...] = ()

    @property
    def is_too_slow(self) -> bool:
        """Whether it cannot be through before its deadline."""
        return self.reason is not None and self.reason.code is ReasonCode.TOO_SLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every edition to come, and why some will not, ordered by due time."""

    now: datetime
    entries: tuple[Entry, ...]


class EditionState(StrEnum):
    """Where a frozen edition stands as a whole."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """Its facts changed before all had it: another revision goes to the others."""


class Decision(StrEnum):
    """What was decided about an edition: by a person, but for the last two."""

    APPROVE = "approve"
    HOLD = "hold"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"
    """What it speaks about does not take place as it says; nobody needs to ask."""
    SUPERSEDE = "supersede"
    """What it says is no longer so: another revision goes to those not yet reached."""


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
class Revision:
    """
    What a frozen edition's events ask of it now: an earlier deadline, or to stop.

    A *stop* is `Decision.WITHDRAW` or `Decision.SUPERSEDE`.
    """

    edition: EditionId
    deadline: datetime | None
    stop: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """
    What the ledger remembers of an event that was not past when it was last read.

    `facts` are the last good ones, those of a file that has an error now included;
    they are what they are since `changed_at`. `missing` counts the good scans that did
    not find it, 0 while it is there.
    """

    id: EventId
    source: str
    path: str
    facts: Facts
    changed_at: datetime
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    How many readers were last told these *facts* of an event, and by whom.

    Counts those to whom it was sent, perhaps sent, or is being sent just now, each
    where the last edition about the event reached them; whether they are still in the
    audience is not asked. A post's audience is None. `edition` is the last one of them.
    """

    facts: Facts
    campaign: str
    channel: str
    audience: str | None
    edition: EditionId
    recipients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    What the ledger remembers, for planning.

    Audience sizes are those of the last edition frozen for each audience that spoke to
    all of it. `decided_at` is when each of the `decisions` was made; `held_because` has
    the server's words where no person, but a refusal of the sender made it. `waiting`
    counts, for each channel, what is frozen and may still leave; `spent` tells when how
    many were let go lately. `told` has the events of which somebody was told something
    that is not so now, and only those. A `stop` is why nothing at all may leave until a
    person has looked.
    """

    editions: Mapping[EditionId, FrozenEdition] = field(default_factory=dict)
    events_seen: Mapping[EventId, datetime] = field(default_factory=dict)
    known: Mapping[EventId, KnownEvent] = field(default_factory=dict)
    told: Mapping[EventId, tuple[Told, ...]] = field(default_factory=dict)
    campaigns_seen: Mapping[str, datetime] = field(default_factory=dict)
    audience_sizes: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[EditionId, Decision] = field(default_factory=dict)
    decided_at: Mapping[EditionId, datetime] = field(default_factory=dict)
    held_because: Mapping[EditionId, str] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[str, tuple[tuple[datetime, int], ...]] = field(default_factory=dict)
    stop: Reason | None = None

    @property
    def open_editions(self) -> tuple[FrozenEdition, ...]:
        """What is frozen and neither through nor stopped."""
        editions = self.editions.values()
        return tuple(one for one in editions if one.state is EditionState.OPEN)
