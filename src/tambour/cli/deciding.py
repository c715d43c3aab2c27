"""How a person's decisions about editions reach the ledger, and how they are told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from tambour.cli.invocation import now
from tambour.cli.ledgers import open_ledger
from tambour.delivery import deciding
from tambour.memory import recall
from tambour.model import Decision, EditionId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tambour.cli.invocation import Invocation
    from tambour.ledger import Ledger
    from tambour.memory import Memory


@contextmanager
def _opened(shared: Invocation) -> Iterator[tuple[Memory, Ledger]]:
    project = shared.project()
    ledger = open_ledger(project.config)
    try:
        yield recall(project, ledger), ledger
    finally:
        ledger.close()


def decide_all(shared: Invocation, editions: Sequence[str], decision: Decision) -> None:
    """
    Decide about *editions*, all or none, and say what that does.

    Raises:
        UserError: it makes no sense for one of them.
        LedgerError: the ledger cannot be used.

    """
    with _opened(shared) as (memory, ledger):
        found = deciding.decide(memory, ledger, editions, decision, now=now())
    shared.record(
        edition=found[0].edition,
        decision=decision.value,
        cancelled=sum(one.cancelled for one in found),
        editions=[asdict(one) for one in found],
    )
    for one in found:
        shared.say(one.text)


def retry_edition(shared: Invocation, edition: str) -> None:
    """
    Make what did not arrive of *edition* due again.

    Raises:
        UserError: there is nothing to try again, or no sense in it.
        LedgerError: the ledger cannot be used.

    """
    with _opened(shared) as (memory, ledger):
        count = deciding.retry(memory, ledger, edition, now=now())
        decision = memory.snapshot.decisions.get(EditionId(edition))
    shared.record(edition=edition, deliveries=count)
    shared.say(f"Due again of {edition}: {count}.")
    if decision is Decision.HOLD:
        shared.say(f"It is held: they leave after `tambour approve {edition}`.")
