"""
A git repository's past, read by plumbing: which commits, which files, their contents.

Nothing is checked out or written, no hook and no filter runs, nothing is fetched: git
is told to speak to nobody. Knows no project.
Source: git-rev-list(1), git-diff-tree(1), git-ls-tree(1), git-cat-file(1) (2.39).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tambour.errors import UserError

REGULAR = frozenset({"100644", "100755"})
"""The modes of files with a content; links and submodules have others."""

_NOBODY = ("-c", "protocol.allow=never", "-c", "core.hooksPath=/dev/null")
_LATEST = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
_PLAIN = ("-c", "log.showSignature=false", "-c", "core.fsmonitor=false")


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of all files, and from when on it was the present one."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A file in a tree; *mode* is git's."""

    mode: str
    id: str


Files = dict[str, Blob]
"""By path, with slashes, as git names them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What became of files: *made* are their new states, None of one that went away.

    *renamed* tells of files that went away as what they are there now.
    """

    made: dict[str, Blob | None] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)


class Repository:
    """The repository that *folder* is in; `top` is the folder of its files."""

    def __init__(self, folder: Path) -> None:
        """
        Find it.

        Raises:
            UserError: there is none, or git will not read it.

        """
        here = folder.resolve()
        top = next((p for p in (here, *here.parents) if (p / ".git").exists()), None)
        is_bare = (here / "HEAD").is_file() and (here / "objects").is_dir()
        if top is None and not is_bare:
            msg = f"{folder} is in no git repository"
            raise UserError(msg)
        self.top = top or here
        git = self.top / ".git" if top else here
        self._git = (
            "git",
            f"--git-dir={git}",
            "--no-replace-objects",
            "--no-optional-locks",
            *_NOBODY,
            *_PLAIN,
        )

    def commits(self) -> tuple[Commit, ...]:
        """
        Return the history of HEAD along first parents, the oldest first.

        A commit that is dated before the one it follows is taken to be as late; of
        several at one instant only the last was ever seen.

        Raises:
            UserError: git cannot read it; a repository without commits is one too.

        """
        words = ("--first-parent", "--reverse", "--timestamp", "HEAD", "--")
        return monotonic(map(_commit, self._lines("rev-list", *words)))

    def heads(self) -> tuple[Commit, ...]:
        """
        Return what the reflog says was the branch's head, from when on.

        What lies before its oldest line is the history of the head it had then.

        Raises:
            UserError: git cannot read it.

        """
        branch = self._lines("rev-parse", "--symbolic-full-name", "HEAD")
        words = ("-g", "--format=%H %gd", "--date=unix", *branch, "--")
        kept = [_head(line) for line in self._lines("log", *words)][::-1]
        if not kept:
            return self.commits()
        words = ("--first-parent", "--reverse", "--timestamp", kept[0].id, "--")
        before = map(_commit, self._lines("rev-list", *words))
        return monotonic([*(one for one in before if one.at < kept[0].at), *kept])

    def files(self, commit: Commit) -> Files:
        """Return all files of a commit."""
        found: Files = {}
        listed = self._output("ls-tree", "-r", "-z", "--full-tree", commit.id)
        for line in listed.split("\0")[:-1]:
            facts, _, path = line.partition("\t")
            mode, _, blob = facts.split(" ")
            found[path] = Blob(mode, blob)
        return found

    def changes(self, commits: Sequence[Commit]) -> Iterator[Changes]:
        """Yield what each commit but the first changed against the one before it."""
        pairs = "".join(f"{new.id} {old.id}\n" for old, new in pairwise(commits))
        shape = ("--stdin", "-r", "-z", "--raw", "--no-abbrev", "--always")
        words = (*shape, "-M", "-l2000", "--no-relative")
        told = self._output("diff-tree", *words, said=pairs).split("\0")
        waiting = iter(told[:-1])
        found: Changes | None = None
        for word in waiting:
            if not word.startswith(":"):
                if found is not None:
                    yield found
                found = Changes()
            elif found is not None:
                _change(word, waiting, found)
        if found is not None:
            yield found

    @contextmanager
    def contents(self) -> Iterator[Contents]:
        """Open the store of contents, for as long as the block lasts."""
        words = [*self._git, "cat-file", "--batch"]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe) as process:  # noqa: S603 - no shell
            yield Contents(process)

    def _lines(self, *words: str) -> list[str]:
        return self._output(*words).splitlines()

    def _output(self, *words: str, said: str = "") -> str:
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and the words are ours
                [*self._git, *words],
                input=said.encode(),
                capture_output=True,
                check=True,
            )
        except FileNotFoundError:
            msg = "git is not installed, or not on the PATH"
            raise UserError(msg) from None
        except subprocess.CalledProcessError as error:
            why = error.stderr.decode("utf-8", "replace").strip().splitlines()
            msg = f"git cannot read {self.top}: {why[0] if why else 'it failed'}"
            raise UserError(msg) from None
        return done.stdout.decode("utf-8", "surrogateescape")


class Contents:
    """Contents of files by the names git gives them; one process gives them all."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, blob: Blob) -> bytes:
        """
        Return what is in a file.

        Raises:
            UserError: this clone has it not, and nothing is fetched.

        """
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:  # never: both are pipes
            return b""
        asked.write(f"{blob.id}\n".encode())
        asked.flush()
        answer = told.readline().split()
        if answer[1:2] != [b"blob"]:
            msg = f"git does not have {blob.id} here: the clone is a partial one"
            raise UserError(msg)
        size = int(answer[2])
        return told.read(size + 1)[:size]


def monotonic(commits: Iterator[Commit] | Sequence[Commit]) -> tuple[Commit, ...]:
    """Return *commits* with times that never go back, one for each instant."""
    kept: list[Commit] = []
    for commit in commits:
        if not kept or commit.at > kept[-1].at:
            kept.append(commit)
        else:
            kept[-1] = Commit(kept[-1].at, commit.id)
    return tuple(kept)


def _commit(line: str) -> Commit:
    seconds, _, name = line.partition(" ")
    return Commit(_instant(seconds), name)


def _head(line: str) -> Commit:
    name, _, place = line.partition(" ")
    return Commit(_instant(place.rpartition("{")[2].rstrip("}")), name)


def _instant(seconds: str) -> datetime:
    """Return a commit's date; git keeps such as no calendar has."""
    return datetime.fromtimestamp(min(max(int(seconds), 0), _LATEST), UTC)


def _change(facts: str, paths: Iterator[str], found: Changes) -> None:
    """Read one file's part of the answer; *paths* follow its *facts*."""
    _, mode, _, name, what = facts.split(" ")
    path = next(paths)
    if what.startswith("R"):
        found.made[path] = None
        found.renamed[path] = path = next(paths)
    is_gone = not name.strip("0")
    found.made[path] = None if is_gone else Blob(mode, name)
