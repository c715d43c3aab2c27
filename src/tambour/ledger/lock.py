"""
The instance lock: one process at a time sends with a ledger.

Held as SQLite's exclusive lock on a small file beside the ledger: refused at once, kept
while the holder is merely stopped, and freed by the system however the holder ends.
Guards transmission alone; readers and decisions need no lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tambour.errors import LedgerError, LedgerLocked


@contextmanager
def instance_lock(ledger: Path | None) -> Iterator[None]:
    """
    Hold the right to send with *ledger*; one in memory needs no lock.

    Raises:
        LedgerLocked: another process sends with it.
        LedgerError: the lock's file cannot be made.

    """
    if ledger is None:
        yield
        return
    path = ledger.with_name(ledger.name + ".lock")
    with closing(_connect(path)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                msg = (
                    f"another Tambour is sending with {ledger}; wait for it or stop it"
                )
                raise LedgerLocked(msg) from None
            raise LedgerError(_unusable(path, error)) from error
        except sqlite3.DatabaseError as error:
            raise LedgerError(_unusable(path, error)) from error
        yield


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(_unusable(path, error)) from error


def _unusable(path: Path, error: Exception) -> str:
    return f"the lock {path} cannot be used ({error}): make its folder writable"
