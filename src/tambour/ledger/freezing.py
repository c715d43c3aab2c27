"""
Writing an edition's recipients and words, a million of them in flat memory.

Works inside the transaction of `Ledger.freeze`, whose lock makes the numbers it gives
out its own. Knows neither rendering nor audiences.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from tambour.ledger.frozen import dump_rendered
from tambour.ledger.queries import keeping
from tambour.ledger.records import Content, Draft, normalise
from tambour.model import FrozenEdition

BATCH_ROWS = 1000

Row = dict[str, object]


def write_deliveries(
    connection: sa.Connection,
    edition: FrozenEdition,
    drafts: Iterable[Draft],
    *,
    first_try: datetime,
) -> None:
    """Insert what *drafts* yields, then write down how many recipients that made."""
    desk = _Desk(connection, edition, first_try)
    remaining = iter(drafts)
    while batch := list(islice(remaining, BATCH_ROWS)):
        connection.execute(keeping.FREEZE_DELIVERY, list(desk.rows(batch)))
    connection.execute(keeping.COUNT_RECIPIENTS, {"b_edition": edition.id})


class _Desk:
    """Numbers an edition's parts and contents, and writes each when first used."""

    def __init__(
        self,
        connection: sa.Connection,
        edition: FrozenEdition,
        first_try: datetime,
    ) -> None:
        self._connection = connection
        self._edition = edition
        self._first_try = first_try
        last = connection.execute(keeping.LAST_IDS).one()
        self._last_part = int(last[0])
        self._last_content = int(last[1])
        self._parts: dict[str, int] = {}
        self._shared: dict[str, int] = {}

    def rows(self, drafts: Iterable[Draft]) -> Iterator[Row]:
        """Yield a row for each draft, its part and content written before it."""
        for draft in drafts:
            part = self._part(draft.channel)
            yield {
                "b_part": part,
                "b_content": self._content(part, draft.content),
                "b_audience": draft.content.audience,
                "b_address": normalise(draft.recipient.address),
                "b_recipient": draft.recipient.address,
                "b_name": draft.recipient.name,
                "b_language": draft.recipient.language,
                "b_fields": json.dumps(
                    dict(draft.recipient.fields), ensure_ascii=False
                ),
                "b_due": self._first_try,
                "b_now": self._edition.frozen_at,
            }

    def _part(self, channel: str) -> int:
        if channel not in self._parts:
            self._last_part += 1
            self._parts[channel] = self._last_part
            row = {
                "id": self._last_part,
                "edition": self._edition.id,
                "channel": channel,
                "recipients": 0,
                "open": True,
            }
            self._connection.execute(keeping.FREEZE_PART, row)
        return self._parts[channel]

    def _content(self, part: int, content: Content) -> int:
        key = f"{part}/{content.key}"
        if content.address is None and key in self._shared:
            return self._shared[key]
        self._last_content += 1
        if content.address is None:
            self._shared[key] = self._last_content
        rendered = content.rendered
        row = {
            "id": self._last_content,
            "part": part,
            "audience": content.audience,
            "language": content.language,
            "address": content.address,
            "rendered": None if rendered is None else dump_rendered(rendered),
            "payload": content.payload,
        }
        self._connection.execute(keeping.FREEZE_CONTENT, row)
        return self._last_content
