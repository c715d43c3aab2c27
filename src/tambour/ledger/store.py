"""
The truth about what was frozen, tried and sent.

Decides nothing but what the transition table says: not what is due, not when to try
again. Every public method is one transaction. All of them raise `LedgerError` when the
file cannot be used (disk full, unreadable, damaged, busy for too long); what else they
raise is in their own words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from tambour.errors import UserError
from tambour.ledger.database import Database
from tambour.ledger.freezing import freeze_staged, stage
from tambour.ledger.frozen import dump_facts, load_facts, load_rendered
from tambour.ledger.history import History
from tambour.ledger.queries import keeping, moving
from tambour.ledger.records import (
    Content,
    ContentId,
    Draft,
    Intent,
    Leased,
    Recovered,
    Result,
)
from tambour.ledger.states import Step
from tambour.ledger.suppressions import Suppressions
from tambour.model import (
    Decision,
    DeliveryId,
    EditionId,
    EditionKind,
    EditionState,
    EventId,
    Facts,
    FrozenEdition,
    Outcome,
    Recipient,
    Revision,
    Snapshot,
)

Row = sa.Row[*tuple[Any, ...]]


class Ledger:
    """
    The ledger of one project; made by `opening`.

    `secret` is what message ids and links are made from, None for readers; `history`
    answers questions, `suppressions` keeps who must not be mailed.
    """

    def __init__(self, database: Database, secret: bytes | None = None) -> None:
        self._database = database
        self.secret = secret
        self.history = History(database)
        self.suppressions = Suppressions(database)

    def snapshot(self) -> Snapshot:
        """Return what planning has to know; empty when nothing was ever frozen."""
        with self._database.read() as connection:
            told: dict[str, list[Facts]] = {}
            for edition, facts in connection.execute(keeping.TOLD):
                told.setdefault(edition, []).append(load_facts(facts))
            return Snapshot(
                editions={
                    row.id: _frozen_edition(row, tuple(told.get(row.id, ())))
                    for row in connection.execute(keeping.EDITIONS)
                },
                events_seen=_pairs(connection, keeping.EVENTS_SEEN),
                campaigns_seen=_pairs(connection, keeping.CAMPAIGNS_SEEN),
                audience_sizes=_pairs(connection, keeping.AUDIENCE_SIZES),
                decisions={
                    EditionId(edition): Decision(decision)
                    for edition, decision in connection.execute(keeping.DECISIONS)
                },
            )

    def note_seen(
        self, events: Iterable[EventId], campaigns: Iterable[str], now: datetime
    ) -> None:
        """Remember when events and campaigns were first seen; later sights are none."""
        seen = [{"event": event, "first_seen": now} for event in events]
        read = [{"campaign": name, "first_seen": now} for name in campaigns]
        with self._database.write() as connection:
            _execute_many(connection, keeping.NOTE_EVENT, seen)
            _execute_many(connection, keeping.NOTE_CAMPAIGN, read)

    def freeze(
        self,
        edition: FrozenEdition,
        drafts: Iterable[Draft],
        *,
        audiences: Mapping[str, int],
        not_before: datetime | None = None,
    ) -> bool:
        """
        Freeze an edition with its words, facts and recipients; False if it was already.

        *drafts* is read once, before any lock is taken, and may be a million long;
        whatever it raises leaves no trace here. An address twice on a channel is one
        delivery; an address that left its audience is a suppressed one. *audiences* are
        their sizes now; nothing leaves *not_before* then, or before the edition is due.
        """
        where = {"b_edition": edition.id}
        with self._database.read() as connection:
            if connection.execute(keeping.IS_FROZEN, where).first() is not None:
                return False
        prepare = partial(stage, drafts=drafts)
        with self._database.write_prepared(prepare) as connection:
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
            _execute_many(connection, keeping.FREEZE_FACTS, facts)
            first_try = max(edition.due, not_before or edition.due)
            freeze_staged(connection, edition, first_try=first_try)
            sizes = [{"audience": a, "size": size} for a, size in audiences.items()]
            _execute_many(connection, keeping.NOTE_AUDIENCE_SIZE, sizes)
            return True

    def recover(self, now: datetime, *, hold: Iterable[str] = ()) -> Recovered:
        """
        Clear what a dead process left; call with the instance lock, before leasing.

        What it had leased is given back. What it had in flight is in doubt: due at
        once, or on the channels in *hold* left to a person.
        """
        with self._database.write() as connection:
            released = connection.execute(moving.RELEASE_LEASED, {"now": now})
            values = {"now": now, "hold": list(hold)}
            lost = connection.execute(moving.LOSE_IN_FLIGHT, values)
            return Recovered(released=released.rowcount, lost=lost.rowcount)

    def lease(
        self, channel: str, *, by: datetime, now: datetime, limit: int
    ) -> tuple[Leased, ...]:
        """
        Lease up to *limit* of the channel's deliveries whose try is due *by* then.

        They belong to its most urgent edition. What is cancelled, suppressed or past
        its deadline *now* ends here instead; what is on hold stays where it is.
        """
        with self._database.write() as connection:
            where = {"channel": channel, "by": by}
            parts = connection.execute(moving.DUE_PARTS, where).scalars().all()
            for part in parts:
                leased = _lease_from(connection, part, by=by, now=now, limit=limit)
                if leased:
                    return leased
            _close_drained(connection, channel=channel)
            return ()

    def contents(self, ids: Iterable[ContentId]) -> dict[ContentId, Content]:
        """Return frozen words by number."""
        with self._database.read() as connection:
            rows = connection.execute(moving.CONTENTS, {"ids": list(ids)})
            return {row.id: _content(row) for row in rows}

    def settle(
        self,
        results: Sequence[Result],
        intents: Sequence[Intent],
        *,
        now: datetime,
        release: Sequence[DeliveryId] = (),
    ) -> frozenset[DeliveryId]:
        """
        Commit a wave: the results of the last with the intents of the next.

        Returns the intents that hold; only those may go on the wire. The others met a
        cancellation, a suppression, their deadline or a hold since they were leased.
        *release* gives leased deliveries back unsent.
        """
        with self._database.write() as connection:
            ordered = sorted(results, key=attrgetter("step"))
            for step, group in groupby(ordered, key=attrgetter("step")):
                rows = [_recorded(result) for result in group]
                connection.execute(moving.record(step), rows)
            if release:
                connection.execute(moving.RELEASE, {"ids": list(release)})
            return _commit_intents(connection, intents, now)

    def postpone(
        self, channel: str, outcome: Outcome, *, now: datetime, until: datetime
    ) -> int:
        """Put off all that is due on a channel that cannot be opened; counts them."""
        with self._database.write() as connection:
            values = {
                "b_channel": channel,
                "by": now,
                "until": until,
                "now": now,
                "b_code": outcome.code,
                "b_reply": outcome.reply,
            }
            return connection.execute(moving.POSTPONE, values).rowcount

    def retry(self, edition: EditionId, now: datetime) -> int:
        """
        Make what failed, was put off or is in doubt due now; return how many that is.

        Raises:
            UserError: no such edition was frozen.

        """
        where: dict[str, object] = {"b_edition": edition}
        with self._database.write() as connection:
            if connection.execute(keeping.IS_FROZEN, where).first() is None:
                msg = f"no edition {edition!r} was sent; `tambour history` lists them"
                raise UserError(msg)
            count = connection.execute(moving.RETRY, where | {"now": now}).rowcount
            connection.execute(moving.REOPEN, where)
            return count

    def revise(self, revision: Revision, now: datetime) -> None:
        """Let a frozen edition follow its events: stop it, or bring its end forward."""
        values = {"b_edition": revision.edition, "deadline": revision.deadline}
        with self._database.write() as connection:
            if revision.is_withdrawn:
                _decide(connection, revision.edition, Decision.WITHDRAW, now)
            connection.execute(moving.BRING_FORWARD, values)

    def decide(self, edition: EditionId, decision: Decision, now: datetime) -> int:
        """
        Keep a decision, the latest counts; return how many deliveries it cancelled.

        The edition need not be frozen yet. What is leased meets the decision at its
        claim; what was sent stays sent.
        """
        with self._database.write() as connection:
            return _decide(connection, edition, decision, now)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _lease_from(
    connection: sa.Connection, part: int, *, by: datetime, now: datetime, limit: int
) -> tuple[Leased, ...]:
    """Lease from one part; goes on while all that it picks has to end instead."""
    where = {"part": part, "by": by, "limit": limit}
    while ids := connection.execute(moving.PICK, where).scalars().all():
        ready = set(ids) - _end_objected(connection, ids, now)
        if ready:
            connection.execute(moving.LEASE, {"ids": list(ready)})
            rows = connection.execute(moving.LEASED, {"ids": list(ready)})
            return tuple(_leased(row) for row in rows)
    return ()


def _end_objected(
    connection: sa.Connection, ids: Sequence[int], now: datetime
) -> set[int]:
    """End, or give back, what must not leave now; return which that was."""
    rows = connection.execute(moving.OBJECTIONS, {"ids": list(ids), "now": now})
    objections: dict[Step, list[int]] = {}
    for delivery, step in rows:
        objections.setdefault(Step(step), []).append(delivery)
    for step, objected in objections.items():
        connection.execute(moving.end(step), {"ids": objected, "now": now})
    return {delivery for objected in objections.values() for delivery in objected}


def _commit_intents(
    connection: sa.Connection, intents: Sequence[Intent], now: datetime
) -> frozenset[DeliveryId]:
    if not intents:
        return frozenset()
    ids = [intent.delivery for intent in intents]
    objected = _end_objected(connection, ids, now)
    rows = [
        {"b_id": intent.delivery, "b_message_id": intent.message_id, "b_at": now}
        for intent in intents
        if intent.delivery not in objected
    ]
    _execute_many(connection, moving.INTEND, rows)
    return frozenset(connection.execute(moving.GRANTED, {"ids": ids}).scalars())


def _decide(
    connection: sa.Connection, edition: EditionId, decision: Decision, now: datetime
) -> int:
    values = {"edition": edition, "decision": decision.value, "decided_at": now}
    connection.execute(keeping.DECIDE, values)
    if decision not in (Decision.CANCEL, Decision.WITHDRAW):
        return 0
    where = {"b_edition": edition, "now": now}
    count = connection.execute(moving.CANCEL_EDITION, where).rowcount
    _close_drained(connection, edition=edition)
    return count


def _close_drained(
    connection: sa.Connection, *, channel: str = "", edition: str = ""
) -> None:
    values = {"b_channel": channel, "b_edition": edition}
    connection.execute(moving.CLOSE_DRAINED, values)


def _execute_many(
    connection: sa.Connection, query: sa.Executable, rows: list[dict[str, object]]
) -> None:
    # An executemany without rows would insert a row of defaults.
    if rows:
        connection.execute(query, rows)


def _pairs(connection: sa.Connection, query: sa.Select[Any, Any]) -> dict[Any, Any]:
    return dict(connection.execute(query).all())


def _frozen_edition(row: Row, facts: tuple[Facts, ...]) -> FrozenEdition:
    state = EditionState.OPEN if row.open else EditionState.DONE
    if row.decision in (Decision.CANCEL, Decision.WITHDRAW):
        state = EditionState.CANCELLED
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


def _leased(row: Row) -> Leased:
    return Leased(
        id=row.id,
        edition=row.edition,
        campaign=row.campaign,
        kind=EditionKind(row.kind),
        channel=row.channel,
        audience=row.audience,
        recipient=Recipient(
            address=row.recipient,
            name=row.name,
            language=row.language,
            fields=json.loads(row.fields),
        ),
        content=row.content,
        deadline=row.deadline,
        attempts=row.attempts,
    )


def _content(row: Row) -> Content:
    return Content(
        key=str(row.id),
        language=row.language,
        audience=row.audience,
        address=row.address,
        rendered=load_rendered(row.rendered) if row.rendered is not None else None,
        payload=row.payload,
    )


def _recorded(result: Result) -> dict[str, object]:
    return {
        "b_id": result.delivery,
        "b_code": result.code,
        "b_reply": result.reply,
        "b_next_try": result.next_try,
        "b_at": result.at,
    }
