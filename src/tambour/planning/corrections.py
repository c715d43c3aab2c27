"""
Rules 7 and 8: those who were told something that is no longer so are told what is.

One edition for each event and campaign, to exactly those whom the campaign was the
last to tell. A change has to settle first: several edits make one correction, and one
that is undone makes none. It leaves before the earlier start, so that nobody waits in
the old place, or misses the new one. The ledger knows who was told what, and nobody is
named here. Only a person can say that an event whose file is gone is cancelled, or that
it is right that many changed at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter

from tambour.model import (
    CORRECTIONS,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    Event,
    EventId,
    EventStatus,
    Facts,
    FrozenEdition,
    Limits,
    Reason,
    Target,
    Told,
)
from tambour.planning import audiences, reasons
from tambour.planning.calendar import begins_at
from tambour.planning.drafts import (
    Draft,
    Verdict,
    entries_of,
    free,
    held,
    missed,
    remembered,
    skipped,
)
from tambour.planning.revisions import named, number_of, was_stopped
from tambour.planning.situation import Situation
from tambour.planning.vanishing import Absence, is_many

_FOR_ONCE = frozenset({Decision.APPROVE, Decision.CANCEL})
Spoken = Mapping[EventId, Sequence[FrozenEdition]]
"""The frozen corrections and cancellations of each event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a campaign has to put right about an event, with those it told otherwise."""

    event: Event
    campaign: str
    groups: tuple[Told, ...]
    edition: EditionId
    kind: EditionKind
    changed_at: datetime
    changed_with: int
    """How many events changed about the same time, if that is too many."""


def correction_entries(situation: Situation) -> list[Entry]:
    """Return the rows of every correction and cancellation, whenever it is due."""
    spoken = corrections_of(situation)
    fresh = (
        entry
        for case in _cases(situation, spoken)
        for entry in _entries(case, situation)
    )
    return [*fresh, *_running(spoken, situation)]


def corrections_of(situation: Situation) -> Spoken:
    """Return the frozen corrections and cancellations of each event, by number."""
    found: dict[EventId, list[FrozenEdition]] = defaultdict(list)
    for frozen in situation.snapshot.editions.values():
        if frozen.kind in CORRECTIONS:
            for told in frozen.facts:
                found[told.event].append(frozen)
    for each in found.values():
        each.sort(key=lambda one: number_of(one.id))
    return found


def last_moment(told: Facts, now: Facts, limits: Limits) -> datetime:
    """
    Return from when on those who were *told* other facts cannot be corrected any more.

    That is before the earlier of the start they know and the one that is so *now*; what
    is called off has none.
    """
    starts = [begins_at(told)]
    if now.status is EventStatus.SCHEDULED:
        starts.append(begins_at(now))
    return min(starts) - limits.margin


def _cases(situation: Situation, spoken: Spoken) -> Iterator[_Case]:
    many = _changed_together(situation)
    by_campaign = attrgetter("campaign")
    for name in situation.snapshot.told:
        wrong = sorted(_wrongly_told(name, situation), key=by_campaign)
        for campaign, of_campaign in groupby(wrong, key=by_campaign):
            before = [one for one in spoken.get(name, ()) if one.campaign == campaign]
            groups = tuple(
                one for one in of_campaign if not _is_settled(one, before, situation)
            )
            if not groups:
                continue
            event = situation.standing.known[name]
            is_off = event.status is EventStatus.CANCELLED
            kind = EditionKind.CANCELLATION if is_off else EditionKind.CORRECTION
            yield _Case(
                event=event,
                campaign=campaign,
                groups=groups,
                edition=_next_name(
                    f"{campaign}/{name}/{kind.value}", before, name, situation
                ),
                kind=kind,
                changed_at=situation.changed_at(name),
                changed_with=many.get(name, 0),
            )


def _next_name(
    stem: str, before: Sequence[FrozenEdition], event: EventId, situation: Situation
) -> EditionId:
    """
    Return the first free name about which nobody decided before the last change.

    Who approved or cancelled a correction knew what it would have said then.
    """
    changed_at, snapshot = situation.changed_at(event), situation.snapshot
    number = number_of(before[-1].id) + 1 if before else 1
    while snapshot.decisions.get(named(stem, number)) in _FOR_ONCE:
        decided_at = snapshot.decided_at.get(named(stem, number), situation.now)
        if not decided_at < changed_at <= situation.now:
            break
        number += 1
    return named(stem, number)


def _wrongly_told(name: EventId, situation: Situation) -> Iterator[Told]:
    """Yield who was told something else, as long as it matters to them."""
    event = situation.standing.known.get(name)
    if event is None:
        return
    now, changed_at = event.facts(), min(situation.changed_at(name), situation.now)
    for told in situation.snapshot.told[name]:
        over = max(begins_at(told.facts), begins_at(now))
        is_past = changed_at >= over or situation.now > over + situation.limits.late
        if told.facts.changes(now) and not is_past:
            yield told


def _is_settled(
    told: Told, before: Sequence[FrozenEdition], situation: Situation
) -> bool:
    """
    Tell whether the last correction said what is so, after these were told otherwise.

    Whom it did not reach for reasons of their own is not written to again.
    """
    if not before or was_stopped(before[-1], situation.snapshot):
        return False
    last, edition = before[-1], situation.frozen(told.edition)
    now = situation.standing.known[told.facts.event].facts()
    is_so = not any(one.changes(now) for one in last.facts if one.event == now.event)
    # What a clock that was set back makes of the future came before, as far as we know.
    is_later = edition is not None and (
        last.frozen_at < edition.frozen_at <= situation.now
    )
    is_on_its_way = last.state is EditionState.OPEN
    return is_so and (is_on_its_way or not is_later)


def _changed_together(situation: Situation) -> Mapping[EventId, int]:
    """Return, for each event that changed with too many others, how many that are."""
    wrong = {
        name
        for name in situation.snapshot.told
        if situation.absence(name) is None and any(_wrongly_told(name, situation))
    }
    if not wrong:
        return {}
    # Nobody remembers when long past ones changed: not just now.
    remembered = _once_told(situation) & situation.snapshot.known.keys()
    changed = {name: situation.changed_at(name) for name in remembered}
    times, settle = sorted(changed.values()), situation.limits.settle
    total = _count_told(situation)
    together = {
        name: bisect_right(times, at + settle) - bisect_left(times, at - settle)
        for name, at in changed.items()
        if name in wrong
    }
    return {name: count for name, count in together.items() if is_many(count, total)}


def _once_told(situation: Situation) -> set[EventId]:
    """
    Return the events of which an edition ever told what is not so now.

    Those count too whose readers know by now: they changed with the others.
    """
    known = situation.standing.known
    return {
        told.event
        for frozen in situation.snapshot.editions.values()
        for told in frozen.facts
        if told.event in known
        and situation.absence(told.event) is None
        and told.changes(known[told.event].facts())
    }


def _count_told(situation: Situation) -> int:
    """Count the events to come that some edition told."""
    return len(
        {
            told.event
            for frozen in situation.snapshot.editions.values()
            for told in frozen.facts
            if begins_at(told) > situation.now
        }
    )


def _entries(case: _Case, situation: Situation) -> Iterator[Entry]:
    limit = partial(last_moment, now=case.event.facts(), limits=situation.limits)
    deadlines = [at for one in case.groups if (at := limit(one.facts)) > situation.now]
    due = _due(case, situation, deadline=min(deadlines, default=situation.now))
    places: dict[tuple[str, str | None], list[Told]] = defaultdict(list)
    for one in case.groups:
        places[one.channel, one.audience].append(one)
    for (channel, audience), groups in places.items():
        in_time = [one for one in groups if limit(one.facts) > situation.now]
        deadline = min(limit(one.facts) for one in in_time or groups)
        target = Target(channel=channel, audience=audience, template=case.kind.value)
        verdict = _verdict(case, target, situation, due=due)
        if not in_time and verdict.state is not EntryState.SKIPPED:
            zone = case.event.zone
            verdict = missed(reasons.too_late_to_correct(deadline, zone=zone))
        count = sum(one.recipients for one in in_time or groups)
        yield Entry(
            edition=case.edition,
            campaign=case.campaign,
            kind=case.kind,
            events=(case.event.id,),
            target=target,
            due=due,
            deadline=deadline,
            state=verdict.state,
            reason=verdict.reason,
            recipients=min(count, audiences.size(target, situation)),
        )


def _due(case: _Case, situation: Situation, *, deadline: datetime) -> datetime:
    """Return when a change has settled, or that it cannot wait for that."""
    if situation.absence(case.event.id) is not None:
        return situation.now
    settled_at = situation.settled_at(case.changed_at)
    return settled_at if settled_at < deadline else min(case.changed_at, situation.now)


def _verdict(
    case: _Case, target: Target, situation: Situation, *, due: datetime
) -> Verdict:
    decision = situation.snapshot.decisions.get(case.edition)
    if decision is Decision.CANCEL:
        return skipped(reasons.decided(decision))
    hold = _hold(case, target, situation)
    if hold is not None:
        return held(hold)
    if due > situation.now:
        reason = reasons.settling(due, zone=case.event.zone)
        return Verdict(state=EntryState.PLANNED, reason=reason)
    return free(due, situation)


def _hold(case: _Case, target: Target, situation: Situation) -> Reason | None:
    campaign = next((c for c in situation.campaigns if c.name == case.campaign), None)
    if campaign is None:
        return reasons.nobody_corrects(case.campaign)
    absence = situation.absence(case.event.id)
    if absence is Absence.UNSURE:
        return reasons.unsure()
    if situation.snapshot.decisions.get(case.edition) is not Decision.APPROVE:
        if absence is not None:
            return reasons.gone_though_told(case.edition, absence)
        if case.changed_with:
            return reasons.many_changed(case.changed_with, case.edition)
    return audiences.hold(
        case.edition,
        campaign=campaign,
        target=target,
        situation=situation,
        to_told=True,
    )


def _running(spoken: Spoken, situation: Situation) -> Iterator[Entry]:
    """Yield the rows of what is frozen and on its way, wherever its campaign speaks."""
    campaigns = {campaign.name: campaign for campaign in situation.campaigns}
    for frozen in (one for each in spoken.values() for one in each):
        campaign = campaigns.get(frozen.campaign)
        if campaign is None or frozen.state is not EditionState.OPEN:
            continue
        zone, deadline = situation.site.zone, frozen.deadline
        draft = Draft(
            edition=frozen.id,
            campaign=campaign,
            kind=frozen.kind,
            events=tuple(told.event for told in frozen.facts),
            due=frozen.due,
            deadline=deadline,
            verdict=remembered(frozen, situation, deadline=deadline, zone=zone),
        )
        yield from entries_of(draft, situation)
