"""
A project together with what the ledger remembers of it: what every plan is made from.

Readers `recall`; who sends also `watch`es, so that the ledger learns what was seen.
Where a file has an error, or cannot be relied on to be gone, its event stands as it was
last well read. Decides nothing itself: who an event is and what is due, planning says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tambour.ledger import Ledger
from tambour.model import Event, EventId, EventStatus, Plan, Snapshot
from tambour.planning import make_plan
from tambour.planning.ambiguity import many_gone
from tambour.planning.identity import Clues, recognise, unplaced
from tambour.planning.vanishing import sources_losing_many, standing_of
from tambour.problems import Problem
from tambour.project import Project, channel_speeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    A project, its events under the ids by which the ledger knows them.

    Of *vanished* events the last good state stands.
    """

    project: Project
    snapshot: Snapshot
    vanished: tuple[Event, ...] = ()

    def plan(self, *, now: datetime, until: datetime) -> Plan:
        """Return the plan as of *now*, for what is due up to *until*."""
        project = self.project
        return make_plan(
            events=project.events,
            campaigns=project.campaigns,
            recipients=project.sizes(),
            snapshot=self.snapshot,
            vanished=self.vanished,
            site=project.site,
            limits=project.config.limits(),
            speeds=channel_speeds(project.config),
            now=now,
            until=until,
        )


def recall(project: Project, ledger: Ledger) -> Memory:
    """Return the project with what the ledger remembers; changes nothing."""
    return _with_told(_memory_of(project, _look(project, ledger)), ledger)


def _memory_of(project: Project, sight: _Sight) -> Memory:
    events = (*sight.there, *sight.standing)
    return Memory(
        project=replace(project.with_problems(sight.problems), events=events),
        snapshot=sight.snapshot,
        vanished=sight.vanished,
    )


def _with_told(memory: Memory, ledger: Ledger) -> Memory:
    """Add who was told what is not so now, and alert to what many events share."""
    events, snapshot = memory.project.events, memory.snapshot
    now = standing_of(events, memory.vanished, snapshot).likely_facts(snapshot.known)
    snapshot = replace(snapshot, told=ledger.telling.told(now))
    lost = sources_losing_many(standing_of(events, memory.vanished, snapshot))
    problems = {many_gone(source, count) for source, count in lost.items()}
    return replace(
        memory,
        project=memory.project.with_problems(problems) if problems else memory.project,
        snapshot=snapshot,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """
    Which events have a file, broken ones as they last were, and which have none.

    *missing* are those that a good look did not find.
    """

    snapshot: Snapshot
    there: tuple[Event, ...]
    standing: tuple[Event, ...]
    vanished: tuple[Event, ...]
    missing: tuple[EventId, ...]
    problems: tuple[Problem, ...]


def _remembered(project: Project, ledger: Ledger) -> Snapshot:
    stop = ledger.standing.stop(machine=project.config.machine)
    return replace(ledger.snapshot(), stop=stop)


def _look(project: Project, ledger: Ledger) -> _Sight:
    snapshot = _remembered(project, ledger)
    known = snapshot.known
    found = recognise(project.events, known, _clues(project, snapshot))
    held = [
        event.id
        for event in found.events
        if event.status is EventStatus.HELD and event.id in known
    ]
    wanted = (*held, *found.standing, *found.vanished)
    good = ledger.sightings.last_good(wanted) if wanted else {}
    last = {one: good[one] for one in held if one in good}
    return _Sight(
        snapshot=snapshot,
        there=tuple(
            replace(last[event.id], source=event.source, path=event.path)
            if event.id in last
            else event
            for event in found.events
        ),
        standing=tuple(good[one] for one in found.standing if one in good),
        vanished=tuple(good[one] for one in found.vanished if one in good),
        missing=found.missing,
        problems=found.problems,
    )


def _clues(project: Project, snapshot: Snapshot) -> Clues:
    """Ask git, if something is gone and something is new, what was renamed."""
    sources = project.config.sources
    gone, new = unplaced(project.events, snapshot.known)
    folders = [source.path for source in sources]
    return Clues(
        named=project.named,
        renamed=project.renames.find(project.root, folders, gone=gone, new=new),
        sources=frozenset(source.id for source in sources),
        unread=project.unread,
    )


def refresh(memory: Memory, ledger: Ledger) -> Memory:
    """Return what is remembered now of a project whose files have not changed."""
    snapshot = _remembered(memory.project, ledger)
    return _with_told(replace(memory, snapshot=snapshot), ledger)


def watch(project: Project, ledger: Ledger, *, now: datetime) -> Memory:
    """
    Let the ledger remember what is seen *now*, and return what it remembers then.

    Raises:
        LedgerError: the ledger cannot be written.

    """
    sight = _look(project, ledger)
    campaigns = [campaign.name for campaign in project.campaigns]
    ledger.sightings.note(sight.there, campaigns, now, missing=sight.missing)
    # Another look would say the same: counting what is gone changes the counts only.
    return refresh(_memory_of(project, sight), ledger)
