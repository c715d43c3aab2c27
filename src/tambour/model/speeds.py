"""How fast messages may leave by a channel: its rates, and how a sender warms up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import log
from typing import Protocol

UNLIMITED = 1_000_000_000
"""What is free where nothing bounds it."""

WARM = 1_000_000
"""A sender who may send so many in a day needs no more warming up."""

RATE_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
"""What a rate may be counted per, by the letter that stands for it."""

_SLOWEST_PACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *count* messages in each *per*, one of `RATE_UNITS`."""

    count: int
    per: timedelta

    def __str__(self) -> str:
        unit = next(unit for unit, per in RATE_UNITS.items() if per == self.per)
        return f"{self.count}/{unit}"

    @property
    def is_pace(self) -> bool:
        """Whether it is spread over its length; a quota may be used at once."""
        return self.per <= _SLOWEST_PACE


class WarmingUp(Protocol):
    """How a new sender's daily budget grows."""

    @property
    def since(self) -> date:
        """The first day, UTC."""

    @property
    def first_day(self) -> int:
        """How many may leave on it."""

    @property
    def growth(self) -> float:
        """How many times more on each day after, more than once."""


def allowance(warm_up: WarmingUp, day: date) -> int:
    """Return how many may leave on a day, UTC; before the first, as many as on it."""
    days = max((day - warm_up.since).days, 0)
    if log(warm_up.first_day) + days * log(warm_up.growth) > log(WARM):
        return UNLIMITED
    return int(warm_up.first_day * warm_up.growth**days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """
    How fast a channel may send; nothing bounds one that has none of these.

    `assumed` is a cautious guess, where nobody said what the other side takes.
    """

    rates: tuple[Rate, ...] = ()
    warm_up: WarmingUp | None = None
    assumed: Rate | None = None
