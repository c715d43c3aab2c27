"""Messages, those who get them, and what becomes of each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, NewType

DeliveryId = NewType("DeliveryId", int)


class Recipient(NamedTuple):
    """A subscriber's address frozen into an edition; `fields` are the CSV's others."""

    address: str
    language: str
    name: str = ""
    fields: Mapping[str, str] = MappingProxyType({})


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
    tokens: Mapping[str, str] = field(default_factory=dict)


class Message(NamedTuple):
    """
    Bytes ready for a channel.

    `content` is an RFC 5322 message, or a post's JSON object; `recipient` the envelope
    address or the channel's account; `sender` the envelope sender, empty for posts;
    `key` the idempotency key, stable over retries; `lane` the group of destinations it
    belongs to, empty for most. `is_plain` promises that every octet is ASCII, every
    line ends in CRLF and none begins with a dot, so that nobody has to look again.
    """

    delivery: DeliveryId
    recipient: str
    key: str
    content: bytes
    sender: str = ""
    lane: str = ""
    is_plain: bool = False


class OutcomeKind(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"


class Cause(StrEnum):
    """Whose matter a refusal is."""

    MESSAGE = "message"
    """This message's, or this moment's."""
    ADDRESS = "address"
    """The address does not exist: it must not be mailed again."""
    SENDER = "sender"
    """Whoever sends is refused: a person must look, and no reader is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The value of one attempt; remote failures are this, never exceptions.

    `code` is the peer's own (`250`, `HTTP 410`) or ours (`timeout`, `unreachable`);
    `status` its enhanced status code, where there is one (RFC 3463: `5.1.1`).
    """

    kind: OutcomeKind
    code: str
    reply: str = ""
    retry_after: timedelta | None = None
    status: str = ""
    cause: Cause = Cause.MESSAGE


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
