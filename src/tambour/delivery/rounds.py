"""
One round, as `send`, the daemon and the demo begin it: see, plan, freeze.

Joins what an editor's project says with what the ledger remembers; decides nothing
itself, and sends nothing. `now` is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tambour.delivery.freezing import (
    Frozen,
    choose_due,
    freeze_entries,
)
from tambour.delivery.press import Material
from tambour.errors import Stopped
from tambour.ledger import Ledger
from tambour.memory import Memory, refresh, watch
from tambour.model import Entry, EntryState, Plan, Snapshot
from tambour.planning import revise
from tambour.planning.vanishing import standing_of
from tambour.project import Project
from tambour.rendering.templates import Templates

Check = Callable[[Memory, Plan, Sequence[Entry]], None]
"""Looks at a plan and at what of it would be frozen."""


def unchecked(_memory: Memory, _plan: Plan, _fresh: Sequence[Entry]) -> None:
    """Take whatever is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """
    What a round may freeze: what is due *now*, or so soon that it would be held back.

    `hold` is how long late editions wait, so that a person can stop them. Only of these
    `campaigns`, or of all when there are none; the plan reaches `until`, if further.
    """

    now: datetime
    hold: timedelta = timedelta()
    campaigns: Collection[str] = ()
    until: datetime | None = None

    @property
    def by(self) -> datetime:
        """When what is frozen now is due at the latest."""
        return self.now + self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """
    What a round found due and froze.

    `memory` is what was known before it; `held` would be due, but waits for a person.
    """

    memory: Memory
    plan: Plan
    frozen: Frozen
    held: tuple[Entry, ...]

    @property
    def snapshot(self) -> Snapshot:
        """The ledger's memory before the round."""
        return self.memory.snapshot

    @property
    def missed(self) -> tuple[Entry, ...]:
        """What can leave no more, though somebody should have got it."""
        return tuple(e for e in self.plan.entries if e.state is EntryState.MISSED)


def material_of(memory: Memory, templates: Templates) -> Material:
    """Return what the project's editions are made of."""
    project, snapshot = memory.project, memory.snapshot
    channels = project.config.channels
    standing = standing_of(project.events, memory.vanished, snapshot)
    return Material(
        site=project.site,
        templates=templates,
        campaigns={campaign.name: campaign for campaign in project.campaigns},
        events={event.id: event for event in project.events},
        standing=standing.known,
        audiences=project.audiences,
        channel_types={name: settings.type for name, settings in channels.items()},
        snapshot=snapshot,
        limits=project.config.limits(),
    )


def freeze_due(
    project: Project,
    ledger: Ledger,
    templates: Templates,
    bounds: Bounds,
    *,
    on_freeze: Callable[[], object] = lambda: None,
    check: Check = unchecked,
) -> Round:
    """
    Remember what was seen, plan, and freeze what is due within *bounds*.

    Args:
        on_freeze: called before anything is frozen, if anything is.
        check: called before that, with what is known and about to be frozen; whatever
            it raises stops the round.

    Raises:
        LedgerError: the ledger cannot be written.
        Stopped: nothing may leave; nothing was written either.

    """
    stop = ledger.standing.stop(machine=project.config.machine)
    if stop is not None:
        raise Stopped(stop.text)
    memory = watch(project, ledger, now=bounds.now)
    return freeze_known(
        memory, ledger, templates, bounds, on_freeze=on_freeze, check=check
    )


def freeze_known(
    memory: Memory,
    ledger: Ledger,
    templates: Templates,
    bounds: Bounds,
    *,
    on_freeze: Callable[[], object] = lambda: None,
    check: Check = unchecked,
) -> Round:
    """
    Plan, and freeze what is due within *bounds*, as `freeze_due` does after a look.

    Raises:
        LedgerError: the ledger cannot be written.

    """
    now, by, campaigns = bounds.now, bounds.by, bounds.campaigns
    memory = _revised(ledger, memory, now)
    plan = memory.plan(now=now, until=max(by, bounds.until or by))
    wanted = [e for e in plan.entries if not campaigns or e.campaign in campaigns]
    fresh = choose_fresh(memory, wanted, now=now, by=by)
    check(memory, plan, fresh)
    if fresh:
        on_freeze()
    return Round(
        memory=memory,
        plan=plan,
        frozen=freeze_entries(
            ledger, fresh, material_of(memory, templates), now=now, hold=bounds.hold
        ),
        held=tuple(e for e in wanted if e.state is EntryState.HELD and e.due <= by),
    )


def choose_fresh(
    memory: Memory, entries: Sequence[Entry], *, now: datetime, by: datetime
) -> list[Entry]:
    """Return those *entries* of a plan as of *now* that are frozen *by* then."""
    chosen = choose_due(Plan(now=now, entries=tuple(entries)), by=by)
    # An edition is frozen once: without readers that nobody could read, they are lost.
    broken = memory.project.broken_audiences()
    waiting = {entry.edition for entry in entries if entry.target.audience in broken}
    frozen = memory.snapshot.editions
    return [e for e in chosen if e.edition not in {*frozen, *waiting}]


def _revised(ledger: Ledger, memory: Memory, now: datetime) -> Memory:
    """Let frozen editions follow their events, then say what the ledger remembers."""
    project = memory.project
    limits = project.config.limits()
    revisions = revise(memory.snapshot, project.events, memory.vanished, limits)
    for revision in revisions:
        ledger.revise(revision, now)
    return refresh(memory, ledger) if revisions else memory
