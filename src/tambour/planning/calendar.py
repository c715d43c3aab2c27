"""
Calendar arithmetic: when an event counts as started, and when a campaign is due.

Knows clocks' rules but never what time it is, and neither audiences nor the ledger.
Local times become instants in `model.instant` alone, so that gaps and folds are
treated alike everywhere.
Source: RFC 5545 §3.3.5; cron fields as Debian's cron reads them (cronsim 2.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import overload
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tambour.model import Cron, Event, Every, Facts, Offset, instant

_REACH = timedelta(hours=25)
"""More than any zone ever skipped at once (Samoa left out a whole day in 2011)."""
_DAY = timedelta(days=1)
_FIRST_DAY = date(2, 1, 1)
_LAST_DAY = date(9998, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Occurrence:
    """
    One time of a schedule.

    `at` is the UTC instant; `nominal` the naive local time that the schedule names,
    which no other occurrence has, even where a clock change makes the clock show
    another.
    """

    at: datetime
    nominal: datetime


@overload
def begins_at(event: Facts) -> datetime: ...
@overload
def begins_at(event: Event) -> datetime | None: ...
def begins_at(event: Event | Facts) -> datetime | None:
    """Return the UTC instant no message may reach: the start, or its day's midnight."""
    if event.start is None:
        return None
    if not event.all_day:
        return event.start.astimezone(UTC)
    zone = ZoneInfo(event.timezone)
    return at_clock(event.start.astimezone(zone).date(), time(), zone=zone)


def is_day_later(told: Facts, now: Facts) -> bool:
    """
    Tell whether an event starts at least a day later than readers were told.

    By the clocks of the place where it is now: the same time on the next day is a day
    later, also in the night that has 23 hours.
    """
    zone = ZoneInfo(now.timezone)
    return _naive(begins_at(now), zone) - _naive(begins_at(told), zone) >= _DAY


def reminder_due(start: datetime, zone: ZoneInfo, *, offset: Offset) -> datetime:
    """
    Return the UTC instant *offset* before *start*.

    Raises:
        ValueError: the offset has neither days nor an elapsed time.

    """
    if offset.elapsed is not None:
        earliest = datetime.combine(_FIRST_DAY, time(), UTC)
        begins = start.astimezone(UTC)
        return max(begins, earliest + offset.elapsed) - offset.elapsed
    if offset.days is None:
        msg = f"the offset {offset.key} is empty"
        raise ValueError(msg)
    local = start.astimezone(zone)
    clock = local.time() if offset.at is None else offset.at
    return at_clock(shifted(local.date(), days=-offset.days), clock, zone=zone)


def at_clock(day: date, clock: time, *, zone: ZoneInfo) -> datetime:
    """Return the UTC instant at which *zone* shows *clock* on *day*."""
    return instant(datetime.combine(day, clock), zone).astimezone(UTC)


def shifted(day: date, *, days: int) -> date:
    """Return *day* moved by *days*, stopping a year short of the calendar's ends."""
    ordinal = day.toordinal() + days
    return date.fromordinal(
        min(max(ordinal, _FIRST_DAY.toordinal()), _LAST_DAY.toordinal())
    )


def occurrences(
    schedule: Every | Cron, zone: ZoneInfo, *, after: datetime, until: datetime
) -> list[Occurrence]:
    """Return the schedule's times in (*after*, *until*], earliest first."""
    found: dict[datetime, Occurrence] = {}
    last = _naive(until, zone) + _REACH
    for nominal in CronSim(_cron(schedule), _naive(after, zone) - _REACH):
        if nominal > last:
            break
        occurrence = _occurrence(nominal, zone)
        if after < occurrence.at <= until:
            # A skipped time may coincide with a real one, which comes later.
            found[occurrence.at] = occurrence
    return sorted(found.values())


def latest(
    schedule: Every | Cron, zone: ZoneInfo, *, until: datetime
) -> Occurrence | None:
    """Return the schedule's last time at or before *until*, if it ever had one."""
    for nominal in CronSim(_cron(schedule), _naive(until, zone) + _REACH, reverse=True):
        occurrence = _occurrence(nominal, zone)
        if occurrence.at <= until:
            # Near a clock change, an earlier local time may be a later instant.
            before = occurrence.at - timedelta(seconds=1)
            return occurrences(schedule, zone, after=before, until=until)[-1]
    return None


def _occurrence(nominal: datetime, zone: ZoneInfo) -> Occurrence:
    return Occurrence(at=instant(nominal, zone).astimezone(UTC), nominal=nominal)


def _naive(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _cron(schedule: Every | Cron) -> str:
    if isinstance(schedule, Cron):
        return schedule.expression
    days = ",".join(str(day + 1) for day in sorted(schedule.weekdays)) or "*"
    at = schedule.at
    return f"{at.second} {at.minute} {at.hour} * * {days}"
