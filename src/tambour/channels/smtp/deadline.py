"""
A deadline that moves with every reply, and a timer that hardly ever does.

Source: RFC 5321 §4.5.3.2 is what it is for; knows no SMTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls *on_passed* once the deadline has passed; setting it is cheap."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_passed: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._on_passed = on_passed
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, patience_s: float) -> None:
        """Put it *patience_s* from now; a running timer looks again when it rings."""
        self._at = at = self._loop.time() + patience_s
        timer = self._timer
        if timer is None or timer.when() > at:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(at, self._look)

    def lift(self) -> None:
        """Have none."""
        self._at = None

    def stop(self) -> None:
        """Have none, and never again look."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._look)
        else:
            self._at = None
            self._on_passed()
