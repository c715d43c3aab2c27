"""
What the flows of one delivery share: routes, the world outside, and the run.

Knows neither the ledger's rules nor any channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeVar

from tambour.channels.protocol import Channel
from tambour.config import WarmUp
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Leased
from tambour.model import Message, Outcome, Rate, Reading

T = TypeVar("T")

WAVE_MESSAGES = 200
"""The most messages that are composed and committed at once."""


_LEASE_AHEAD_S = 5


class CrashPoint(StrEnum):
    """The moments at which a test may kill the process."""

    LEASED = "leased"
    """Deliveries are leased, nothing is promised."""
    INTENDED = "intended"
    """Intents are committed, none of them is on the wire."""
    TAKEN = "taken"
    """The channel is about to transmit a message."""
    ANSWERED = "answered"
    """An outcome has arrived, the ledger does not know it."""
    SETTLED = "settled"
    """The last results are committed, the channel is still open."""


def _pass_by(_point: CrashPoint) -> None:
    pass


def _nobodys(_address: str) -> str:
    return ""


class Composed(NamedTuple):
    """
    A message that is written when its turn comes; until then its `key` will do.

    `write` raises `UserError` when this recipient's message cannot be made.
    """

    key: str
    write: Callable[[], Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """What holds one group of destinations back."""

    rates: tuple[Rate, ...] = ()
    most_in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    A channel as delivery uses it; `compose` makes a leased delivery's message in time.

    `rates` and `warm_up` bound the whole channel, `lanes` some destinations; `lane_of`
    names an address's lane, empty for most. `wave_size` bounds what is committed at
    once.
    """

    name: str
    channel: Channel
    compose: Callable[[Leased, Content], Composed]
    rates: tuple[Rate, ...] = ()
    warm_up: WarmUp | None = None
    lanes: Mapping[str, LaneLimits] = field(default_factory=dict)
    lane_of: Callable[[str], str] = _nobodys
    on_uncertain: Literal["resend", "hold"] = "resend"
    wave_size: int = WAVE_MESSAGES

    def is_budgeted(self) -> bool:
        """Whether anything but the channel's own speed holds messages back."""
        return bool(
            self.rates
            or self.warm_up
            or any(limits.rates for limits in self.lanes.values())
        )

    def soon(self) -> int:
        """Return how many leave within seconds: leased ones wait in memory."""
        per_s = (rate.count / rate.per.total_seconds() for rate in self.rates)
        slowest = min(per_s, default=None)
        return (
            self.wave_size
            if slowest is None
            else max(1, min(self.wave_size, int(slowest * _LEASE_AHEAD_S)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    The world outside: wall clock, monotonic seconds, sleep, and dice in [0, 1).

    `checkpoint` is told each step: a progress bar counts them, a test kills there.
    `put_off` is told which channel is left alone as a whole, and why. `since_boot`
    counts a suspend as well, unlike monotonic seconds; an unnamed `boot` has none.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    boot: str = ""
    since_boot: Callable[[], float] = lambda: 0.0
    checkpoint: Callable[[CrashPoint], None] = _pass_by
    put_off: Callable[[str, Outcome], None] = lambda _channel, _refusal: None

    def reading(self) -> Reading:
        """Read the clocks."""
        return Reading(wall=self.clock(), boot=self.boot, elapsed=self.since_boot())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    What all flows of one delivery share.

    `until` is the due time up to which one pass works, None for a daemon's drain;
    `halt` ends the work after the wave, `thread` is the ledger's own.
    """

    ledger: Ledger
    thread: Executor
    world: World
    halt: asyncio.Event
    until: datetime | None

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run *work* in the ledger's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)

    async def unless_halted(self, work: Awaitable[T]) -> T | None:
        """Wait for *work*, but not longer than until the halt: then return None."""
        working = asyncio.ensure_future(work)
        await first_of((working, self.halt.wait()))
        return working.result() if working.done() and not working.cancelled() else None


async def first_of(waits: Iterable[Awaitable[object]]) -> None:
    """Wait until one of these is done, and cancel the others."""
    futures = {asyncio.ensure_future(wait) for wait in waits}
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()


def raise_first(ends: Iterable[object]) -> None:
    """
    Raise what went wrong, if anything did.

    Raises:
        BaseExceptionGroup: several things did.

    """
    errors = [end for end in ends if isinstance(end, BaseException)]
    if len(errors) > 1:
        msg = "several things failed at once"
        raise BaseExceptionGroup(msg, errors)
    if errors:
        raise errors[0]
