"""
Mail through submission servers, one message per recipient.

The conversation is a core without I/O: `states` has the table, `replies` reads, then
`opening` and `transactions` speak, `envelope` and `verdicts` know what words mean.
Around it `connection` moves the bytes, `servers` and `pool` choose where to connect and
keep connections, and `transmission` brings messages and connections together.
Source: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from tambour.channels.protocol import Check, Clock, Wave
from tambour.channels.smtp.connection import Connection
from tambour.channels.smtp.pool import ConnectionPool
from tambour.channels.smtp.servers import Server
from tambour.channels.smtp.transmission import Transmission
from tambour.channels.smtp.verdicts import concerns
from tambour.channels.tls import encryption_check, is_loopback
from tambour.config import SmtpChannel
from tambour.model import DeliveryId, Outcome


class Smtp:
    """The channel of type `smtp`: several connections, each with messages in flight."""

    def __init__(
        self, name: str, settings: SmtpChannel, root: Path, *, clock: Clock
    ) -> None:
        self._name = name
        self._pool = ConnectionPool(settings, root)
        self._clock = clock

    def __repr__(self) -> str:
        places = ", ".join(server.verdicts.where for server in self._servers)
        return f"<Smtp {self._name}: {places}>"

    @property
    def _servers(self) -> tuple[Server, ...]:
        return self._pool.servers.all

    async def open(self) -> Outcome | None:
        """Have a connection to one server at least, unless there is one."""
        return await self._pool.open_any()

    async def close(self) -> None:
        """Say goodbye, once the messages on the wire have their verdicts."""
        await self._pool.close()

    async def probe(self) -> tuple[Check, ...]:
        """Connect to every server and log in, on connections of their own."""
        found = await asyncio.gather(*map(self._checks, self._servers))
        return tuple(check for checks in found for check in checks)

    def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Send over as many connections as there is work for, until all are lost."""
        return Transmission(wave, self._pool).run()

    async def _checks(self, server: Server) -> list[Check]:
        checks: list[Check] = []
        refusal = await self._pool.probe(
            server, lambda connection: checks.extend(self._described(connection))
        )
        if refusal is not None:
            name = concerns(refusal)
            checks = [Check(name=name, ok=False, detail=refusal.reply)]
        return checks

    def _described(self, connection: Connection) -> tuple[Check, ...]:
        """Describe an open connection for `doctor`."""
        settings = connection.server.settings
        tls, opening = connection.tls, connection.opening
        if tls is not None:
            encryption = encryption_check(tls, now=self._clock())
        else:
            fine = is_loopback(settings.host)
            encryption = Check(name="encryption", ok=fine, detail="none")
        words = {} if opening is None else opening.offer.words
        user = settings.username
        login = f"{user} is let in" if user else "none asked for"
        answers = f"{connection.server.verdicts.where} answers"
        return (
            Check(name="connection", ok=True, detail=answers),
            encryption,
            Check(name="login", ok=True, detail=login),
            Check(
                name="extensions", ok=True, detail=", ".join(sorted(words)) or "none"
            ),
        )
