"""
The transition table in SQL: what every statement that moves a delivery is made of.

Each new state is computed from the old one by the table in `states`, and no statement
built from here touches a row in a state from which the table has no arrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa

from tambour.ledger.schema import Instant, delivery
from tambour.ledger.states import BUSY, REACHED, TRANSITIONS, WAITING, Step, sources
from tambour.model import DeliveryState

state = delivery.c.state
now = sa.bindparam("now", type_=Instant)

_UNSENT = (Step.EXPIRE, Step.POSTPONE, Step.REJECT)
"""The steps out of flight that say it was not sent: never taken up, or refused."""


def word(value: StrEnum) -> sa.ColumnElement[str]:
    """Return *value* written into the SQL: it then finds an index on some states."""
    return sa.literal_column(f"'{value.value}'", sa.Text)


def is_among(states: Iterable[DeliveryState]) -> sa.ColumnElement[bool]:
    """Return whether a row is in one of *states*."""
    return state.in_([word(one) for one in states])


is_busy = is_among(BUSY)
is_waiting = sa.and_(delivery.c.next_try.is_not(None), is_among(WAITING))
"""Spelled as the indexes `delivery_busy` and `delivery_waiting` are."""


def has_reached(row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return whether a reader has the message of a delivery's *row*, or may have it."""
    states = [word(one) for one in REACHED]
    return sa.or_(row.c.state.in_(states), row.c.doubts > 0)


def after(step: Step) -> sa.ColumnElement[str]:
    """Return where *step* leads from a row's state, as the table says."""
    arrows = sources(step)
    if len(set(arrows.values())) == 1:
        return word(next(iter(arrows.values())))
    return sa.case(*((state == word(a), word(b)) for a, b in arrows.items()))


def after_unsent(step: Step) -> sa.ColumnElement[str]:
    """As `after`, but a row that was ever in doubt is uncertain (see `states`)."""
    return sa.case((delivery.c.doubts > 0, after(Step.LOSE)), else_=after(step))


def after_flight(step: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return where a *step* that each row brings along leads out of flight."""
    arrows = TRANSITIONS[DeliveryState.IN_FLIGHT]
    in_doubt = word(arrows[Step.LOSE])
    targets = {
        one: sa.case((delivery.c.doubts > 0, in_doubt), else_=word(target))
        if one in _UNSENT
        else word(target)
        for one, target in arrows.items()
    }
    return sa.case(*((step == word(one), target) for one, target in targets.items()))


def leads_out_of_flight(step: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return whether a row is in flight, and the table has the arrow for its *step*."""
    arrows = TRANSITIONS[DeliveryState.IN_FLIGHT]
    return sa.and_(
        state == word(DeliveryState.IN_FLIGHT), step.in_([word(one) for one in arrows])
    )
