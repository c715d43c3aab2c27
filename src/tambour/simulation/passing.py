"""
A world in which time passes when somebody waits, and only then.

For one channel's delivery: who waits longest would else make the others late.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tambour.delivery.world import World


class Passing:
    """Time from *now* on; `stop` is set when somebody would wait *until* its end."""

    def __init__(self, now: datetime, until: datetime) -> None:
        self.now = now
        self.stop = asyncio.Event()
        self._begin = now
        self._until = until

    def world(self) -> World:
        """Return what delivery sees of it; the dice always show the middle."""
        return World(
            clock=lambda: self.now,
            monotonic=self._seconds,
            sleep=self._sleep,
            chance=lambda: 0.5,
        )

    def _seconds(self) -> float:
        return (self.now - self._begin).total_seconds()

    async def _sleep(self, seconds: float) -> None:
        # Whoever is woken before, by an answer or a stop, has not waited.
        at = self.now + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        if at >= self._until:
            self.stop.set()
            await asyncio.Event().wait()
        self.now = max(self.now, at)
