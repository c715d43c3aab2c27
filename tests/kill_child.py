"""
Senders that can be killed: forks one for each line of its input.

A line is a JSON object of `Sender`'s fields. The answer is the sender's process id and,
once it has ended, its exit status (negative: the signal). It stays a zombie until the
next line, so that a kill that comes late meets nobody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fault_trials import channel, compose
from ledger_files import open_for_writing
from peers.loopback import in_time
from tambour.channels import Channel, Check, Wave
from tambour.channels.protocol import each
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.world import WAVE_MESSAGES, CrashPoint, Route, World
from tambour.ledger import instance_lock, ledger_path
from tambour.model import DeliveryId, Outcome, OutcomeKind

URL = "sqlite:///tambour.db"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """
    One pass over a project's ledger, over lines or by SMTP to a port of this machine.

    It dies by SIGKILL at the given occurrence of a crash point, if one is named.
    """

    root: str
    port: int
    speaks: Literal["lines", "smtp"] = "lines"
    wave_size: int = WAVE_MESSAGES
    on_uncertain: Literal["resend", "hold"] = "resend"
    point: str = ""
    occurrence: int = 0

    async def send(self) -> None:
        """Deliver all that is due."""
        root = Path(self.root)
        world = World(
            clock=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            sleep=asyncio.sleep,
            chance=lambda: 0.0,
            checkpoint=Fate(self.point, self.occurrence),
        )
        route = Route(
            name="lettre",
            channel=self._channel(root),
            compose=in_time(compose),
            wave_size=self.wave_size,
            on_uncertain=self.on_uncertain,
        )
        with instance_lock(ledger_path(URL, root)):
            ledger = open_for_writing(URL, root=root)
            stop = asyncio.Event()
            await deliver(ledger, [route], mode=Mode.ONCE, world=world, stop=stop)
            ledger.close()

    def _channel(self, root: Path) -> Channel:
        return Line(self.port) if self.speaks == "lines" else channel(self.port, root)


def bear(line: str) -> int:
    """Fork a sender, and return its process id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(Sender(**json.loads(line)).send())
            status = 0
        finally:
            if status:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(status)
    return pid


def main() -> None:
    """Have one sender after the other live and die."""
    latest = 0
    for line in sys.stdin:
        if latest:
            os.waitpid(latest, 0)
        latest = bear(line)
        print(latest, flush=True)  # noqa: T201 - whoever asked reads it
        end = os.waitid(os.P_PID, latest, os.WEXITED | os.WNOWAIT)
        is_exit = end is not None and end.si_code == os.CLD_EXITED
        status = 0 if end is None else end.si_status
        print(status if is_exit else -status, flush=True)  # noqa: T201 - the same


if __name__ == "__main__":
    main()
