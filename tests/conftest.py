"""What tests begin with: a project's folder, a ledger, and a quiet world."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import dns.resolver
import pytest
import structlog

from command_line import CONFIG, PEOPLE, REMINDER, Folder
from ledger_files import open_for_writing
from tambour.ledger import Ledger


@pytest.fixture
def folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Folder:
    """A project with one reminder that is due and two readers; all goes to files."""
    monkeypatch.chdir(tmp_path)
    for name in ("TAMBOUR_SECRET", "TAMBOUR_SECRET_FILE"):
        monkeypatch.delenv(name, raising=False)
    made = Folder(tmp_path / "project", capsys)
    made.write("config.yaml", CONFIG)
    made.write("campaigns/rappel.md", REMINDER)
    made.write("lecteurs.csv", PEOPLE)
    made.event("atelier")
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger in a file."""
    ledger = open_for_writing("sqlite:///tambour.db", root=tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no name server but those that a test starts."""
    resolver = dns.resolver.Resolver(configure=False)
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Let no test write to the log of a command that an earlier one ran."""
    yield
    structlog.reset_defaults()
    channels = logging.getLogger("tambour.channels")
    channels.handlers, channels.propagate = [], True
    channels.setLevel(logging.NOTSET)
