"""The tests in this folder need real mail servers: only scripts/test-peers has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_peers.mail_servers import Servers

PEERS = os.environ.get("TAMBOUR_PEERS", "")
collect_ignore_glob = [] if PEERS else ["test_*.py"]
FIGURES: list[str] = []


@pytest.fixture(scope="session")
def servers() -> Servers:
    """The servers, once Postfix answers."""
    found = Servers(Path(PEERS))
    found.wait_for("Postfix", 2501)
    return found


@pytest.fixture
def figures() -> Iterator[list[str]]:
    """What a test adds here is printed at the end; nothing is asserted about it."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured and seen."""
    for line in FIGURES:
        terminalreporter.write_line(line)
