"""
The ledger alone, as durable as in earnest: SQLite, WAL, synchronous=FULL.

Also in a thread beside a busy event loop, as in a delivery: there every step of a
statement has to win Python's lock back, so that many small steps cost much more than
their own time. The folder for temporary files must be on a real disk; `TMPDIR` names
another.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path

from measuring import Row, Sample, Work, alternate, at_rate, lasting
from samples import NOW, make_edition, make_recipients
from tambour.ledger import Ledger, open_for_writing
from tambour.ledger.records import Content, Draft, Intent, Leased, Result
from tambour.ledger.states import Step
from tambour.ledger.upgrading import upgrade
from tambour.model import DeliveryState, Rendered

_FROZEN = 100_000
_SETTLED = 10_000
_LEASED = 1000
_WAVES = (50, 100, 200)
_WAVE_BESIDE = 100
_GOALS_S = {100: 25e-6}
_BURST_S = 60e-6
"""About what a message costs the loop between two calls in which it waits or writes."""
_CONTENT = Content(
    key="0/fr",
    language="fr",
    audience="lecteurs",
    rendered=Rendered(language="fr", subject="Agenda", html="é" * 20_000),
)


def measure() -> Iterator[Row]:
    """Yield the lines for freezing and counting, and for whole waves."""
    counting: list[float] = []
    taken: list[float] = []
    freezing, beside, *waves = alternate(
        lambda: _freeze(counting),
        _on_a_new_ledger(partial(_work_beside, taken)),
        *(_on_a_new_ledger(partial(_work_off, wave=wave)) for wave in _WAVES),
    )
    yield at_rate(f"freeze {_FROZEN:,} recipients", freezing, _FROZEN)
    yield lasting(f"count {_FROZEN:,} by state", Sample(tuple(counting)))
    for wave, sample in zip(_WAVES, waves, strict=True):
        yield lasting(
            f"lease {_LEASED:,} and settle waves of {wave}, a row",
            _a_row(sample),
            goal_s=_GOALS_S.get(wave),
        )
    yield lasting(f"… waves of {_WAVE_BESIDE} beside a busy loop", _a_row(beside))
    yield lasting("… of which the loop stands still", _a_row(Sample(tuple(taken))))


def _a_row(sample: Sample) -> Sample:
    return Sample(tuple(seconds / _SETTLED for seconds in sample.seconds))


def _drafts(count: int) -> Iterator[Draft]:
    for person in make_recipients(count):
        yield Draft(channel="lettre", recipient=person, content=_CONTENT)


def _open(folder: str) -> Ledger:
    upgrade("sqlite:///ledger.db", root=Path(folder))
    return open_for_writing("sqlite:///ledger.db", root=Path(folder))


def _freeze(counting: list[float]) -> float:
    """Freeze an edition; *counting* is told how long counting its rows takes."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = _open(folder)
        start = time.perf_counter()
        ledger.freeze(make_edition(), _drafts(_FROZEN), audiences={})
        end = time.perf_counter()
        ledger.history.counts()
        counting.append(time.perf_counter() - end)
        ledger.close()
        return end - start


def _on_a_new_ledger(work: Callable[[Ledger], float]) -> Work:
    """Return *work* on an edition that nobody has got yet, and check that all did."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            ledger = _open(folder)
            ledger.freeze(make_edition(), _drafts(_SETTLED), audiences={})
            seconds = work(ledger)
            _check(ledger)
            ledger.close()
            return seconds

    return run


def _work_off(ledger: Ledger, *, wave: int) -> float:
    """Lease and settle an edition to its end; return how long that took."""
    start = time.perf_counter()
    before: tuple[Leased, ...] = ()
    while leased := ledger.lease("lettre", by=NOW, now=NOW, limit=_LEASED):
        for first in range(0, len(leased), wave):
            portion = leased[first : first + wave]
            ledger.settle(_results(before), _intents(portion), now=NOW)
            before = portion
    ledger.settle(_results(before), (), now=NOW)
    return time.perf_counter() - start


def _work_beside(taken: list[float], ledger: Ledger) -> float:
    """Do the same in a thread; *taken* is told how long a busy loop stood still."""

    async def race() -> float:
        work = asyncio.to_thread(_work_off, ledger, wave=_WAVE_BESIDE)
        start, busy = time.perf_counter(), time.thread_time()
        seconds = await _keep_busy_until(work)
        lasted, worked = time.perf_counter() - start, time.thread_time() - busy
        taken.append(lasted - worked)
        return seconds

    return asyncio.run(race())


async def _keep_busy_until(work: Coroutine[object, object, float]) -> float:
    """Run the loop in bursts of Python, as messages do, until *work* is done."""
    done = asyncio.ensure_future(work)
    while not done.done():
        end = time.thread_time() + _BURST_S
        while time.thread_time() < end:
            pass
        await asyncio.sleep(0)
    return await done


def _results(leased: tuple[Leased, ...]) -> list[Result]:
    reply = "2.0.0 Ok: queued as 4XyZ"
    return [
        Result(delivery=one.id, step=Step.ACCEPT, code="250", reply=reply)
        for one in leased
    ]


def _intents(leased: tuple[Leased, ...]) -> list[Intent]:
    return [
        Intent(delivery=one.id, message_id=f"<{one.id:032}@example.org>")
        for one in leased
    ]


def _check(ledger: Ledger) -> None:
    (count,) = ledger.history.counts()
    if not count.is_balanced or set(count.states) != {DeliveryState.SENT}:
        raise RuntimeError(count)
