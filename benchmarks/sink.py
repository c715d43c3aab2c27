"""
An SMTP server on loopback that takes everything, checks it and keeps only counts.

What `sink.c` is, for machines without a C compiler: the same output, slower, and by
itself able to answer a round trip late. `python sink.py [-P] [-C] [-d SECONDS]
[-t CERTIFICATE]`: without PIPELINING, without CHUNKING, with each answer delayed, with
TLS from the first octet.
Source: RFC 5321, RFC 2920 (PIPELINING), RFC 3030 (CHUNKING).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

_GREETING = b"220 sink ESMTP\r\n"
_GO_ON = b"354 go on\r\n"
_OK = b"250 2.0.0 OK\r\n"
_BYE = b"221 2.0.0 bye\r\n"
_END = b"\r\n.\r\n"
_LAST_OCTETS = 6
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(slots=True)
class Count:
    """What came since the last report; instants are of the monotonic clock."""

    messages: int = 0
    distinct: int = 0
    broken: int = 0
    refused: int = 0
    bytes: int = 0
    first: float = 0.0
    last: float = 0.0
    cpu_s: float = 0.0


@dataclass(slots=True)
class Tally:
    """The counts of all connections, and the numbers in recipients' addresses."""

    count: Count = field(default_factory=Count)
    seen: set[bytes] = field(default_factory=set)
    cpu_s: float = 0.0

    def note(self, ending: bytes) -> None:
        """Count a message that ends so."""
        count = self.count
        count.last = time.monotonic()
        count.first = count.first or count.last
        count.messages += 1
        count.broken += not ending.rstrip(b"\r\n").endswith(b"--")

    def note_recipient(self, line: bytes) -> None:
        """Remember the first number in a recipient's address."""
        number = _NUMBER.search(line)
        if number is not None:
            self.seen.add(number[0])

    def report(self) -> str:
        """Return what came, and start anew."""
        cpu_s = time.process_time()
        self.count.distinct = len(self.seen)
        self.count.cpu_s, self.cpu_s = cpu_s - self.cpu_s, cpu_s
        line = json.dumps(asdict(self.count))
        self.count, self.seen = Count(), set()
        return line


class _Peer(asyncio.Protocol):
    """One connection: commands line by line, and content that is thrown away."""

    def __init__(self, tally: Tally, hello: bytes, delay_s: float) -> None:
        self._tally = tally
        self._hello = hello
        self._delay_s = delay_s
        self._waiting = bytearray()
        self._is_content = False
        self._chunk_bytes = 0
        self._is_last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write(_GREETING)

    def data_received(self, data: bytes) -> None:
        self._tally.count.bytes += len(data)
        seen = max(len(self._waiting) - len(_END), 0)
        self._waiting += data
        replies = b"".join(self._replies(seen))
        if replies:
            self._write(replies)

    def _write(self, replies: bytes) -> None:
        if self._delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay_s, self._write_now, replies)
        else:
            self._write_now(replies)

    def _write_now(self, replies: bytes) -> None:
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
                self._tally.note(bytes(self._waiting[max(end - 4, 0) : end + 2]))
                del self._waiting[: end + len(_END)]
                self._is_content = False
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
        if skipped < self._chunk_bytes:
            # The last octets stay: the chunk's end is looked at in one piece.
            skipped = max(skipped - _LAST_OCTETS, 0)
            self._chunk_bytes -= skipped
            del self._waiting[:skipped]
            return False
        if self._is_last:
            self._tally.note(bytes(self._waiting[:skipped]))
        del self._waiting[:skipped]
        self._chunk_bytes = 0
        return True

    def _answer(self, verb: bytes, line: bytes) -> bytes:
        match verb:
            case b"EHLO":
                return self._hello
            case b"RCPT":
                self._tally.note_recipient(line)
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


async def _serve(options: argparse.Namespace) -> None:
    tally = Tally()
    lines = ["sink", "SIZE", "8BITMIME", *options.offered, "ENHANCEDSTATUSCODES"]
    hello = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Peer(tally, hello.encode(), options.delay_s),
        "127.0.0.1",
        0,
        ssl=context,
        backlog=1024,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(tally.report(), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.set_defaults(offered=["PIPELINING", "CHUNKING"])
    for letter, name in (("-P", "PIPELINING"), ("-C", "CHUNKING")):
        parser.add_argument(letter, action="append_const", const=name, dest="without")
    parser.add_argument("-d", dest="delay_s", type=float, default=0.0)
    parser.add_argument("-t", dest="certificate")
    options = parser.parse_args()
    options.offered = [o for o in options.offered if o not in (options.without or ())]
    return options


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
