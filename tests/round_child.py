"""
A round on its own: reads the project in a folder, plans, and freezes what is due.

Arguments: root, and the moment in ISO form. Prints how many deliveries it froze and the
most memory it ever held, in KiB, one a line. The kernel's `VmHWM` begins anew with each
program; `ru_maxrss` would begin with what the test that started it held.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from ledger_files import open_ledger
from tambour.delivery.rounds import Bounds, freeze_due
from tambour.project import load_project
from tambour.rendering.templates import Templates


def freeze(root: Path, now: datetime) -> int:
    """Freeze what is due in the project, and return for how many recipients."""
    project = load_project(root)
    ledger = open_ledger(project.config)
    try:
        done = freeze_due(project, ledger, Templates(root), Bounds(now=now))
        counts = ledger.history.counts(done.frozen.editions)
        return sum(number for count in counts for number in count.states.values())
    finally:
        ledger.close()


def peak_kib() -> int:
    """Return the most memory that this program ever held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    frozen = freeze(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
    sys.stdout.write(f"{frozen}\n{peak_kib()}\n")
