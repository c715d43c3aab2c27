"""
A calendar file read into events, with everything that is wrong in it.

Every VEVENT gives an event, held when it has an error; one that cannot be read at all
gives none, and is told from an empty one. What changes one time of a repeated event
goes with that event.
Source: RFC 5545 §3.6.1, §3.8.4.4, §3.8.4.7 (UID), §3.8.7.4 (SEQUENCE).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from zoneinfo import ZoneInfo

from icalendar.prop import vDDDTypes

from tambour.content.coercion import clean_line
from tambour.content.event_file import Origin, softened
from tambour.content.findings import Findings
from tambour.content.happenings import EventFile
from tambour.content.ics_lines import (
    CalendarError,
    Component,
    Property,
    read_calendars,
)
from tambour.content.ics_times import Clock, IcsTimeReader, IcsTimes, Moment
from tambour.content.ics_words import IcsWords
from tambour.content.ics_zones import Zones, zone_named
from tambour.content.recurrence import Recurrence
from tambour.content.series import Series, part_of, stamp
from tambour.content.terms import Patterns
from tambour.model import Event, EventId, EventStatus
from tambour.problems import Problem

MENDED_THERE = "mend it where the calendar is kept; the event is left out until then"
_HIDDEN = frozenset({"PRIVATE", "CONFIDENTIAL"})
_STATUSES = {
    "CANCELLED": EventStatus.CANCELLED,
    "CANCELED": EventStatus.CANCELLED,
    "POSTPONED": EventStatus.POSTPONED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """What a calendar gives; with `is_read` False nobody knows its events."""

    files: tuple[EventFile, ...]
    problems: tuple[Problem, ...] = ()
    is_read: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """One VEVENT as read: the event, and which time of a repeated one it is."""

    event: Event
    times: IcsTimes | None
    component: Component
    findings: Findings
    recurrence_id: Moment | None
    line: int
    series: Series | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with it, which weighs nothing while it is private."""
        return softened(self.findings.problems, self.event)

    @property
    def revision(self) -> tuple[int, datetime]:
        """Tell which of two is the later."""
        number = self.component.first("SEQUENCE")
        digits = number.value.strip() if number else ""
        is_number = digits.isdecimal() and digits.isascii() and len(digits) < 10  # noqa: PLR2004 - as RFC 5545 counts
        at = _stamped(self.component.first("LAST-MODIFIED", "DTSTAMP"))
        return int(digits) if is_number else 0, at or datetime.min.replace(tzinfo=UTC)


def read_calendar(raw: bytes, *, path: str, origin: Origin) -> CalendarFile:
    """Return what the calendar says; *path* is for people, relative to the project."""
    findings = Findings(path)
    try:
        calendars = read_calendars(raw)
    except CalendarError as error:
        mend = "nothing of it is known until it is whole again"
        findings.add("E216", error.line, str(error), mend=mend)
        return CalendarFile(files=(), problems=findings.problems, is_read=False)
    versions: dict[str, list[_Version]] = {}
    for calendar in calendars:
        reader = _CalendarReader(calendar, path, origin)
        for event in calendar.named("VEVENT"):
            version = reader.version(event)
            versions.setdefault(version.event.id, []).append(version)
    files = [file for group in versions.values() for file in _together(group)]
    return CalendarFile(files=tuple(files))


class _CalendarReader:
    """One VCALENDAR's events, one by one."""

    def __init__(self, calendar: Component, path: str, origin: Origin) -> None:
        self.path = path
        self.origin = origin
        self.rules = origin.dialect.rules
        named_zone = calendar.first("X-WR-TIMEZONE")
        own = zone_named(named_zone.value) if named_zone is not None else None
        # A calendar whose owner chose no zone says UTC, where nobody lives.
        zone = origin.site.zone if own is None or own.key == "UTC" else own
        rules = calendar.named("VTIMEZONE")
        self.clock = Clock(zones=Zones(rules, origin.site.zone), zone=zone)
        method = calendar.first("METHOD")
        self.is_cancelled = bool(method and method.value.strip().upper() == "CANCEL")

    def version(self, component: Component) -> _Version:
        """Return one VEVENT as it is understood."""
        findings = Findings(self.path)
        _check_lines(component, findings)
        reader = IcsTimeReader(component, self.clock, self.rules, findings)
        times = reader.times()
        recurrence_id = reader.recurrence_id()
        series = None
        if times is not None and recurrence_id is None:
            recurrence, line = reader.recurrence(times.start)
            if recurrence is not None:
                series = Series(
                    first=times.start.local,
                    zone=times.start.zone if not times.start.is_day else times.zone,
                    recurrence=recurrence,
                    line=line,
                )
        uid = component.first("UID")
        event = self._event(component, times, findings)
        return _Version(
            event=event,
            times=times,
            component=component,
            findings=findings,
            recurrence_id=recurrence_id,
            line=uid.line if uid else component.line,
            series=None if event.status is EventStatus.HELD else series,
        )

    def _event(
        self, component: Component, times: IcsTimes | None, findings: Findings
    ) -> Event:
        words = IcsWords(component, self.origin.site.url, findings)
        title = words.line("SUMMARY") or ""
        if not title:
            mend = "add SUMMARY"
            findings.add("E210", component.line, "there is no title", mend=mend)
        name, is_named = _name(component)
        if not is_named:
            message = "the event has no UID, by which it would be known again"
            findings.add("E216", component.line, message, mend=MENDED_THERE)
        venue, link = words.place()
        conference = words.conference()
        url = words.page() or (conference[1] if conference else link)
        return Event(
            id=EventId(name if is_named else f"{self.origin.source.id}/{name}"),
            source=self.origin.source.id,
            path=f"{self.path}#{name}",
            title=title,
            start=times.times.start if times else None,
            end=times.times.end if times else None,
            all_day=bool(times and times.times.all_day),
            timezone=times.zone.key if times else self.clock.zone.key,
            venue=venue,
            url=url,
            image=words.image(),
            summary=words.summary(),
            body=words.body(),
            tags=words.tags(),
            language=self.origin.site.language,
            details=words.details(),
            online=bool(conference or link)
            or _fits(self.rules.online_if, title=title, venue=venue),
            organizer=words.organizer(),
            modified=_stamped(component.first("LAST-MODIFIED")),
            status=self._status(component, title, findings),  # the last, as elsewhere
        )

    def _status(
        self, component: Component, title: str, findings: Findings
    ) -> EventStatus:
        given, access = component.first("STATUS"), component.first("CLASS")
        if access is not None and access.value.strip().upper() in _HIDDEN:
            return EventStatus.HIDDEN
        if findings.has_error:
            return EventStatus.HELD
        word = given.value.strip().upper() if given else ""
        if self.is_cancelled or word in _STATUSES:
            return _STATUSES.get(word, EventStatus.CANCELLED)
        if _fits(self.rules.cancelled_if, title=title, venue=None):
            return EventStatus.CANCELLED
        if _fits(self.rules.postponed_if, title=title, venue=None):
            return EventStatus.POSTPONED
        return EventStatus.SCHEDULED


def _together(group: list[_Version]) -> Iterable[EventFile]:
    """Return one file for all that has one UID, and others for what is in its way."""
    wholes = [one for one in group if one.recurrence_id is None]
    changes = [one for one in group if one.recurrence_id is not None]
    whole = _latest(wholes) if wholes else None
    if whole is None:
        return [_alone(one) for one in changes]
    others = [one for one in wholes if one is not whole]
    moved: dict[datetime, _Version] = {}
    zone = whole.series.zone if whole.series else ZoneInfo(whole.event.timezone)
    for one in sorted(changes, key=lambda change: change.revision):
        if one.recurrence_id is not None:
            moved[_meant(one.recurrence_id, whole, zone)] = one
    series = whole.series
    if series is None and moved and whole.times and not whole.findings.has_error:
        series = _only_once(whole.times)
    if series is not None:
        series = replace(series, moved={at: one.event for at, one in moved.items()})
    contradicting = [one for one in others if one.revision == whole.revision]
    event = whole.event
    if any(not _is_same(one.event, event) for one in contradicting):
        for one in contradicting:
            message = f"the UID {event.id!r} is already that of line {whole.line}"
            mend = "give one of them another UID; until then both are held"
            whole.findings.add("E209", one.line, message, mend=mend)
        event, series = replace(event, status=EventStatus.HELD), None
    found = [*(one.problems for one in moved.values()), whole.problems]
    return [
        EventFile(
            event=event,
            problems=tuple(sorted(chain.from_iterable(found))),
            id_line=whole.line,
            series=series,
        )
    ]


def _meant(given: Moment, whole: _Version, zone: ZoneInfo) -> datetime:
    """Return which start is meant; where one side is a day, the day tells."""
    local = given.on(zone)
    if whole.times is None or given.is_day is whole.times.start.is_day is False:
        return local
    return datetime.combine(local.date(), whole.times.start.local.time())


def _latest(versions: list[_Version]) -> _Version:
    """Return the last revision; of equals the one that stands first."""
    best = versions[0]
    for one in versions[1:]:
        best = one if one.revision > best.revision else best
    return best


def _only_once(times: IcsTimes) -> Series:
    """Return the series of an event whose repetitions stand for themselves."""
    from_start = times.start
    zone = times.zone if from_start.is_day else from_start.zone
    return Series(first=from_start.local, zone=zone, recurrence=Recurrence())


def _alone(one: _Version) -> EventFile:
    """Return one time of an event that the calendar does not have as a whole."""
    event = one.event
    if one.recurrence_id is not None:
        local = one.recurrence_id.on(event.zone)
        event = part_of(event, event, stamp(local, all_day=one.recurrence_id.is_day))
    return EventFile(event=event, problems=one.problems, id_line=one.line)


def _is_same(one: Event, other: Event) -> bool:
    return replace(one, path=other.path) == other


def _check_lines(component: Component, findings: Findings) -> None:
    for one in component.properties:
        if one.error and not one.name.startswith("X-"):
            message = f"{one.name}: {one.error}"
            findings.add("E216", one.line, message, mend=MENDED_THERE)


def _name(component: Component) -> tuple[str, bool]:
    uid = component.first("UID")
    name = clean_line(uid.value) if uid is not None else ""
    return (name, True) if name else (f"line-{component.line}", False)


def _fits(patterns: Patterns, *, title: str, venue: str | None) -> bool:
    texts = {"title": title, "venue": venue or ""}
    return any(
        pattern.search(texts[field]) for field, pattern in patterns if field in texts
    )


def _stamped(given: Property | None) -> datetime | None:
    """Return an instant that a machine wrote; None if it did not."""
    if given is None:
        return None
    try:
        value = vDDDTypes.from_ical(given.value.strip())  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    is_instant = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(UTC) if is_instant else None
