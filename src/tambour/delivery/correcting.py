"""
Whom a correction goes to, and what each of them was told instead.

The ledger knows who was told what last, the audience's file who still wants to know:
both are asked a few thousand people at a time, and of each person four bytes are kept.
Decides nothing: what has changed, and until when that can be told, is for planning to
say. Knows neither words nor SQL.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, repeat

from tambour.ledger.records import LastTold
from tambour.model import (
    EditionId,
    Entry,
    EventId,
    Facts,
    Limits,
    Recipient,
    Snapshot,
    Told,
)
from tambour.planning.corrections import last_moment

BATCH_PEOPLE = 2000
_NOBODY = -1

AskLastTold = Callable[[EventId, str, Sequence[str]], Mapping[str, LastTold]]
"""Says what addresses were last told of an event by a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What some readers were *told* that is not so now, posts by these *editions*."""

    told: tuple[Facts, ...] = ()
    editions: tuple[EditionId, ...] = ()


ANNOUNCED = Variant()
"""What all readers of an edition get that corrects nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    Who of an audience gets an edition, and in which of its *variants*.

    *numbers* say that by each person's place in the audience's file; without them all
    get the first.
    """

    variants: Sequence[Variant] = (ANNOUNCED,)
    numbers: Sequence[int] | None = None

    def of(self, people: Iterable[Recipient]) -> Iterator[tuple[Recipient, int]]:
        """Yield who of the audience's *people* gets it, with their variant's number."""
        numbers = repeat(0) if self.numbers is None else self.numbers
        for person, number in zip(people, numbers, strict=False):
            if number != _NOBODY:
                yield person, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Misled:
    """Tells who was told what is not so *now*, and can still be told *at* this time."""

    entry: Entry
    now: Facts
    limits: Limits
    at: datetime
    numbers: dict[Variant, int] = field(default_factory=dict)

    def choose(self, people: Iterable[Recipient], last_told: AskLastTold) -> Choice:
        """Return who of *people* is to be corrected, and about what."""
        chosen, remaining = array("i"), iter(people)
        channel = self.entry.target.channel
        while batch := list(islice(remaining, BATCH_PEOPLE)):
            addresses = [person.address for person in batch]
            last = last_told(self.now.event, channel, addresses)
            chosen.extend(self._number(last.get(one)) for one in addresses)
        return Choice(variants=tuple(self.numbers), numbers=chosen)

    def _number(self, last: LastTold | None) -> int:
        if last is None or last.campaign != self.entry.campaign:
            return _NOBODY
        if not last.facts.changes(self.now):
            return _NOBODY
        if last_moment(last.facts, self.now, self.limits) <= self.at:
            return _NOBODY
        is_post = self.entry.target.audience is None
        editions = (last.edition,) if is_post else ()
        variant = Variant(told=(last.facts,), editions=editions)
        return self.numbers.setdefault(variant, len(self.numbers))


def sample(entry: Entry, snapshot: Snapshot) -> Choice:
    """Return what most of those were told to whom *entry* would go, for previews."""
    groups = [
        told
        for event in entry.events
        for told in snapshot.told.get(event, ())
        if _goes_by(entry, told)
    ]
    if not groups:
        return Choice()
    most = max(groups, key=lambda told: told.recipients)
    return Choice(variants=(Variant(told=(most.facts,), editions=(most.edition,)),))


def _goes_by(entry: Entry, told: Told) -> bool:
    target = entry.target
    way = told.campaign, told.channel, told.audience
    return way == (entry.campaign, target.channel, target.audience)
