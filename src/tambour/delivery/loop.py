"""
The event loop that deliveries run on: uvloop's where it is installed, else Python's.

And how it is told to stop. Knows nothing of what runs on it.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
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


@contextmanager
def stopped_by_signal(stop: Callable[[], object]) -> Iterator[None]:
    """
    Call *stop* at the first SIGINT or SIGTERM; a second one ends the process.

    What whoever started us has had ignored (`nohup`, a shell's `&`) stays so.
    """
    loop = asyncio.get_running_loop()
    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def unheard() -> None:
        for number in before:
            loop.remove_signal_handler(number)

    def hear() -> None:
        unheard()
        stop()

    for number in before:
        loop.add_signal_handler(number, hear)
    try:
        yield
    finally:
        unheard()
        for number, handler in before.items():
            signal.signal(number, handler)
