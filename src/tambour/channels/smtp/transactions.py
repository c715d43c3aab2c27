"""
The conversation once it is ready: many messages, each with exactly one outcome.

Pure: replies in, bytes and outcomes out; messages are taken when there is room for
them. What the server offers decides how far ahead it is written:

- CHUNKING: whole transactions, several in flight, none waiting for a reply;
- PIPELINING: the end of one message and the envelope of the next in one go;
- lock-step: one command at a time.

Every reply is matched to its command, whatever has been written ahead. A transaction
that was refused is left by RSET: else the next MAIL, of somebody who did nothing wrong,
would be refused for it. Whatever ends the conversation, `lose` says of each message
what is certain.
Source: RFC 5321 §3.3 and §4.1.1, RFC 2920 (PIPELINING), RFC 3030 (CHUNKING).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from tambour.channels.smtp.envelope import Envelopes, Offer, Sealed
from tambour.channels.smtp.replies import CLOSING, Reply
from tambour.channels.smtp.states import ANSWERS, TABLE, Answer, Command, State
from tambour.channels.smtp.verdicts import Loss, Verdicts, is_out_of_step
from tambour.model import DeliveryId, Message, Outcome

Take = Callable[[], Message | None]

NARROWEST, WIDEST = 2, 16
_SLICE_S = 0.0033
BURST_BYTES = 256 * 1024
"""How much is written before the other side is looked at again."""


# What is asked of every reply; an enum's member costs a call where it is looked up.
_CLOSED, _VOID = State.CLOSED, State.VOID
_RSET, _MAIL, _RCPT = Command.RSET, Command.MAIL, Command.RCPT
_DATA, _BDAT, _DOT = Command.DATA, Command.BDAT, Command.DOT
_REFUSE, _GO_ON = Answer.REFUSE, Answer.GO_ON
_PHASES = {command: command.value for command in Command} | {_DOT: "DATA"}


class Mode(StrEnum):
    """How far ahead of the replies commands are written."""

    LOCK_STEP = "lock-step"
    PIPELINING = "pipelining"
    CHUNKING = "chunking"


def choose_mode(offer: Offer) -> Mode:
    """Return the quickest mode that a server with *offer* can follow."""
    if not offer.has("PIPELINING"):
        return Mode.LOCK_STEP
    return Mode.CHUNKING if offer.has("CHUNKING") else Mode.PIPELINING


def window(round_trip_s: float) -> int:
    """
    Return how many transactions are worth having in flight.

    Two where replies come at once, as more would only fill buffers; about eight at 20
    milliseconds; never more than sixteen, for each is in doubt when the line breaks.
    """
    return min(WIDEST, NARROWEST + round(round_trip_s / _SLICE_S))


def _always(_delivery: DeliveryId) -> bool:
    return True


_LOCK_STEP, _PIPELINING, _CHUNKING = Mode.LOCK_STEP, Mode.PIPELINING, Mode.CHUNKING


class _Letter:
    """A message under way; `end` is where its last byte stands in what was written."""

    __slots__ = ("end", "message", "refusal", "sealed")

    def __init__(self, message: Message, sealed: Sealed) -> None:
        self.message = message
        self.sealed = sealed
        self.refusal: Outcome | None = None
        self.end = 0


class Transactions:
    """
    A conversation that carries messages.

    `out` holds what is to be written, `results` what became of messages, `unsent` those
    that another connection may carry, with the outcome in case there is none.
    """

    def __init__(self, *, offer: Offer, mode: Mode, verdicts: Verdicts) -> None:
        self.mode = mode
        self.state = State.READY
        self.window = 1
        self.out: list[bytes] = []
        self.results: list[tuple[Message, Outcome]] = []
        self.unsent: list[tuple[Message, Outcome]] = []
        self.answered = 0
        self.farewell: Reply | None = None
        self.loses_step = False
        self.is_out_of_step = False
        self.limit: int | None = None
        self.may_leave: Callable[[DeliveryId], bool] = _always
        self._taken = 0
        self._flying = 0
        self._written = 0
        self._has_open_group = False
        self._is_barred = False
        self._verdicts = verdicts
        stuffs = mode is not _CHUNKING
        self._envelopes = Envelopes(offer, verdicts, has_stuffing=stuffs)
        self._awaited: deque[tuple[Command, _Letter | None]] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether every command has been answered."""
        return not self._awaited

    @property
    def awaited(self) -> Command | None:
        """The command whose reply comes next."""
        return self._awaited[0][0] if self._awaited else None

    @property
    def has_begun(self) -> bool:
        """Whether any message was put on the wire."""
        return self._taken > 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be said."""
        return self.state is _CLOSED

    @property
    def is_spent(self) -> bool:
        """Whether the connection has carried as many messages as it may."""
        return self.limit is not None and self._taken >= self.limit

    # ── Writing ─────────────────────────────────────────────────────────────────

    def fill(self, take: Take) -> None:
        """Take messages while there is room for them."""
        written = self._written
        while self._has_room() and self._written - written < BURST_BYTES:
            letter = self._next(take)
            if letter is None:
                return
            self._flying += 1
            if self.mode is _CHUNKING:
                self._write_chunk(letter)
            elif self.mode is _PIPELINING:
                self._write_group(letter)
            else:
                self._say(_MAIL, letter, letter.sealed.mail)

    def ping(self) -> None:
        """Ask whether anybody is there still, before a message depends on it."""
        self._is_barred = True
        self._say(_RSET, None, b"RSET\r\n")

    def quit(self) -> None:
        """Say goodbye; only when idle."""
        self._is_barred = True
        self._say(Command.QUIT, None, b"QUIT\r\n")

    def _has_room(self) -> bool:
        if self.mode is _CHUNKING:
            has_room = self._flying < self.window
        elif self.mode is _PIPELINING:
            has_room = not self._has_open_group
        else:
            has_room = not self._awaited
        is_ready = not self._is_barred and self.state is not _CLOSED
        return has_room and is_ready and not self.is_spent

    def _next(self, take: Take) -> _Letter | None:
        while (message := take()) is not None:
            sealed = self._envelopes.seal(message)
            if isinstance(sealed, Sealed):
                self._taken += 1
                return _Letter(message, sealed)
            self.results.append((message, sealed))
        return None

    def _write_chunk(self, letter: _Letter) -> None:
        mail, rcpt, content = letter.sealed
        awaited = self._awaited
        if awaited or self.state is _VOID:
            # Whether those before are refused is not known yet.
            mail = b"RSET\r\n" + mail
            awaited.append((_RSET, None))
        awaited += ((_MAIL, letter), (_RCPT, letter), (_BDAT, letter))
        head = b"%b%bBDAT %d LAST\r\n" % (mail, rcpt, len(content))
        self.out += (head, content)
        self._written += len(head) + len(content)
        letter.end = self._written

    def _write_group(self, letter: _Letter) -> None:
        if self.state is _VOID:
            self._say(_RSET, None, b"RSET\r\n")
        group = b"%b%bDATA\r\n" % (letter.sealed.mail, letter.sealed.rcpt)
        self._has_open_group = True
        self.out.append(group)
        self._written += len(group)
        self._awaited += (
            (_MAIL, letter),
            (_RCPT, letter),
            (_DATA, letter),
        )

    def _write_content(self, letter: _Letter) -> None:
        """Send the content; of a refused message nothing, where it is asked for."""
        self._has_open_group = False
        if letter.refusal is not None:
            self._say(_DOT, letter, b".\r\n")
            return
        if not self.may_leave(letter.message.delivery):
            # The server waits for it, and nothing but hanging up takes that back.
            self._leave(letter, self._verdicts.unsent(), may_go_again=True)
            self._part(lambda _command: self._verdicts.unsent())
            return
        content = letter.sealed.content
        self._written += len(content)
        self.out.append(content)
        self._say(_DOT, letter, b".\r\n")
        letter.end = self._written

    def _say(self, command: Command, letter: _Letter | None, line: bytes) -> None:
        self._awaited.append((command, letter))
        self.out.append(line)
        self._written += len(line)

    # ── Reading ─────────────────────────────────────────────────────────────────

    def receive(self, replies: Iterable[Reply]) -> None:
        """Match each reply to its command."""
        # What is answered before it is written is not answered in step.
        due = len(self._awaited)
        for reply in replies:
            if self.state is _CLOSED:
                return
            if reply.code == CLOSING:
                self._say_farewell(reply)
                return
            due -= 1
            if due < 0 or not self._has_matched(reply):
                self.lose(Loss.GARBLED)
                return

    def _has_matched(self, reply: Reply) -> bool:
        """Take in the reply to the oldest command; False when it cannot be one."""
        command, letter = self._awaited[0]
        answer = ANSWERS.get(reply.code)
        if answer is None:
            return False
        target = TABLE[self.state][command].get(answer)
        if target is None:
            return False
        if letter is None:
            self._is_barred = False
        elif answer is _REFUSE and self._is_blamed_wrongly(letter, reply):
            # Refused it is, whatever it was meant for.
            self.loses_step = self.is_out_of_step = True
            letter.end = 0
            return False
        self._awaited.popleft()
        self.state = target
        if letter is None:
            return True
        if command is _BDAT or command is _DOT:
            self.answered += 1
            self._finish(letter, letter.refusal or self._verdicts.of_final_reply(reply))
        elif answer is _GO_ON:
            self._write_content(letter)
        elif answer is _REFUSE:
            self._refuse(letter, reply, command)
        if self.mode is _LOCK_STEP and not self._awaited:
            self._take_step(letter)
        return True

    def _is_blamed_wrongly(self, letter: _Letter, reply: Reply) -> bool:
        is_ahead = self.mode is not _LOCK_STEP and letter.refusal is None
        return is_ahead and is_out_of_step(reply)

    def _refuse(self, letter: _Letter, reply: Reply, command: Command) -> None:
        if letter.refusal is None:
            letter.refusal = self._verdicts.of_refusal(reply, to=command)
        if command is _DATA:
            self._has_open_group = False
        if not self._awaited or self._awaited[0][1] is not letter:
            self.answered += 1
            self._finish(letter, letter.refusal)

    def _take_step(self, letter: _Letter) -> None:
        """In lock-step, say what comes after the reply."""
        if self.state is State.STARTED:
            self._say(_RCPT, letter, letter.sealed.rcpt)
        elif self.state is State.ADDRESSED:
            self._say(_DATA, letter, b"DATA\r\n")
        elif self.state is _VOID:
            self._say(_RSET, None, b"RSET\r\n")

    def _finish(self, letter: _Letter, outcome: Outcome) -> None:
        self._flying -= 1
        self.results.append((letter.message, outcome))

    # ── Endings ─────────────────────────────────────────────────────────────────

    def lose(self, loss: Loss, *, unwritten_bytes: int = 0) -> None:
        """
        The connection ended without a word.

        Args:
            loss: how it ended.
            unwritten_bytes: how much of what was written never left this process.

        """
        if self.state is _CLOSED:
            return
        # A server that has answered a group before is not ended by groups.
        is_ahead = self.mode is not _LOCK_STEP and len(self._awaited) > 1
        is_blamable = loss is Loss.GARBLED or not self.answered
        self.loses_step = self.loses_step or (is_ahead and is_blamable)
        self.is_out_of_step = self.loses_step and loss is Loss.GARBLED
        left = self._written - unwritten_bytes - sum(map(len, self.out))
        self._part(
            lambda command: self._verdicts.of_loss(loss, during=_PHASES[command]),
            self._verdicts.of_final_loss(loss),
            left_bytes=left,
        )

    def _say_farewell(self, reply: Reply) -> None:
        """End by 421: what it answers is refused for now, what is behind is unsent."""
        self.farewell = reply
        self._part(lambda command: self._verdicts.of_refusal(reply, to=command))

    def _part(
        self,
        of_next: Callable[[Command], Outcome],
        in_doubt: Outcome | None = None,
        *,
        left_bytes: int = 0,
    ) -> None:
        """Answer for all in flight; hand back what was not begun where all was well."""
        is_good = self.answered > 0 or self.loses_step
        for command, letter, is_next in self._letters():
            is_begun = command is not _MAIL and not self.loses_step
            if letter.refusal is not None:
                self._finish(letter, letter.refusal)
            elif in_doubt is not None and 0 < letter.end <= left_bytes:
                self._finish(letter, in_doubt)
            else:
                outcome = of_next(command) if is_next else self._verdicts.unsent()
                may_go_again = is_good and not (is_next and is_begun)
                self._leave(letter, outcome, may_go_again=may_go_again)
        self._end()

    def _letters(self) -> Iterator[tuple[Command, _Letter, bool]]:
        """Yield each message in flight with its oldest command, and if it is next."""
        latest, is_next = None, True
        for command, letter in tuple(self._awaited):
            if letter is not None and letter is not latest:
                yield command, letter, is_next
                latest = letter
            is_next = False

    def _leave(self, letter: _Letter, outcome: Outcome, *, may_go_again: bool) -> None:
        """Answer for a message that certainly did not go, or hand it back."""
        if may_go_again:
            self._flying -= 1
            self.unsent.append((letter.message, outcome))
        else:
            self._finish(letter, outcome)

    def _end(self) -> None:
        self.state = _CLOSED
        self._awaited.clear()
        self.out.clear()
