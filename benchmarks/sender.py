"""
A sender in a process of its own, so that what it costs is known.

    python sender.py whole FOLDER CHANNEL
    python sender.py engine COUNT CHANNEL
    python sender.py library COUNT PORT

*whole* delivers what the ledger in FOLDER holds, as `tambour send` does once it is
frozen; CHANNEL is JSON with a mail channel's own settings. *engine* has the channel
alone transmit ready messages. *library* builds and sends as a short script would, with
EmailMessage and smtplib. Prints JSON: how many were accepted, and what that took.
"""

from __future__ import annotations

import json
import resource
import smtplib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from setting import CHANNEL, settings
from tambour.channels import make_channel
from tambour.cli.world import real_world
from tambour.delivery.delivering import deliver_once
from tambour.delivery.loop import run_loop
from tambour.ledger import open_ledger
from tambour.model import DeliveryId, DeliveryState, Message, OutcomeKind

_READY = 500
"""So many messages are made beforehand, and sent in turn."""


class Ready:
    """A wave of *count* messages, of which there are only so many different ones."""

    def __init__(self, messages: Sequence[Message], count: int) -> None:
        self._messages = messages
        self._count = count
        self._taken = 0

    def take(self, _lane: str = "") -> Message | None:
        """Return the next message."""
        if self._taken == self._count:
            return None
        message = self._messages[self._taken % len(self._messages)]
        self._taken += 1
        return message._replace(delivery=DeliveryId(self._taken))

    async def more(self, _lane: str = "") -> bool:
        """Whether any is left."""
        return self._taken < self._count

    def may_leave(self, _delivery: DeliveryId) -> bool:
        """Nothing here has a deadline."""
        return True


Work = Callable[[], int]
"""Sends, and returns how many messages were accepted."""


def whole(folder: str, channel: str) -> Work:
    """Return what delivers all that a ledger holds."""
    config = settings(Path(folder), json.loads(channel))
    ledger = open_ledger(config)

    def work() -> int:
        counts = deliver_once(config, ledger, real_world())
        return sum(count.states.get(DeliveryState.SENT, 0) for count in counts)

    return work


def engine(count: str, channel: str) -> Work:
    """Return what transmits messages that are ready."""
    from letters import compose, render  # noqa: PLC0415 - only this one renders

    config = settings(Path(), json.loads(channel))
    content = compose(render())
    wave = Ready(
        [
            Message(
                delivery=DeliveryId(number),
                recipient=f"lectrice.{number}@example.org",
                key=f"<{number}@example.org>",
                content=content,
                sender="lettre@example.org",
                is_plain=True,
            )
            for number in range(_READY)
        ],
        int(count),
    )
    smtp = make_channel(
        CHANNEL, config.channels[CHANNEL], Path(), clock=real_world().clock
    )

    async def transmit() -> int:
        refusal = await smtp.open()
        if refusal is not None:
            raise RuntimeError(refusal)
        answers = [outcome.kind async for _, outcome in smtp.transmit(wave)]
        await smtp.close()
        return answers.count(OutcomeKind.ACCEPTED)

    return lambda: run_loop(transmit())


def library(count: str, port: str) -> Work:
    """Return what builds each message anew, and keeps no record."""
    from composing import build  # noqa: PLC0415 - the others render nothing
    from letters import render  # noqa: PLC0415
    from samples import make_recipients  # noqa: PLC0415

    rendered = render()

    def work() -> int:
        with smtplib.SMTP("127.0.0.1", int(port), local_hostname="localhost") as client:
            for reader in make_recipients(int(count)):
                content = build(rendered, reader)
                client.sendmail("lettre@example.org", reader.address, content)
        return int(count)

    return work


def main(arguments: Sequence[str]) -> None:
    """Do the work that is named, and print what it took."""
    name, first, second = arguments
    work = {"whole": whole, "engine": engine, "library": library}[name](first, second)
    cpu_s, start = _cpu_s(), time.perf_counter()
    accepted = work()
    took = {
        "accepted": accepted,
        "seconds": time.perf_counter() - start,
        "cpu_s": _cpu_s() - cpu_s,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(took))


def peak_mb() -> float:
    """
    Return the most memory that this process ever held.

    Linux's `ru_maxrss` counts what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return memory_mb(status.read_text(), "VmHWM")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def memory_mb(status: str, name: str) -> float:
    """Return a figure of /proc/PID/status."""
    _, _, rest = status.partition(f"{name}:")
    return int(rest.split()[0]) * 1024 / 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
