"""Real peers on loopback: servers that tests start, refuse with, and break."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
LIMIT_S = 30.0


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* to its end, within a time that only a hang can exceed."""

    async def bounded() -> T:
        return await asyncio.wait_for(main, LIMIT_S)

    return asyncio.run(bounded())


@contextmanager
def dead_port() -> Iterator[int]:
    """A port of this machine where nobody listens, kept from everybody else."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
