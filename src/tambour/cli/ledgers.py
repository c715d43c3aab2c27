"""The project's ledger for commands that write: made, or upgraded, where need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tambour import ledger
from tambour.ledger import instance_lock, is_current, ledger_path

if TYPE_CHECKING:
    from tambour.config import Config
    from tambour.ledger import Ledger


def make_current(config: Config) -> None:
    """
    Have a ledger with today's tables.

    Raises:
        LedgerError: it is newer than this Tambour, or cannot be used.

    """
    if not is_current(config.ledger, root=config.root):
        from tambour.ledger.upgrading import upgrade

        upgrade(config.ledger, root=config.root)


def upgrade_older(config: Config) -> None:
    """
    Bring the tables of a ledger that is there up to date; make none.

    Raises:
        LedgerLocked: another Tambour is sending with it.
        LedgerError: as `make_current` does.

    """
    path = ledger_path(config.ledger, config.root)
    if path is None or not path.exists():
        return
    if not is_current(config.ledger, root=config.root):
        with instance_lock(path):
            make_current(config)


def open_ledger(config: Config) -> Ledger:
    """
    Open the project's ledger to write.

    Raises:
        LedgerError: as `make_current` and `tambour.ledger.open_ledger` do.

    """
    make_current(config)
    return ledger.open_ledger(config)
