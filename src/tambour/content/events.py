"""
Every event of the project's sources, as understood now, with every problem.

Walks the folders, reads what changed since last time, and lets no file stop another.
Knows no clock: whether an event is past is for planning to say; and no ledger: which
event a file told before is for planning to say as well.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from tambour.config import CONFIG_FILE, SourceSettings
from tambour.content.calendars import CalendarCache, load_calendar, load_feed
from tambour.content.dialects import load_dialect
from tambour.content.event_file import Origin, read_event, unread_event
from tambour.content.feed_copies import copy_path
from tambour.content.findings import Findings
from tambour.content.happenings import EventFile
from tambour.content.links import unknown_placeholders
from tambour.content.recurrence import Window
from tambour.content.settling import is_young
from tambour.model import Event, EventId, EventStatus, Site
from tambour.problems import Problem
from tambour.yamltext import YamlError, parse

SUFFIXES = (".md", ".markdown")
_SKIPPED = frozenset({"readme", "_index"})

_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """
    Events by start and id, held ones without a start last; problems by place.

    Files that claim one id are all there, held but for the first where they agree.
    `named` are the paths of files that give their event's id themselves; `unread` the
    sources of which events may be missing here that are still there: the folder is
    gone, empty, or not readable in all its parts.
    """

    events: tuple[Event, ...]
    problems: tuple[Problem, ...]
    named: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()


class EventCache:
    """Files already read, by path, time of change and size; for one process."""

    def __init__(self) -> None:
        self.calendars = CalendarCache()
        self._origins: dict[str, Origin] = {}
        self._files: dict[str, dict[str, tuple[_Stamp, EventFile]]] = {}

    def of(self, origin: Origin) -> dict[str, tuple[_Stamp, EventFile]]:
        """Return what was read from *origin*, nothing if its settings changed."""
        if self._origins.get(origin.source.id) != origin:
            self._origins[origin.source.id] = origin
            self._files[origin.source.id] = {}
        return self._files[origin.source.id]

    def keep(self, origin: Origin, files: dict[str, tuple[_Stamp, EventFile]]) -> None:
        """Forget what is no longer among *files*."""
        self._files[origin.source.id] = files


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file found on the way: where it is, and its name within the source."""

    path: str
    name: str
    stamp: _Stamp | None


def load_events(
    root: Path,
    sources: Sequence[SourceSettings],
    site: Site,
    cache: EventCache | None = None,
    *,
    settled_before: datetime | None = None,
    window: Window | None = None,
    feeds: Path | None = None,
) -> Loaded:
    """
    Return the events of all *sources*, whose paths are relative to *root*.

    Args:
        window: when repeated events are looked for; without it, from their first on.
        feeds: the folder of the copies of feeds.
        settled_before: a file changed after it may still be being written, and stays
            what the cache says it was; None takes every file as it is.

    """
    cache = cache or EventCache()
    problems: list[Problem] = []
    files: list[EventFile] = []
    unread: set[str] = set()
    for place, source in enumerate(sources):
        settings = _Setting(root, place, source)
        dialect, found = load_dialect(
            source.dialect,
            root=root,
            findings=settings.findings,
            line=settings.line("dialect"),
        )
        problems += found
        if dialect is not None:
            origin = Origin(source=source, site=site, dialect=dialect)
            settings.check_permalink()
            if source.is_calendar:
                where = copy_path(feeds or root, source.id)
                path = root / source.path if source.path else where
                files += _read_calendar(path, origin, settings, cache, settled_before)
            else:
                files += _read_source(root, origin, settings, cache, settled_before)
        if dialect is None or settings.is_unread:
            unread.add(source.id)
        problems += settings.problems
    events: list[Event] = []
    names: set[str] = set()
    for file in _with_own_ids(files, problems):
        each, wrong = file.takes_place(window)
        events += each
        problems += (*file.problems, *wrong)
        is_one = file.series is None and not file.sessions
        names.update(event.path for event in each if file.id_line and is_one)
    return Loaded(
        events=tuple(sorted(events, key=_order)),
        problems=tuple(sorted(set(problems))),
        named=frozenset(names),
        unread=frozenset(unread),
    )


def _order(event: Event) -> tuple[bool, float, EventId]:
    start = event.start.timestamp() if event.start else 0.0
    return event.start is None, start, event.id


def _with_own_ids(
    files: list[EventFile], problems: list[Problem]
) -> Iterator[EventFile]:
    """Yield each file, its event held where it is not the only one of its id."""
    claims: dict[EventId, list[EventFile]] = {}
    for file in files:
        claims.setdefault(file.event.id, []).append(file)
    for first, *others in claims.values():
        agree = all(_is_same(first.event, other.event) for other in others)
        yield first if agree else _held(first)
        for other in others:
            findings = Findings(other.event.path.partition("#")[0])
            findings.add(
                "E209",
                other.id_line,
                f"the id {other.event.id!r} is already that of {first.event.path}",
                mend="give one of them an id of its own; until then only the first "
                "counts, and neither where they contradict each other",
            )
            problems += findings.problems
            yield _held(other)


def _is_same(one: Event, other: Event) -> bool:
    """Whether two files tell readers the same."""
    if one.start is None or other.start is None or one.title != other.title:
        return False
    return one.status is other.status and not one.facts().changes(other.facts())


def _held(file: EventFile) -> EventFile:
    if file.event.status is EventStatus.HIDDEN:
        return file
    return replace(file, event=replace(file.event, status=EventStatus.HELD))


def _read_calendar(
    path: Path,
    origin: Origin,
    settings: _Setting,
    cache: EventCache,
    settled_before: datetime | None,
) -> tuple[EventFile, ...]:
    shown, calendars = _shown(os.fspath(path), settings.root), cache.calendars
    if origin.source.url is not None:
        found = load_feed(path.parent, shown, origin, calendars)
    elif not path.is_file():
        settings.complain("E212", "there is no such calendar")
        settings.is_unread = True
        return ()
    else:
        found = load_calendar(
            path, shown, origin, calendars, settled_before=settled_before
        )
    settings.is_unread = not found.is_read
    settings.found += found.problems
    if found.is_read and not found.files:
        settings.complain("W201", "the calendar has no events", shown=shown)
    return found.files


def _read_source(
    root: Path,
    origin: Origin,
    settings: _Setting,
    cache: EventCache,
    settled_before: datetime | None,
) -> list[EventFile]:
    folder = root / origin.source.path
    if not folder.is_dir():
        settings.complain("E212", "there is no such folder")
        settings.is_unread = True
        return []
    known = cache.of(origin)
    kept: dict[str, tuple[_Stamp, EventFile]] = {}
    files = []
    entries = sorted(_walk(folder, settings), key=lambda entry: entry.name)
    for entry in entries:
        before = known.get(entry.path)
        if _is_unsettled(entry.stamp, settled_before):
            if before is None:
                settings.is_unread = True  # it may be what another file was
                continue
            file = before[1]
        elif before is not None and before[0] == entry.stamp:
            file = before[1]
        else:
            file = _read_file(entry, _shown(entry.path, root), origin)
        if before is not None and file is before[1]:
            kept[entry.path] = before
        elif entry.stamp is not None:
            kept[entry.path] = entry.stamp, file
        files.append(file)
    cache.keep(origin, kept)
    if not entries:
        settings.is_unread = True
        settings.complain("W201", "no .md or .markdown file is in this folder")
    return files


def _is_unsettled(stamp: _Stamp | None, settled_before: datetime | None) -> bool:
    """Whether a file is so young that it may still be being written."""
    changed = _changed(stamp)
    if changed is None or settled_before is None:
        return False
    return is_young(changed, settled_before)


def _changed(stamp: _Stamp | None) -> datetime | None:
    """Return when a file was changed; None where that is no time at all."""
    if stamp is None:
        return None
    try:
        return datetime.fromtimestamp(stamp[0] / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _read_file(entry: _Entry, path: str, origin: Origin) -> EventFile:
    name = _printable(entry.name)
    try:
        raw = Path(entry.path).read_bytes()
    except OSError as error:
        findings = Findings(path)
        findings.add("E201", 0, f"the file cannot be read: {error.strerror}")
        return unread_event(path=path, name=name, origin=origin, findings=findings)
    file = read_event(raw, path=path, name=name, origin=origin)
    return file.changed_at(_changed(entry.stamp))


def _walk(folder: Path, settings: _Setting) -> Iterator[_Entry]:
    """Yield the event files below *folder*; folders that are links are not entered."""
    waiting = [(os.fspath(folder), "")]
    while waiting:
        path, prefix = waiting.pop()
        try:
            entries = list(os.scandir(path))
        except OSError as error:
            settings.miss(path, error)
            continue
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{prefix}{name}/"))
            elif name.endswith(SUFFIXES) and not _is_special(entry):
                stem = name.rpartition(".")[0].casefold()
                if stem not in _SKIPPED:
                    yield _Entry(entry.path, prefix + name, _stamp(entry))


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a pipe that would keep its reader waiting."""
    try:
        return not stat.S_ISREG(entry.stat().st_mode)
    except OSError:  # reading it will say why
        return False


def _stamp(entry: os.DirEntry[str]) -> _Stamp | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _shown(path: str, root: Path) -> str:
    """Return *path* relative to the project, or whole if it is outside."""
    shown = PurePosixPath(os.path.relpath(path, root))
    is_outside = ".." in shown.parts
    return _printable(str(Path(path).resolve()) if is_outside else str(shown))


def _printable(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


class _Setting:
    """A source as config.yaml writes it, to show problems where they are mended."""

    def __init__(self, root: Path, place: int, source: SourceSettings) -> None:
        self.root = root
        self.place = place
        self.source = source
        self.findings = Findings(CONFIG_FILE)
        self.found: tuple[Problem, ...] = ()
        self.is_unread = False

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the source, there and where it points."""
        return (*self.findings.problems, *self.found)

    def line(self, key: str) -> int:
        """Return the line of one of the source's keys, 0 if it is not in the file."""
        try:
            document = parse((self.root / CONFIG_FILE).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError, YamlError):
            return 0
        path = ("sources", self.place, key)
        return document.line(path) if ("sources", self.place) in document.lines else 0

    def complain(self, code: str, message: str, *, shown: str = "") -> None:
        """Remember that the source's folder or calendar gives nothing."""
        mend = f"mend the path of source {self.source.id!r}"
        if not self.source.is_calendar:
            mend = f"put event files there, or {mend}"
        message = f"{shown or self.source.path}: {message}"
        self.findings.add(code, self.line("path"), message, mend=mend)

    def miss(self, folder: str, error: OSError) -> None:
        """Remember that a folder cannot be looked into."""
        shown = _shown(folder, self.root)
        message = f"{shown}: the folder cannot be read: {error.strerror}"
        self.is_unread = True
        self.findings.add("E201", self.line("path"), message)

    def check_permalink(self) -> None:
        """Remember placeholders that cannot be filled."""
        for name in unknown_placeholders(self.source.permalink or ""):
            message = f"the permalink has {':' + name!r}, which Tambour does not know"
            self.findings.add("W205", self.line("permalink"), message)
