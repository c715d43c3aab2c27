"""
Messages whose intents are committed: what a channel takes from, until it has answered.

Knows neither ledger nor channel; whoever puts messages here has committed them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tambour.delivery.world import Composed, CrashPoint, World
from tambour.errors import UserError
from tambour.ledger.records import Leased
from tambour.model import DeliveryId, Message

# Looking up a member of an enum is a call, and every message asks for this one.
_TAKEN = CrashPoint.TAKEN


class Claim(NamedTuple):
    """A leased delivery with its message to be, and the lane it goes by."""

    leased: Leased
    composed: Composed
    lane: str = ""


class Wire:
    """
    The wave that a channel is given; it grows while the channel takes from it.

    `flying` holds every message without an answer, taken or not. `is_dry` is set when
    the channel could have taken more than there was. *on_end* gets what ends here: at
    its deadline, or for the reason that its message cannot be made.
    """

    def __init__(
        self, world: World, on_end: Callable[[Claim, UserError | None], None]
    ) -> None:
        self.flying: dict[DeliveryId, Claim] = {}
        self.is_dry = False
        self.is_over = False
        self._world = world
        self._on_end = on_end
        self._lanes: defaultdict[str, deque[Claim]] = defaultdict(deque)
        self._filled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def put(self, claims: Iterable[Claim]) -> None:
        """Let these go."""
        for claim in claims:
            self.flying[claim.leased.id] = claim
            self._lanes[claim.lane].append(claim)
            self._filled[claim.lane].set()

    def end(self) -> None:
        """Say that no more will come."""
        self.is_over = True
        for filled in self._filled.values():
            filled.set()

    def take(self, lane: str = "") -> Message | None:
        """Return the lane's next message that may still leave."""
        waiting = self._lanes[lane]
        while waiting:
            message = self._message(waiting.popleft())
            if message is not None:
                self._world.checkpoint(_TAKEN)
                return message
        self.is_dry = True
        return None

    def _message(self, claim: Claim) -> Message | None:
        """Write the message now, unless it is too late, or cannot be done."""
        error = None
        if self.may_leave(claim.leased.id):
            try:
                message = claim.composed.write()
            except UserError as reason:
                error = reason
            else:
                return message._replace(lane=claim.lane) if claim.lane else message
        del self.flying[claim.leased.id]
        self._on_end(claim, error)
        return None

    def may_leave(self, delivery: DeliveryId) -> bool:
        """Whether the deadline of a message without an answer is still to come."""
        deadline = self.flying[delivery].leased.deadline
        return deadline is None or self._world.clock() < deadline

    async def more(self, lane: str = "") -> bool:
        """Wait until the lane has a message; False when there will be none."""
        while not self._lanes[lane]:
            if self.is_over:
                return False
            self.is_dry = True
            self._filled[lane].clear()
            await self._filled[lane].wait()
        return True

    def answered(self, delivery: DeliveryId) -> Claim:
        """Return the claim that has its answer, and forget it."""
        return self.flying.pop(delivery)

    def untaken(self) -> list[Claim]:
        """Take back what the channel has not taken."""
        claims = [claim for waiting in self._lanes.values() for claim in waiting]
        for claim in claims:
            del self.flying[claim.leased.id]
        self._lanes.clear()
        return claims
