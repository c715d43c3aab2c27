"""
Congestion: what the answers of one lane say of a server that asks to slow down.

One such answer changes nothing. Several among the last ones make the lane pause, longer
each time, then go on with one message and take up speed as messages are accepted. Says
nothing of the messages themselves: when each is tried again is `retry`'s matter. Pure;
the instants are given.
Source: RFC 5321 §4.2.2, RFC 3463 §3, RFC 4954 §6, RFC 6585 §4; the words of Orange and
Yahoo as postmasters report them (2026-06).
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from tambour.model import Outcome, OutcomeKind

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
STORM = 3
"""So many requests to slow down are no accident,"""
LAST = 20
"""among so many answers."""
FULL = 64
"""As many in flight without trouble, and the lane is free again."""
VAIN = 7
"""After so many pauses, two minutes, in which nothing was accepted, a pass gives up."""
DOUBTS = 3
"""After so many pauses that helped nobody, it was not about speed,"""
DOUBTED = timedelta(minutes=10)
"""and for so long it is not taken so again."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_GREYLISTING = re.compile(r"gr[ae]y-?list", re.IGNORECASE)
_WORDS = re.compile(
    r"\bOFR\d*_10[45]\b|\bTSS?\d\d\b|slow(ing)? down|rate limit|throttl|"
    r"too many (connections|messages|sessions)|too (fast|quickly)|server (is )?busy",
    re.IGNORECASE,
)
_SLOWER_CODES = ("421", "452", "454", "HTTP 429", "HTTP 503")
_SLOWER_STATUSES = ("4.3.1", "4.3.2", "4.4.5")
"""The system is full, accepts nothing just now, or is congested."""
_ONE_MAILBOX = ("4.1.", "4.2.")


class Signal(Enum):
    """What one answer says about speed."""

    NOTHING = auto()
    PASSED = auto()
    SLOWER = auto()
    PERHAPS = auto()
    """Slow down, or else a greylist that refuses everybody once."""


# Looking up a member of an enum is a call, and these are asked for at every answer.
_ACCEPTED = OutcomeKind.ACCEPTED
_NOTHING = Signal.NOTHING
_PASSED = Signal.PASSED


def signal_of(outcome: Outcome) -> Signal:
    """Return what an answer says about speed; most refusals are about one mailbox."""
    if outcome.kind is _ACCEPTED:
        return _PASSED
    is_greylisted = _GREYLISTING.search(outcome.reply)
    if outcome.kind is not OutcomeKind.DEFERRED or is_greylisted:
        return Signal.NOTHING
    if outcome.status.startswith(_ONE_MAILBOX):
        return Signal.NOTHING
    if (
        outcome.code in _SLOWER_CODES
        or outcome.status in _SLOWER_STATUSES
        or _WORDS.search(outcome.reply)
    ):
        return Signal.SLOWER
    is_policy = outcome.code in ("450", "451") and outcome.status.startswith("4.7.")
    return Signal.PERHAPS if is_policy else Signal.NOTHING


class Congestion:
    """How much one lane holds back; lost in a restart, and soon learnt again."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=LAST)
        self._limit: int | None = None
        self._pauses = 0
        self._vain = 0
        self._doubts = 0
        self._paused_until = _LONG_AGO
        self._doubted_until = _LONG_AGO
        self._latest = _LONG_AGO

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing was accepted for several pauses."""
        return self._vain >= VAIN

    def limit(self, now: datetime) -> int | None:
        """Return how many may be in flight now: 0 in a pause, None when free."""
        return 0 if self._is_paused(now) else self._limit

    def free_at(self, now: datetime) -> datetime:
        """Return when the pause ends: now, if there is none."""
        return self._paused_until if self._is_paused(now) else now

    def note(self, outcome: Outcome, now: datetime) -> None:
        """Learn from an answer; one that comes in a pause was asked before it."""
        signal = signal_of(outcome)
        if signal is _NOTHING or self._is_paused(now):
            return
        if signal is _PASSED:
            self._doubts = self._vain = 0
        elif signal is Signal.PERHAPS and now < self._doubted_until:
            signal = _PASSED  # it answers, whatever the speed
        if signal is _PASSED:
            self._speed_up()
        elif self._limit is None:
            self._recent.append(True)
            if sum(self._recent) >= STORM:
                self._pause(outcome, signal, now)
        elif self._limit > 1:
            self._limit //= 2
        else:
            self._pause(outcome, signal, now)

    def _speed_up(self) -> None:
        if self._limit is None:
            self._recent.append(False)
        elif self._limit < FULL:
            self._limit += 1
        else:
            self._limit = None
            self._pauses = 0

    def _pause(self, outcome: Outcome, signal: Signal, now: datetime) -> None:
        self._recent.clear()
        self._limit = 1
        self._doubts = self._doubts + 1 if signal is Signal.PERHAPS else 0
        self._vain += 1
        if self._doubts > DOUBTS:
            self._doubts = self._pauses = self._vain = 0
            self._doubted_until = now + DOUBTED
            return
        wait = max(FIRST_PAUSE * 2**self._pauses, outcome.retry_after or timedelta())
        self._pauses = min(self._pauses + 1, 10)
        self._paused_until = now + min(wait, LONGEST_PAUSE)

    def _is_paused(self, now: datetime) -> bool:
        # A clock that is set back must not make a minute last for hours.
        if now < self._latest:
            self._paused_until -= self._latest - now
            self._doubted_until -= self._latest - now
        self._latest = now
        return now < self._paused_until
