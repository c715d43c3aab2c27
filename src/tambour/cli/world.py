"""This machine's clocks, sleep and dice; whatever sends or waits is handed them."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from functools import cache
from pathlib import Path

from tambour.cli.invocation import now
from tambour.delivery.world import World


def real_world() -> World:
    """Return the world as it is."""
    return World(
        clock=now,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        chance=random.random,
        boot=_boot(),
        since_boot=_since_boot,
    )


@cache
def _boot() -> str:
    """Return this boot's name; where it has none, this process's."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    return name or f"process {random.getrandbits(64):x}"


if sys.platform == "linux":

    def _since_boot() -> float:
        """Return the seconds since the boot, those of a suspend included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "win32":
    _since_boot = time.monotonic

else:

    def _since_boot() -> float:
        """Return what runs on through a sleep; Python's own would not, on a Mac."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)
