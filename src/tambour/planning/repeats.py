"""
The times of a repeated event: whose they are, and which is which after all were moved.

A path that ends in `@` and a start is one time of the event before it. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from zoneinfo import ZoneInfo

from tambour.model import Event, Facts, KnownEvent

_Day = tuple[str, str, date]


def whole_of(path: str) -> str:
    """Return the path of the whole that has one time at *path*; empty for none."""
    return path.rpartition("@")[0]


def on_one_day(
    files: Iterable[Event], lost: Iterable[KnownEvent]
) -> Iterator[tuple[Event, KnownEvent]]:
    """Yield what is the only time of one whole on a day, and was the only one then."""
    found: dict[_Day, list[Event]] = defaultdict(list)
    missed: dict[_Day, list[KnownEvent]] = defaultdict(list)
    for file in files:
        whole = whole_of(file.path)
        if whole and file.start is not None:
            found[file.source, whole, _day(file.facts())].append(file)
    for one in lost:
        whole = whole_of(one.path)
        if whole:
            missed[one.source, whole, _day(one.facts)].append(one)
    for day in found.keys() & missed.keys():
        if len(found[day]) == len(missed[day]) == 1:
            yield found[day][0], missed[day][0]


def _day(facts: Facts) -> date:
    return facts.start.astimezone(ZoneInfo(facts.timezone)).date()
