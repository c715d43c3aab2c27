"""
What a person decides about editions: what makes no sense is refused, the rest is told.

All that is asked at once is looked at before any of it is decided. Knows no clock and
prints nothing; the ledger keeps the decisions, and whoever sends meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.memory import Memory, refresh
from tambour.model import (
    Decision,
    DeliveryState,
    EditionId,
    EditionState,
    Entry,
    EntryState,
    FrozenEdition,
    Snapshot,
)
from tambour.planning import reasons
from tambour.project import HORIZON

_UNSENT = (
    DeliveryState.PLANNED,
    DeliveryState.LEASED,
    DeliveryState.DEFERRED,
)
_REACHED = (DeliveryState.SENT, DeliveryState.IN_FLIGHT)
_STOPPED = {
    Decision.CANCEL: "was cancelled; what had not left never will",
    Decision.WITHDRAW: "was stopped, for its event does not take place as it says",
    Decision.SUPERSEDE: "says what is no longer so; another revision follows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """
    What a decision came to, in a sentence.

    `waiting` counts what has not left of it and may, `cancelled` what now never will,
    `sent` what had left.
    """

    edition: EditionId
    decision: Decision
    cancelled: int
    waiting: int
    sent: int
    text: str


def decide(
    memory: Memory,
    ledger: Ledger,
    editions: Sequence[str],
    decision: Decision,
    *,
    now: datetime,
) -> list[Decided]:
    """
    Keep a person's decision about *editions*, and say what it does.

    Raises:
        UserError: there is no such edition, or it makes no sense for one of them;
            nothing was decided then.
        LedgerError: the ledger cannot be used.

    """
    plan = memory.plan(now=now, until=now + HORIZON)
    names = [EditionId(one) for one in dict.fromkeys(editions)]
    for name in names:
        entries = [entry for entry in plan.entries if entry.edition == name]
        refusal = _refusal(name, decision, entries, memory.snapshot)
        if refusal is not None:
            raise UserError(refusal)
    counts = {name: ledger.decide(name, decision, now) for name in names}
    after = refresh(memory, ledger)
    later = after.plan(now=now, until=now + HORIZON)
    return [
        _decided(
            name,
            decision,
            [entry for entry in later.entries if entry.edition == name],
            ledger,
            after,
            cancelled=counts[name],
        )
        for name in names
    ]


def retry(memory: Memory, ledger: Ledger, edition: str, *, now: datetime) -> int:
    """
    Make what failed, was put off or is in doubt due again; return how many that is.

    Raises:
        UserError: there is nothing to try again, or no sense in it.
        LedgerError: the ledger cannot be used.

    """
    name, snapshot = EditionId(edition), memory.snapshot
    frozen = snapshot.editions.get(name)
    decision = snapshot.decisions.get(name)
    if frozen is not None and decision in _STOPPED:
        msg = f"{edition} {_STOPPED[decision]}"
        raise UserError(msg)
    if frozen is not None and frozen.deadline is not None and frozen.deadline <= now:
        passed = reasons.shown(frozen.deadline, memory.project.site.zone)
        msg = f"nothing of {edition} may leave any more: its deadline was {passed}"
        raise UserError(msg)
    count = ledger.retry(name, now)
    if count == 0:
        msg = f"nothing of {edition} failed, was put off or is in doubt"
        raise UserError(msg)
    return count


def _refusal(
    name: EditionId,
    decision: Decision,
    entries: Sequence[Entry],
    snapshot: Snapshot,
) -> str | None:
    """Return why a decision makes no sense, if so."""
    frozen = snapshot.editions.get(name)
    before = snapshot.decisions.get(name)
    if frozen is not None:
        return _refusal_of_frozen(frozen, decision, before)
    if not entries:
        return f"no edition is called {name!r}; `tambour plan` lists them"
    if before is decision:
        return f"{name} {_already(decision)}"
    if before is Decision.CANCEL and decision is Decision.HOLD:
        return f"{name} is cancelled; `tambour approve {name}` lets it go again"
    return None if before is Decision.CANCEL else _too_late(name, decision, entries)


def _refusal_of_frozen(
    frozen: FrozenEdition, decision: Decision, before: Decision | None
) -> str | None:
    name = frozen.id
    if before is decision and decision is not Decision.APPROVE:
        return f"{name} {_already(decision)}"
    if frozen.state is EditionState.DONE:
        return f"{name} is finished: nothing of it waits to be sent"
    if before in _STOPPED and decision is not Decision.CANCEL:
        return f"{name} {_STOPPED[before]}"
    return None


def _too_late(
    name: EditionId, decision: Decision, entries: Iterable[Entry]
) -> str | None:
    """Return why an edition does not leave anyway, for all its channels, if so."""
    out = {EntryState.MISSED, EntryState.SUPERSEDED}
    if decision is not Decision.CANCEL:
        out.add(EntryState.SKIPPED)
    found = list(entries)
    if any(entry.state not in out for entry in found):
        return None
    reason = found[0].reason
    why = f": {reason.text}" if reason else ""
    return f"{name} is {found[0].state} and does not leave{why}"


def _already(decision: Decision) -> str:
    match decision:
        case Decision.APPROVE:
            return "is approved already"
        case Decision.HOLD:
            return "is held already"
        case _:
            return "is cancelled already"


def _decided(
    name: EditionId,
    decision: Decision,
    entries: Sequence[Entry],
    ledger: Ledger,
    memory: Memory,
    *,
    cancelled: int,
) -> Decided:
    counts = ledger.history.counts([name])
    sent = sum(count.how_many(*_REACHED) for count in counts)
    waiting = sum(count.how_many(*_UNSENT) for count in counts)
    is_frozen = name in memory.snapshot.editions
    if not is_frozen:
        waiting = sum(entry.recipients for entry in entries)
    match decision:
        case Decision.HOLD:
            what = f"is held: {_messages(waiting)} until `tambour approve {name}`"
        case Decision.CANCEL if is_frozen:
            what = f"is cancelled: {_messages(cancelled, 'will not leave')}"
        case Decision.CANCEL:
            what = "is cancelled: it will not be sent"
        case _:
            what = f"is approved: {_departure(entries, memory, waiting)}"
    had = f"; {sent} had left" if sent else ""
    return Decided(
        edition=name,
        decision=decision,
        cancelled=cancelled,
        waiting=0 if decision is Decision.CANCEL else waiting,
        sent=sent,
        text=f"{name} {what}{had}.",
    )


def _messages(count: int, does: str = "") -> str:
    one = count == 1
    does = does or ("waits" if one else "wait")
    return f"{count} message{'' if one else 's'} {does}"


def _departure(entries: Sequence[Entry], memory: Memory, waiting: int) -> str:
    """Say when an approved edition leaves, or why it still does not."""
    for entry in entries:
        if entry.state is EntryState.HELD and entry.reason:
            return f"but {entry.target.channel} still waits: {entry.reason.text}"
    zone = memory.project.site.zone
    coming = [entry.due for entry in entries if entry.state is EntryState.PLANNED]
    when = f"on {reasons.shown(min(coming), zone)}" if coming else "with the next send"
    return _messages(waiting, f"{'leaves' if waiting == 1 else 'leave'} {when}")
