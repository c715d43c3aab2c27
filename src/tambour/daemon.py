"""
The daemon: a tick plans and freezes, a task of its own delivers.

APScheduler runs one job in memory, the tick; a restart is its first run, so there is
nothing to lose. A guard wakes the tick when the clock steps, which an interval job does
not survive. Delivery drains for itself, so that a fan-out of hours never delays a tick.
A tick that fails is logged and the next one tries again, with the last good settings.
While the clock or the ledger is in doubt, ticks look again and nothing leaves.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from tambour.config import CONFIG_FILE, Config, load_config
from tambour.content.settling import being_written
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.guard import Guard
from tambour.delivery.keys import unusable_keys
from tambour.delivery.loop import run_loop
from tambour.delivery.rounds import Bounds, Round, freeze_due
from tambour.delivery.routes import make_routes
from tambour.delivery.world import World
from tambour.errors import UserError
from tambour.feeds import Patience, refresh_feeds
from tambour.ledger import Ledger, instance_lock, ledger_path, open_ledger
from tambour.model import (
    EditionId,
    Outcome,
    Plan,
    Reason,
    Snapshot,
)
from tambour.problems import Problem
from tambour.project import ProjectCache, read_project
from tambour.rendering.templates import Templates

TICK_S = 15
CLOCK_STEP_S = 1.5
SETTLED = timedelta(seconds=2)
"""A file younger than this may still be being written; it waits for the next tick."""

log = structlog.get_logger()


@contextmanager
def survived(work: str) -> Iterator[None]:
    """Log whatever *work* raises: one failure must not end the daemon."""
    try:
        yield
    except Exception:
        log.exception("failed", work=work)


@dataclass(slots=True)
class Ticker:
    """What a tick needs of the ticks before it."""

    root: Path
    env: str | None
    config: Config
    ledger: Ledger
    templates: Templates
    guard: Guard
    cache: ProjectCache = field(default_factory=ProjectCache)
    on_change: Callable[[], object] = lambda: None
    stop: Reason | None = None
    said: frozenset[str] = frozenset()
    being_sent: frozenset[EditionId] = frozenset()
    slow: frozenset[tuple[EditionId, str]] = frozenset()
    shut: dict[str, str] = field(default_factory=dict)

    def tick(self) -> None:
        """Read the project, plan, and freeze what is due; log, never raise."""
        with survived("tick"):
            self.look()
            if self.stop is None:
                self._tick(self.guard.now())

    def look(self) -> None:
        """Learn whether anything may leave; say so when that is new."""
        verdict = self.guard.examine()
        if verdict.warning:
            log.warning("clock behind", why=verdict.warning)
        if verdict.stop == self.stop:
            return
        self.stop = verdict.stop
        if verdict.stop is None:
            self.guard.mark()
            log.warning("sending again")
        else:
            log.error("nothing leaves", why=verdict.stop.text)
        self.on_change()

    def _tick(self, moment: datetime) -> None:
        busy = being_written(self.config, since=moment - SETTLED)
        if busy is not None:
            log.info("the files wait for the next tick", why=busy)
            return
        problems = [*self._reload(), *self._look_at_keys()]
        project = read_project(
            self.config,
            cache=self.cache,
            settled_before=moment - SETTLED,
            around=moment,
        )
        done = freeze_due(
            project,
            self.ledger,
            self.templates,
            Bounds(now=moment, hold=self.config.safety.hold_before_send),
            on_freeze=self.guard.mark,
        )
        self.guard.keep_marking(busy=any(done.snapshot.waiting.values()))
        for edition in done.frozen.editions:
            log.info("frozen", edition=edition)
        self._tell_slow(done.plan)
        self._tell_finished(done.snapshot, fresh=done.frozen.editions)
        for edition, error in done.frozen.failures.items():
            problems += [*error.problems] or [
                Problem(path=edition, line=0, code="E400", message=str(error))
            ]
        self._say((*problems, *done.memory.project.problems), done)

    def _tell_slow(self, plan: Plan) -> None:
        """Log once what cannot be through before its deadline."""
        slow = {(e.edition, e.target.channel): e for e in plan.entries if e.is_too_slow}
        for edition, channel in sorted(slow.keys() - self.slow):
            reason = slow[edition, channel].reason
            log.warning("too slow", edition=edition, why=reason and reason.text)
        self.slow = frozenset(slow)

    def _tell_finished(self, snapshot: Snapshot, fresh: Iterable[EditionId]) -> None:
        """Log how each edition ended, once."""
        is_open = {edition.id for edition in snapshot.open_editions}
        for count in self.ledger.history.counts(self.being_sent - is_open):
            states = {state.value: number for state, number in count.states.items()}
            log.info("sent", edition=count.edition, channel=count.channel, **states)
        self.being_sent = frozenset(is_open.union(fresh))

    def _reload(self) -> list[Problem]:
        """Take the settings as they are now; a broken edit keeps the last good ones."""
        try:
            config = load_config(self.root, env=self.env)
        except UserError as error:
            return list(error.problems)
        if config != self.config:
            self.config = config
            self.on_change()
            log.info("settings changed")
        return []

    def _look_at_keys(self) -> Iterator[Problem]:
        """Yield a problem for each channel that is shut; take a mended key."""
        shut = unusable_keys(self.config)
        if shut != self.shut:
            self.shut = shut
            self.on_change()
        for name, why in shut.items():
            message = f"channels.{name} sends nothing: {why}"
            yield Problem(path=CONFIG_FILE, line=0, code="E104", message=message)

    def _say(self, problems: Iterable[Problem], done: Round) -> None:
        """Log each problem, what waits for a person and what was missed, once."""
        lines = {
            f"{p.path}:{p.line}: {p.code} {p.message}": "problem" for p in problems
        }
        for word, entries in (("held", done.held), ("missed", done.missed)):
            for one in entries:
                lines[f"{one.edition}: {one.reason and one.reason.text}"] = word
        for line in sorted(lines.keys() - self.said):
            log.warning(lines[line], where=line)
        self.said = frozenset(lines)


def run_daemon(root: Path, *, env: str | None, world: World) -> None:
    """
    Plan, freeze and send until SIGTERM or SIGINT; the wave on the wire is finished.

    Raises:
        ConfigError: the settings cannot be used at the start.
        LedgerLocked: another Tambour is sending with this ledger.
        LedgerError: the ledger cannot be used.

    """
    config = load_config(root, env=env)
    with instance_lock(ledger_path(config.ledger, root)):
        ledger = open_ledger(config)
        own = open_ledger(config)
        guard = Guard(own, world, machine=config.machine)
        ticker = Ticker(
            root=root,
            env=env,
            config=config,
            ledger=own,
            templates=Templates(root),
            guard=guard,
        )
        try:
            ticker.look()
            if ticker.stop is None:
                guard.mark()
            run_loop(_serve(ticker, ledger, replace(world, put_off=_tell_put_off)))
        finally:
            ledger.close()
            own.close()
            log.info("stopped")


def _tell_put_off(channel: str, refusal: Outcome) -> None:
    why = f"{refusal.code} {refusal.reply}"
    log.warning("a channel is put off", channel=channel, why=why)


async def _serve(ticker: Ticker, ledger: Ledger, world: World) -> None:
    """Tick and deliver until told to stop; changed settings make new routes."""
    trusting = replace(world, clock=ticker.guard.now)
    loop = asyncio.get_running_loop()
    stopped, wake = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        stopped.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    ticker.on_change = lambda: loop.call_soon_threadsafe(wake.set)
    with ticking(ticker, world):
        log.info("started", channels=list(ticker.config.channels))
        while not stopped.is_set():
            wake.clear()
            if ticker.stop is not None:
                await wake.wait()
                continue
            with survived("delivery"):
                routes = make_routes(ticker.config, ledger, clock=trusting.clock)
                await deliver(
                    ledger, routes, mode=Mode.DRAIN, world=trusting, stop=wake
                )
            if not wake.is_set():  # it failed: do not fail again at once
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), TICK_S)


@contextmanager
def ticking(ticker: Ticker, world: World) -> Iterator[None]:
    """Tick every TICK_S seconds in a thread, and when the clock steps."""
    scheduler = BackgroundScheduler(timezone=UTC)
    job = scheduler.add_job(
        ticker.tick,
        "interval",
        seconds=TICK_S,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
        next_run_time=world.clock(),
    )
    done = threading.Event()
    scheduler.start()
    guard = partial(_guard_clock, job, world, done)
    threading.Thread(target=guard, daemon=True).start()
    # A server may keep it waiting for a minute; neither a tick nor the end may.
    fetch = partial(_fetch_feeds, ticker, world, done)
    threading.Thread(target=fetch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        scheduler.shutdown(wait=True)


def _fetch_feeds(ticker: Ticker, world: World, done: threading.Event) -> None:
    """Keep the copies of feeds fresh; what is wrong with them a tick says."""
    patience = Patience(monotonic=world.monotonic)
    while not done.is_set():
        with survived("feeds"):
            wrong = refresh_feeds(ticker.config, now=world.clock(), patience=patience)
            for problem in wrong:
                log.warning("problem", where=f"{problem.path}: {problem.message}")
        done.wait(TICK_S)


def _guard_clock(job: Job, world: World, done: threading.Event) -> None:
    """Wake the tick when the wall clock steps against the monotonic one."""

    def offset() -> float:
        return world.clock().timestamp() - world.monotonic()

    before = offset()
    while not done.wait(1):
        moved = offset() - before
        if abs(moved) > CLOCK_STEP_S:
            before += moved
            log.warning("clock stepped", seconds=round(moved, 1))
            job.modify(next_run_time=world.clock())
