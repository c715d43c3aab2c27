"""
Whom a correction goes to, and what each of them was told instead.

The ledger knows who was told, the audience's file who still wants to know; here both
meet, a million of them in flat memory. Decides nothing: what has changed, and until
when that can be told, is for planning to say. Knows neither words nor SQL.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tambour.ledger.records import normalise
from tambour.model import (
    EditionId,
    EditionKind,
    Entry,
    EventId,
    Facts,
    Limits,
    Snapshot,
    Told,
)
from tambour.planning.corrections import last_moment

CORRECTIONS = frozenset({EditionKind.CORRECTION, EditionKind.CANCELLATION})
SHELF_BITS = 10
PRINT_BITS = 64

Readers = Callable[[EventId, str, str], Iterator[tuple[str, EditionId]]]
"""Gives whom a campaign told last of an event on a channel: address and edition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What some readers were *told* that is not so now, last by these *editions*."""

    told: tuple[Facts, ...] = ()
    editions: tuple[EditionId, ...] = ()


class Choice(Protocol):
    """Who of an audience gets an edition, and in which of its variants."""

    @property
    def variants(self) -> Sequence[Variant]:
        """All that readers were told, as far as it is not so now."""

    def variant_of(self, address: str) -> int | None:
        """Return the number of somebody's variant, None for who gets nothing."""


@dataclass(frozen=True, slots=True)
class Everybody:
    """All of an audience, in the first variant."""

    variants: Sequence[Variant] = (Variant(),)

    def variant_of(self, _address: str) -> int | None:
        """Return the first."""
        return 0


class Misled:
    """
    Those who were told something else, eight bytes each.

    An address is known by 64 bits of Python's keyed hash of it (SipHash). Nobody who
    was told is ever missed. That two of a million readers are confused happens once in
    some ten million corrections, and does no harm then: somebody is told how things are
    who had not heard of them, or reads what somebody else was told before.
    """

    def __init__(self) -> None:
        self.variants: list[Variant] = []
        self._shelves: list[list[array[int]]] = []

    def add(self, variant: Variant) -> int:
        """Return the number of a variant, which nobody has yet."""
        self.variants.append(variant)
        self._shelves.append([array("Q") for _ in range(1 << SHELF_BITS)])
        return len(self.variants) - 1

    def put(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Give normalised addresses the variants of these numbers."""
        for address, number in addresses:
            one = _print_of(address)
            self._shelves[number][one >> PRINT_BITS - SHELF_BITS].append(one)
        for shelves in self._shelves:
            for place, shelf in enumerate(shelves):
                shelves[place] = array("Q", sorted(shelf))

    def variant_of(self, address: str) -> int | None:
        """Return the number of somebody's variant, None for who was not told."""
        one = _print_of(normalise(address))
        for number, shelves in enumerate(self._shelves):
            shelf = shelves[one >> PRINT_BITS - SHELF_BITS]
            place = bisect_left(shelf, one)
            if place < len(shelf) and shelf[place] == one:
                return number
        return None


def misled(
    entry: Entry,
    now: Facts,
    readers: Readers,
    *,
    snapshot: Snapshot,
    limits: Limits,
    at: datetime,
) -> Misled:
    """Return whom *entry* is about, as far as they can be corrected *at* that time."""
    found = Misled()
    is_post = entry.target.audience is None
    numbers: dict[object, int] = {}
    by_edition: dict[EditionId, int | None] = {}

    def number_of(edition: EditionId) -> int | None:
        told = _facts_of(snapshot, edition, now.event)
        if told is None or not told.changes(now):
            return None
        if last_moment(told, now, limits) <= at:
            return None
        variant = Variant(told=(told,), editions=(edition,) if is_post else ())
        if variant not in numbers:
            numbers[variant] = found.add(variant)
        return numbers[variant]

    def numbered() -> Iterator[tuple[str, int]]:
        channel = entry.target.channel
        for address, edition in readers(now.event, entry.campaign, channel):
            if edition not in by_edition:
                by_edition[edition] = number_of(edition)
            number = by_edition[edition]
            if number is not None:
                yield address, number

    found.put(numbered())
    return found


def sample(entry: Entry, snapshot: Snapshot) -> Everybody:
    """Return what most of those were told to whom *entry* would go, for previews."""
    groups = [
        told
        for event in entry.events
        for told in snapshot.told.get(event, ())
        if _goes_by(entry, told)
    ]
    if not groups:
        return Everybody()
    most = max(groups, key=lambda told: told.recipients)
    return Everybody((Variant(told=(most.facts,), editions=(most.edition,)),))


def _goes_by(entry: Entry, told: Told) -> bool:
    target = entry.target
    way = told.campaign, told.channel, told.audience
    return way == (entry.campaign, target.channel, target.audience)


def _facts_of(snapshot: Snapshot, edition: EditionId, event: EventId) -> Facts | None:
    frozen = snapshot.editions.get(edition)
    facts = frozen.facts if frozen else ()
    return next((told for told in facts if told.event == event), None)


def _print_of(address: str) -> int:
    return hash(address) & (1 << PRINT_BITS) - 1
