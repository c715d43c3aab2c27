"""
The guard at the door: may anything leave, and what time is it if the clock is in doubt?

Who sends asks it before the first message, and a daemon at each tick. Joins the rule
about clocks with what the ledger knows of itself; decides neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tambour.delivery.world import World
from tambour.ledger import Ledger
from tambour.model import Reading, Reason
from tambour.planning import stops
from tambour.planning.clocks import JUMP, ClockState, Judgement, expected, judge

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Whether anything may leave; a *stop* is why not.

    A *warning* is what somebody should know once.
    """

    stop: Reason | None = None
    warning: str | None = None


class Guard:
    """
    What stands between a ledger and the wire.

    *machine* is a name for this one, if it was given one.
    """

    def __init__(self, ledger: Ledger, world: World, *, machine: str | None) -> None:
        self._ledger = ledger
        self._world = world
        self._machine = machine
        self._base: Reading | None = None
        self._believable = _NEVER

    def look(self) -> Verdict:
        """Return whether anything may leave now; changes nothing."""
        known = self._ledger.standing.clock()
        return self._verdict(judge(known, self._world.reading()))

    def examine(self) -> Verdict:
        """
        As `look`, and remember the clocks and the place.

        Raises:
            LedgerError: the ledger cannot be written.

        """
        judged = self._ledger.standing.judge_clock(self._world.reading())
        self._believe(judged.memory.last)
        verdict = self._verdict(judged)
        if verdict.stop is None:
            self._ledger.standing.settle_in(machine=self._machine)
        return verdict

    def mark(self) -> None:
        """
        Note in the ledger and beside it that something leaves.

        Raises:
            LedgerError: one of the two files cannot be written.

        """
        self._ledger.standing.mark(self.now())

    def keep_marking(self, *, busy: bool) -> None:
        """As `mark`, while something waits to leave, and once a day."""
        at = self._ledger.standing.marked_at()
        if busy or at is None or at.date() != self.now().date():
            self.mark()

    def now(self) -> datetime:
        """Return what time it is: by the boot's own clock, while the wall's jumps."""
        wall = self._world.clock()
        # Asked for each message: within an hour of the base, nothing has jumped.
        if wall < self._believable or self._base is None:
            return wall
        reading = self._world.reading()
        ahead = expected(self._base, reading)
        if ahead is not None and ahead > JUMP:
            return reading.wall - ahead
        self._believe(reading)
        return reading.wall

    def _believe(self, base: Reading | None) -> None:
        self._base = base
        self._believable = _NEVER if base is None else base.wall + JUMP

    def _verdict(self, judged: Judgement) -> Verdict:
        doubt = self._ledger.standing.doubt(machine=self._machine)
        warning = None
        highest = judged.memory.highest
        if judged.state is ClockState.BEHIND and judged.is_news and highest:
            warning = stops.clock_behind(highest.wall)
        return Verdict(stop=doubt or stops.clock_jumped(judged.memory), warning=warning)
