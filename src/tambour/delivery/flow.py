"""
One channel's deliveries: session after session, while something is due.

Opens the channel for each and closes it after; what cannot be opened is put off. Knows
no configuration, no real clock, and of the channel its protocol only.
"""

from __future__ import annotations

from functools import partial

from tambour.delivery.budget import MEMORY
from tambour.delivery.lanes import Lanes
from tambour.delivery.retry import wait_after
from tambour.delivery.session import IDLE_S, LOST, Session
from tambour.delivery.world import Route, Run
from tambour.model import Outcome


class Flow:
    """The deliveries of one channel on their way."""

    def __init__(self, route: Route, run: Run) -> None:
        self._route = route
        self._run = run
        self._refusals = 0

    async def work(self) -> None:
        """Send what is due: once, or until halted."""
        lanes = await self._lanes()
        while not self._run.halt.is_set():
            session = Session(self._route, self._run, lanes)
            if await session.claim():
                await self._send(session)
                if session.is_vain:
                    return
            elif self._run.until is not None:
                return
            else:
                await self._run.unless_halted(self._run.world.sleep(IDLE_S))

    async def _lanes(self) -> Lanes:
        """Return the lanes with their budgets as the ledger remembers them."""
        if not self._route.is_budgeted():
            return Lanes(self._route, ())
        since = self._run.world.clock() - MEMORY
        remember = partial(self._run.ledger.spent, self._route.name, since=since)
        return Lanes(self._route, await self._run.in_thread(remember))

    async def _send(self, session: Session) -> None:
        # A silent server would keep a stop waiting as long as a connection may take.
        refusal = await self._run.unless_halted(self._route.channel.open())
        if self._run.halt.is_set():
            await session.finish()
            await self._route.channel.close()
            return
        if refusal is not None:
            await session.finish()
            await self._put_off(refusal)
            return
        try:
            await session.send()
        finally:
            await self._route.channel.close()
        if session.is_lost and not session.has_moved:
            await self._put_off(LOST)
        else:
            self._refusals = 0

    async def _put_off(self, refusal: Outcome) -> None:
        """Postpone all that is due: the channel as a whole is of no use now."""
        self._refusals += 1
        # A clock that is set back must not leave due what was due before.
        clock = self._run.world.clock()
        now = max(clock, self._run.until or clock)
        wait = wait_after(self._refusals, refusal, chance=self._run.world.chance())
        postpone = partial(
            self._run.ledger.postpone,
            self._route.name,
            refusal,
            now=now,
            until=now + wait,
        )
        await self._run.in_thread(postpone)
        self._run.world.put_off(self._route.name, refusal)
