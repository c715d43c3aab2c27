"""
The plan: every edition to come, and why some will not.

A pure function of what was read and of `now`; calling it twice gives the same plan,
and calling it after the ledger learned of the first gives nothing new to send. Each
kind of edition has a room of its own that is handed the same `Situation`. Corrections
come first: reminders give way to them.
Source: vdirsyncer's and reader's separation of deciding from doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tambour.model import (
    Campaign,
    Entry,
    EntryState,
    Event,
    Limits,
    Plan,
    Reason,
    Site,
    Snapshot,
    Speed,
)
from tambour.planning.corrections import correction_entries
from tambour.planning.digests import digest_entries
from tambour.planning.reminders import reminder_entries
from tambour.planning.situation import Situation, dated_events
from tambour.planning.timely import in_time
from tambour.planning.vanishing import standing_of


def make_plan(
    *,
    events: Sequence[Event],
    campaigns: Sequence[Campaign],
    recipients: Mapping[str, int],
    snapshot: Snapshot,
    site: Site,
    limits: Limits,
    now: datetime,
    until: datetime,
    speeds: Mapping[str, Speed] | None = None,
    vanished: Sequence[Event] = (),
) -> Plan:
    """
    Return what is due at *now*, what is planned by *until*, and what will not leave.

    Args:
        recipients: how many people each audience has now, by its name.
        until: bounds what is listed; what is due at *now* does not depend on it.
        speeds: how fast each channel may send, by its name; others at once.
        vanished: the last good state of what was there and is not any more.

    Raises:
        ValueError: *now* or *until* has no zone.

    """
    if now.tzinfo is None or until.tzinfo is None:
        msg = "now and until need a zone"
        raise ValueError(msg)
    now = now.astimezone(UTC)
    situation = Situation(
        dated=dated_events((*events, *vanished)),
        standing=standing_of(events, vanished, snapshot),
        campaigns=tuple(campaigns),
        recipients=recipients,
        speeds=speeds or {},
        snapshot=snapshot,
        site=site,
        limits=limits,
        now=now,
        horizon=max(now, until.astimezone(UTC)),
    )
    corrections = correction_entries(situation)
    entries = [one for one in corrections if one.due <= situation.horizon]
    entries += reminder_entries(corrections, situation)
    entries += digest_entries(situation)
    judged = in_time(sorted(entries, key=_order), situation)
    return Plan(now=now, entries=tuple(_unless_stopped(judged, snapshot.stop)))


def _unless_stopped(entries: Iterable[Entry], stop: Reason | None) -> Iterator[Entry]:
    """Let nothing leave as long as there is a reason to stop everything."""
    for entry in entries:
        if stop is not None and entry.state is EntryState.DUE:
            yield replace(entry, state=EntryState.HELD, reason=stop)
        else:
            yield entry


def _order(entry: Entry) -> tuple[datetime, str, str, str]:
    target = entry.target
    return entry.due, entry.edition, target.channel, target.audience or ""
