"""
The journal beside the ledger: up to which mark Tambour may have sent with it.

A mark is a number with its moment; it grows before anything leaves, and while something
does. The ledger keeps it first and the journal second, each on disk before the next
step. So a ledger that is behind its journal is an older one, put back; one that is
ahead by one was cut off between the two, before anything left. Holds no address, and
knows nothing of what is sent.
Source: rename(2) and fsync(2): replaced as a whole, or not at all (2026-11).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tambour.errors import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far it was; `at` is when."""

    number: int
    at: datetime

    def in_text(self) -> str:
        """Return it as it is kept."""
        return json.dumps({"mark": self.number, "at": self.at.isoformat()})


def read_mark(text: str) -> Mark | None:
    """Return the mark that `in_text` wrote; None for anything else."""
    try:
        found = json.loads(text)
        mark = Mark(number=int(found["mark"]), at=datetime.fromisoformat(found["at"]))
    except (ValueError, TypeError, KeyError):
        return None
    return mark if mark.at.tzinfo is not None else None


def journal_path(ledger: Path) -> Path:
    """Return where the journal of the file *ledger* lies."""
    return ledger.with_name(ledger.name + ".journal")


def read_journal(path: Path) -> Mark | None:
    """
    Return the mark in *path*; None when there is no such file, or it is damaged.

    Raises:
        LedgerError: the file cannot be read.

    """
    try:
        return read_mark(path.read_text("utf-8", errors="replace"))
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): make it readable"
        raise LedgerError(msg) from error


def write_journal(path: Path, mark: Mark) -> None:
    """
    Replace *path*, on disk when this returns.

    Raises:
        LedgerError: the file cannot be written.

    """
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(mark.in_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): make its folder writable"
        raise LedgerError(msg) from error


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk as well, where folders can be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
