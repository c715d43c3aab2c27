"""This machine's clocks, sleep and dice; whatever sends or waits is handed them."""

from __future__ import annotations

import asyncio
import random
import time

from tambour.cli.invocation import now
from tambour.delivery.world import World


def real_world() -> World:
    """Return the world as it is."""
    return World(
        clock=now,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        chance=random.random,
    )
