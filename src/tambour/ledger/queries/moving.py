"""Moving deliveries other than by a wave: after a crash, put off, as people decide."""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import listed
from tambour.ledger.queries.steps import (
    after,
    after_unsent,
    is_among,
    is_busy,
    is_waiting,
    now,
    state,
    word,
)
from tambour.ledger.schema import Instant, decision, delivery, edition, part
from tambour.ledger.states import ENDS, Step, sources
from tambour.model import Decision, DeliveryState

_still_open = sa.or_(
    sa.exists().where(delivery.c.part == part.c.id, is_waiting),
    sa.exists().where(delivery.c.part == part.c.id, is_busy),
)

# ── Recovering ──────────────────────────────────────────────────────────────────

RELEASE_LEASED = (
    sa.update(delivery)
    .where(is_busy, state == word(DeliveryState.LEASED))
    .values(state=after_unsent(Step.RELEASE), at=now)
)
"""Give back what a dead process had leased: it was certainly not sent."""

_is_held_channel = delivery.c.part.in_(
    sa.select(part.c.id).where(part.c.channel.in_(listed("hold")))
)
LOSE_IN_FLIGHT = (
    sa.update(delivery)
    .where(is_busy, state == word(DeliveryState.IN_FLIGHT))
    .values(
        state=after(Step.LOSE),
        doubts=delivery.c.doubts + 1,
        next_try=sa.case((_is_held_channel, sa.null()), else_=now),
        code="interrupted",
        reply="",
        at=now,
    )
)
"""Doubt what a dead process had in flight; due at once, unless its channel holds."""

CLOSE_DRAINED = (
    sa.update(part)
    .where(
        part.c.open,
        sa.or_(
            part.c.channel == sa.bindparam("b_channel"),
            part.c.edition == sa.bindparam("b_edition"),
        ),
        ~_still_open,
    )
    .values(open=False, closings=part.c.closings + 1)
)
"""Close the parts, of a channel or of an edition, that have nothing left to try."""


def postpone(which: sa.ColumnElement[bool]) -> sa.Update:
    """Put off what is due on a channel that cannot be opened; costs no attempt."""
    in_channel = sa.select(part.c.id).where(
        part.c.channel == sa.bindparam("b_channel"), part.c.open
    )
    return (
        sa.update(delivery)
        .where(
            delivery.c.part.in_(in_channel),
            delivery.c.next_try <= sa.bindparam("by", type_=Instant),
            which,
        )
        .values(
            state=after_unsent(Step.POSTPONE),
            code=sa.bindparam("b_code"),
            reply=sa.bindparam("b_reply"),
            next_try=sa.bindparam("until", type_=Instant),
            at=now,
        )
    )


POSTPONE = (
    postpone(is_waiting),
    postpone(sa.and_(is_busy, state == word(DeliveryState.LEASED))),
)
"""Put off all that is due; in two statements, for each has an index of its own."""

# ── A person's decisions ────────────────────────────────────────────────────────

_in_edition = delivery.c.part.in_(
    sa.select(part.c.id).where(part.c.edition == sa.bindparam("b_edition"))
)

RETRY = (
    sa.update(delivery)
    .where(_in_edition, is_among(sources(Step.RETRY)))
    .values(state=after(Step.RETRY), next_try=now, at=now)
)
"""Try again, now, what failed, was put off, or is in doubt."""

REOPEN = (
    sa.update(part)
    .where(
        part.c.edition == sa.bindparam("b_edition"),
        _still_open,
    )
    .values(open=True)
)
"""Open the parts that have something to try again."""

BRING_FORWARD = (
    sa.update(edition)
    .where(
        edition.c.id == sa.bindparam("b_edition"),
        sa.or_(
            edition.c.deadline.is_(None),
            edition.c.deadline > sa.bindparam("deadline", type_=Instant),
        ),
    )
    .values(deadline=sa.bindparam("deadline", type_=Instant))
)
"""Bring an edition's deadline forward; it is never put off."""


def _end(step: Step, which: sa.ColumnElement[bool]) -> sa.Update:
    return (
        sa.update(delivery)
        .where(which, is_waiting)
        .values(state=after_unsent(step), next_try=sa.null(), at=now)
    )


END_EDITION = {one: _end(step, _in_edition) for one, step in ENDS.items()}
"""End what waits; what is leased just now meets the decision when it is claimed."""

END_REMAINS = tuple(
    _end(
        step,
        delivery.c.part.in_(
            sa.select(part.c.id)
            .join(decision, decision.c.edition == part.c.edition)
            .where(
                part.c.open,
                part.c.channel == sa.bindparam("b_channel"),
                decision.c.decision.in_(
                    [word(one) for one, end in ENDS.items() if end is step]
                ),
            )
        ),
    )
    for step in dict.fromkeys(ENDS.values())
)
"""End what was in flight when its edition was, and would be tried again later."""

_due = (
    sa.select(edition.c.due)
    .where(edition.c.id == sa.bindparam("b_edition"))
    .scalar_subquery()
)
_is_on_hold = sa.exists().where(
    decision.c.edition == sa.bindparam("b_edition"),
    decision.c.decision == word(Decision.HOLD),
)
HASTEN = (
    sa.update(delivery)
    .where(
        _in_edition,
        is_waiting,
        delivery.c.next_try > now,
        sa.or_(
            state == word(DeliveryState.PLANNED),
            sa.and_(state == word(DeliveryState.DEFERRED), _is_on_hold),
        ),
    )
    .values(next_try=sa.case((_due > now, _due), else_=now))
)
"""
Make due what an edition that is being approved waits for: the time to stop it, and what
was put off while it was on hold. Nothing is due before the edition is.
"""
