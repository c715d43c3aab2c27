"""
What was seen of the events of the world, and of campaigns: how they last were.

An event that was well read is kept as a whole, so that announcements go on from it when
its file breaks. Knows neither files nor what a change means for readers; which event is
which is for `planning.identity` to say. Every method raises `LedgerError` when the file
cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tambour.ledger.database import Database
from tambour.ledger.frozen import dump_event, dump_facts, load_event, load_facts
from tambour.ledger.queries import keeping, notes, sighting
from tambour.ledger.queries.dialect import in_text
from tambour.model import Event, EventId, EventStatus, KnownEvent

Row = sa.Row[*tuple[Any, ...]]

_SIGHTED = "sighted"
_PRECISION = timedelta(minutes=1)
"""How far the note of the last sighting may lag, so that idle ticks write nothing."""
_PAST = timedelta(days=2)
_STRIDE = 1000


class Sightings:
    """The events and campaigns that the ledger has seen."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Only one process at a time notes what it sees, so that what it noted itself
        # need not be read again.
        self._noted: dict[EventId, Event] = {}
        self._noted_at: datetime | None = None

    def note(
        self,
        events: Iterable[Event],
        campaigns: Iterable[str],
        now: datetime,
        *,
        missing: Iterable[EventId] = (),
    ) -> None:
        """
        Remember *events* that are there, and count that *missing* ones were not found.

        One that has an error, or no start, stays as it was. Facts are taken to be what
        they are since the event was modified, if the last sighting allows that.
        """
        there = tuple(events)
        fresh = [event for event in there if self._noted.get(event.id) != event]
        lost = list(missing)
        read = [{"campaign": name, "first_seen": now} for name in campaigns]
        with self._database.write() as connection:
            last = sighted_at(connection)
            since = max(filter(None, (last, self._noted_at)), default=None)
            for start in range(0, len(fresh), _STRIDE):
                stride = fresh[start : start + _STRIDE]
                _note(connection, stride, since=since, now=now)
            if read:
                connection.execute(sighting.NOTE_CAMPAIGN, read)
            if lost:
                connection.execute(sighting.NOTE_MISSING, {"events": in_text(lost)})
            if last is None or not timedelta() <= now - last < _PRECISION:
                note = {"key": _SIGHTED, "value": now.isoformat()}
                connection.execute(notes.KEEP_NOTE, note)
        self._noted = {event.id: event for event in there}
        self._noted_at = now

    def last_good(self, events: Iterable[EventId]) -> dict[EventId, Event]:
        """Return events as they were last well read, as far as they ever were."""
        where = {"events": in_text(list(events))}
        with self._database.read() as connection:
            rows = connection.execute(sighting.LAST_GOOD, where)
            return {EventId(row.event): load_event(row.good) for row in rows}


def sighted_at(connection: sa.Connection) -> datetime | None:
    """Return when the ledger was last told what is there, to a minute."""
    text = connection.execute(keeping.GET_META, {"name": _SIGHTED}).scalar()
    return None if text is None else datetime.fromisoformat(text)


def known_events(connection: sa.Connection) -> dict[EventId, KnownEvent]:
    """Return the events that were not past when they were last looked for."""
    sighted = sighted_at(connection)
    if sighted is None:
        return {}
    rows = connection.execute(sighting.KNOWN, {"since": sighted - _PAST})
    return {
        EventId(event): KnownEvent(
            id=EventId(event),
            source=source,
            path=path,
            facts=load_facts(facts),
            changed_at=changed_at,
            missing=missing,
        )
        for event, source, path, facts, changed_at, missing in rows
    }


def _note(
    connection: sa.Connection,
    events: Sequence[Event],
    *,
    since: datetime | None,
    now: datetime,
) -> None:
    where = {"events": in_text([event.id for event in events])}
    rows = {row.event: row for row in connection.execute(sighting.REMEMBERED, where)}
    seen, kept, good = [], [], []
    for event in events:
        known = rows.get(event.id)
        if event.start is None or event.status is EventStatus.HELD:
            seen.append({"event": event.id, "first_seen": now, "missing": 0})
            continue
        text = dump_event(event)
        if known is None or known.missing or known.good != text:
            changed_at = _changed_at(event, known, since=since, now=now)
            kept.append(_seen_row(event, changed_at=changed_at, now=now))
            good.append({"event": event.id, "good": text})
    for query, values in (
        (sighting.NOTE_EVENT, seen),
        (sighting.KEEP_EVENT, kept),
        (sighting.KEEP_GOOD, good),
    ):
        if values:
            connection.execute(query, values)


def _seen_row(event: Event, *, changed_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "event": event.id,
        "first_seen": now,
        "source": event.source,
        "path": event.path,
        "facts": dump_facts(event.facts()),
        "starts_at": event.start,
        "changed_at": changed_at,
        "missing": 0,
    }


def _changed_at(
    event: Event, known: Row | None, *, since: datetime | None, now: datetime
) -> datetime:
    """
    Return since when an event's facts are what they are.

    A file may bring along an old date, from another machine or out of an archive: what
    the last sighting has not seen was not there yet.
    """
    if known is not None and known.facts is not None:
        stands_since: datetime = known.changed_at
        if not load_facts(known.facts).changes(event.facts()):
            return stands_since
    modified = event.modified
    if modified is None or since is None or not since <= modified <= now:
        return now
    return modified
