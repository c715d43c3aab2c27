"""Questions about deliveries: the history, and whether its numbers add up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tambour.ledger.queries.dialect import listed
from tambour.ledger.queries.steps import is_waiting
from tambour.ledger.schema import (
    Instant,
    delivery,
    edition,
    part,
    told,
)
from tambour.model import DeliveryState

# ── History ─────────────────────────────────────────────────────────────────────

_only_event = (
    sa.select(sa.func.min(told.c.event))
    .where(told.c.edition == edition.c.id)
    .having(sa.func.count() == 1)
    .scalar_subquery()
)
DELIVERIES = (
    sa.select(
        part.c.edition,
        edition.c.campaign,
        _only_event.label("event"),
        part.c.channel,
        delivery.c.recipient,
        delivery.c.state,
        delivery.c.attempts,
        delivery.c.code,
        delivery.c.reply,
        delivery.c.message_id,
        delivery.c.at,
        delivery.c.next_try,
    )
    .join(part, part.c.id == delivery.c.part)
    .join(edition, edition.c.id == part.c.edition)
    .order_by(edition.c.due, part.c.edition, delivery.c.id)
)
"""Every delivery, the oldest edition first; filtered by the three that follow."""

OF_EDITION = part.c.edition == sa.bindparam("edition")
OF_ADDRESS = delivery.c.address == sa.bindparam("address")
OF_EVENT = sa.exists().where(
    told.c.edition == edition.c.id, told.c.event == sa.bindparam("event")
)


def _counts(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    tally = (
        sa.select(part.c.id, delivery.c.state, sa.func.count().label("number"))
        .where(
            delivery.c.id.between(part.c.first, part.c.last),
            # Expressions, which no index is about: see `schema.part`.
            delivery.c.part + 0 == part.c.id + 0,
            *which,
        )
        .group_by(part.c.id, delivery.c.state)
        .subquery("tally")
    )
    return (
        sa.select(
            part.c.edition,
            edition.c.campaign,
            part.c.channel,
            part.c.recipients,
            tally.c.state,
            tally.c.number,
        )
        .join_from(tally, part, part.c.id == tally.c.id)
        .join(edition, edition.c.id == part.c.edition)
        .order_by(edition.c.due, part.c.edition, part.c.channel)
    )


COUNTS = _counts()
"""How many recipients of each part are in each state."""

COUNTS_OF = _counts(part.c.edition.in_(listed("editions")))
"""The same of some editions; costs as many rows as these have."""

PUT_OFF = (
    sa.select(part.c.edition, delivery.c.code, delivery.c.reply)
    .join_from(part, delivery, delivery.c.part == part.c.id)
    .where(
        part.c.edition.in_(listed("editions")),
        delivery.c.state == DeliveryState.DEFERRED,
    )
    .group_by(part.c.edition, delivery.c.code, delivery.c.reply)
    .order_by(part.c.edition, delivery.c.code != "lost", sa.func.count())
)
"""
What put deliveries of some editions off, the most frequent answer last.

Those whose turn never came know the least about it.
"""

NEXT_DUE = (
    sa.select(sa.func.min(delivery.c.next_try))
    .join_from(part, delivery, delivery.c.part == part.c.id)
    .where(
        part.c.open,
        is_waiting,
        delivery.c.next_try > sa.bindparam("after", type_=Instant),
    )
)
"""When the first try is due of those that are to come."""
