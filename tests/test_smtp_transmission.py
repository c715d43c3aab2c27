"""Waves over several connections, servers and lanes, against servers that go wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop
from pydantic import SecretStr

from contracts.channel import Destination, Tracked, kinds, mail, transmit
from peers import dead_port, run
from peers.faults import (
    DRIP,
    DROP,
    FOREVER,
    STALL,
    Act,
    Fault,
    Faults,
    Phase,
    Rule,
    mixed,
    say,
)
from peers.faulty_smtp import faulty_server
from peers.model_smtp import Model, model_server
from peers.sink import Sink
from smtp_samples import LARGE, SmtpContract, smtp
from tambour.channels import Batch, Channel
from tambour.channels.smtp import connection
from tambour.channels.smtp.connection import QUANTUM
from tambour.channels.smtp.servers import MOST_FRUITLESS
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REJECTED, UNCERTAIN = OutcomeKind.REJECTED, OutcomeKind.UNCERTAIN
LIMIT = timedelta(seconds=0.3)
MODES = {
    "lock-step": frozenset({"PIPELINING", "CHUNKING"}),
    "pipelining": frozenset({"CHUNKING"}),
    "chunking": frozenset[str](),
}


def send(
    channel_of: Sink, messages: Iterable[Message], **settings: Any
) -> dict[int, Outcome]:
    """Send *messages*, say goodbye, and return the outcomes."""

    async def main() -> dict[int, Outcome]:
        channel = smtp(channel_of.port, **settings)
        found = [pair async for pair in channel.transmit(Batch(messages))]
        await channel.close()
        assert len(dict(found)) == len(found)
        return {int(delivery): outcome for delivery, outcome in found}

    return run(main())


def mails(count: int, *, at: str = "example.org", lane: str = "") -> list[Message]:
    """Mail to as many recipients of a domain."""
    return [
        Message(
            delivery=mail(n).delivery,
            recipient=f"reader{n}@{at}",
            key=f"key-{n}",
            content=mail(n).content,
            sender="lettre@example.org",
            lane=lane,
        )
        for n in range(1, count + 1)
    ]


# The contract, written ahead


class ModelDestination:
    """The destination of the contract suite."""

    def __init__(self, model: Model) -> None:
        self.channel: Channel = smtp(model.port)
        self._model = model

    def received(self) -> list[tuple[str, bytes]]:
        """Message-ID and bytes of what the server took on."""
        return [
            (content.partition(b"Message-ID: ")[2].split()[0].decode(), content)
            for _, content in self._model.taken
        ]

    def refuse(self, message: Message) -> None:
        """Know no such user."""
        self._model.refused[message.recipient] = ("RCPT", "550 5.1.1 nobody")

    def vanish(self) -> None:
        """Close port and connections."""
        self._model.vanish()


class TestSmtpContractPipelining(SmtpContract):
    """One connection, the envelopes written ahead."""

    offers: ClassVar[tuple[str, ...]] = ("PIPELINING",)
    most_in_flight: ClassVar[int] = 3

    @asynccontextmanager
    async def destination(
        self,
        tmp_path: Path,  # noqa: ARG002 - the suite's
    ) -> AsyncIterator[Destination]:
        """A model server."""
        async with model_server(*self.offers) as model:
            yield ModelDestination(model)


class TestSmtpContractChunking(TestSmtpContractPipelining):
    """One connection, whole transactions written ahead."""

    offers: ClassVar[tuple[str, ...]] = ("PIPELINING", "CHUNKING")
    most_in_flight: ClassVar[int] = 4


# Many connections


@pytest.mark.parametrize("without", MODES.values(), ids=MODES)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_everything_arrives_once_and_unchanged(
    without: frozenset[str], loop: str
) -> None:
    """In every mode and on either event loop, over several connections."""
    with faulty_server(Faults(without=without)) as sink:

        async def main() -> list[Outcome]:
            channel = smtp(sink.port, connections=3)
            outcomes = await transmit(channel, mails(120))
            await channel.close()
            return outcomes

        factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            outcomes = runner.run(asyncio.wait_for(main(), 30))
        sink.wait_for_quiet()

    assert [ACCEPTED] * 120 == kinds(outcomes)
    assert set(sink.recipients().values()) == {1}
    assert sorted(t.content for t in sink.taken) == sorted(
        m.content for m in mails(120)
    )
    assert sink.violations == []
    assert sink.most_at_once <= 3


def test_connections_are_opened_as_there_is_work() -> None:
    """One message needs one connection, however many there may be."""
    with faulty_server() as sink:
        send(sink, mails(1), connections=9)

        assert sink.connections == 1


def test_a_connection_carries_so_many_messages() -> None:
    """After that it is left politely, and another opened."""
    with faulty_server() as sink:
        outcomes = send(sink, mails(10), messages_per_connection=4)
        sink.wait_for_quiet()

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 10}
    assert Counter(t.connection for t in sink.taken).most_common()[0][1] <= 4
    assert sink.heard.count("QUIT") == sink.connections == 3


def test_lanes_keep_their_own_limits() -> None:
    """Gentle destinations have few connections, with few messages each."""
    gentle = {"of": ["orange.fr"], "connections": 1, "messages_per_connection": 5}
    wave = [*mails(60), *mails(20, at="orange.fr", lane="orange.fr")]
    wave = [m._replace(delivery=DeliveryId(n)) for n, m in enumerate(wave)]
    with faulty_server() as sink:
        outcomes = send(sink, wave, connections=3, domains=[gentle])
        sink.wait_for_quiet()
    by_connection = Counter(
        t.connection for t in sink.taken if t.recipient.endswith("@orange.fr")
    )

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 80}
    assert max(by_connection.values()) <= 5
    assert sink.most_at_once <= 3


def test_one_connection_serves_all_lanes_in_turn() -> None:
    """With room for one, no lane waits until the other is through."""
    gentle = {"of": ["orange.fr"], "connections": 1}
    wave = [*mails(300), *mails(10, at="orange.fr", lane="orange.fr")]
    wave = [m._replace(delivery=DeliveryId(n)) for n, m in enumerate(wave)]
    with faulty_server() as sink:
        outcomes = send(sink, wave, connections=1, domains=[gentle])

    gentle_places = [
        place
        for place, taken in enumerate(sink.taken)
        if taken.recipient.endswith("@orange.fr")
    ]

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 310}
    assert sink.connections == 1
    assert QUANTUM <= gentle_places[0] < 2 * QUANTUM


# Servers that go wrong


@pytest.mark.parametrize("seed", range(30))
def test_difficult_servers_lose_and_blame_nobody(seed: int) -> None:
    """Whatever goes wrong, outcomes are true, and who goes on trying gets through."""
    with faulty_server(mixed(seed)) as sink:
        doubtful: Counter[str] = Counter()
        waiting = mails(25)
        for _ in range(25):
            outcomes = send(sink, waiting, connections=3, timeout=timedelta(seconds=5))
            sink.wait_for_quiet()
            had = sink.recipients()
            for message in waiting:
                outcome = outcomes.get(int(message.delivery))
                if outcome is None or outcome.kind is DEFERRED:
                    assert had[message.recipient] <= doubtful[message.recipient]
                elif outcome.kind is UNCERTAIN:
                    doubtful[message.recipient] += 1
                else:
                    assert outcome.kind is ACCEPTED
            waiting = [
                message
                for message in waiting
                if message.delivery not in outcomes
                or outcomes[message.delivery].kind is not ACCEPTED
            ]
            if not waiting:
                break

    assert waiting == []
    assert sink.violations == []
    assert all(n <= 1 + doubtful[who] for who, n in sink.recipients().items())


@pytest.mark.parametrize("pipelined", ["refused", "discarded"])
def test_a_server_out_of_step_gets_one_command_at_a_time(
    pipelined: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It offers PIPELINING and cannot do it: nobody is refused, and it is said once."""
    faults = Faults(pipelined=pipelined, without=frozenset({"CHUNKING"}))
    with faulty_server(faults) as sink:
        outcomes = send(sink, mails(6), timeout=LIMIT)

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 6}
    assert set(sink.recipients().values()) == {1}
    assert [line.message for line in caplog.records] == ["cannot pipeline"]


def test_too_many_connections_are_made_fewer() -> None:
    """A server with room for one gets one, and all goes through it."""
    with faulty_server(Faults(most_connections=1)) as sink:
        outcomes = send(sink, mails(80), connections=4)

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 80}
    assert set(sink.recipients().values()) == {1}


def test_a_server_that_ends_connections_early_gets_new_ones() -> None:
    """421 after so many messages: what was behind it goes over the next."""
    with faulty_server(Faults(most_messages=7)) as sink:
        outcomes = send(sink, mails(40))

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 40}
    assert set(sink.recipients().values()) == {1}
    assert sink.connections >= 6


@pytest.mark.parametrize("without", MODES.values(), ids=MODES)
def test_a_dripping_server_cannot_put_off_its_deadline(without: frozenset[str]) -> None:
    """A reply octet by octet is late as a whole."""
    slow = Fault(act=Act.DRIP, seconds=0.1, takes=True)
    rule = Rule(phase=Phase.RCPT, fault=slow, times=FOREVER)
    with faulty_server(Faults(rules=(rule,), without=without)) as sink:
        outcomes = send(sink, mails(1), timeout=LIMIT)

    assert {o.code for o in outcomes.values()} <= {"timeout"}
    assert DRIP.seconds == 0


def test_a_silent_server_does_not_take_the_wave_along() -> None:
    """While nothing can be written no more messages are taken, window or not."""
    first, *others = mails(60)
    large = [message._replace(content=LARGE) for message in others]
    wave = Tracked([first, *large])
    rules = [
        Rule(phase=Phase.CONTENT, fault=STALL, recipient=message.recipient, times=9)
        for message in large
    ]
    with faulty_server(Faults(rules=tuple(rules))) as sink:

        async def main() -> list[Outcome]:
            channel = smtp(sink.port, timeout=LIMIT)
            outcomes = await transmit(channel, wave)
            await channel.close()
            return outcomes

        outcomes = run(main())

    assert kinds(outcomes) == [ACCEPTED, *[DEFERRED] * (MOST_FRUITLESS + 1)]
    assert len(wave.ids) == len(outcomes)


# Pools


def pooled(ports: list[int], **settings: Any) -> Channel:
    """A channel over servers on *ports*."""
    servers = [
        {"host": "127.0.0.1", "port": port, "security": "none"} for port in ports
    ]
    return smtp(25, host="", servers=servers, **settings)


def test_a_dead_server_is_left_to_the_others() -> None:
    """All goes through who is alive, and nobody is told of the other."""

    async def main(port: int, other: int) -> list[Outcome]:
        channel = pooled([port, other], connections=4)
        assert await channel.open() is None
        outcomes = await transmit(channel, mails(50))
        await channel.close()
        return outcomes

    with faulty_server() as sink, dead_port() as dead:
        assert kinds(run(main(dead, sink.port))) == [ACCEPTED] * 50
        assert kinds(run(main(sink.port, dead))) == [ACCEPTED] * 50


def test_a_pool_shares_the_work() -> None:
    """Servers of equal weight both get connections."""
    with faulty_server() as one, faulty_server() as other:

        async def main() -> list[Outcome]:
            channel = pooled([one.port, other.port], connections=4)
            outcomes = await transmit(channel, mails(400))
            await channel.close()
            return outcomes

        outcomes = run(main())

    assert kinds(outcomes) == [ACCEPTED] * 400
    assert one.taken
    assert other.taken


def test_a_pool_without_anybody_says_why() -> None:
    """Nothing is taken, and what may pass by itself is told before what may not."""
    refusing = Rule(phase=Phase.GREETING, fault=say("554 5.7.1 no"), times=FOREVER)
    with faulty_server(Faults(rules=(refusing,))) as sink, dead_port() as dead:

        async def main() -> tuple[Outcome | None, list[Outcome]]:
            channel = pooled([sink.port, dead])
            refusal = await channel.open()
            outcomes = await transmit(channel, mails(3))
            await channel.close()
            return refusal, outcomes

        refusal, outcomes = run(main())

    assert refusal is not None
    assert (DEFERRED, "unreachable") == (refusal.kind, refusal.code)
    assert outcomes == []


def test_probe_looks_at_every_server() -> None:
    """The dead one is shown beside the others."""
    with faulty_server() as sink, dead_port() as dead:
        checks = run(pooled([sink.port, dead]).probe())

    assert [check.ok for check in checks if check.name.startswith("connection")] == [
        True,
        False,
    ]
    assert str(dead) in checks[-1].detail


# What arrives


def test_receivers_can_tell_whose_bounce_it_is() -> None:
    """The key is the envelope's id, and the recipient is named as written."""
    with faulty_server() as sink:
        send(sink, mails(1))

    assert sink.taken[0].parameters["ENVID"] == "key-1"
    assert sink.taken[0].parameters["ORCPT"] == "rfc822;reader1@example.org"
    assert sink.taken[0].parameters["NOTIFY"] == "FAILURE"


@pytest.mark.parametrize("auth", ["plain", "login", "xoauth2"])
def test_all_logins_work(auth: str) -> None:
    """Name and password arrive as they are."""
    login = {"username": "ina", "password": SecretStr("gloria-é")}
    with faulty_server(login=("ina", "gloria-é")) as sink:
        outcomes = send(sink, mails(2), auth=auth, **login)
        wrong = run(smtp(sink.port, auth=auth, username="x", password="y").open())

    assert Counter(kinds(outcomes.values())) == {ACCEPTED: 2}
    assert {mechanism for mechanism, *_ in sink.logins} == {auth.upper()}
    assert wrong is not None
    assert (REJECTED, "535") == (wrong.kind, wrong.code)


def test_a_wave_that_comes_slowly_is_waited_for() -> None:
    """Messages that appear later go over the connection that is there."""

    class Slow(Batch):
        async def more(self, lane: str = "") -> bool:
            await asyncio.sleep(0.01 if lane == "" else 0)
            return await super().more(lane)

    with faulty_server(
        Faults(rules=(Rule(phase=Phase.GREETING, fault=DROP, after=1),))
    ) as sink:

        async def main() -> list[Outcome]:
            channel = smtp(sink.port, connections=1)
            outcomes = await transmit(channel, Slow(mails(3)))
            outcomes += await transmit(channel, Slow(mails(3)))
            await channel.close()
            return outcomes

        outcomes = run(main())

    assert kinds(outcomes) == [ACCEPTED] * 6
    assert sink.connections == 1


def test_an_idle_connection_is_asked_before_it_gets_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole transactions are written ahead: one that nobody reads would be in doubt."""
    monkeypatch.setattr(connection, "ASK_AFTER_S", 0.0)
    with faulty_server(Faults(rules=(Rule(phase=Phase.RSET, fault=DROP),))) as sink:

        async def main() -> list[Outcome]:
            channel = smtp(sink.port)
            outcomes = await transmit(channel, mails(1))
            outcomes += await transmit(channel, mails(2)[1:])
            await channel.close()
            return outcomes

        outcomes = run(main())

    assert kinds(outcomes) == [ACCEPTED] * 2
    assert set(sink.recipients().values()) == {1}
    assert sink.connections == 2
