"""The ledger's notes about itself: short texts, each under a name."""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import upsert
from tambour.ledger.schema import meta

NOTES = sa.select(meta.c.key, meta.c.value)
"""All of them; there are a handful."""

KEEP_NOTE = upsert(meta)
KEEP_NOTE = KEEP_NOTE.on_conflict_do_update(
    index_elements=["key"], set_={"value": KEEP_NOTE.excluded.value}
)
"""Keep a note, instead of the one that had its name."""
