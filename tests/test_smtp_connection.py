"""One connection, its socket and its clock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from peers import dead_port, run
from tambour.channels.smtp.connection import Connection
from tambour.channels.smtp.dialling import address_literal, dial
from tambour.channels.smtp.servers import Servers
from tambour.config import SmtpServer

QUICKACK = getattr(socket, "TCP_QUICKACK", None)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """Run a server of one's own."""

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(held, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.skipif(QUICKACK is None, reason="only Linux has TCP_QUICKACK")
def test_a_reply_with_more_to_come_is_acknowledged_at_once() -> None:
    """
    Else a server that waits for the acknowledgement (Nagle) holds the rest back.

    The option is put off by hand, as the kernel does it by itself after a while.
    """

    async def main() -> tuple[int, int]:
        go_on, over = asyncio.Event(), asyncio.Event()

        async def talk(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b"220 mx\r\n")
            await reader.readline()
            writer.write(b"250 mx\r\n")
            await go_on.wait()
            writer.write(b"250-begun\r\n")
            await over.wait()

        async with listening(talk) as port:
            settings = SmtpServer(host="127.0.0.1", port=port, security="none")
            (server,) = Servers([settings]).all
            server.connections = 1
            connection = Connection(server, timeout_s=20)
            assert await connection.open(None) is None
            sock = connection._sock  # noqa: SLF001 - nobody else has it
            assert sock is not None
            assert QUICKACK is not None
            sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 0)
            before = sock.getsockopt(socket.IPPROTO_TCP, QUICKACK)
            go_on.set()
            while not connection._reader._lines:  # noqa: SLF001, ASYNC110 - nothing tells
                await asyncio.sleep(0)
            after = sock.getsockopt(socket.IPPROTO_TCP, QUICKACK)
            connection.abort()
            over.set()
            return before, after

    assert run(main()) == (0, 1)


def test_a_dead_address_does_not_hide_the_next() -> None:
    """Each address of a name is tried, and the last failure is told."""

    async def main(port: int) -> str:
        with pytest.raises(ConnectionRefusedError):
            await dial("localhost", port, timeout_s=5)

        async def talk(
            _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
        ) -> None:
            await asyncio.sleep(0)

        async with listening(talk) as living:
            # The name has ::1 as well, where nobody listens.
            with await dial("localhost", living, timeout_s=5) as sock:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                return address_literal(sock)

    with dead_port() as dead:
        assert run(main(dead)) == "[127.0.0.1]"
