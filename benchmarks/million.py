"""
An edition to very many readers: is memory flat, and how soon does the first leave?

Freezing is left out: it is done before the sender starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from comparing import goals, verdict
from letters import Letters
from peers import HERE, Sink, sink
from sender import memory_mb

_LOOK_S = 0.1
_MOST_MB = 100
_MOST_FIRST_S = 2.0
_FLAT = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was seen of one long run."""

    rate: float
    cpu_s: float
    peak_mb: float
    early_mb: float
    late_mb: float
    first_s: float


def send_many(letters: Letters, count: int) -> str:
    """Return the tables of one delivery to *count* readers."""
    print(f"{count:,} readers", file=sys.stderr, flush=True)
    folder = letters.frozen(count)
    with sink() as end:
        seen = _watch(end, folder, count)
    growth = seen.late_mb / seen.early_mb
    rows = (
        verdict(
            "memory at its peak",
            wanted=f"< {_MOST_MB} MB",
            measured=f"{seen.peak_mb:.0f} MB",
            is_met=seen.peak_mb < _MOST_MB,
        ),
        verdict(
            "memory at 90 % beside that at 10 %",
            wanted=f"≤ {_FLAT:g} ×",
            measured=f"{growth:.2f} × ({seen.early_mb:.0f}, {seen.late_mb:.0f} MB)",
            is_met=growth <= _FLAT,
        ),
        verdict(
            "the first message at the sink, after the process started",
            wanted=f"< {_MOST_FIRST_S:g} s",
            measured=f"{seen.first_s:.2f} s",
            is_met=seen.first_s < _MOST_FIRST_S,
        ),
    )
    return "\n".join(
        (
            f"### {count:,} readers, one run",
            "",
            f"{seen.rate:,.0f} messages/s, {seen.cpu_s * 1e6:,.0f} µs CPU each.",
            *goals(rows),
        )
    )


def _watch(end: Sink, folder: Path, count: int) -> Watched:
    """Deliver, and look at sink and process meanwhile."""
    channel = json.dumps({"host": "127.0.0.1", "port": end.port})
    command = [sys.executable, str(HERE / "sender.py"), "whole", str(folder), channel]
    start, first, done, distinct = time.monotonic(), 0.0, 0, 0
    memory: dict[float, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        status = Path(f"/proc/{process.pid}/status")
        while True:
            is_over = process.poll() is not None
            taken = end.take()
            first = first or taken.first
            done, distinct = done + taken.messages, distinct + taken.distinct
            for part in (0.1, 0.9):
                if done >= part * count and part not in memory and not is_over:
                    memory[part] = memory_mb(status.read_text(), "VmRSS")
            if is_over:
                break
            time.sleep(_LOOK_S)
        took = json.loads(process.stdout.read() if process.stdout else "{}")
    if not took["accepted"] == done == distinct == count:
        msg = f"{count} readers, {took['accepted']} sent, the sink has {done}"
        raise RuntimeError(msg)
    return Watched(
        rate=count / took["seconds"],
        cpu_s=took["cpu_s"] / count,
        peak_mb=took["peak_mb"],
        early_mb=memory[0.1],
        late_mb=memory[0.9],
        first_s=first - start,
    )
