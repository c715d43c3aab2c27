"""
Which server the next connection goes to, and how each has been doing.

Pure: the time is a parameter, on a clock that only runs forward. Connections are shared
out by weight; a server that fails is left for a while that doubles, and tried again
while the others carry on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tambour.channels.smtp.opening import verdicts_for
from tambour.channels.smtp.verdicts import Verdicts
from tambour.config import SmtpServer

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
CROWDED_S = 60.0
"""How long a server that has too many connections is spared further ones."""
LOCK_STEP_S = 3600.0
DOUBTED_S = 60.0
"""How long a server gets one command at a time after one connection that dropped."""
"""How long a server that cannot follow several commands gets them one by one."""
MOST_FRUITLESS = 3
"""Connections in a row that carry nothing, until the server counts as dead."""


@dataclass(slots=True, eq=False)
class Server:
    """A server; `connections` counts those that it has or is about to have."""

    settings: SmtpServer
    verdicts: Verdicts
    connections: int = 0
    keeps_step: bool = False
    """Whether it has answered commands written ahead."""
    round_trip_s: float = inf
    _failures: int = 0
    _fruitless: int = 0
    _paused_until: float = 0.0
    _most: int = 0
    _crowded_until: float = 0.0
    _lock_step_until: float = 0.0
    _has_dropped: bool = False

    def is_up(self, now: float) -> bool:
        """Whether it may be dialled."""
        return now >= self._paused_until

    @property
    def paused_until(self) -> float:
        """When it may be dialled again."""
        return self._paused_until

    def is_full(self, now: float) -> bool:
        """Whether it has said that there are connections enough."""
        return now < self._crowded_until and self.connections >= self._most

    def is_lock_step(self, now: float) -> bool:
        """Whether it gets one command at a time."""
        return now < self._lock_step_until

    def note_failure(self, now: float) -> None:
        """It could not be reached, or lets nobody in."""
        pause_s = min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2 ** min(self._failures, 9))
        self._failures += 1
        self._fruitless = 0
        self._paused_until = now + pause_s

    def note_opened(self) -> None:
        """It has let us in."""
        self._paused_until = 0.0

    def note_answer(self) -> None:
        """A message was answered."""
        self._failures = self._fruitless = 0

    def note_fruitless(self, now: float) -> None:
        """A connection ended before any message was answered."""
        self._fruitless += 1
        if self._fruitless >= MOST_FRUITLESS:
            self.note_failure(now)

    def note_crowded(self, now: float) -> None:
        """It has said that there are too many connections; there is one less now."""
        self._most, self._crowded_until = max(1, self.connections), now + CROWDED_S

    def note_out_of_step(self, now: float, *, is_certain: bool) -> None:
        """It could not follow commands written ahead, or so it seems."""
        spared_s = LOCK_STEP_S if is_certain or self._has_dropped else DOUBTED_S
        self.keeps_step, self._has_dropped = False, True
        self._lock_step_until = now + spared_s


class Servers:
    """The servers of a channel."""

    def __init__(self, servers: Iterable[SmtpServer]) -> None:
        self.all = tuple(
            Server(settings=settings, verdicts=verdicts_for(settings))
            for settings in servers
        )

    def choose(self, now: float) -> Server | None:
        """Return where the next connection goes; None when nobody would take it."""
        fit = [s for s in self.all if s.is_up(now) and not s.is_full(now)]
        return min(fit, key=_share_with_one_more, default=None)

    def overfull(self, now: float) -> Server | None:
        """Return a server that has a connection which another should have."""
        nextone = self.choose(now)
        if nextone is None:
            return None
        most = max(self.all, key=_share)
        return most if _share(most) > _share_with_one_more(nextone) else None

    def is_down(self, now: float) -> bool:
        """Whether no server has a connection or may be dialled."""
        return not any(server.connections or server.is_up(now) for server in self.all)

    def next_up(self, now: float) -> float | None:
        """Return when the next pause ends."""
        ends = [s.paused_until for s in self.all if not s.is_up(now)]
        return min(ends, default=None)


def _share(server: Server) -> float:
    return server.connections / server.settings.weight


def _share_with_one_more(server: Server) -> float:
    return (server.connections + 1) / server.settings.weight
