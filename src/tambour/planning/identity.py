"""
Which event is which: what was read, under the names by which the ledger knows it.

Pure: what was read and what is remembered in, events with their lasting ids out. An id
that its file gives is believed; else the id stays with the path; else a new path takes
the id of an event whose file is gone, if git says that it was renamed, or if it is the
only one that is alike. In doubt an event is held with a problem, and the one that it
may be stands as it was last well read: a guess could announce it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from tambour.model import Event, EventId, EventStatus, Facts, KnownEvent
from tambour.planning import ambiguity
from tambour.planning.likeness import (
    Lookup,
    has_title,
    is_identical,
    is_near,
    is_stranger,
    is_unreadable,
)
from tambour.planning.repeats import on_one_day, whole_of
from tambour.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """
    What is known of the files besides the events in them.

    `named` are the paths of files that give their event's id, `renamed` what git says:
    by each new path the old one. `sources` are those of the settings, `unread` the ones
    of which files may be there that were not found.
    """

    named: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """
    The events of the files under their lasting ids, and what is known but not there.

    No id is in two of these. `standing` ones cannot be judged by any file and are what
    they last were; `vanished` ones have no file any more, and `missing` are those of
    them of which a good look into their source has just said so.
    """

    events: tuple[Event, ...]
    standing: tuple[EventId, ...] = ()
    vanished: tuple[EventId, ...] = ()
    missing: tuple[EventId, ...] = ()
    problems: tuple[Problem, ...] = ()


def recognise(
    events: Iterable[Event], known: Mapping[EventId, KnownEvent], clues: Clues
) -> Recognised:
    """Return *events* as those that are *known*, as far as they are."""
    search = _Search(tuple(events), known, clues)
    search.by_name_and_place()
    search.by_name()
    search.by_place()
    search.by_rename()
    search.by_day()
    search.by_likeness()
    search.by_old_name()
    search.as_new()
    return search.result()


def unplaced(
    events: Iterable[Event], known: Mapping[EventId, KnownEvent]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the paths at which known events are no more, and those not known."""
    events = tuple(events)
    paths = {_file_path(event.path) for event in events}
    ids = {event.id for event in events}
    places = {_file_path(event.path) for event in known.values()}
    gone = (_file_path(one.path) for one in known.values() if one.id not in ids)
    new = (_file_path(one.path) for one in events if one.id not in known)
    return frozenset(gone) - paths, frozenset(new) - places


_Spot = tuple[str, str]
"""Source and path: where a file is."""
_Pair = tuple[Event, KnownEvent]


class _Search:
    """Files and known events, and which of them have found each other so far."""

    def __init__(
        self,
        files: tuple[Event, ...],
        known: Mapping[EventId, KnownEvent],
        clues: Clues,
    ) -> None:
        self.files = files
        self.rest = list(files)
        self.known = known
        self.clues = clues
        self.found: dict[_Spot, EventId] = {}
        self.taken: set[EventId] = set()
        self.doubted: dict[_Spot, dict[EventId, None]] = {}
        self.questioned: set[EventId] = set()
        self.shadowed: set[EventId] = set()
        self.problems: list[Problem] = []
        self.places: dict[_Spot, KnownEvent] = {}
        self.paths: dict[str, KnownEvent] = {}
        for one in sorted(known.values(), key=lambda one: (-one.missing, one.id)):
            self.places[one.source, one.path] = self.paths[one.path] = one

    # ── one after the other, the surest first ────────────────────────────────

    def by_name_and_place(self) -> None:
        """Know again what is where it was, by the name that its file gives."""
        for file in filter(self._is_named, self.files):
            place = self._place(file)
            if place is not None and place.id == file.id:
                self._match(file, place)

    def by_name(self) -> None:
        """Believe a file that names an event, unless that one is still in its place."""
        present = {_spot(file): file for file in self.files}
        for file in self._loose():
            meant = self.known.get(file.id)
            if meant is None or not self._is_named(file):
                continue
            there = present.get((meant.source, meant.path))
            is_there = (
                there is not None
                and _spot(there) not in self.found
                and not (self._is_named(there) and there.id in self.known)
                and not is_stranger(there, meant.facts)
            )
            if meant.id in self.taken or is_there:
                self._refuse(file, meant)
            else:
                self._match(file, meant)

    def by_place(self) -> None:
        """Know a file again by its path, unless another one tells its event now."""
        pairs = [
            (file, place)
            for file in self._loose()
            if (place := self._place(file)) is not None and place.id not in self.taken
        ]
        strange = [pair for pair in pairs if is_stranger(pair[0], pair[1].facts)]
        at_home = {_spot(file) for file, _ in pairs} - {_spot(f) for f, _ in strange}
        wandering = Lookup(
            file
            for file in self._loose()
            if _spot(file) not in at_home and not self._is_named(file)
        )
        for file, place in pairs:
            self._match(file, place)
        for file, place in strange:
            others = [
                one
                for one in wandering.alike(place)
                if has_title(one, place.facts) and _spot(one) != _spot(file)
            ]
            for one in others:
                self._doubt(one, place)
            if others:
                self.shadowed.add(place.id)

    def by_rename(self) -> None:
        """Follow what git says was renamed, unless nothing else says so."""
        for file in self._loose():
            place = self.paths.get(self._former_path(file))
            if place is None or not self._may_be(file, place):
                continue
            if is_unreadable(file) or _is_akin(file, place.facts):
                self._match(file, place)
            else:
                self._doubt(file, place)

    def by_day(self) -> None:
        """Know a repeated event again of which each time begins at another hour."""
        for file, lost in on_one_day(self._loose(), self._lost()):
            if self._may_be(file, lost):
                self._match(file, lost)

    def by_likeness(self) -> None:
        """Take the only file that is like the only event whose file is gone."""
        lookup = Lookup(self._loose())
        pairs = [
            (file, lost)
            for lost in self._lost()
            for file in lookup.alike(lost)
            if self._may_be(file, lost)
        ]
        for file, lost in (*_identical(pairs), *_only(pairs)):
            is_in_sight = lost.source not in self.clues.unread
            if is_in_sight and not self._is_open(file, lost):
                self._match(file, lost)
        open_to_all = {lost.id for file, lost in pairs if not self._is_named(file)}
        for file, lost in pairs:
            if _spot(file) not in self.found and lost.id in open_to_all:
                self._hold(file, lost)

    def by_old_name(self) -> None:
        """Look at files whose path makes the id of an event that was elsewhere."""
        for file in self._loose():
            meant = self.known.get(file.id)
            if meant is None or not self._may_be(file, meant):
                continue
            is_meant = is_unreadable(file) or _is_akin(file, meant.facts)
            if is_meant and not self._is_open(file, meant):
                self._match(file, meant)
            else:
                self._doubt(file, meant)

    def as_new(self) -> None:
        """Give what is left its own id, or one beside it."""
        for file in self._loose():
            ids = (EventId(f"{file.id}~{number}") for number in count(2))
            free = file.id
            while free in self.taken or free in self.known:
                free = next(ids)
            self.found[_spot(file)] = free
            self.taken.add(free)

    # ── what came of it ──────────────────────────────────────────────────────

    def result(self) -> Recognised:
        """Return the outcome; every file has its id by now."""
        lost = sorted(self._lost(), key=lambda one: one.id)
        held = Lookup(filter(self._is_unclear, self.files))
        doubted = self.questioned | {one.id for one in lost if any(held.alike(one))}
        broken = {_spot(one) for one in self.files if one.status is EventStatus.HELD}
        doubted |= {
            one.id for one in lost if (one.source, whole_of(one.path)) in broken
        }
        standing = {
            one.id
            for one in lost
            if not one.missing
            and (one.id in doubted or one.source in self.clues.unread)
        }
        vanished = [one for one in lost if one.id not in standing]
        return Recognised(
            events=tuple(map(self._recognised, self.files)),
            standing=tuple(sorted(standing)),
            vanished=tuple(one.id for one in vanished),
            missing=tuple(
                one.id
                for one in vanished
                if one.source not in self.clues.unread and one.id not in doubted
            ),
            problems=tuple(sorted((*self.problems, *self._complaints(standing)))),
        )

    def _recognised(self, file: Event) -> Event:
        event, status = self.found[_spot(file)], file.status
        if self._is_unclear(file):
            status = EventStatus.HELD
        if event == file.id and status is file.status:
            return file
        return replace(file, id=event, status=status)

    def _complaints(self, standing: set[EventId]) -> Iterator[Problem]:
        for file in self.files:
            event, mistaken = self.found[_spot(file)], self.doubted.get(_spot(file))
            if mistaken:
                yield ambiguity.unclear(file, [self.known[one] for one in mistaken])
            elif mistaken is None and self._is_named(file) and event != file.id:
                yield ambiguity.named_late(file, event)
        for source in sorted(self.clues.unread):
            left = sum(self.known[one].source == source for one in standing)
            if left:
                yield ambiguity.stands(source, left)

    # ── who is who ───────────────────────────────────────────────────────────

    def _loose(self) -> list[Event]:
        self.rest = [file for file in self.rest if _spot(file) not in self.found]
        return self.rest

    def _lost(self) -> list[KnownEvent]:
        return [one for one in self.known.values() if one.id not in self.taken]

    def _place(self, file: Event) -> KnownEvent | None:
        """Return which event was last at a file's path, also under a former source."""
        place = self.places.get(_spot(file))
        if place is not None:
            return place
        former = self.paths.get(file.path)
        is_former = former is not None and former.source not in self.clues.sources
        return former if is_former else None

    def _is_named(self, file: Event) -> bool:
        return file.path in self.clues.named

    def _may_be(self, file: Event, lost: KnownEvent) -> bool:
        """
        Tell whether a file elsewhere may be a lost event at all.

        A name of its own says no, but to an event that never had one.
        """
        is_its_whole = whole_of(lost.path) == file.path
        if lost.id in self.taken or (is_its_whole and file.status is EventStatus.HELD):
            return False
        return not self._is_named(file) or lost.id.startswith(f"{lost.source}/")

    def _former_path(self, file: Event) -> str:
        """Return where git says a file was, or the one that this is a part of."""
        whole = _file_path(file.path)
        before = self.clues.renamed.get(whole)
        return before + file.path.removeprefix(whole) if before else ""

    def _is_open(self, file: Event, event: KnownEvent) -> bool:
        """Tell whether either may also belong to another."""
        return _spot(file) in self.doubted or event.id in self.questioned

    def _is_unclear(self, file: Event) -> bool:
        spot = _spot(file)
        return spot in self.doubted or self.found[spot] in self.shadowed

    def _match(self, file: Event, event: KnownEvent) -> None:
        """Let them belong together, unless the event has a file already."""
        if event.id not in self.taken:
            self.found[_spot(file)] = event.id
            self.taken.add(event.id)

    def _doubt(self, file: Event, event: KnownEvent) -> None:
        # A name of its own says that it is new, and is how an editor ends a doubt.
        if not self._is_named(file):
            self._hold(file, event)

    def _hold(self, file: Event, event: KnownEvent) -> None:
        self.doubted.setdefault(_spot(file), {})[event.id] = None
        self.questioned.add(event.id)

    def _refuse(self, file: Event, event: KnownEvent) -> None:
        """Hold a file that takes the name of an event that is elsewhere."""
        self.doubted[_spot(file)] = {}
        if file.status is not EventStatus.HELD:
            self.problems.append(ambiguity.taken(file, event))


def _spot(file: Event) -> _Spot:
    return file.source, file.path


def _file_path(path: str) -> str:
    """Return the path of the file that an event is in, or is one time of."""
    return whole_of(path) or path


def _is_akin(file: Event, facts: Facts) -> bool:
    return has_title(file, facts) or is_near(file, facts)


def _only(pairs: Iterable[_Pair]) -> list[_Pair]:
    """Return the pairs of which neither side is in another one."""
    pairs = list(pairs)
    files = Counter(_spot(file) for file, _ in pairs)
    events = Counter(event.id for _, event in pairs)
    return [
        (file, event)
        for file, event in pairs
        if files[_spot(file)] == events[event.id] == 1
    ]


def _identical(pairs: Iterable[_Pair]) -> list[_Pair]:
    """
    Return pairs of one title and time, as of a whole series that was moved.

    Not where the event is like a file besides that has no such counterpart.
    """
    pairs = list(pairs)
    sure = _only(pair for pair in pairs if is_identical(pair[0], pair[1].facts))
    while sure:
        settled = {_spot(file) for file, _ in sure}
        unsure = {event.id for file, event in pairs if _spot(file) not in settled}
        left = [(file, event) for file, event in sure if event.id not in unsure]
        if left == sure:
            break
        sure = left
    return sure
