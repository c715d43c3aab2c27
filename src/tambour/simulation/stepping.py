"""
One moment of a simulated time, and when something can happen next.

What the demo and `simulate` share: both hand in how things are delivered, and let their
own incidents happen in between. The clock is whatever it is told to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tambour.config import Config
from tambour.delivery.rounds import Bounds, Round, freeze_known
from tambour.ledger import Ledger
from tambour.memory import Memory, refresh, watch
from tambour.model import EntryState
from tambour.project import Project
from tambour.rendering.templates import Templates

SCAN = timedelta(seconds=15)
"""What vanished counts from the second look on, which a daemon takes so much later."""
AHEAD = timedelta(days=7)
"""A plan is looked at so far ahead at once; what is due later is found from there."""

Deliver = Callable[[Config, datetime, datetime], object]
"""Is given the settings, the present, and when something else may happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What was done at a moment, None if only sent, and when the next one is."""

    rounded: Round | None
    later: datetime


@dataclass(slots=True, kw_only=True)
class Course:
    """A time on its way; `hold` is how long before it is due an edition is frozen."""

    ledger: Ledger
    templates: Templates
    deliver: Deliver
    hold: timedelta = timedelta()
    _seen: Project | None = None
    _memory: Memory | None = None
    _plan_at: datetime | None = None

    def step(self, project: Project, *, now: datetime, end: datetime) -> Stepped:
        """
        Freeze and deliver what is due *now*; something else happens at the *end*.

        A *project* that is the one of the step before has not changed since.

        Raises:
            LedgerError: the ledger cannot be used.

        """
        rounded = None
        plan_at = self._plan_at
        if project is not self._seen or plan_at is None or plan_at <= now:
            rounded = self._freeze(project, now, end)
            moments = (*self._moments(rounded, now=now), min(end, now + AHEAD))
            plan_at = min(moment for moment in moments if moment > now)
            self._plan_at = plan_at
        if self.ledger.history.due_editions(now):
            self.deliver(project.config, now, plan_at)
        again = self.ledger.history.next_due(now)
        return Stepped(rounded=rounded, later=min(plan_at, again or plan_at))

    def _freeze(self, project: Project, now: datetime, end: datetime) -> Round:
        until = min(end, now + AHEAD) + self.hold
        bounds = Bounds(now=now, hold=self.hold, until=until)
        memory = self._look(project, now)
        rounded = freeze_known(memory, self.ledger, self.templates, bounds)
        self._memory = rounded.memory
        return rounded

    def _look(self, project: Project, now: datetime) -> Memory:
        """Return what is known; a second look at the same files shows nothing new."""
        memory = self._memory
        if memory is None or project is not self._seen or _is_waiting(memory):
            self._seen = project
            return watch(project, self.ledger, now=now)
        return refresh(memory, self.ledger)

    def _moments(self, rounded: Round, *, now: datetime) -> Iterator[datetime]:
        """Yield when a plan may say something else: editions leave by themselves."""
        frozen = {*rounded.frozen.editions, *rounded.snapshot.editions}
        for entry in rounded.plan.entries:
            yield entry.due - self.hold
            if entry.edition not in frozen:
                yield entry.due
            if entry.deadline and entry.state is EntryState.HELD:
                yield entry.deadline
        for edition in rounded.snapshot.open_editions:
            if edition.deadline:
                yield edition.deadline
        if _is_waiting(rounded.memory):
            yield now + SCAN


def _is_waiting(memory: Memory) -> bool:
    """Whether something was not there at the first look, and the second will tell."""
    return any(known.missing == 1 for known in memory.snapshot.known.values())
