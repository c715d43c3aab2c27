"""A server's end of a connection, and what is wrong with the octets that come in."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import cast

_LONGEST_LINE = 998


def objections(content: bytes, *, is_8bit: bool) -> Iterator[str]:
    """Yield what is wrong with a message's octets, dots already taken off."""
    if re.search(rb"(?<!\r)\n|\r(?!\n)", content):
        yield "bare CR or LF in content"
    if max(map(len, content.split(b"\r\n"))) > _LONGEST_LINE:
        yield "content line over 998 octets"
    if not content.endswith(b"\r\n"):
        yield "content without a last line end"
    if b"\0" in content:
        yield "NUL in content"
    if not is_8bit and not content.isascii():
        yield "8-bit content that was not announced"


class Over(Exception):  # noqa: N818 - an end, no error
    """The conversation has ended."""


class Wire(asyncio.Protocol):
    """A connection's octets, to be waited for; what a lost one left is still read."""

    transport: asyncio.Transport

    def __init__(self, on_made: Callable[[Wire], None]) -> None:
        self._on_made = on_made
        self._waiting = bytearray()
        self._news = asyncio.Event()
        self.is_gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self._on_made(self)

    def data_received(self, data: bytes) -> None:
        """Keep what the client says."""
        self._waiting += data
        self._news.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Know that nothing more will come."""
        self.is_gone = True
        self._news.set()

    @property
    def is_ahead(self) -> bool:
        """Whether the client has said more than was read."""
        return bool(self._waiting)

    def discard(self) -> None:
        """Throw away what was not read."""
        self._waiting.clear()

    def say(self, text: str) -> None:
        """Send a reply, or several."""
        if not self.transport.is_closing():
            self.transport.write(f"{text}\r\n".encode())

    async def until(self, end: bytes, *, after: bytes = b"") -> bytes:
        """Take everything up to *end*, without it, as if it came *after* that."""
        self._waiting[:0] = after
        seen = 0
        while (at := self._waiting.find(end, seen)) < 0:
            seen = max(0, len(self._waiting) - len(end))
            await self._more()
        return self._cut(at, skip=len(end))

    async def exactly(self, count: int) -> bytes:
        """Take so many octets."""
        while len(self._waiting) < count:
            await self._more()
        return self._cut(count)

    async def some(self) -> None:
        """Wait for an octet."""
        while not self._waiting:
            await self._more()

    async def rest(self, seconds: float | None = None) -> None:
        """Wait so long, or until the client is gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.is_gone:
                    self._news.clear()
                    await self._news.wait()

    async def _more(self) -> None:
        if self.is_gone:
            raise Over
        self._news.clear()
        await self._news.wait()

    def _cut(self, count: int, *, skip: int = 0) -> bytes:
        cut = bytes(self._waiting[:count])
        del self._waiting[: count + skip]
        return cut

    async def drip(self, text: str, seconds: float) -> None:
        """Send a reply octet by octet."""
        for octet in f"{text}\r\n".encode():
            self.transport.write(bytes([octet]))
            await asyncio.sleep(seconds)

    async def flood(self, text: str) -> None:
        """Send the same again and again, until the client is gone."""
        while not self.is_gone:
            if self.transport.get_write_buffer_size() == 0:
                self.transport.write(text.encode())
            await self.rest(0.001)

    def reset(self) -> None:
        """Close by RST: all that is on its way is void."""
        at_once = struct.pack("ii", 1, 0)
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.transport.abort()
