"""
A project as its editors left it: settings, events, campaigns, audiences, problems.

Read as a whole at one moment; knows no clock, no ledger and sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tambour.audience import load_csv
from tambour.config import Config, CsvAudience, load_config
from tambour.content.campaigns import load_campaigns
from tambour.content.events import EventCache, load_events
from tambour.errors import UserError
from tambour.model import Campaign, Event, Plan, Recipient, Site, Snapshot
from tambour.planning import make_plan
from tambour.problems import Problem, Severity

HORIZON = timedelta(days=400)
"""How far ahead an edition is looked for when somebody names one, or an event."""

Loaded = tuple[tuple[Recipient, ...], tuple[Problem, ...]]


@dataclass(slots=True)
class ProjectCache:
    """What an unchanged file gave the last time; kept by the daemon between ticks."""

    events: EventCache = field(default_factory=EventCache)
    audiences: dict[tuple[Path, int, int, str], Loaded] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """
    Everything that planning and rendering need, and what is wrong with it.

    `audiences` has one entry for each in the settings; `root` is the project folder.
    """

    root: Path
    config: Config
    site: Site
    events: tuple[Event, ...]
    campaigns: tuple[Campaign, ...]
    audiences: Mapping[str, tuple[Recipient, ...]]
    problems: tuple[Problem, ...]

    def sizes(self) -> dict[str, int]:
        """Return how many people each audience has now."""
        return {name: len(people) for name, people in self.audiences.items()}

    def broken_audiences(self) -> frozenset[str]:
        """Return the audiences of which an error leaves nobody."""
        wrong = {p.path for p in self.problems if p.severity is Severity.ERROR}
        return frozenset(
            name
            for name, audience in self.config.audiences.items()
            if audience.path in wrong and not self.audiences[name]
        )

    def has_broken_campaigns(self) -> bool:
        """Whether a campaign is left out because of an error in its file."""
        return any(problem.code.startswith("E3") for problem in self.problems)


def require_campaigns(project: Project, names: Collection[str]) -> None:
    """
    Refuse names of campaigns that are not there.

    Raises:
        UserError: naming them.

    """
    known = {campaign.name for campaign in project.campaigns}
    missing = ", ".join(map(repr, sorted(set(names) - known)))
    if missing:
        there = ", ".join(sorted(known)) or "none"
        msg = f"there is no campaign {missing}; there are: {there}"
        raise UserError(msg)


def load_project(
    root: Path, *, env: str | None = None, cache: ProjectCache | None = None
) -> Project:
    """
    Read the project in the folder *root*.

    Problems in events, campaigns and audiences are collected, not raised.

    Raises:
        ConfigError: the settings cannot be used.

    """
    config = load_config(root, env=env)
    return read_project(config, cache=cache)


def read_project(
    config: Config,
    *,
    cache: ProjectCache | None = None,
    settled_before: datetime | None = None,
) -> Project:
    """Read what the settings point to; *settled_before* as in `load_events`."""
    kept = ProjectCache() if cache is None else cache
    site = config.site_facts()
    loaded = load_events(
        config.root, config.sources, site, kept.events, settled_before=settled_before
    )
    campaigns, found = load_campaigns(config.root, config)
    audiences: dict[str, tuple[Recipient, ...]] = {}
    problems = [*loaded.problems, *found]
    for name, audience in config.audiences.items():
        audiences[name], wrong = _audience(config, audience, kept)
        problems.extend(wrong)
    return Project(
        root=config.root,
        config=config,
        site=site,
        events=loaded.events,
        campaigns=campaigns,
        audiences=audiences,
        problems=tuple(sorted(problems)),
    )


def _audience(config: Config, audience: CsvAudience, cache: ProjectCache) -> Loaded:
    path = config.root / audience.path
    language = config.site.language
    try:
        stat = path.stat()
    except OSError:
        return load_csv(path, shown=audience.path, default_language=language)
    key = (path, stat.st_mtime_ns, stat.st_size, language)
    if key not in cache.audiences:
        stale = [old for old in cache.audiences if old[0] == path]
        for old in stale:
            del cache.audiences[old]
        cache.audiences[key] = load_csv(
            path, shown=audience.path, default_language=language
        )
    return cache.audiences[key]


def plan_project(
    project: Project, snapshot: Snapshot, *, now: datetime, until: datetime
) -> Plan:
    """Return the project's plan as of *now*, for what is due up to *until*."""
    return make_plan(
        events=project.events,
        campaigns=project.campaigns,
        recipients=project.sizes(),
        snapshot=snapshot,
        site=project.site,
        limits=project.config.limits(),
        now=now,
        until=until,
    )
