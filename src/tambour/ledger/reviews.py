"""
Which open editions were frozen as a person had reviewed them.

A note names the moment of freezing, so that one about a freezing that never came about
says nothing of the next. Every method raises `LedgerError` when the file cannot be
used.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from tambour.ledger.database import Database
from tambour.ledger.queries import keeping, notes
from tambour.model import EditionId

_NOTE = "reviewed"


class Reviews:
    """The ledger's memory of reviews and of decisions, for who sends as reviewed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self,
        prints: Mapping[EditionId, str],
        *,
        frozen_at: datetime,
        keep: Collection[EditionId],
    ) -> None:
        """Remember editions that are about to be frozen; forget all but *keep*."""
        with self._database.write() as connection:
            kept = {one: v for one, v in _read(connection).items() if one in keep}
            kept |= {one: [p, frozen_at.isoformat()] for one, p in prints.items()}
            value = {"key": _NOTE, "value": json.dumps(kept)}
            connection.execute(notes.KEEP_NOTE, value)

    def prints(self) -> dict[EditionId, tuple[str, datetime]]:
        """Return the print of each edition that is remembered, and when it froze."""
        with self._database.read() as connection:
            return {
                EditionId(edition): (one, datetime.fromisoformat(at))
                for edition, (one, at) in _read(connection).items()
            }


def _read(connection: sa.Connection) -> dict[str, list[str]]:
    text = connection.execute(keeping.GET_META, {"name": _NOTE}).scalar() or "{}"
    found: dict[str, list[str]] = json.loads(text)
    return found
