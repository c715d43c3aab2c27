"""
Rules 4, 6 and 9 for digests: one edition a period, gathering what starts in a window.

What starts so soon that the digest could not be through in time is left out, unless
that is all there is. Only the latest period that is past may still speak. A digest that
the ledger knows keeps the events it was frozen with. Once it stopped because one of
them changed, another revision gathers anew, for those whom it did not reach.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from tambour.model import (
    Campaign,
    CampaignKind,
    Cron,
    Decision,
    EditionKind,
    EditionState,
    Entry,
    EventStatus,
    FrozenEdition,
    Snapshot,
    Window,
)
from tambour.planning import reasons
from tambour.planning.calendar import (
    Occurrence,
    at_clock,
    latest,
    occurrences,
    shifted,
)
from tambour.planning.drafts import (
    Draft,
    Verdict,
    entries_of,
    held,
    missed,
    remembered,
    skipped,
    superseded,
)
from tambour.planning.revisions import named, revisions_of, stem_of, was_stopped
from tambour.planning.situation import Dated, Situation, is_selected
from tambour.planning.timely import completion
from tambour.planning.vanishing import Absence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """A campaign with what its editions are made of; `events` in order of start."""

    campaign: Campaign
    situation: Situation
    events: tuple[Dated, ...]
    starts: tuple[datetime, ...]
    known: FrozenEdition | None
    """The latest edition that was sent or will be; due as its period was."""

    def between(
        self, begin: datetime, end: datetime, *, after: datetime
    ) -> tuple[Dated, ...]:
        """Return what starts in [begin, end), but later than *after*."""
        first = max(bisect_left(self.starts, begin), bisect_right(self.starts, after))
        return self.events[first : bisect_left(self.starts, end)]


def digest_entries(situation: Situation) -> list[Entry]:
    """Return the rows of the latest past period and of those up to the horizon."""
    return [
        entry
        for campaign in situation.campaigns
        if campaign.kind is CampaignKind.DIGEST
        for draft in _drafts(campaign, situation)
        for entry in entries_of(draft, situation)
    ]


def _stem(campaign: Campaign, occurrence: Occurrence) -> str:
    """Return the period's name: its date, with the time where a day may have more."""
    period = occurrence.nominal.date().isoformat()
    if isinstance(campaign.schedule, Cron):
        period = f"{period}-{occurrence.nominal:%H%M}"
    return f"{campaign.name}/{period}"


def window_bounds(
    window: Window, *, due: datetime, send: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """
    Return the stretch [begin, end) of starts that a digest gathers, in UTC.

    From now on, it ends at the clock time of *due*, so that periods join without a
    seam however late one is sent; from a later day on, it is made of whole days.
    """
    local = due.astimezone(zone)
    clock = time() if window.skip_days else local.time()
    last = shifted(local.date(), days=window.skip_days + window.days)
    end = at_clock(last, clock, zone=zone)
    if not window.skip_days:
        return send, end
    first = shifted(local.date(), days=window.skip_days)
    return at_clock(first, clock, zone=zone), end


def _drafts(campaign: Campaign, situation: Situation) -> Iterator[Draft]:
    schedule = campaign.schedule
    if schedule is None:
        return
    zone, now = situation.site.zone, situation.now
    past = latest(schedule, zone, until=now)
    coming = occurrences(schedule, zone, after=now, until=situation.horizon)
    series = _series(campaign, situation)
    for occurrence in (*([past] if past else ()), *coming):
        yield from _revisions(occurrence, series)


def _revisions(occurrence: Occurrence, series: _Series) -> Iterator[Draft]:
    """Yield the revision that is frozen, and the next if that one stopped."""
    situation, stem = series.situation, _stem(series.campaign, occurrence)
    before = revisions_of(stem, situation.snapshot)
    last = before[-1] if before else None
    draft = Draft(
        edition=named(stem, len(before) + 1),
        campaign=series.campaign,
        kind=EditionKind.DIGEST,
        events=(),
        due=occurrence.at if last is None else _settled_at(last, situation),
        deadline=None,
        after=tuple(frozen.id for frozen in before),
    )
    if last is not None:
        yield _as_frozen(draft, last, situation=situation)
    if last is None or was_stopped(last, situation.snapshot):
        verdict = _objection(draft, series)
        if verdict is None:
            yield _gathered(draft, series, period=occurrence.at)
        else:
            yield replace(draft, verdict=verdict)


def _settled_at(stopped: FrozenEdition, situation: Situation) -> datetime:
    """Return when a digest may go on: once the events that it told have settled."""
    known = (situation.snapshot.known.get(told.event) for told in stopped.facts)
    changes = (situation.settled_at(one.changed_at) for one in known if one)
    return max([stopped.due, *changes])


def _as_frozen(draft: Draft, frozen: FrozenEdition, *, situation: Situation) -> Draft:
    zone, deadline = situation.site.zone, frozen.deadline
    return replace(
        draft,
        edition=frozen.id,
        events=tuple(facts.event for facts in frozen.facts),
        due=frozen.due,
        deadline=deadline,
        verdict=remembered(frozen, situation, deadline=deadline, zone=zone),
        after=(),
    )


def _objection(draft: Draft, series: _Series) -> Verdict | None:
    situation, due = series.situation, draft.due
    zone, now, limit = situation.site.zone, situation.now, situation.limits.late
    decision = situation.snapshot.decisions.get(draft.edition)
    if decision is Decision.CANCEL:
        return skipped(reasons.decided(decision))
    seen = situation.campaign_seen(draft.campaign.name)
    if due < seen:
        return skipped(reasons.before_campaign(due, seen, zone=zone))
    known = series.known
    if known is not None and stem_of(known.id) != stem_of(draft.edition):
        if due <= known.due:
            return superseded(reasons.later_one_speaks(known.id))
        if _is_rescheduled(draft, known, zone):
            return superseded(reasons.day_has_spoken(known.id))
    if now - due > limit:
        return _late(draft, series)
    return None


def _is_rescheduled(draft: Draft, known: FrozenEdition, zone: ZoneInfo) -> bool:
    """
    Tell whether the draft's day had its edition by a schedule that is no more.

    By `every`, a day has one name and so one edition, whatever the hour; by `cron` it
    may have several, and only an edited line must not add one.
    """
    schedule = draft.campaign.schedule
    days = {at.astimezone(zone).date() for at in (draft.due, known.due)}
    if schedule is None or len(days) > 1:
        return False
    before = known.due - timedelta(seconds=1)
    return not occurrences(schedule, zone, after=before, until=known.due)


def _late(draft: Draft, series: _Series) -> Verdict:
    """Tell a digest that came too late from one that had nothing to say in time."""
    situation, due, campaign = series.situation, draft.due, series.campaign
    zone, limits = situation.site.zone, situation.limits
    begin, end = window_bounds(campaign.window, due=due, send=due, zone=zone)
    in_time = (
        one
        for one in series.between(begin, end, after=due + limits.margin)
        if situation.event_seen(one.event.id) <= due + limits.late
    )
    if campaign.send_empty or any(in_time):
        return missed(reasons.late(due, limits.late, zone=zone))
    return skipped(reasons.no_events(begin, end, zone=zone))


def _gathered(draft: Draft, series: _Series, *, period: datetime) -> Draft:
    situation, campaign = series.situation, series.campaign
    zone, margin = situation.site.zone, situation.limits.margin
    send = max(draft.due, situation.now)
    begin, end = window_bounds(campaign.window, due=period, send=send, zone=zone)
    inside = series.between(begin, end, after=send + margin)
    through = completion(campaign, situation, start=send)
    told = [one for one in inside if one.starts_at - margin > through] or inside
    there = [one for one in told if situation.absence(one.event.id) is None]
    draft = replace(
        draft,
        events=tuple(one.event.id for one in there),
        deadline=there[0].starts_at - margin if there else None,
        verdict=_waits_for(told, draft, situation),
    )
    if draft.verdict or there or campaign.send_empty:
        return draft
    return replace(draft, verdict=skipped(reasons.no_events(begin, end, zone=zone)))


def _waits_for(
    told: Iterable[Dated], draft: Draft, situation: Situation
) -> Verdict | None:
    """Return why a digest waits for events that are not there, unless approved."""
    absent = [situation.absence(one.event.id) for one in told]
    decision = situation.snapshot.decisions.get(draft.edition)
    if decision is Decision.APPROVE or not any(absent):
        return None
    if Absence.UNSURE in absent:
        return held(reasons.unsure())
    count = absent.count(Absence.MANY)
    return held(reasons.digest_without(count, draft.edition))


def _series(campaign: Campaign, situation: Situation) -> _Series:
    events = tuple(
        one
        for one in situation.dated
        if one.event.status is EventStatus.SCHEDULED
        and situation.absence(one.event.id) is not Absence.GONE
        and is_selected(one.event, campaign.where)
    )
    return _Series(
        campaign=campaign,
        situation=situation,
        events=events,
        starts=tuple(one.starts_at for one in events),
        known=_last_known(campaign, situation),
    )


def _last_known(campaign: Campaign, situation: Situation) -> FrozenEdition | None:
    """
    Return the latest edition of the campaign that was sent or will be.

    A revision may be due when the next period is, and counts for its own. One frozen
    under a clock that ran ahead does not count: it would silence the campaign until
    then.
    """
    snapshot = situation.snapshot
    editions = (
        frozen
        for frozen in snapshot.editions.values()
        if frozen.kind is EditionKind.DIGEST
        and frozen.campaign == campaign.name
        and frozen.state is not EditionState.CANCELLED
        and frozen.frozen_at <= situation.now
    )
    last = max(
        editions, key=lambda one: (_period_of(one, snapshot), one.id), default=None
    )
    return last and replace(last, due=_period_of(last, snapshot))


def _period_of(frozen: FrozenEdition, snapshot: Snapshot) -> datetime:
    """Return when the period's digest was due before anything stopped it."""
    return snapshot.editions.get(named(stem_of(frozen.id), 1), frozen).due
