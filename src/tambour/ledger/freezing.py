"""
Gathering an edition's recipients and words, a million of them in flat memory.

They are set aside in temporary tables while they are rendered, however long that takes,
and frozen from there in one short transaction. Knows neither rendering nor audiences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from tambour.ledger.frozen import dump_facts, dump_rendered
from tambour.ledger.queries import keeping
from tambour.ledger.queries.dialect import in_text
from tambour.ledger.records import Draft, normalise
from tambour.ledger.schema import staging
from tambour.model import EditionId, FrozenEdition

BATCH_ROWS = 1000

Row = dict[str, object]


def stage(connection: sa.Connection, drafts: Iterable[Draft]) -> None:
    """Set aside what *drafts* yields; takes no lock on the ledger."""
    staging.drop_all(connection)
    staging.create_all(connection)
    numbers: dict[tuple[str, str], int] = {}
    last = 0
    remaining = iter(drafts)
    while batch := list(islice(remaining, BATCH_ROWS)):
        contents, people = [], []
        for draft in batch:
            key = (draft.channel, draft.content.key)
            number = numbers.get(key) if draft.content.address is None else None
            if number is None:
                last = number = last + 1
                contents.append(_content_row(number, draft))
                if draft.content.address is None:
                    numbers[key] = number
            people.append(_person_row(number, draft))
        if contents:
            connection.execute(keeping.STAGE_CONTENT, contents)
        connection.execute(keeping.STAGE_DELIVERIES, {"people": in_text(people)})


def freeze_edition(connection: sa.Connection, edition: FrozenEdition) -> bool:
    """Freeze an edition and what it tells; False if it is frozen already."""
    values = {
        "id": edition.id,
        "campaign": edition.campaign,
        "kind": edition.kind.value,
        "due": edition.due,
        "deadline": edition.deadline,
        "frozen_at": edition.frozen_at,
    }
    if connection.execute(keeping.FREEZE_EDITION, values).rowcount == 0:
        return False
    facts = [
        {
            "edition": edition.id,
            "event": told.event,
            "position": position,
            "facts": dump_facts(told),
        }
        for position, told in enumerate(edition.facts)
    ]
    if facts:
        connection.execute(keeping.FREEZE_FACTS, facts)
    return True


def freeze_staged(
    connection: sa.Connection,
    edition: FrozenEdition,
    *,
    first_try: datetime,
    unless_reached: Sequence[EditionId],
) -> None:
    """Freeze what was set aside, and write down how many recipients that made."""
    name = {"b_edition": edition.id}
    last = {"b_last": connection.execute(keeping.LAST_CONTENT).scalar_one()}
    times = {"b_due": first_try, "b_now": edition.frozen_at}
    connection.execute(keeping.FREEZE_PARTS, name)
    connection.execute(keeping.FREEZE_CONTENTS, name | last)
    if unless_reached:
        earlier = {"earlier": in_text(unless_reached)}
        connection.execute(keeping.FREEZE_UNREACHED, name | last | times | earlier)
    else:
        connection.execute(keeping.FREEZE_DELIVERIES, name | last | times)
    connection.execute(keeping.COUNT_RECIPIENTS, name)
    staging.drop_all(connection)


def is_on_the_wire(connection: sa.Connection, editions: Sequence[EditionId]) -> bool:
    """Tell whether an answer is still to come for something of these editions."""
    if not editions:
        return False
    earlier = {"earlier": in_text(editions)}
    return connection.execute(keeping.IS_ON_THE_WIRE, earlier).first() is not None


def _content_row(number: int, draft: Draft) -> Row:
    content = draft.content
    rendered = content.rendered
    return {
        "id": number,
        "channel": draft.channel,
        "audience": content.audience,
        "language": content.language,
        "address": content.address,
        "rendered": None if rendered is None else dump_rendered(rendered),
        "payload": content.payload,
    }


def _person_row(content: int, draft: Draft) -> tuple[object, ...]:
    person = draft.recipient
    return (
        content,
        normalise(person.address),
        person.address,
        person.name,
        person.language,
        dict(person.fields),
    )
