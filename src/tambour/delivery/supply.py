"""
The ledger's side of a session: what one turn reads and writes, in the ledger's thread.

Names what is about to be promised, commits it with the results of what came before,
and leases what comes next. Decides neither what may leave nor when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tambour.delivery.lanes import Lane
from tambour.delivery.wire import Claim
from tambour.delivery.world import CrashPoint, Route, Run
from tambour.ledger.records import (
    Content,
    ContentId,
    Intent,
    Leased,
    Result,
    Spent,
)
from tambour.model import DeliveryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn commits and gives back, and how many it leases after that."""

    results: Sequence[Result]
    release: Sequence[DeliveryId]
    chosen: Sequence[tuple[Lane, Leased]]
    spent: Sequence[Spent]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What a turn gave; `refused` are those whose intents do not hold."""

    claims: Sequence[Claim]
    refused: Sequence[Claim] = ()


class Supply:
    """Leases, composes and claims the deliveries of one channel."""

    def __init__(self, route: Route, run: Run) -> None:
        self._route = route
        self._run = run
        self._words: Mapping[ContentId, Content] = {}

    def claim(self, turn: Turn) -> TurnResult:
        """Commit results and intents in one transaction."""
        claims = self._compose(turn.chosen)
        granted = self._settle(turn, claims)
        if claims:
            self._run.world.checkpoint(CrashPoint.INTENDED)
        if len(granted) == len(claims):
            return TurnResult(claims=claims)
        return TurnResult(
            claims=[one for one in claims if one.leased.id in granted],
            refused=[one for one in claims if one.leased.id not in granted],
        )

    def lease(self, limit: int) -> tuple[Leased, ...]:
        """Lease up to *limit* of what is due."""
        now = self._run.world.clock()
        leased = self._run.ledger.lease(
            self._route.name, by=self._run.until or now, now=now, limit=limit
        )
        self._run.world.checkpoint(CrashPoint.LEASED)
        return leased

    def _settle(self, turn: Turn, claims: Sequence[Claim]) -> frozenset[DeliveryId]:
        if not turn.results and not turn.release and not claims:
            return frozenset()
        intents = [Intent(one.leased.id, one.composed.key) for one in claims]
        return self._run.ledger.settle(
            turn.results,
            intents,
            now=self._run.world.clock(),
            release=turn.release,
            spent=turn.spent,
        )

    def _compose(self, chosen: Sequence[tuple[Lane, Leased]]) -> list[Claim]:
        self._words = self._fetch_words({leased.content for _, leased in chosen})
        compose, words = self._route.compose, self._words
        return [
            Claim(leased, compose(leased, words[leased.content]), lane.name)
            for lane, leased in chosen
        ]

    def _fetch_words(self, needed: Iterable[ContentId]) -> Mapping[ContentId, Content]:
        wanted = set(needed)
        known = {key: self._words[key] for key in wanted if key in self._words}
        missing = wanted - known.keys()
        return known | self._run.ledger.contents(missing) if missing else known
