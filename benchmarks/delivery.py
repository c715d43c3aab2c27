"""
Whole deliveries of 35 KB messages, ledger and all, without a network.

Through a channel in this process, which shows what lies before the wire, and through
the outbox; `sending.py` has mail.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measuring import Row, alternate, at_rate
from samples import (
    MAIL_EVENTS,
    NOW,
    SITE,
    make_edition,
    make_events,
    make_recipients,
    make_templates,
    render_digest,
)
from tambour.channels import Channel, Check, Wave, make_channel
from tambour.channels.protocol import each
from tambour.config import Config
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.routes import make_route
from tambour.delivery.world import World
from tambour.ledger import Ledger, open_for_writing
from tambour.ledger.records import Content, Draft
from tambour.ledger.upgrading import upgrade
from tambour.model import DeliveryId, DeliveryState, Outcome, OutcomeKind, Rendered

_IN_PROCESS = 5_000
_OUTBOX = 500
_ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, code="250", reply="taken")


class Void:
    """A channel that takes everything at once."""

    async def open(self) -> Outcome | None:
        """Be ready."""
        return None

    async def close(self) -> None:
        """Let go of nothing."""

    async def probe(self) -> tuple[Check, ...]:
        """There is nothing to look at."""
        return ()

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Take each message."""
        async for message in each(wave):
            yield message.delivery, _ACCEPTED


@dataclass
class Bench:
    """Delivers a digest, each time to a new ledger's recipients."""

    rendered: Rendered
    cpu_s: dict[str, list[float]] = field(default_factory=dict)

    def run(self, name: str, count: int) -> float:
        """Deliver to *count* recipients by the channel *name*; return the seconds."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            upgrade("sqlite:///ledger.db", root=root)
            ledger = open_for_writing("sqlite:///ledger.db", root=root)
            ledger.freeze(make_edition(), self._drafts(name, count), audiences={})
            cpu, start = _cpu_s(), time.perf_counter()
            asyncio.run(self._deliver(ledger, name, root))
            seconds = time.perf_counter() - start
            self.cpu_s.setdefault(name, []).append((_cpu_s() - cpu) / count)
            _check(ledger, count)
            ledger.close()
        return seconds

    def cpu(self, name: str) -> str:
        """Return the processor time that a message took."""
        return f"{median(self.cpu_s[name]) * 1e6:,.0f} µs CPU each"

    def _drafts(self, name: str, count: int) -> Iterator[Draft]:
        content = Content(
            key="0/fr", language="fr", audience="lecteurs", rendered=self.rendered
        )
        for person in make_recipients(count):
            yield Draft(channel=name, recipient=person, content=content)

    async def _deliver(self, ledger: Ledger, name: str, root: Path) -> None:
        config = _config(root)
        channel: Channel = Void()
        if name != "void":
            settings = config.channels[name]
            channel = make_channel(name, settings, root, clock=lambda: NOW)
        route = make_route(
            name, channel, config, secret=ledger.secret or b"", clock=lambda: NOW
        )
        world = World(
            clock=lambda: NOW,
            monotonic=time.monotonic,
            sleep=asyncio.sleep,
            chance=lambda: 0.5,
        )
        stop = asyncio.Event()
        await deliver(ledger, [route], mode=Mode.ONCE, world=world, stop=stop)


def measure() -> Iterator[Row]:
    """Yield the lines for a channel in process and the outbox."""
    bench = Bench(render_digest(make_templates(), make_events(MAIL_EVENTS)))
    void, outbox = alternate(
        lambda: bench.run("void", _IN_PROCESS),
        lambda: bench.run("outbox", _OUTBOX),
    )
    yield at_rate(
        "deliver to a channel in process", void, _IN_PROCESS, ratio=bench.cpu("void")
    )
    yield at_rate("deliver to the outbox", outbox, _OUTBOX, ratio=bench.cpu("outbox"))


def _config(root: Path) -> Config:
    sender = "Agenda de Rivemont <lettre@example.org>"
    outbox = {"type": "outbox", "from": sender}
    return Config.model_validate(
        {
            "version": 1,
            "site": {"name": SITE.name, "url": SITE.url, "timezone": SITE.timezone},
            "serve": {"url": "https://lettre.example.org"},
            "channels": {
                "outbox": outbox,
                "void": outbox,
            },
        },
        context={"root": root, "secret": None},
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _check(ledger: Ledger, count: int) -> None:
    (found,) = ledger.history.counts()
    if found.states.get(DeliveryState.SENT) != count:
        raise RuntimeError(found)
