"""
The seam between delivery and the services: one small protocol.

A channel carries bytes and tells what became of each message. It knows no ledger, no
retries, no deadlines, no configuration beyond its own settings. What a remote service
does is an `Outcome`, never an exception: whatever a channel raises is a bug.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tambour.model import DeliveryId, Message, Outcome

Clock = Callable[[], datetime]
"""Returns the present instant, aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One line of `doctor`; `detail` names the mend when it is not ok.

    A *warning* hinders nothing, but a person should look at it.
    """

    name: str
    ok: bool
    detail: str
    warning: bool = False


class Wave(Protocol):
    """Messages to transmit, taken one by one: each only when its turn has come."""

    def take(self, lane: str = "") -> Message | None:
        """Return the next message of a lane; None when there is none just now."""

    async def more(self, lane: str = "") -> bool:
        """Wait until there is one to take; False when there will never be another."""

    def may_leave(self, delivery: DeliveryId) -> bool:
        """Whether it is not too late for one that was taken and not put on the wire."""


class Batch:
    """A wave of messages that are all there already."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._lanes: dict[str, deque[Message]] = {}
        for message in messages:
            self._lanes.setdefault(message.lane, deque()).append(message)

    def take(self, lane: str = "") -> Message | None:
        """Return the lane's next message."""
        waiting = self._lanes.get(lane)
        return waiting.popleft() if waiting else None

    async def more(self, lane: str = "") -> bool:
        """Whether the lane has any left."""
        return bool(self._lanes.get(lane))

    def may_leave(self, _delivery: DeliveryId) -> bool:
        """Say yes: it is never too late here."""
        return True


async def each(wave: Wave) -> AsyncIterator[Message]:
    """Yield the messages of a channel that transmits one at a time."""
    while await wave.more():
        message = wave.take()
        if message is not None:
            yield message


class Channel(Protocol):
    """A configured destination."""

    async def open(self) -> Outcome | None:
        """
        Get ready to transmit; None when ready, else why not.

        A deferred outcome may pass by itself, a rejected one waits for a person.
        Either concerns the destination as a whole: no message was put on the wire.
        """

    async def close(self) -> None:
        """Let go of the destination; may be called twice, or without `open`."""

    async def probe(self) -> tuple[Check, ...]:
        """Say for `doctor` whether messages would get through; transmits none."""

    def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """
        Yield exactly one outcome for every message taken from *wave*.

        Goes on until there are no more, or until the destination as a whole is lost;
        what was not taken was not touched. Content goes out byte for byte.
        """
