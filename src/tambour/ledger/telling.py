"""
Who was last told what of an event, and by whom.

Counts a reader where the last edition about the event reached them, or may have; what
is different about it now is for `model.Facts` to say, and whom to correct for planning.
Reads only; every method raises `LedgerError` when the file cannot be used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tambour.ledger.database import Database
from tambour.ledger.frozen import load_facts
from tambour.ledger.queries import telling
from tambour.ledger.queries.dialect import in_text
from tambour.ledger.records import LastTold, normalise
from tambour.model import CORRECTIONS, EditionId, EditionKind, EventId, Facts, Told

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What of an edition about an event goes by one channel."""

    id: int
    edition: EditionId
    campaign: str
    kind: EditionKind
    channel: str
    facts: Facts
    closings: int
    was_stopped: bool


class Telling:
    """Questions to the ledger about who was told what."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: dict[EventId, tuple[object, tuple[Told, ...]]] = {}

    def told(self, now: Mapping[EventId, Facts]) -> dict[EventId, tuple[Told, ...]]:
        """
        Return the readers whom a campaign last told what is not so *now*, in groups.

        A campaign is asked about once more when an edition of it differs that is not
        older than its last correction; whom that one did not reach counts again then.
        Counts stand as long as an edition is being sent, and are renewed after it.
        """
        with self._database.read() as connection:
            found = {}
            for event, parts in _parts_about(connection, now).items():
                stale = _stale_campaigns(parts, now[event])
                if stale:
                    found[event] = self._count(connection, parts, now[event], stale)
        self._counted = found
        return {event: groups for event, (_, groups) in found.items() if groups}

    def last_told(
        self, event: EventId, channel: str, addresses: Sequence[str]
    ) -> dict[str, LastTold]:
        """
        Return by which edition, of any campaign, each address was last told of *event*.

        Meant for some thousands of them at a time; who was told nothing is left out.
        """
        given = {address: normalise(address) for address in addresses}
        with self._database.read() as connection:
            about = _parts_about(connection, [event]).get(event, ())
            parts = {part.id: part for part in about if part.channel == channel}
            where = {
                "addresses": in_text(sorted(set(given.values()))),
                "parts": in_text(list(parts)),
            }
            rows = connection.execute(telling.LAST_OF, where).all()
        last = {row.value: _last_told(parts[row.part], row.audience) for row in rows}
        return {one: last[same] for one, same in given.items() if same in last}

    def _count(
        self,
        connection: sa.Connection,
        parts: Sequence[_Part],
        now: Facts,
        stale: frozenset[str],
    ) -> tuple[object, tuple[Told, ...]]:
        """Count once what cannot have changed since."""
        state = [(part.id, part.closings) for part in parts]
        key = (now, tuple(state))
        known = self._counted.get(now.event)
        if known is not None and known[0] == key:
            return known
        channels = sorted({part.channel for part in parts if part.campaign in stale})
        groups = []
        for channel in channels:
            here = {part.id: part for part in parts if part.channel == channel}
            rows = connection.execute(
                telling.LAST_REACHED, {"parts": in_text(list(here))}
            ).all()
            groups += [
                (here[row.part], row.audience or None, row.number)
                for row in rows
                if here[row.part].campaign in stale
                and here[row.part].facts.changes(now)
            ]
        return key, _in_groups(groups)


def _parts_about(
    connection: sa.Connection, events: Iterable[EventId]
) -> dict[EventId, list[_Part]]:
    about: dict[EventId, list[_Part]] = defaultdict(list)
    where = {"events": in_text(list(events))}
    for row in connection.execute(telling.PARTS, where):
        part = _Part(
            id=row.part,
            edition=EditionId(row.edition),
            campaign=row.campaign,
            kind=EditionKind(row.kind),
            channel=row.channel,
            facts=load_facts(row.facts),
            closings=row.closings,
            was_stopped=row.stopped,
        )
        about[EventId(row.event)].append(part)
    return about


def _stale_campaigns(parts: Iterable[_Part], now: Facts) -> frozenset[str]:
    """
    Return the campaigns that, since they last corrected it, said what is not so.

    A correction that stopped half-way did not reach all whom it was for.
    """
    stale: dict[str, EditionId] = {}
    for part in parts:
        stands = stale.get(part.campaign) != part.edition
        if part.kind in CORRECTIONS and stands and not part.was_stopped:
            stale.pop(part.campaign, None)
        if part.facts.changes(now):
            stale[part.campaign] = part.edition
    return frozenset(stale)


def _in_groups(counts: Iterable[tuple[_Part, str | None, int]]) -> tuple[Told, ...]:
    """Sum up what was said alike, by the same campaign to the same audience."""
    groups: dict[tuple[object, ...], Told] = {}
    for part, audience, number in counts:
        key = (part.facts, part.campaign, part.channel, audience)
        before = groups.get(key)
        groups[key] = Told(
            facts=part.facts,
            campaign=part.campaign,
            channel=part.channel,
            audience=audience,
            edition=part.edition,
            recipients=number + (before.recipients if before else 0),
        )
    return tuple(groups.values())


def _last_told(part: _Part, audience: str) -> LastTold:
    return LastTold(
        edition=part.edition,
        campaign=part.campaign,
        audience=audience or None,
        facts=part.facts,
    )
