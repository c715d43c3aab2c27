"""A deadline that moves with every reply."""

from __future__ import annotations

import asyncio

from peers import run
from tambour.channels.smtp.deadline import Deadline


def test_it_moves_and_its_timer_does_not() -> None:
    """However often it is put off, one timer is enough; it passes once, at the last."""

    async def main() -> tuple[bool, int]:
        loop, passed, passes = asyncio.get_running_loop(), asyncio.Event(), []

        def note() -> None:
            passes.append(loop.time())
            passed.set()

        deadline = Deadline(loop, note)
        deadline.set(0.01)
        timer = deadline._timer  # noqa: SLF001 - what is claimed
        for _ in range(1000):
            deadline.set(0.02)
        ends_at = loop.time() + 0.019
        is_same = timer is deadline._timer  # noqa: SLF001 - the same
        await passed.wait()
        return is_same, sum(at >= ends_at for at in passes)

    assert (True, 1) == run(main())


def test_a_lifted_one_does_not_pass() -> None:
    """Its timer rings, and nothing happens."""

    async def main() -> list[str]:
        passes: list[str] = []
        lifted = Deadline(asyncio.get_running_loop(), lambda: passes.append("lifted"))
        lifted.set(0.001)
        lifted.lift()
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(0.002, over.set)
        await over.wait()
        lifted.stop()
        return passes

    assert [] == run(main())


def test_an_earlier_one_is_heeded() -> None:
    """A timer that would ring too late is replaced."""

    async def main() -> bool:
        passed = asyncio.Event()
        deadline = Deadline(asyncio.get_running_loop(), passed.set)
        deadline.set(1000)
        deadline.set(0.001)
        return await passed.wait()

    assert run(main())
