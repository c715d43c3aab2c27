"""Delivering in waves: what reaches the wire, and what the ledger knows of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from contracts.channel import ChannelContract
from delivery_samples import Time, outcome, route, send, until
from ledger_samples import DEADLINE, NOW, freeze, people, states
from peers import run
from peers.loopback import Desk, Loopback
from tambour.channels import Channel, Wave
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.retry import MOST_ATTEMPTS
from tambour.ledger import Ledger
from tambour.ledger.records import Suppression
from tambour.model import (
    Decision,
    DeliveryId,
    DeliveryState,
    Message,
    Outcome,
    OutcomeKind,
    Rate,
)

HOUR = timedelta(hours=1)


class _Counter:
    """The loopback desk as the contract wants it."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.channel = Loopback(self.desk)

    def received(self) -> list[tuple[str, bytes]]:
        return [(message.key, message.content) for message in self.desk.taken]

    def refuse(self, message: Message) -> None:
        self.desk.answers[message.recipient] = outcome(OutcomeKind.REJECTED)

    def vanish(self) -> None:
        self.desk.is_open = False


class TestLoopback(ChannelContract):
    """The channel that these tests send through is one like any other."""

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[_Counter]:  # noqa: ARG002 - the suite asks by this name
        """Open a desk."""
        yield _Counter()

    @contextmanager
    def dead(self, tmp_path: Path) -> Iterator[Channel]:  # noqa: ARG002 - the suite asks by this name
        """Close a desk."""
        yield Loopback(Desk(is_open=False))

    def message(self, number: int) -> Message:
        """Return a message."""
        return Message(
            delivery=DeliveryId(number),
            recipient=f"p{number}",
            key=str(number),
            content=b"\r\n.\r\n\xff%d" % number,
        )


# ── One pass ────────────────────────────────────────────────────────────────────


def test_sends_to_everyone_once(ledger: Ledger) -> None:
    """Each recipient gets one message, and the counts say so."""
    desk = Desk()
    name = freeze(ledger, 10)
    (count,) = send(ledger, route(desk))

    assert {f"p{n}@example.org": 1 for n in range(10)} == desk.recipients()
    assert (name, "hebdo", "lettre", 10) == (
        count.edition,
        count.campaign,
        count.channel,
        count.recipients,
    )
    assert {DeliveryState.SENT: 10} == count.states
    assert () == send(ledger, route(desk))


def test_the_intent_is_committed_before_the_wire(ledger: Ledger) -> None:
    """Whoever looks into the file while a message is taken finds it in flight."""
    freeze(ledger, 10)
    found = []

    def look(message: Message) -> None:
        (one,) = ledger.history.deliveries(address=message.recipient)
        found.append((one.state.value, one.attempts, one.message_id == message.key))

    send(ledger, route(Desk(on_message=look)))

    assert [("in_flight", 1, True)] * 10 == found


class Reluctant(Loopback):
    """Lets everything that may fly take off before it lets the first land."""

    def __init__(self, desk: Desk, ledger: Ledger, *, expected: int) -> None:
        super().__init__(desk)
        self.ledger = ledger
        self.expected = expected
        self.flying: list[int] = []

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Wait, watch some more, then go on."""
        if not self.flying:
            await until(lambda: self.count() >= self.expected)
            for _ in range(30):
                await asyncio.sleep(0)
                self.flying.append(self.count())
        async for answer in super().transmit(wave):
            self.flying.append(self.count())
            yield answer

    def count(self) -> int:
        """Return how many the ledger has in flight."""
        return [*states(self.ledger).values()].count("in_flight")


@pytest.mark.parametrize("wave_size", [1, 4, 200])
def test_bounds_what_is_in_flight(ledger: Ledger, wave_size: int) -> None:
    """At most two waves are in flight at any moment."""
    freeze(ledger, 30)
    expected = min(30, 2 * wave_size)
    channel = Reluctant(Desk(), ledger, expected=expected)
    send(ledger, route(channel, wave_size=wave_size))

    assert expected == max(channel.flying)
    assert {"sent"} == set(states(ledger).values())


@pytest.mark.parametrize(
    ("kind", "policy", "state", "tries_again"),
    [
        (OutcomeKind.ACCEPTED, "resend", "sent", False),
        (OutcomeKind.REJECTED, "resend", "failed", False),
        (OutcomeKind.DEFERRED, "resend", "deferred", True),
        (OutcomeKind.DEFERRED, "hold", "deferred", True),
        (OutcomeKind.UNCERTAIN, "resend", "uncertain", True),
        (OutcomeKind.UNCERTAIN, "hold", "uncertain", False),
    ],
    ids=str,
)
def test_records_outcomes(
    ledger: Ledger, kind: OutcomeKind, policy: Any, state: str, *, tries_again: bool
) -> None:
    """Each outcome is recorded, and tried again as the channel's policy has it."""
    freeze(ledger, 1)
    desk = Desk(answers={"p0@example.org": outcome(kind)})
    send(ledger, route(desk, on_uncertain=policy))

    (one,) = ledger.history.deliveries()

    assert (state, 1, "x", "y") == (one.state, one.attempts, one.code, one.reply)
    assert tries_again == (one.next_try is not None)


def test_a_deferral_without_time_left_expires(ledger: Ledger) -> None:
    """Where no further try fits before the deadline, the delivery ends."""
    freeze(ledger, 1, deadline=NOW + timedelta(minutes=1))
    freeze(ledger, people(1, first=1), name="b/1/1", deadline=NOW + timedelta(hours=1))
    refusal = outcome(OutcomeKind.DEFERRED)
    desk = Desk(answers={"p0@example.org": refusal, "p1@example.org": refusal})
    send(ledger, route(desk))

    assert {"p0@example.org": "expired", "p1@example.org": "deferred"} == states(ledger)


def test_a_delivery_refused_too_often_fails_and_does_not_expire(
    ledger: Ledger,
) -> None:
    """With days left, the history does not blame the deadline."""
    freeze(ledger, 1, deadline=NOW + timedelta(days=30))
    desk = Desk(answers={"p0@example.org": outcome(OutcomeKind.DEFERRED)})
    time = Time()
    for _ in range(MOST_ATTEMPTS):
        send(ledger, route(desk), time=time)
        time.pass_by(timedelta(hours=2))

    (one,) = ledger.history.deliveries()
    assert (DeliveryState.FAILED, MOST_ATTEMPTS) == (one.state, one.attempts)


def test_one_pass_never_waits(ledger: Ledger) -> None:
    """What is put off stays for another pass."""
    freeze(ledger, 1)
    desk = Desk(answers={"p0@example.org": outcome(OutcomeKind.DEFERRED)})
    time = Time()
    send(ledger, route(desk), time=time)

    assert NOW == time.now

    desk.answers.clear()
    time.pass_by(timedelta(hours=1))
    (count,) = send(ledger, route(desk), time=time)

    assert {DeliveryState.SENT: 1} == count.states


def test_the_deadline_is_checked_before_each_message(ledger: Ledger) -> None:
    """What the deadline overtakes in mid-wave never reaches the wire."""
    freeze(ledger, 10)
    time = Time()
    quarter = (DEADLINE - NOW) / 4
    desk = Desk(on_message=lambda _message: time.pass_by(quarter))
    (count,) = send(ledger, route(desk, wave_size=10), time=time)

    assert 4 == len(desk.taken)
    assert {DeliveryState.SENT: 4, DeliveryState.EXPIRED: 6} == count.states


def test_who_leaves_meanwhile_gets_nothing(ledger: Ledger) -> None:
    """Suppressions are read again at every claim."""
    freeze(ledger, 20)
    leaving = Suppression(
        address="p19@example.org", audience="", reason="left", since=NOW
    )
    desk = Desk(on_message=lambda _message: ledger.suppressions.add([leaving]) or None)
    send(ledger, route(desk, wave_size=2))

    assert "suppressed" == states(ledger)["p19@example.org"]
    assert 19 == len(desk.taken)


@pytest.mark.parametrize(
    ("decision", "state"), [(Decision.CANCEL, "cancelled"), (Decision.HOLD, "planned")]
)
def test_decisions_stop_an_edition_under_way(
    ledger: Ledger, decision: Decision, state: str
) -> None:
    """A decision stops what is not in flight yet."""
    name = freeze(ledger, 30)
    desk = Desk(on_message=lambda _message: ledger.decide(name, decision, NOW) and None)
    send(ledger, route(desk, wave_size=2))

    assert {"sent", state} == set(states(ledger).values())
    assert len(desk.taken) <= 4


def test_a_stop_finishes_the_wave(ledger: Ledger) -> None:
    """After a stop nothing is in flight or leased, and nothing is lost."""
    freeze(ledger, 30)
    time = Time()
    desk = Desk(on_message=lambda _message: time.stop.set())
    send(ledger, route(desk), time=time)

    assert {"sent", "planned"} == set(states(ledger).values())
    assert len(desk.taken) <= 8

    send(ledger, route(desk))

    assert {f"p{n}@example.org": 1 for n in range(30)} == desk.recipients()


class Mute(Loopback):
    """A server that accepts a connection and never says a word."""

    def __init__(self, desk: Desk, time: Time) -> None:
        super().__init__(desk)
        self._time = time

    async def open(self) -> Outcome | None:
        """Wait for a greeting; meanwhile somebody loses patience."""
        self._time.stop.set()
        await asyncio.Event().wait()
        return None


def test_a_stop_does_not_wait_for_a_silent_server(ledger: Ledger) -> None:
    """Nothing is on the wire yet; all is given back."""
    freeze(ledger, 5)
    time = Time()
    (count,) = send(ledger, route(Mute(Desk(), time)), time=time)

    assert {"planned"} == set(states(ledger).values())
    assert 5 == count.recipients


# ── Channels in trouble ─────────────────────────────────────────────────────────


def test_a_closed_channel_costs_no_attempt(ledger: Ledger) -> None:
    """What could not be tried is put off with the reason, and other channels go on."""
    freeze(ledger, [*people(5), *people(5, channel="other")])
    other = Desk()
    send(ledger, route(Desk(is_open=False)), route(other, name="other"))

    closed = [one for one in ledger.history.deliveries() if one.channel == "lettre"]

    assert {("deferred", 0, "closed", "nobody is here")} == {
        (one.state.value, one.attempts, one.code, one.reply) for one in closed
    }
    assert 5 == len(other.taken)


def test_a_channel_lost_under_way_doubts_nothing(ledger: Ledger) -> None:
    """What the channel did not pull was not sent, and is put off."""
    freeze(ledger, 10)
    desk = Desk()

    def lose(_message: Message) -> None:
        desk.is_open = len(desk.taken) < 2

    desk.on_message = lose
    (count,) = send(ledger, route(desk))

    assert {DeliveryState.SENT: 3, DeliveryState.DEFERRED: 7} == count.states


def test_a_bug_in_a_channel_leaves_doubt(ledger: Ledger) -> None:
    """What a channel had when it broke is in doubt; other channels finish first."""
    freeze(ledger, [*people(5), *people(5, channel="other")])

    def fail(_message: Message) -> None:
        raise ZeroDivisionError

    other = Desk()
    with pytest.raises(ZeroDivisionError):
        send(ledger, route(Desk(on_message=fail)), route(other, name="other"))
    found = [one.state.value for one in ledger.history.deliveries()]

    assert 1 == found.count("in_flight")
    assert "leased" not in found

    desk = Desk()
    send(ledger, route(desk), route(other, name="other"), time=Time(now=NOW + HOUR))

    assert {"sent"} == set(states(ledger).values())
    assert 5 == len(desk.taken)
    assert {f"p{n}@example.org": 1 for n in range(5)} == other.recipients()


class Forgetful(Loopback):
    """Takes messages and says nothing."""

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Swallow the wave."""
        async for _ in super().transmit(wave):
            pass
        for nothing in ():
            yield nothing


def test_a_forgotten_outcome_is_in_doubt(ledger: Ledger) -> None:
    """What a channel took and said nothing of does not look unsent."""
    freeze(ledger, 8)
    send(ledger, route(Forgetful(Desk())))

    assert {"uncertain"} == set(states(ledger).values())


def test_a_retry_carries_the_same_key(ledger: Ledger) -> None:
    """What is sent again after a doubt can be recognised."""
    freeze(ledger, 1)
    desk = Desk(answers={"p0@example.org": outcome(OutcomeKind.UNCERTAIN)})
    send(ledger, route(desk))
    desk.answers.clear()
    send(ledger, route(desk), time=Time(now=NOW + HOUR))

    assert 2 == len(desk.taken)
    assert 1 == len({message.key for message in desk.taken})


def test_on_hold_one_message_is_in_flight(ledger: Ledger) -> None:
    """Where doubt waits for a person, there is never doubt about two messages."""
    freeze(ledger, 5)
    flying = []

    def count(_message: Message) -> None:
        flying.append([*states(ledger).values()].count("in_flight"))

    send(ledger, route(Desk(on_message=count), on_uncertain="hold"))

    assert [1] * 5 == flying


def test_a_ledger_that_fails_stops_the_wire(ledger: Ledger) -> None:
    """Without a committed intent nothing is sent, and what is sent has one."""
    freeze(ledger, 40)
    desk = Desk()

    def break_ledger(_message: Message) -> None:
        if len(desk.taken) == 5:
            with sqlite3.connect(str(ledger._database.path)) as connection:  # noqa: SLF001 - breaks the file itself
                connection.execute(
                    "CREATE TRIGGER full BEFORE UPDATE ON delivery"
                    " WHEN new.state = 'in_flight'"
                    " BEGIN SELECT raise(ABORT, 'database or disk is full'); END"
                )
            connection.close()

    desk.on_message = break_ledger
    with pytest.raises(IntegrityError):
        send(ledger, route(desk, wave_size=3))

    assert {"sent", "planned"} == set(states(ledger).values())
    assert [*states(ledger).values()].count("sent") == len(desk.taken)


class Slow(Loopback):
    """Takes the next message only when the ledger knows of all before it."""

    def __init__(self, desk: Desk, ledger: Ledger) -> None:
        super().__init__(desk)
        self.ledger = ledger

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Wait after each answer."""
        async for answer in super().transmit(wave):
            yield answer
            await until(lambda: is_known(self.ledger, self._desk))


def is_known(ledger: Ledger, desk: Desk) -> bool:
    """Return whether the ledger knows of all that was taken."""
    return [*states(ledger).values()].count("sent") == len(desk.taken)


def test_a_slow_channel_leaves_little_to_a_kill(ledger: Ledger) -> None:
    """Results are committed soon, also where nothing more is claimed."""
    freeze(ledger, 20)
    time = Time()
    desk = Desk(on_message=lambda _message: time.pass_by(timedelta(seconds=0.5)))
    send(ledger, route(Slow(desk, ledger), wave_size=200), time=time)

    assert 20 == len(desk.taken)


def test_waiting_for_a_rate_leaves_nothing_to_a_kill(ledger: Ledger) -> None:
    """Before it waits for the next permit, all that was answered is recorded."""
    freeze(ledger, 3)
    time, desk = Time(), Desk()

    async def sleep(seconds: float) -> None:
        await until(lambda: is_known(ledger, desk))
        await time.sleep(seconds)

    hourly = route(desk, rates=(Rate(1, HOUR),))
    run(
        deliver(
            ledger,
            [hourly],
            mode=Mode.ONCE,
            world=replace(time.world(), sleep=sleep),
            stop=time.stop,
        )
    )

    assert 3 == len(desk.taken)


# ── Pace and drain ──────────────────────────────────────────────────────────────


def test_a_rate_is_kept(ledger: Ledger) -> None:
    """Twenty-five messages at ten a second take more than two seconds."""
    freeze(ledger, 25)
    time, at = Time(), []
    desk = Desk(on_message=lambda _message: at.append(time.now))
    send(ledger, route(desk, rates=(Rate(10, timedelta(seconds=1)),)), time=time)

    assert 25 == len(at)
    assert timedelta(seconds=2) < at[-1] - at[0] <= timedelta(seconds=3)


def drain(ledger: Ledger, desk: Desk, *, hours: float = 1) -> None:
    """Deliver for so long, in no time."""
    time = Time(stop_at=NOW + timedelta(hours=hours))
    send(ledger, route(desk), time=time, mode=Mode.DRAIN)


def test_a_drain_tries_again(ledger: Ledger) -> None:
    """What was put off is sent when its time has come."""
    freeze(ledger, 3)
    desk = Desk()
    desk.answers["p1@example.org"] = outcome(OutcomeKind.DEFERRED)
    tries: list[str] = []

    def relent(message: Message) -> None:
        tries.append(message.recipient)
        if tries.count("p1@example.org") == 3:
            desk.answers.clear()

    desk.on_message = relent
    drain(ledger, desk)

    assert {"p0@example.org": 1, "p1@example.org": 1, "p2@example.org": 1} == (
        desk.recipients()
    )
    assert {1, 3} == {one.attempts for one in ledger.history.deliveries()}


def test_a_drain_waits_for_a_channel(ledger: Ledger) -> None:
    """A channel that opens again gets what was put off, no attempt counted."""
    freeze(ledger, 3)
    desk = Desk(is_open=False)
    time = Time(stop_at=NOW + HOUR)

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        desk.is_open = time.now > NOW + timedelta(minutes=20)

    run(
        deliver(
            ledger,
            [route(desk)],
            mode=Mode.DRAIN,
            world=replace(time.world(), sleep=sleep),
            stop=time.stop,
        )
    )

    assert 3 == len(desk.taken)
    assert {1} == {one.attempts for one in ledger.history.deliveries()}


def test_a_drain_ends_at_once_when_nothing_is_due(ledger: Ledger) -> None:
    """A stop does not wait for what is due tomorrow."""
    freeze(ledger, 3, due=NOW + 2 * HOUR)
    desk = Desk()
    drain(ledger, desk)

    assert [] == desk.taken
    assert {"planned"} == set(states(ledger).values())
