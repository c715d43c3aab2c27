"""
Budgets: how many messages may leave now, under several rates at once and a warm-up.

A rate bounds every stretch of its length, wherever it begins. One per second or minute
is also a pace, spread in small bursts; one per hour or day is a quota, which may be
used as fast as the others let it: an edition has a deadline. Made from what the ledger
remembers, so that a restart changes nothing. Knows no ledger, no channel and no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Protocol

from tambour.model import UNLIMITED, Rate, WarmingUp, allowance

MEMORY = timedelta(days=2)
"""How long what was spent must be remembered: the longest rate, and a day to spare."""

_BURST = timedelta(milliseconds=100)
"""A rate of 100/s is spread as ten messages each tenth of a second."""

_GRAINS = 100
"""What was spent within a hundredth of a rate's length is remembered as one."""

_DAY = timedelta(days=1)


class Budget:
    """
    The permits of one lane of one channel.

    Args:
        rates: all of them hold at once; none is no limit.
        spent: when how many have left, in any order; rows that are merged must carry
            the latest instant.
        warm_up: how many a new sender may send on each day, UTC.

    """

    def __init__(
        self,
        rates: Sequence[Rate],
        *,
        spent: Iterable[tuple[datetime, int]] = (),
        warm_up: WarmingUp | None = None,
    ) -> None:
        self._limits: list[_Limit] = [_Window(rate) for rate in rates]
        self._limits += [_Pace(rate) for rate in rates if rate.is_pace]
        if warm_up is not None:
            self._limits.append(_Days(warm_up))
        self._remembered = sorted(row for row in spent if row[1] > 0)
        self._latest: datetime | None = None

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing ever has to wait."""
        return not self._limits

    def free(self, now: datetime) -> int:
        """Return how many may leave now."""
        self._follow(now)
        return max(0, min((one.room(now) for one in self._limits), default=UNLIMITED))

    def free_at(self, now: datetime) -> datetime:
        """Return when at least one may leave, if none does before: perhaps now."""
        self._follow(now)
        return max((one.opens_at(now) for one in self._limits), default=now)

    def spend(self, count: int, now: datetime) -> None:
        """Count *count* messages that leave now, be they within the budget or not."""
        self._follow(now)
        if count > 0:
            for one in self._limits:
                one.take(count, now)

    def _follow(self, now: datetime) -> None:
        """
        Notice a clock that was set back.

        What lies in its future then counts as spent now: it blocks no longer than if
        it had been, and is not given a second time.
        """
        for at, count in self._remembered:
            for one in self._limits:
                one.take(count, min(at, now + one.AHEAD))
        self._remembered.clear()
        if self._latest is not None and now < self._latest:
            for one in self._limits:
                one.turn_back(now)
        self._latest = now


def free(budgets: Iterable[Budget], now: datetime) -> int:
    """Return how many messages may leave that need all of *budgets*."""
    return min((one.free(now) for one in budgets), default=UNLIMITED)


def free_at(budgets: Iterable[Budget], now: datetime) -> datetime:
    """Return when one message may leave that needs all of *budgets*."""
    return max((one.free_at(now) for one in budgets), default=now)


def spend(budgets: Iterable[Budget], count: int, now: datetime) -> None:
    """Count messages that leave now on all of *budgets*."""
    for one in budgets:
        one.spend(count, now)


@dataclass(slots=True)
class _Grain:
    """Messages that left at nearly one time; they count until the last is too old."""

    first: datetime
    last: datetime
    count: int


class _Limit(Protocol):
    """One of the things that bound a budget; instants never go back but in a turn."""

    AHEAD: ClassVar[timedelta]
    """How far in the clock's future something may have been spent."""

    def room(self, now: datetime) -> int: ...
    def opens_at(self, now: datetime) -> datetime: ...
    def take(self, count: int, now: datetime) -> None: ...
    def turn_back(self, now: datetime) -> None: ...


class _Window:
    """A rate's bound on every stretch of its length."""

    AHEAD: ClassVar = timedelta()

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._width = rate.per / _GRAINS
        self._grains: deque[_Grain] = deque()
        self._inside = 0

    def room(self, now: datetime) -> int:
        """Return how many more the stretch that ends now may see."""
        self._forget(now)
        return self._rate.count - self._inside

    def opens_at(self, now: datetime) -> datetime:
        """Return when enough is forgotten."""
        excess = 1 - self.room(now)
        at = now
        for grain in self._grains:
            if excess <= 0:
                break
            excess -= grain.count
            at = grain.last + self._rate.per
        return at

    def take(self, count: int, now: datetime) -> None:
        """Remember messages, later than all others."""
        self._forget(now)
        self._inside += count
        if self._grains and now - self._grains[-1].first < self._width:
            self._grains[-1].last = now
            self._grains[-1].count += count
        else:
            self._grains.append(_Grain(now, now, count))

    def turn_back(self, now: datetime) -> None:
        """Date what is to come as now."""
        for grain in self._grains:
            grain.first, grain.last = min(grain.first, now), min(grain.last, now)

    def _forget(self, now: datetime) -> None:
        while self._grains and self._grains[0].last + self._rate.per <= now:
            self._inside -= self._grains.popleft().count


class _Pace:
    """A rate's even spread: one burst, then nothing for the time it is worth."""

    AHEAD: ClassVar = timedelta()

    def __init__(self, rate: Rate) -> None:
        self._burst = max(1, rate.count * _BURST // rate.per)
        self._lasts = rate.per * self._burst / rate.count
        self._begun: datetime | None = None
        self._left = 0

    def room(self, now: datetime) -> int:
        """Return what is left of the burst, or the next one."""
        return self._left if now < self._next(now) else self._burst

    def opens_at(self, now: datetime) -> datetime:
        """Return when the next burst begins, if this one is used up."""
        return now if self._left else max(now, self._next(now))

    def take(self, count: int, now: datetime) -> None:
        """Use up a burst."""
        if now >= self._next(now):
            self._begun, self._left = now, self._burst
        self._left = max(0, self._left - count)

    def turn_back(self, now: datetime) -> None:
        """Let the burst have begun now."""
        self._begun = self._begun and min(self._begun, now)

    def _next(self, now: datetime) -> datetime:
        return now if self._begun is None else self._begun + self._lasts


class _Days:
    """A warm-up's bound on each day, UTC."""

    AHEAD: ClassVar = timedelta(days=1)
    """A clock set back over midnight must not give tomorrow's budget twice."""

    def __init__(self, warm_up: WarmingUp) -> None:
        self._warm_up = warm_up
        self._day = date.min
        self._spent = 0

    def room(self, now: datetime) -> int:
        """Return what is left of the day."""
        return self._room_on(_utc_day(now))

    def opens_at(self, now: datetime) -> datetime:
        """Return now, or the midnight from which there is room."""
        today = day = _utc_day(now)
        while self._room_on(day) <= 0:
            day += _DAY
        return now if day == today else datetime.combine(day, time(), UTC)

    def take(self, count: int, now: datetime) -> None:
        """Count messages of a day; those of the days before no longer matter."""
        day = _utc_day(now)
        if day > self._day:
            self._day, self._spent = day, 0
        self._spent += count

    def turn_back(self, now: datetime) -> None:
        """Date a day to come as tomorrow: it counts on both."""
        self._day = min(self._day, _utc_day(now + self.AHEAD))

    def _room_on(self, day: date) -> int:
        spent = self._spent if day <= self._day else 0
        return allowance(self._warm_up, day) - spent


def _utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()
