"""
What the ledger remembers: editions, facts, words, recipients, decisions, suppressions.

Statements for one edition or one address at a time; a wave's are in `claiming`.
"""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import given, listed, upsert
from tambour.ledger.queries.steps import has_reached, is_busy, state, word
from tambour.ledger.schema import (
    Instant,
    audience_size,
    content,
    decision,
    delivery,
    edition,
    meta,
    part,
    staged_content,
    staged_delivery,
    suppression,
    told,
)
from tambour.ledger.states import ENDS
from tambour.model import Decision, DeliveryState

# ── Meta ────────────────────────────────────────────────────────────────────────

GET_META = sa.select(meta.c.value).where(meta.c.key == sa.bindparam("name"))
"""One of the ledger's own notes."""

SET_META = sa.insert(meta)
"""Keep a note that is not there yet."""

# ── Snapshot ────────────────────────────────────────────────────────────────────

_is_open = sa.exists().where(part.c.edition == edition.c.id, part.c.open)

EDITIONS = sa.select(
    edition.c.id,
    # Only compared with what they were: reading them would take the most time.
    sa.type_coerce(edition.c.frozen_at, sa.types.NullType()),
    sa.type_coerce(edition.c.deadline, sa.types.NullType()),
    decision.c.decision,
    _is_open.label("open"),
).outerjoin(decision, decision.c.edition == edition.c.id)
"""Of every frozen edition what may change, and when it was frozen."""

WHOLE_EDITIONS = (
    sa.select(edition, decision.c.decision, _is_open.label("open"))
    .outerjoin(decision, decision.c.edition == edition.c.id)
    .where(edition.c.id.in_(listed("editions")))
)
"""Some editions, what was decided about them, and whether some of each is open."""

TOLD_BY = (
    sa.select(told.c.edition, told.c.facts)
    .where(told.c.edition.in_(listed("editions")))
    .order_by(told.c.edition, told.c.position)
)
"""What some editions tell, in their order."""

AUDIENCE_SIZES = sa.select(audience_size.c.audience, audience_size.c.size)
"""How many people the last edition frozen for each audience had."""

DECISIONS = sa.select(
    decision.c.edition,
    decision.c.decision,
    decision.c.reason,
    decision.c.decided_at,
)
"""What was decided when and why, also about editions that are not frozen yet."""

# ── Freezing ────────────────────────────────────────────────────────────────────

FREEZE_EDITION = upsert(edition).on_conflict_do_nothing()
"""Freeze an edition, once."""

FREEZE_FACTS = sa.insert(told)
"""Keep what an edition tells of one event."""

STAGE_CONTENT = sa.insert(staged_content)
"""Set words aside, to be frozen with all the others."""

_PERSON = ("address", "recipient", "name", "language", "fields")
_people = given("people", content=sa.Integer(), **dict.fromkeys(_PERSON, sa.Text()))
STAGE_DELIVERIES = sa.insert(staged_delivery).from_select(
    ["content", *_PERSON], sa.select(_people)
)
"""Set recipients aside, to be frozen with all the others."""

FREEZE_PARTS = sa.insert(part).from_select(
    ["edition", "channel", "recipients", "open"],
    sa.select(
        sa.bindparam("b_edition"), staged_content.c.channel, sa.literal(0), sa.true()
    ).distinct(),
)
"""Open each channel's part of an edition; its recipients are counted at the end."""

LAST_CONTENT = sa.select(sa.func.coalesce(sa.func.max(content.c.id), 0))
"""The highest number given so far; ours alone within a write transaction."""

_staged_part = sa.and_(
    part.c.edition == sa.bindparam("b_edition"),
    part.c.channel == staged_content.c.channel,
)
_frozen_content = staged_content.c.id + sa.bindparam("b_last", type_=sa.Integer)
_WORDS = ("audience", "language", "address", "rendered", "payload")
FREEZE_CONTENTS = sa.insert(content).from_select(
    ["id", "part", *_WORDS],
    sa.select(
        _frozen_content, part.c.id, *(staged_content.c[name] for name in _WORDS)
    ).join(part, _staged_part),
)
"""Keep words that some deliveries share, or that are one person's own."""

_has_left = sa.exists().where(
    suppression.c.address == staged_delivery.c.address,
    suppression.c.audience.in_(["", staged_content.c.audience]),
)


def _freeze_deliveries(*which: sa.ColumnElement[bool]) -> sa.Executable:
    frozen = upsert(delivery).from_select(
        ["part", "content", *_PERSON, "state", "next_try", "at"],
        sa.select(
            part.c.id,
            _frozen_content,
            *(staged_delivery.c[name] for name in _PERSON),
            sa.case(
                (_has_left, DeliveryState.SUPPRESSED.value),
                else_=DeliveryState.PLANNED.value,
            ),
            sa.case((_has_left, sa.null()), else_=sa.bindparam("b_due", type_=Instant)),
            sa.bindparam("b_now", type_=Instant),
        )
        .join(staged_content, staged_content.c.id == staged_delivery.c.content)
        .join(part, _staged_part)
        # Without a WHERE, SQLite would take ON CONFLICT for part of the join.
        .where(sa.true(), *which)
        .order_by(staged_delivery.c.id),
    )
    return frozen.on_conflict_do_update(
        index_elements=["part", "address"],
        set_={
            name: frozen.excluded[name]
            for name in (*_PERSON, "content", "state", "next_try")
        },
        where=sa.and_(
            delivery.c.state == DeliveryState.SUPPRESSED.value,
            frozen.excluded.state == DeliveryState.PLANNED.value,
        ),
    )


FREEZE_DELIVERIES = _freeze_deliveries()
"""
Freeze each recipient, suppressed if the address left the audience; a repeated address
is one delivery, and an audience it has not left wins over one it has.
"""

_earlier = delivery.alias("earlier")
_earlier_part = part.alias("earlier_part")
FREEZE_UNREACHED = _freeze_deliveries(
    ~sa.exists()
    .where(
        _earlier_part.c.edition.in_(listed("earlier")),
        _earlier_part.c.channel == staged_content.c.channel,
        _earlier.c.part == _earlier_part.c.id,
        _earlier.c.address == staged_delivery.c.address,
        has_reached(_earlier),
    )
    .correlate(staged_content, staged_delivery)
)
"""The same, but whom earlier editions have reached by the same channel is left out."""

IS_ON_THE_WIRE = (
    sa.select(delivery.c.id)
    .where(
        delivery.c.part.in_(
            sa.select(part.c.id).where(part.c.edition.in_(listed("earlier")))
        ),
        is_busy,
        state == word(DeliveryState.IN_FLIGHT),
    )
    .limit(1)
)
"""Whether the answer is still to come for something of some editions."""

_lying = (
    sa.select(
        delivery.c.part,
        sa.func.count().label("recipients"),
        sa.func.min(delivery.c.id).label("first"),
        sa.func.max(delivery.c.id).label("last"),
    )
    .where(
        delivery.c.part.in_(
            sa.select(part.c.id).where(part.c.edition == sa.bindparam("b_edition"))
        )
    )
    .group_by(delivery.c.part)
    .subquery("lying")
)
COUNT_RECIPIENTS = (
    sa.update(part)
    .where(part.c.id == _lying.c.part)
    .values({name: _lying.c[name] for name in ("recipients", "first", "last")})
)
"""Write down how many recipients were frozen, to add up to, and where they lie."""

NOTE_AUDIENCE_SIZE = upsert(audience_size)
NOTE_AUDIENCE_SIZE = NOTE_AUDIENCE_SIZE.on_conflict_do_update(
    index_elements=["audience"], set_={"size": NOTE_AUDIENCE_SIZE.excluded.size}
)
"""Remember an audience's size, for the next edition to be compared with."""

# ── A person's decisions ────────────────────────────────────────────────────────

IS_FROZEN = sa.select(edition.c.id).where(edition.c.id == sa.bindparam("b_edition"))
"""Whether there is such an edition."""

DECIDE = upsert(decision)
DECIDE = DECIDE.on_conflict_do_update(
    index_elements=["edition"],
    set_={
        "decision": DECIDE.excluded.decision,
        "decided_at": DECIDE.excluded.decided_at,
        "reason": "",
    },
    where=sa.and_(
        decision.c.decision != word(Decision.SUPERSEDE),
        sa.or_(
            DECIDE.excluded.decision != word(Decision.SUPERSEDE),
            decision.c.decision.not_in([word(one) for one in ENDS]),
        ),
    ),
)
"""
Keep the latest decision about an edition, frozen or not.

What is superseded stays so, for its next revision may have been sent. What is cancelled
cannot be superseded: another revision would be sent after all.
"""

DECIDED = sa.select(decision.c.decision).where(
    decision.c.edition == sa.bindparam("b_edition")
)
"""What was decided about an edition."""

# ── Suppressions ────────────────────────────────────────────────────────────────

SUPPRESS = upsert(suppression).on_conflict_do_nothing()
"""Remember that an address must not be mailed; the first reason stays."""

UNSUPPRESS = sa.delete(suppression).where(
    suppression.c.address == sa.bindparam("address"),
    suppression.c.audience == sa.bindparam("audience"),
)
"""Forget a suppression."""

SUPPRESSIONS = sa.select(suppression).order_by(
    suppression.c.address, suppression.c.audience
)
"""Every suppressed address."""
