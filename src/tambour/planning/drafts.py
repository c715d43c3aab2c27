"""
Drafts: editions that a rule foresees, and the plan's rows made from them.

What the ledger already knows of an edition is settled here, for every kind alike. A
draft without a verdict may speak as far as its own rule goes; a person, its audience
and its due time then decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tambour.model import (
    Campaign,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    EventId,
    FrozenEdition,
    Reason,
)
from tambour.planning import audiences, reasons
from tambour.planning.situation import Situation

FIRST_REVISION = 1
"""The last part of an edition's name, until its event is moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where an edition stands, and why."""

    state: EntryState
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An edition before it is spread over its campaign's targets."""

    edition: EditionId
    campaign: Campaign
    kind: EditionKind
    events: tuple[EventId, ...]
    due: datetime
    deadline: datetime | None
    verdict: Verdict | None = None


def skipped(reason: Reason) -> Verdict:
    """The edition is left out on purpose."""
    return Verdict(state=EntryState.SKIPPED, reason=reason)


def missed(reason: Reason) -> Verdict:
    """The edition should have left and did not."""
    return Verdict(state=EntryState.MISSED, reason=reason)


def entries_of(draft: Draft, situation: Situation) -> Iterator[Entry]:
    """Yield the draft's rows, one for each channel and audience."""
    for target in draft.campaign.targets:
        verdict = draft.verdict
        if verdict is None:
            hold = audiences.hold(
                draft.edition,
                campaign=draft.campaign,
                target=target,
                situation=situation,
            )
            verdict = (
                _free(draft.due, situation)
                if hold is None
                else Verdict(state=EntryState.HELD, reason=hold)
            )
        yield Entry(
            edition=draft.edition,
            campaign=draft.campaign.name,
            kind=draft.kind,
            events=draft.events,
            target=target,
            due=draft.due,
            deadline=draft.deadline,
            state=verdict.state,
            reason=verdict.reason,
            recipients=audiences.size(target, situation),
        )


def remembered(
    frozen: FrozenEdition,
    situation: Situation,
    *,
    deadline: datetime | None,
    zone: ZoneInfo,
) -> Verdict:
    """
    Return where an edition stands that the ledger knows.

    Args:
        deadline: the frozen one, or an earlier one if the facts have changed since.
        zone: in which people read the reason's times.

    """
    if frozen.state is EditionState.DONE:
        return Verdict(state=EntryState.SENT)
    if frozen.state is EditionState.CANCELLED:
        return skipped(reasons.cancelled())
    decision = situation.snapshot.decisions.get(frozen.id)
    if decision is Decision.CANCEL:
        return skipped(reasons.decided(decision))
    if deadline is not None and situation.now >= deadline:
        return missed(reasons.cut_off(deadline, zone=zone))
    if decision is Decision.HOLD:
        because = situation.snapshot.held_because.get(frozen.id)
        reason = reasons.held(frozen.id, because=because)
        return Verdict(state=EntryState.HELD, reason=reason)
    free = _free(frozen.due, situation)
    reason = reasons.already_frozen(frozen.frozen_at, zone=zone)
    return Verdict(state=free.state, reason=reason)


def _free(due: datetime, situation: Situation) -> Verdict:
    is_due = due <= situation.now
    return Verdict(state=EntryState.DUE if is_due else EntryState.PLANNED)
