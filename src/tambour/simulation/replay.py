"""
A time lived through as the daemon would have: read, plan, freeze, deliver, correct.

The code is what `run` uses; only the clock, the ledger (in memory) and the channels
(they take everything) are others. Files are seen the moment they are committed. Nobody
is there to approve: what is held stays held until the cause goes away.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambour.channels.in_memory import InMemory
from tambour.config import Config, SmtpChannel
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.routes import make_route
from tambour.errors import ConfigError
from tambour.ledger import Ledger
from tambour.model import DeliveryState, EditionId, Entry, EntryState
from tambour.problems import Severity
from tambour.project import Project, ProjectCache, read_project
from tambour.rendering.templates import Templates
from tambour.simulation.listening import Listener
from tambour.simulation.passing import Passing
from tambour.simulation.past import Past
from tambour.simulation.report import Alert, Held, Report, posted
from tambour.simulation.stepping import Course, Stepped

AGAIN = timedelta(days=30)
"""Repeated events are looked for so far ahead that a month does not matter."""
LOST = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.UNCERTAIN)
"""How a delivery ends, or stays, that a person should know of."""

_Waiting = tuple[EditionId, str, str]


def simulate(
    past: Past,
    ledger: Ledger,
    *,
    env: str | None,
    begin: datetime,
    end: datetime,
    on_time: Callable[[datetime], object] = lambda _now: None,
) -> Report:
    """
    Live from *begin* to *end*, as if Tambour were started then with an empty *ledger*.

    Args:
        on_time: is told each moment, for who watches.

    Raises:
        LedgerError: the ledger cannot be used.

    """
    with asyncio.Runner() as runner:
        post = Post(ledger, runner)
        course = Course(
            ledger=ledger,
            templates=Templates(past.root, is_styled=False),
            deliver=post.deliver,
        )
        diary = Diary(past)
        now, moments = begin, 0
        reader = _Reader(past, env, diary)
        while now < end:
            on_time(now)
            project = reader.read(now)
            change = min(past.next_at or end, end)
            if project is None:
                now = change
                continue
            course.hold = project.config.safety.hold_before_send
            stepped = course.step(project, now=now, end=change)
            diary.note(now, stepped)
            now, moments = stepped.later, moments + 1
    diary.close(ledger, now)
    return _report(past, ledger, diary, post, begin=begin, end=end, moments=moments)


def _report(
    past: Past,
    ledger: Ledger,
    diary: Diary,
    post: Post,
    *,
    begin: datetime,
    end: datetime,
    moments: int,
) -> Report:
    editions = ledger.snapshot().editions
    records = list(ledger.history.deliveries())
    left = posted(records, editions, post.listener.subjects)
    return Report(
        begin=begin,
        end=end,
        posted=tuple(sorted(left, key=lambda one: (one.at, one.edition, one.channel))),
        held=tuple(diary.held),
        alerts=tuple(diary.alerts),
        states=Counter(record.state for record in records),
        origins=past.origins(),
        commits=past.seen,
        moments=moments,
    )


class Post:
    """Delivers by the real code through channels that take everything."""

    def __init__(self, ledger: Ledger, runner: asyncio.Runner) -> None:
        self.listener = Listener()
        self._ledger = ledger
        self._runner = runner

    def deliver(self, config: Config, now: datetime, until: datetime) -> None:
        """Deliver what is due; each channel has the time until then for itself."""
        unsigned = _unsigned(config)
        for name in config.channels:
            time = Passing(now, until)
            world = time.world()
            route = make_route(
                name,
                InMemory(self.listener.take),
                unsigned,
                secret=self._ledger.secret or b"",
                clock=world.clock,
            )
            self._runner.run(
                deliver(
                    self._ledger,
                    [route],
                    mode=Mode.ONCE,
                    world=world,
                    stop=time.stop,
                )
            )


def _unsigned(config: Config) -> Config:
    """Return the settings without keys: nobody verifies, and they may be elsewhere."""
    channels = {
        name: one.model_copy(update={"dkim": ()})
        if isinstance(one, SmtpChannel)
        else one
        for name, one in config.channels.items()
    }
    return config.model_copy(update={"channels": channels})


class _Reader:
    """Reads the project again when its files have changed, as a daemon does."""

    def __init__(self, past: Past, env: str | None, diary: Diary) -> None:
        self._past = past
        self._env = env
        self._diary = diary
        self._cache = ProjectCache(renames=past.renames)
        self._config: Config | None = None
        self._project: Project | None = None
        self._read_at: datetime | None = None
        self._fault = ""

    def read(self, now: datetime) -> Project | None:
        """Return the project as of *now*; None until its settings were good once."""
        change = self._past.next_at
        is_same = change is None or change > now
        if self._read_at and is_same and now - self._read_at < AGAIN:
            return self._project
        is_new = self._read_at is None or not is_same
        self._read_at = now
        if is_new:
            self._settle(now)
        if self._config is not None:
            self._project = read_project(self._config, cache=self._cache, around=now)
        return self._project

    def _settle(self, now: datetime) -> None:
        """Let the files and the settings be those of *now*, or the last good ones."""
        self._past.advance(now)
        try:
            self._config = self._past.config(self._env)
            self._fault = ""
        except ConfigError as error:
            places = [f"{p.path}:{p.line}: {p.message}" for p in error.problems]
            fault = "; ".join([str(error), *places])
            if fault != self._fault:
                self._diary.alert(now, "settings", fault)
            self._fault = fault


@dataclass(slots=True)
class Diary:
    """What a daemon would have logged, each thing once when it began."""

    past: Past
    held: list[Held] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    _waiting: dict[_Waiting, Held] = field(default_factory=dict)
    _said: set[tuple[str, str]] = field(default_factory=set)
    _wrong: frozenset[tuple[str, str]] = frozenset()

    def alert(self, now: datetime, about: str, text: str) -> None:
        """Note what a person should read."""
        shown = self.past.shown(text)
        self.alerts.append(Alert(at=now, about=self.past.shown(about), text=shown))

    def _note_problems(self, now: datetime, project: Project) -> None:
        """Note the errors that were not there before."""
        errors = {
            (f"{p.path}:{p.line}" if p.line else p.path, f"{p.code} {p.message}")
            for p in project.problems
            if p.severity is Severity.ERROR
        }
        for about, text in sorted(errors - self._wrong):
            self.alert(now, about, text)
        self._wrong = frozenset(errors)

    def note(self, now: datetime, stepped: Stepped) -> None:
        """Note what a moment came to."""
        rounded = stepped.rounded
        if rounded is None:
            return
        self._note_problems(now, rounded.memory.project)
        stop = rounded.snapshot.stop
        if stop is not None:
            self._once(now, "everything", stop.text)
        for edition, error in rounded.frozen.failures.items():
            self._once(now, edition, f"was not sent: {error}")
        for entry in rounded.plan.entries:
            if entry.reason and (entry.state is EntryState.MISSED or entry.is_too_slow):
                about = f"{entry.edition} {entry.target.channel}"
                self._once(now, about, f"{entry.state}: {entry.reason.text}")
        self._note_held(now, rounded.held)

    def _once(self, now: datetime, about: str, text: str) -> None:
        if (about, text) not in self._said:
            self._said.add((about, text))
            self.alert(now, about, text)

    def _note_held(self, now: datetime, held: tuple[Entry, ...]) -> None:
        """Note since when, and until when, what would be due is held."""
        present = {
            (e.edition, e.target.channel, e.target.audience or ""): e for e in held
        }
        for ended in self._waiting.keys() - present.keys():
            self._waiting.pop(ended).until = now
        for key, entry in present.items():
            why = entry.reason.text if entry.reason else ""
            known = self._waiting.get(key)
            if known is not None and known.reason == why:
                continue
            if known is not None:
                known.until = now
            self._waiting[key] = Held(
                at=now,
                edition=entry.edition,
                channel=entry.target.channel,
                reason=why,
            )
            self.held.append(self._waiting[key])

    def close(self, ledger: Ledger, now: datetime) -> None:
        """Note what did not arrive, and what still waits for something."""
        for count in ledger.history.counts():
            lost = {
                state: n for state, n in count.states.items() if state in LOST and n
            }
            for state, number in lost.items():
                about = f"{count.edition} {count.channel}"
                self.alert(now, about, f"{number} of {count.recipients} {state}")
