"""
The calendars among the sources: `.ics` files, and the copies of feeds.

A calendar that cannot be read is told from an empty one: of the first nobody knows what
is in it. Reads files only; who fetches feeds is above.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tambour.content.event_file import Origin
from tambour.content.feed_copies import complain_of, copy_path, load_state
from tambour.content.findings import Findings
from tambour.content.ics_file import CalendarFile, read_calendar
from tambour.content.settling import is_young

_Stamp = tuple[int, int]


@dataclass(slots=True)
class CalendarCache:
    """Calendars already read, by source; for one process."""

    kept: dict[str, tuple[Origin, _Stamp, CalendarFile]] = field(default_factory=dict)

    def get(self, origin: Origin, stamp: _Stamp | None) -> CalendarFile | None:
        """Return what was read of the source, any file's if *stamp* is None."""
        known = self.kept.get(origin.source.id)
        if known is None or known[0] != origin or stamp not in (None, known[1]):
            return None
        return known[2]


def load_calendar(
    path: Path,
    shown: str,
    origin: Origin,
    cache: CalendarCache,
    *,
    settled_before: datetime | None = None,
) -> CalendarFile:
    """Return what the calendar at *path* says; *shown* is its name for people."""
    try:
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
        changed = datetime.fromtimestamp(stamp[0] / 1e9, UTC)
        if settled_before is not None and is_young(changed, settled_before):
            before = cache.get(origin, None)
            return before or CalendarFile(files=(), is_read=False)
        known = cache.get(origin, stamp)
        raw = path.read_bytes() if known is None and path.is_file() else b""
    except (OSError, ValueError, OverflowError) as error:
        findings = Findings(shown)
        reason = getattr(error, "strerror", None) or "its date is none"
        findings.add("E201", 0, f"the file cannot be read: {reason}")
        return CalendarFile(files=(), problems=findings.problems, is_read=False)
    if known is None:
        known = read_calendar(raw, path=shown, origin=origin)
        cache.kept[origin.source.id] = origin, stamp, known
    return known


def load_feed(
    folder: Path, shown: str, origin: Origin, cache: CalendarCache
) -> CalendarFile:
    """Return what the last good copy of a feed says, and what is wrong with it."""
    source = origin.source.id
    path = copy_path(folder, source)
    findings = Findings(shown)
    has_copy = path.is_file()
    complain_of(load_state(folder, source), findings, has_copy=has_copy)
    if not has_copy:
        return CalendarFile(files=(), problems=findings.problems, is_read=False)
    file = load_calendar(path, shown, origin, cache)
    return CalendarFile(
        files=file.files,
        problems=(*findings.problems, *file.problems),
        is_read=file.is_read,
    )
