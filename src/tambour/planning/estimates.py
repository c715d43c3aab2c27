"""
When messages will be through: what a channel's speed means for a deadline.

Counts as the budgets of delivery do, but in strides, and a little too late rather than
too early. Knows no destination's own limits, no server's mood and no configuration.
Source: `delivery.budget`, whose rules these are; docs/design.md, “Ledger and delivery”.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from tambour.model import UNLIMITED, Rate, Speed, WarmingUp, allowance

Departures = Iterable[tuple[datetime, int]]
"""When how many have left."""

ASSUMED = Rate(20, timedelta(seconds=1))
"""
What a mail server takes of whom nothing is known, without haste.

Four connections, a message in a fifth of a second on each: a far relay without
pipelining. Most are faster, and then a digest leaves out what it need not.
"""

ALLOWED_FOR = timedelta(minutes=15)
"""
What a digest takes at least, whatever the speed.

Time for the hold before sending, a restart, and one refusal of a greylisting server.
"""

FAR = timedelta(days=400)
"""Whatever takes longer than that is not looked at any further."""

_STRIDES = 256
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """When the first and the last of some messages leave."""

    begins: datetime
    ends: datetime


@dataclass(slots=True)
class _Quota:
    """A rate that may be used at once, and then not for its length."""

    rate: Rate
    spent: deque[tuple[datetime, int]]
    inside: int = 0

    def room(self, now: datetime) -> int:
        """Return how many more may leave at once."""
        while self.spent and self.spent[0][0] + self.rate.per <= now:
            self.inside -= self.spent.popleft()[1]
        return self.rate.count - self.inside

    def opens_at(self) -> datetime:
        """Return when something of it is free again."""
        return self.spent[0][0] + self.rate.per

    def take(self, count: int, now: datetime) -> None:
        """Count what has left by now."""
        self.spent.append((now, count))
        self.inside += count


@dataclass(slots=True)
class _Growth:
    """A warm-up's days."""

    warm_up: WarmingUp
    day: date = date.min
    spent: int = 0

    def room(self, now: datetime) -> int:
        """Return what is left of the day."""
        today = now.astimezone(UTC).date()
        if today > self.day:
            self.day, self.spent = today, 0
        return allowance(self.warm_up, today) - self.spent

    def opens_at(self) -> datetime:
        """Return the next midnight, UTC."""
        return datetime.combine(self.day + _DAY, time(), UTC)

    def take(self, count: int, now: datetime) -> None:
        """Count what has left by now."""
        self.room(now)
        self.spent += count


@dataclass(slots=True, kw_only=True)
class Queue:
    """
    One channel's messages in line, the first to come the first to leave.

    `now` is when the last of those in it so far has left.
    """

    speed: Speed
    now: datetime
    _limits: list[_Quota | _Growth] = field(init=False)
    _spacing: timedelta = field(init=False)

    def __post_init__(self) -> None:
        rates = (*self.speed.rates, *filter(None, [self.speed.assumed]))
        self._limits = [_Quota(r, deque()) for r in rates if not r.is_pace]
        if self.speed.warm_up is not None:
            self._limits.append(_Growth(self.speed.warm_up))
        paces = (r.per / r.count for r in rates if r.is_pace)
        self._spacing = max(paces, default=timedelta())

    def remember(self, spent: Departures) -> None:
        """Count what left before now; a clock set back counts it as now."""
        for at, count in sorted(spent):
            for limit in self._limits:
                limit.take(count, min(at, self.now))

    def join(
        self, count: int, at: datetime, *, until: datetime | None = None
    ) -> Outlook:
        """Put *count* messages in line from *at* on; what is left *until* then goes."""
        self.now = max(self.now, at)
        far, begins, left = until or self.now + FAR, None, count
        stride = max(1, count // _STRIDES) if self._limits else count
        while left > 0 and self.now < far:
            rooms = (limit.room(self.now) for limit in self._limits)
            room = min(rooms, default=UNLIMITED)
            if room <= 0:
                shut = [one for one in self._limits if one.room(self.now) <= 0]
                self.now = max(one.opens_at() for one in shut)
                continue
            begins = begins or self.now
            portion = min(room, left, stride, self._fit_before(far))
            self.now += portion * self._spacing
            for limit in self._limits:
                limit.take(portion, self.now)
            left -= portion
        return Outlook(begins=begins or self.now, ends=self.now)

    def _fit_before(self, end: datetime) -> int:
        """Return how many leave before *end* at this pace, but at least one."""
        if not self._spacing:
            return UNLIMITED
        return max(1, (end - self.now) // self._spacing)


def finish(
    count: int,
    speed: Speed,
    *,
    start: datetime,
    spent: Departures = (),
    waiting: int = 0,
) -> datetime:
    """
    Return when *count* messages will be through.

    Args:
        start: from when on they, and those before them, may leave.
        spent: when how many have left before.
        waiting: how many stand before them.

    """
    queue = Queue(speed=speed, now=start)
    queue.remember(spent)
    queue.join(waiting, start)
    return queue.join(count, start).ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What holds a channel up, as people know it, and what they can do about it."""

    name: str
    mend: str


def limit_of(
    count: int, speed: Speed, *, start: datetime, spent: Departures = ()
) -> Limit:
    """Return what alone would take the longest for *count* messages."""
    rows = tuple(spent)
    limits = {_of_rate(rate): Speed(rates=(rate,)) for rate in speed.rates}
    if speed.warm_up is not None:
        limits[_WARM_UP] = Speed(warm_up=speed.warm_up)
    if speed.assumed is not None:
        limits[_of_guess(speed.assumed)] = Speed(rates=(speed.assumed,))
    return max(
        limits, key=lambda one: finish(count, limits[one], start=start, spent=rows)
    )


_WARM_UP = Limit(
    name="While it warms up,", mend="Raise the `first_day` or `growth` of its `warm_up`"
)


def _of_rate(rate: Rate) -> Limit:
    return Limit(name=f"At {rate}", mend="Raise its `rate`")


def _of_guess(rate: Rate) -> Limit:
    return Limit(
        name=f"At {rate}, which is only assumed,",
        mend="Tell its real `rate` in config.yaml",
    )
