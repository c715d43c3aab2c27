"""What a channel takes from: messages whose intents are committed."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from ledger_samples import NOW, leased
from peers import run
from tambour.delivery.wire import Claim, Wire
from tambour.delivery.world import Composed, World
from tambour.model import DeliveryId, Message

DEADLINE = NOW + timedelta(hours=1)


def claim(number: int, *, lane: str = "", deadline: datetime | None = None) -> Claim:
    """Return a claim."""
    picked = leased(number, deadline=deadline)
    message = Message(delivery=picked.id, recipient="p", key=str(number), content=b"")
    composed = Composed(key=message.key, write=lambda: message)
    return Claim(leased=picked, composed=composed, lane=lane)


def wire(*, now: datetime = NOW, expired: list[Claim] | None = None) -> Wire:
    """Return a wire at an instant."""
    world = World(
        clock=lambda: now,
        monotonic=lambda: 0.0,
        sleep=asyncio.sleep,
        chance=lambda: 0.0,
    )
    met: list[Claim] = [] if expired is None else expired
    return Wire(world, lambda claim, _error: met.append(claim))


def taken(line: Wire, lane: str = "") -> list[int]:
    """Take all that a lane has."""
    found = []
    while (message := line.take(lane)) is not None:
        found.append(message.delivery)
    return found


def test_lanes_do_not_mix() -> None:
    """Each lane gives its own messages, in order."""
    line = wire()
    line.put([claim(1), claim(2, lane="orange.fr"), claim(3)])

    assert [1, 3] == taken(line)
    assert [2] == taken(line, "orange.fr")
    assert {1, 2, 3} == set(line.flying)


def test_what_met_its_deadline_is_not_given() -> None:
    """At its deadline a message may no longer leave, one that has none may."""
    expired: list[Claim] = []
    line = wire(now=DEADLINE, expired=expired)
    line.put([claim(1, deadline=DEADLINE), claim(2)])

    assert [2] == taken(line)
    assert [1] == [one.leased.id for one in expired]
    assert {2} == set(line.flying)


def test_who_waits_is_woken_by_a_message() -> None:
    """A lane that waits goes on when it gets something, and no other does."""

    async def main() -> None:
        line = wire()
        waiting = asyncio.create_task(line.more("orange.fr"))
        line.put([claim(1)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert not waiting.done()
        line.put([claim(2, lane="orange.fr")])
        assert await waiting

    run(main())


def test_who_waits_is_woken_by_the_end() -> None:
    """No lane waits for what will never come; what is left is still given."""

    async def main() -> None:
        line = wire()
        waiting = asyncio.create_task(line.more("orange.fr"))
        await asyncio.sleep(0)
        line.put([claim(1)])
        line.end()

        assert not await waiting
        assert await line.more()
        assert [1] == taken(line)
        assert not await line.more()

    run(main())


def test_it_is_dry_when_more_could_have_been_taken() -> None:
    """Whoever asks in vain makes the next wave larger."""
    line = wire()
    line.put([claim(1), claim(2)])
    line.take()

    assert not line.is_dry

    taken(line)

    assert line.is_dry


def test_what_was_not_taken_can_be_had_back() -> None:
    """What the channel has stays in flight, the rest never flew."""
    line = wire()
    line.put([claim(1), claim(2), claim(3, lane="orange.fr")])
    line.take()

    assert [2, 3] == [one.leased.id for one in line.untaken()]
    assert {1} == set(line.flying)
    assert 1 == line.answered(DeliveryId(1)).leased.id
    assert not line.flying
