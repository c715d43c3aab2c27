"""
How a delivery moves from state to state: one table, and the diagram drawn from it.

Everything that affects a transition lives here; the SQL in `queries` is built from this
table, so that no statement can move a row where the table has no arrow. Knows neither
the database nor why a step is taken.

One rule is not visible in the table: a row that was ever in doubt (its message may have
been accepted before a crash or a lost reply) never ends as if it had not been sent.
Where it would be given back, refused for good, expire, be suppressed, cancelled or
superseded, it takes the step `LOSE` instead and is `uncertain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from tambour.model import Decision
from tambour.model import DeliveryState as State


class Step(StrEnum):
    """What can happen to a delivery."""

    LEASE = "lease"
    """Picked for the next wave; certainly not sent yet."""
    RELEASE = "release"
    """Given back unsent: the process stopped, died or was told to hold."""
    INTEND = "intend"
    """The intent to transmit is committed; from here on it may be on the wire."""
    ACCEPT = "accept"
    DEFER = "defer"
    """Refused for now; another try is scheduled."""
    REJECT = "reject"
    """Refused for good."""
    LOSE = "lose"
    """Nobody knows whether it was accepted."""
    POSTPONE = "postpone"
    """The channel could not be opened, or was lost before this one's turn."""
    EXPIRE = "expire"
    """The deadline passed, or no further try fits before it."""
    SUPPRESS = "suppress"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"
    RETRY = "retry"
    """A person asks for another try."""


TRANSITIONS: Mapping[State, Mapping[Step, State]] = {
    State.PLANNED: {
        Step.LEASE: State.LEASED,
        Step.POSTPONE: State.DEFERRED,
        Step.EXPIRE: State.EXPIRED,
        Step.SUPPRESS: State.SUPPRESSED,
        Step.CANCEL: State.CANCELLED,
        Step.SUPERSEDE: State.SUPERSEDED,
        Step.LOSE: State.UNCERTAIN,
    },
    State.LEASED: {
        Step.INTEND: State.IN_FLIGHT,
        Step.RELEASE: State.PLANNED,
        Step.POSTPONE: State.DEFERRED,
        Step.EXPIRE: State.EXPIRED,
        Step.SUPPRESS: State.SUPPRESSED,
        Step.CANCEL: State.CANCELLED,
        Step.SUPERSEDE: State.SUPERSEDED,
        Step.LOSE: State.UNCERTAIN,
    },
    State.IN_FLIGHT: {
        Step.ACCEPT: State.SENT,
        Step.DEFER: State.DEFERRED,
        Step.REJECT: State.FAILED,
        Step.POSTPONE: State.DEFERRED,
        Step.EXPIRE: State.EXPIRED,
        Step.LOSE: State.UNCERTAIN,
    },
    State.DEFERRED: {
        Step.LEASE: State.LEASED,
        Step.POSTPONE: State.DEFERRED,
        Step.EXPIRE: State.EXPIRED,
        Step.SUPPRESS: State.SUPPRESSED,
        Step.CANCEL: State.CANCELLED,
        Step.SUPERSEDE: State.SUPERSEDED,
        Step.RETRY: State.PLANNED,
        Step.LOSE: State.UNCERTAIN,
    },
    State.UNCERTAIN: {
        Step.LEASE: State.LEASED,
        Step.POSTPONE: State.UNCERTAIN,
        Step.EXPIRE: State.UNCERTAIN,
        Step.SUPPRESS: State.UNCERTAIN,
        Step.CANCEL: State.UNCERTAIN,
        Step.SUPERSEDE: State.UNCERTAIN,
        Step.RETRY: State.PLANNED,
        Step.LOSE: State.UNCERTAIN,
    },
    State.FAILED: {Step.RETRY: State.PLANNED},
    State.SENT: {},
    State.EXPIRED: {},
    State.SUPPRESSED: {},
    State.CANCELLED: {},
    State.SUPERSEDED: {},
}

WAITING = (State.PLANNED, State.DEFERRED, State.UNCERTAIN)
"""States from which a delivery is leased once its next try is due."""

BUSY = (State.LEASED, State.IN_FLIGHT)
"""States that only a live process may hold; `recover` clears them at the start."""


ENDS: Mapping[Decision, Step] = {
    Decision.CANCEL: Step.CANCEL,
    Decision.WITHDRAW: Step.CANCEL,
    Decision.SUPERSEDE: Step.SUPERSEDE,
}
"""The decisions that end an edition, and how its deliveries end that are not sent."""

REACHED = (State.IN_FLIGHT, State.SENT, State.UNCERTAIN)
"""States in which a reader has the message, or may have it."""


def sources(step: Step) -> dict[State, State]:
    """Return every state in which *step* can be taken, with where it leads."""
    return {
        state: arrows[step] for state, arrows in TRANSITIONS.items() if step in arrows
    }


def draw_mermaid() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> planned: freeze"]
    lines.append("    [*] --> suppressed: freeze")
    for state, arrows in TRANSITIONS.items():
        targets: dict[State, list[str]] = {}
        for step, target in arrows.items():
            targets.setdefault(target, []).append(step)
        lines.extend(
            f"    {state} --> {target}: {', '.join(steps)}"
            for target, steps in targets.items()
        )
    lines.extend(
        f"    {state} --> [*]" for state, arrows in TRANSITIONS.items() if not arrows
    )
    return "\n".join(lines) + "\n"


def draw_page() -> str:
    """Return `docs/delivery-states.md`."""
    return (
        "# The states of a delivery\n\n"
        "Drawn from the table in `src/tambour/ledger/states.py` by its `draw_page`;"
        " a test compares the two.\n\n"
        f"```mermaid\n{draw_mermaid()}```\n\n"
        "A delivery is *open* while it has a next try. An `uncertain` one without a"
        " next try waits for a person.\n\n"
        "A row that was ever in doubt never ends as if it had not been sent: where it"
        " would be released, refused for good, expire, be suppressed, cancelled or"
        " superseded, it takes the step *lose*.\n"
    )
