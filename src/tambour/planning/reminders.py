"""
Rules 1 to 6 for reminders: one event at a time, before its start.

Each (campaign, event, offset) is judged alone here; what several overdue reminders
owe each other is settled in `collapse`. Re-arming after a move will give an edition
another revision, and corrections a room of their own; here the revision is always 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from tambour.model import (
    Campaign,
    CampaignKind,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    Event,
    Offset,
    Reason,
)
from tambour.planning import reasons
from tambour.planning.calendar import reminder_due
from tambour.planning.collapse import Row, settle
from tambour.planning.drafts import (
    FIRST_REVISION,
    Draft,
    Verdict,
    entries_of,
    remembered,
    skipped,
)
from tambour.planning.situation import Dated, Situation, is_selected

_ZONE_SLACK = timedelta(days=2)
"""More than calendar arithmetic and elapsed time can differ by in any zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a reminder is made of."""

    campaign: Campaign
    upcoming: Dated
    offset: Offset

    @property
    def event(self) -> Event:
        return self.upcoming.event


def reminder_entries(situation: Situation) -> list[Entry]:
    """Return the rows of every reminder that is due by the horizon."""
    rows: list[Row] = []
    for case, draft in _drafts(situation):
        since = max(draft.due, situation.event_seen(case.event.id))
        limit = _late_limit(case.offset, situation)
        rows.extend(
            Row(entry=entry, since=since, limit=limit, zone=case.event.zone)
            for entry in entries_of(draft, situation)
        )
    return settle(rows, situation)


def _reminder_edition(campaign: Campaign, event: Event, offset: Offset) -> EditionId:
    """Return the edition's name, which people can type."""
    return EditionId(f"{campaign.name}/{event.id}/{offset.key}/{FIRST_REVISION}")


def _drafts(situation: Situation) -> Iterator[tuple[_Case, Draft]]:
    for campaign in situation.campaigns:
        if campaign.kind is not CampaignKind.REMINDER or not campaign.offsets:
            continue
        farthest = max(map(_lead, campaign.offsets)) + _ZONE_SLACK
        for upcoming in situation.upcoming:
            if upcoming.starts_at - situation.horizon > farthest:
                break
            if not is_selected(upcoming.event, campaign.where):
                continue
            for offset in campaign.offsets:
                case = _Case(campaign=campaign, upcoming=upcoming, offset=offset)
                draft = _draft(case, situation)
                if draft is not None:
                    yield case, draft


def _draft(case: _Case, situation: Situation) -> Draft | None:
    event, starts_at = case.event, case.upcoming.starts_at
    edition = _reminder_edition(case.campaign, event, case.offset)
    due = reminder_due(starts_at, event.zone, offset=case.offset)
    deadline = starts_at - situation.limits.margin
    frozen = situation.frozen(edition)
    if frozen is not None:
        due = frozen.due
        deadline = min(deadline, frozen.deadline or deadline)
    if due > situation.horizon:
        return None
    draft = Draft(
        edition=edition,
        campaign=case.campaign,
        kind=EditionKind.REMINDER,
        events=(event.id,),
        due=due,
        deadline=deadline,
    )
    verdict = _verdict(draft, case, situation=situation)
    return draft if verdict is None else replace(draft, verdict=verdict)


def _verdict(draft: Draft, case: _Case, *, situation: Situation) -> Verdict | None:
    """Return what settles the draft whatever else is overdue; None: it may speak."""
    status = reasons.of_status(case.event.status)
    frozen = situation.frozen(draft.edition)
    if frozen is not None and (status is None or frozen.state is EditionState.DONE):
        return remembered(
            frozen, situation, deadline=draft.deadline, zone=case.event.zone
        )
    reason = status or _objection(draft, case, situation=situation)
    return None if reason is None else skipped(reason)


def _objection(draft: Draft, case: _Case, *, situation: Situation) -> Reason | None:
    event, due, deadline = case.event, draft.due, draft.deadline
    if case.offset.elapsed is not None and event.all_day:
        return reasons.no_time_of_day(case.offset)
    if deadline is not None and due >= deadline:
        return reasons.too_close(due, deadline, zone=event.zone)
    decision = situation.snapshot.decisions.get(draft.edition)
    if decision is Decision.CANCEL:
        return reasons.decided(decision)
    seen = situation.event_seen(event.id)
    if not case.campaign.announce_late and due < seen:
        return reasons.added_late(seen, due, zone=event.zone)
    return None


def _late_limit(offset: Offset, situation: Situation) -> timedelta:
    """Half of a reminder's hours: it still says roughly the right thing."""
    if offset.elapsed is None:
        return situation.limits.late
    return offset.elapsed / 2


def _lead(offset: Offset) -> timedelta:
    return offset.elapsed or timedelta(days=offset.days or 0)
