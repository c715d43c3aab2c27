"""Mail servers on loopback: a real one, and one that breaks where it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "gloria-é-7391"


@dataclass(slots=True)
class Mailbox:
    """Keeps what a real server took on; refuses whom it is told to."""

    received: list[Envelope] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    logins: list[tuple[str, str]] = field(default_factory=list)
    connections: list[SMTP] = field(default_factory=list)
    port: int = 0
    server: asyncio.Server | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, *args: Any
    ) -> str:
        """Refuse or take on a recipient."""
        if args[0] in self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(args[0])
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep a message."""
        self.received.append(envelope)
        return "250 2.0.0 kept"

    def authenticate(self, *args: Any) -> AuthResult:
        """Let in whoever has the password."""
        login = args[4]
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    def hang_up(self) -> None:
        """Close every connection; new ones are still answered."""
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.close()

    def vanish(self) -> None:
        """Close every connection and answer no more."""
        if self.server is not None:
            self.server.close()
        self.hang_up()


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, port: int = 0, **options: Any
) -> AsyncIterator[Mailbox]:
    """Run aiosmtpd on *port*, or a free one; *tls* from the first byte, when given."""
    mailbox, loop = Mailbox(), asyncio.get_running_loop()

    def connected() -> SMTP:
        connection = SMTP(mailbox, loop=loop, hostname="peer.example", **options)
        mailbox.connections.append(connection)
        return connection

    if options.pop("with_login", False):
        options["authenticator"] = mailbox.authenticate
    mailbox.server = await loop.create_server(connected, "127.0.0.1", port, ssl=tls)
    mailbox.port = mailbox.server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        mailbox.vanish()
        tasks = [connection._handler_coroutine for connection in mailbox.connections]  # noqa: SLF001 - aiosmtpd offers no way to wait for its end
        for task in filter(None, tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextmanager
def mail_server_aside(**options: Any) -> Iterator[Mailbox]:
    """Run `mail_server` in a thread, for what has an event loop of its own."""
    ready: queue.Queue[tuple[Mailbox, asyncio.Event]] = queue.Queue()

    async def live() -> None:
        ended = asyncio.Event()
        async with mail_server(**options) as mailbox:
            ready.put((mailbox, ended))
            await ended.wait()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=(live(),))
        thread.start()
        mailbox, ended = ready.get(timeout=10)
        try:
            yield mailbox
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()


class Fault(Enum):
    """What a breaking server does instead of replying."""

    DROP = "drops the connection"
    STALL = "says nothing more"


Line = str | Fault
Script = Mapping[str, Line | Sequence[Line]]
"""
What to say at each step: `connect`, a verb, `content` (in the middle of it), `dot`.

A sequence is said one by one over all connections, its last element for ever.
"""

_POLITE: Script = {
    "connect": "220 peer.example",
    "EHLO": "250-peer.example\r\n250 AUTH PLAIN",
    "AUTH": "235 2.7.0 welcome",
    "DATA": "354 go ahead",
    "dot": "250 2.0.0 kept",
    "QUIT": "221 2.0.0 bye",
}


@dataclass(slots=True)
class BreakingServer:
    """Replies by a script; `heard` holds the commands of all connections."""

    script: Script
    port: int = 0
    connections: int = 0
    heard: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    _said: dict[str, int] = field(default_factory=dict)
    _talks: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def next_line(self, step: str) -> Line:
        """Return what the script says at *step* now."""
        lines = self.script.get(step, _POLITE.get(step, "250 2.0.0 ok"))
        if isinstance(lines, str | Fault):
            return lines
        said = self._said[step] = self._said.get(step, -1) + 1
        return lines[min(said, len(lines) - 1)]

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Hold one conversation, until either side has had enough."""
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._converse(reader, writer)
        finally:
            del self._talks[task]
            writer.transport.abort()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        await self._say(writer, "connect")
        while line := await reader.readline():
            verb, _, rest = line.decode().rstrip().partition(" ")
            verb = verb.upper()
            self.heard.append(f"{verb} {rest}".rstrip())
            said = await self._say(writer, verb)
            if verb == "DATA" and said.startswith("354"):
                if "content" in self.script:
                    await reader.readexactly(1000)
                    await self._say(writer, "content")
                self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                await self._say(writer, "dot")
            elif verb == "QUIT":
                return

    async def _say(self, writer: asyncio.StreamWriter, step: str) -> str:
        line = self.next_line(step)
        if line is Fault.DROP:
            raise ConnectionAbortedError
        if line is Fault.STALL:
            # A reader that goes on buffering would hide that nobody listens.
            assert isinstance(writer.transport, asyncio.Transport)
            writer.transport.pause_reading()
            await self._ended.wait()
            raise ConnectionAbortedError
        assert isinstance(line, str)
        writer.write(f"{line}\r\n".encode())
        await writer.drain()
        if line.startswith("421"):
            writer.close()
            await writer.wait_closed()
            raise ConnectionAbortedError
        return line

    async def stop(self) -> None:
        """End every conversation."""
        self._ended.set()
        for writer in tuple(self._talks.values()):
            writer.transport.abort()
        await asyncio.gather(*self._talks)


@asynccontextmanager
async def breaking_server(script: Script) -> AsyncIterator[BreakingServer]:
    """Run a server that breaks by *script* on a free port."""
    peer = BreakingServer(script)
    server = await asyncio.start_server(peer.talk, "127.0.0.1", 0, limit=2**24)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await peer.stop()
