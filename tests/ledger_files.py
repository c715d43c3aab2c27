"""Ledgers in files, made where there is none, as the commands make them."""

from __future__ import annotations

from pathlib import Path

from tambour import ledger
from tambour.config import Config
from tambour.ledger import Ledger
from tambour.ledger.upgrading import upgrade


def open_for_writing(url: str, *, root: Path, secret: str | None = None) -> Ledger:
    """Open a ledger, new or old."""
    if url != "sqlite://":
        upgrade(url, root=root)
    return ledger.open_for_writing(url, root=root, secret=secret)


def open_ledger(config: Config) -> Ledger:
    """Open a project's ledger, new or old."""
    upgrade(config.ledger, root=config.root)
    return ledger.open_ledger(config)
