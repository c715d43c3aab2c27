"""
Drafts: editions that a rule foresees, and the plan's rows made from them.

What the ledger already knows of an edition is settled here, for every kind alike. A
draft without a verdict may speak as far as its own rule goes; a person, its audience
and its due time then decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from tambour.planning.revisions import stop_of, was_stopped
from tambour.planning.situation import Situation


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
    after: tuple[EditionId, ...] = ()


def skipped(reason: Reason) -> Verdict:
    """The edition is left out on purpose."""
    return Verdict(state=EntryState.SKIPPED, reason=reason)


def held(reason: Reason) -> Verdict:
    """The edition waits for a person, or for the next scan."""
    return Verdict(state=EntryState.HELD, reason=reason)


def superseded(reason: Reason) -> Verdict:
    """Another edition says it better."""
    return Verdict(state=EntryState.SUPERSEDED, reason=reason)


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
            verdict = free(draft.due, situation) if hold is None else held(hold)
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
            after=draft.after,
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
    if was_stopped(frozen, situation.snapshot):
        return superseded(reasons.facts_changed())
    if frozen.state is EditionState.CANCELLED:
        return skipped(reasons.cancelled())
    return _running(frozen, situation, deadline=deadline, zone=zone)


def _running(
    frozen: FrozenEdition,
    situation: Situation,
    *,
    deadline: datetime | None,
    zone: ZoneInfo,
) -> Verdict:
    decision = situation.snapshot.decisions.get(frozen.id)
    if decision is Decision.CANCEL:
        return skipped(reasons.decided(decision))
    if deadline is not None and situation.now >= deadline:
        return missed(reasons.cut_off(deadline, zone=zone))
    # Whoever only reads finds it as the next `send` will leave it.
    present = situation.standing.facts(told.event for told in frozen.facts)
    if stop_of(frozen, present) is not None:
        return superseded(reasons.facts_changed())
    if decision is Decision.HOLD:
        because = situation.snapshot.held_because.get(frozen.id)
        return held(reasons.held(frozen.id, because=because))
    reason = reasons.already_frozen(frozen.frozen_at, zone=zone)
    return replace(free(frozen.due, situation), reason=reason)


def free(due: datetime, situation: Situation) -> Verdict:
    """Nothing stops the edition; it may leave once it is due."""
    is_due = due <= situation.now
    return Verdict(state=EntryState.DUE if is_due else EntryState.PLANNED)
