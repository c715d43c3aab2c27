"""
When an event starts and ends, from its dates, its hours in words, and its dialect.

Works on what clocks show for as long as it can, and asks the zone last. Never settles
a contradiction in silence: the start's own hour wins over words, with a warning; an
end before the start holds the event back.
Source: design §5, rules 1, 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tambour.content.coercion import (
    DateError,
    Written,
    named_days,
    read_boolean,
    read_date,
)
from tambour.content.findings import Findings
from tambour.content.hours import Hours, read_hours
from tambour.content.mapping import Found, Reading
from tambour.content.terms import Midnight, NaiveTime, OffsetRule, Rules
from tambour.model import instant

_DAY = timedelta(days=1)
_AFTERNOON = 12
_LEAVE_OUT = "delete the line if unknown; the event is left out until then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """
    When an event takes place, in its zone.

    The end of an all-day event is 00:00 of its last day. `local` is what clocks show at
    the start, as written, also where no clock shows it in the night of a change.
    """

    start: datetime | None = None
    local: datetime | None = None
    end: datetime | None = None
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class _Date:
    """A date that was read, where it stands, and whether only its day counts."""

    written: Written
    line: int
    is_day: bool

    @property
    def day(self) -> date:
        return self.written.day

    def at(self, clock: time, *, next_day: bool = False) -> datetime:
        return datetime.combine(self.day + _DAY * next_day, clock)


def read_times(
    reading: Reading, *, rules: Rules, zone: ZoneInfo, findings: Findings
) -> Times:
    """Return when the event takes place; no start if that cannot be known."""
    return _Times(reading, rules, zone, findings).read()


class _Times:
    """One event's times; each method adds to the findings what it sees wrong."""

    def __init__(
        self, reading: Reading, rules: Rules, zone: ZoneInfo, findings: Findings
    ) -> None:
        self.reading = reading
        self.rules = rules
        self.zone = zone
        self.findings = findings
        found = reading.text("all_day")
        self.whole_day = read_boolean(found.text) if found else None
        self.warned_of_offset = False

    def read(self) -> Times:
        start, end = self.date("start"), self.date("end")
        if start is None:
            return Times()
        if end is not None and self._is_real_midnight(start, end):
            end = replace(end, is_day=False)
        hours, hours_line = self.hours(start)
        begin = self._begin(start, hours)
        begun = self.to_instant(begin, start.line)
        if begun is None:
            return Times()
        ending = self._ending(start, end, hours if begin.has_time else None)
        if end is not None:
            self._compare_hours(end, ending, hours, hours_line)
        ended = self.to_instant(ending, end.line if end else hours_line)
        if ended is not None and ended <= begun:
            if ended < begun:
                self._complain_of_end(begin, start.line, end.line if end else 0)
            ended = None
        local = begin.local if begin.offset is None else begun.replace(tzinfo=None)
        return Times(start=begun, end=ended, all_day=not begin.has_time, local=local)

    # ── dates ────────────────────────────────────────────────────────────────

    def date(self, field: str) -> _Date | None:
        """Return the date of *field* if it can be believed."""
        found = self.reading.text(field)
        if found is None:
            if field == "start":
                self.findings.add(
                    "E204",
                    self.reading.line("title"),
                    "there is no start date",
                    mend=f"add a line: {self.reading.key(field)}: 2024-05-31 18:30",
                )
            return None
        try:
            written = self._localised(read_date(found.text), found.line)
        except DateError as error:
            mend = _LEAVE_OUT if field == "end" else ""
            self.findings.add("E205", found.line, str(error), mend=mend)
            return None
        since, until = self.rules.plausible_years
        if not since <= written.local.year <= until:
            self.findings.add(
                "E206",
                found.line,
                f"the year {written.local.year} cannot be meant",
                mend=f"mend the year; those from {since} to {until} are believed",
            )
            return None
        self._check_weekday(found, written)
        return _Date(written, found.line, self._is_day(written))

    def _is_day(self, written: Written) -> bool:
        if self.whole_day or not written.has_time:
            return True
        is_date = self.rules.midnight is not Midnight.TIME and self.whole_day is None
        return written.is_midnight and is_date

    def _is_real_midnight(self, start: _Date, end: _Date) -> bool:
        """Return whether 00:00 ends an evening, not a day: 20:00 to 00:00."""
        is_evening = not start.is_day and start.written.local.hour >= _AFTERNOON
        return end.written.has_time and is_evening and end.day == start.day + _DAY

    def _localised(self, written: Written, line: int) -> Written:
        """Return an instant given in UTC as the clock of the event's zone shows it."""
        is_naive_utc = written.offset is None and self.rules.naive_time is NaiveTime.UTC
        if not written.has_time or not (written.is_utc or is_naive_utc):
            return written
        if self.rules.offset is OffsetRule.WALL_CLOCK:
            return replace(written, offset=None)
        try:
            here = written.local.replace(tzinfo=UTC).astimezone(self.zone)
        except OverflowError:
            return written
        local = here.replace(tzinfo=None)
        if written.is_midnight and local.time() != time() and written.is_utc:
            self.findings.add(
                "W202",
                line,
                f"00:00 in UTC is {local:%Y-%m-%d %H:%M} in {self.zone.key}",
                mend="write the date alone if the hour is not known",
            )
        return replace(written, local=local, offset=here.utcoffset(), is_utc=False)

    def _check_weekday(self, found: Found, written: Written) -> None:
        if written.weekday not in (None, written.day.weekday()):
            message = f"{written.day} is a {written.day:%A}, not as {found.text!r} says"
            self.findings.add("W204", found.line, message)

    # ── hours in words ───────────────────────────────────────────────────────

    def hours(self, start: _Date) -> tuple[Hours | None, int]:
        """Return the hours told beside the dates, unless they contradict the start."""
        closing = self.reading.text("end_time")
        until = read_hours(closing.text) if closing else None
        found = self.reading.text("start_time") or self.reading.text("time_text")
        if self.whole_day:
            return None, 0
        if found is None:
            if until is None or closing is None or start.is_day:
                return None, 0
            return Hours(start=_clock(start), end=until.start), closing.line
        hours = read_hours(found.text)
        if hours is not None and hours.end is None and until is not None:
            hours = Hours(start=hours.start, end=until.start)
        if hours is None:
            if start.is_day and any(letter.isdigit() for letter in found.text):
                message = f"the hours {found.text!r} were not understood"
                self.findings.add("W208", found.line, message)
            return None, found.line
        named = list(named_days(found.text))
        is_other_day = named and not any(one.is_on(start.day) for one in named)
        is_other_hour = not start.is_day and hours.start != _clock(start)
        if is_other_day or is_other_hour:
            self._disagree(found.line, f"{found.text!r} does not fit the start", start)
            return None, found.line
        return hours, found.line

    def _disagree(self, line: int, message: str, date: _Date) -> None:
        self.findings.add(
            "W203",
            line,
            message,
            note=f"{date.written} is written (line {date.line})",
            mend="the dates count, not the words; mend whichever is wrong",
        )

    def _compare_hours(
        self, end: _Date, ending: Written | None, hours: Hours | None, line: int
    ) -> None:
        if hours is None or hours.end is None or end.is_day or ending is None:
            return
        if ending.local.time() != hours.end:
            self._disagree(line, f"the hours {hours} do not fit the end", end)

    # ── both together ────────────────────────────────────────────────────────

    def _begin(self, start: _Date, hours: Hours | None) -> Written:
        if not start.is_day:
            return start.written
        if hours is None or self.rules.midnight is Midnight.ALL_DAY:
            return _day_of(start.written)
        return self._on_clock(start, start.at(hours.start))

    def _ending(
        self, start: _Date, end: _Date | None, hours: Hours | None
    ) -> Written | None:
        """Return the end as a clock shows it; None if nobody said."""
        has_clock = hours is not None or not start.is_day
        closing = hours.end if hours else None
        late = hours is not None and hours.ends_next_day
        if end is None or (end.is_day and has_clock and end.day == start.day):
            if closing is None:
                return None
            return self._on_clock(start, start.at(closing, next_day=late))
        if not has_clock:
            if not end.is_day and end.day == start.day:
                self._disagree(end.line, "the end has an hour, the start none", start)
            return _day_of(end.written) if end.day != start.day else None
        if end.is_day and closing is not None and end.day > start.day:
            return self._on_clock(end, end.at(closing, next_day=late))
        return end.written

    def _on_clock(self, date: _Date, local: datetime) -> Written:
        """Return *local* under the date's offset, if that is not merely the zone's."""
        written = date.written
        is_zones = written.offset is None or self._fits(written)
        offset = None if is_zones else written.offset
        return Written(local=local, has_time=True, offset=offset)

    def _complain_of_end(self, begin: Written, start_line: int, line: int) -> None:
        self.findings.add(
            "E203",
            line,
            "end is before start",
            note=f"start is {begin} (line {start_line})",
            mend=_LEAVE_OUT,
        )

    # ── the zone, last ───────────────────────────────────────────────────────

    def to_instant(self, written: Written | None, line: int) -> datetime | None:
        """Return the instant that a clock reading means under the dialect's rules."""
        if written is None:
            return None
        by_clock = instant(written.local, self.zone)
        if not written.has_time:
            return by_clock
        if written.offset is None:
            if self.rules.naive_time is NaiveTime.ERROR:
                message = f"{written} has no offset, which this dialect demands"
                self.findings.add("E208", line, message)
                return None
            return by_clock
        if self._fits(written):
            return self._by_offset(written)
        return self._settle_offset(written, by_clock, line)

    def _settle_offset(
        self, written: Written, by_clock: datetime, line: int
    ) -> datetime | None:
        by_offset = self._by_offset(written)
        choices: dict[OffsetRule, tuple[str, datetime | None]] = {
            OffsetRule.TRUST: ("the offset counts", by_offset),
            OffsetRule.WALL_CLOCK: ("the clock time counts", by_clock),
            OffsetRule.ERROR: ("the event is left out", None),
        }
        consequence, result = choices[self.rules.offset]
        if not self.warned_of_offset:
            self.findings.add(
                "E208" if result is None else "W202",
                line,
                f"the offset is not that of {self.zone.key} on {written.day}",
                note=f"by the clock {by_clock:%H:%M}, by the offset {by_offset:%H:%M}",
                mend=consequence,
            )
        self.warned_of_offset = True
        return result

    def _fits(self, written: Written) -> bool:
        return self._by_offset(written).replace(tzinfo=None) == written.local

    def _by_offset(self, written: Written) -> datetime:
        moment = _utc(written.local) - (written.offset or timedelta())
        return moment.astimezone(self.zone)


def _utc(local: datetime) -> datetime:
    return local.replace(tzinfo=UTC)


def _clock(date: _Date) -> time:
    return date.written.local.time().replace(second=0, microsecond=0)


def _day_of(written: Written) -> Written:
    return Written(local=datetime.combine(written.day, time()), has_time=False)
