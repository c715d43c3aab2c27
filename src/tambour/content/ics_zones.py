"""
Which time zone a calendar means by the name it gives one.

By the IANA name, or the one Windows has, or one with a maker's prefix; else by the
rules that the calendar itself writes down, if a zone there is follows them. Never takes
one for granted: a name that means nothing gives None.
Source: RFC 5545 §3.2.19 (TZID), §3.6.5 (VTIMEZONE); libical's X-LIC-LOCATION.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from tambour.content.ics_lines import Component
from tambour.content.recurrence import read_rule

_UTC_NAMES = frozenset({"utc", "gmt", "z", "etc/utc", "tzone://microsoft/utc"})
_STEP = timedelta(days=5)
_STEPS = 150
"""Two years in steps of five days: whatever clocks do, it shows."""
_YEAR = timedelta(days=366)

_Offsets = tuple[timedelta | None, ...]


class Zones:
    """The zones of one calendar; the *site*'s is preferred among equals."""

    def __init__(self, rules: Iterable[Component], site: ZoneInfo) -> None:
        self._site = site
        self._rules: dict[str, Component] = {}
        for rule in rules:
            named = rule.first("TZID")
            if named is not None:
                self._rules.setdefault(named.value.strip(), rule)
        self._found: dict[tuple[str, int], ZoneInfo | None] = {}

    def find(self, name: str, *, year: int) -> ZoneInfo | None:
        """Return the zone of this name, by its rules of *year* where only they tell."""
        key = name.strip().strip('"'), year
        if key not in self._found:
            self._found[key] = zone_named(key[0]) or self._by_rules(*key)
        return self._found[key]

    def _by_rules(self, name: str, year: int) -> ZoneInfo | None:
        rules = self._rules.get(name)
        if rules is None:
            return None
        place = rules.first("X-LIC-LOCATION")
        named = zone_named(place.value) if place is not None else None
        offsets = _offsets_by(rules, year)
        if named is not None or offsets is None:
            return named
        others = (_zone(one) for one in dict.fromkeys(WINDOWS_TO_OLSON.values()))
        zones = (self._site, *filter(None, others))
        return next((one for one in zones if _offsets(one.key, year) == offsets), None)


def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone that a *name* means by itself."""
    name = name.strip()
    if name.casefold().strip("/") in _UTC_NAMES:
        return ZoneInfo("UTC")
    cleaned = name.strip("/")
    found = _zone(cleaned) or _zone(WINDOWS_TO_OLSON.get(cleaned, ""))
    parts = cleaned.split("/")
    is_prefixed = name.startswith("/")
    for begin in range(1, len(parts) - 1) if is_prefixed and not found else ():
        found = found or _zone("/".join(parts[begin:]))
    return found


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def _offsets(key: str, year: int) -> _Offsets:
    return _sampled(ZoneInfo(key), year)


def _offsets_by(rules: Component, year: int) -> _Offsets | None:
    try:
        for part in rules.components:
            _refuse_endless(part)
        component = Timezone.from_ical(rules.text())
        if not isinstance(component, Timezone):
            return None
        return _sampled(component.to_tz(lookup_tzid=False), year)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # the library tells bad rules in many ways


def _sampled(zone: tzinfo, year: int) -> _Offsets:
    noon = datetime(year, 1, 1, 12, tzinfo=zone)
    return tuple((noon + _STEP * step).utcoffset() for step in range(_STEPS))


def _refuse_endless(part: Component) -> None:
    """Raise for rules that dateutil would follow for hours, and no zone has."""
    for one in part.all("RRULE"):
        rule = read_rule(one.value, zone=ZoneInfo("UTC"))
        if "YEARLY" not in rule.text.upper():
            msg = "clocks are not changed more than once a year by one rule"
            raise ValueError(msg)
        year = datetime(2000, 1, 1)  # noqa: DTZ001 - what a clock shows
        for _ in rule.starts(year, until=year + 2 * _YEAR):
            pass
