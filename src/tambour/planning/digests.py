"""
Rules 4, 6 and 9 for digests: one edition a period, gathering what starts in a window.

What starts so soon that the digest could not be through in time is left out, unless
that is all there is. Only the latest period that is past may still speak. A digest that
the ledger knows keeps the events it was frozen with; what becomes of them later is for
corrections to say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from tambour.model import (
    Campaign,
    CampaignKind,
    Cron,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    EventStatus,
    FrozenEdition,
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
    FIRST_REVISION,
    Draft,
    Verdict,
    entries_of,
    missed,
    remembered,
    skipped,
)
from tambour.planning.situation import Dated, Situation, is_selected
from tambour.planning.timely import completion


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """A campaign with what its editions are made of; `events` in order of start."""

    campaign: Campaign
    situation: Situation
    events: tuple[Dated, ...]
    starts: tuple[datetime, ...]
    known: FrozenEdition | None
    """The latest edition that was sent or will be."""

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


def _digest_edition(campaign: Campaign, occurrence: Occurrence) -> EditionId:
    """Return the edition's name: its date, with the time where a day may have more."""
    period = occurrence.nominal.date().isoformat()
    if isinstance(campaign.schedule, Cron):
        period = f"{period}-{occurrence.nominal:%H%M}"
    return EditionId(f"{campaign.name}/{period}/{FIRST_REVISION}")


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
        yield _draft(occurrence, series)


def _draft(occurrence: Occurrence, series: _Series) -> Draft:
    draft = Draft(
        edition=_digest_edition(series.campaign, occurrence),
        campaign=series.campaign,
        kind=EditionKind.DIGEST,
        events=(),
        due=occurrence.at,
        deadline=None,
    )
    frozen = series.situation.frozen(draft.edition)
    if frozen is not None:
        return _as_frozen(draft, frozen, situation=series.situation)
    verdict = _objection(draft, series)
    if verdict is not None:
        return replace(draft, verdict=verdict)
    return _gathered(draft, series)


def _as_frozen(draft: Draft, frozen: FrozenEdition, *, situation: Situation) -> Draft:
    zone, deadline = situation.site.zone, frozen.deadline
    return replace(
        draft,
        events=tuple(facts.event for facts in frozen.facts),
        due=frozen.due,
        deadline=deadline,
        verdict=remembered(frozen, situation, deadline=deadline, zone=zone),
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
    if series.known is not None and due <= series.known.due:
        reason = reasons.later_one_speaks(series.known.id)
        return Verdict(state=EntryState.SUPERSEDED, reason=reason)
    if series.known is not None and _is_rescheduled(draft, series.known, zone):
        reason = reasons.day_has_spoken(series.known.id)
        return Verdict(state=EntryState.SUPERSEDED, reason=reason)
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


def _gathered(draft: Draft, series: _Series) -> Draft:
    situation, campaign = series.situation, series.campaign
    zone, margin = situation.site.zone, situation.limits.margin
    send = max(draft.due, situation.now)
    begin, end = window_bounds(campaign.window, due=draft.due, send=send, zone=zone)
    inside = series.between(begin, end, after=send + margin)
    through = completion(campaign, situation, start=send)
    told = [one for one in inside if one.starts_at - margin > through] or inside
    if told:
        return replace(
            draft,
            events=tuple(one.event.id for one in told),
            deadline=told[0].starts_at - margin,
        )
    if campaign.send_empty:
        return draft
    return replace(draft, verdict=skipped(reasons.no_events(begin, end, zone=zone)))


def _series(campaign: Campaign, situation: Situation) -> _Series:
    events = tuple(
        one
        for one in situation.dated
        if one.event.status is EventStatus.SCHEDULED
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

    One frozen under a clock that ran ahead does not count: it would silence the
    campaign until then.
    """
    editions = (
        frozen
        for frozen in situation.snapshot.editions.values()
        if frozen.kind is EditionKind.DIGEST
        and frozen.campaign == campaign.name
        and frozen.state is not EditionState.CANCELLED
        and frozen.frozen_at <= situation.now
    )
    return max(editions, key=lambda one: (one.due, one.id), default=None)
