"""The channel into this process, by the contract of all channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from contracts.channel import ChannelContract, Destination, mail, post
from tambour.channels import Channel
from tambour.channels.in_memory import InMemory
from tambour.model import Message, Outcome, OutcomeKind

NO = Outcome(kind=OutcomeKind.REJECTED, code="550", reply="not this one")
TAKEN = Outcome(kind=OutcomeKind.ACCEPTED, code="taken")


class Listener:
    """The destination of the contract suite."""

    def __init__(self) -> None:
        self._taken: list[Message] = []
        self._refused: set[str] = set()
        self._is_gone = False
        self.channel = InMemory(self._take, is_open=lambda: not self._is_gone)

    def _take(self, message: Message) -> Outcome:
        if message.key in self._refused:
            return NO
        self._taken.append(message)
        return TAKEN

    def received(self) -> list[tuple[str, bytes]]:
        """What was handed over."""
        return [(message.key, message.content) for message in self._taken]

    def refuse(self, message: Message) -> None:
        """Say no to one."""
        self._refused.add(message.key)

    def vanish(self) -> None:
        """Listen no more."""
        self._is_gone = True


class TestInMemoryContract(ChannelContract):
    """The channel as one for mail."""

    def message(self, number: int) -> Message:
        """Mail."""
        return mail(number)

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:
        """Somebody who listens."""
        del tmp_path
        yield Listener()

    @contextmanager
    def dead(self, tmp_path: Path) -> Iterator[Channel]:
        """Nobody."""
        del tmp_path
        yield InMemory(lambda _message: TAKEN, is_open=lambda: False)


class TestInMemoryContractForPosts(TestInMemoryContract):
    """The channel as one for posts."""

    def message(self, number: int) -> Message:
        """Posts."""
        return post(number)
