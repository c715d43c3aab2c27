"""
A mail server on loopback that goes wrong as it is told to, and watches its client.

It runs in a thread with an event loop of its own, does what a value of `faults` says,
records all that it took on, and keeps a list of the client's violations: input before
a reply where PIPELINING was not offered or does not allow it, commands out of order,
parameters that were not offered, bare CR or LF, lines that are too long, chunks and
dots that are wrong. What had reached it when its client vanished it still takes on.
Source: RFC 5321, RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 1870 (SIZE), RFC 3461
(DSN), RFC 6531 (SMTPUTF8), RFC 3207 (STARTTLS), RFC 4954 (AUTH).
"""

from __future__ import annotations

import asyncio
import queue
import re
import threading
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from peers.faults import SOUND, Act, Fault, Faults, Phase
from peers.sink import LIMIT_S, Sink, Taken
from peers.wire import Over, Wire, objections

_LONGEST_COMMAND = 1012
"""512 of RFC 5321 §4.5.3.1.4, and 500 more that RFC 3461 §4 allows for DSN."""
_ENVELOPE = re.compile(r"(FROM|TO):<([^<>\s]*)>((?: [A-Za-z0-9-]+(?:=[!-<>-~]+)?)*)")
_OFFERED_BY = {
    "FROM": {
        "SIZE": "SIZE",
        "BODY": "8BITMIME",
        "SMTPUTF8": "SMTPUTF8",
        "RET": "DSN",
        "ENVID": "DSN",
    },
    "TO": {"NOTIFY": "DSN", "ORCPT": "DSN"},
}
_TRANSACTION = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BDAT, Phase.FINAL)
_FREE = (Phase.MAIL, Phase.RCPT, Phase.BDAT, Phase.FINAL, Phase.RSET)
"""What more may follow at once, with PIPELINING (RFC 2920 §3.1)."""


class _Talk:
    """The conversation on one connection."""

    def __init__(self, sink: Sink, wire: Wire, number: int) -> None:
        self._sink = sink
        self._wire = wire
        self._number = number
        self._offers: frozenset[str] = frozenset()
        self._is_secure = self._is_in = self._is_hurried = False
        self._messages = 0
        self._leave_transaction()

    async def hold(self) -> None:
        """Talk until one side has had enough."""
        with suppress(Over, OSError):
            if self._sink.is_tls_implicit:
                await self._secure()
            most = self._sink.faults.most_connections
            is_full = 0 < most < self._sink.talking
            own = "421 4.7.0 too many connections" if is_full else "220 sink.example"
            await self._reply(Phase.GREETING, own)
            while True:
                await self._obey(await self._wire.until(b"\r\n"))
                if self._sink.faults.pipelined == "discarded":
                    self._wire.discard()
        self._wire.transport.close()

    async def _obey(self, line: bytes) -> None:
        command = line.decode(errors="replace")
        if len(line) + 2 > _LONGEST_COMMAND or "\n" in command or "\r" in command:
            self._object(f"command line {command[:60]!r}")
        self._sink.heard.append(command)
        verb, _, rest = command.partition(" ")
        obey = {
            "EHLO": self._hello,
            "HELO": self._hello_simply,
            "STARTTLS": self._start_tls,
            "AUTH": self._log_in,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._reset,
            "NOOP": self._do_nothing,
            "QUIT": self._quit,
        }.get(verb.upper(), self._wonder)
        await obey(rest)

    async def _do_nothing(self, _rest: str) -> None:
        self._say("250 2.0.0 ok")

    async def _quit(self, _rest: str) -> None:
        self._say("221 2.0.0 bye")

    async def _wonder(self, rest: str) -> None:
        self._object(f"unknown command with {rest!r}")
        self._say("500 5.5.2 what?")

    # ── Before any message ──────────────────────────────────────────────────────

    async def _hello_simply(self, _rest: str) -> None:
        self._leave_transaction()
        await self._reply(Phase.EHLO, "250 sink.example")

    async def _hello(self, _rest: str) -> None:
        self._leave_transaction()
        offers = self._sink.offers(is_secure=self._is_secure)
        words = ["sink.example", *offers]
        lines = [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]
        if await self._reply(Phase.EHLO, "\r\n".join(lines)):
            self._offers = frozenset(offer.split(" ")[0] for offer in offers)

    async def _start_tls(self, rest: str) -> None:
        if "STARTTLS" not in self._offers:
            await self._wonder(rest)
            return
        # What the client says next is no line: it must not arrive as one.
        self._wire.transport.pause_reading()
        is_agreed = await self._reply(Phase.STARTTLS, "220 2.0.0 go ahead")
        self._wire.transport.resume_reading()
        if is_agreed:
            await self._secure()

    async def _secure(self) -> None:
        fault = self._sink.fault(Phase.HANDSHAKE)
        if fault is not SOUND:
            await self._wire.some()
            self._wire.discard()
            await self._do(Phase.HANDSHAKE, "", fault)
            raise Over
        assert self._sink.tls is not None
        secured = await asyncio.get_running_loop().start_tls(
            self._wire.transport, self._wire, self._sink.tls, server_side=True
        )
        assert secured is not None
        self._wire.transport = secured
        self._is_secure, self._offers = True, frozenset()

    async def _log_in(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if "AUTH" not in self._offers:
            self._object("AUTH was not offered")
        if mechanism == "LOGIN":
            user = initial or await self._ask("VXNlcm5hbWU6")
            said = (_decoded(user), _decoded(await self._ask("UGFzc3dvcmQ6")))
        else:
            pattern = "\0(.*)\0(.*)"
            if mechanism == "XOAUTH2":
                pattern = "user=(.*)\1auth=Bearer (.*)\1\1"
            found = re.fullmatch(pattern, _decoded(initial or await self._ask("")))
            said = (found[1], found[2]) if found else ("", "")
        self._sink.logins.append((mechanism, *said))
        is_right = said == self._sink.login
        if mechanism == "XOAUTH2" and not is_right:
            await self._ask("eyJzdGF0dXMiOiI0MDEifQ==")
        own = "235 2.7.0 welcome" if is_right else "535 5.7.8 who are you?"
        self._is_in = await self._reply(Phase.AUTH, own) or self._is_in

    async def _ask(self, challenge: str) -> str:
        self._say(f"334 {challenge}")
        return (await self._wire.until(b"\r\n")).decode()

    # ── The transaction ─────────────────────────────────────────────────────────

    async def _reset(self, _rest: str) -> None:
        if await self._reply(Phase.RSET, "250 2.0.0 reset"):
            self._leave_transaction()

    def _leave_transaction(self) -> None:
        self._is_open = False
        self._parameters: dict[str, str] = {}
        self._recipients: list[tuple[str, dict[str, str]]] = []
        self._chunks: list[bytes] = []

    async def _mail(self, rest: str) -> None:
        _, parameters = self._envelope("FROM", rest)
        most, size = self._sink.faults.most_messages, self._sink.faults.size
        own = "250 2.1.0 ok"
        if self._is_open:
            self._object("MAIL within a transaction")
            own = "503 5.5.1 nested MAIL"
        elif self._sink.login is not None and not self._is_in:
            own = "530 5.7.0 log in first"
        elif 0 < most <= self._messages:
            own = "421 4.7.0 too many messages"
        elif 0 < size < int(parameters.get("SIZE", "0")):
            own = "552 5.3.4 too big"
        if await self._reply(Phase.MAIL, own):
            self._is_open, self._parameters = True, parameters

    async def _rcpt(self, rest: str) -> None:
        address, parameters = self._envelope("TO", rest)
        own = "250 2.1.5 ok" if self._is_open else "503 5.5.1 MAIL first"
        if await self._reply(Phase.RCPT, own, recipient=address):
            self._recipients.append((address, parameters))

    async def _data(self, _rest: str) -> None:
        own = "354 go ahead" if self._recipients else "503 5.5.1 no valid recipients"
        if not await self._reply(Phase.DATA, own, recipient=self._first):
            return
        await self._break_off()
        # An empty content's dot is at the start of a line, too.
        lines = await self._wire.until(b"\r\n.\r\n", after=b"\r\n")
        if re.search(rb"\r\n\.(?!\.)", lines):
            self._object("a dot that was not doubled")
        await self._finish((lines.replace(b"\r\n.", b"\r\n") + b"\r\n")[2:])

    async def _bdat(self, rest: str) -> None:
        size, _, last = rest.upper().partition(" ")
        if not re.fullmatch("[0-9]+", size) or last not in ("", "LAST"):
            self._object(f"BDAT {rest}")
            self._say("421 4.5.4 where would that chunk end?")
        if "CHUNKING" not in self._offers:
            self._object("BDAT without CHUNKING")
        await self._break_off()
        self._chunks.append(await self._wire.exactly(int(size)))
        phase = Phase.FINAL if last else Phase.BDAT
        if not self._recipients:
            await self._reply(phase, "503 5.5.1 no valid recipients")
        elif last:
            await self._finish(b"".join(self._chunks))
        elif not await self._reply(phase, "250 2.0.0 go on", recipient=self._first):
            self._recipients.clear()

    async def _break_off(self) -> None:
        fault = self._sink.fault(Phase.CONTENT, self._first)
        if fault is not SOUND:
            await self._wire.some()
            await self._do(Phase.CONTENT, "", fault)

    async def _finish(self, content: bytes) -> None:
        given = self._parameters
        is_8bit = given.get("BODY") == "8BITMIME" or "SMTPUTF8" in given
        for objection in objections(content, is_8bit=is_8bit):
            self._object(objection)
        if int(given.get("SIZE", len(content))) < len(content):
            self._object(f"SIZE={given['SIZE']} for {len(content)} octets")
        is_big = 0 < self._sink.faults.size < len(content)
        own = "552 5.3.4 too big" if is_big else "250 2.0.0 taken"
        take = [
            Taken(
                recipient=address,
                content=content,
                connection=self._number,
                parameters=given | parameters,
            )
            for address, parameters in self._recipients
        ]
        await self._reply(Phase.FINAL, own, recipient=self._first, take=take)
        self._messages += 1
        self._leave_transaction()

    @property
    def _first(self) -> str:
        return self._recipients[0][0] if self._recipients else ""

    def _envelope(self, word: str, rest: str) -> tuple[str, dict[str, str]]:
        found = _ENVELOPE.fullmatch(rest)
        if found is None or found[1] != word:
            self._object(f"{word} in {rest!r}")
            return "", {}
        pairs = (each.partition("=") for each in found[3].split())
        parameters = {name.upper(): value for name, _, value in pairs}
        for name in parameters:
            if _OFFERED_BY[word].get(name) not in self._offers:
                self._object(f"{name} was not offered")
        if not found[2].isascii() and "SMTPUTF8" not in self._parameters | parameters:
            self._object("an address in UTF-8 that was not announced")
        return found[2], parameters

    # ── Replies ─────────────────────────────────────────────────────────────────

    async def _reply(
        self,
        phase: Phase,
        own: str,
        *,
        recipient: str = "",
        take: Sequence[Taken] = (),
    ) -> bool:
        """Say *own* or go wrong, having taken on what is agreed to; tell whether."""
        is_refusing = self._sink.faults.pipelined == "refused"
        if is_refusing and self._is_hurried and phase in _TRANSACTION:
            own = "503 5.5.1 one thing at a time"
        fault = self._sink.fault(phase, recipient)
        is_agreed = own.startswith(("2", "3")) and fault.takes
        if is_agreed:
            for each in take:
                self._sink.take(each)
        await self._do(phase, own, fault)
        return is_agreed

    async def _do(self, phase: Phase, own: str, fault: Fault) -> None:
        match fault.act:
            case Act.OWN:
                self._say(own, phase)
            case Act.LATE:
                await self._wire.rest(fault.seconds)
                self._say(own, phase)
            case Act.INSTEAD:
                self._say(fault.text, phase)
            case Act.DRIP:
                self._watch(phase)
                await self._wire.drip(own, fault.seconds)
            case Act.FLOOD:
                await self._wire.flood(fault.text)
            case Act.STALL:
                await self._fall_silent(phase)
            case Act.CLOSE:
                if fault.with_reset:
                    self._wire.reset()
                raise Over

    async def _fall_silent(self, phase: Phase) -> None:
        self._sink.fall_silent(self)
        if phase is Phase.CONTENT:
            # A reader that goes on buffering would hide that nobody listens.
            self._wire.transport.pause_reading()
        await self._wire.rest()
        raise Over

    def _say(self, text: str, phase: Phase | None = None) -> None:
        self._watch(phase)
        if "ENHANCEDSTATUSCODES" in self._sink.faults.without:
            text = re.sub(r"(?m)^(\d{3}[ -])\d\.\d+\.\d+ ", r"\1", text)
        if text:
            self._wire.say(text)
        if text.startswith(("421", "221")):
            raise Over

    def _watch(self, phase: Phase | None) -> None:
        """Object to a client that did not wait for the reply that comes now."""
        self._is_hurried = self._wire.is_ahead
        is_free = "PIPELINING" in self._offers and phase in _FREE
        if self._is_hurried and not is_free:
            heard = self._sink.heard[-1:] or ["connecting"]
            self._object(f"more input before the reply to {heard[0]!r}")

    def _object(self, violation: str) -> None:
        self._sink.violations.append(f"connection {self._number}: {violation}")


def _decoded(text: str) -> str:
    return b64decode(text).decode()


def _connect(sink: Sink, wire: Wire) -> None:
    talk = _Talk(sink, wire, sink.connections + 1)
    sink.begin(talk, asyncio.get_running_loop().create_task(talk.hold()))


async def _serve(sink: Sink, ready: queue.Queue[asyncio.Event]) -> None:
    """Listen on a free port until told to end."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    wires: list[Wire] = []

    def connected(wire: Wire) -> None:
        wires.append(wire)
        _connect(sink, wire)

    server = await loop.create_server(lambda: Wire(connected), "127.0.0.1")
    sink.port = server.sockets[0].getsockname()[1]
    ready.put(ended)
    await ended.wait()
    server.close()
    for wire in wires:
        wire.transport.abort()
    await asyncio.gather(*sink.talks.values())


@contextmanager
def faulty_server(
    faults: Faults = Faults(),  # noqa: B008 - a value
    **options: Any,
) -> Iterator[Sink]:
    """Run a server with *faults* in a thread; *options* as of `Sink`."""
    sink = Sink(faults=faults, **options)
    ready: queue.Queue[asyncio.Event] = queue.Queue()
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=(_serve(sink, ready),))
        thread.start()
        ended = ready.get(timeout=LIMIT_S)
        try:
            yield sink
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
