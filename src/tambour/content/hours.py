"""
Opening hours in a sentence: "18h00 - 21h00", "De 9h à 12h30", "9am–5pm".

Reads one start and at most one end, or several stretches of one day that follow each
other; anything else is not read at all. Knows neither dates nor zones, and refuses a
text that names a zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from itertools import pairwise

_CLOCK = re.compile(
    r"""
    (?<![:.,]) \b (?P<hour>\d{1,2}) (?: \s?(?:h|heures?)\b \s? (?P<minutes>\d{2}\b)?
                           | h(?P<joined>\d{2})\b
                           | :(?P<minute>\d{2})(?::\d{2})?\b )
       (?: \s?(?P<half>[ap]\.?m\b\.?) )?
  | \b (?P<bare>\d{1,2}) (?= \s?(?: [-–—−] | à | to ) \s?\d{1,2} (?: \s?h | :\d | \s?[ap]\.?m\b ) )
  | \b (?P<twelve>\d{1,2}) \s? (?P<twelve_half>[ap]\.?m\b\.?)
  | \b (?P<word>midi|minuit|noon|midnight)\b
    """,  # noqa: E501 - one shape of a clock per line
    re.VERBOSE | re.IGNORECASE,
)
_LINK = re.compile(r"\s*(?:[-–—−]|à|a|to|until|jusqu['’]à)\s*", re.IGNORECASE)
_AND = re.compile(
    r"\s*(?:et|puis|and|then|,|;|/|&|\+)\s*(?:de|from)?\s*", re.IGNORECASE
)
_NOT_A_START = re.compile(
    r"\b(?:jusqu['’]à|avant|until|before|by|ferm\w+|clos\w+)\s*$", re.IGNORECASE
)
_ZONE = re.compile(
    r"\b(?:UTC|GMT|Z|C?ES?T|EDT|CS?T|CDT|M[SD]T|P[SD]?T|WES?T|BST|IST|[AJ]ST|ET)\b"
)
_WORDS = {"midi": 12, "noon": 12, "minuit": 24, "midnight": 24}
_DAY_END = 24
_NOON = 12
_LATE = time(17)
_SMALL_HOURS = time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From when, and until when if said. An end before the start is the next day's."""

    start: time
    end: time | None = None

    def __str__(self) -> str:
        end = f"–{self.end:%H:%M}" if self.end else ""
        return f"{self.start:%H:%M}{end}"

    @property
    def ends_next_day(self) -> bool:
        """Whether the end has passed midnight."""
        return self.end is not None and self.end <= self.start


def read_hours(text: str) -> Hours | None:
    """Return the hours that *text* surely means, else None."""
    clocks = list(_CLOCK.finditer(text))
    if not clocks or _ZONE.search(text):
        return None
    if _NOT_A_START.search(text[: clocks[0].start()]):
        return None
    minutes = _minutes(clocks)
    if minutes is None or not _is_chain(text, clocks):
        return None
    return _hours(minutes)


def _is_chain(text: str, clocks: list[re.Match[str]]) -> bool:
    """Return whether the clocks read start, end, and start, end, and so on."""
    for place, (one, next_one) in enumerate(pairwise(clocks)):
        between = text[one.end() : next_one.start()]
        if not (_AND if place % 2 else _LINK).fullmatch(between):
            return False
    return len(clocks) == 1 or len(clocks) % 2 == 0


def _minutes(clocks: list[re.Match[str]]) -> list[int] | None:
    """Return the clocks as minutes of the day; None if one cannot be."""
    result = []
    for place, clock in enumerate(clocks):
        half = clock["half"] or clock["twelve_half"]
        if half is None and place % 2 == 0 and place + 1 < len(clocks):
            following = clocks[place + 1]
            half = following["half"] or following["twelve_half"]
        minute = _minute(clock, half)
        if minute is None:
            return None
        result.append(minute)
    return result


def _minute(clock: re.Match[str], half: str | None) -> int | None:
    if clock["word"]:
        return _WORDS[clock["word"].casefold()] * 60
    hour = int(clock["hour"] or clock["bare"] or clock["twelve"])
    minute = int(clock["minute"] or clock["minutes"] or clock["joined"] or 0)
    if half is not None:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half[0] in "pP" else 0)
    is_time = minute < 60 and hour * 60 + minute <= _DAY_END * 60  # noqa: PLR2004 - an hour's
    return hour * 60 + minute if is_time else None


def _hours(minutes: list[int]) -> Hours | None:
    start, end = _time(minutes[0]), _time(minutes[-1])
    if len(minutes) == 1:
        return Hours(start=start)
    rising = all(a < b for a, b in pairwise(minutes))
    overnight = len(minutes) == 2 and start >= _LATE and end <= _SMALL_HOURS  # noqa: PLR2004 - one start, one end
    if rising or (overnight and start != end):
        return Hours(start=start, end=end)
    return None


def _time(minutes: int) -> time:
    return time(minutes // 60 % _DAY_END, minutes % 60)
