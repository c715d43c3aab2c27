"""
What is read from the disk: event files, and the people of a CSV file.

Event files cold, unchanged, and beside plain python-frontmatter; people counted, which
judges every row, and walked, which is what freezing does.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import frontmatter

from measuring import Row, alternate, at_rate, lasting, timed
from samples import SITE, make_recipients, write_event_files
from tambour.audience import Audience, load_csv
from tambour.config import SourceSettings
from tambour.content.events import EventCache, load_events

_SOURCES = (SourceSettings(id="agenda", path="events", dialect="auto"),)
_GOALS_S = {1_000: (1.0, 0.1), 10_000: (None, None)}
_PEOPLE = 100_000


def measure() -> Iterator[Row]:
    """Yield the lines for 1,000 and 10,000 files, and for 100,000 people."""
    for count, (cold_s, unchanged_s) in _GOALS_S.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_event_files(root / "events", count)
            cache = EventCache()
            _load(root, cache, count)
            cold, unchanged, plain = alternate(
                timed(partial(_load_anew, root, count)),
                timed(partial(_load, root, cache, count)),
                timed(partial(_load_plainly, root)),
            )
        yield replace(
            lasting(f"load {count:,} event files, cold", cold, goal_s=cold_s),
            ratio=f"{cold.over(plain):.2g} × frontmatter.load",
        )
        yield lasting("… unchanged", unchanged, goal_s=unchanged_s)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "readers.csv"
        _write_people(file)
        people = _count_people(file)
        counted, walked = alternate(
            timed(partial(_count_people, file)), timed(partial(_walk, people))
        )
    yield at_rate(f"count {_PEOPLE:,} people in a CSV file", counted, _PEOPLE)
    yield at_rate("… walk them", walked, _PEOPLE)


def _write_people(file: Path) -> None:
    with file.open("w", encoding="utf-8") as text:
        text.write("email,nom,langue,service\n")
        for person in make_recipients(_PEOPLE):
            text.write(f"{person.address},{person.name},{person.language},Accueil\n")


def _count_people(file: Path) -> Audience:
    people = load_csv(file, shown=file.name, default_language="fr")
    if people.size != _PEOPLE:
        raise RuntimeError(people.problems[:3])
    return people


def _walk(people: Audience) -> None:
    deque(people, maxlen=0)


def _load_anew(root: Path, count: int) -> None:
    _load(root, EventCache(), count)


def _load(root: Path, cache: EventCache, count: int) -> None:
    loaded = load_events(root, _SOURCES, SITE, cache)
    if len(loaded.events) != count:
        raise RuntimeError(loaded.problems[:3])


def _load_plainly(root: Path) -> None:
    for path in (root / "events").rglob("*.md"):
        frontmatter.load(path)
