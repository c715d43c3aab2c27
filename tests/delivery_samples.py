"""What deliveries are tried with: a world whose time is given, routes, outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledger_samples import NOW
from peers import run
from peers.loopback import Desk, Loopback, in_time
from tambour.channels import Channel
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.world import Route, World
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Count, Leased
from tambour.model import Message, Outcome, OutcomeKind


@dataclass
class Time:
    """A world in which time passes when somebody sleeps, or when told to."""

    now: datetime = NOW
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_at: datetime | None = None

    def world(self) -> World:
        """Return what delivery sees of it."""
        return World(
            clock=lambda: self.now,
            monotonic=self.seconds,
            sleep=self.sleep,
            chance=lambda: 0.0,
        )

    def seconds(self) -> float:
        """Return how long it has been."""
        return (self.now - NOW).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.pass_by(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def pass_by(self, stretch: timedelta) -> None:
        """Move on."""
        self.now += stretch
        if self.stop_at is not None and self.now >= self.stop_at:
            self.stop.set()


def compose(leased: Leased, content: Content) -> Message:
    """Make a message as simple as can be."""
    assert content.rendered is not None
    return Message(
        delivery=leased.id,
        recipient=leased.recipient.address,
        key=f"<{leased.edition}/{leased.recipient.address}>",
        content=content.rendered.html.encode(),
    )


def route(desk: Desk | Channel, **changes: Any) -> Route:
    """Return a route to a desk, or through a channel of one's own."""
    channel = Loopback(desk) if isinstance(desk, Desk) else desk
    values = {
        "name": "lettre",
        "channel": channel,
        "compose": in_time(compose),
        "wave_size": 4,
    }
    return Route(**(values | changes))


def send(
    ledger: Ledger,
    *routes: Route,
    time: Time | None = None,
    mode: Mode = Mode.ONCE,
) -> tuple[Count, ...]:
    """Deliver, in a world of its own."""
    time = time or Time()

    async def main() -> tuple[Count, ...]:
        return await deliver(
            ledger, routes, mode=mode, world=time.world(), stop=time.stop
        )

    return run(main())


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; what never comes is an error."""
    deadline = asyncio.get_running_loop().time() + 10
    while not is_so():
        await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() < deadline


def outcome(kind: OutcomeKind, **changes: Any) -> Outcome:
    """Return an outcome."""
    return Outcome(**({"kind": kind, "code": "x", "reply": "y"} | changes))
