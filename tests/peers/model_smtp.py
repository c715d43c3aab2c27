"""
A mail server without a network: bytes in, bytes out, as RFC 5321, 2920 and 3030 say.

`model_server` puts it on loopback.

It refuses whom it is told to at the step it is told, takes on the rest, and is strict:
a MAIL within a transaction is refused whoever it is for. Knows nothing of the client.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

_ADDRESS = re.compile(rb"<([^>]*)>")


@dataclass(slots=True)
class ModelServer:
    """
    The server's side; `refused` has a step and a reply for a recipient.

    Steps are MAIL, RCPT, DATA and dot. `invites_always`: DATA is answered by 354 though
    there is no recipient, which servers may do.
    """

    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    invites_always: bool = False
    most_messages: int = 10**9
    offers: tuple[str, ...] = ()
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    is_closed: bool = False
    _rest: bytes = b""
    _mail: str | None = None
    _rcpt: str | None = None
    _is_invited: bool = False
    _chunk: int | None = None

    def feed(self, data: bytes) -> bytes:
        """Take in what the client wrote, and return the replies."""
        self._rest += data
        said = b""
        while not self.is_closed:
            replies = self._next()
            if replies is None:
                break
            said += replies
        return said

    def _next(self) -> bytes | None:
        if self._chunk is not None:
            return self._end_chunk(self._chunk)
        if self._is_invited:
            return self._end_data()
        line, found, rest = self._rest.partition(b"\r\n")
        if not found:
            return None
        self._rest = rest
        return (
            f"{self._obey(line)}\r\n".encode()
            if line[:4] != b"BDAT"
            else self._begin_chunk(line)
        )

    def _obey(self, line: bytes) -> str:
        self.heard.append(line.decode())
        verb = line[:4].decode().upper()
        if verb == "DATA":
            return self._invite()
        if verb in ("MAIL", "RCPT"):
            is_due = (self._mail is None) == (verb == "MAIL")
            return self._answer(verb, line) if is_due else "503 5.5.1 not now"
        if verb == "EHLO":
            return "\r\n250-".join(("250-model", *self.offers)) + "\r\n250 HELP"
        if verb == "RSET":
            self._mail = self._rcpt = None
        self.is_closed = verb == "QUIT"
        return {"RSET": "250 2.0.0 forgotten", "QUIT": "221 2.0.0 bye"}[verb]

    def _answer(self, step: str, line: bytes) -> str:
        found = _ADDRESS.search(line)
        assert found is not None
        address = found[1].decode()
        refusing, reply = self.refused.get(address, ("", ""))
        if refusing == step:
            return reply
        if step == "MAIL":
            self._mail = address
        else:
            self._rcpt = address
        return "250 2.1.0 fine"

    def _invite(self) -> str:
        if self._rcpt is None:
            self._is_invited = self.invites_always and self._mail is not None
            return "354 go on" if self._is_invited else "554 5.5.1 no recipient"
        refusing, reply = self.refused.get(self._rcpt, ("", ""))
        if refusing == "DATA":
            return reply
        self._is_invited = True
        return "354 go on"

    def _end_data(self) -> bytes | None:
        if self._rest.startswith(b".\r\n"):
            content, self._rest = b"", self._rest[3:]
        else:
            head, found, rest = self._rest.partition(b"\r\n.\r\n")
            if not found:
                return None
            content, self._rest = head + b"\r\n", rest
        self._is_invited = False
        return self._conclude(re.sub(rb"(?m)^\.", b"", content))

    def _begin_chunk(self, line: bytes) -> bytes:
        self.heard.append(line.decode())
        words = line.split()
        assert words[2:] == [b"LAST"]
        self._chunk = int(words[1])
        return b""

    def _end_chunk(self, size: int) -> bytes | None:
        if len(self._rest) < size:
            return None
        content, self._rest, self._chunk = self._rest[:size], self._rest[size:], None
        if self._rcpt is None:
            return b"503 5.5.1 RCPT first\r\n"
        return self._conclude(content)

    def _conclude(self, content: bytes) -> bytes:
        recipient, self._mail, self._rcpt = self._rcpt, None, None
        if recipient is None:
            return b"554 5.5.1 for nobody\r\n"
        refusing, reply = self.refused.get(recipient, ("", ""))
        if refusing == "dot":
            return f"{reply}\r\n".encode()
        self.taken.append((recipient, content))
        farewell = b""
        if len(self.taken) >= self.most_messages:
            self.is_closed, farewell = True, b"421 4.7.0 enough for now\r\n"
        return b"250 2.0.0 kept\r\n" + farewell


class Model:
    """Model servers on loopback: one for each connection, with one memory."""

    def __init__(self, *offers: str) -> None:
        self.offers = offers
        self.port = 0
        self.refused: dict[str, tuple[str, str]] = {}
        self.taken: list[tuple[str, bytes]] = []
        self.talks: list[ModelServer] = []
        self._server: asyncio.Server | None = None
        self._transports: list[asyncio.Transport] = []

    async def start(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Talk(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def begin(self, transport: asyncio.Transport) -> ModelServer:
        """Greet a client."""
        self._transports.append(transport)
        talk = ModelServer(self.refused, offers=self.offers, taken=self.taken)
        self.talks.append(talk)
        transport.write(b"220 model\r\n")
        return talk

    def vanish(self) -> None:
        """Close every connection and answer no more."""
        if self._server is not None:
            self._server.close()
        for transport in self._transports:
            transport.abort()


class _Talk(asyncio.Protocol):
    def __init__(self, model: Model) -> None:
        self._model = model

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server = self._model.begin(self._transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._server.feed(data))
        if self._server.is_closed:
            self._transport.close()


@asynccontextmanager
async def model_server(*offers: str) -> AsyncIterator[Model]:
    """Run model servers that offer extensions."""
    model = Model(*offers)
    await model.start()
    try:
        yield model
    finally:
        model.vanish()
