"""
A project as its editors left it: settings, events, campaigns, audiences, problems.

Read as a whole at one moment; knows no clock, no ledger and sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from tambour.audience import Audience, load_csv
from tambour.config import (
    ChannelSettings,
    Config,
    CsvAudience,
    OutboxChannel,
    WebhookChannel,
    load_config,
)
from tambour.content.campaigns import load_campaigns
from tambour.content.events import EventCache, load_events
from tambour.content.git_renames import Renames
from tambour.content.recurrence import Window
from tambour.errors import UserError
from tambour.model import Campaign, Event, Site, Speed
from tambour.planning.estimates import ASSUMED
from tambour.problems import Problem

HORIZON = timedelta(days=400)
"""How far ahead an edition is looked for when somebody names one, or an event."""


_State = tuple[int, int, int]


@dataclass(slots=True)
class ProjectCache:
    """What an unchanged file gave the last time; kept by the daemon between ticks."""

    events: EventCache = field(default_factory=EventCache)
    audiences: dict[tuple[Path, _State | None, str], Audience] = field(
        default_factory=dict
    )
    renames: Renames = field(default_factory=Renames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """
    Everything that planning and rendering need, and what is wrong with it.

    `audiences` has one entry for each in the settings; `root` is the project folder;
    `named` and `unread` are those of `Loaded`; `renames` may be asked what git knows.
    """

    root: Path
    config: Config
    site: Site
    events: tuple[Event, ...]
    campaigns: tuple[Campaign, ...]
    audiences: Mapping[str, Audience]
    problems: tuple[Problem, ...]
    named: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    renames: Renames = field(default_factory=Renames, compare=False)

    def sizes(self) -> dict[str, int]:
        """Return how many people each audience has now."""
        return {name: people.size for name, people in self.audiences.items()}

    def with_problems(self, found: Iterable[Problem]) -> Project:
        """Return the project with what was *found* wrong with it as well."""
        return replace(self, problems=tuple(sorted({*self.problems, *found})))

    def broken_audiences(self) -> frozenset[str]:
        """Return the audiences of which an error leaves nobody."""
        return frozenset(
            name for name, people in self.audiences.items() if people.is_broken
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
    root: Path,
    *,
    env: str | None = None,
    cache: ProjectCache | None = None,
    around: datetime | None = None,
) -> Project:
    """
    Read the project in the folder *root*; *around* as in `read_project`.

    Problems in events, campaigns and audiences are collected, not raised.

    Raises:
        ConfigError: the settings cannot be used.

    """
    config = load_config(root, env=env)
    return read_project(config, cache=cache, around=around)


def read_project(
    config: Config,
    *,
    cache: ProjectCache | None = None,
    settled_before: datetime | None = None,
    around: datetime | None = None,
) -> Project:
    """
    Read what the settings point to; *settled_before* as in `load_events`.

    Args:
        around: the moment about which repeated events are looked for, from two days
            before it to 400 days after; without one, from the first time of each.

    """
    kept = ProjectCache() if cache is None else cache
    site = config.site_facts()
    loaded = load_events(
        config.root,
        config.sources,
        site,
        kept.events,
        settled_before=settled_before,
        window=Window.around(around) if around is not None else None,
        feeds=config.feeds,
    )
    campaigns, found = load_campaigns(config.root, config)
    audiences = {
        name: _audience(config, audience, kept)
        for name, audience in config.audiences.items()
    }
    wrong = chain.from_iterable(one.problems for one in audiences.values())
    return Project(
        root=config.root,
        config=config,
        site=site,
        events=loaded.events,
        campaigns=campaigns,
        audiences=audiences,
        problems=tuple(sorted((*loaded.problems, *found, *wrong))),
        named=loaded.named,
        unread=loaded.unread,
        renames=kept.renames,
    )


def _audience(config: Config, settings: CsvAudience, cache: ProjectCache) -> Audience:
    path = config.root / settings.path
    language = config.site.language
    before = _state(path)
    key = (path, before, language)
    known = cache.audiences.get(key)
    if known is not None:
        return known
    for old in [old for old in cache.audiences if old[0] == path]:
        del cache.audiences[old]
    audience = load_csv(path, shown=settings.path, default_language=language)
    if before is not None and before == _state(path):
        cache.audiences[key] = audience
    return audience


def _state(path: Path) -> _State | None:
    """
    Return by what an unchanged file is known: its times of change and its size.

    The time at which it was changed in any way tells also what keeps the other one:
    a copy with its old date, or the right to read it.
    """
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def channel_speeds(config: Config) -> dict[str, Speed]:
    """Return how fast each channel may send, as far as anybody knows."""
    return {name: _speed(settings) for name, settings in config.channels.items()}


def _speed(settings: ChannelSettings) -> Speed:
    if isinstance(settings, OutboxChannel):
        return Speed()
    if isinstance(settings, WebhookChannel):
        return Speed(rates=settings.rate)
    is_paced = any(rate.is_pace for rate in settings.rate)
    return Speed(
        rates=settings.rate,
        warm_up=settings.warm_up,
        assumed=None if is_paced else ASSUMED,
    )
