"""
Which files git says were renamed: in its history, in its index, in the working tree.

Asks git's plumbing in processes that may not run long, write nothing into the
repository, run none of its hooks, and reach no network; paths go in on standard input
or behind `--`. No git, no repository, no answer in time: no renames. Whether a renamed
file still tells the same event is for planning to say.
Source: git-diff-tree(1) on `-M`, git(1) on the variables that stand for an index and
for a store of objects.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 5.0
"""How long one question may take; a tick waits for it."""
COMMITS = 1_000
"""So many commits that touched the files are looked at, the latest ones."""
_QUIET = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
)
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
"""Nothing of ours goes along: within a hook, GIT_DIR would name another repository."""
_PAIRS = ("-r", "-M", "-l2000", "-z", "--name-status", "--diff-filter=ADR")


class Renames:
    """What git said of renames; the same question is not put to it twice in a row."""

    def __init__(self) -> None:
        self._asked: object = None
        self._answer: dict[str, str] = {}

    def find(
        self,
        root: Path,
        folders: Sequence[str],
        *,
        gone: frozenset[str],
        new: frozenset[str],
    ) -> Mapping[str, str]:
        """
        Return by its path which of the *gone* files each of the *new* ones was.

        Args:
            root: what *folders* and all paths are relative to.
            folders: where files may have been, and may be.

        """
        if not gone or not new:
            return {}
        inside: dict[Path, list[Path]] = {}
        for folder in folders:
            top = _top_of(root / folder)
            if top is not None:
                inside.setdefault(top, []).append(Path(os.path.realpath(root / folder)))
        repositories = [_Repository(top, found) for top, found in inside.items()]
        asked = (root, gone, new, [(one.top, one.head()) for one in repositories])
        if asked != self._asked:
            before, now = (
                {_real(root / path): path for path in p} for p in (gone, new)
            )
            self._answer = {
                now[path]: before[old]
                for repository in repositories
                for path, old in repository.renamed(before, now)
            }
            self._asked = asked
        return self._answer


@dataclass(frozen=True, slots=True)
class _Commit:
    """What a commit did to files: made, removed, or renamed from old to new."""

    made: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]


class _Repository:
    """A working tree at *top*, asked about the files in some of its folders."""

    def __init__(self, top: Path, folders: Iterable[Path]) -> None:
        self.top = top
        self.folders = tuple(
            sorted(_name(one, top) for one in folders if one.is_relative_to(top))
        )

    def head(self) -> bytes | None:
        """Return the commit that is checked out."""
        return _git(self.top, "rev-parse", "--verify", "HEAD")

    def renamed(
        self, gone: Iterable[Path], new: Iterable[Path]
    ) -> Iterator[tuple[Path, Path]]:
        """Yield each of the *new* files with the one of the *gone* that it was."""
        names = [[_name(one, self.top) for one in paths] for paths in (gone, new)]
        before, present = map(frozenset, names)
        moved = self._moved_since_head(present)
        for old, last in _followed(self._commits(), before).items():
            now = moved.get(last, last)
            if now in present:
                yield self.top / now, self.top / old

    def _commits(self) -> Iterator[_Commit]:
        """Yield what the latest commits did, newest first."""
        ids = _git(
            self.top,
            *("rev-list", "--topo-order", f"--max-count={COMMITS}", "HEAD", "--"),
            *self.folders,
        )
        if not ids:
            return iter(())
        listed = _git(
            self.top,
            *("diff-tree", "--stdin", "--root", *_PAIRS, "--", *self.folders),
            given=ids,
        )
        return _read_commits(listed or b"")

    def _moved_since_head(self, new: frozenset[str]) -> dict[str, str]:
        """Compare HEAD with the files as they are, in an index of our own."""
        objects = _git(self.top, "rev-parse", "--git-path", "objects")
        if objects is None:
            return {}
        store = self.top / os.fsdecode(objects.rstrip(b"\n"))
        with tempfile.TemporaryDirectory() as folder:
            apart = {
                "GIT_INDEX_FILE": str(Path(folder) / "index"),
                "GIT_OBJECT_DIRECTORY": folder,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(store),
            }
            if _git(self.top, "read-tree", "HEAD", apart=apart) is None:
                return {}
            deleted, others = (
                _git(self.top, "ls-files", kind, "-z", "--", *self.folders, apart=apart)
                for kind in ("--deleted", "--others")
            )
            added = {os.fsdecode(one) for one in (others or b"").split(b"\0")} & new
            if not deleted or not added:
                return {}
            listed = deleted + b"".join(os.fsencode(one) + b"\0" for one in added)
            changed = ("update-index", "-z", "--add", "--remove", "--stdin")
            _git(self.top, *changed, given=listed, apart=apart)
            compared = ("diff-index", "--cached", *_PAIRS, "HEAD", "--", *self.folders)
            pairs = _git(self.top, *compared, apart=apart)
        commits = _read_commits(pairs or b"")
        return dict(pair for commit in commits for pair in commit.renamed)


def _followed(commits: Iterable[_Commit], gone: Iterable[str]) -> dict[str, str]:
    """
    Return where each of the *gone* is after all *commits*, newest first.

    A path may have been many files; the one that was there last counts.
    """
    leads: dict[str, str | None] = {}
    last: dict[str, str | None] = {}
    for commit in commits:
        ends = {old: leads.get(new, new) for old, new in commit.renamed}
        new = (*commit.made, *(new for _, new in commit.renamed))
        # Whoever had this path before was another file.
        leads |= dict.fromkeys(new)
        leads |= dict.fromkeys(commit.removed)
        leads |= ends
        for path in new:
            last.setdefault(path, path)
        for path, end in ends.items():
            last.setdefault(path, end)
    ended = {path: last.get(path, path) for path in gone}
    return {path: end for path, end in ended.items() if end is not None}


def _read_commits(listed: bytes) -> Iterator[_Commit]:
    """Yield the commits of `diff-tree --stdin -z --name-status`."""
    fields = iter(listed.split(b"\0"))
    made: list[str] = []
    removed: list[str] = []
    renamed: list[tuple[str, str]] = []
    for word in fields:
        if word in (b"A", b"D"):
            (made if word == b"A" else removed).append(os.fsdecode(next(fields)))
        elif word[:1] == b"R":
            renamed.append((os.fsdecode(next(fields)), os.fsdecode(next(fields))))
        elif made or removed or renamed:
            yield _Commit(tuple(made), tuple(removed), tuple(renamed))
            made, removed, renamed = [], [], []


def _top_of(folder: Path) -> Path | None:
    """Return the top of the working tree that a folder is in."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    top = _git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(top.rstrip(b"\n"))) if top else None


def _git(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    apart: Mapping[str, str] | None = None,
) -> bytes | None:
    """Return what git prints; None if it fails, is not there, or takes too long."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--literal-pathspecs", *_QUIET, *arguments],
            cwd=folder,
            env={"HOME": str(Path.home()), **_ENVIRONMENT, **(apart or {})},
            input=given,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, RuntimeError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _quoted(path: Path) -> str:
    """Return a path as it stands in a list of them that colons divide."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _real(path: Path) -> Path:
    """Return a path without links in its folders; the last part may not exist."""
    return Path(os.path.realpath(path.parent)) / path.name


def _name(path: Path, top: Path) -> str:
    """Return a path as git names it; one outside is like none there."""
    return os.path.relpath(path, top)
