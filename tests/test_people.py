"""An audience as a value."""

from __future__ import annotations

from collections.abc import Iterator

from ledger_samples import person
from tambour.audience import Audience
from tambour.model import Recipient

PEOPLE = (
    person("a@example.org", language="fr"),
    person("b@example.org", language="en"),
    person("c@example.org", language="fr"),
)


class Walks:
    """Counts how many people were read."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self) -> Iterator[Recipient]:
        """Read them."""
        for one in PEOPLE:
            self.read += 1
            yield one


def audience(walks: Walks) -> Audience:
    """Return three people who read two languages."""
    return Audience(size=3, languages=("en", "fr"), columns=(), walk=walks)


def test_it_is_counted_without_being_read() -> None:
    """Planning needs sizes only."""
    walks = Walks()
    three = audience(walks)

    assert (3, True, 0) == (len(three), bool(three), walks.read)


def test_it_can_be_walked_again_and_again() -> None:
    """Each walk begins at the first."""
    three = audience(Walks())

    assert PEOPLE == tuple(three) == tuple(three)


def test_a_sample_of_each_language_is_read_no_further() -> None:
    """The first reader of each, in the order of languages."""
    walks = Walks()

    assert [PEOPLE[1], PEOPLE[0]] == audience(walks).firsts()
    assert 2 == walks.read


def test_known_addresses_are_found() -> None:
    """Those that do not stand here are not there."""
    found = audience(Walks()).find(["c@example.org", "x@example.org"])

    assert {"c@example.org": PEOPLE[2]} == found
