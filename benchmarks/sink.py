"""
An SMTP server on loopback that takes everything and keeps nothing but a count.

Offers PIPELINING and CHUNKING, so that a sender may be as fast as it can. Runs in a
process of its own, so that what it costs is not the sender's: prints its port, works
until its input ends, then prints how many messages it took.
Source: RFC 5321, RFC 2920 (PIPELINING), RFC 3030 (CHUNKING).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

_GREETING = b"220 sink ESMTP\r\n"
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE\r\n250 8BITMIME\r\n"
_GO_ON = b"354 go on\r\n"
_OK = b"250 2.0.0 OK\r\n"
_BYE = b"221 2.0.0 bye\r\n"
_END = b"\r\n.\r\n"


@dataclass(slots=True)
class Count:
    """How many messages were taken."""

    messages: int = 0


class _Peer(asyncio.Protocol):
    """One connection: commands line by line, and content that is thrown away."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._waiting = bytearray()
        self._is_content = False
        self._chunk_bytes = 0
        self._is_last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        seen = max(len(self._waiting) - len(_END), 0)
        self._waiting += data
        replies = b"".join(self._replies(seen))
        if replies:
            self._transport.write(replies)
        if replies.endswith(_BYE):
            self._transport.close()

    def _replies(self, seen: int) -> Iterator[bytes]:
        while self._waiting:
            if self._chunk_bytes:
                if not self._skip_chunk():
                    return
                yield _OK
            elif self._is_content:
                end = self._waiting.find(_END, seen)
                if end < 0:
                    return
                del self._waiting[: end + len(_END)]
                self._is_content = False
                self._count.messages += 1
                yield _OK
            else:
                line, found, _ = self._waiting.partition(b"\r\n")
                if not found:
                    return
                del self._waiting[: len(line) + 2]
                yield self._answer(bytes(line[:4]).upper(), bytes(line))
            seen = 0

    def _skip_chunk(self) -> bool:
        skipped = min(self._chunk_bytes, len(self._waiting))
        del self._waiting[:skipped]
        self._chunk_bytes -= skipped
        if self._chunk_bytes:
            return False
        self._count.messages += self._is_last
        return True

    def _answer(self, verb: bytes, line: bytes) -> bytes:
        match verb:
            case b"EHLO":
                return _HELLO
            case b"DATA":
                self._is_content = True
                return _GO_ON
            case b"BDAT":
                words = line.split()
                self._chunk_bytes = int(words[1])
                self._is_last = words[-1].upper() == b"LAST"
                return b""
            case b"QUIT":
                return _BYE
        return _OK


class Sink:
    """A sink in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(process.stdout.readline()) if process.stdout else 0

    def stop(self) -> int:
        """End it, and return how many messages it took."""
        printed, _ = self._process.communicate()
        return int(printed)


@contextmanager
def running() -> Iterator[Sink]:
    """Run a sink."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Sink(process)
        finally:
            process.terminate()


async def _serve() -> None:
    count = Count()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Peer(count), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(count.messages)


if __name__ == "__main__":
    asyncio.run(_serve())
