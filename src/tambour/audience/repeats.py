"""
Which keys come more than once, among more than can be held.

Four bytes a key tell which may; whoever asks compares those few in full.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

SHELF_BITS = 10
PRINT_BITS = 32
"""Together they confuse two of a million keys once in nine files."""
GROUP_KEYS = 50_000
"""How many suspects are worth holding at once."""


def print_of(key: str) -> int:
    """Return the same small number for the same key, as long as the program runs."""
    return hash(key) & (1 << (SHELF_BITS + PRINT_BITS)) - 1


class Repeats:
    """Keys that were seen, as parts of Python's keyed hashes of them (SipHash)."""

    def __init__(self) -> None:
        self._shelves = [array("I") for _ in range(1 << SHELF_BITS)]

    def add(self, key: str) -> None:
        """Note that *key* was seen."""
        shelf, number = divmod(print_of(key), 1 << PRINT_BITS)
        self._shelves[shelf].append(number)

    def suspects(self) -> Iterator[set[int]]:
        """Yield the prints that came more than once, a bounded number at a time."""
        group: set[int] = set()
        for number, shelf in enumerate(self._shelves):
            if len(set(shelf)) < len(shelf):
                group.update(number << PRINT_BITS | one for one in _repeated(shelf))
            if len(group) >= GROUP_KEYS:
                yield group
                group = set()
        if group:
            yield group


def _repeated(numbers: array[int]) -> set[int]:
    seen: set[int] = set()
    again: set[int] = set()
    for one in numbers:
        (again if one in seen else seen).add(one)
    return again
