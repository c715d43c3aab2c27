"""
The seam between delivery and the services: one small protocol.

A channel carries bytes and tells what became of each message. It knows no ledger, no
retries, no deadlines, no configuration beyond its own settings. What a remote service
does is an `Outcome`, never an exception: whatever a channel raises is a bug.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tambour.model import DeliveryId, Message, Outcome

Wave = Iterable[Message]
"""Messages, pulled one by one: each only when it is about to be transmitted."""

Clock = Callable[[], datetime]
"""Returns the present instant, aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`; `detail` names the mend when it is not ok."""

    name: str
    ok: bool
    detail: str


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
        Yield exactly one outcome for every message pulled from *wave*.

        Stops pulling when the destination as a whole is lost; what was not pulled
        was not touched. Content goes out byte for byte.
        """
