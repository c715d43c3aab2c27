"""
One wave on its way over a channel's connections.

Connections fill themselves while they receive; here a lane's messages only wait for a
connection when none has room. A message that certainly did not go, over a connection
that had been good, goes again once over another. Knows no bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace

from tambour.channels.protocol import Wave
from tambour.channels.smtp.pool import ConnectionPool
from tambour.channels.smtp.servers import Server
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind


class Transmission:
    """Gives messages to all connections while a wave is transmitted."""

    def __init__(self, wave: Wave, pool: ConnectionPool) -> None:
        self._wave = wave
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._results: deque[tuple[DeliveryId, Outcome]] = deque()
        self._news = asyncio.Event()
        self._change = asyncio.Event()
        self._again: dict[str, deque[tuple[Message, Outcome]]] = {}
        self._tried_twice: set[DeliveryId] = set()
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._openings: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def run(self) -> AsyncGenerator[tuple[DeliveryId, Outcome], None]:
        """Yield outcomes as they come, woken once for many; none without a server."""
        if await self._pool.open_any() is not None:
            return
        work = asyncio.create_task(self._work())
        work.add_done_callback(lambda _task: self._news.set())
        try:
            while True:
                while self._results:
                    yield self._results.popleft()
                if work.done():
                    break
                self._news.clear()
                await self._news.wait()
            await work
        finally:
            self._is_stopped = True
            await _end(work)

    # ── What connections say ──────────────────────────────────────────────────────────

    def take(self, lane: str) -> Message | None:
        """Return a lane's next message, those that go again first."""
        if self._is_stopped:
            return None
        again = self._again.get(lane)
        while again:
            message, outcome = again.popleft()
            if self.may_leave(message.delivery):
                return message
            self.deliver([(message, outcome)])
        return self._wave.take(lane)

    def may_leave(self, delivery: DeliveryId) -> bool:
        """Whether there is still time for a message that was taken."""
        return self._wave.may_leave(delivery)

    def deliver(self, results: list[tuple[Message, Outcome]]) -> None:
        """Have outcomes yielded."""
        self._results += [(message.delivery, outcome) for message, outcome in results]
        self._news.set()

    def return_unsent(self, unsent: list[tuple[Message, Outcome]]) -> None:
        """Let each message go again, once."""
        for message, outcome in unsent:
            if message.delivery in self._tried_twice:
                self.deliver([(message, outcome)])
                continue
            self._tried_twice.add(message.delivery)
            self._again.setdefault(message.lane, deque()).append((message, outcome))

    def notice(self) -> None:
        """A connection is idle or has ended."""
        self._change.set()

    # ── Lanes ───────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        lanes = [asyncio.create_task(self._supply(lane)) for lane in self._pool.lanes]
        try:
            await asyncio.gather(*lanes)
        finally:
            self._is_stopped = True
            await _end(*lanes, *self._asking.values(), *self._openings)
            self._give_up()

    async def _supply(self, lane: str) -> None:
        """Find connections for a lane's messages, until there are no more."""
        try:
            while await self._has_waiting(lane):
                while not self._is_served(lane) and not self._is_lost():
                    await self._next_change()
        finally:
            self._pool.stop_waiting(lane)

    def _is_served(self, lane: str) -> bool:
        """Get a connection for a lane, or have one opened; else wait in line."""
        pool, now = self._pool, self._loop.time()
        if not pool.may_serve(lane):
            pool.stop_waiting(lane)
            return False
        connection, server = pool.free_connection(lane), None
        if connection is None:
            server = pool.choose_server(now)
        if connection is None and server is None:
            pool.wait(lane, now)
            return False
        pool.stop_waiting(lane)
        if connection is not None:
            connection.serve(self, lane, limit=pool.limit(lane))
        elif server is not None:
            self._open(server, lane)
        return True

    async def _has_waiting(self, lane: str) -> bool:
        """Wait until a message waits for a connection; False when none ever will."""
        while not self._is_lost():
            if self._again.get(lane):
                return True
            asking = self._asking.get(lane)
            if asking is None:
                asking = asyncio.create_task(self._wave.more(lane))
                asking.add_done_callback(lambda _task: self._change.set())
                self._asking[lane] = asking
            if not asking.done():
                await self._next_change()
            elif asking.result():
                del self._asking[lane]
                return True
            elif not self._pool.busy(lane):
                return False
            else:
                await self._next_change()
        return False

    async def _next_change(self) -> None:
        self._change.clear()
        await self._change.wait()

    def _is_lost(self) -> bool:
        return self._is_stopped or (
            not self._openings and self._pool.servers.is_down(self._loop.time())
        )

    # ── Connections ─────────────────────────────────────────────────────────────

    def _open(self, server: Server, lane: str) -> None:
        self._pool.reserve(server, lane)
        opening = asyncio.create_task(self._open_one(server, lane))
        self._openings.add(opening)
        opening.add_done_callback(self._note_opened)

    async def _open_one(self, server: Server, lane: str) -> None:
        refusal = await self._pool.open_connection(server, lane)
        if refusal is not None:
            pauses_until = self._pool.servers.next_up(self._loop.time())
            if pauses_until is not None:
                self._loop.call_at(pauses_until, self._change.set)

    def _note_opened(self, opening: asyncio.Task[None]) -> None:
        self._openings.discard(opening)
        self._change.set()

    def _give_up(self) -> None:
        """No connection is to be had: what waited for another is for a later time."""
        refusal = self._pool.refusal
        for again in self._again.values():
            while again:
                message, outcome = again.popleft()
                why = outcome if refusal is None else refusal
                self.deliver([(message, replace(why, kind=OutcomeKind.DEFERRED))])


async def _end(*tasks: asyncio.Task[None] | asyncio.Task[bool]) -> None:
    """Cancel what still runs, and see it end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
