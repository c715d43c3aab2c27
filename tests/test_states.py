"""The transition table, and what is drawn from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tambour.ledger.states import (
    BUSY,
    TRANSITIONS,
    WAITING,
    Step,
    draw_mermaid,
    draw_page,
    sources,
)
from tambour.model import DeliveryState as State

FINAL = {State.SENT, State.EXPIRED, State.SUPPRESSED, State.CANCELLED, State.SUPERSEDED}
ENDINGS = (Step.EXPIRE, Step.SUPPRESS, Step.CANCEL, Step.SUPERSEDE, Step.RELEASE)


def test_every_state_has_its_row() -> None:
    """The table speaks of every state, and knows which are final."""
    assert set(State) == set(TRANSITIONS)
    assert {state for state, arrows in TRANSITIONS.items() if not arrows} == FINAL


def test_every_step_is_taken_somewhere() -> None:
    """No step is left over."""
    assert all(sources(step) for step in Step)


def test_the_wire_is_reached_through_an_intent() -> None:
    """Only an intent leads into flight, and only from a lease."""
    into_flight = {
        (state, step)
        for state, arrows in TRANSITIONS.items()
        for step, target in arrows.items()
        if target is State.IN_FLIGHT
    }

    assert {(State.LEASED, Step.INTEND)} == into_flight


def test_sent_comes_from_flight_alone() -> None:
    """Nothing is called sent that was not in flight."""
    assert {State.IN_FLIGHT: State.SENT} == sources(Step.ACCEPT)


@pytest.mark.parametrize("step", ENDINGS, ids=str)
def test_what_is_in_doubt_can_stay_so(step: Step) -> None:
    """Wherever a row may end unsent, one that was in doubt can turn uncertain."""
    assert set(sources(step)) <= set(sources(Step.LOSE))


def test_nobody_retries_what_was_sent() -> None:
    """No step leads away from sent, not even a person's retry."""
    assert State.SENT not in sources(Step.RETRY)
    assert State.LEASED == TRANSITIONS[State.PLANNED][Step.LEASE]


def test_the_busy_and_the_waiting_are_told_apart() -> None:
    """What waits can be leased, what is busy cannot."""
    assert set(sources(Step.LEASE)) == set(WAITING)
    assert set(BUSY).isdisjoint(WAITING)


def test_the_diagram_has_every_arrow() -> None:
    """Each arrow of the table is in the diagram."""
    diagram = draw_mermaid()

    for state, arrows in TRANSITIONS.items():
        for step, target in arrows.items():
            assert any(
                line.strip().startswith(f"{state} --> {target}:") and step in line
                for line in diagram.splitlines()
            )


def test_the_documentation_is_drawn_from_the_table() -> None:
    """`draw_page` makes the page as it is committed."""
    page = Path(__file__).parent.parent / "docs" / "delivery-states.md"

    assert draw_page() == page.read_text("utf-8")
