"""Event files from the disk: cold, unchanged, and beside plain python-frontmatter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import frontmatter

from measuring import Row, alternate, lasting, timed
from samples import SITE, write_event_files
from tambour.config import SourceSettings
from tambour.content.events import EventCache, load_events

_SOURCES = (SourceSettings(id="agenda", path="events", dialect="auto"),)
_GOALS_S = {1_000: (1.0, 0.1), 10_000: (None, None)}


def measure() -> Iterator[Row]:
    """Yield the lines for 1,000 and 10,000 files."""
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


def _load_anew(root: Path, count: int) -> None:
    _load(root, EventCache(), count)


def _load(root: Path, cache: EventCache, count: int) -> None:
    loaded = load_events(root, _SOURCES, SITE, cache)
    if len(loaded.events) != count:
        raise RuntimeError(loaded.problems[:3])


def _load_plainly(root: Path) -> None:
    for path in (root / "events").rglob("*.md"):
        frontmatter.load(path)
