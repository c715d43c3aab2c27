"""
Whether a project's files are being written right now, and so must wait a moment.

Half a list of subscribers would be frozen as the whole of it. Reads names and times of
change only; knows no clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from tambour.config import CONFIG_FILE, Config

GLOBS = (CONFIG_FILE, "config.*.yaml", "campaigns/*.md", "templates/**/*")
AHEAD = timedelta(minutes=1)
"""A file dated later than this is not young: a clock was wrong when it was written."""
STALE = timedelta(minutes=10)
"""No git command holds its lock that long; one that was killed leaves it behind."""


def being_written(config: Config, *, since: datetime) -> str | None:
    """
    Return which file is being written, or that git is at work; None when all is quiet.

    Event files are not looked at here: `load_events` keeps each one's last good state.

    Args:
        since: a file changed after it may still be being written.

    """
    folders = (
        config.root,
        *(config.root / one.path for one in config.sources if one.path),
    )
    for lock in filter(None, map(git_lock, folders)):
        changed = _changed(lock)
        if changed is not None and changed > since - STALE:
            return f"git is at work: {lock} exists"
    for file in _files(config):
        changed = _changed(file)
        if changed is not None and is_young(changed, since):
            return f"{os.path.relpath(file, config.root)} changed a moment ago"
    return None


def is_young(changed: datetime, since: datetime) -> bool:
    """Say whether a file *changed* so lately that it may still be being written."""
    return since < changed < since + AHEAD


def git_lock(folder: Path) -> Path | None:
    """Return the index lock of the repository that *folder* is in, if it has one."""
    here = folder.absolute()
    for parent in (here, *here.parents):
        if (parent / ".git").exists():
            return _git_folder(parent / ".git") / "index.lock"
    return None


def _git_folder(git: Path) -> Path:
    """Follow the file that stands for the folder in a linked worktree."""
    if git.is_dir():
        return git
    try:
        text = git.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return git
    return git.parent / text.removeprefix("gitdir:").strip()


def _files(config: Config) -> Iterator[Path]:
    audiences = (config.root / one.path for one in config.audiences.values())
    return chain(audiences, *(config.root.glob(glob) for glob in GLOBS))


def _changed(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    except OSError:
        return None
