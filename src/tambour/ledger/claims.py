"""
Leasing and settling, each inside a transaction that is open already.

A whole wave goes through each statement. Knows the order of the statements, and nothing
of what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tambour.ledger.queries import claiming
from tambour.ledger.queries.dialect import in_text, instant_in_text, rows_of
from tambour.ledger.records import Intent, Leased, Result, Spent
from tambour.ledger.states import Step
from tambour.model import Cause, DeliveryId, EditionKind, Recipient

Row = sa.Row[*tuple[Any, ...]]

_SWEEP = 1000
"""Where much has to end, it ends in strides: a slow channel leases few at a time."""

_SECOND = timedelta(seconds=1)
_LONGEST_BUDGET = timedelta(days=2)
"""Budgets are kept for a day at most, and clocks may differ by some hours."""


def lease_from(
    connection: sa.Connection, part: Row, *, by: datetime, now: datetime, limit: int
) -> tuple[Leased, ...]:
    """Lease from one part; goes on while all that it picks has to end instead."""
    where = {"part": part.id, "by": by, "now": now, "limit": limit}
    while rows := rows_of(connection.execute(claiming.PICK, where).scalar_one()):
        _end(connection, [row[:2] for row in rows if row[1]], now)
        where["limit"] = max(limit, _SWEEP)
        ready = [row for row in rows if not row[1]][:limit]
        if ready:
            ids = in_text([row[0] for row in ready])
            connection.execute(claiming.LEASE, {"ids": ids})
            return _leased(part, ready)
    return ()


def _leased(part: Row, rows: Iterable[list[Any]]) -> tuple[Leased, ...]:
    kind = EditionKind(part.kind)
    edition, campaign, channel = part.edition, part.campaign, part.channel
    deadline = part.deadline
    return tuple(
        Leased(
            id=delivery,
            edition=edition,
            campaign=campaign,
            kind=kind,
            channel=channel,
            audience=audience,
            recipient=Recipient(
                address=address, name=name, language=language, fields=fields
            ),
            content=content,
            deadline=deadline,
            attempts=attempts,
        )
        for (
            delivery,
            _,
            address,
            name,
            language,
            fields,
            content,
            audience,
            attempts,
        ) in rows
    )


def record(connection: sa.Connection, results: Sequence[Result], now: datetime) -> None:
    """Record what became of intents, and what that says of addresses and editions."""
    # First, while the rows are in flight: a result that comes too late means nothing.
    _heed(connection, results, now)
    rows = [
        (
            result.delivery,
            result.step,
            result.code,
            result.reply,
            result.next_try and instant_in_text(result.next_try),
        )
        for result in results
    ]
    connection.execute(claiming.RECORD, {"results": in_text(rows), "now": now})


def _heed(connection: sa.Connection, results: Iterable[Result], now: datetime) -> None:
    """Suppress addresses that do not exist; hold what its sender is refused for."""
    its_own = Cause.MESSAGE
    telling = [one for one in results if one.cause is not its_own]
    dead = [
        (one.delivery, f"{one.code} {one.status}".strip())
        for one in telling
        if one.cause is Cause.ADDRESS and one.step is Step.REJECT
    ]
    unwanted = [
        (one.delivery, f"{one.code} {one.reply}".strip())
        for one in telling
        if one.cause is Cause.SENDER
    ]
    for query, refused in (
        (claiming.SUPPRESS_REFUSED, dead),
        (claiming.HOLD_REFUSED, unwanted),
    ):
        if refused:
            connection.execute(query, {"refused": in_text(refused), "now": now})


def release(connection: sa.Connection, deliveries: Sequence[DeliveryId]) -> None:
    """Give leased deliveries back."""
    connection.execute(claiming.RELEASE, {"ids": in_text(deliveries)})


def intend(
    connection: sa.Connection, intents: Sequence[Intent], now: datetime
) -> frozenset[DeliveryId]:
    """Commit intents but those that something objects to; return which hold."""
    # An intent is such a row as it is.
    values = {"intents": in_text(intents), "now": now}
    if connection.execute(claiming.INTEND, values).rowcount == len(intents):
        return frozenset(intent.delivery for intent in intents)
    ids = {"ids": in_text([intent.delivery for intent in intents])}
    found = connection.execute(claiming.OBJECTIONS, ids | {"now": now}).scalar_one()
    _end(connection, rows_of(found), now)
    granted = connection.execute(claiming.GRANTED, ids).scalar_one()
    return frozenset(DeliveryId(number) for (number,) in rows_of(granted))


def spend(connection: sa.Connection, spent: Sequence[Spent], now: datetime) -> None:
    """Keep what was taken from budgets, and forget what none reaches back to."""
    rows = [
        {
            "channel": one.channel,
            "lane": one.lane,
            "at": _whole_second(one.at),
            "count": one.count,
        }
        for one in spent
    ]
    connection.execute(claiming.SPEND, rows)
    channels = in_text(sorted({one.channel for one in spent}))
    before = now - _LONGEST_BUDGET
    connection.execute(claiming.FORGET_SPENT, {"channels": channels, "before": before})


def _whole_second(at: datetime) -> datetime:
    """Round up, so that two days of turns are no million rows, and none counts less."""
    return at if not at.microsecond else at.replace(microsecond=0) + _SECOND


def _end(
    connection: sa.Connection, objections: Iterable[Sequence[Any]], now: datetime
) -> None:
    """End, or give back, what must not leave now."""
    by_step: dict[Step, list[int]] = {}
    for delivery, step in objections:
        by_step.setdefault(Step(step), []).append(delivery)
    for step, ids in by_step.items():
        connection.execute(claiming.end(step), {"ids": in_text(ids), "now": now})
