"""
What happened, to whom, and whether the numbers add up.

Reads only; every method raises `LedgerError` when the file cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from tambour.ledger.database import Database
from tambour.ledger.queries import asking, claiming
from tambour.ledger.queries.dialect import in_text
from tambour.ledger.records import Count, Record, normalise
from tambour.model import DeliveryState, EditionId, EventId

Row = sa.Row[*tuple[Any, ...]]

_FETCH_ROWS = 1000


class History:
    """Questions to the ledger about deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliveries(
        self,
        *,
        edition: EditionId | None = None,
        address: str | None = None,
        event: EventId | None = None,
    ) -> Iterator[Record]:
        """Yield deliveries of the oldest edition first; the filters narrow together."""
        query, where = asking.DELIVERIES, dict[str, object]()
        if edition is not None:
            query, where["edition"] = query.where(asking.OF_EDITION), edition
        if address is not None:
            query = query.where(asking.OF_ADDRESS)
            where["address"] = normalise(address)
        if event is not None:
            query, where["event"] = query.where(asking.OF_EVENT), event
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=_FETCH_ROWS).execute(
                query, where
            )
            for row in rows:
                yield _record(row)

    def due_editions(self, by: datetime) -> frozenset[EditionId]:
        """Return the editions, but those on hold, with something due *by* then."""
        with self._database.read() as connection:
            rows = connection.execute(claiming.DUE_EDITIONS, {"by": by}).scalars()
            return frozenset(EditionId(edition) for edition in rows)

    def next_due(self, after: datetime) -> datetime | None:
        """Return when the next try is due *after* then; None when there is none."""
        with self._database.read() as connection:
            found: datetime | None = connection.execute(
                asking.NEXT_DUE, {"after": after}
            ).scalar()
            return found

    def counts(self, editions: Iterable[EditionId] | None = None) -> tuple[Count, ...]:
        """Return how the recipients of each (edition, channel) stand."""
        query, where = asking.COUNTS, dict[str, object]()
        if editions is not None:
            query = asking.COUNTS_OF
            where["editions"] = in_text(list(editions))
        with self._database.read() as connection:
            rows = connection.execute(query, where).all()
        return tuple(
            Count(
                edition=edition,
                campaign=campaign,
                channel=channel,
                recipients=recipients,
                states={DeliveryState(row.state): row.number for row in group},
            )
            for (edition, campaign, channel, recipients), group in groupby(
                rows, key=lambda row: tuple(row[:4])
            )
        )

    def put_off(self, editions: Iterable[EditionId]) -> dict[EditionId, str]:
        """Return the most frequent answer that put deliveries of each off."""
        where = {"editions": in_text(list(editions))}
        with self._database.read() as connection:
            rows = connection.execute(asking.PUT_OFF, where).all()
        return {EditionId(row.edition): f"{row.code} {row.reply}" for row in rows}


def _record(row: Row) -> Record:
    return Record(
        edition=row.edition,
        campaign=row.campaign,
        event=row.event,
        channel=row.channel,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        code=row.code,
        reply=row.reply,
        message_id=row.message_id,
        at=row.at,
        next_try=row.next_try,
    )
