"""
A folder that looks as a repository's files did, brought from one commit to the next.

Writes what changed, as it is in git: no filter, no smudge; a file's time of change is
its commit's. Links and submodules are left out. The folder is ours alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tambour.content.git_renames import Renames
from tambour.simulation.repository import (
    REGULAR,
    Blob,
    Changes,
    Commit,
    Contents,
    Repository,
)


class _File(NamedTuple):
    blob: Blob
    at: datetime


class History:
    """All that ever was in a repository: its commits, and what each changed."""

    def __init__(self, repository: Repository, commits: Sequence[Commit]) -> None:
        """
        Read it.

        Raises:
            UserError: git cannot.

        """
        self.commits = commits
        first = Changes({**repository.files(commits[0])} if commits else {})
        self.changes = [first, *repository.changes(commits)]
        self._first: dict[str, datetime] = {}
        for commit, changes in zip(commits, self.changes, strict=False):
            for path in changes.made:
                if path not in self._first:
                    for place in (path, *map(str, PurePosixPath(path).parents)):
                        self._first.setdefault(place, commit.at)

    def appeared(self, path: str) -> datetime | None:
        """Return when a file, or the first one in a folder, came into git."""
        return self._first.get(path)


def is_below(path: str, places: Collection[str]) -> bool:
    """Whether a file is one of *places*, or in one; "." is everything."""
    return any(place in (path, ".") or path.startswith(f"{place}/") for place in places)


class ToldRenames(Renames):
    """What git said of renames in the commits so far; nobody need ask it again."""

    def __init__(self, top: Path) -> None:
        super().__init__()
        self._top = top
        self._leads: dict[str, str] = {}

    def note(self, changes: Changes) -> None:
        """Learn what a commit renamed, and which paths are new files now."""
        for path, blob in changes.made.items():
            if blob is not None:
                self._leads.pop(path, None)
        self._leads |= changes.renamed

    def find(
        self,
        root: Path,
        folders: Sequence[str],
        *,
        gone: frozenset[str],
        new: frozenset[str],
    ) -> Mapping[str, str]:
        """Return by its path which of the *gone* files each of the *new* ones was."""
        del folders
        if not (gone and new and self._leads):
            return {}
        ends = {self._end(self._name(root, path)): path for path in gone}
        names = {path: self._name(root, path) for path in new}
        return {path: ends[name] for path, name in names.items() if name in ends}

    def _name(self, root: Path, path: str) -> str:
        return os.path.relpath(root / path, self._top)

    def _end(self, path: str) -> str:
        seen = {path}
        while path in self._leads and self._leads[path] not in seen:
            path = self._leads[path]
            seen.add(path)
        return path


class Worktree:
    """The files of a commit below *top*, those in the wanted places."""

    def __init__(self, top: Path, history: History, contents: Contents) -> None:
        self.top = top
        self.renames = ToldRenames(top)
        self._history = history
        self._contents = contents
        self._next = 0
        self._tree: dict[str, _File] = {}
        self._shown: dict[str, _File] = {}
        self._places: frozenset[str] = frozenset()

    @property
    def next_at(self) -> datetime | None:
        """When the next commit comes."""
        commits = self._history.commits
        return commits[self._next].at if self._next < len(commits) else None

    @property
    def seen(self) -> int:
        """How many commits have come."""
        return self._next

    def advance(self, now: datetime) -> None:
        """Let the commits come that are there by *now*."""
        touched: set[str] = set()
        while self.next_at is not None and self.next_at <= now:
            commit = self._history.commits[self._next]
            changes = self._history.changes[self._next]
            self.renames.note(changes)
            for path, blob in changes.made.items():
                touched.add(path)
                if blob is None or blob.mode not in REGULAR:
                    self._tree.pop(path, None)
                else:
                    self._tree[path] = _File(blob, commit.at)
            self._next += 1
        self._show(path for path in touched if is_below(path, self._places))

    def want(self, places: Iterable[str]) -> None:
        """Show what is in these places from now on, and nothing else."""
        wanted = frozenset(places)
        if wanted == self._places:
            return
        self._places = wanted
        self._show([*self._tree, *self._shown])

    def __contains__(self, path: str) -> bool:
        """Whether a file is in the present commit."""
        return path in self._tree

    def _show(self, paths: Iterable[str]) -> None:
        """Bring these files in the folder up to date; what goes away goes first."""
        wanted = {
            path: self._tree.get(path) if is_below(path, self._places) else None
            for path in paths
        }
        for path, file in wanted.items():
            if file is None and self._shown.pop(path, None) is not None:
                self._remove(path)
        for path, file in wanted.items():
            if file is not None and self._shown.get(path) != file:
                self._write(path, file)
                self._shown[path] = file

    def _write(self, path: str, file: _File) -> None:
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self._contents.read(file.blob))
        seconds = file.at.timestamp()
        os.utime(target, (seconds, seconds))

    def _remove(self, path: str) -> None:
        """Delete a file, and the folders that are empty without it, as git does."""
        (self.top / path).unlink(missing_ok=True)
        for parent in PurePosixPath(path).parents[:-1]:
            try:
                (self.top / parent).rmdir()
            except OSError:  # something else is in it
                return
