"""Frozen editions as they are read at each tick."""

from __future__ import annotations

from datetime import timedelta

from ledger_samples import DEADLINE, NOW, edition, people
from tambour.ledger import Ledger
from tambour.model import Decision, EditionState, FrozenEdition, Revision


def frozen(ledger: Ledger, name: str) -> FrozenEdition:
    """Freeze an edition for one reader."""
    made = edition(name)
    assert ledger.freeze(made, people(1), audiences={})
    return made


def test_what_changed_is_read_again(ledger: Ledger) -> None:
    """Deadlines and decisions show, and so does what was frozen since."""
    first, second = frozen(ledger, "a/1/1"), frozen(ledger, "b/1/1")
    assert {first.id: first, second.id: second} == ledger.snapshot().editions
    earlier = DEADLINE - timedelta(hours=1)
    ledger.revise(Revision(edition=first.id, deadline=earlier), NOW)
    ledger.decide(second.id, Decision.CANCEL, NOW)
    third = frozen(ledger, "c/1/1")

    now = ledger.snapshot().editions

    assert {first.id, second.id, third.id} == now.keys()
    assert earlier == now[first.id].deadline
    assert EditionState.CANCELLED is now[second.id].state
    assert third == now[third.id]


def test_an_earlier_snapshot_stays_as_it_was(ledger: Ledger) -> None:
    """What planning was handed does not change under its hands."""
    first = frozen(ledger, "a/1/1")
    before = ledger.snapshot()
    ledger.decide(first.id, Decision.CANCEL, NOW)
    frozen(ledger, "b/1/1")
    ledger.snapshot()

    assert {first.id: first} == before.editions
