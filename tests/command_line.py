"""A project in a folder, and the command line run on it in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tambour.cli import main

SOURCE = Path(__file__).parent.parent / "src"
CONFIG = """\
version: 1
site: {name: Agenda, url: https://agenda.example.org, timezone: UTC, language: fr}
sources:
  - {id: agenda, path: events}
audiences:
  lecteurs: {type: csv, path: lecteurs.csv}
channels:
  lettre: {type: outbox, path: outbox, from: "Agenda <lettre@example.org>"}
  equipe: {type: outbox, path: outbox}
"""
REMINDER = """\
---
kind: reminder
send: {before: [6h]}
to:
  - {channel: lettre, audience: lecteurs, template: reminder}
  - {channel: equipe, template: reminder}
---
{{ recipient.greeting }}

À bientôt.
"""
PEOPLE = """\
email,name,language
zoe@example.org,Zoé,fr
tom@example.org,Tom,en
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Folder:
    """A project's folder, and the command line in it."""

    path: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Result:
        """Run a command here, without a terminal."""
        return run(self.capture, "-C", str(self.path), *arguments)

    def write(self, name: str, text: str) -> Path:
        """Write a file below the folder."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def configure(self, old: str, new: str) -> None:
        """Change the settings; *old* must be in them."""
        text = (self.path / "config.yaml").read_text(encoding="utf-8")
        assert old in text
        self.write("config.yaml", text.replace(old, new))

    def event(self, name: str, *, title: str = "Atelier", hours: float = 3) -> Path:
        """Write an event that starts *hours* from now."""
        start = datetime.now(UTC) + timedelta(hours=hours)
        if start.time() < time(0, 1):  # midnight would be read as a mere date
            start += timedelta(minutes=1)
        text = f"---\ntitle: {title}\nevent_start_date: {start:%Y-%m-%d %H:%M:%S +00:00}\n---\nVenez.\n"
        return self.write(f"events/{name}.md", text)

    def filed(self) -> list[Path]:
        """Return the mails and posts in the outbox."""
        outbox = self.path / "outbox"
        return sorted((*outbox.glob("*.eml"), *outbox.glob("*.json")))

    def deliveries(self) -> list[dict[str, Any]]:
        """Return what `history --deliveries` lists."""
        found: list[dict[str, Any]] = self.run(
            "history", "--deliveries", "--json"
        ).json["deliveries"]
        return found

    def states(self) -> dict[str, int]:
        """Count the deliveries in each state."""
        states = [row["state"] for row in self.deliveries()]
        return {state: states.count(state) for state in sorted(set(states))}


def run(capture: pytest.CaptureFixture[str], *arguments: str) -> Result:
    """Run the command line in this process."""
    capture.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capture.readouterr()
    code = ended.value.code
    return Result(
        code=code if isinstance(code, int) else int(code is not None), out=out, err=err
    )


def child(
    *arguments: str, check: bool = False, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tambour", *arguments],
        env=options.pop("env", environment()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
        **options,
    )


def environment() -> dict[str, str]:
    """Return the environment of a child that must find the program."""
    return os.environ | {"PYTHONPATH": str(SOURCE)}
