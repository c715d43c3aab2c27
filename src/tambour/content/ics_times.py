"""
When an event of a calendar takes place, and when again.

Reads DTSTART, DTEND, DURATION, RRULE, RDATE, EXDATE and RECURRENCE-ID; complains at
their lines. What clocks show is kept apart from the zone they are in until the end.
Source: RFC 5545 §3.3.4 to §3.3.6, §3.6.1, §3.8.2, §3.8.4.4, §3.8.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar.prop import vDDDTypes, vDuration

from tambour.content.findings import Findings
from tambour.content.ics_lines import Component, Property
from tambour.content.ics_zones import Zones
from tambour.content.recurrence import (
    Recurrence,
    RecurrenceError,
    Rule,
    read_rule,
)
from tambour.content.terms import Rules
from tambour.content.times import Times
from tambour.model import instant

_DAY = timedelta(days=1)
_UTC = ZoneInfo("UTC")
_LONG_AGO = 1900
"""A feast that comes every year may have begun before anybody here was born."""
_LEAVE_OUT = "mend it where the calendar is kept; the event is left out until then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The zones of a calendar, and the one of times that name none."""

    zones: Zones
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Moment:
    """What a clock of *zone* shows; a day alone is its midnight."""

    local: datetime
    zone: ZoneInfo
    is_day: bool = False

    def on(self, zone: ZoneInfo) -> datetime:
        """Return what clocks of *zone* show then; a day stays that day."""
        if self.is_day or zone.key == self.zone.key:
            return self.local
        return instant(self.local, self.zone).astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcsTimes:
    """When an event takes place; *times* are in the zone that people read."""

    start: Moment
    times: Times
    zone: ZoneInfo


class IcsTimeReader:
    """One VEVENT's times."""

    def __init__(
        self, event: Component, clock: Clock, rules: Rules, findings: Findings
    ) -> None:
        self._event = event
        self._clock = clock
        self._rules = rules
        self._findings = findings

    def times(self) -> IcsTimes | None:
        """Return when it takes place; None, with a problem, if that is not known."""
        given = self._event.first("DTSTART")
        if given is None:
            message = "there is no start date"
            self._add("E204", self._event.line, message, "add DTSTART")
            return None
        start = self.moment(given)
        if start is None:
            return None
        end, line = self._end(start)
        if self._is_whole_day(start, end):
            start = Moment(start.local, start.zone, is_day=True)
            end = end and Moment(end.local, end.zone, is_day=True)
        # A machine's time says nothing of where people are, so the calendar does.
        zone = self._clock.zone if start.zone.key == "UTC" else start.zone
        begun = instant(start.local, zone if start.is_day else start.zone)
        ended = None if end is None else self._ended(start, end, zone)
        if ended is not None and ended < begun:
            note = f"start is {begun:%Y-%m-%d %H:%M} (line {given.line})"
            message = "end is before start"
            self._findings.add("E203", line, message, note=note, mend=_LEAVE_OUT)
        times = Times(
            start=begun.astimezone(zone),
            end=ended if ended is not None and ended > begun else None,
            all_day=start.is_day,
        )
        return IcsTimes(start=start, times=times, zone=zone)

    def recurrence(self, start: Moment) -> tuple[Recurrence | None, int]:
        """Return when it takes place again, None for never, and the line of that."""
        rules = self._event.all("RRULE")
        dates, excluded = self._event.all("RDATE"), self._event.all("EXDATE")
        for one in self._event.all("EXRULE"):
            self._complain(one, "EXRULE is not understood; write the dates as EXDATE")
        if not (rules or dates):
            return None, 0
        zone = start.zone
        line = (*rules, *dates)[0].line
        added = [self._added(one, start) for prop in dates for one in self._each(prop)]
        out = [one for prop in excluded for one in self._each(prop)]
        return (
            Recurrence(
                rule=self._rule(rules, zone),
                added=tuple(added),
                excluded=frozenset(
                    one.local.date() if one.is_day else one.on(zone) for one in out
                ),
            ),
            line,
        )

    def recurrence_id(self) -> Moment | None:
        """Return which time of a repeated event this one stands for."""
        given = self._event.first("RECURRENCE-ID")
        if given is None:
            return None
        if "RANGE" in given.parameters:
            message = "RANGE is not understood: it changes all that follow"
            self._complain(given, message)
        return self.moment(given)

    def moment(self, given: Property) -> Moment | None:
        """Return the only time that a property gives."""
        found = list(self._each(given))
        if len(found) != 1 and not self._findings.has_error:
            self._add("E205", given.line, f"{given.value!r} is not one date", "")
        return found[0] if found else None

    # ── one value ────────────────────────────────────────────────────────────

    def _each(self, given: Property) -> Iterator[Moment]:
        if given.error:
            self._complain(given, given.error)
            return
        for text in filter(None, map(str.strip, given.value.split(","))):
            moment = self._read(text, given)
            if moment is not None:
                yield moment

    def _read(self, text: str, given: Property) -> Moment | None:
        try:
            value = vDDDTypes.from_ical(text)  # type: ignore[no-untyped-call]
        except ValueError:
            value = None
        if isinstance(value, tuple):  # a period, of which the start counts
            value = value[0]
        if not isinstance(value, date):
            message = f"{text!r} is not a date; write it as 20270531T183000"
            self._add("E205", given.line, message, "")
            return None
        since, until = self._rules.plausible_years
        if self._event.first("RRULE") is not None:
            since = min(since, _LONG_AGO)
        if not since <= value.year <= until:
            message = f"the year {value.year} cannot be meant"
            mend = f"mend the year; those from {since} to {until} are believed"
            self._add("E206", given.line, message, mend)
            return None
        if not isinstance(value, datetime):
            midnight = datetime.combine(value, time())
            return Moment(midnight, self._clock.zone, is_day=True)
        if value.tzinfo is not None:
            return Moment(value.astimezone(UTC).replace(tzinfo=None), _UTC)
        zone = self._zone(given, value.year)
        return None if zone is None else Moment(value, zone)

    def _zone(self, given: Property, year: int) -> ZoneInfo | None:
        name = given.parameters.get("TZID", "").strip()
        if not name:
            return self._clock.zone
        zone = self._clock.zones.find(name, year=year)
        if zone is None:
            message = f"{name!r} is not a time zone, nor has the calendar its rules"
            self._add("E207", given.line, message, _LEAVE_OUT)
        return zone

    # ── the end ──────────────────────────────────────────────────────────────

    def _end(self, start: Moment) -> tuple[Moment | None, int]:
        given = self._event.first("DTEND")
        if given is not None:
            return self.moment(given), given.line
        given = self._event.first("DURATION")
        if given is None:
            return None, 0
        try:
            length = vDuration.from_ical(given.value)  # type: ignore[no-untyped-call]
            end = start.local + length
        except (ValueError, OverflowError):
            self._add("E205", given.line, f"{given.value!r} is not a duration", "")
            return None, 0
        if not start.is_day:  # days by the calendar, hours by the hand of the clock
            days = timedelta(days=length.days)
            moment = instant(start.local + days, start.zone).astimezone(UTC)
            end = (moment + (length - days)).astimezone(start.zone).replace(tzinfo=None)
        return Moment(end, start.zone, start.is_day), given.line

    def _is_whole_day(self, start: Moment, end: Moment | None) -> bool:
        """Return whether it is Outlook's way to write an event of whole days."""
        flag = self._event.first("X-MICROSOFT-CDO-ALLDAYEVENT")
        moments = [start] if end is None else [start, end]
        is_flagged = flag is not None and flag.value.strip().upper() == "TRUE"
        return is_flagged and all(one.local.time() == time() for one in moments)

    def _ended(self, start: Moment, end: Moment, zone: ZoneInfo) -> datetime:
        """Return the end; that of whole days is the last of them, not the next."""
        if not start.is_day:
            return instant(end.on(start.zone), start.zone).astimezone(zone)
        last = datetime.combine(end.local.date(), time())
        if end.is_day and last != start.local:
            last -= _DAY
        return instant(last, zone)

    # ── again ────────────────────────────────────────────────────────────────

    def _rule(self, given: list[Property], zone: ZoneInfo) -> Rule | None:
        if not given:
            return None
        if len(given) > 1:
            self._complain(given[1], "there is more than one RRULE")
        try:
            return read_rule(given[0].value, zone=zone)
        except RecurrenceError as error:
            self._complain(given[0], str(error))
            return None

    def _added(self, one: Moment, start: Moment) -> datetime:
        if one.is_day and not start.is_day:
            return datetime.combine(one.local.date(), start.local.time())
        return one.on(start.zone)

    def _complain(self, given: Property, message: str) -> None:
        code = "E216" if given.error else "E215"
        self._add(code, given.line, message, _LEAVE_OUT)

    def _add(self, code: str, line: int, message: str, mend: str) -> None:
        self._findings.add(code, line, message, mend=mend or _LEAVE_OUT)
