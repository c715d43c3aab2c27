"""
Lanes: which of the leased deliveries may leave now.

Destinations that want gentle treatment have a lane of their own, with a queue and
budgets of its own, so that they slow down nobody else. Knows no ledger and no channel;
the instants are given.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tambour.delivery.budget import Budget, free, free_at, spend
from tambour.delivery.congestion import Congestion
from tambour.delivery.world import LaneLimits, Route
from tambour.ledger.records import Leased, Spent
from tambour.model import UNLIMITED, EditionId, Outcome


@dataclass(slots=True, kw_only=True)
class Lane:
    """
    What waits for one group of destinations, and what holds it back.

    Its `budgets` are the whole channel's and, last, its own.
    """

    name: str
    budgets: tuple[Budget, ...]
    most_in_flight: int
    congestion: Congestion = field(default_factory=Congestion)
    waiting: deque[Leased] = field(default_factory=deque)
    in_flight: int = 0
    is_budgeted: bool = field(init=False)

    def __post_init__(self) -> None:
        """Look once, for it is asked for every message."""
        self.is_budgeted = not all(one.is_unlimited for one in self.budgets)

    def room(self, now: datetime) -> int:
        """Return how many more may leave now."""
        return max(0, min(self.own_room(now), free(self.budgets, now)))

    def own_room(self, now: datetime) -> int:
        """Return how many more would, were the channel as a whole in no one's way."""
        limit = self.congestion.limit(now)
        most = self.most_in_flight if limit is None else limit
        return min(most - self.in_flight, self.budgets[-1].free(now))

    def is_full(self, now: datetime) -> bool:
        """Whether only an answer makes room, however long one waits."""
        limit = self.congestion.limit(now)
        most = self.most_in_flight if limit is None else max(limit, 1)
        return self.in_flight >= most

    def free_at(self, now: datetime) -> datetime:
        """Return when time alone lets the next one leave: perhaps now."""
        return max(free_at(self.budgets, now), self.congestion.free_at(now))


class Lanes:
    """All lanes of one channel; the one without a name is everybody else's."""

    def __init__(self, route: Route, spent: Sequence[Spent]) -> None:
        self._channel = route.name
        self._lane_of = route.lane_of
        whole = [(row.at, row.count) for row in spent]
        self._budget = Budget(route.rates, spent=whole, warm_up=route.warm_up)
        everybody = LaneLimits(most_in_flight=UNLIMITED)
        self._lanes = {
            name: Lane(
                name=name,
                budgets=(self._budget, _budget_of(name, limits, spent)),
                most_in_flight=limits.most_in_flight,
            )
            # The gentle ones first: they take the longest.
            for name, limits in {**route.lanes, "": everybody}.items()
        }

    def add(self, rows: Iterable[Leased]) -> None:
        """Supply each lane with what is its own."""
        if len(self._lanes) == 1:
            self._lanes[""].waiting.extend(rows)
            return
        for leased in rows:
            self._lanes[self._lane_of(leased.recipient.address)].waiting.append(leased)

    def choose(self, room: int, now: datetime) -> list[tuple[Lane, Leased]]:
        """Take up to *room* of what may leave now."""
        chosen: list[tuple[Lane, Leased]] = []
        for lane in self._lanes.values():
            if not lane.waiting:
                continue
            count = min(room - len(chosen), len(lane.waiting), lane.room(now))
            if count > 0:
                spend(lane.budgets, count, now)
                lane.in_flight += count
                chosen += [(lane, lane.waiting.popleft()) for _ in range(count)]
        return chosen

    def spent(self, chosen: Iterable[tuple[Lane, Leased]], at: datetime) -> list[Spent]:
        """Return what has to be remembered of a choice, where there are budgets."""
        counts = Counter(lane.name for lane, _ in chosen if lane.is_budgeted)
        return [
            Spent(channel=self._channel, lane=name, at=at, count=number)
            for name, number in counts.items()
        ]

    def note(self, lane: str, outcome: Outcome, now: datetime) -> None:
        """Learn from an answer."""
        noted = self._lanes[lane]
        noted.in_flight -= 1
        noted.congestion.note(outcome, now)

    def forget(self, lane: str) -> None:
        """Count out a message that was never on the wire."""
        self._lanes[lane].in_flight -= 1

    def free_at(self, now: datetime) -> datetime | None:
        """Return when time alone lets a waiting one leave; None when it lets none."""
        waiting = [lane for lane in self._lanes.values() if lane.waiting]
        return min(
            (lane.free_at(now) for lane in waiting if not lane.is_full(now)),
            default=None,
        )

    def ready(self, now: datetime) -> int:
        """Return how many of those that wait no lane of theirs holds back."""
        return sum(
            len(lane.waiting)
            for lane in self._lanes.values()
            if lane.waiting and lane.own_room(now) > 0
        )

    def __len__(self) -> int:
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def take_back(self, editions: Collection[EditionId]) -> list[Leased]:
        """Give back what waits of some editions."""
        found: list[Leased] = []
        for lane in self._lanes.values():
            found += [one for one in lane.waiting if one.edition in editions]
            lane.waiting = deque(
                one for one in lane.waiting if one.edition not in editions
            )
        return found

    def are_hopeless(self) -> bool:
        """Whether all that waits does so for servers that take nothing."""
        waiting = [lane for lane in self._lanes.values() if lane.waiting]
        return bool(waiting) and all(lane.congestion.is_hopeless for lane in waiting)

    def release(self) -> list[Leased]:
        """Give back all that waits."""
        rest = [leased for lane in self._lanes.values() for leased in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.in_flight = 0
        return rest


def _budget_of(name: str, limits: LaneLimits, spent: Iterable[Spent]) -> Budget:
    own = [(row.at, row.count) for row in spent if row.lane == name]
    return Budget(limits.rates, spent=own)
