"""
A channel's `rate: 10/s`: how many messages may be claimed now.

Counts a sliding window, so that no stretch of `per` ever sees more than `count`, and
spreads them in small bursts over it. Knows nothing of messages; the clock (monotonic,
in seconds) and the sleep are given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from tambour.config import Rate

Sleep = Callable[[float], Awaitable[None]]

_SHORTEST_SLEEP_S = 0.001
_BURST_S = 0.1
"""A rate of 100/s is spread as ten messages each tenth of a second."""


class Pace:
    """The permits of one channel; unlimited when *rate* is None."""

    def __init__(
        self, rate: Rate | None, *, clock: Callable[[], float], sleep: Sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._granted: deque[tuple[float, int]] = deque()
        self._in_window = 0
        self._free_at = 0.0

    async def grant(self, limit: int) -> int:
        """Wait until at least one message may be sent, and return how many may."""
        if self._rate is None:
            return limit
        per_s = self._rate.per.total_seconds()
        spacing_s = per_s / self._rate.count
        while (wait_s := self._wait_s(per_s)) > 0:
            # A clock in floats may take less than it takes to move at all.
            await self._sleep(max(wait_s, _SHORTEST_SLEEP_S))
        now = self._clock()
        burst = max(1, int(_BURST_S / spacing_s))
        count = min(limit, burst, self._rate.count - self._in_window)
        self._granted.append((now, count))
        self._in_window += count
        self._free_at = now + count * spacing_s
        return count

    def _wait_s(self, per_s: float) -> float:
        """Forget what has left the window; return how long until a permit is free."""
        now = self._clock()
        while self._granted and self._granted[0][0] + per_s <= now:
            self._in_window -= self._granted.popleft()[1]
        wait_s = self._free_at - now
        if self._rate is not None and self._in_window >= self._rate.count:
            wait_s = max(wait_s, self._granted[0][0] + per_s - now)
        return wait_s
