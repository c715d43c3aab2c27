"""
What the front matter of an event says about when it takes place again.

`rrule`, `rdate` and `exdate` are those of a calendar, with dates as people write them.
Knows no file; complains at the lines of what it reads.
Source: RFC 5545 §3.8.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tambour.content.coercion import DateError, read_date
from tambour.content.findings import Findings
from tambour.content.mapping import Found, Reading
from tambour.content.recurrence import (
    Recurrence,
    RecurrenceError,
    Rule,
    read_rule,
)
from tambour.content.series import Series
from tambour.content.times import Times

_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:\d\d)?(Z?))?")
_EXAMPLE = "write it like FREQ=WEEKLY;BYDAY=TH;UNTIL=20270630"


def read_series(
    reading: Reading, times: Times, *, zone: ZoneInfo, findings: Findings
) -> Series | None:
    """Return when an event takes place again, None if only once."""
    rule = reading.text("rrule")
    added, excluded = reading.texts("rdate"), reading.texts("exdate")
    for field in ("rrule", "rdate", "exdate"):
        line = reading.odd_line(field)
        if line is not None:
            message = f"{field} is not understood as it is written"
            mend = _EXAMPLE if field == "rrule" else "write it as a list of dates"
            findings.add("E215", line, message, mend=mend)
    if times.local is None or not (rule or added):
        return None
    reader = _DateReader(times.local, zone, findings)
    return Series(
        first=times.local,
        zone=zone,
        recurrence=Recurrence(
            rule=_rule(rule, zone, findings) if rule else None,
            added=tuple(reader.starts(added)),
            excluded=frozenset(reader.days_or_starts(excluded)),
        ),
        line=(rule or added[0]).line,
    )


def _rule(found: Found, zone: ZoneInfo, findings: Findings) -> Rule | None:
    try:
        return read_rule(found.text, zone=zone)
    except RecurrenceError as error:
        findings.add("E215", found.line, str(error), mend=_EXAMPLE)
        return None


class _DateReader:
    """Dates beside that of the first time, whose hour they take if they have none."""

    def __init__(self, first: datetime, zone: ZoneInfo, findings: Findings) -> None:
        self._first = first
        self._zone = zone
        self._findings = findings

    def starts(self, found: list[Found]) -> Iterator[datetime]:
        """Yield each as a start."""
        for one in self.days_or_starts(found):
            if isinstance(one, datetime):
                yield one
            else:
                yield datetime.combine(one, self._first.time())

    def days_or_starts(self, found: list[Found]) -> Iterator[date]:
        """Yield each as a start if it has an hour, else as its day."""
        for one in found:
            try:
                written = read_date(_COMPACT.sub(_spaced, one.text.strip()))
            except DateError as error:
                self._findings.add("E205", one.line, str(error))
                continue
            if not written.has_time:
                yield written.day
            elif written.offset is None:
                yield written.local
            else:
                moment = (written.local - written.offset).replace(tzinfo=UTC)
                yield moment.astimezone(self._zone).replace(tzinfo=None)


def _spaced(match: re.Match[str]) -> str:
    year, month, day, hour, minute, utc = match.groups()
    clock = f"T{hour}:{minute}:00{utc}" if hour else ""
    return f"{year}-{month}-{day}{clock}"
