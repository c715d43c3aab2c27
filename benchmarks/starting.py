"""How soon the command answers: `tambour --help` beside an empty Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from measuring import Row, alternate, lasting, timed

_ROUNDS = 7
_GOAL_S = 0.2


def measure() -> Iterator[Row]:
    """Yield the line for `tambour --help`."""
    python = Path(sys.executable)
    command = [str(python.with_name("tambour")), "--help"]
    helped, empty = alternate(
        timed(lambda: subprocess.run(command, check=True, capture_output=True)),
        timed(lambda: subprocess.run([python, "-c", "pass"], check=True)),
        rounds=_ROUNDS,
    )
    yield replace(
        lasting("tambour --help", helped, goal_s=_GOAL_S),
        ratio=f"{helped.over(empty):.2g} × python -c pass",
    )
