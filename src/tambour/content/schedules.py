"""
Schedules as editors write them: `monday 08:00`, `7d at 09:00`, `14d`.

Text in, values out; knows no calendar of its own and no campaign.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from cronsim import CronSim, CronSimError

from tambour.config import parse_duration
from tambour.content.coercion import WEEKDAYS
from tambour.model import Cron, Every, Offset

_EVERY = re.compile(r"(?P<days>.+?)[\s,]+(?:at\s+|à\s+)?(?P<clock>\S+)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})|h(\d{2})?)")
_AT = re.compile(r"\s+(?:at|à)\s+")
_DAILY = frozenset({"day", "jour"})
_WORKING = frozenset({"weekday", "weekdays"})
_DAY = timedelta(days=1)
_MAX_DAYS = 366
_CRON_FIELDS = 5


def read_every(text: str) -> Every:
    """
    Return the days and the hour of `monday 08:00`, `day 08:00`, `weekday 8h`.

    Raises:
        ValueError: *text* is none of these.

    """
    match = _EVERY.fullmatch(text.strip().casefold())
    if match is None:
        raise ValueError(_not_every(text))
    days: set[int] = set()
    words = [word for word in re.split(r"[\s,]+|\band\b|\bet\b", match["days"]) if word]
    for word in words:
        if word in _DAILY:
            days |= set(range(7))
        elif word in _WORKING:
            days |= set(range(5))
        elif word in WEEKDAYS:
            days.add(WEEKDAYS[word])
        else:
            raise ValueError(_not_every(text))
    at = _read_clock(match["clock"])
    is_daily = len(days) == len(range(7))
    return Every(at=at, weekdays=frozenset() if is_daily else frozenset(days))


def _not_every(text: str) -> str:
    return f"{text!r} is not a schedule; write one like monday 08:00 or day 08:00"


def _read_clock(text: str) -> time:
    match = _CLOCK.fullmatch(text.strip())
    try:
        if match is not None:
            return time(int(match[1]), int(match[2] or match[3] or 0))
    except ValueError:
        pass
    msg = f"{text!r} is not a time of day; write one like 08:00"
    raise ValueError(msg)


def read_cron(text: str) -> Cron:
    """
    Return the cron expression *text*, which has five fields.

    Raises:
        ValueError: a field is missing, wrong, or names a day that never comes.

    """
    if len(text.split()) != _CRON_FIELDS:
        msg = f"{text!r} is not minute, hour, day, month and weekday: 0 8 * * 1"
        raise ValueError(msg)
    try:
        CronSim(text, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        msg = f"{text!r}: {str(error).lower()}"
        raise ValueError(msg) from None
    return Cron(expression=" ".join(text.split()))


def read_offset(text: str) -> Offset:
    """
    Return how long before a start `7d at 09:00`, `30d`, `1w`, `2h` or `30m` is.

    Raises:
        ValueError: *text* is none of these.

    """
    length, *clock = _AT.split(text.strip().casefold())
    before = parse_duration(length)
    unit = length.strip()[-1]
    if unit in "dw" and len(clock) <= 1 and before <= _MAX_DAYS * _DAY:
        at = _read_clock(clock[0]) if clock else None
        if before or at:
            key = f"{before.days}d" + (f"-{at:%H%M}" if at else "")
            return Offset(key=key, days=before.days, at=at)
    elif unit in "hm" and not clock and timedelta() < before <= _MAX_DAYS * _DAY:
        minutes = before // timedelta(minutes=1)
        key = f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
        return Offset(key=key, elapsed=before)
    msg = f"{text!r} is not a time before an event; write 7d at 09:00, 1d or 2h"
    raise ValueError(msg)


def read_days(text: str) -> int:
    """
    Return the days of `14d` or `2w`, 0 for `now`.

    Raises:
        ValueError: *text* is not in whole days, or more than a year.

    """
    if text.strip().casefold() == "now":
        return 0
    length = parse_duration(text)
    if length % _DAY or length > _MAX_DAYS * _DAY:
        msg = f"{text!r} is not in whole days, up to a year; write 14d or 2w"
        raise ValueError(msg)
    return length.days
