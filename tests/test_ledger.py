"""The ledger's contract, kept in a file and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.ledger import LedgerContract
from ledger_files import open_for_writing
from tambour.ledger import Ledger


class TestFileLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        """Open a new ledger in a file."""
        ledger = open_for_writing("sqlite:///var/tambour.db", root=tmp_path)
        yield ledger
        ledger.close()


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        """Open a ledger in memory."""
        ledger = open_for_writing("sqlite://", root=tmp_path)
        yield ledger
        ledger.close()
