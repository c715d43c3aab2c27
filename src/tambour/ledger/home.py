"""
Where a ledger lives: this machine and its path there.

A machine is known by its machine-id, of which the ledger keeps a hash only, or by the
name that TAMBOUR_MACHINE gives it. Many containers have neither; then the path alone
tells, which is the same at each start while the host's name is not.
Source: https://www.freedesktop.org/software/systemd/man/machine-id.html (2026-11).
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A ledger's place; `host` is for people, `machine` is empty when unknown."""

    machine: str
    host: str
    path: str

    def in_text(self) -> str:
        """Return it as it is kept."""
        return json.dumps(asdict(self))

    def is_elsewhere(self, here: Home) -> bool:
        """Whether the ledger that lived here is now *here* as a second one."""
        are_known = bool(self.machine and here.machine)
        if are_known and self.machine != here.machine:
            return True
        if self.path == here.path:
            return False
        # Not `machine` alone: a folder may be moved where no machine has an id.
        is_same = are_known or self.host == here.host
        return not (is_same and _is_gone_or_same(Path(self.path), Path(here.path)))


def read_home(text: str) -> Home | None:
    """Return the home that `in_text` wrote; None for anything else."""
    try:
        found = json.loads(text)
        return Home(
            machine=str(found["machine"]),
            host=str(found["host"]),
            path=str(found["path"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def home_of(ledger: Path, *, machine: str | None) -> Home:
    """Return the place of the file *ledger* here; *machine* replaces its own id."""
    known = machine or _machine_id()
    hashed = hashlib.sha256(b"tambour machine\0" + known.encode()).hexdigest()[:16]
    return Home(
        machine=hashed if known else "",
        host=machine or socket.gethostname(),
        path=str(ledger.resolve()),
    )


def _machine_id() -> str:
    with suppress(OSError, UnicodeDecodeError):
        text = _MACHINE_ID.read_text("ascii").strip()
        if re.fullmatch(r"[0-9a-f]{32}", text):
            return text
    return ""


def _is_gone_or_same(old: Path, new: Path) -> bool:
    """Whether *old* was moved to *new*, or is another path to it."""
    try:
        return old.samefile(new)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it is there, and somebody else's
        return False
