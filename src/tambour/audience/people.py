"""
An audience as a value: counted once, and read anew each time somebody walks it.

A million people are never held at once. Knows no file format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from tambour.model import Recipient
from tambour.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """
    The people one file addresses, each address once.

    `languages` are those they read, sorted; `columns` what each one's `fields` hold.
    `is_broken` means that an error leaves nobody. `walk` begins anew at each call; it
    raises `UserError` once the people are no longer those that were counted.
    """

    size: int
    languages: tuple[str, ...]
    columns: tuple[str, ...]
    walk: Callable[[], Iterator[Recipient]] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    is_broken: bool = False

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Recipient]:
        return self.walk()

    def firsts(self) -> list[Recipient]:
        """Return the first reader of each language."""
        found: dict[str, Recipient] = {}
        for person in self:
            found.setdefault(person.language, person)
            if len(found) == len(self.languages):
                break
        return [found[language] for language in sorted(found)]

    def find(self, addresses: Collection[str]) -> dict[str, Recipient]:
        """Return those of *addresses* that stand here, spelled as they are."""
        wanted = set(addresses)
        found: dict[str, Recipient] = {}
        for person in self:
            if person.address in wanted:
                found[person.address] = person
                if len(found) == len(wanted):
                    break
        return found
