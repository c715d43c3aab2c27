"""
An event that takes place several times, and each time an event of its own.

What takes place when it always did keeps its name for ever: the name of the whole, and
when that time was to start; so it is known again after it was moved. Reads no file.
Source: RFC 5545 §3.8.4.4 (RECURRENCE-ID). Unlike §3.8.5.3, the end is where clocks show
what the first one's showed, also in the night in which they change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tambour.content.recurrence import AHEAD, Recurrence, RecurrenceError, Window
from tambour.model import Event, EventId, EventStatus, instant

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """
    When an event takes place: *first* is what clocks of *zone* show at its start.

    `moved` are those that are not as the rest, by the start they were to have; `line`
    is where its recurrence stands.
    """

    first: datetime
    zone: ZoneInfo
    recurrence: Recurrence
    line: int = 0
    moved: Mapping[datetime, Event] = field(default_factory=dict)

    def occurrences(
        self, whole: Event, window: Window | None
    ) -> tuple[tuple[Event, ...], str | None]:
        """
        Return what takes place within *window*, and what is wrong if all is held.

        Without a window it begins with the first.
        """
        if window is None:
            begin = instant(self.first, self.zone)
            window = Window(since=begin - _DAY, until=begin + AHEAD)
        try:
            starts = self.recurrence.starts(
                self.first,
                since=self._shown(window.since) - _DAY,
                until=self._shown(window.until) + _DAY,
            )
        except RecurrenceError as error:
            return (replace(whole, status=EventStatus.HELD),), str(error)
        return tuple(self._each(whole, starts, window)), None

    def _each(
        self, whole: Event, starts: tuple[datetime, ...], window: Window
    ) -> Iterator[Event]:
        for start in starts:
            if start not in self.moved and window.has(instant(start, self.zone)):
                yield self._at(whole, start)
        for start, event in self.moved.items():
            was = instant(start, self.zone)
            if window.has(was) or (event.start and window.has(event.start)):
                yield part_of(event, whole, self._name(start, whole))

    def _at(self, whole: Event, local: datetime) -> Event:
        start = instant(local, self.zone).astimezone(whole.zone)
        end = None
        if whole.end is not None:
            length = self._shown(whole.end) - self.first
            end = instant(local + length, self.zone).astimezone(whole.zone)
            end = end if end > start else None
        one = replace(whole, start=start, end=end)
        return part_of(one, whole, self._name(local, whole))

    def _name(self, local: datetime, whole: Event) -> str:
        if self.zone.key != whole.timezone:
            local = instant(local, self.zone).astimezone(whole.zone)
        return stamp(local, all_day=whole.all_day)

    def _shown(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None)


def part_of(one: Event, whole: Event, name: str) -> Event:
    """Return *one* under its own name, which is of its *whole*."""
    return replace(one, id=EventId(f"{whole.id}@{name}"), path=f"{whole.path}@{name}")


def stamp(local: datetime, *, all_day: bool) -> str:
    """Return a start as names have it: `20270401T1900`, `20270401`."""
    if all_day:
        return f"{local:%Y%m%d}"
    return f"{local:%Y%m%dT%H%M%S}" if local.second else f"{local:%Y%m%dT%H%M}"
