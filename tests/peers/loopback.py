"""A channel without a network: messages go over a counter in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tambour.channels import Check, Wave
from tambour.delivery.world import Composed
from tambour.ledger.records import Content, Leased
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind


def in_time(
    make: Callable[[Leased, Content], Message],
) -> Callable[[Leased, Content], Composed]:
    """Let a message be made when it is named, and again when its turn comes."""
    return lambda leased, content: Composed(
        key=make(leased, content).key, write=lambda: make(leased, content)
    )


TAKEN = Outcome(kind=OutcomeKind.ACCEPTED, code="250", reply="taken")
CLOSED = Outcome(kind=OutcomeKind.DEFERRED, code="closed", reply="nobody is here")


@dataclass(slots=True)
class Desk:
    """The far side: what it took, what it says to whom, and whether it is open."""

    taken: list[Message] = field(default_factory=list)
    answers: dict[str, Outcome] = field(default_factory=dict)
    """By recipient; UNCERTAIN is said of a message that was taken."""
    is_open: bool = True
    on_message: Callable[[Message], None] = lambda _message: None

    def take(self, message: Message) -> Outcome:
        """Take a message, or not."""
        self.on_message(message)
        answer = self.answers.get(message.recipient, TAKEN)
        if answer.kind in (OutcomeKind.ACCEPTED, OutcomeKind.UNCERTAIN):
            self.taken.append(message)
        return answer

    def recipients(self) -> Counter[str]:
        """Return how often each recipient got something."""
        return Counter(message.recipient for message in self.taken)


class Loopback:
    """The channel to a counter."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open(self) -> Outcome | None:
        """Ready while the counter is open."""
        return None if self._desk.is_open else CLOSED

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def probe(self) -> tuple[Check, ...]:
        """Say whether the counter is open."""
        return (Check(name="counter", ok=self._desk.is_open, detail="the desk"),)

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Hand over one message after the other, while the counter is open."""
        while await wave.more() and self._desk.is_open:
            message = wave.take()
            if message is None:
                continue
            await asyncio.sleep(0)
            yield message.delivery, self._desk.take(message)
