"""
When an event takes place, in the reader's words.

Dates and times are the event's own, in its zone, as its poster would print them; the
zone is said when it disagrees with the site's. Patterns come from the language files,
names from CLDR through Babel. Source: Unicode TR35 part 4, date format patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates as cldr

from tambour.model import Event
from tambour.rendering.words import Catalogue, catalogue

SMALL_HOURS = time(6)
"""A night out that ends by then still belongs to the evening it began."""

_BARE_DAY = re.compile(r"(?<![A-Za-z'])d(?![A-Za-z'])")
NOON = 12


def when(event: Event, *, language: str, site_zone: ZoneInfo) -> str:
    """
    Return day, hours and, where needed, zone: "jeudi 23 mai 2019, de 18 h à 21 h".

    Raises:
        ValueError: the event has no start.

    """
    start, words = _start(event), catalogue(language)
    return _with_zone(_when(event, start, words), event, words, site_zone=site_zone)


def when_short(
    event: Event, *, language: str, site_zone: ZoneInfo, year: int | None = None
) -> str:
    """Return "jeu. 23 mai, 18 h"; the year is said when it is not *year*."""
    start, words = _start(event), catalogue(language)
    key = "short_day" if start.year == year else "short_day_year"
    day = day_text(start, words.dates[key], words)
    if event.all_day:
        return day
    said = str(words.dates["short_at"]).format(day=day, start=_clock(start, words))
    return _with_zone(said, event, words, site_zone=site_zone)


def span(first: date, last: date, *, language: str) -> str:
    """Return "du 3 au 5 décembre 2019", or the one day that both are."""
    words = catalogue(language)
    if first == last:
        return day_text(first, words.dates["day"], words)
    return _span(first, last, words)


def day_text(day: date, pattern: str, words: Catalogue) -> str:
    """Return *day* as *pattern* shows it, the first of a month as people say it."""
    first = words.dates.get("first_of_month")
    if first and day.day == 1:
        pattern = _BARE_DAY.sub(f"'{first}'", pattern)
    return cldr.format_date(day, pattern, locale=words.locale)


def _start(event: Event) -> datetime:
    if event.start is None:
        msg = f"{event.id} has no start"
        raise ValueError(msg)
    return event.start


def _with_zone(
    said: str, event: Event, words: Catalogue, *, site_zone: ZoneInfo
) -> str:
    start = _start(event)
    if event.all_day or start.utcoffset() == start.astimezone(site_zone).utcoffset():
        return said
    city = cldr.get_timezone_location(
        event.timezone, locale=words.locale, return_city=True
    )
    return str(words.dates["zone"]).format(when=said, city=city)


def _when(event: Event, start: datetime, words: Catalogue) -> str:
    end = event.end if event.end is not None and event.end > start else None
    day = day_text(start, words.dates["day"], words)
    if event.all_day:
        same_day = end is None or end.date() == start.date()
        return day if same_day or end is None else _span(start, end, words)
    if end is None:
        return str(words.dates["at"]).format(day=day, start=_clock(start, words))
    if _is_one_evening(start, end):
        opening = _opening(start, end, words)
        rule = str(words.dates["from_to"])
        return rule.format(day=day, start=opening, end=_clock(end, words))
    return _join(words.dates["with_times"], start, end, words)


def _is_one_evening(start: datetime, end: datetime) -> bool:
    if start.date() == end.date():
        return True
    tomorrow = start.date() + timedelta(days=1)
    return (
        end.date() == tomorrow
        and end.time() <= SMALL_HOURS
        and start.time() > end.time()
    )


def _clock(at: datetime, words: Catalogue) -> str:
    if at.time() == time(0) and "midnight" in words.dates:
        return str(words.dates["midnight"])
    pattern = words.dates["minute" if at.minute else "hour"]
    return cldr.format_time(at.time(), pattern, locale=words.locale)


def _opening(start: datetime, end: datetime, words: Catalogue) -> str:
    pattern = words.dates.get("start_in_same_half")
    same_half = start.date() == end.date() and (start.hour < NOON) == (end.hour < NOON)
    if pattern is None or not same_half:
        return _clock(start, words)
    return cldr.format_time(start.time(), pattern, locale=words.locale)


def _span(first: date, last: date, words: Catalogue) -> str:
    if first.year != last.year:
        return _join(words.dates["any_year"], first, last, words)
    key = "same_month" if first.month == last.month else "same_year"
    return _join(words.dates[key], first, last, words)


def _join(rule: Mapping[str, Any], first: date, last: date, words: Catalogue) -> str:
    clocks = {}
    if isinstance(first, datetime) and isinstance(last, datetime):
        clocks = {"start": _clock(first, words), "end": _clock(last, words)}
    return str(rule["join"]).format(
        first=day_text(first, rule["first"], words),
        last=day_text(last, rule["last"], words),
        **clocks,
    )
