"""
A sender that can be killed: delivers a project's ledger over a line to the test.

Arguments: root, port, the name of a crash point (or `-`), and at which of its
occurrences to die by SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from tambour.channels import Check, Wave
from tambour.channels.protocol import each
from tambour.delivery.waves import Mode, deliver
from tambour.delivery.world import CrashPoint, Route, World
from tambour.ledger import instance_lock, ledger_path, open_for_writing
from tambour.ledger.records import Content, Leased
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

URL = "sqlite:///var/tambour.db"


class Line:
    """A channel over one connection: a line for each message, a line back."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> Outcome | None:
        """Connect."""
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return None

    async def close(self) -> None:
        """Hang up."""
        self._streams[1].close()

    async def probe(self) -> tuple[Check, ...]:
        """There is nothing to look at."""
        return ()

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Send each message and wait for its answer."""
        reader, writer = self._streams
        async for message in each(wave):
            writer.write(message.recipient.encode() + b"\n")
            answer = await reader.readline()
            yield (
                message.delivery,
                Outcome(kind=OutcomeKind.ACCEPTED, code=answer.decode().strip()),
            )


def compose(leased: Leased, content: Content) -> Message:
    """Make a message of which only the recipient matters."""
    return Message(
        delivery=leased.id,
        recipient=leased.recipient.address,
        key=f"<{leased.id}@{content.language}>",
        content=b"",
    )


class Fate:
    """Dies at the given occurrence of a crash point."""

    def __init__(self, point: str, occurrence: int) -> None:
        self._point = point
        self._left = occurrence

    def __call__(self, point: CrashPoint) -> None:
        """Count, and die when it is time."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


async def main(root: Path, port: int, fate: Fate) -> None:
    """Deliver all that is due."""
    world = World(
        clock=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        chance=lambda: 0.0,
        checkpoint=fate,
    )
    with instance_lock(ledger_path(URL, root)):
        ledger = open_for_writing(URL, root=root)
        route = Route(name="lettre", channel=Line(port), compose=compose, wave_size=20)
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await deliver(
            ledger, [route], mode=Mode.ONCE, world=world, stop=asyncio.Event()
        )
        ledger.close()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), int(sys.argv[2]), Fate(sys.argv[3], int(sys.argv[4])))
    )
