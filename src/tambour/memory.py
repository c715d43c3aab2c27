"""
A project together with what the ledger remembers of it: what every plan is made from.

Readers `recall`; who sends also `watch`es, so that the ledger learns what was seen.
Decides nothing itself: who an event is, and what is due, is for planning to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tambour.ledger import Ledger
from tambour.model import Event, Plan, Snapshot
from tambour.planning import make_plan
from tambour.planning.identity import Clues, recognise, unplaced
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
            site=project.site,
            limits=project.config.limits(),
            speeds=channel_speeds(project.config),
            now=now,
            until=until,
        )


def recall(project: Project, ledger: Ledger) -> Memory:
    """Return the project with what the ledger remembers; changes nothing."""
    stop = ledger.standing.stop(machine=project.config.machine)
    snapshot = replace(ledger.snapshot(), stop=stop)
    found = recognise(project.events, snapshot.known, _clues(project, snapshot))
    problems = tuple(sorted((*project.problems, *found.problems)))
    return Memory(
        project=replace(project, events=found.events, problems=problems),
        snapshot=snapshot,
        vanished=(),
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


def watch(project: Project, ledger: Ledger, *, now: datetime) -> Memory:
    """
    Let the ledger remember what is seen *now*, and return what it remembers then.

    Raises:
        LedgerError: the ledger cannot be written.

    """
    seen = recall(project, ledger)
    campaigns = [campaign.name for campaign in project.campaigns]
    ledger.sightings.note(seen.project.events, campaigns, now)
    return recall(project, ledger)
