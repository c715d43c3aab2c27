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
        self._titled: dict[tuple[str, str], list[Event]] = {}
        self._dated: dict[tuple[str, datetime], list[tuple[str, Event]]] = {}
        for file in files:
            title = folded(file.title)
            self._titled.setdefault((file.source, title), []).append(file)
            if file.start is not None:
                key = file.source, file.start.astimezone(UTC)
                self._dated.setdefault(key, []).append((title, file))

    def alike(self, event: KnownEvent) -> Iterator[Event]:
        """Yield each file of the event's source that may be it, by its own words."""
        title, start = folded(event.facts.title), event.facts.start.astimezone(UTC)
        for file in self._titled.get((event.source, title), ()):
            if is_near(file, event.facts):
                yield file
        for other, file in self._dated.get((event.source, start), ()):
            if other != title:
                yield file
