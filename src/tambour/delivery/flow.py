"""
One channel's flow of messages: lease, claim, transmit, record.

A message goes on the wire only after its intent is committed; the same transaction
records what became of those before it. Nothing waits for the slowest message: while the
channel transmits, the next are leased and composed, so that at most two waves are in
flight (one message, where an uncertain one is held for a person).

Knows the protocol of channels, not the channels; no configuration, no real clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from tambour.delivery.pacing import Pace
from tambour.delivery.retry import MOST_ATTEMPTS, next_try, wait_after
from tambour.delivery.world import CrashPoint, Route, Run, raise_first
from tambour.ledger.records import Content, ContentId, Intent, Leased, Result
from tambour.ledger.states import Step
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

IDLE_S = 1.0
_LEASE_AHEAD_S = 10
_RECORD_WITHIN_S = 0.1
"""How old results of a slow channel may grow before they are committed."""
_LOST = Outcome(
    kind=OutcomeKind.DEFERRED,
    code="lost",
    reply="the channel was lost before this message's turn",
)
_SILENT = Outcome(
    kind=OutcomeKind.UNCERTAIN, code="silent", reply="the channel gave no outcome"
)
_STEPS = {
    OutcomeKind.ACCEPTED: Step.ACCEPT,
    OutcomeKind.DEFERRED: Step.DEFER,
    OutcomeKind.REJECTED: Step.REJECT,
    OutcomeKind.UNCERTAIN: Step.LOSE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    leased: Leased
    message: Message


class Flow:
    """The deliveries of one channel on their way."""

    def __init__(self, route: Route, run: Run) -> None:
        self._route = route
        self._run = run
        self._pace = Pace(route.rate, clock=run.world.monotonic, sleep=run.world.sleep)
        holds = route.on_uncertain == "hold"
        self._wave_size = 1 if holds else _lease_size(route)
        self._window = 1 if holds else 2 * self._wave_size
        self._refusals = 0
        self._committed_at = run.world.monotonic()
        self._words: Mapping[ContentId, Content] = {}
        self._start_session()

    def _start_session(self) -> None:
        self._claimed: deque[_Claim] = deque()
        self._wire: deque[_Claim] = deque()
        self._flying: dict[DeliveryId, _Claim] = {}
        self._results: list[Result] = []
        self._is_fed = False
        self._is_drained = False
        self._is_lost = False
        self._is_through = False
        self._is_waiting = False
        self._committing = asyncio.Lock()
        self._answered = asyncio.Event()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    async def work(self) -> None:
        """Send what is due: once, or until halted."""
        while not self._run.halt.is_set():
            self._start_session()
            await self._claim()
            if self._claimed:
                await self._send()
            elif self._run.until is not None:
                return
            else:
                await self._run.unless_halted(self._run.world.sleep(IDLE_S))

    async def _send(self) -> None:
        """Open the channel and let messages flow until nothing more is due."""
        refusal = await self._route.channel.open()
        if refusal is not None:
            await self._put_off(refusal)
            return
        self._refusals = 0
        # Neither is cancelled when the other fails: what is on the wire is finished.
        ends = await asyncio.gather(
            self._feed(),
            self._transmit(),
            self._record_steadily(),
            return_exceptions=True,
        )
        self._give_up_wire()
        try:
            await self._settle_rest()
        finally:
            await self._route.channel.close()
        raise_first(ends)

    # ── Claim before the wire ───────────────────────────────────────────────────
    # A message can reach `_wire`, and so the channel, in `_commit` alone, after the
    # ledger has committed its intent.

    async def _claim_all(self) -> None:
        while self._claimed and not self._is_over():
            limit = min(len(self._claimed), self._wave_size)
            if self._route.rate is not None:
                self._is_waiting = True
                self._answered.set()
            granted = await self._run.unless_halted(self._pace.grant(limit))
            self._is_waiting = False
            if granted is None:
                break
            await self._make_room(granted)
            if self._is_over():
                break
            await self._commit(list(islice(self._claimed, granted)))
            if not self._claimed:
                await self._claim()

    async def _commit(self, portion: Sequence[_Claim]) -> None:
        """Commit the results so far with the intents of *portion*, then let it go."""
        async with self._committing:
            results = tuple(self._results)
            intents = [
                Intent(delivery=claim.leased.id, message_id=claim.message.key)
                for claim in portion
            ]
            now = self._run.world.clock()
            settle = partial(self._run.ledger.settle, results, intents, now=now)
            granted = await self._run.in_thread(settle)
            del self._results[: len(results)]
            self._committed_at = self._run.world.monotonic()
        if portion:
            self._run.world.checkpoint(CrashPoint.INTENDED)
        for claim in portion:
            self._claimed.popleft()
            if claim.leased.id in granted:
                self._flying[claim.leased.id] = claim
                self._wire.append(claim)
        self._filled.set()

    def take(self, lane: str = "") -> Message | None:
        """Return the next message; None when there is none just now."""
        while self._wire and not lane:
            claim = self._wire.popleft()
            deadline = claim.leased.deadline
            if deadline is not None and self._run.world.clock() >= deadline:
                self._record(claim, Step.EXPIRE, code="deadline")
                continue
            self._run.world.checkpoint(CrashPoint.PULLED)
            return claim.message
        return None

    async def more(self, lane: str = "") -> bool:
        """Wait until there is a message to take; False when there never will be."""
        while not self._wire and not self._is_fed:
            self._filled.clear()
            await self._filled.wait()
        self._is_drained = not self._wire
        return bool(self._wire) and not lane

    # ── On the wire, and after ──────────────────────────────────────────────────

    async def _transmit(self) -> None:
        """Hand the wire to the channel, again and again, until it is fed no more."""
        is_finished = False
        try:
            async for delivery, outcome in self._route.channel.transmit(self):
                self._answer(self._flying[delivery], outcome)
                self._run.world.checkpoint(CrashPoint.ANSWERED)
            self._doubt_unanswered()
            self._is_lost = not self._is_drained
            is_finished = True
        finally:
            self._is_lost = self._is_lost or not is_finished
            self._is_through = True
            self._room.set()
            self._answered.set()

    async def _record_steadily(self) -> None:
        """Commit results where no claim does so soon: a kill must not double them."""
        while not self._is_through:
            await self._answered.wait()
            self._answered.clear()
            age_s = self._run.world.monotonic() - self._committed_at
            if self._results and (self._is_waiting or age_s >= _RECORD_WITHIN_S):
                await self._commit(())

    def _doubt_unanswered(self) -> None:
        """A channel that forgets an outcome must not look as if it had sent nothing."""
        waiting = {claim.leased.id for claim in self._wire}
        for claim in [*self._flying.values()]:
            if claim.leased.id not in waiting:
                self._answer(claim, _SILENT)

    def _answer(self, claim: _Claim, outcome: Outcome) -> None:
        """Turn an outcome into the delivery's next step."""
        step = _STEPS[outcome.kind]
        is_held = step is Step.LOSE and self._route.on_uncertain == "hold"
        again = None if is_held else self._next_try(claim, outcome)
        if step is Step.DEFER and again is None:
            is_worn_out = claim.leased.attempts + 1 >= MOST_ATTEMPTS
            has_end = claim.leased.deadline is not None
            step = Step.EXPIRE if has_end and not is_worn_out else Step.REJECT
        self._record(claim, step, code=outcome.code, reply=outcome.reply, again=again)

    def _record(
        self,
        claim: _Claim,
        step: Step,
        *,
        code: str,
        reply: str = "",
        again: datetime | None = None,
    ) -> None:
        del self._flying[claim.leased.id]
        self._results.append(
            Result(
                delivery=claim.leased.id,
                step=step,
                at=self._run.world.clock(),
                code=code,
                reply=reply,
                next_try=again,
            )
        )
        self._room.set()
        self._answered.set()

    def _next_try(self, claim: _Claim, outcome: Outcome) -> datetime | None:
        return next_try(
            claim.leased.attempts + 1,
            outcome,
            now=self._run.world.clock(),
            deadline=claim.leased.deadline,
            chance=self._run.world.chance(),
        )

    def _give_up_wire(self) -> None:
        """Put off what the channel, lost under way, did not pull: it was not sent."""
        while self._wire:
            claim = self._wire.popleft()
            again = self._next_try(claim, _LOST)
            step = Step.EXPIRE if again is None else Step.POSTPONE
            self._record(claim, step, code=_LOST.code, reply=_LOST.reply, again=again)

    # ── Between ledger and flow ─────────────────────────────────────────────────

    async def _feed(self) -> None:
        try:
            await self._claim_all()
        finally:
            self._is_fed = True
            self._is_waiting = True
            self._answered.set()
            self._filled.set()

    async def _claim(self) -> None:
        """Lease and compose the next messages, if any are due."""
        if self._is_over():
            return
        self._claimed.extend(await self._run.in_thread(self._lease))
        self._run.world.checkpoint(CrashPoint.LEASED)

    def _lease(self) -> list[_Claim]:
        now = self._run.world.clock()
        leased = self._run.ledger.lease(
            self._route.name,
            by=self._run.until or now,
            now=now,
            limit=self._wave_size,
        )
        self._words = self._fetch_words({row.content for row in leased})
        return [
            _Claim(
                leased=row, message=self._route.compose(row, self._words[row.content])
            )
            for row in leased
        ]

    def _fetch_words(self, needed: set[ContentId]) -> Mapping[ContentId, Content]:
        known = {key: self._words[key] for key in needed if key in self._words}
        missing = needed - known.keys()
        return known | self._run.ledger.contents(missing) if missing else known

    async def _settle_rest(self) -> None:
        release = _ids(self._claimed)
        settle = partial(
            self._run.ledger.settle,
            tuple(self._results),
            (),
            now=self._run.world.clock(),
            release=release,
        )
        await self._run.in_thread(settle)
        self._run.world.checkpoint(CrashPoint.SETTLED)

    async def _put_off(self, refusal: Outcome) -> None:
        """Postpone all that is due: the channel as a whole cannot be opened."""
        self._refusals += 1
        now = self._run.world.clock()
        wait = wait_after(self._refusals, refusal, chance=self._run.world.chance())
        postpone = partial(
            self._run.ledger.postpone,
            self._route.name,
            refusal,
            now=now,
            until=now + wait,
        )
        await self._run.in_thread(postpone)

    async def _make_room(self, count: int) -> None:
        while len(self._flying) + count > self._window and not self._is_lost:
            self._room.clear()
            await self._room.wait()

    def _is_over(self) -> bool:
        return self._is_lost or self._run.halt.is_set()


def _ids(claims: Iterable[_Claim]) -> tuple[DeliveryId, ...]:
    return tuple(claim.leased.id for claim in claims)


def _lease_size(route: Route) -> int:
    """Lease no more than a slow channel sends soon: leased messages wait in memory."""
    if route.rate is None:
        return route.wave_size
    soon = route.rate.count / route.rate.per.total_seconds() * _LEASE_AHEAD_S
    return max(1, min(route.wave_size, int(soon)))
