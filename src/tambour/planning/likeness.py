"""
How alike a file and an event of old are: by title and start, as a person would judge.

Pure; decides nothing. The start alone is no identity, it moves; the title alone is
none either, it is used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from tambour.model import Event, Facts, KnownEvent

NEAR = timedelta(days=3)
"""How far an event moves and is, under its own title, still the same one."""

_Key = tuple[str, str]


def has_title(event: Event, facts: Facts) -> bool:
    """Tell whether the titles are the same but for capitals and white space."""
    return folded(event.title) == folded(facts.title)


def is_near(event: Event, facts: Facts) -> bool:
    """Tell whether the event starts within a few days of what was known."""
    return event.start is not None and abs(event.start - facts.start) <= NEAR


def is_identical(event: Event, facts: Facts) -> bool:
    """Tell whether both title and start are as they were known."""
    return has_title(event, facts) and event.start == facts.start


def is_stranger(event: Event, facts: Facts) -> bool:
    """Tell whether neither the title nor the time reminds of what was known."""
    return not has_title(event, facts) and not is_near(event, facts)


def is_unreadable(event: Event) -> bool:
    """Tell whether a file says nothing by which it could be compared."""
    return event.start is None and not event.title


def folded(title: str) -> str:
    """Return a title without what does not count when titles are compared."""
    return " ".join(title.casefold().split())


class Lookup:
    """Files by source and title, and by source and start."""

    def __init__(self, files: Iterable[Event]) -> None:
        self._found: dict[_Key | tuple[str, datetime], list[Event]] = {}
        for file in files:
            self._add((file.source, folded(file.title)), file)
            if file.start is not None:
                self._add((file.source, file.start.astimezone(UTC)), file)

    def _add(self, key: _Key | tuple[str, datetime], file: Event) -> None:
        self._found.setdefault(key, []).append(file)

    def alike(self, event: KnownEvent) -> Iterator[Event]:
        """Yield each file of the event's source that may be it, by its own words."""
        facts = event.facts
        by_title = self._found.get((event.source, folded(facts.title)), ())
        by_start = self._found.get((event.source, facts.start.astimezone(UTC)), ())
        for file in by_title:
            if is_near(file, facts):
                yield file
        for file in by_start:
            if not has_title(file, facts):
                yield file
