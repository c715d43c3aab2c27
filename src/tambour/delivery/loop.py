"""
The event loop that deliveries run on: uvloop's where it is installed, else Python's.

Knows nothing of what runs on it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # there is none for Windows, nor for every new Python
    _new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _new_loop = uvloop.new_event_loop

T = TypeVar("T")


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* to its end on a loop of its own."""
    # All that is loaded by now stays: the collector need not walk it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)
