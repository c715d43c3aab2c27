"""
Rule 4 for many readers: whether an edition can be through before its deadline.

Says so before anything is sent, with what makes it slow. It is sent all the same, as
far as it goes; only where nothing at all could leave in time, it is not begun. Knows
sizes and speeds, not people and servers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

from tambour.model import Campaign, Entry, EntryState, Speed
from tambour.planning import audiences, reasons
from tambour.planning.estimates import (
    ALLOWED_FOR,
    Departures,
    Queue,
    finish,
    limit_of,
)
from tambour.planning.situation import Situation

SHORT = timedelta(minutes=2)
"""What a person waits for without being told."""


def completion(
    campaign: Campaign, situation: Situation, *, start: datetime
) -> datetime:
    """Return when an edition that leaves at *start* is through, everywhere."""
    counts: Counter[str] = Counter()
    for target in campaign.targets:
        counts[target.channel] += audiences.size(target, situation)
    ends = (
        _queue(channel, situation).join(count, start).ends
        for channel, count in counts.items()
    )
    return max(start + ALLOWED_FOR, *ends)


def lengths(
    counts: Mapping[str, int],
    speeds: Mapping[str, Speed],
    *,
    spent: Mapping[str, Departures],
    now: datetime,
) -> dict[str, str]:
    """Say of each channel whose own limits make *counts* of messages take long."""
    said = {}
    for channel, count in counts.items():
        speed = replace(speeds.get(channel, Speed()), assumed=None)
        rows = tuple(spent.get(channel, ()))
        takes = finish(count, speed, start=now, spent=rows) - now
        if takes > SHORT:
            limit = limit_of(count, speed, start=now, spent=rows)
            said[channel] = reasons.takes(channel, takes, limit=limit, count=count)
    return said


def in_time(entries: Iterable[Entry], situation: Situation) -> tuple[Entry, ...]:
    """Return the rows, in their order of due, with a reason where time is too short."""
    queues: dict[str, Queue] = {}
    judged = []
    for entry in entries:
        if _is_to_come(entry):
            channel = entry.target.channel
            if channel not in queues:
                queues[channel] = _queue(channel, situation)
            judged.append(_judged(entry, queues[channel], situation))
        else:
            judged.append(entry)
    return tuple(judged)


def _is_to_come(entry: Entry) -> bool:
    """Whether it is neither frozen, and so waiting already, nor left out."""
    may_speak = entry.state in (EntryState.PLANNED, EntryState.DUE)
    return may_speak and entry.reason is None


def _judged(entry: Entry, queue: Queue, situation: Situation) -> Entry:
    start, deadline = max(entry.due, situation.now), entry.deadline
    outlook = deepcopy(queue).join(entry.recipients, start)
    queue.join(entry.recipients, start, until=deadline)
    if deadline is None or outlook.ends < deadline:
        return entry
    snapshot, channel = situation.snapshot, entry.target.channel
    limit = limit_of(
        entry.recipients + snapshot.waiting.get(channel, 0),
        queue.speed,
        start=situation.now,
        spent=snapshot.spent.get(channel, ()),
    )
    zone = situation.site.zone
    if outlook.begins >= deadline and entry.state is EntryState.DUE:
        reason = reasons.used_up(
            channel, outlook, limit=limit, deadline=deadline, zone=zone
        )
        return replace(entry, state=EntryState.MISSED, reason=reason)
    reason = reasons.too_slow(
        channel,
        outlook,
        limit=limit,
        count=entry.recipients,
        start=start,
        deadline=deadline,
        zone=zone,
    )
    return replace(entry, reason=reason)


def _queue(channel: str, situation: Situation) -> Queue:
    """Return a channel's line as it stands now."""
    snapshot = situation.snapshot
    speed = situation.speeds.get(channel, Speed())
    queue = Queue(speed=speed, now=situation.now)
    queue.remember(snapshot.spent.get(channel, ()))
    queue.join(snapshot.waiting.get(channel, 0), situation.now)
    return queue
