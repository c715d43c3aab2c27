"""
The truth about what was frozen, tried and sent.

Decides nothing but what the transition table says: not what is due, not when to try
again. Every public method is one transaction. All of them raise `LedgerError` when the
file cannot be used (disk full, unreadable, damaged, busy for too long); what else they
raise is in their own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from tambour.errors import UserError
from tambour.ledger import claims
from tambour.ledger.database import Database
from tambour.ledger.editions import Editions
from tambour.ledger.freezing import (
    freeze_edition,
    freeze_staged,
    is_on_the_wire,
    stage,
)
from tambour.ledger.frozen import load_rendered
from tambour.ledger.history import History
from tambour.ledger.queries import claiming, keeping, moving, sighting
from tambour.ledger.queries.dialect import in_text
from tambour.ledger.records import (
    Content,
    ContentId,
    Draft,
    Intent,
    Leased,
    Recovered,
    Result,
    Spent,
)
from tambour.ledger.reviews import Reviews
from tambour.ledger.sightings import Sightings, known_events
from tambour.ledger.standing import Standing
from tambour.ledger.states import ENDS
from tambour.ledger.suppressions import Suppressions
from tambour.ledger.telling import Telling
from tambour.model import (
    Decision,
    DeliveryId,
    EditionId,
    FrozenEdition,
    Outcome,
    Revision,
    Snapshot,
)

Row = sa.Row[*tuple[Any, ...]]


class Ledger:
    """
    The ledger of one project; made by `opening`.

    `secret` is what message ids and links are made from, None for readers; `history`
    answers questions, `reviews` keeps what a person looked at, `sightings` remembers
    events, `suppressions` keeps who must not be mailed, `standing` knows whether the
    ledger may be sent with, `telling` who was told what.
    """

    def __init__(self, database: Database, secret: bytes | None = None) -> None:
        self._database = database
        self.secret = secret
        self._editions = Editions()
        self.history = History(database)
        self.reviews = Reviews(database)
        self.sightings = Sightings(database)
        self.suppressions = Suppressions(database)
        self.standing = Standing(database)
        self.telling = Telling(database)

    def snapshot(self) -> Snapshot:
        """Return what planning has to know; empty when nothing was ever frozen."""
        with self._database.read() as connection:
            decided = connection.execute(keeping.DECISIONS).all()
            return Snapshot(
                editions=self._editions.read(connection),
                events_seen=_pairs(connection, sighting.EVENTS_SEEN),
                known=known_events(connection),
                campaigns_seen=_pairs(connection, sighting.CAMPAIGNS_SEEN),
                audience_sizes=_pairs(connection, keeping.AUDIENCE_SIZES),
                decisions={row.edition: Decision(row.decision) for row in decided},
                decided_at={row.edition: row.decided_at for row in decided},
                held_because={row.edition: row.reason for row in decided if row.reason},
                waiting=_pairs(connection, claiming.WAITING_BY_CHANNEL),
                spent=_spent_lately(connection),
            )

    def freeze(
        self,
        edition: FrozenEdition,
        drafts: Iterable[Draft],
        *,
        audiences: Mapping[str, int],
        not_before: datetime | None = None,
        unless_reached: Sequence[EditionId] = (),
    ) -> bool:
        """
        Freeze an edition with its words, facts and recipients; False if it was already.

        *drafts* is read once, before any lock is taken, and may be a million long;
        whatever it raises leaves no trace here. An address twice on a channel is one
        delivery; an address that left its audience is a suppressed one. *audiences* are
        their sizes now; nothing leaves *not_before* then, or before the edition is due.

        Whom superseded editions have, or may have, reached by the same channel is left
        out (*unless_reached*). False also as long as an answer is to come for any of
        them: it decides to which edition its reader belongs.
        """
        where = {"b_edition": edition.id}
        with self._database.read() as connection:
            if connection.execute(keeping.IS_FROZEN, where).first() is not None:
                return False
            if is_on_the_wire(connection, unless_reached):
                return False
        prepare = partial(stage, drafts=drafts)
        with self._database.write_prepared(prepare) as connection:
            if is_on_the_wire(connection, unless_reached):
                return False
            if not freeze_edition(connection, edition):
                return False
            first_try = max(edition.due, not_before or edition.due)
            freeze_staged(
                connection,
                edition,
                first_try=first_try,
                unless_reached=unless_reached,
            )
            sizes = [{"audience": a, "size": size} for a, size in audiences.items()]
            if sizes:
                connection.execute(keeping.NOTE_AUDIENCE_SIZE, sizes)
            return True

    def recover(self, now: datetime, *, hold: Iterable[str] = ()) -> Recovered:
        """
        Clear what a dead process left; call with the instance lock, before leasing.

        What it had leased is given back. What it had in flight is in doubt: due at
        once, or on the channels in *hold* left to a person.
        """
        with self._database.write() as connection:
            released = connection.execute(moving.RELEASE_LEASED, {"now": now})
            values = {"now": now, "hold": in_text(list(hold))}
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
            for part in connection.execute(claiming.DUE_PARTS, where).all():
                leased = claims.lease_from(
                    connection, part, by=by, now=now, limit=limit
                )
                if leased:
                    return leased
            for query in moving.END_REMAINS:
                connection.execute(query, {"b_channel": channel, "now": now})
            _close_drained(connection, channel=channel)
            return ()

    def contents(self, ids: Iterable[ContentId]) -> dict[ContentId, Content]:
        """Return frozen words by number."""
        with self._database.read() as connection:
            rows = connection.execute(claiming.CONTENTS, {"ids": in_text(list(ids))})
            return {row.id: _content(row) for row in rows}

    def settle(
        self,
        results: Sequence[Result],
        intents: Sequence[Intent],
        *,
        now: datetime,
        release: Sequence[DeliveryId] = (),
        spent: Sequence[Spent] = (),
    ) -> frozenset[DeliveryId]:
        """
        Commit a wave: the results of the last with the intents of the next.

        Returns the intents that hold; only those may go on the wire. The others met a
        cancellation, a suppression, their deadline or a hold since they were leased.
        *release* gives leased deliveries back unsent; *spent* is what the intents took
        from the channel's budgets. A result may suppress its address, or hold its
        edition (see `Result`) and so the intents that belong to it.
        """
        with self._database.write() as connection:
            if results:
                claims.record(connection, results, now)
            if release:
                claims.release(connection, release)
            if spent:
                claims.spend(connection, spent, now)
            return claims.intend(connection, intents, now) if intents else frozenset()

    def spent(self, channel: str, *, since: datetime) -> tuple[Spent, ...]:
        """Return what was taken from a channel's budgets, of the last two days."""
        where = {"channel": channel, "since": since}
        with self._database.read() as connection:
            return tuple(
                Spent(channel=channel, lane=row.lane, at=row.at, count=row.number)
                for row in connection.execute(claiming.SPENT, where)
            )

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
            return sum(
                connection.execute(query, values).rowcount for query in moving.POSTPONE
            )

    def retry(self, edition: EditionId, now: datetime) -> int:
        """
        Make what failed, was put off or is in doubt due now; return how many that is.

        Raises:
            UserError: no such edition was frozen, or another revision took its place.

        """
        where: dict[str, object] = {"b_edition": edition}
        with self._database.write() as connection:
            _refuse_superseded(connection, edition)
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
            if revision.stop is not None:
                _decide(connection, revision.edition, revision.stop, now)
            connection.execute(moving.BRING_FORWARD, values)

    def decide(self, edition: EditionId, decision: Decision, now: datetime) -> int:
        """
        Keep a decision, the latest counts; return how many deliveries it cancelled.

        The edition need not be frozen yet. What is leased meets the decision at its
        claim; what was sent stays sent.

        Raises:
            UserError: another revision took its place; nothing is kept.

        """
        with self._database.write() as connection:
            _refuse_superseded(connection, edition)
            return _decide(connection, edition, decision, now)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _decide(
    connection: sa.Connection, edition: EditionId, decision: Decision, now: datetime
) -> int:
    where = {"b_edition": edition, "now": now}
    if decision is Decision.APPROVE:
        connection.execute(moving.HASTEN, where)
    values = {"edition": edition, "decision": decision.value, "decided_at": now}
    is_kept = connection.execute(keeping.DECIDE, values).rowcount > 0
    if decision not in ENDS or not is_kept:
        return 0
    count = connection.execute(moving.END_EDITION[decision], where).rowcount
    _close_drained(connection, edition=edition)
    return count


def _refuse_superseded(connection: sa.Connection, edition: EditionId) -> None:
    decided = connection.execute(keeping.DECIDED, {"b_edition": edition}).scalar()
    if decided == Decision.SUPERSEDE:
        msg = (
            f"what {edition!r} says is no longer so: its next revision goes to those"
            " whom it has not reached; decide about that one"
        )
        raise UserError(msg)


def _close_drained(
    connection: sa.Connection, *, channel: str = "", edition: str = ""
) -> None:
    values = {"b_channel": channel, "b_edition": edition}
    connection.execute(moving.CLOSE_DRAINED, values)


def _pairs(connection: sa.Connection, query: sa.Select[Any, Any]) -> dict[Any, Any]:
    return dict(connection.execute(query).all())


def _spent_lately(
    connection: sa.Connection,
) -> dict[str, tuple[tuple[datetime, int], ...]]:
    lately: dict[str, tuple[tuple[datetime, int], ...]] = {}
    for channel, at, number in connection.execute(claiming.SPENT_LATELY):
        lately[channel] = (*lately.get(channel, ()), (at, number))
    return lately


def _content(row: Row) -> Content:
    return Content(
        key=str(row.id),
        language=row.language,
        audience=row.audience,
        address=row.address,
        rendered=load_rendered(row.rendered) if row.rendered is not None else None,
        payload=row.payload,
    )
