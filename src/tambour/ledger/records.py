"""
The values that go into and come out of the ledger.

Knows no SQL. What a delivery is before it has a row (`Draft`), while it is being sent
(`Leased`, `Intent`, `Result`) and when somebody asks (`Record`, `Count`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, NewType

from tambour.composing.headers import domain_labels
from tambour.ledger.states import Step
from tambour.model import (
    Cause,
    DeliveryId,
    DeliveryState,
    EditionId,
    EditionKind,
    EventId,
    Facts,
    Recipient,
    Rendered,
)

ContentId = NewType("ContentId", int)


def normalise(address: str) -> str:
    """
    Return the form in which two spellings of one address are equal.

    Case is ignored in the whole address: RFC 5321 §2.4 allows a host to tell local
    parts apart by case, but no host in use does, and a person who leaves means all
    spellings. A domain is the same in letters and in A-labels (RFC 5890).
    """
    same = unicodedata.normalize("NFC", address.strip().lower())
    if same.isascii():
        return same
    local, at, domain = same.rpartition("@")
    return f"{local}{at}{domain_labels(domain)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """
    Frozen words: a mail's `rendered`, or the final JSON text of a post.

    `key` tells the shared contents of one edition apart; a content with an `address` is
    personal to it and is used for one draft only.
    """

    key: str
    language: str
    audience: str = ""
    address: str | None = None
    rendered: Rendered | None = None
    payload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A delivery before it is frozen."""

    channel: str
    recipient: Recipient
    content: Content


class Leased(NamedTuple):
    """A delivery that was picked for the next wave; certainly unsent in this try."""

    id: DeliveryId
    edition: EditionId
    campaign: str
    kind: EditionKind
    channel: str
    audience: str
    recipient: Recipient
    content: ContentId
    deadline: datetime | None
    attempts: int


class Intent(NamedTuple):
    """The promise to put a leased delivery on the wire under this `message_id`."""

    delivery: DeliveryId
    message_id: str


class Result(NamedTuple):
    """
    What became of an intent; `next_try` is None when there is none by itself.

    A rejected one whose `cause` is the address has it suppressed, as `code` and
    `status` say; one whose cause is the sender has its edition held, for that `reply`.
    """

    delivery: DeliveryId
    step: Step
    code: str = ""
    reply: str = ""
    next_try: datetime | None = None
    status: str = ""
    cause: Cause = Cause.MESSAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How many messages of a channel's lane were let go at an instant."""

    channel: str
    lane: str = ""
    at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a dead process had left: certainly unsent rows, and rows in doubt."""

    released: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One delivery as `history --deliveries` shows it (contract)."""

    edition: EditionId
    campaign: str
    event: EventId | None
    """The only event of the edition; None for a digest of several."""
    channel: str
    recipient: str
    state: DeliveryState
    attempts: int
    code: str
    reply: str
    message_id: str
    at: datetime
    next_try: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How the recipients of one (edition, channel) stand; the states add up."""

    edition: EditionId
    campaign: str
    channel: str
    recipients: int
    states: Mapping[DeliveryState, int] = field(default_factory=dict)

    def how_many(self, *states: DeliveryState) -> int:
        """Return how many recipients are in one of *states*."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def is_balanced(self) -> bool:
        """Whether every frozen recipient is in exactly one state."""
        return sum(self.states.values()) == self.recipients


class LastTold(NamedTuple):
    """What a reader was last told of an event, and where; a post has no audience."""

    edition: EditionId
    campaign: str
    audience: str | None
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed; an empty audience means all of them."""

    address: str
    audience: str
    reason: str
    since: datetime
