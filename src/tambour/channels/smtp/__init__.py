"""
Mail through one submission server, one message per recipient.

Connects before it pulls, so that no message is taken up for which there is no
connection, and stops when the server is lost. `opening` connects, `session` keeps the
connection and sends, `verdicts` says what replies and failures mean.
Source: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from tambour.channels.protocol import Check, Clock, Wave
from tambour.channels.smtp.earlier_verdicts import concerns
from tambour.channels.smtp.session import Session
from tambour.config import SmtpChannel
from tambour.model import DeliveryId, Outcome

T = TypeVar("T")


class Smtp:
    """The channel of type `smtp`: one connection, one message at a time."""

    def __init__(
        self, name: str, settings: SmtpChannel, root: Path, *, clock: Clock
    ) -> None:
        self._name = name
        self._where = f"{settings.host}:{settings.port}"
        self._new_session = partial(Session, settings, root)
        self._session = self._new_session()
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<Smtp {self._name}: {self._where}>"

    async def open(self) -> Outcome | None:
        """Connect, secure and log in, unless that stands already."""
        return await self._run(self._session.open)

    async def close(self) -> None:
        """Say goodbye, once the message on the wire has its verdict."""
        await self._run(self._session.close)

    async def probe(self) -> tuple[Check, ...]:
        """Connect and log in on a connection of its own; send nothing."""
        return await asyncio.to_thread(self._checks)

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Send each message; stop when there is no connection for the next."""
        while await wave.more() and await self.open() is None:
            message = wave.take()
            if message is None:
                continue
            outcome = await self._run(partial(self._session.send, message))
            yield message.delivery, outcome
            if self._session.is_lost:
                return

    async def _run(self, step: Callable[[], T]) -> T:
        # A cancelled step goes on in its thread; the next one waits for its end.
        return await asyncio.to_thread(self._locked, step)

    def _locked(self, step: Callable[[], T]) -> T:
        with self._one_at_a_time:
            return step()

    def _checks(self) -> tuple[Check, ...]:
        session = self._new_session()
        try:
            refusal = session.open()
            if refusal is None:
                return session.checks(now=self._clock())
            name = concerns(refusal)
            return (Check(name=name, ok=False, detail=refusal.reply),)
        finally:
            session.close()
