"""How messages flow through an open channel: sizes of waves, lanes, budgets, causes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from delivery_samples import Time, compose, outcome, route, send
from ledger_files import open_for_writing
from ledger_samples import NOW, SHARED, freeze, people, person, states
from peers.loopback import Desk, Loopback
from tambour.channels import Wave
from tambour.delivery.delivering import Mode
from tambour.delivery.world import Composed, LaneLimits
from tambour.errors import ConfigError, UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Draft, Leased, Suppression
from tambour.model import (
    Cause,
    Decision,
    DeliveryId,
    Message,
    Outcome,
    OutcomeKind,
    Rate,
)

HOUR = timedelta(hours=1)


class Wide(Loopback):
    """Takes whatever there is before it answers the first, as many connections do."""

    def __init__(self, desk: Desk, *, most: int) -> None:
        super().__init__(desk)
        self._most = most
        self.batches: list[int] = []

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Take up to so many at once, of any lane."""
        while await wave.more():
            batch: list[Message] = []
            while len(batch) < self._most and (message := wave.take()) is not None:
                batch.append(message)
            self.batches.append(len(batch))
            for message in batch:
                yield message.delivery, self._desk.take(message)
            await asyncio.sleep(0.001)


def test_waves_grow_while_the_channel_is_fast(ledger: Ledger) -> None:
    """They begin small, so that a kill doubts few, and end as large as they may."""
    freeze(ledger, 2000)
    channel = Wide(Desk(), most=10_000)
    send(ledger, route(channel, wave_size=200))

    assert channel.batches[0] <= 32
    assert 200 <= max(channel.batches) <= 400
    assert {"sent"} == set(states(ledger).values())


def test_waves_stay_small_for_a_slow_channel(ledger: Ledger) -> None:
    """What a channel with few connections cannot take is not promised yet."""
    freeze(ledger, 300)
    flying: list[int] = []

    def count(_message: Message) -> None:
        if len(flying) < 100:
            flying.append([*states(ledger).values()].count("in_flight"))

    send(ledger, route(Wide(Desk(on_message=count), most=2), wave_size=200))

    assert max(flying) <= 64


FAST = 60


class Laned(Loopback):
    """Answers everybody's lane at once, and the gentle one only when that is done."""

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Serve both lanes."""
        waiting: list[Message] = []
        while len(self._desk.taken) < FAST and await wave.more():
            while (message := wave.take("slow")) is not None:
                waiting.append(message)
            while (message := wave.take()) is not None:
                yield message.delivery, self._desk.take(message)
        for message in waiting:
            yield message.delivery, self._desk.take(message)
        while await wave.more("slow"):
            while (message := wave.take("slow")) is not None:
                yield message.delivery, self._desk.take(message)


def test_a_gentle_lane_holds_nobody_up(ledger: Ledger) -> None:
    """With all its messages first in the list, it leaves room for everybody else's."""
    slow = [
        Draft(channel="lettre", recipient=person(f"s{n}@slow.example"), content=SHARED)
        for n in range(60)
    ]
    freeze(ledger, [*slow, *people(FAST)])
    desk = Desk()
    send(
        ledger,
        route(
            Laned(desk),
            lanes={"slow": LaneLimits(most_in_flight=3)},
            lane_of=lambda address: "slow" if "@slow" in address else "",
        ),
    )
    lanes = [message.lane for message in desk.taken]

    assert [""] * FAST + ["slow"] * 60 == lanes
    assert {"sent"} == set(states(ledger).values())


class Stalled(Loopback):
    """Answers nothing of one lane before the others have had so many messages."""

    def __init__(self, desk: Desk, *, others: int) -> None:
        super().__init__(desk)
        self._others = others

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Take from all lanes, a turn of the event loop for each round."""
        kept: list[Message] = []
        asking = [
            asyncio.ensure_future(wave.more(lane)) for lane in ("slow", "paced", "")
        ]
        while kept or not all(one.done() and not one.result() for one in asking):
            while (message := wave.take("slow")) is not None:
                kept.append(message)
            while (message := wave.take("paced") or wave.take()) is not None:
                yield message.delivery, self._desk.take(message)
            while kept and len(self._desk.taken) >= self._others:
                yield kept[-1].delivery, self._desk.take(kept.pop())
            for number, lane in enumerate(("slow", "paced", "")):
                if asking[number].done() and asking[number].result():
                    asking[number] = asyncio.ensure_future(wave.more(lane))
            await asyncio.sleep(0)


LANES = {
    "slow": LaneLimits(most_in_flight=3),
    "paced": LaneLimits(rates=(Rate(5, timedelta(seconds=1)),), most_in_flight=8),
}


def lane_of(address: str) -> str:
    """Return the lane of an address that names it."""
    domain = address.rpartition("@")[2]
    return domain if domain in LANES else ""


def to(domain: str, count: int) -> list[Draft]:
    """Return drafts for people there."""
    return [
        Draft(channel="lettre", recipient=person(f"p{n}@{domain}"), content=SHARED)
        for n in range(count)
    ]


def test_a_lane_that_is_not_answered_stops_no_clock(ledger: Ledger) -> None:
    """Another lane's pace goes on, though the first waits for answers, not for time."""
    freeze(ledger, [*to("slow", 10), *to("paced", 20)])
    channel = Stalled(Desk(), others=20)
    send(ledger, route(channel, wave_size=200, lanes=LANES, lane_of=lane_of))

    assert {"sent"} == set(states(ledger).values())


@pytest.mark.parametrize("waiting", [pytest.param(2, id="few"), 10])
def test_a_drain_goes_on_beside_what_is_not_answered(
    ledger: Ledger, waiting: int
) -> None:
    """What becomes due meanwhile leaves, whether or not more of the slow ones wait."""
    freeze(ledger, to("slow", waiting))
    later = NOW + timedelta(seconds=10)
    freeze(ledger, to("elsewhere", 5), name="hebdo/2027-03-29/1", due=later)
    time = Time()
    desk = Desk()

    def stop_after_all(_message: Message) -> None:
        if len(desk.taken) == waiting + 4:
            time.stop.set()

    desk.on_message = stop_after_all
    channel = Stalled(desk, others=5)
    drained = route(channel, wave_size=200, lanes=LANES, lane_of=lane_of)
    send(ledger, drained, time=time, mode=Mode.DRAIN)

    assert {"sent"} == set(states(ledger).values())


def test_a_budget_survives_a_restart(tmp_path: Path) -> None:
    """Two senders after each other send no more in an hour than one would have."""
    time = Time()
    at: list[float] = []
    hourly = (Rate(5, HOUR),)
    desk = Desk(on_message=lambda _message: at.append(time.seconds()))
    for number in range(2):
        with closing(open_for_writing("sqlite:///tambour.db", root=tmp_path)) as ledger:
            freeze(ledger, 5, name=f"hebdo/2027-03-{22 + number}/1")
            send(ledger, route(desk, rates=hourly), time=time)

    assert [0.0] * 5 == at[:5]
    assert all(seconds >= 3600 for seconds in at[5:])
    assert 10 == len(at)


def test_a_quota_keeps_little_in_memory(ledger: Ledger) -> None:
    """Where the channel as a whole waits, nothing is leased to look for other lanes."""
    freeze(ledger, to("elsewhere", 100))
    leased: list[int] = []

    def count(_message: Message) -> None:
        leased.append([*states(ledger).values()].count("leased"))

    channel = Stalled(Desk(on_message=count), others=0)
    rates = (Rate(10, HOUR),)
    send(ledger, route(channel, rates=rates, lanes=LANES, lane_of=lane_of))

    assert 100 == len(leased)
    assert max(leased) <= 10


def test_what_was_cancelled_takes_no_budget(ledger: Ledger) -> None:
    """However much of it waits in memory, the next edition finds the day's quota."""
    name = freeze(ledger, to("slow", 400))
    desk = Desk()

    def cancel(_message: Message) -> None:
        if len(desk.taken) == 10:
            ledger.decide(name, Decision.CANCEL, NOW)

    desk.on_message = cancel
    rates = (Rate(2000, timedelta(days=1)),)
    channel = Stalled(desk, others=0)
    send(ledger, route(channel, rates=rates, lanes=LANES, lane_of=lane_of))
    spent = sum(row.count for row in ledger.spent("lettre", since=NOW - HOUR))

    assert spent <= len(desk.taken) + 3 <= 20
    assert {"sent", "cancelled"} == set(states(ledger).values())


BUSY = Outcome(kind=OutcomeKind.DEFERRED, code="452", status="4.3.1", reply="full")


def test_a_pass_ends_where_a_server_takes_nothing(ledger: Ledger) -> None:
    """Not one by one for hours: a few have tried, the others wait for the next pass."""
    freeze(ledger, 300)
    time = Time()
    desk = Desk(answers={f"p{n}@example.org": BUSY for n in range(300)})
    send(ledger, route(desk), time=time)
    found = [*states(ledger).values()]

    assert {"deferred", "planned"} == set(found)
    assert found.count("deferred") < 30
    assert time.seconds() < 300


def test_a_pass_ends_for_the_others_first(ledger: Ledger) -> None:
    """A lane whose server takes nothing waits until everybody else has been served."""
    freeze(ledger, [*to("slow", 50), *to("elsewhere", 100)])
    desk = Desk(answers={f"p{n}@slow": BUSY for n in range(50)})
    channel = Stalled(desk, others=0)
    patient = route(channel, rates=(Rate(1, timedelta(seconds=5)),), lanes=LANES, lane_of=lane_of)  # fmt: skip
    send(ledger, patient)

    assert 100 == len(desk.taken)
    assert "planned" in states(ledger).values()


def refusing(cause: Cause) -> Outcome:
    """Return a refusal and whose matter it is."""
    status = "5.1.1" if cause is Cause.ADDRESS else "5.7.1"
    return outcome(
        OutcomeKind.REJECTED,
        code="550",
        status=status,
        cause=cause,
        reply=f"{status} no",
    )


def test_a_dead_address_is_suppressed(ledger: Ledger) -> None:
    """It gets nothing more, from any edition; everybody else does."""
    freeze(ledger, 5)
    desk = Desk(answers={"p1@example.org": refusing(Cause.ADDRESS)})
    send(ledger, route(desk))
    freeze(ledger, 5, name="hebdo/2027-03-29/1")
    desk.answers.clear()
    send(ledger, route(desk))

    (one,) = ledger.suppressions.all()
    assert ("p1@example.org", "") == (one.address, one.audience)
    assert "5.1.1" in one.reason
    assert 0 == desk.recipients()["p1@example.org"]
    assert 2 == desk.recipients()["p2@example.org"]


def test_a_refused_sender_stops_the_edition_for_a_person(ledger: Ledger) -> None:
    """Nobody is suppressed, the rest waits, and an approval lets it go."""
    name = freeze(ledger, 300)
    refusal = refusing(Cause.SENDER)
    desk = Desk(answers={f"p{n}@example.org": refusal for n in range(300)})
    tries: list[str] = []
    desk.on_message = lambda message: tries.append(message.recipient)
    send(ledger, route(desk))

    assert not ledger.suppressions.all()
    assert Decision.HOLD is ledger.snapshot().decisions[name]
    assert len(tries) < 100

    desk.answers.clear()
    send(ledger, route(desk), time=Time(now=NOW + HOUR))

    assert not desk.taken

    ledger.decide(name, Decision.APPROVE, NOW)
    send(ledger, route(desk), time=Time(now=NOW + HOUR))

    assert 300 == len(desk.recipients())
    assert {"sent"} == set(states(ledger).values())


def test_what_cannot_be_composed_stops_nobody_else(ledger: Ledger) -> None:
    """A recipient of whom no message can be made fails, with the reason."""
    freeze(ledger, 5)

    def choosy(leased: Leased, content: Content) -> Composed:
        def write() -> Message:
            if leased.recipient.address == "p3@example.org":
                msg = "p3 has no town"
                raise UserError(msg)
            return compose(leased, content)

        return Composed(key=compose(leased, content).key, write=write)

    desk = Desk()
    send(ledger, replace(route(desk), compose=choosy))
    (one,) = ledger.history.deliveries(address="p3@example.org")

    assert ("failed", "unsendable", "p3 has no town") == (
        one.state.value,
        one.code,
        one.reply,
    )
    assert 4 == len(desk.taken)


@pytest.mark.parametrize(
    "gone", [set(), {"p1"}, {"p0", "p1", "p2"}], ids=["nobody", "one", "all"]
)
def test_who_leaves_after_the_lease_gets_nothing(
    ledger: Ledger, gone: set[str]
) -> None:
    """Of a wave that was written, those leave whose intents hold, and no others."""
    freeze(ledger, 3)
    stays = {f"{name}@example.org" for name in {"p0", "p1", "p2"} - gone}

    def leaving(leased: Leased, content: Content) -> Composed:
        address = leased.recipient.address
        if address not in stays:
            ledger.suppressions.add(
                [Suppression(address=address, audience="", reason="", since=NOW)]
            )
        message = compose(leased, content)
        return Composed(key=message.key, write=lambda: message)

    desk = Desk()
    send(ledger, route(desk, compose=leaving))

    assert stays == set(desk.recipients())
    assert stays == {who for who, state in states(ledger).items() if state == "sent"}


def test_settings_that_cannot_be_used_blame_no_recipient(ledger: Ledger) -> None:
    """What is wrong for everybody stops the channel, and leaves all to be sent."""
    freeze(ledger, 5)

    def broken(_leased: Leased, _content: Content) -> Composed:
        msg = "no sender"
        raise ConfigError(msg)

    with pytest.raises(ConfigError):
        send(ledger, replace(route(Desk()), compose=broken))

    assert {"planned"} == set(states(ledger).values())


class Gone(Loopback):
    """Opens, and gives up before it takes anything."""

    opened = 0

    async def open(self) -> Outcome | None:
        """Count how often this is tried."""
        self.opened += 1
        return None

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:  # noqa: ARG002 - takes none
        """Take nothing."""
        for nothing in ():
            yield nothing


def test_a_channel_that_takes_nothing_is_left_alone(ledger: Ledger) -> None:
    """All that is due is put off, instead of opening it again and again."""
    freeze(ledger, 50)
    channel = Gone(Desk())
    send(ledger, route(channel))

    assert channel.opened <= 2
    assert {"deferred"} == set(states(ledger).values())


class Closed(Loopback):
    """Lets nobody in, while the clock is set back."""

    def __init__(self, time: Time) -> None:
        super().__init__(Desk())
        self._time = time
        self.opened = 0

    async def open(self) -> Outcome | None:
        """Refuse, and give up where it would go on for ever."""
        self.opened += 1
        assert self.opened < 100
        self._time.now = NOW + HOUR
        return outcome(OutcomeKind.DEFERRED)


def test_a_clock_set_back_does_not_besiege_a_dead_server(ledger: Ledger) -> None:
    """What was due by the earlier clock is put off by the later one all the same."""
    time = Time(now=NOW + 3 * HOUR)
    freeze(ledger, 5, due=NOW + 2 * HOUR)
    channel = Closed(time)
    send(ledger, route(channel), time=time)

    assert 1 == channel.opened
    assert {"deferred"} == set(states(ledger).values())


def test_a_lease_that_fails_leaves_no_doubt(ledger: Ledger) -> None:
    """What was promised before is sent and recorded, and the rest is still planned."""
    freeze(ledger, 200)
    desk = Desk()

    def break_leasing(_message: Message) -> None:
        if len(desk.taken) == 5:
            with closing(sqlite3.connect(str(ledger._database.path))) as connection:  # noqa: SLF001 - breaks the file itself
                connection.execute(
                    "CREATE TRIGGER full BEFORE UPDATE ON delivery"
                    " WHEN new.state = 'leased'"
                    " BEGIN SELECT raise(ABORT, 'database or disk is full'); END"
                )

    desk.on_message = break_leasing
    with pytest.raises(IntegrityError):
        send(ledger, route(desk, wave_size=3))

    assert {"sent", "planned"} == set(states(ledger).values())
    assert [*states(ledger).values()].count("sent") == len(desk.taken)
