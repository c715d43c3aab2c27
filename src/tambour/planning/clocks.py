"""
Rule 10: whether the clock can be believed, from what was seen of it before.

A step back of any length is believed, and told: what was sent is in the ledger, so that
nothing leaves twice. A step ahead by more than an hour, against the seconds that were
counted since the same boot, is not: it would make due, late or past what is not. It is
resolved when the clock goes back to where it should be, or by a person. A suspend is no
step, for those seconds count it; over a reboot nothing counts, and a gap is downtime.
Several smaller steps are believed one by one.

No other clock is asked. A server's `Date` is often this very machine's, nobody signs
it, and "synchronised" only says that some program believes what it was told.
Source: clock_gettime(2), CLOCK_BOOTTIME; proc_sys_kernel(5), boot_id (2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from tambour.model.clocks import ClockMemory, Reading

JUMP = timedelta(hours=1)
STEP_BACK = timedelta(seconds=5)
"""Clocks that are kept in step are set back by less."""


class ClockState(StrEnum):
    """What is thought of the clock."""

    RIGHT = "right"
    BEHIND = "behind"
    """It was later already; perhaps it is right now, and was wrong then."""
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is thought of the clock, and what is to be remembered of it."""

    state: ClockState
    memory: ClockMemory
    is_news: bool
    """Whether it was thought of otherwise the last time."""


def judge(memory: ClockMemory, reading: Reading) -> Judgement:
    """Return whether *reading* can be believed by what is remembered."""
    if _is_doubtful(memory, reading):
        doubted = memory.doubted or reading
        return Judgement(
            state=ClockState.DOUBTFUL,
            memory=ClockMemory(
                highest=memory.highest, last=memory.last, doubted=doubted
            ),
            is_news=memory.doubted is None,
        )
    highest = memory.highest
    was_behind = _is_behind(memory.last, highest)
    is_behind = _is_behind(reading, highest)
    if highest is None or reading.wall >= highest.wall:
        highest = reading
    return Judgement(
        state=ClockState.BEHIND if is_behind else ClockState.RIGHT,
        memory=ClockMemory(highest=highest, last=reading),
        is_news=memory.doubted is not None or is_behind is not was_behind,
    )


def believed(reading: Reading) -> ClockMemory:
    """Return what is remembered once a person said that the clock is right."""
    return ClockMemory(highest=reading, last=reading)


def expected(base: Reading, reading: Reading) -> timedelta | None:
    """Return how far ahead of *base* the clock is, beyond the time that passed."""
    passed = reading.since(base)
    if passed is None:
        return None
    return reading.wall - base.wall - timedelta(seconds=passed)


def _is_doubtful(memory: ClockMemory, reading: Reading) -> bool:
    ahead = None if memory.last is None else expected(memory.last, reading)
    if ahead is None:
        # A reboot makes a doubtful clock no better: only going back does.
        return memory.doubted is not None and reading.wall >= memory.doubted.wall
    return ahead > JUMP and not _is_restored(memory, reading)


def _is_restored(memory: ClockMemory, reading: Reading) -> bool:
    """Whether a clock that was set back is where it was before, as far as is known."""
    last, highest = memory.last, memory.highest
    if last is None or highest is None:
        return False
    ahead = expected(highest, reading)
    if ahead is None:
        # It woke up far in the past, before anything could correct it.
        return memory.doubted is None and last.wall < highest.wall - JUMP
    return abs(ahead) <= JUMP


def _is_behind(reading: Reading | None, highest: Reading | None) -> bool:
    if reading is None or highest is None:
        return False
    return reading.wall < highest.wall - STEP_BACK
