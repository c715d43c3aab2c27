"""
What an answer means for its delivery: the next step, and when to try again.

Pure: the instant and the dice are given. Knows no ledger and no channel.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from tambour.delivery.retry import MOST_ATTEMPTS, next_try
from tambour.ledger.records import Leased, Result
from tambour.ledger.states import Step
from tambour.model import Cause, Outcome, OutcomeKind

# Looking up a member of an enum is a call, and most answers ask for these.
_ACCEPTED = OutcomeKind.ACCEPTED
_ACCEPT = Step.ACCEPT
_STEPS = {
    OutcomeKind.DEFERRED: Step.DEFER,
    OutcomeKind.REJECTED: Step.REJECT,
    OutcomeKind.UNCERTAIN: Step.LOSE,
}


def result_of(
    leased: Leased,
    outcome: Outcome,
    *,
    now: datetime,
    chance: float,
    on_uncertain: Literal["resend", "hold"],
) -> Result:
    """
    Return what becomes of a delivery whose attempt had this outcome *now*.

    *chance* is a throw of the dice in [0, 1), for when to try again.
    """
    if outcome.kind is _ACCEPTED:
        return _result(leased, _ACCEPT, outcome, None)
    if outcome.cause is Cause.SENDER and outcome.kind is OutcomeKind.REJECTED:
        # The reader is not to blame: it goes again once a person has seen to it.
        outcome = replace(outcome, kind=OutcomeKind.DEFERRED)
    step = _STEPS[outcome.kind]
    is_held = step is Step.LOSE and on_uncertain == "hold"
    again = None if is_held else _next_try(leased, outcome, now=now, chance=chance)
    if step is Step.DEFER and again is None:
        is_worn_out = leased.attempts + 1 >= MOST_ATTEMPTS
        has_end = leased.deadline is not None
        step = Step.EXPIRE if has_end and not is_worn_out else Step.REJECT
    return _result(leased, step, outcome, again)


def result_of_unsent(
    leased: Leased, outcome: Outcome, *, now: datetime, chance: float
) -> Result:
    """Return what becomes of a promised delivery that no channel took up."""
    again = _next_try(leased, outcome, now=now, chance=chance)
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


def _next_try(
    leased: Leased, outcome: Outcome, *, now: datetime, chance: float
) -> datetime | None:
    return next_try(
        leased.attempts + 1,
        outcome,
        now=now,
        deadline=leased.deadline,
        chance=chance,
    )


def _result(
    leased: Leased, step: Step, outcome: Outcome, again: datetime | None
) -> Result:
    code, reply = outcome.code, outcome.reply
    return Result(leased.id, step, code, reply, again, outcome.status, outcome.cause)
