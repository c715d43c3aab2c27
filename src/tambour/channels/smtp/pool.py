"""
The connections of a channel: how many, to which servers, for which lanes.

Keeps them from one wave to the next. A lane (a group of destinations with limits of its
own) has connections to itself while it sends; an idle one is free for any lane. Knows
no messages.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

from tambour.channels.smtp.connection import Connection
from tambour.channels.smtp.opening import plaintext_refusal
from tambour.channels.smtp.replies import CLOSING
from tambour.channels.smtp.servers import Server, Servers
from tambour.channels.tls import client_context
from tambour.config import SmtpChannel
from tambour.model import Outcome, OutcomeKind


class ConnectionPool:
    """The connections of one channel, opened as there is work."""

    def __init__(self, settings: SmtpChannel, root: Path) -> None:
        self.servers = Servers(settings.pool())
        self._root = root
        self._timeout_s = settings.timeout.total_seconds()
        self._most = settings.connections
        self._most_messages = settings.messages_per_connection
        self._lanes = {limits.name: limits for limits in settings.domains}
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._connections: list[Connection] = []
        self._opening: dict[str, int] = {}
        self._waiting: list[str] = []
        self.refusal: Outcome | None = None

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that stand."""
        self._connections = [one for one in self._connections if one.is_open]
        return tuple(self._connections)

    @property
    def lanes(self) -> tuple[str, ...]:
        """Everybody's lane, and those with limits of their own."""
        return ("", *self._lanes)

    def limit(self, lane: str) -> int | None:
        """Return how many messages a connection of *lane* may carry."""
        own = self._lanes.get(lane)
        limits = (self._most_messages, own and own.messages_per_connection)
        return min((limit for limit in limits if limit), default=None)

    def free_connection(self, lane: str) -> Connection | None:
        """Return a connection with nothing to do that no other lane waits for."""
        line = self._waiting
        before = line.index(lane) if lane in line else len(line)
        free = [one for one in self.connections if one.is_idle]
        return free[before] if len(free) > before else None

    def busy(self, lane: str) -> int:
        """Return how many connections carry messages of *lane* or will."""
        standing = sum(one.lane == lane for one in self.connections if not one.is_idle)
        return standing + self._opening.get(lane, 0)

    def may_serve(self, lane: str) -> bool:
        """Whether *lane* may have a further connection."""
        own = self._lanes.get(lane)
        return own is None or self.busy(lane) < own.connections

    def choose_server(self, now: float) -> Server | None:
        """Return where to open a connection, if there may be one more just now."""
        standing, opening = len(self.connections), sum(self._opening.values())
        # As many at once as there are already: few messages need few connections.
        if standing + opening >= self._most or opening > standing:
            return None
        return self.servers.choose(now)

    def stop_waiting(self, lane: str) -> None:
        """Leave the line."""
        if lane in self._waiting:
            self._waiting.remove(lane)

    def wait(self, lane: str, now: float) -> None:
        """Stand in line, and let a busy connection go where there is more need."""
        if lane not in self._waiting:
            self._waiting.append(lane)
        connections = self.connections
        if len(connections) < self._most:
            return
        overfull = self.servers.overfull(now)
        surplus = next((one for one in connections if one.server is overfull), None)
        if surplus is not None:
            surplus.leave()
        elif not self.busy(lane):
            busiest = max(connections, key=lambda one: self.busy(one.lane or ""))
            busiest.give_way()

    def reserve(self, server: Server, lane: str) -> None:
        """Count a connection that is about to be opened by `open_connection`."""
        server.connections += 1
        self._opening[lane] = self._opening.get(lane, 0) + 1

    async def open_connection(self, server: Server, lane: str = "") -> Outcome | None:
        """Open the connection to *server* that was reserved; return why not."""
        connection, is_open = Connection(server, timeout_s=self._timeout_s), False
        try:
            refusal = await self._connect(connection)
            is_open = refusal is None
        finally:
            self._opening[lane] -= 1
            if not is_open:
                server.connections -= 1
        if refusal is None:
            server.note_opened()
            self._connections.append(connection)
            return None
        now = asyncio.get_running_loop().time()
        if refusal.code == str(CLOSING) and server.connections:
            server.note_crowded(now)
        else:
            server.note_failure(now)
        self._contexts.pop(server.settings.ca_file, None)
        self.refusal = refusal
        return refusal

    async def open_any(self) -> Outcome | None:
        """Have one connection at least; return why not, when no server lets us in."""
        if self.connections:
            return None
        refusals = []
        for server in sorted(self.servers.all, key=lambda s: -s.settings.weight):
            self.reserve(server, "")
            refusal = await self.open_connection(server)
            if refusal is None:
                return None
            refusals.append(refusal)
        # What may pass by itself is worth another try.
        return next(
            (r for r in refusals if r.kind is OutcomeKind.DEFERRED), refusals[0]
        )

    async def _connect(self, connection: Connection) -> Outcome | None:
        context = await self._context(connection.server)
        if isinstance(context, Outcome):
            return context
        return await connection.open(context)

    async def _context(self, server: Server) -> ssl.SSLContext | Outcome | None:
        """Return what verifies *server*, None where nothing is encrypted."""
        settings, verdicts = server.settings, server.verdicts
        refusal = plaintext_refusal(settings, verdicts)
        if refusal is not None:
            return refusal
        ca_file = self._root / settings.ca_file if settings.ca_file else None
        if settings.security == "none" and ca_file is None:
            return None
        known = self._contexts.get(settings.ca_file)
        if known is not None:
            return known
        try:
            context = await asyncio.to_thread(client_context, ca_file)
        except OSError as error:
            reply = f"ca_file {ca_file} cannot be used: {error.strerror or error}"
            return verdicts.rejected("ca-file", reply)
        self._contexts[settings.ca_file] = context
        return context

    async def probe(
        self, server: Server, describe: Callable[[Connection], None]
    ) -> Outcome | None:
        """Open a connection of its own, have it described, and say goodbye."""
        connection = Connection(server, timeout_s=self._timeout_s)
        refusal = await self._connect(connection)
        if refusal is None:
            server.connections += 1
            describe(connection)
            await connection.close()
        return refusal

    async def close(self) -> None:
        """Say goodbye on all connections."""
        await asyncio.gather(*(connection.close() for connection in self.connections))
        self._connections.clear()
