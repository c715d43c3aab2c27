"""
Where a project's files come from while a time is lived through.

Either they are as they are now, or as a repository's commits have them, and as they are
now where the repository has none: before a file or folder first came into it, and if
it never did. Reads no clock and decides nothing about events.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from tambour.config import CONFIG_FILE, Config, load_config
from tambour.content.campaigns import CAMPAIGNS
from tambour.content.git_renames import Renames
from tambour.rendering.templates import FOLDER as TEMPLATES
from tambour.simulation.worktree import History, Worktree

NOW, GIT, BOTH = "as now", "commits", "as now, then commits"


class Past(Protocol):
    """A project's files through time; `root` is the folder to read them in."""

    @property
    def root(self) -> Path:
        """The folder that stands for the project's."""

    @property
    def renames(self) -> Renames:
        """What git knows of renames."""

    @property
    def next_at(self) -> datetime | None:
        """When something changes next."""

    @property
    def seen(self) -> int:
        """How many commits have come so far."""

    def advance(self, now: datetime) -> None:
        """Let the files be as they are *now*."""

    def config(self, env: str | None) -> Config:
        """
        Return the settings of that moment, and have the files that they name.

        Raises:
            ConfigError: they cannot be used.

        """

    def origins(self) -> dict[str, str]:
        """Say of each part of the project where it comes from."""

    def shown(self, text: str) -> str:
        """Return *text* with the names of files as people know them."""


class Present:
    """The files as they are, all the time."""

    next_at: datetime | None = None
    seen = 0

    def __init__(self, root: Path) -> None:
        self.root = root
        self.renames = Renames()
        self._config: Config | None = None

    def advance(self, now: datetime) -> None:
        """Change nothing."""

    def config(self, env: str | None) -> Config:
        """
        Return the settings as they are.

        Raises:
            ConfigError: they cannot be used.

        """
        self._config = load_config(self.root, env=env)
        return self._config

    def origins(self) -> dict[str, str]:
        """Say that all is as it is now."""
        return dict.fromkeys(_parts(self._config), NOW)

    def shown(self, text: str) -> str:
        """Names are as they are."""
        return text


def _parts(config: Config | None) -> Iterator[str]:
    yield from ("settings", CAMPAIGNS, TEMPLATES)
    if config is not None:
        yield from (f"audience {name}" for name in config.audiences)
        yield from (f"events {source.id}" for source in config.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A part of the project in the repository's folder; `path` is below its top."""

    part: str
    path: str
    pattern: str = ""
    """Which files of a folder belong to it."""
    is_source: bool = False
    """Before its first commit there were no events, rather than those of now."""


class Replayed:
    """
    A project as the commits of a repository have it.

    *project* may lie in the repository (*top* is where its files are) or elsewhere.
    """

    def __init__(
        self, project: Path, *, top: Path, history: History, worktree: Worktree
    ) -> None:
        self._project = project.resolve()
        self._top = top
        self._history = history
        self._worktree = worktree
        self.renames: Renames = worktree.renames
        self._is_inside = self._project.is_relative_to(top)
        self._copied: set[str] = set()
        self._origins: dict[str, str] = {}
        self._named: list[_Place] = []
        self._now: dict[_Place, dict[str, Path]] = {}
        self.root = self._project
        if self._is_inside:
            self.root = worktree.top / self._project.relative_to(top)
            self.root.mkdir(parents=True, exist_ok=True)

    @property
    def next_at(self) -> datetime | None:
        """When the next commit comes."""
        return self._worktree.next_at

    @property
    def seen(self) -> int:
        """How many commits have come."""
        return self._worktree.seen

    def advance(self, now: datetime) -> None:
        """Let the commits come that are there by *now*."""
        self._worktree.advance(now)

    def config(self, env: str | None) -> Config:
        """
        Return the settings of the moment, and have the files that they name.

        Raises:
            ConfigError: they cannot be used.

        """
        own = list(self._own_places(env))
        self._have([*own, *self._named])
        config = load_config(self.root, env=env)
        self._named = named = list(self._named_places(config))
        self._have([*own, *named])
        self._origins = dict.fromkeys(_parts(config), NOW)
        for place in (*own, *named):
            self._origins[place.part] = self._origin(place)
        return self._placed(config)

    def origins(self) -> dict[str, str]:
        """Say of each part whether commits have it."""
        return self._origins

    def shown(self, text: str) -> str:
        """Return *text* with the repository's folder instead of ours."""
        return text.replace(str(self._worktree.top), str(self._top))

    def _own_places(self, env: str | None) -> Iterator[_Place]:
        """Yield what every project has, if it lies in the repository."""
        if not self._is_inside:
            return
        base = self._within(self._project)
        names = [*([f"config.{env}.yaml"] if env else []), CONFIG_FILE]
        for name in names:
            yield _Place(part="settings", path=_joined(base, name))
        yield _Place(part=CAMPAIGNS, path=_joined(base, CAMPAIGNS), pattern="*.md")
        yield _Place(part=TEMPLATES, path=_joined(base, TEMPLATES), pattern="**/*")

    def _named_places(self, config: Config) -> Iterator[_Place]:
        """Yield what the settings name and the repository has, or could have."""
        named = [
            (f"audience {name}", one.path, False)
            for name, one in config.audiences.items()
        ]
        for source in config.sources:
            if source.path:
                named.append((f"events {source.id}", source.path, True))
            if self._is_inside and source.dialect.endswith((".yaml", ".yml")):
                named.append(("dialects", source.dialect, False))
        for part, path, is_source in named:
            where = (self._project / path).resolve()
            if where.is_relative_to(self._top):
                pattern = "**/*" if is_source else ""
                yield _Place(
                    part=part,
                    path=self._within(where),
                    pattern=pattern,
                    is_source=is_source,
                )

    def _within(self, path: Path) -> str:
        return path.relative_to(self._top).as_posix()

    def _placed(self, config: Config) -> Config:
        """Let the settings' paths lead to the files of the moment."""
        sources = tuple(
            one.model_copy(update={"path": self._led(one.path)}) if one.path else one
            for one in config.sources
        )
        audiences = {
            name: one.model_copy(update={"path": self._led(one.path)})
            for name, one in config.audiences.items()
        }
        # Copies of feeds lie beside the ledger, which is not opened.
        kept = config.ledger.removeprefix("sqlite:///")
        return config.model_copy(
            update={
                "sources": sources,
                "audiences": audiences,
                "ledger": f"sqlite:///{self._project / kept}",
            }
        )

    def _led(self, path: str) -> str:
        real = (self._project / path).resolve()
        if real.is_relative_to(self._top):
            real = self._worktree.top / real.relative_to(self._top)
        return path if self.root / path == real else str(real)

    # ── commits, and what they have not ─────────────────────────────────────────

    def _have(self, places: list[_Place]) -> None:
        self._worktree.want(place.path for place in places)
        wanted = {path: file for place in places for path, file in self._missing(place)}
        for path in self._copied - wanted.keys():
            if path not in self._worktree:
                (self._worktree.top / path).unlink(missing_ok=True)
        for path in wanted.keys() - self._copied:
            target = self._worktree.top / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(wanted[path], target)
        self._copied = set(wanted)

    def _missing(self, place: _Place) -> Iterator[tuple[str, Path]]:
        """Yield the files that are there now, but in no commit up to the moment."""
        has_come = self._has_come(place)
        if place.is_source and self._history.appeared(place.path):
            return
        for path, file in self._files_now(place).items():
            is_known = self._history.appeared(path) is not None
            if not (has_come and is_known) and path not in self._worktree:
                yield path, file

    def _files_now(self, place: _Place) -> dict[str, Path]:
        if place not in self._now:
            here = self._top / place.path
            is_folder = bool(place.pattern) and here.is_dir()
            found = sorted(here.glob(place.pattern)) if is_folder else [here]
            files = (file for file in found if file.is_file())
            self._now[place] = {self._within(file): file for file in files}
        return self._now[place]

    def _has_come(self, place: _Place) -> bool:
        appeared = self._history.appeared(place.path)
        seen = self._worktree.seen
        return (
            appeared is not None
            and seen > 0
            and appeared <= self._history.commits[seen - 1].at
        )

    def _origin(self, place: _Place) -> str:
        appeared = self._history.appeared(place.path)
        if appeared is None:
            return NOW
        is_whole = place.is_source or appeared == self._history.commits[0].at
        return GIT if is_whole else BOTH


def _joined(base: str, name: str) -> str:
    return str(PurePosixPath(base) / name)
