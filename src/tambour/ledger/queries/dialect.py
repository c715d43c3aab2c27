"""
What SQLite spells in its own way: many rows as one JSON text, and upserts.

A wave's rows go into one statement, and what it leases comes out as one value: each
step of a statement gives up Python's lock and has to win it back from a busy event
loop, and binding row by row costs more than the update. Another dialect says `listed`,
`given` and `as_text` in its own words, and has an upsert of its own.
Source: https://www.sqlite.org/json1.html, https://www.sqlite.org/lang_update.html §2.2
(2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

__all__ = [
    "OLDEST_SQLITE",
    "as_text",
    "given",
    "in_text",
    "instant_in_text",
    "listed",
    "rows_of",
    "upsert",
]

OLDEST_SQLITE = (3, 33, 0)
"""The first that knows UPDATE … FROM."""


def listed(name: str) -> sa.Select[Any]:
    """Return the values of the JSON array that is bound as *name*."""
    return sa.select(_each(name).c.value)


def given(name: str, /, **columns: sa.types.TypeEngine[Any]) -> sa.Subquery:
    """Return the rows of the JSON array of arrays that is bound as *name*."""
    value = _each(name).c.value
    found = [
        sa.type_coerce(sa.func.json_extract(value, _place(number)), kind).label(column)
        for number, (column, kind) in enumerate(columns.items())
    ]
    return sa.select(*found).subquery(name)


def as_text(query: sa.Select[Any]) -> sa.Select[str]:
    """Return *query* with all its rows as one value, which `rows_of` reads."""
    found = query.subquery("found")
    columns = [
        sa.func.json(column) if isinstance(column.type, sa.JSON) else column
        for column in found.c
    ]
    return sa.select(sa.func.json_group_array(sa.func.json_array(*columns)))


def in_text(values: Iterable[object]) -> str:
    """Return the text for `listed` and `given`; ensures that SQLite can keep it."""
    # Not in ASCII: an escaped lone surrogate would be stored, and never read again.
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def instant_in_text(at: datetime) -> str:
    """Return an instant as the ledger's columns have it."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    return naive.isoformat(" ", "microseconds")


def rows_of(text: str) -> list[list[Any]]:
    """Return the rows of a query made by `as_text`."""
    rows: list[list[Any]] = json.loads(text)
    return rows


def _each(name: str) -> sa.TableValuedAlias:
    text = sa.bindparam(name, type_=sa.Text)
    return sa.func.json_each(text).table_valued("value", name=f"each_{name}")


def _place(number: int) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'$[{number}]'", sa.Text)
