"""
What an answer means for its delivery: the next step, and when to try again.

Pure: the instant and the dice are given. Knows no ledger and no channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tambour.delivery.retry import MOST_ATTEMPTS, next_try
from tambour.ledger.records import Leased, Result
from tambour.ledger.states import Step
from tambour.model import Cause, Outcome, OutcomeKind

_STEPS = {
    OutcomeKind.ACCEPTED: Step.ACCEPT,
    OutcomeKind.DEFERRED: Step.DEFER,
    OutcomeKind.REJECTED: Step.REJECT,
    OutcomeKind.UNCERTAIN: Step.LOSE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something is decided, and a throw of the dice in [0, 1)."""

    now: datetime
    chance: float


def result_of(
    leased: Leased,
    outcome: Outcome,
    moment: Moment,
    *,
    on_uncertain: Literal["resend", "hold"],
) -> Result:
    """Return what becomes of a delivery whose attempt had this outcome."""
    if outcome.cause is Cause.SENDER and outcome.kind is OutcomeKind.REJECTED:
        # The reader is not to blame: it goes again once a person has seen to it.
        outcome = replace(outcome, kind=OutcomeKind.DEFERRED)
    step = _STEPS[outcome.kind]
    is_held = step is Step.LOSE and on_uncertain == "hold"
    again = None if is_held else _next_try(leased, outcome, moment)
    if step is Step.DEFER and again is None:
        is_worn_out = leased.attempts + 1 >= MOST_ATTEMPTS
        has_end = leased.deadline is not None
        step = Step.EXPIRE if has_end and not is_worn_out else Step.REJECT
    return _result(leased, step, outcome, again)


def result_of_unsent(leased: Leased, outcome: Outcome, moment: Moment) -> Result:
    """Return what becomes of a promised delivery that no channel took up."""
    again = _next_try(leased, outcome, moment)
    step = Step.EXPIRE if again is None else Step.POSTPONE
    return _result(leased, step, outcome, again)


def result_of_deadline(leased: Leased) -> Result:
    """Return what becomes of a promised delivery whose deadline has passed."""
    outcome = Outcome(kind=OutcomeKind.REJECTED, code="deadline")
    return _result(leased, Step.EXPIRE, outcome, None)


def result_of_unsendable(leased: Leased, reason: str) -> Result:
    """Return what becomes of a promised delivery whose message cannot be made."""
    outcome = Outcome(kind=OutcomeKind.REJECTED, code="unsendable", reply=reason)
    return _result(leased, Step.REJECT, outcome, None)


def _next_try(leased: Leased, outcome: Outcome, moment: Moment) -> datetime | None:
    return next_try(
        leased.attempts + 1,
        outcome,
        now=moment.now,
        deadline=leased.deadline,
        chance=moment.chance,
    )


def _result(
    leased: Leased, step: Step, outcome: Outcome, again: datetime | None
) -> Result:
    return Result(
        delivery=leased.id,
        step=step,
        code=outcome.code,
        reply=outcome.reply,
        next_try=again,
        status=outcome.status,
        cause=outcome.cause,
    )
