"""
Moving deliveries from state to state, as the transition table says and not otherwise.

Each update's new state is computed from the old one by the table in `states`, and it
touches no row in a state from which the table has no arrow.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from tambour.ledger.schema import (
    Instant,
    content,
    decision,
    delivery,
    edition,
    part,
    suppression,
)
from tambour.ledger.states import BUSY, WAITING, Step, sources
from tambour.model import Decision, DeliveryState

_state = delivery.c.state


def _is_among(states: Iterable[DeliveryState]) -> sa.ColumnElement[bool]:
    # Written into the SQL: SQLite uses an index on some states for literals only.
    return _state.in_([sa.literal_column(f"'{state.value}'") for state in states])


def _after(step: Step) -> sa.ColumnElement[str]:
    """Return where *step* leads from a row's state, as the table says."""
    arrows = sources(step)
    if len(set(arrows.values())) == 1:
        return sa.literal(next(iter(arrows.values())).value)
    return sa.case({a.value: b.value for a, b in arrows.items()}, value=_state)


def _after_unsent(step: Step) -> sa.ColumnElement[str]:
    """As `_after`, but a row that was ever in doubt is uncertain (see `states`)."""
    return sa.case((delivery.c.doubts > 0, _after(Step.LOSE)), else_=_after(step))


def _ids() -> sa.BindParameter[list[int]]:
    return sa.bindparam("ids", expanding=True)


def _now() -> sa.BindParameter[object]:
    return sa.bindparam("now", type_=Instant)


# ── Recovering ──────────────────────────────────────────────────────────────────

RELEASE_LEASED = (
    sa.update(delivery)
    .where(_is_among(BUSY), _state == DeliveryState.LEASED.value)
    .values(state=_after_unsent(Step.RELEASE), at=_now())
)
"""Give back what a dead process had leased: it was certainly not sent."""

_is_held_channel = delivery.c.part.in_(
    sa.select(part.c.id).where(part.c.channel.in_(sa.bindparam("hold", expanding=True)))
)
LOSE_IN_FLIGHT = (
    sa.update(delivery)
    .where(_is_among(BUSY), _state == DeliveryState.IN_FLIGHT.value)
    .values(
        state=_after(Step.LOSE),
        doubts=delivery.c.doubts + 1,
        next_try=sa.case((_is_held_channel, sa.null()), else_=_now()),
        code="interrupted",
        reply="",
        at=_now(),
    )
)
"""Doubt what a dead process had in flight; due at once, unless its channel holds."""

# ── Claiming ────────────────────────────────────────────────────────────────────

_is_due = sa.exists().where(
    delivery.c.part == part.c.id,
    delivery.c.next_try <= sa.bindparam("by", type_=Instant),
    _is_among(WAITING),
)
_is_on_hold = sa.exists().where(
    decision.c.edition == part.c.edition, decision.c.decision == Decision.HOLD.value
)

DUE_EDITIONS = (
    sa.select(part.c.edition).where(part.c.open, _is_due, ~_is_on_hold).distinct()
)
"""Every edition that has something to send."""

DUE_PARTS = (
    sa.select(part.c.id)
    .join(edition, edition.c.id == part.c.edition)
    .where(part.c.channel == sa.bindparam("channel"), part.c.open)
    .where(_is_due, ~_is_on_hold)
    .order_by(
        edition.c.deadline.is_(None), edition.c.deadline, edition.c.due, part.c.id
    )
)
"""A channel's open parts that have something to send, the most urgent first."""

PICK = (
    sa.select(delivery.c.id)
    .where(
        delivery.c.part == sa.bindparam("part"),
        delivery.c.next_try <= sa.bindparam("by", type_=Instant),
        _is_among(WAITING),
    )
    .order_by(delivery.c.next_try, delivery.c.id)
    .limit(sa.bindparam("limit"))
)
"""The next deliveries of a part."""

_has_left = sa.exists().where(
    suppression.c.address == delivery.c.address,
    suppression.c.audience.in_(["", content.c.audience]),
)
_objection = sa.case(
    (
        decision.c.decision.in_([Decision.CANCEL.value, Decision.WITHDRAW.value]),
        Step.CANCEL.value,
    ),
    (_has_left, Step.SUPPRESS.value),
    (edition.c.deadline <= _now(), Step.EXPIRE.value),
    (decision.c.decision == Decision.HOLD.value, Step.RELEASE.value),
)
OBJECTIONS = (
    sa.select(delivery.c.id, _objection.label("step"))
    .join(part, part.c.id == delivery.c.part)
    .join(edition, edition.c.id == part.c.edition)
    .join(content, content.c.id == delivery.c.content)
    .outerjoin(decision, decision.c.edition == edition.c.id)
    .where(delivery.c.id.in_(_ids()), _objection.is_not(None))
)
"""Which of some deliveries must not leave now, as people and time have it."""


def end(step: Step) -> sa.Update:
    """End deliveries, or give them back (RELEASE), without a try in this claim."""
    values: dict[str, object] = {"state": _after_unsent(step), "at": _now()}
    if step is not Step.RELEASE:
        values["next_try"] = sa.null()
    return (
        sa.update(delivery)
        .where(delivery.c.id.in_(_ids()), _is_among(sources(step)))
        .values(values)
    )


LEASE = (
    sa.update(delivery)
    .where(
        delivery.c.id.in_(_ids()),
        _is_among(sources(Step.LEASE)),
    )
    .values(state=_after(Step.LEASE))
)
"""Lease deliveries for the next wave; their due time stays, should they be released."""

LEASED = (
    sa.select(
        delivery,
        part.c.channel,
        part.c.edition,
        edition.c.campaign,
        edition.c.kind,
        edition.c.deadline,
        content.c.audience,
    )
    .join(part, part.c.id == delivery.c.part)
    .join(edition, edition.c.id == part.c.edition)
    .join(content, content.c.id == delivery.c.content)
    .where(delivery.c.id.in_(_ids()), _state == DeliveryState.LEASED.value)
    .order_by(delivery.c.next_try, delivery.c.id)
)
"""What a message is made of, for each leased delivery."""

CONTENTS = sa.select(content).where(content.c.id.in_(_ids()))
"""Frozen words by number."""

# ── The wave commit ─────────────────────────────────────────────────────────────

INTEND = (
    sa.update(delivery)
    .where(
        delivery.c.id == sa.bindparam("b_id"),
        _is_among(sources(Step.INTEND)),
    )
    .values(
        state=_after(Step.INTEND),
        attempts=delivery.c.attempts + 1,
        message_id=sa.bindparam("b_message_id"),
        at=sa.bindparam("b_at", type_=Instant),
    )
)
"""Commit the intent to transmit a leased delivery; this is its next attempt."""

GRANTED = sa.select(delivery.c.id).where(
    delivery.c.id.in_(_ids()), _state == DeliveryState.IN_FLIGHT.value
)
"""Which intents were committed."""


def record(step: Step) -> sa.Update:
    """Record what became of an intent; what is no longer in flight stays as it is."""
    is_unsent = step in (Step.EXPIRE, Step.POSTPONE)
    return (
        sa.update(delivery)
        .where(
            delivery.c.id == sa.bindparam("b_id"),
            _state == DeliveryState.IN_FLIGHT.value,
        )
        .values(
            state=_after_unsent(step) if is_unsent else _after(step),
            doubts=delivery.c.doubts + (1 if step is Step.LOSE else 0),
            code=sa.bindparam("b_code"),
            reply=sa.bindparam("b_reply"),
            next_try=sa.bindparam("b_next_try", type_=Instant),
            at=sa.bindparam("b_at", type_=Instant),
        )
    )


RELEASE = (
    sa.update(delivery)
    .where(delivery.c.id.in_(_ids()), _state == DeliveryState.LEASED.value)
    .values(state=_after_unsent(Step.RELEASE))
)
"""Give leased deliveries back."""

CLOSE_DRAINED = (
    sa.update(part)
    .where(
        part.c.open,
        sa.or_(
            part.c.channel == sa.bindparam("b_channel"),
            part.c.edition == sa.bindparam("b_edition"),
        ),
        ~sa.exists().where(
            delivery.c.part == part.c.id, delivery.c.next_try.is_not(None)
        ),
    )
    .values(open=False)
)
"""Close the parts, of a channel or of an edition, that have nothing left to try."""

POSTPONE = (
    sa.update(delivery)
    .where(
        delivery.c.part.in_(
            sa.select(part.c.id).where(
                part.c.channel == sa.bindparam("b_channel"), part.c.open
            )
        ),
        delivery.c.next_try <= sa.bindparam("by", type_=Instant),
        _is_among((*WAITING, DeliveryState.LEASED)),
    )
    .values(
        state=_after_unsent(Step.POSTPONE),
        code=sa.bindparam("b_code"),
        reply=sa.bindparam("b_reply"),
        next_try=sa.bindparam("until", type_=Instant),
        at=_now(),
    )
)
"""Put off everything due on a channel that cannot be opened; no attempt is counted."""

# ── A person's decisions ────────────────────────────────────────────────────────

_in_edition = delivery.c.part.in_(
    sa.select(part.c.id).where(part.c.edition == sa.bindparam("b_edition"))
)

RETRY = (
    sa.update(delivery)
    .where(_in_edition, _is_among(sources(Step.RETRY)))
    .values(state=_after(Step.RETRY), next_try=_now(), at=_now())
)
"""Try again, now, what failed, was put off, or is in doubt."""

REOPEN = (
    sa.update(part)
    .where(
        part.c.edition == sa.bindparam("b_edition"),
        sa.exists().where(
            delivery.c.part == part.c.id, delivery.c.next_try.is_not(None)
        ),
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

CANCEL_EDITION = (
    sa.update(delivery)
    .where(_in_edition, _is_among(WAITING), delivery.c.next_try.is_not(None))
    .values(state=_after_unsent(Step.CANCEL), next_try=sa.null(), at=_now())
)
"""Cancel what waits; what is leased just now meets the decision when it is claimed."""
