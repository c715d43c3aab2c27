"""
A channel that stays shut because its settings cannot be used; it only says why.

Stands in for the channel, so that the others go on and the ledger keeps the reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from tambour.channels.protocol import Check, Wave
from tambour.channels.replies import tidy
from tambour.model import DeliveryId, Outcome, OutcomeKind


class Shut:
    """Takes nothing."""

    def __init__(self, *, code: str, why: str) -> None:
        self._refusal = Outcome(kind=OutcomeKind.REJECTED, code=code, reply=tidy(why))

    async def open(self) -> Outcome | None:
        """Say why not."""
        return self._refusal

    async def close(self) -> None:
        """Nothing is open."""

    async def probe(self) -> tuple[Check, ...]:
        """Say the same."""
        return (Check(name="settings", ok=False, detail=self._refusal.reply),)

    async def transmit(self, _wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Yield nothing, having taken nothing."""
        return
        yield
