"""
A channel into this process: each message is handed to whoever listens.

What a simulation sends through, and tests. Keeps no message and touches no network.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from tambour.channels.protocol import Check, Wave
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

CLOSED = Outcome(kind=OutcomeKind.DEFERRED, code="closed", reply="nobody is here")


class InMemory:
    """
    The channel to *take*, which says what becomes of each message.

    `is_open` is asked before each; while it says no, nothing is taken.
    """

    def __init__(
        self,
        take: Callable[[Message], Outcome],
        *,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self._take = take
        self._is_open = is_open

    async def open(self) -> Outcome | None:
        """Ready while somebody listens."""
        return None if self._is_open() else CLOSED

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def probe(self) -> tuple[Check, ...]:
        """Say whether somebody listens."""
        is_open = self._is_open()
        detail = "somebody is listening" if is_open else CLOSED.reply
        return (Check(name="listener", ok=is_open, detail=detail),)

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Hand over one message after the other, while somebody listens."""
        while await wave.more() and self._is_open():
            message = wave.take()
            if message is None:
                continue
            await asyncio.sleep(0)
            yield message.delivery, self._take(message)
