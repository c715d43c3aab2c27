"""
When to try a delivery again, as a value; pure, the dice are thrown by the caller.

The first wait suits a greylisting server (most let pass within five minutes), then it
doubles up to an hour. Source: RFC 6647 §3; RFC 5321 §4.5.4.1, which asks for at least
thirty minutes between later tries.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tambour.model import Outcome, OutcomeKind

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=7)
"""Whoever asks for more time is mistaken, or means never: it is tried all the same."""

MOST_ATTEMPTS = 30
"""Without a deadline a refusal becomes final after this many, about a day."""


def next_try(
    attempts: int,
    outcome: Outcome,
    *,
    now: datetime,
    deadline: datetime | None,
    chance: float,
) -> datetime | None:
    """
    Return when to try again, None when never.

    Args:
        attempts: how many there were, this one included.
        outcome: what the last one gave; its `retry_after` is a lower bound, within
            reason.
        now: when it gave that.
        deadline: the last instant at which the message may leave.
        chance: in [0, 1); spreads the wait over its upper half, so that a thousand
            deferred messages do not come back together.

    """
    if outcome.kind not in (OutcomeKind.DEFERRED, OutcomeKind.UNCERTAIN):
        return None
    if attempts >= MOST_ATTEMPTS:
        return None
    at = now + wait_after(attempts, outcome, chance=chance)
    return at if deadline is None or at < deadline else None


def wait_after(attempts: int, outcome: Outcome, *, chance: float) -> timedelta:
    """Return how long to leave the other side alone after *attempts* in a row."""
    doublings = min(max(attempts, 1) - 1, 10)
    wait = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT) * (0.5 + chance / 2)
    return max(wait, min(outcome.retry_after or timedelta(), LONGEST_ASKED))
