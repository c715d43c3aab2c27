"""
What the flows of one delivery share: routes, the world outside, and the run.

Knows neither the ledger's rules nor any channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from tambour.channels.protocol import Channel
from tambour.config import Rate
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Leased
from tambour.model import Message

T = TypeVar("T")

WAVE_MESSAGES = 200
"""How many messages are leased, composed and committed at once."""


class CrashPoint(StrEnum):
    """The moments at which a test may kill the process."""

    LEASED = "leased"
    """Messages are leased and composed, nothing is promised."""
    INTENDED = "intended"
    """Intents are committed, none of them is on the wire."""
    PULLED = "pulled"
    """The channel is about to transmit a message."""
    ANSWERED = "answered"
    """An outcome has arrived, the ledger does not know it."""
    SETTLED = "settled"
    """The last results are committed, the channel is still open."""


def _pass_by(_point: CrashPoint) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    A channel as delivery uses it; `compose` makes a leased delivery's message.

    `wave_size` bounds what is leased, composed and committed at once.
    """

    name: str
    channel: Channel
    compose: Callable[[Leased, Content], Message]
    rate: Rate | None = None
    on_uncertain: Literal["resend", "hold"] = "resend"
    wave_size: int = WAVE_MESSAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    The world outside: wall clock, monotonic seconds, sleep, and dice in [0, 1).

    `checkpoint` is told each step: a progress bar counts them, a test kills there.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    checkpoint: Callable[[CrashPoint], None] = _pass_by


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
        halted = asyncio.ensure_future(self.halt.wait())
        try:
            await asyncio.wait({working, halted}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            halted.cancel()


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
