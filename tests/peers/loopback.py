"""A channel without a network: messages go over a counter in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tambour.channels.in_memory import InMemory
from tambour.delivery.world import Composed
from tambour.ledger.records import Content, Leased
from tambour.model import Message, Outcome, OutcomeKind


def in_time(
    make: Callable[[Leased, Content], Message],
) -> Callable[[Leased, Content], Composed]:
    """Let a message be made when it is named, and again when its turn comes."""
    return lambda leased, content: Composed(
        key=make(leased, content).key, write=lambda: make(leased, content)
    )


TAKEN = Outcome(kind=OutcomeKind.ACCEPTED, code="250", reply="taken")


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


class Loopback(InMemory):
    """The channel to a counter."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.take, is_open=lambda: desk.is_open)
        self._desk = desk
