"""
One connection on the event loop: it moves bytes, and keeps time.

All that is said is decided in `opening` and `transactions`; here are the socket, TLS,
the flow control and the clock. Messages are taken from within the receiving of replies:
no task is woken for a message. A reply has a deadline as a whole, which a server cannot
put off by sending it bit by bit.
Source: RFC 5321 §4.5.3.2 (time-outs); tcp(7) on TCP_QUICKACK.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import cast

from tambour.channels.smtp.deadline import Deadline
from tambour.channels.smtp.dialling import address_literal, attach, dial, start_tls
from tambour.channels.smtp.dispatcher import Dispatcher
from tambour.channels.smtp.opening import Opening
from tambour.channels.smtp.replies import Reply, ReplyReader
from tambour.channels.smtp.servers import Server
from tambour.channels.smtp.states import Command
from tambour.channels.smtp.transactions import (
    Mode,
    Transactions,
    choose_mode,
    window,
)
from tambour.channels.smtp.verdicts import Loss, is_crowded
from tambour.channels.smtp.writing import write
from tambour.model import Message, Outcome

FINAL_PATIENCE = 10
"""Times `timeout` for the verdict: 10 minutes by default, as RFC 5321 asks."""
FAREWELL_S = 5.0
ASK_AFTER_S = 1.0
"""A connection idle for longer is asked whether it lives, before it gets a message."""
QUANTUM = 100
"""Messages that a connection still carries before it gives way to another lane."""
_HIGH_WATER, _LOW_WATER = 256 * 1024, 64 * 1024
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)

_FINAL = frozenset({Command.DOT, Command.BDAT})

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """A connection to one server; it carries messages of one lane at a time."""

    def __init__(self, server: Server, *, timeout_s: float) -> None:
        self.server = server
        self.lane: str | None = None
        self.is_open = False
        self.transactions: Transactions | None = None
        self.opening: Opening | None = None
        self._dispatcher: Dispatcher | None = None
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._reader = ReplyReader()
        self._transport: asyncio.Transport | None = None
        self._sock: socket.socket | None = None
        self._plain_sock: socket.socket | None = None
        self._progress = asyncio.Event()
        self._ended = asyncio.Event()
        self._asked_at = 0.0
        self._idle_since = 0.0
        self._deadline = Deadline(self._loop, self._run_out_of_time)
        self._patience_ends = 0.0
        self._unwritten = self._writes = 0
        self._is_paused = False
        self._is_leaving = False
        self._yields_at: int | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.server.verdicts.where}>"

    @property
    def is_idle(self) -> bool:
        """Whether it could carry a message at once."""
        transactions = self.transactions
        return self.is_open and transactions is not None and transactions.is_idle

    @property
    def tls(self) -> ssl.SSLObject | None:
        """What there is to know of the encryption, if there is any."""
        transport = self._transport
        return None if transport is None else transport.get_extra_info("ssl_object")

    # ── Opening ─────────────────────────────────────────────────────────────────

    async def open(self, context: ssl.SSLContext | None) -> Outcome | None:
        """Connect, secure and log in; return why not."""
        try:
            opening = await self._connect(context)
            while opening.refusal is None and not opening.is_ready:
                await self._progress.wait()
                self._progress.clear()
                if opening.wants_handshake and context is not None:
                    await self._secure(opening, context)
        except OSError as error:
            return self.server.verdicts.of_no_connection(error)
        finally:
            if self.opening is None or not self.opening.is_ready:
                self.abort()
        if opening.refusal is None:
            self._get_ready(opening)
        return opening.refusal

    async def _connect(self, context: ssl.SSLContext | None) -> Opening:
        settings = self.server.settings
        is_encrypted = settings.security == "tls"
        sock = await dial(settings.host, settings.port, timeout_s=self._timeout_s)
        self._sock = sock
        self._plain_sock = None if is_encrypted else sock
        self.opening = Opening(
            settings,
            self.server.verdicts,
            introduction=address_literal(sock),
            is_encrypted=is_encrypted,
        )
        await attach(
            self,
            sock,
            host=settings.host,
            context=context if is_encrypted else None,
            timeout_s=self._timeout_s,
        )
        return self.opening

    async def _secure(self, opening: Opening, context: ssl.SSLContext) -> None:
        self._deadline.lift()
        self._plain_sock = None
        transport = await start_tls(
            cast("asyncio.Transport", self._transport),
            self,
            host=self.server.settings.host,
            context=context,
            timeout_s=self._timeout_s,
        )
        if transport is None:
            opening.lose(Loss.CLOSED)
            return
        self._transport = transport
        # What came before is not the server's word.
        self._reader.reset()
        opening.secured()
        self._write_opening(opening)

    def _open_further(self, opening: Opening, replies: list[Reply]) -> None:
        now = self._loop.time()
        took_s = now - self._asked_at
        if self._asked_at:
            self.server.round_trip_s = min(self.server.round_trip_s, took_s)
        opening.receive(replies)
        self._write_opening(opening)
        if opening.wants_handshake or opening.is_ready or opening.refusal is not None:
            self._deadline.lift()
            self._progress.set()

    def _write_opening(self, opening: Opening) -> None:
        if opening.out:
            self._write(opening.out)
            self._asked_at = self._loop.time()
            self._deadline.set(self._timeout_s)

    def _get_ready(self, opening: Opening) -> None:
        transport = cast("asyncio.Transport", self._transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER, low=_LOW_WATER)
        now, server = self._loop.time(), self.server
        is_slow = server.is_lock_step(now)
        self.transactions = Transactions(
            offer=opening.offer,
            mode=Mode.LOCK_STEP if is_slow else choose_mode(opening.offer),
            verdicts=server.verdicts,
        )
        if server.keeps_step:
            self.transactions.window = window(server.round_trip_s)
        self._idle_since = now
        self.is_open = True

    # ── Carrying ────────────────────────────────────────────────────────────────

    def serve(self, dispatcher: Dispatcher, lane: str, *, limit: int | None) -> None:
        """Carry the messages of *lane* from now on, or until it is spent."""
        transactions = cast("Transactions", self.transactions)
        self._dispatcher, self.lane, self._yields_at = dispatcher, lane, None
        transactions.limit, transactions.may_leave = limit, dispatcher.may_leave
        if transactions.answered and self._loop.time() - self._idle_since > ASK_AFTER_S:
            transactions.ping()
        self._advance(transactions)

    def give_way(self) -> None:
        """Become idle after this turn: another lane waits for a connection."""
        if self.transactions is not None and self._yields_at is None:
            self._yields_at = self.transactions.answered + QUANTUM

    def leave(self) -> None:
        """Take no more messages, and say goodbye when the last is answered."""
        self._is_leaving = True
        if self.transactions is not None and self.is_idle:
            self._rest(self.transactions)

    def _take(self) -> Message | None:
        if self._dispatcher is None or self.lane is None:
            return None
        return self._dispatcher.take(self.lane)

    def _may_take(self, transactions: Transactions) -> bool:
        if self._is_paused or self._is_leaving:
            return False
        return self._yields_at is None or transactions.answered < self._yields_at

    def _advance(self, transactions: Transactions) -> None:
        """Write what there is to write, take what there is room for, tell results."""
        while True:
            if self._may_take(transactions):
                transactions.fill(self._take)
            if not transactions.out:
                break
            self._write(transactions.out)
        if transactions.results and self._dispatcher is not None:
            self._dispatcher.deliver(transactions.results)
            transactions.results.clear()
        if transactions.answered and not self.server.keeps_step:
            self._prove(transactions)
        if transactions.is_over:
            self._end(transactions)
        elif transactions.is_idle:
            self._rest(transactions)
        elif not self._is_paused:
            is_final = transactions.awaited in _FINAL
            self._deadline.set(self._timeout_s * (FINAL_PATIENCE if is_final else 1))

    def _prove(self, transactions: Transactions) -> None:
        """The server has answered a message: it may have several at once."""
        self.server.note_answer()
        if transactions.mode is not Mode.LOCK_STEP:
            self.server.keeps_step = True
            transactions.window = window(self.server.round_trip_s)
            self._advance(transactions)

    def _rest(self, transactions: Transactions) -> None:
        self._deadline.lift()
        self._idle_since = self._loop.time()
        if self._is_leaving or transactions.is_spent:
            self._is_leaving = True
            transactions.quit()
            self._write(transactions.out)
            self._deadline.set(FAREWELL_S)
            return
        self.lane = None
        if self._dispatcher is not None:
            self._dispatcher.notice()

    def _end(self, transactions: Transactions) -> None:
        """Tell everybody that the conversation is over."""
        if not self.is_open:
            return
        self.is_open = False
        self.abort()
        self._judge_server(transactions)
        if self._dispatcher is not None:
            self._dispatcher.deliver(transactions.results)
            self._dispatcher.return_unsent(transactions.unsent)
            self._dispatcher.notice()
        transactions.results.clear()
        transactions.unsent.clear()

    def _judge_server(self, transactions: Transactions) -> None:
        """Let the next connections know how this one went."""
        now, server = self._loop.time(), self.server
        if transactions.loses_step:
            if not server.is_lock_step(now):
                where = server.verdicts.where
                log.warning("cannot pipeline", extra={"server": where})
            server.note_out_of_step(now, is_certain=transactions.is_out_of_step)
        elif transactions.answered:
            server.note_answer()
        elif transactions.has_begun:
            server.note_fruitless(now)
        server.connections -= 1
        farewell = transactions.farewell
        if farewell is not None and server.connections and is_crowded(farewell):
            server.note_crowded(now)

    # ── What the event loop says ────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        # uvloop's transports derive from no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._deadline.set(self._timeout_s)

    def data_received(self, data: bytes) -> None:
        """Match replies, and answer them with more messages."""
        written, replies = self._writes, self._reader.feed(data)
        if not replies:
            pass
        elif self.transactions is not None:
            self.transactions.receive(replies)
            self._advance(self.transactions)
        elif self.opening is not None:
            self._open_further(self.opening, replies)
        if written == self._writes and _QUICKACK is not None and self.is_open:
            # With nothing to carry it, the acknowledgement would be delayed, and a
            # server that waits for it (Nagle) would hold its next reply back.
            sock = cast("socket.socket", self._sock)
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def pause_writing(self) -> None:
        """Take no more messages; what was written has to move within the time."""
        self._is_paused = True
        now = self._loop.time()
        self._patience_ends = now + self._timeout_s * FINAL_PATIENCE
        if self._transport is not None:
            self._unwritten = self._transport.get_write_buffer_size()
        self._deadline.set(self._timeout_s)

    def resume_writing(self) -> None:
        """Go on."""
        self._is_paused = False
        if self.transactions is not None and self.is_open:
            self._advance(self.transactions)

    def eof_received(self) -> None:
        """Hear that the server says nothing more."""
        transport = self._transport
        unwritten = 0 if transport is None else transport.get_write_buffer_size()
        self._lose(Loss.CLOSED, unwritten_bytes=unwritten)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Hear that the connection is no more."""
        # asyncio has dropped its buffer by now; while paused it held this at least.
        self._lose(Loss.CLOSED, unwritten_bytes=_LOW_WATER if self._is_paused else 0)
        self._transport = None
        self._deadline.stop()
        self._ended.set()

    def _write(self, chunks: list[bytes]) -> None:
        """Write *chunks* at once, and empty the list."""
        if self._transport is not None:
            # Measured: one copy costs less than several buffers.
            write(self._transport, self._plain_sock, b"".join(chunks))
        self._writes += 1
        chunks.clear()

    def _lose(self, loss: Loss, *, unwritten_bytes: int = 0) -> None:
        if self.transactions is not None:
            self.transactions.lose(loss, unwritten_bytes=unwritten_bytes)
            self._end(self.transactions)
        elif self.opening is not None and not self.opening.is_ready:
            self.opening.lose(loss)
            self._progress.set()

    def _run_out_of_time(self) -> None:
        transport = self._transport
        left = 0 if transport is None else transport.get_write_buffer_size()
        is_moving = self._is_paused and left < self._unwritten
        if is_moving and self._loop.time() < self._patience_ends:
            self._unwritten = left
            self._deadline.set(self._timeout_s)
        else:
            self._lose(Loss.SILENT, unwritten_bytes=left)

    # ── Leaving ─────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """Say goodbye, once what is on the wire has its verdict; do not wait long."""
        self.leave()
        if self._transport is None:
            return
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._ended.wait()
        except TimeoutError:
            self._lose(Loss.SILENT)
            self.abort()

    def abort(self) -> None:
        """Drop the connection."""
        self._deadline.stop()
        if self._transport is not None:
            self._transport.abort()
        elif self._sock is not None:
            self._sock.close()
