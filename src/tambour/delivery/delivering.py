"""
Delivering what is due, on all channels at once: a flow for each.

One pass tries what is due once (`send`); a drain works until it is stopped (`run`). The
caller holds the instance lock. Whatever a channel raises is a bug: the other channels
finish their wave, then it is raised, and what that channel had in flight stays so, in
doubt from the next start on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import partial

from tambour.config import Config
from tambour.delivery.flow import Flow
from tambour.delivery.loop import run_loop, stopped_by_signal
from tambour.delivery.routes import make_routes
from tambour.delivery.world import Route, Run, World, raise_first
from tambour.ledger import Ledger
from tambour.ledger.records import Count


class Mode(StrEnum):
    """How long a delivery goes on."""

    ONCE = "once"
    """One pass: try what is due now; never wait for a retry."""
    DRAIN = "drain"
    """Work until stopped, and wait for what becomes due."""


async def deliver(
    ledger: Ledger,
    routes: Sequence[Route],
    *,
    mode: Mode,
    world: World,
    stop: asyncio.Event,
) -> tuple[Count, ...]:
    """
    Deliver what is due, and say how the editions that had something due stand now.

    *stop* ends the work after the wave.

    Raises:
        LedgerError: the ledger cannot be used; nothing more is put on the wire.

    """
    with ThreadPoolExecutor(1, "ledger") as thread:
        now = world.clock()
        run = Run(
            ledger=ledger,
            thread=thread,
            world=world,
            halt=asyncio.Event(),
            until=now if mode is Mode.ONCE else None,
        )
        hold = [route.name for route in routes if route.on_uncertain == "hold"]
        await run.in_thread(partial(ledger.recover, now, hold=hold))
        editions = await run.in_thread(partial(ledger.history.due_editions, now))
        await _work_all([Flow(route, run) for route in routes], run.halt, stop)
        return await run.in_thread(partial(ledger.history.counts, editions))


def deliver_once(
    config: Config,
    ledger: Ledger,
    world: World,
    *,
    on_stop: Callable[[], object] = lambda: None,
) -> tuple[Count, ...]:
    """
    Try once what is due on every channel, and return how those editions stand.

    SIGINT and SIGTERM end it early: what is promised leaves, the rest stays planned;
    *on_stop* is called at once.

    Raises:
        LedgerError: the ledger cannot be used.

    """

    async def work() -> tuple[Count, ...]:
        stop = asyncio.Event()

        def end() -> None:
            stop.set()
            on_stop()

        with stopped_by_signal(end):
            return await deliver(
                ledger,
                make_routes(config, ledger, clock=world.clock),
                mode=Mode.ONCE,
                world=world,
                stop=stop,
            )

    return run_loop(work())


async def _work_all(
    flows: Sequence[Flow], halt: asyncio.Event, stop: asyncio.Event
) -> None:
    """Let all flows work; the first that fails lets the others finish their wave."""

    async def work(flow: Flow) -> None:
        is_finished = False
        try:
            await flow.work()
            is_finished = True
        finally:
            if not is_finished:
                halt.set()

    async def relay() -> None:
        await stop.wait()
        halt.set()

    relaying = asyncio.create_task(relay())
    try:
        ends = await asyncio.gather(*map(work, flows), return_exceptions=True)
    finally:
        relaying.cancel()
    raise_first(ends)
