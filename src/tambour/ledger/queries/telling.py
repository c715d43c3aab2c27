"""
Who was last told what of an event.

Parts and contents are numbered in the order of freezing, so that the highest number is
the last. A reader's last content is found without looking at words.
"""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import listed
from tambour.ledger.queries.steps import has_reached, word
from tambour.ledger.schema import content, decision, delivery, edition, part, told
from tambour.model import Decision

_was_stopped = sa.exists().where(
    decision.c.edition == edition.c.id,
    decision.c.decision.in_([word(Decision.SUPERSEDE), word(Decision.WITHDRAW)]),
)
PARTS = (
    sa.select(
        told.c.event,
        told.c.facts,
        edition.c.id.label("edition"),
        edition.c.campaign,
        edition.c.kind,
        part.c.id.label("part"),
        part.c.channel,
        part.c.closings,
        _was_stopped.label("stopped"),
    )
    .join_from(told, edition, edition.c.id == told.c.edition)
    .join(part, part.c.edition == edition.c.id)
    .where(told.c.event.in_(listed("events")))
    .order_by(part.c.id)
)
"""All that some events were told by, in the order of freezing, and if it stopped."""

_last = (
    sa.select(sa.func.max(delivery.c.content).label("content"))
    .select_from(part)
    .join(
        delivery,
        sa.and_(
            delivery.c.id.between(part.c.first, part.c.last),
            # Expressions, which no index is about: see `schema.part`.
            delivery.c.part + 0 == part.c.id + 0,
        ),
    )
    .where(part.c.id.in_(listed("parts")), has_reached(delivery))
    .group_by(delivery.c.address)
    .subquery("last")
)
_tally = (
    sa.select(_last.c.content, sa.func.count().label("number"))
    .group_by(_last.c.content)
    .subquery("tally")
)
LAST_REACHED = (
    sa.select(
        content.c.part, content.c.audience, sa.func.sum(_tally.c.number).label("number")
    )
    .join_from(_tally, content, content.c.id == _tally.c.content)
    .group_by(content.c.part, content.c.audience)
    .order_by(content.c.part, content.c.audience)
)
"""How many readers the parts of one channel reached, each by the last one for them."""

_asked = listed("addresses").subquery("asked")
_last_of = (
    sa.select(_asked.c.value, sa.func.max(delivery.c.content).label("content"))
    .join_from(_asked, delivery, delivery.c.address == _asked.c.value)
    .where(delivery.c.part.in_(listed("parts")), has_reached(delivery))
    .group_by(_asked.c.value)
    .subquery("last")
)
LAST_OF = sa.select(_last_of.c.value, content.c.part, content.c.audience).join_from(
    _last_of, content, content.c.id == _last_of.c.content
)
"""By which part of a channel each of some addresses was last reached."""
