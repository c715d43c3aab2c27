"""
Rules 1 to 7 for reminders: one event at a time, before its start.

Each (campaign, event, offset) is judged alone here; what several overdue reminders
owe each other is settled in `collapse`, what they owe to corrections in `precedence`.
There is another revision when the last one stopped because its facts changed, or when
the event now starts a day or more later than that one said: the reminder is armed
again. Whom a revision reached that said about the same start is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tambour.model import (
    Campaign,
    CampaignKind,
    Decision,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    Event,
    EventStatus,
    FrozenEdition,
    Offset,
    Reason,
)
from tambour.planning import reasons
from tambour.planning.calendar import is_day_later, reminder_due
from tambour.planning.collapse import Row, settle
from tambour.planning.drafts import (
    Draft,
    Verdict,
    entries_of,
    held,
    remembered,
    skipped,
)
from tambour.planning.precedence import Precedence, precedence
from tambour.planning.revisions import named, revisions_of, was_stopped
from tambour.planning.situation import Dated, Situation, is_selected
from tambour.planning.vanishing import Absence

_ZONE_SLACK = timedelta(days=2)
"""More than calendar arithmetic and elapsed time can differ by in any zone."""
_COMING = frozenset({EntryState.PLANNED, EntryState.DUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a reminder is made of, and the revisions of it that were frozen *before*."""

    campaign: Campaign
    upcoming: Dated
    offset: Offset
    before: tuple[FrozenEdition, ...]

    @property
    def event(self) -> Event:
        return self.upcoming.event


def reminder_entries(corrections: Sequence[Entry], situation: Situation) -> list[Entry]:
    """Return the rows of every reminder that is due by the horizon."""
    order = precedence(corrections, situation)
    rows: list[Row] = []
    for case, draft in _drafts(situation):
        seen = max(draft.due, situation.event_seen(case.event.id))
        limit = _late_limit(case.offset, situation)
        rows.extend(
            Row(
                entry=_after_corrections(entry, case, order),
                since=order.since(entry, seen, limit=limit),
                limit=limit,
                zone=case.event.zone,
            )
            for entry in entries_of(draft, situation)
        )
    return list(order.in_turn(settle(rows, situation)))


def _after_corrections(entry: Entry, case: _Case, order: Precedence) -> Entry:
    """Leave out whom a correction reached, or all when it told the new date."""
    situation = order.situation
    if entry.state not in _COMING or situation.frozen(entry.edition) is not None:
        return entry
    last = case.before[-1] if case.before else None
    is_rearmed = last is not None and not was_stopped(last, situation.snapshot)
    instead = order.corrected_instead(entry) if is_rearmed else None
    if instead is None:
        return order.without_corrected(entry)
    reason = reasons.corrected_instead(instead)
    return replace(entry, state=EntryState.SUPERSEDED, reason=reason)


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
                case = _case(campaign, upcoming, offset, situation=situation)
                for draft in _revisions(case, situation):
                    if draft.due <= situation.horizon:
                        yield case, draft


def _case(
    campaign: Campaign, upcoming: Dated, offset: Offset, *, situation: Situation
) -> _Case:
    stem = _stem(campaign, upcoming.event, offset)
    before = revisions_of(stem, situation.snapshot)
    return _Case(campaign=campaign, upcoming=upcoming, offset=offset, before=before)


def _stem(campaign: Campaign, event: Event, offset: Offset) -> str:
    """Return what the names of a reminder's revisions share; people can type it."""
    return f"{campaign.name}/{event.id}/{offset.key}"


def _revisions(case: _Case, situation: Situation) -> Iterator[Draft]:
    """Yield the revision that is frozen, unless another takes its place, and that."""
    if not case.before:
        yield _judged(_next(case, situation), case, situation)
        return
    last = case.before[-1]
    was_cut_short = was_stopped(last, situation.snapshot)
    has_next = _takes_place(case.event, situation) and (
        was_cut_short or is_day_later(last.facts[0], case.event.facts())
    )
    if was_cut_short or not has_next:
        yield _as_frozen(last, case, situation)
    if has_next:
        draft = _next(case, situation)
        settled_at = situation.settled_at(situation.changed_at(case.event.id))
        due = max(draft.due, settled_at) if was_cut_short else draft.due
        yield _judged(replace(draft, due=due), case, situation)


def _takes_place(event: Event, situation: Situation) -> bool:
    is_there = situation.absence(event.id) is None
    return is_there and event.status is EventStatus.SCHEDULED


def _as_frozen(frozen: FrozenEdition, case: _Case, situation: Situation) -> Draft:
    deadline = case.upcoming.starts_at - situation.limits.margin
    deadline = min(deadline, frozen.deadline or deadline)
    off = _off(case.event, situation)
    if off is None or frozen.state is EditionState.DONE:
        zone = case.event.zone
        verdict = remembered(frozen, situation, deadline=deadline, zone=zone)
    else:
        verdict = skipped(off)
    return Draft(
        edition=frozen.id,
        campaign=case.campaign,
        kind=EditionKind.REMINDER,
        events=(case.event.id,),
        due=frozen.due,
        deadline=deadline,
        verdict=verdict,
    )


def _next(case: _Case, situation: Situation) -> Draft:
    """Return the revision to come, for those who do not know about this start."""
    event, starts_at = case.event, case.upcoming.starts_at
    return Draft(
        edition=named(_stem(case.campaign, event, case.offset), len(case.before) + 1),
        campaign=case.campaign,
        kind=EditionKind.REMINDER,
        events=(event.id,),
        due=reminder_due(starts_at, event.zone, offset=case.offset),
        deadline=starts_at - situation.limits.margin,
        after=tuple(
            frozen.id
            for frozen in case.before
            if not is_day_later(frozen.facts[0], event.facts())
        ),
    )


def _judged(draft: Draft, case: _Case, situation: Situation) -> Draft:
    """Return the draft with what settles it whatever else is overdue, if anything."""
    return replace(draft, verdict=_verdict(draft, case, situation=situation))


def _verdict(draft: Draft, case: _Case, *, situation: Situation) -> Verdict | None:
    reason = _off(case.event, situation) or _objection(draft, case, situation=situation)
    if reason is not None:
        return skipped(reason)
    absence = situation.absence(case.event.id)
    if absence is Absence.UNSURE:
        return held(reasons.unsure())
    if absence is Absence.MANY:
        return held(reasons.many_vanished(case.event.source, draft.edition))
    return None


def _off(event: Event, situation: Situation) -> Reason | None:
    """Return why the event is certainly not to be announced, if so."""
    is_gone = situation.absence(event.id) is Absence.GONE
    return reasons.vanished() if is_gone else reasons.of_status(event.status)


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
