"""
Frozen editions as planning knows them, read again at every tick.

Of what is frozen nothing changes but its deadline, whether it is open, and what was
decided; where these are as they were, nothing more is read. Contains no business logic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tambour.ledger.frozen import load_facts
from tambour.ledger.queries import keeping
from tambour.ledger.queries.dialect import in_text
from tambour.ledger.states import ENDS, Step
from tambour.model import (
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Facts,
    FrozenEdition,
)

Row = sa.Row[*tuple[Any, ...]]

_ENDED = {
    Step.CANCEL: EditionState.CANCELLED,
    Step.SUPERSEDE: EditionState.SUPERSEDED,
}


class Editions:
    """The frozen editions of a ledger; those that did not change are not read again."""

    def __init__(self) -> None:
        self._rows: dict[EditionId, tuple[Any, ...]] = {}
        self._known: dict[EditionId, FrozenEdition] = {}

    def read(self, connection: sa.Connection) -> Mapping[EditionId, FrozenEdition]:
        """Return all editions as they are now."""
        found = connection.execute(keeping.EDITIONS).all()
        rows = {row[0]: tuple(row) for row in found}
        if rows != self._rows:
            changed = [id_ for id_, row in rows.items() if self._rows.get(id_) != row]
            known = self._known | _whole(connection, changed)
            self._known = {id_: known[id_] for id_ in rows}
            self._rows = rows
        return self._known


def _whole(
    connection: sa.Connection, ids: Sequence[EditionId]
) -> dict[EditionId, FrozenEdition]:
    where = {"editions": in_text(ids)}
    told: dict[str, list[Facts]] = {}
    for edition, facts in connection.execute(keeping.TOLD_BY, where):
        told.setdefault(edition, []).append(load_facts(facts))
    return {
        EditionId(row.id): _edition(row, tuple(told.get(row.id, ())))
        for row in connection.execute(keeping.WHOLE_EDITIONS, where)
    }


def _edition(row: Row, facts: tuple[Facts, ...]) -> FrozenEdition:
    state = EditionState.OPEN if row.open else EditionState.DONE
    if row.decision in ENDS:
        state = _ENDED[ENDS[Decision(row.decision)]]
    return FrozenEdition(
        id=EditionId(row.id),
        campaign=row.campaign,
        kind=EditionKind(row.kind),
        due=row.due,
        deadline=row.deadline,
        facts=facts,
        frozen_at=row.frozen_at,
        state=state,
    )
