"""The conversation that carries messages, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.model_smtp import ModelServer
from tambour.channels.smtp.envelope import Offer
from tambour.channels.smtp.replies import Reply, ReplyReader
from tambour.channels.smtp.states import State
from tambour.channels.smtp.transactions import (
    NARROWEST,
    WIDEST,
    Mode,
    Transactions,
    choose_mode,
    window,
)
from tambour.channels.smtp.verdicts import Loss, Verdicts
from tambour.model import Cause, DeliveryId, Message, Outcome, OutcomeKind

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REJECTED, UNCERTAIN = OutcomeKind.REJECTED, OutcomeKind.UNCERTAIN
AHEAD = (Mode.PIPELINING, Mode.CHUNKING)


def letter(number: int, *, recipient: str = "", sender: str = "") -> Message:
    """A message whose content begins lines with dots."""
    return Message(
        delivery=DeliveryId(number),
        recipient=recipient or f"r{number}@example.org",
        key=f"key-{number}",
        content=f"Subject: {number}\r\n\r\n.dot\r\n..two\r\nno. {number}\r\n".encode(),
        sender=sender or f"s{number}@example.org",
    )


def conversation(
    mode: Mode, messages: Iterable[Message], *, in_flight: int = 3
) -> tuple[Transactions, Callable[[], None]]:
    """A conversation in *mode*, and what makes it take messages."""
    carrying = Transactions(offer=Offer(), mode=mode, verdicts=Verdicts(where="mx:25"))
    carrying.window = in_flight
    waiting = iter(messages)
    return carrying, lambda: carrying.fill(lambda: next(waiting, None))


def said(carrying: Transactions) -> bytes:
    """Return what is to be written, and take it away."""
    written = b"".join(carrying.out)
    carrying.out.clear()
    return written


def converse(
    mode: Mode, server: ModelServer, messages: Iterable[Message], *, in_flight: int = 3
) -> dict[int, Outcome]:
    """Hold a conversation to its end, and return the outcomes."""
    carrying, fill = conversation(mode, messages, in_flight=in_flight)
    reader = ReplyReader()
    fill()
    while written := said(carrying):
        carrying.receive(reader.feed(server.feed(written)))
        fill()
    assert not carrying.unsent
    assert len({m.delivery for m, _ in carrying.results}) == len(carrying.results)
    return {message.delivery: outcome for message, outcome in carrying.results}


def answered(carrying: Transactions, *lines: str) -> None:
    """Have the server say *lines*."""
    carrying.receive(ReplyReader().feed("".join(f"{x}\r\n" for x in lines).encode()))


def shown(results: Iterable[tuple[Message, Outcome]]) -> list[tuple[int, str, str]]:
    """Reduce results to delivery, kind and code."""
    return [(int(m.delivery), str(o.kind), o.code) for m, o in results]


# How far ahead


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Mode.LOCK_STEP),
        ("CHUNKING", Mode.LOCK_STEP),
        ("PIPELINING", Mode.PIPELINING),
        ("PIPELINING CHUNKING", Mode.CHUNKING),
    ],
)
def test_the_mode_is_what_the_server_can_follow(words: str, expected: Mode) -> None:
    """CHUNKING alone is not written ahead: nothing says that it may be."""
    offer = Offer(words=dict.fromkeys(words.split(), ""))

    assert expected == choose_mode(offer)


@pytest.mark.parametrize(
    ("round_trip_s", "expected"),
    [(0.0, 2), (0.0005, 2), (0.001, 2), (0.02, 8), (0.05, 16), (9.0, 16)],
)
def test_the_window_fits_the_round_trip(round_trip_s: float, expected: int) -> None:
    """Two where replies come at once, eight at 20 ms, sixteen at most."""
    assert expected == window(round_trip_s)


@given(st.floats(min_value=0, max_value=100), st.floats(min_value=0, max_value=100))
def test_a_longer_way_never_has_less_in_flight(one: float, other: float) -> None:
    """The window grows with the round trip, within its bounds."""
    near, far = sorted((one, other))

    assert NARROWEST <= window(near) <= window(far) <= WIDEST


def test_lock_step_writes_one_command_at_a_time() -> None:
    """What a plain server hears, line by line."""
    carrying, fill = conversation(Mode.LOCK_STEP, [letter(1)])
    heard = []
    fill()
    for line in ("250 a", "250 b", "354 c", "250 d"):
        heard.append(said(carrying))
        answered(carrying, line)

    assert heard == [
        b"MAIL FROM:<s1@example.org>\r\n",
        b"RCPT TO:<r1@example.org>\r\n",
        b"DATA\r\n",
        b"Subject: 1\r\n\r\n..dot\r\n...two\r\nno. 1\r\n.\r\n",
    ]
    assert shown(carrying.results) == [(1, "accepted", "250")]


def test_pipelining_joins_an_end_and_a_beginning() -> None:
    """The end of one message and the envelope of the next leave in one go."""
    carrying, fill = conversation(Mode.PIPELINING, map(letter, (1, 2)))
    fill()
    first = said(carrying)
    answered(carrying, "250 a", "250 b", "354 c")
    fill()
    second = said(carrying)

    assert first.startswith(b"MAIL FROM:<s1@")
    assert first.endswith(b"DATA\r\n")
    assert second.startswith(b"Subject: 1\r\n")
    assert second.endswith(
        b"\r\n.\r\nMAIL FROM:<s2@example.org>\r\nRCPT TO:<r2@example.org>\r\nDATA\r\n"
    )


def test_chunking_fills_its_window_without_a_reply() -> None:
    """Whole transactions travel together, each but the first led by RSET."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, range(1, 9)), in_flight=3)
    fill()
    written = said(carrying)

    assert written.count(b" LAST\r\n") == 3
    assert written.count(b"RSET\r\nMAIL") == 2
    assert b"\r\n.dot\r\n" in written
    answered(carrying, "250 a", "250 b", "250 c")
    fill()
    assert said(carrying).count(b" LAST\r\n") == 1


# Refusals


@pytest.mark.parametrize("mode", Mode, ids=str)
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("invites", [False, True], ids=["strict", "inviting"])
def test_a_refusal_stays_with_its_own(mode: Mode, step: str, invites: bool) -> None:
    """Those before and after a refused message are taken on, whatever was ahead."""
    address = "s3@example.org" if step == "MAIL" else "r3@example.org"
    server = ModelServer({address: (step, "550 5.3.0 no")}, invites_always=invites)
    outcomes = converse(mode, server, map(letter, range(1, 7)))
    is_never_asked = mode is Mode.CHUNKING and step == "DATA"

    assert outcomes.keys() == set(range(1, 7))
    for number, outcome in outcomes.items():
        is_refused = number == 3 and not is_never_asked
        assert (REJECTED if is_refused else ACCEPTED) is outcome.kind
    assert len(server.taken) == (6 if is_never_asked else 5)
    assert not is_refused_code(outcomes[3], "503", "554")


def is_refused_code(outcome: Outcome, *codes: str) -> bool:
    """Whether an outcome has one of *codes*."""
    return outcome.code in codes


@pytest.mark.parametrize("mode", AHEAD, ids=str)
def test_many_refusals_in_a_row_stop_nothing(mode: Mode) -> None:
    """Refused recipients, even all of them, leave the others their turn."""
    refused = {f"r{n}@example.org": ("RCPT", "550 5.1.1 no") for n in range(1, 20)}
    server = ModelServer(refused)
    outcomes = converse(mode, server, map(letter, range(1, 25)))

    assert [o.cause for o in outcomes.values()].count(Cause.ADDRESS) == 19
    assert [o.kind for o in outcomes.values()].count(ACCEPTED) == 5


def test_an_invitation_after_a_refusal_gets_a_lone_dot() -> None:
    """What a server asks for after refusing the recipient is nothing, and counts so."""
    carrying, fill = conversation(Mode.PIPELINING, map(letter, (1, 2)))
    fill()
    said(carrying)
    answered(carrying, "250 a", "550 5.1.1 nobody", "354 go on")
    fill()

    assert said(carrying).startswith(b".\r\nRSET\r\nMAIL FROM:<s2@")
    answered(carrying, "250 kept an empty message")
    assert shown(carrying.results) == [(1, "rejected", "550")]


def test_what_cannot_be_sent_costs_no_reply() -> None:
    """A message refused here is answered at once, and the next takes its place."""
    carrying, fill = conversation(
        Mode.PIPELINING, [letter(1, recipient="nobody"), letter(2)]
    )
    fill()

    assert b"RCPT TO:<r2@" in said(carrying)
    assert shown(carrying.results) == [(1, "rejected", "bad-address")]


# Ends


def test_421_leaves_everything_behind_it_unsent() -> None:
    """The server says where it stopped: nothing behind is in doubt, though written."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, range(1, 9)))
    fill()
    said(carrying)
    answered(carrying, "250 a", "250 b", "250 kept", "250 reset", "421 4.3.2 down")

    assert carrying.is_over
    assert shown(carrying.results) == [(1, "accepted", "250")]
    assert [(2, "deferred", "421"), (3, "deferred", "unsent")] == shown(carrying.unsent)


def test_421_in_a_transaction_is_that_messages_own() -> None:
    """What 421 answers is refused for now; on a new connection nothing goes again."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, (1, 2)))
    fill()
    said(carrying)
    answered(carrying, "250 a", "421 4.7.0 slow down")

    assert not carrying.unsent
    assert shown(carrying.results) == [
        (1, "deferred", "421"),
        (2, "deferred", "unsent"),
    ]


@pytest.mark.parametrize("loss", Loss, ids=str)
def test_what_was_transmitted_and_not_answered_is_uncertain(loss: Loss) -> None:
    """A broken line says nothing about what had left, and all about what had not."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, range(1, 4)))
    fill()
    written = said(carrying)
    last = len(written) - written.rindex(b"RSET")
    answered(carrying, "250 a", "250 b", "250 kept")
    carrying.lose(loss, unwritten_bytes=last - 10)

    assert shown(carrying.results) == [(1, "accepted", "250"), (2, "uncertain", loss)]
    assert [(3, "deferred", "unsent")] == shown(carrying.unsent)


def test_with_data_nothing_is_in_doubt_before_the_dot() -> None:
    """The envelope alone, answered or not, leaves a message unsent."""
    carrying, fill = conversation(Mode.PIPELINING, map(letter, (1, 2)))
    fill()
    said(carrying)
    answered(carrying, "250 a", "250 b", "354 c")
    fill()
    dotless = len(said(carrying).partition(b"\r\n.\r\n")[2]) + 1
    carrying.lose(Loss.CLOSED, unwritten_bytes=dotless)

    assert [(1, "deferred"), (2, "deferred")] == [
        (n, kind) for n, kind, _ in shown([*carrying.results, *carrying.unsent])
    ]


@pytest.mark.parametrize("mode", [Mode.LOCK_STEP, Mode.PIPELINING], ids=str)
def test_content_that_has_waited_too_long_stays_here(mode: Mode) -> None:
    """Asked for after the deadline it is not sent, nor is an empty message."""
    carrying, fill = conversation(mode, map(letter, (1, 2)))
    carrying.may_leave = lambda delivery: delivery != 2
    reader, server = ReplyReader(), ModelServer({})
    fill()
    written = b""
    while not carrying.is_over and (group := said(carrying)):
        written += group
        carrying.receive(reader.feed(server.feed(group)))
        fill()

    assert carrying.is_over
    assert shown(carrying.results) == [(1, "accepted", "250")]
    assert shown(carrying.unsent) == [(2, "deferred", "unsent")]
    assert 1 == written.count(b"\r\n.\r\n")


@pytest.mark.parametrize("mode", Mode, ids=str)
@pytest.mark.parametrize("line", ["what?", "150 well", "354 no", "250-x\r\n251 y"])
def test_an_answer_that_fits_no_question_ends_it(mode: Mode, line: str) -> None:
    """A server that breaks the protocol at MAIL has taken on nothing."""
    carrying, fill = conversation(mode, [letter(1)], in_flight=1)
    fill()
    written = said(carrying)
    answered(carrying, line)
    kinds = [o.kind for _, o in [*carrying.results, *carrying.unsent]]

    assert carrying.is_over
    assert kinds == [UNCERTAIN if b"BDAT" in written else DEFERRED]
    assert carrying.loses_step == (mode is not Mode.LOCK_STEP)


def test_more_answers_than_questions_end_it() -> None:
    """A reply that comes before its command is nobody's."""
    carrying, fill = conversation(Mode.LOCK_STEP, [letter(1)])
    fill()
    said(carrying)
    answered(carrying, "250 sender fine", "250 recipient fine")

    assert carrying.is_over
    assert shown(carrying.results) == [(1, "deferred", "protocol")]


@pytest.mark.parametrize(
    "reply",
    ["503 5.5.1 bad sequence", "554 SMTP synchronization error", "550 no pipelining"],
)
def test_a_server_that_cannot_follow_blames_nobody(reply: str) -> None:
    """What is refused for having come too soon goes again, one step at a time."""
    carrying, fill = conversation(Mode.PIPELINING, map(letter, (1, 2)))
    fill()
    said(carrying)
    answered(carrying, "250 a", reply)

    assert carrying.loses_step
    assert carrying.results == []
    assert [1] == [message.delivery for message, _ in carrying.unsent]


def test_idle_connections_are_sounded_before_a_message_depends_on_them() -> None:
    """While the question is out no message is taken."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, (1, 2)))
    carrying.ping()
    fill()

    assert said(carrying) == b"RSET\r\n"
    answered(carrying, "250 alive")
    fill()
    assert said(carrying).startswith(b"MAIL")


def test_a_spent_connection_takes_no_more() -> None:
    """The limit of messages holds however wide the window is."""
    carrying, fill = conversation(Mode.CHUNKING, map(letter, range(1, 9)), in_flight=5)
    carrying.limit = 2
    fill()

    assert said(carrying).count(b" LAST\r\n") == 2
    assert carrying.is_spent


# Any server, any splitting, any cut


@dataclass(frozen=True, slots=True)
class Case:
    mode: Mode
    in_flight: int
    refused: dict[str, tuple[str, str]]
    invites_always: bool
    most_messages: int


REFUSALS = st.sampled_from(
    ["550 5.1.1 no", "451 4.7.1 later", "550 5.7.1 not you", "552 full", "450 busy"]
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a server, and how it is spoken to."""
    refused = {}
    for number in draw(st.sets(st.integers(1, 9), max_size=6)):
        step = draw(st.sampled_from(["MAIL", "RCPT", "DATA", "dot"]))
        address = f"{'s' if step == 'MAIL' else 'r'}{number}@example.org"
        refused[address] = (step, draw(REFUSALS))
    return Case(
        mode=draw(st.sampled_from(Mode)),
        in_flight=draw(st.integers(1, 12)),
        refused=refused,
        invites_always=draw(st.booleans()),
        most_messages=draw(st.sampled_from([2, 5, 10**9])),
    )


class Line:
    """What lies between client and server: bytes under way, delivered in pieces."""

    def __init__(self, case: Case, sizes: list[int]) -> None:
        self.server = ModelServer(
            case.refused,
            invites_always=case.invites_always,
            most_messages=case.most_messages,
        )
        messages = [letter(number) for number in range(1, 10)]
        self.taken: list[int] = []
        self._waiting = iter(messages)
        self.carrying = Transactions(
            offer=Offer(), mode=case.mode, verdicts=Verdicts(where="mx:25")
        )
        self.carrying.window = case.in_flight
        self._reader = ReplyReader()
        self._sizes = sizes
        self._steps = 0
        self.there = self.back = b""
        self._fill()

    def _next(self) -> Message | None:
        message = next(self._waiting, None)
        if message is not None:
            self.taken.append(message.delivery)
        return message

    def _fill(self) -> None:
        self.carrying.fill(self._next)
        self.there += said(self.carrying)

    def step(self) -> bool:
        """Deliver a piece in one of the directions; False when all is quiet."""
        size = self._sizes[self._steps % len(self._sizes)]
        self._steps += 1
        if self.there and (self._steps % 2 or not self.back):
            piece, self.there = self.there[:size], self.there[size:]
            self.back += self.server.feed(piece)
        elif self.back:
            piece, self.back = self.back[:size], self.back[size:]
            self.carrying.receive(self._reader.feed(piece))
            self._fill()
        else:
            return False
        return True

    def outcomes(self) -> dict[int, Outcome]:
        """Return the one outcome that each message has."""
        pairs = [*self.carrying.results, *self.carrying.unsent]
        found = {int(message.delivery): outcome for message, outcome in pairs}
        assert len(found) == len(pairs)
        assert set(found) == set(self.taken)
        return found


SIZES = st.lists(st.sampled_from([1, 2, 3, 7, 30, 100, 10**6]), min_size=1, max_size=9)


def refusal_of(case: Case, number: int) -> tuple[str, str] | None:
    """Return how the server refuses a message, when it does."""
    step, reply = case.refused.get(f"s{number}@example.org") or case.refused.get(
        f"r{number}@example.org", ("", "")
    )
    is_never_asked = step == "DATA" and case.mode is Mode.CHUNKING
    return None if not step or is_never_asked else (step, reply)


@given(cases(), SIZES)
def test_every_message_has_the_outcome_that_the_server_gave(
    case: Case, sizes: list[int]
) -> None:
    """However the bytes are cut, each message is answered once, by its own reply."""
    line = Line(case, sizes)
    while line.step():
        pass
    is_closed = line.server.is_closed
    if is_closed:
        line.carrying.lose(Loss.CLOSED)
    outcomes = line.outcomes()
    taken = [int(recipient[1]) for recipient, _ in line.server.taken]

    assert sorted(taken) == sorted(n for n, o in outcomes.items() if o.kind is ACCEPTED)
    assert all(content == letter(int(r[1])).content for r, content in line.server.taken)
    assert is_closed or len(outcomes) == 9
    for number, outcome in outcomes.items():
        refusal = refusal_of(case, number)
        if outcome.code in ("421", "unsent"):
            assert is_closed
        elif refusal is None:
            assert (ACCEPTED, "250") == (outcome.kind, outcome.code)
        else:
            assert outcome.code == refusal[1][:3]
            assert outcome.kind is (REJECTED if outcome.code[0] == "5" else DEFERRED)


@given(cases(), SIZES, st.integers(0, 400), st.integers(0, 2000))
def test_a_cut_anywhere_leaves_no_wrong_certainty(
    case: Case, sizes: list[int], steps: int, extra: int
) -> None:
    """
    Accepted was taken on, deferred and rejected were not; only the rest is in doubt.

    *extra* bytes had left this side without getting there: nobody can know that.
    """
    line = Line(case, sizes)
    for _ in range(steps):
        if not line.step():
            break
    left = line.there[:extra]
    line.carrying.lose(Loss.CLOSED, unwritten_bytes=len(line.there) - len(left))
    outcomes = line.outcomes()
    taken = {int(recipient[1]) for recipient, _ in line.server.taken}

    for number, outcome in outcomes.items():
        if outcome.kind is ACCEPTED:
            assert number in taken
        elif outcome.kind is not UNCERTAIN:
            assert number not in taken
    assert line.carrying.state is State.CLOSED


@given(cases(), SIZES, st.binary(max_size=40), st.integers(0, 60))
def test_garbage_anywhere_gives_each_message_one_outcome(
    case: Case, sizes: list[int], garbage: bytes, steps: int
) -> None:
    """Whatever a server says, nothing is raised and nobody is forgotten."""
    line = Line(case, sizes)
    for _ in range(steps):
        line.step()
    line.back = garbage + line.back
    while line.step():
        pass
    line.carrying.lose(Loss.SILENT)

    assert line.outcomes().keys() == set(line.taken)


def test_a_reply_says_its_status() -> None:
    """The enhanced code is told where it fits the reply's class."""
    assert Reply(550, (b"5.1.1 no",)).status == "5.1.1"
    assert Reply(550, (b"4.1.1 no",)).status == ""
    assert Reply(550, (b"5.1.1",)).status == "5.1.1"
    assert Reply(550, (b"5.1.1.1 no",)).status == ""
