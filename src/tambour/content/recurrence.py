"""
On which days an event repeats: a rule, dates added to it, dates taken out.

Counts on what clocks show and attaches no zone, so that a weekly 19:00 stays 19:00 all
year. Knows neither files nor events, and is always done: no rule makes it count for
ever.
Source: RFC 5545 §3.3.10 (RECUR), §3.8.5 (EXDATE, RDATE, RRULE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import prod
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar.prop import vRecur

MOST = 1000
"""How many times one event takes place within a window, at most."""
AHEAD = timedelta(days=400)
BEHIND = timedelta(days=2)

_PARTS = frozenset(
    {
        *("FREQ", "UNTIL", "COUNT", "INTERVAL", "WKST"),
        *("BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY"),
        *("BYWEEKNO", "BYMONTH", "BYSETPOS"),
    }
)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_CLOCKS = ("BYHOUR", "BYMINUTE", "BYSECOND")
_TIMES_A_DAY = 24
_CYCLE = 400
"""After so many years the calendar is the same, weekdays and leap years included."""


class RecurrenceError(ValueError):
    """The rule says nothing, or far too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time in which repeated events are looked for; both ends are aware."""

    since: datetime
    until: datetime

    @classmethod
    def around(cls, now: datetime) -> Window:
        """Return the window that is open *now*; the same all day, so it can be kept."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(since=day - BEHIND, until=day + AHEAD)

    def has(self, moment: datetime) -> bool:
        """Return whether *moment* is in it."""
        return self.since <= moment <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An RRULE; *until* is naive, the last moment that can be meant."""

    text: str
    count: int | None = None
    until: datetime | None = None

    def starts(self, first: datetime, *, until: datetime) -> Iterator[datetime]:
        """
        Yield *first*, which always counts, and what follows up to *until*.

        Raises:
            RecurrenceError: no date fits the rule.

        """
        yield first
        if first > until:
            return
        left = self.count
        end = until if self.until is None else min(until, self.until)
        start = None
        for start in _follow(self.text, first, until):
            if start > first:
                left = left and left - 1
                if start > end or left == 0:
                    return
                yield start
        if start is None:
            msg = f"no date fits {self.text!r}"
            raise RecurrenceError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """All that is said of when an event repeats; a date alone excludes its day."""

    rule: Rule | None = None
    added: tuple[datetime, ...] = ()
    excluded: frozenset[date] = frozenset()

    def starts(
        self, first: datetime, *, since: datetime, until: datetime
    ) -> tuple[datetime, ...]:
        """
        Return what clocks show when it starts, from *since* to *until*, all naive.

        Raises:
            RecurrenceError: these are more than `MOST`, or none that fits the rule.

        """
        found = _counted(self, first, since, until)
        if isinstance(found, str):
            raise RecurrenceError(found)
        return found

    def count(
        self, first: datetime, *, since: datetime, until: datetime
    ) -> tuple[datetime, ...]:
        """As `starts`, counted anew."""
        by_rule = self.rule.starts(first, until=until) if self.rule else (first,)
        found = {one for one in self.added if since <= one <= until}
        for start in by_rule:
            if since <= start <= until:
                found.add(start)
            if len(found) > MOST:
                msg = f"it would take place more than {MOST} times"
                raise RecurrenceError(msg)
        return tuple(sorted(one for one in found if not self._excludes(one)))

    def _excludes(self, start: datetime) -> bool:
        return start in self.excluded or start.date() in self.excluded


@lru_cache(maxsize=20_000)
def _counted(
    recurrence: Recurrence, first: datetime, since: datetime, until: datetime
) -> tuple[datetime, ...] | str:
    """Return the starts, or why there are none; a daemon asks all day for the same."""
    try:
        return recurrence.count(first, since=since, until=until)
    except RecurrenceError as error:
        return str(error)


def read_rule(text: str, *, zone: ZoneInfo) -> Rule:
    """
    Return the rule that *text* writes; an UNTIL in UTC is read on the clocks of *zone*.

    Raises:
        RecurrenceError: it is none, or one that nobody could follow.

    """
    text = text.strip()
    text = text[6:] if text[:6].upper() == "RRULE:" else text
    try:
        parts = vRecur.from_ical(text)
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{text!r} is not a rule: {error}"
        raise RecurrenceError(msg) from None
    _check(parts, text)
    count, until = parts.get("COUNT"), parts.get("UNTIL")
    kept = {name: parts[name] for name in parts if name not in ("COUNT", "UNTIL")}
    rule = Rule(
        text=vRecur(kept).to_ical().decode(),  # type: ignore[no-untyped-call]
        count=count[0] if count else None,
        until=_last(until[0], zone) if until else None,
    )
    try:
        rrulestr(rule.text, dtstart=datetime(2000, 1, 1))  # noqa: DTZ001 - what a clock shows
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{text!r} is not a rule: {error}"
        raise RecurrenceError(msg) from None
    return rule


def _check(parts: vRecur, text: str) -> None:
    frequency = str((parts.get("FREQ") or [""])[0]).upper()
    unknown = sorted(set(parts) - _PARTS)
    if unknown:
        msg = f"{text!r} has {unknown[0]}, which is not understood"
        raise RecurrenceError(msg)
    if not frequency:
        msg = f"{text!r} does not say FREQ, how often"
        raise RecurrenceError(msg)
    times = prod(len(parts[name]) for name in _CLOCKS if name in parts)
    if frequency not in _FREQUENCIES or times > _TIMES_A_DAY:
        msg = f"{text!r} repeats too often to be announced"
        raise RecurrenceError(msg)
    for name in ("COUNT", "INTERVAL"):
        if name in parts and (len(parts[name]) != 1 or parts[name][0] < 1):
            msg = f"{text!r}: {name} must be a number from 1 on"
            raise RecurrenceError(msg)
    if len(parts.get("UNTIL") or [""]) != 1:
        msg = f"{text!r} has more than one UNTIL"
        raise RecurrenceError(msg)


def _last(until: date, zone: ZoneInfo) -> datetime:
    """Return the last moment that UNTIL allows; a day is meant with all its hours."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time.max)
    if until.tzinfo is not None:
        until = until.astimezone(zone).replace(tzinfo=None)
    return until


def _follow(text: str, first: datetime, until: datetime) -> Iterator[datetime]:
    """
    Yield what the rule gives from *first* on, as dateutil counts it.

    dateutil looks for the next date until the year 9999. Of a rule that no date fits
    (30 February, daily) that takes seconds; so it counts at the end of its calendar.
    """
    years = (9999 - until.year) // _CYCLE * _CYCLE
    far = first.replace(year=first.year + years)
    following = iter(rrulestr(text, dtstart=far))
    while True:
        try:
            start = next(following, None)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # It takes FREQ=MONTHLY;BYDAY=99MO, and stumbles over it only here.
            msg = f"{text!r} cannot be followed: {error}"
            raise RecurrenceError(msg) from None
        if start is None:
            return
        yield start.replace(year=start.year - years)
