"""
The ledger alone, as durable as in earnest: SQLite, WAL, synchronous=FULL.

The folder for temporary files must be on a real disk; `TMPDIR` names another.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measuring import Row, Sample, alternate, at_rate
from samples import NOW, make_edition, make_recipients
from tambour.ledger import Ledger, open_for_writing
from tambour.ledger.records import Content, Draft, Intent, Leased, Result
from tambour.ledger.states import Step
from tambour.model import DeliveryState, Rendered

_FROZEN = 100_000
_SETTLED = 20_000
_WAVE = 200
_CONTENT = Content(
    key="0/fr",
    language="fr",
    audience="lecteurs",
    rendered=Rendered(language="fr", subject="Agenda", html="é" * 20_000),
)


def measure() -> Iterator[Row]:
    """Yield the lines for freezing, and for whole waves."""
    settling: list[float] = []
    freezing, waves = alternate(_freeze, lambda: _work_off(settling))
    yield at_rate(f"freeze {_FROZEN:,} recipients", freezing, _FROZEN)
    yield at_rate(f"lease and settle {_SETTLED:,}, waves of {_WAVE}", waves, _SETTLED)
    settled = Sample(tuple(settling))
    yield at_rate(
        "… settle alone",
        settled,
        _SETTLED,
        ratio=f"{settled.over(waves):.0%} of the wave",
    )


def _drafts(count: int) -> Iterator[Draft]:
    for person in make_recipients(count):
        yield Draft(channel="lettre", recipient=person, content=_CONTENT)


def _open(folder: str) -> Ledger:
    return open_for_writing("sqlite:///ledger.db", root=Path(folder))


def _freeze() -> float:
    with tempfile.TemporaryDirectory() as folder:
        ledger = _open(folder)
        start = time.perf_counter()
        ledger.freeze(make_edition(), _drafts(_FROZEN), audiences={})
        seconds = time.perf_counter() - start
        ledger.close()
        return seconds


def _work_off(settling: list[float]) -> float:
    """Lease and settle an edition to its end; *settling* is told what that took."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = _open(folder)
        ledger.freeze(make_edition(), _drafts(_SETTLED), audiences={})
        begin, settled = time.perf_counter(), 0.0
        before: tuple[Leased, ...] = ()
        while True:
            leased = ledger.lease("lettre", by=NOW, now=NOW, limit=_WAVE)
            start = time.perf_counter()
            ledger.settle(_results(before), _intents(leased), now=NOW)
            settled += time.perf_counter() - start
            if not leased:
                break
            before = leased
        seconds = time.perf_counter() - begin
        _check(ledger)
        ledger.close()
    settling.append(settled)
    return seconds


def _results(leased: tuple[Leased, ...]) -> list[Result]:
    reply = "250 2.0.0 Ok: queued as 4XyZ"
    return [
        Result(delivery=one.id, step=Step.ACCEPT, at=NOW, code="250", reply=reply)
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
