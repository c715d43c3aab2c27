"""Nothing leaves while the clock or the ledger is in doubt, by any way there is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from command_line import CONFIG, PEOPLE, REMINDER, Folder
from ledger_files import open_for_writing, open_ledger
from tambour.cli.world import real_world
from tambour.config import load_config
from tambour.daemon import Ticker, run_daemon
from tambour.delivery.guard import Guard
from tambour.delivery.rounds import Bounds, freeze_due
from tambour.delivery.world import World
from tambour.errors import Stopped
from tambour.ledger import Ledger, open_for_reading
from tambour.ledger.journal import journal_path
from tambour.model import Decision, EditionId
from tambour.project import load_project
from tambour.rendering.templates import Templates

NOW = datetime(2027, 3, 18, 8, tzinfo=UTC)
URL = "sqlite:///var/tambour.db"
EDITION = EditionId("rappel/agenda/atelier/6h/1")
DEADLINE_S = 30.0


class Clocks:
    """A machine's clocks, moved by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.wall = now
        self.seconds = 1000.0

    def let_pass(self, **length: float) -> None:
        """Let time pass."""
        passed = timedelta(**length)
        self.wall += passed
        self.seconds += passed.total_seconds()

    def step(self, **length: float) -> None:
        """Set the wall clock."""
        self.wall += timedelta(**length)

    def world(self, *, boot: str = "boot") -> World:
        """Return a world with these clocks."""
        return World(
            clock=lambda: self.wall,
            monotonic=lambda: self.seconds,
            sleep=asyncio.sleep,
            chance=lambda: 0.0,
            boot=boot,
            since_boot=lambda: self.seconds,
        )


@pytest.fixture
def clocks() -> Clocks:
    """Clocks that stand still."""
    return Clocks()


@pytest.fixture
def guard(ledger: Ledger, clocks: Clocks) -> Guard:
    """A guard that has let somebody pass."""
    guard = Guard(ledger, clocks.world(), machine=None)
    assert guard.examine().stop is None
    return guard


# ── What time it is ─────────────────────────────────────────────────────────────


def test_the_time_goes_on_by_the_boots_clock_while_the_wall_jumps(
    guard: Guard, clocks: Clocks
) -> None:
    """What is on its way is neither due too early nor late for it."""
    clocks.step(days=3)
    clocks.let_pass(minutes=2)
    meanwhile = guard.now()
    clocks.step(days=-3)

    assert (NOW + timedelta(minutes=2), NOW + timedelta(minutes=2)) == (
        meanwhile,
        guard.now(),
    )


@pytest.mark.parametrize("hours", [0.5, 9, 200], ids=str)
def test_hours_that_passed_are_hours(
    hours: float, guard: Guard, clocks: Clocks
) -> None:
    """Also where nobody asked meanwhile, as in a suspend."""
    clocks.let_pass(hours=hours)
    clocks.step(minutes=59)

    assert NOW + timedelta(hours=hours, minutes=59) == guard.now()


def test_a_clock_that_was_set_back_is_taken_at_its_word(
    guard: Guard, clocks: Clocks
) -> None:
    """And told once."""
    clocks.step(hours=-2)

    assert NOW - timedelta(hours=2) == guard.now()
    assert "tambour clock reset" in (guard.examine().warning or "")
    assert guard.examine().warning is None


def test_looking_changes_nothing(ledger: Ledger, clocks: Clocks) -> None:
    """Neither the clock's notes nor where the ledger is at home."""
    Guard(ledger, clocks.world(), machine="a").look()
    nothing = ledger.standing.clock()
    Guard(ledger, clocks.world(), machine="a").examine()
    elsewhere = Guard(ledger, clocks.world(), machine="b").examine()

    assert nothing.last is None
    assert elsewhere.stop is not None
    assert Guard(ledger, clocks.world(), machine="a").look().stop is None


def test_marks_are_made_while_something_leaves_and_once_a_day(
    guard: Guard, ledger: Ledger, clocks: Clocks
) -> None:
    """So that a backup is known as old that misses a minute, or a decision."""
    marks = []
    for busy, hours in [(False, 0), (False, 1), (True, 1), (False, 1), (False, 24)]:
        clocks.let_pass(hours=hours)
        guard.keep_marking(busy=busy)
        marks.append(ledger.standing.marked_at())

    assert [0, 0, 2, 2, 27] == [
        (mark - NOW) / timedelta(hours=1) for mark in marks if mark
    ]


# ── Ticks ───────────────────────────────────────────────────────────────────────


def set_up(root: Path, start: datetime, *, settings: str = "") -> None:
    """Write a project with one event, in files that are old."""
    event = f"---\ntitle: Atelier\nevent_start_date: {start:%Y-%m-%d %H:%M:%S}\n---\n"
    files = {
        "config.yaml": CONFIG + settings,
        "lecteurs.csv": PEOPLE,
        "campaigns/rappel.md": REMINDER,
        "events/atelier.md": event,
    }
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (0, 0))


@pytest.fixture
def ticker(tmp_path: Path, clocks: Clocks) -> Iterator[Ticker]:
    """A daemon's tick, of a project whose reminder is due in half an hour."""
    set_up(tmp_path, NOW + timedelta(hours=6.5))
    config = load_config(tmp_path, environ={})
    with closing(open_ledger(config)) as ledger:
        yield Ticker(
            root=tmp_path,
            env=None,
            config=config,
            ledger=ledger,
            templates=Templates(tmp_path),
            guard=Guard(ledger, clocks.world(), machine=None),
        )


def tick(ticker: Ticker) -> list[str]:
    """Tick, and return the names of what was logged."""
    with capture_logs() as logs:
        ticker.tick()
    return [log["event"] for log in logs]


def test_a_tick_freezes_nothing_under_a_clock_that_jumped(
    ticker: Ticker, clocks: Clocks
) -> None:
    """It says so once, writes down nothing, and goes on when the clock is right."""
    tick(ticker)
    before = ticker.ledger.snapshot()
    clocks.step(hours=3)
    doubted = [tick(ticker), tick(ticker)]
    meanwhile = ticker.ledger.snapshot()
    clocks.step(hours=-3)
    clocks.let_pass(minutes=31)
    after = tick(ticker)

    assert [["nothing leaves"], []] == doubted
    assert before == meanwhile
    assert ["sending again", "frozen"] == after[:2]
    assert {EDITION} == set(ticker.ledger.snapshot().editions)


def test_a_tick_goes_on_when_a_person_accepts_the_clock(
    ticker: Ticker, clocks: Clocks
) -> None:
    """Whoever said so in another process."""
    tick(ticker)
    clocks.step(hours=3)
    tick(ticker)
    with closing(open_for_writing(URL, root=ticker.root)) as other:
        other.standing.believe_clock(clocks.world().reading())

    assert ["sending again", "frozen"] == tick(ticker)[:2]


def test_a_tick_waits_while_the_ledger_is_in_doubt(
    ticker: Ticker, clocks: Clocks
) -> None:
    """Until somebody says in another process that it is the one."""
    tick(ticker)
    clocks.let_pass(minutes=21)
    journal_path(ticker.root / "var/tambour.db").unlink()
    waited = [tick(ticker), tick(ticker)]
    with closing(open_for_writing(URL, root=ticker.root)) as other:
        other.standing.accept(clocks.wall)

    assert [["nothing leaves"], []] == waited
    assert ["sending again", "frozen"] == tick(ticker)[:2]


def test_a_change_of_mind_wakes_the_delivery(ticker: Ticker, clocks: Clocks) -> None:
    """Once when it has to stop, once when it may go on."""
    woken: list[bool] = []
    ticker.on_change = lambda: woken.append(ticker.stop is not None)
    for hours in (0, 3, 0, -3, 0):
        clocks.step(hours=hours)
        tick(ticker)

    assert [True, False] == woken


def test_a_tick_marks_before_it_freezes(ticker: Ticker, clocks: Clocks) -> None:
    """A copy of the ledger from a moment before is an old one from then on."""
    tick(ticker)
    clocks.let_pass(minutes=21)
    path = ticker.root / "var/tambour.db"
    before = journal_path(path).read_text("utf-8")
    copy = ticker.root / "copy.db"
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    tick(ticker)

    assert {EDITION} == set(ticker.ledger.snapshot().editions)
    assert before != journal_path(path).read_text("utf-8")


def test_a_round_under_a_doubt_raises_and_writes_nothing(
    ticker: Ticker, clocks: Clocks
) -> None:
    """Whoever calls it without asking the guard."""
    tick(ticker)
    clocks.step(hours=3)
    ticker.guard.examine()
    before = ticker.ledger.snapshot()
    project = load_project(ticker.root)

    with pytest.raises(Stopped, match="tambour clock accept"):
        freeze_due(project, ticker.ledger, ticker.templates, Bounds(now=clocks.wall))
    assert before == ticker.ledger.snapshot()


# ── The daemon ──────────────────────────────────────────────────────────────────


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something, not for ever."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_the_daemon_delivers_nothing_while_the_clock_is_in_doubt(
    tmp_path: Path,
) -> None:
    """The clock jumps past the due time, is set right, and gets there in its time."""
    # In the past: APScheduler, which runs the ticks, goes by the real clock.
    clocks = Clocks(datetime.now(UTC) - timedelta(hours=10))
    start = clocks.wall + timedelta(hours=6.5)
    set_up(tmp_path, start, settings="safety: {hold_before_send: 1h}\n")
    filed: list[int] = []

    def drive(logs: list[Any]) -> None:
        def await_log(event: str) -> None:
            until(lambda: any(log["event"] == event for log in logs))

        try:
            await_log("frozen")
            clocks.step(hours=3)
            await_log("nothing leaves")
            filed.append(len([*tmp_path.glob("outbox/*.eml")]))
            clocks.step(hours=-3)
            await_log("sending again")
            filed.append(len([*tmp_path.glob("outbox/*.eml")]))
            clocks.let_pass(minutes=31)
            until(lambda: len([*tmp_path.glob("outbox/*.eml")]) == 2)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    config = load_config(tmp_path, environ={})
    open_ledger(config).close()
    with capture_logs() as logs:
        driver = threading.Thread(target=drive, args=(logs,))
        driver.start()
        run_daemon(tmp_path, env=None, world=clocks.world())
        driver.join()

    assert [0, 0] == filed
    assert 2 == len([*tmp_path.glob("outbox/*.eml")])
    with closing(open_for_reading(URL, root=tmp_path)) as ledger:
        rows = {row.next_try for row in ledger.history.deliveries()}
    assert {None} == rows


# ── Commands ────────────────────────────────────────────────────────────────────


def jump(folder: Folder, *, hours: float) -> None:
    """Let the ledger remember that the clock was so many hours behind a minute ago."""
    here = real_world().reading()
    wall = here.wall - timedelta(hours=hours, minutes=1)
    with closing(open_for_writing(URL, root=folder.path)) as ledger:
        ledger.standing.believe_clock(
            replace(here, wall=wall, elapsed=here.elapsed - 60)
        )


def put_off(folder: Folder) -> None:
    """Have an edition frozen, of which nothing has left yet."""
    folder.run("hold", EDITION)
    config = load_config(folder.path, environ={})
    with closing(open_ledger(config)) as ledger:
        ledger.decide(EDITION, Decision.APPROVE, datetime.now(UTC))
        now = datetime.now(UTC)
        freeze_due(
            load_project(folder.path), ledger, Templates(folder.path), Bounds(now=now)
        )


def test_send_stops_at_a_clock_that_jumped(folder: Folder) -> None:
    """Exit code 6 and the sentence; readers show it; a person lets it go."""
    jump(folder, hours=3)
    dry = folder.run("send", "--dry-run", "--json")
    sent = folder.run("send", "--yes", "--json")
    plan = folder.run("plan", "--json").json["entries"]
    status = folder.run("status", "--json").json
    again = folder.run("send", "--yes")
    accepted = folder.run("clock", "accept")
    after = folder.run("send", "--yes")

    assert (6, 6, 6, 0, 0) == (
        dry.code,
        sent.code,
        again.code,
        accepted.code,
        after.code,
    )
    assert "clock-jumped" == dry.json["stop"]["code"] == status["stop"]["code"]
    assert "tambour clock accept" in sent.json["error"]
    assert {"held"} == {entry["state"] for entry in plan}
    assert {"sent": 3} == folder.states()


def test_what_is_frozen_stays_while_the_clock_is_in_doubt(folder: Folder) -> None:
    """It is neither sent nor given up."""
    put_off(folder)
    jump(folder, hours=3)
    code = folder.run("send", "--yes").code

    assert (6, {"planned": 3}) == (code, folder.states())
    assert [] == folder.filed()


def test_clock_shows_how_the_clock_stands(folder: Folder) -> None:
    """Without a ledger, in doubt, accepted, and behind what was seen."""
    shown = [folder.run("clock", "--json").json]
    jump(folder, hours=3)
    shown.append(folder.run("clock", "--json").json)
    folder.run("clock", "accept")
    shown.append(folder.run("clock", "--json").json)
    jump(folder, hours=-3)
    shown.append(folder.run("clock", "--json").json)

    assert ["right", "doubtful", "right", "behind"] == [one["state"] for one in shown]
    assert ["stop"] == [*shown[1].keys() - shown[0].keys()]


def test_reset_forgets_what_a_wrong_clock_has_shown(folder: Folder) -> None:
    """While it goes wrong there is nothing to forget."""
    jump(folder, hours=-3)
    warned = folder.run("send", "--yes")
    reset = folder.run("clock", "reset")
    state = folder.run("clock", "--json").json["state"]
    jump(folder, hours=3)
    refused = folder.run("clock", "reset")

    assert (0, 0, "right", 1) == (warned.code, reset.code, state, refused.code)
    assert "tambour clock reset" in warned.err
    assert "tambour clock accept" in refused.err
    assert {"sent": 3} == folder.states()


def test_accepting_what_is_in_no_doubt_changes_nothing(folder: Folder) -> None:
    """Neither the clock nor the ledger."""
    folder.run("send", "--yes")
    clock = folder.run("clock", "accept", "--json").json["accepted"]
    ledger = folder.run("db", "accept", "--json").json["accepted"]

    assert (False, None) == (clock, ledger)


def test_send_stops_at_an_old_backup(folder: Folder) -> None:
    """Until a person accepts that some may get it twice."""
    path = folder.path / "var/tambour.db"
    folder.run("plan")
    with closing(open_for_writing(URL, root=folder.path)):
        pass
    shutil.copy(path, folder.path / "old.db")
    first = folder.run("send", "--yes")
    shutil.copy(folder.path / "old.db", path)
    stopped = folder.run("send", "--yes")
    states = folder.states()
    accepted = folder.run("db", "accept", "--json")
    after = folder.run("send", "--yes")

    assert (0, 6, 0, 0) == (first.code, stopped.code, accepted.code, after.code)
    assert "tambour db accept" in stopped.err
    assert {} == states
    assert {"version": 1, "accepted": "ledger-outdated"} == accepted.json
    assert {"sent": 3} == folder.states()


def test_send_stops_at_a_copy(folder: Folder) -> None:
    """The first one still sends."""
    folder.run("send", "--yes")
    folder.event("autre")
    there = Folder(folder.path.parent / "there", folder.capture)
    shutil.copytree(folder.path, there.path)
    copy, first = there.run("send", "--yes"), folder.run("send", "--yes")
    moved = there.run("db", "accept"), there.run("send", "--yes")

    assert (6, 0, [0, 0]) == (copy.code, first.code, [one.code for one in moved])
    assert str(folder.path / "var/tambour.db") in copy.err


def test_a_machine_may_be_given_a_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its own id changes at each start, or is the same everywhere."""
    codes = []
    for name in ("web-1", "web-1", "web-2"):
        monkeypatch.setenv("TAMBOUR_MACHINE", name)
        codes.append(folder.run("send", "--yes").code)

    assert [0, 0, 6] == codes


def test_doctor_finds_a_doubt(folder: Folder) -> None:
    """As a fault of the ledger's, with what to do."""
    folder.run("send", "--yes")
    fine = folder.run("doctor", "--json").json["checks"]
    journal_path(folder.path / "var/tambour.db").unlink()
    jump(folder, hours=3)
    faults = folder.run("doctor", "--json").json["checks"]

    about = ("clock", "standing")
    assert [("clock", True)] == [
        (c["name"], c["ok"]) for c in fine if c["name"] in about
    ]
    assert [("standing", False), ("clock", False)] == [
        (c["name"], c["ok"]) for c in faults if c["name"] in about
    ]
