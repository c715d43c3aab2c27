"""
One opening of a channel: lease, claim, transmit, record, until nothing more is due.

A message goes on the wire only after its intent is committed; the same transaction
records what became of those before it. The waves are as small as the channel's speed
allows: they begin small, and double while the channel finds the wire dry. At most two
are in flight (one message, where an uncertain one is held for a person).

Knows the protocol of channels, not the channels; no configuration, no real clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from tambour.delivery.lanes import Lane, Lanes
from tambour.delivery.settling import (
    result_of,
    result_of_deadline,
    result_of_unsendable,
    result_of_unsent,
)
from tambour.delivery.supply import Supply, Turn, TurnResult
from tambour.delivery.wire import Claim, Wire
from tambour.delivery.world import CrashPoint, Route, Run, first_of, raise_first
from tambour.errors import UserError
from tambour.ledger.records import Leased, Result
from tambour.model import DeliveryId, Outcome, OutcomeKind

IDLE_S = 1.0
RECORD_WITHIN_S = 0.02
"""How old an answer may grow before it is committed: a kill must not double it."""
LOOKAHEAD = 2000
"""How many may be leased while slow destinations hold the first of them back."""
_FIRST_WAVE = 16
_WAVES_AHEAD = 3

LOST = Outcome(
    kind=OutcomeKind.DEFERRED,
    code="lost",
    reply="the channel was lost before this message's turn",
)
_VERDICTS = (OutcomeKind.ACCEPTED, OutcomeKind.REJECTED)
_SILENT = Outcome(
    kind=OutcomeKind.UNCERTAIN, code="silent", reply="the channel gave no outcome"
)


@dataclass(slots=True, kw_only=True)
class _Size:
    """How many are committed at once; it grows. So many waves may be in flight."""

    wave: int
    most: int
    in_flight: int

    @property
    def window(self) -> int:
        return self.in_flight * self.wave

    def grow(self) -> None:
        self.wave = min(2 * self.wave, self.most)


class Session:
    """
    One opening of a channel.

    `is_lost` when the channel gave up, `has_moved` when it took or refused any for
    good, `is_vain` when it only says "slow down", and this pass should end.
    """

    def __init__(self, route: Route, run: Run, lanes: Lanes) -> None:
        self.is_lost = False
        self.has_moved = False
        self.is_vain = False
        self._route = route
        self._run = run
        self._lanes = lanes
        self._supply = Supply(route, run)
        self._wire = Wire(run.world, self._end_unsent)
        is_single = route.on_uncertain == "hold"
        most = 1 if is_single else route.wave_size
        self._size = _Size(
            wave=min(_FIRST_WAVE, most), most=most, in_flight=1 if is_single else 2
        )
        self._results: list[Result] = []
        self._release: list[DeliveryId] = []
        self._is_ripe = False
        self._is_through = False
        self._dry_until = 0.0
        self._changed = asyncio.Event()

    async def claim(self) -> bool:
        """Lease the first deliveries; False when none is due."""
        await self._lease(self._wants())
        return len(self._lanes) > 0

    async def send(self) -> None:
        """Let messages flow through the open channel until nothing more is due."""
        # Neither is cancelled when the other fails: what is on the wire is finished.
        ends = await asyncio.gather(
            self._take_turns(), self._transmit(), return_exceptions=True
        )
        for claim in self._wire.untaken():
            world = self._run.world
            now, chance = world.clock(), world.chance()
            self._keep(result_of_unsent(claim.leased, LOST, now=now, chance=chance))
        await self.finish()
        raise_first(ends)

    async def finish(self) -> None:
        """Record what is left to record, and give back what was not claimed."""
        release = self._release + [leased.id for leased in self._lanes.release()]
        settle = partial(
            self._run.ledger.settle,
            tuple(self._results),
            (),
            now=self._run.world.clock(),
            release=release,
        )
        await self._run.in_thread(settle)
        self._run.world.checkpoint(CrashPoint.SETTLED)

    # ── Claim before the wire ───────────────────────────────────────────────────
    # A message can reach the wire, and so the channel, in `_turn` alone, after the
    # ledger has committed its intent.

    async def _take_turns(self) -> None:
        try:
            while not self._is_through:
                if self._is_finished():
                    self._wire.end()
                chosen = self._choose()
                if chosen or self._is_ripe or self._release:
                    await self._turn(chosen)
                elif wanted := self._wants():
                    await self._lease(wanted)
                else:
                    await self._rest()
        finally:
            self._wire.end()

    async def _turn(self, chosen: Sequence[tuple[Lane, Leased]]) -> None:
        """Commit the results so far with the intents of *chosen*, and let those go."""
        results = tuple(self._results)
        self._is_ripe = False
        turn = Turn(
            results=results,
            release=tuple(self._release),
            chosen=chosen,
            spent=self._lanes.spent(chosen, self._run.world.clock()),
        )
        claimed: TurnResult | None = None
        try:
            claimed = await self._run.in_thread(partial(self._supply.claim, turn))
        finally:
            if claimed is None:
                self._lanes.add(leased for _, leased in chosen)
        self._release.clear()
        del self._results[: len(results)]
        if self._results:
            self._ripen_soon()
        self._heed_refused(claimed.refused)
        self._wire.put(claimed.claims)
        if self._wire.is_dry and chosen and len(self._lanes):
            self._size.grow()
        self._wire.is_dry = False

    async def _lease(self, wanted: int) -> None:
        """Lease for the waves to come, while those that are promised leave."""
        leased = await self._run.in_thread(partial(self._supply.lease, wanted))
        self._lanes.add(leased)
        if not leased:
            self._dry_until = self._run.world.monotonic() + IDLE_S

    def _heed_refused(self, refused: Sequence[Claim]) -> None:
        """Let what is stopped for all its readers take no more from the budgets."""
        for claim in refused:
            self._lanes.forget(claim.lane)
        stopped = {claim.leased.edition for claim in refused}
        self._release = [leased.id for leased in self._lanes.take_back(stopped)]

    def _choose(self) -> list[tuple[Lane, Leased]]:
        """Choose the next wave, once there is room for the whole or a need for any."""
        if self._is_stopping():
            return []
        room = self._size.window - len(self._wire.flying)
        if room < self._size.wave and not self._wire.is_dry:
            return []
        now = self._run.world.clock()
        return self._lanes.choose(min(room, self._size.wave), now)

    def _wants(self) -> int:
        """Return how many to lease now, so that the next wave does not wait."""
        if self._is_stopping() or self._run.world.monotonic() < self._dry_until:
            return 0
        ahead = min(self._size.wave, self._route.soon())
        waiting = len(self._lanes)
        if waiting >= LOOKAHEAD:
            return 0
        now = self._run.world.clock()
        is_short = waiting < ahead or (
            bool(self._route.lanes) and self._lanes.ready(now) < ahead
        )
        return _WAVES_AHEAD * ahead if is_short else 0

    async def _rest(self) -> None:
        """Wait for an answer, a permit or a stop."""
        self._changed.clear()
        waits: list[Awaitable[object]] = [self._changed.wait()]
        if not self._is_stopping():
            waits.append(self._run.halt.wait())
            wait_s = self._idle_s()
            if wait_s is not None:
                waits.append(self._run.world.sleep(wait_s))
        await first_of(waits)

    def _idle_s(self) -> float | None:
        """Return how long until time alone changes something."""
        waits_s = []
        now = self._run.world.clock()
        at = self._lanes.free_at(now)
        if at is not None and self._size.window > len(self._wire.flying) and at > now:
            waits_s.append((at - now).total_seconds())
        if self._run.until is None:  # something else may become due
            waits_s.append(IDLE_S)
        return min(waits_s, default=None)

    def _is_finished(self) -> bool:
        # While a slow answer is waited for, a drain looks for what becomes due.
        is_waiting = self._run.until is None and self._wire.flying
        is_dry = self._run.world.monotonic() < self._dry_until
        is_out = is_dry and not len(self._lanes) and not is_waiting
        if self._run.until is not None and self._lanes.are_hopeless():
            is_all = is_dry or not self._route.lanes or len(self._lanes) >= LOOKAHEAD
            self.is_vain = self.is_vain or is_all
        return self._is_stopping() or is_out or self.is_vain

    def _is_stopping(self) -> bool:
        return self._run.halt.is_set() or self._wire.is_over

    # ── On the wire, and after ──────────────────────────────────────────────────

    async def _transmit(self) -> None:
        is_finished = False
        checkpoint, answered = self._run.world.checkpoint, CrashPoint.ANSWERED
        try:
            async for delivery, outcome in self._route.channel.transmit(self._wire):
                self._answer(self._wire.answered(delivery), outcome)
                checkpoint(answered)
            is_finished = self._wire.is_over
            self._doubt_unanswered()
        finally:
            self.is_lost = not is_finished
            self._is_through = True
            self._changed.set()

    def _doubt_unanswered(self) -> None:
        """A channel that forgets an outcome must not look as if it had sent nothing."""
        untaken = self._wire.untaken()
        self.is_lost = self.is_lost or bool(untaken)
        for claim in [*self._wire.flying.values()]:
            self._answer(self._wire.answered(claim.leased.id), _SILENT)
        self._wire.put(untaken)

    def _answer(self, claim: Claim, outcome: Outcome) -> None:
        self.has_moved = self.has_moved or outcome.kind in _VERDICTS
        now = self._run.world.clock()
        self._lanes.note(claim.lane, outcome, now)
        self._keep(
            result_of(
                claim.leased,
                outcome,
                now=now,
                chance=self._run.world.chance(),
                on_uncertain=self._route.on_uncertain,
            )
        )

    def _end_unsent(self, claim: Claim, error: UserError | None) -> None:
        """Keep the end of what met its deadline, or cannot be written."""
        self._lanes.forget(claim.lane)
        self._keep(
            result_of_deadline(claim.leased)
            if error is None
            else result_of_unsendable(claim.leased, str(error))
        )

    def _keep(self, result: Result) -> None:
        """Keep a result for the next commit, which comes soon."""
        if not self._results:
            self._ripen_soon()
        self._results.append(result)
        room = self._size.window - len(self._wire.flying)
        if room >= self._size.wave or self._wire.is_dry:
            self._changed.set()

    def _ripen_soon(self) -> None:
        asyncio.get_running_loop().call_later(RECORD_WITHIN_S, self._ripen)

    def _ripen(self) -> None:
        self._is_ripe = bool(self._results)
        self._changed.set()
