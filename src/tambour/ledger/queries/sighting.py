"""What was seen of events and campaigns: when first, and how they last were."""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import listed, upsert
from tambour.ledger.schema import (
    Instant,
    campaign_seen,
    event_good,
    event_seen,
    part,
    told,
)

EVENTS_SEEN = sa.select(event_seen.c.event, event_seen.c.first_seen)
"""When each event was first seen."""

CAMPAIGNS_SEEN = sa.select(campaign_seen.c.campaign, campaign_seen.c.first_seen)
"""When each campaign was first seen."""

_is_being_told = event_seen.c.event.in_(
    sa.select(told.c.event)
    .join(part, part.c.edition == told.c.edition)
    .where(part.c.open)
)
KNOWN = sa.select(
    event_seen.c.event,
    event_seen.c.source,
    event_seen.c.path,
    event_seen.c.facts,
    event_seen.c.changed_at,
    event_seen.c.missing,
).where(
    event_seen.c.facts.is_not(None),
    sa.or_(
        event_seen.c.starts_at >= sa.bindparam("since", type_=Instant), _is_being_told
    ),
)
"""The events that start later than that, or of which somebody is being told."""

REMEMBERED = (
    sa.select(
        event_seen.c.event,
        event_seen.c.facts,
        event_seen.c.changed_at,
        event_seen.c.missing,
        event_good.c.good,
    )
    .outerjoin(event_good, event_good.c.event == event_seen.c.event)
    .where(event_seen.c.event.in_(listed("events")))
)
"""How some events last were."""

LAST_GOOD = sa.select(event_good).where(event_good.c.event.in_(listed("events")))
"""Some events as they were last well read."""

NOTE_EVENT = upsert(event_seen)
NOTE_EVENT = NOTE_EVENT.on_conflict_do_update(
    index_elements=["event"],
    set_={"missing": 0},
    where=event_seen.c.missing > 0,
)
"""Remember when an event was first seen, and that it is there."""

_kept = upsert(event_seen)
_farthest = sa.case(
    (event_seen.c.starts_at > _kept.excluded.starts_at, event_seen.c.starts_at),
    else_=_kept.excluded.starts_at,
)
KEEP_EVENT = _kept.on_conflict_do_update(
    index_elements=["event"],
    set_={
        name: _kept.excluded[name]
        for name in ("source", "path", "facts", "changed_at", "missing")
    }
    | {"starts_at": _farthest},
)
"""
Remember how an event is, and the latest start that it ever had.

What a wrong year puts into the past must be known until those told of it have gone.
"""

_good = upsert(event_good)
KEEP_GOOD = _good.on_conflict_do_update(
    index_elements=["event"], set_={"good": _good.excluded.good}
)
"""Keep the whole of an event that was well read."""

NOTE_MISSING = (
    sa.update(event_seen)
    .where(event_seen.c.event.in_(listed("events")))
    .values(missing=event_seen.c.missing + 1)
)
"""Count a scan that should have found some events, and did not."""

NOTE_CAMPAIGN = upsert(campaign_seen).on_conflict_do_nothing()
"""Remember when a campaign was first seen."""
