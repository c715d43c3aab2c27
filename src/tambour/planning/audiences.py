"""
Rule 9: what nobody would get, or suddenly too many, is held for a person.

An audience that emptied or tripled since its last edition holds the whole edition, its
other channels too: an edition is approved and frozen as one, so what stayed behind
could never follow. Knows sizes, not people.
Source: vdirsyncer's `StorageEmpty`, which stops a synchronisation for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from tambour.model import Campaign, Decision, EditionId, Reason, Target
from tambour.planning import reasons
from tambour.planning.situation import Situation

SUDDEN_GROWTH = 3


def size(target: Target, situation: Situation) -> int:
    """Return how many would get it now; a post has one recipient, its account."""
    if target.audience is None:
        return 1
    return situation.recipients.get(target.audience, 0)


def hold(
    edition: EditionId,
    *,
    campaign: Campaign,
    target: Target,
    situation: Situation,
    to_told: bool = False,
) -> Reason | None:
    """
    Return why a person must look before *edition* leaves by *target*, if so.

    Args:
        to_told: only those get it who had another before, so that no stranger is
            written to however large the audience has grown.

    """
    decision = situation.snapshot.decisions.get(edition)
    if decision is Decision.HOLD:
        because = situation.snapshot.held_because.get(edition)
        return reasons.held(edition, because=because)
    is_approved = decision is Decision.APPROVE
    targets = (target,) if to_told else campaign.targets
    growth = None if to_told else SUDDEN_GROWTH
    stop = None if is_approved else _sudden_change(targets, situation, growth=growth)
    if stop is not None:
        return stop
    if target.audience is not None and size(target, situation) == 0:
        return reasons.no_recipients(target.audience)
    if campaign.approve_manually and not is_approved:
        return reasons.awaits_approval(edition)
    return None


def _sudden_change(
    targets: Iterable[Target], situation: Situation, *, growth: int | None
) -> Reason | None:
    for target in targets:
        if target.audience is None:
            continue
        before = situation.snapshot.audience_sizes.get(target.audience, 0)
        now = size(target, situation)
        if before > 0 and now == 0:
            return reasons.audience_emptied(target.audience, before=before)
        if growth is not None and before > 0 and now >= growth * before:
            return reasons.audience_tripled(target.audience, before=before, now=now)
    return None
