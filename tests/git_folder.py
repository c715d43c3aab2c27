"""A repository in a folder, and git run in it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

IDENTITY = ("-c", "user.name=Zoé", "-c", "user.email=zoe@example.org")


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree; no settings of this machine's people count in it."""

    path: Path

    def git(self, *arguments: str, at: str | None = None) -> str:
        """Run git here, as if it were *at* that time."""
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
        done = subprocess.run(
            ["git", *IDENTITY, *arguments],
            cwd=self.path,
            env={
                "HOME": str(self.path),
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                **dates,
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    def commit(self, message: str = "Change", *, at: str | None = None) -> None:
        """Commit everything as it is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, at=at)

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


def repository(folder: Path) -> Repository:
    """Make an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Repository(folder)
    made.git("init", "--quiet", "--initial-branch=main")
    return made
