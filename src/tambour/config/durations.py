"""Durations and rates as people write them: `10m`, `14d`, `10/s`."""

from __future__ import annotations

import re
from datetime import timedelta

from tambour.model import RATE_UNITS, Rate

UNITS = {**RATE_UNITS, "w": timedelta(weeks=1)}
_RATE = re.compile(r"^(\d{1,9})\s*/\s*([smhd])$")


def parse_duration(text: str) -> timedelta:
    """
    Return the length of `90s`, `10m`, `2h`, `14d` or `1w`.

    Raises:
        ValueError: *text* is none of these.

    """
    match = re.fullmatch(r"(\d{1,6})\s*([smhdw])", text.strip())
    if match is None:
        msg = f"{text!r} is not a duration; write a number and s, m, h, d or w: 10m"
        raise ValueError(msg)
    return int(match[1]) * UNITS[match[2]]


def show_duration(length: timedelta) -> str:
    """Return *length* in the largest unit that fits: `10m`, `24h` as `1d`."""
    fits = (unit for unit in reversed(UNITS) if not length % UNITS[unit])
    unit = next(fits)
    return f"{length // UNITS[unit]}{unit}"


def parse_rate(text: str) -> Rate:
    """
    Return the rate of `10/s`, `30/m`, `50/h` or `2000/d`.

    Raises:
        ValueError: *text* is none of these.

    """
    match = _RATE.match(text.strip())
    if match is None or int(match[1]) == 0:
        msg = f"{text!r} is not a rate; write a number per s, m, h or d: 10/s"
        raise ValueError(msg)
    return Rate(int(match[1]), UNITS[match[2]])
