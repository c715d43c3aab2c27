from __future__ import annotations

import asyncio
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from structlog.testing import capture_logs

from command_line import CONFIG, PEOPLE, REMINDER, Folder, child, environment
from ledger_files import open_ledger
from peers import dead_port
from tambour.config import load_config
from tambour.daemon import Ticker
from tambour.delivery.guard import Guard
from tambour.delivery.world import World
from tambour.ledger import open_for_reading
from tambour.model import EditionId
from tambour.rendering.templates import Templates

NOW = datetime(2027, 3, 18, 8, tzinfo=UTC)
EDITION = EditionId("rappel/agenda/atelier/6h/1")
DEADLINE_S = 30.0


# ── one tick, with a clock that is given ────────────────────────────────────────


@dataclass(slots=True)
class Ticking:
    """A project whose files are old, its daemon's tick, and the hands of its clock."""

    folder: Path
    ticker: Ticker
    now: datetime = NOW

    def tick(self, **passed: float) -> list[Any]:
        """Let time pass, tick, and return what was logged."""
        self.now += timedelta(**passed)
        with capture_logs() as logs:
            self.ticker.tick()
        return logs

    def write(self, name: str, text: str, *, age_s: float = 3600) -> None:
        """Write a file that is *age_s* old by this clock."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        then = self.now.timestamp() - age_s
        os.utime(file, (then, then))

    def frozen(self) -> set[str]:
        """Return what the ledger knows of."""
        return set(self.ticker.ledger.snapshot().editions)


def event(hours: float) -> str:
    """Return an event that starts *hours* after NOW."""
    start = NOW + timedelta(hours=hours)
    return f"---\ntitle: Atelier\nevent_start_date: {start:%Y-%m-%d %H:%M:%S}\n---\n"


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[Ticking]:
    """A daemon that does not run yet, of a project with an event in 6 h 30 min."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    config = load_config(tmp_path, environ={})
    ledger = open_ledger(config)
    world = World(
        clock=lambda: made.now,
        monotonic=lambda: 0.0,
        sleep=asyncio.sleep,
        chance=lambda: 0.0,
    )
    ticker = Ticker(
        root=tmp_path,
        env=None,
        config=config,
        ledger=ledger,
        templates=Templates(tmp_path),
        guard=Guard(ledger, world, machine=None),
    )
    made = Ticking(tmp_path, ticker)
    made.write("config.yaml", CONFIG)
    made.write("lecteurs.csv", PEOPLE)
    made.write("campaigns/rappel.md", REMINDER)
    made.write("events/atelier.md", event(6.5))
    yield made
    ticker.ledger.close()


def said(logs: list[Any], *levels: str) -> list[str]:
    """Return what was logged, as lines."""
    return [
        " ".join(map(str, log.values()))
        for log in logs
        if not levels or log["log_level"] in levels
    ]


def test_an_edition_is_frozen_when_its_hold_begins(ticking: Ticking) -> None:
    """Ten minutes before it is due, and not one tick earlier."""
    ticking.tick()
    early = ticking.frozen()
    logs = ticking.tick(minutes=20)

    assert early == set()
    assert {EDITION} == ticking.frozen()
    assert any("frozen" in line and EDITION in line for line in said(logs))


def test_a_late_edition_waits_for_the_hold(ticking: Ticking) -> None:
    """What is overdue when it is first seen can still be stopped for ten minutes."""
    ticking.tick(hours=1)

    tries = {row.next_try for row in ticking.ticker.ledger.history.deliveries()}
    assert {NOW + timedelta(hours=1, minutes=10)} == tries


def test_a_broken_edit_keeps_the_last_good_settings(ticking: Ticking) -> None:
    """The error is logged once, and what was planned leaves all the same."""
    ticking.write("config.yaml", CONFIG.replace("channels:", "chanels:"))

    first, second = ticking.tick(), ticking.tick(minutes=21)

    assert len([line for line in said(first) if "E103" in line]) == 1
    assert not [line for line in said(second) if "E103" in line]
    assert {EDITION} == ticking.frozen()


def test_a_channel_without_its_key_is_told_and_taken_again(ticking: Ticking) -> None:
    """It is logged once; where the key turns up, new routes are asked for."""
    changes: list[int] = []
    ticking.ticker.on_change = lambda: changes.append(1)
    signed = '{type: smtp, host: localhost, from: "a@example.org", dkim: {domain: example.org, selector: s1, key: s1.pem}}'  # fmt: skip
    ticking.write(
        "config.yaml",
        CONFIG.replace(
            '{type: outbox, path: outbox, from: "Agenda <lettre@example.org>"}', signed
        ),
    )

    first, second = ticking.tick(), ticking.tick(minutes=21)
    before = len(changes)
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ticking.write("s1.pem", pem.decode())
    ticking.tick()

    assert 1 == len([line for line in said(first) if "lettre sends nothing" in line])
    assert not [line for line in said(second) if "sends nothing" in line]
    assert {EDITION} == ticking.frozen()
    assert before + 1 == len(changes)


def test_mended_settings_are_taken_and_told(ticking: Ticking) -> None:
    """New settings wake the delivery; the same ones do not."""
    woken: list[bool] = []
    ticking.ticker.on_change = lambda: woken.append(True)
    ticking.tick()
    unchanged = list(woken)
    ticking.write("config.yaml", CONFIG.replace("name: Agenda", "name: Autre"))
    ticking.tick()

    assert (unchanged, woken) == ([], [True])
    assert ticking.ticker.config.site.name == "Autre"


@pytest.mark.parametrize(
    "name",
    ["lecteurs.csv", "campaigns/rappel.md", "templates/theme.yaml", "config.yaml"],
)
def test_a_file_being_written_waits_for_the_next_tick(
    name: str, ticking: Ticking
) -> None:
    """Half a list of readers must not be frozen as the whole."""
    ticking.now += timedelta(minutes=21)
    file = ticking.folder / name
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    ticking.write(name, text, age_s=1)

    waited = ticking.tick()
    before = ticking.frozen()
    ticking.tick(seconds=15)

    assert any(f"{name} changed a moment ago" in line for line in said(waited))
    assert (before, ticking.frozen()) == (set(), {EDITION})


def test_an_event_being_written_keeps_its_last_good_state(ticking: Ticking) -> None:
    """A young event file is as it was; a new one is not there yet."""
    ticking.tick()
    ticking.now += timedelta(minutes=21)
    ticking.write("events/atelier.md", "---\ntitle: At", age_s=1)
    ticking.write("events/autre.md", event(6.5).replace("Atelier", "Bal"), age_s=1)

    ticking.tick()
    before = ticking.frozen()
    ticking.tick(seconds=15)

    assert {EDITION} == before
    assert {EDITION, "rappel/agenda/autre/6h/1"} == ticking.frozen()


def test_a_file_from_the_future_is_read(ticking: Ticking) -> None:
    """A wrong clock dated it; it is not being written for years on end."""
    ticking.write("events/atelier.md", event(6.5), age_s=-10_000_000)
    ticking.write("campaigns/rappel.md", REMINDER, age_s=-10_000_000)

    ticking.tick(minutes=21)

    assert {EDITION} == ticking.frozen()


@pytest.mark.parametrize("place", [".", ".."], ids=["the project's", "above it"])
def test_git_at_work_waits_for_the_next_tick(
    place: str, ticking: Ticking, tmp_path: Path
) -> None:
    """A checkout in progress is half the site; the index lock says so."""
    git = (tmp_path / place / ".git").resolve()
    git.mkdir()
    ticking.now += timedelta(minutes=21)
    ticking.write(os.path.relpath(git / "index.lock", tmp_path), "", age_s=5)

    waited = ticking.tick()
    before = ticking.frozen()
    (git / "index.lock").unlink()
    ticking.tick(seconds=15)
    git.rmdir()

    assert any("git is at work" in line for line in said(waited))
    assert (before, ticking.frozen()) == (set(), {EDITION})


def test_a_lock_that_a_dead_git_left_stops_nothing(ticking: Ticking) -> None:
    """After ten minutes nobody is at work any more."""
    ticking.now += timedelta(minutes=21)
    ticking.write(".git/index.lock", "", age_s=660)

    ticking.tick()

    assert {EDITION} == ticking.frozen()


def test_what_waits_for_a_person_is_logged_once(ticking: Ticking) -> None:
    """Silence would be the worst answer to `approve: manual`."""
    manual = REMINDER.replace("\nto:", "\napprove: manual\nto:")
    ticking.write("campaigns/rappel.md", manual)

    first, second = ticking.tick(minutes=21), ticking.tick(seconds=15)

    assert [f"tambour approve {EDITION}" in line for line in said(first, "warning")] == [True]  # fmt: skip
    assert said(second, "warning") == []


def test_what_was_missed_is_logged_once(ticking: Ticking) -> None:
    """Nobody else would hear of it."""
    ticking.tick()
    first = said(ticking.tick(hours=5), "warning")
    again = said(ticking.tick(seconds=15))

    assert 1 == sum("missed" in line and EDITION in line for line in first)
    assert [] == again


def test_a_doubt_about_who_an_event_is_is_logged(ticking: Ticking) -> None:
    """It comes of what the ledger knows, not of the file alone."""
    ticking.tick()
    (ticking.folder / "events/atelier.md").unlink()
    logs = said(ticking.tick(seconds=15), "warning")

    assert any("E214" in line for line in logs)


def test_an_edition_that_is_too_slow_is_told_once(ticking: Ticking) -> None:
    """Before it leaves, so that somebody may still raise the rate."""
    server = '{type: smtp, host: 127.0.0.1, security: none, rate: 1/d, from: "a@example.org"}'  # fmt: skip
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    ticking.write("config.yaml", CONFIG.replace(old, server))

    first = said(ticking.tick(minutes=20), "warning")
    again = said(ticking.tick(minutes=1), "warning")

    assert {EDITION} == ticking.frozen()
    assert [True] == ["At 1/d the channel lettre needs" in line for line in first]
    assert [] == again


def test_a_failing_edition_is_logged_and_stops_no_other(ticking: Ticking) -> None:
    """A template's error is said with its line; the tick goes on."""
    ticking.write("config.yaml", CONFIG.replace("channels:", "channels:\n  autre: {type: outbox}"))  # fmt: skip
    ticking.write("campaigns/a.md", "---\nkind: reminder\nsend: {before: [6h]}\nto: [{channel: autre, template: reminder, audience: lecteurs}]\n---\n{{ nope }}\n")  # fmt: skip

    logs = ticking.tick(minutes=21)

    assert any("campaigns/a.md:6: E403" in line for line in said(logs, "warning"))
    assert {EDITION} == ticking.frozen()


def test_a_tick_that_fails_is_not_the_last(ticking: Ticking) -> None:
    """Whatever happens is logged, and the next tick tries again."""
    shown = ticking.folder / "var" / "tambour.db"
    ledger, ticking.ticker.ledger = ticking.ticker.ledger, open_for_reading("sqlite:///nope.db", root=shown)  # fmt: skip
    ticking.ticker.ledger.close()
    readonly = open_for_reading("sqlite:///var/tambour.db", root=ticking.folder)
    ticking.ticker.ledger = readonly
    failed = ticking.tick(minutes=21)
    ticking.ticker.ledger = ledger
    readonly.close()
    ticking.tick(seconds=15)

    assert any("failed" in line for line in said(failed, "error"))
    assert {EDITION} == ticking.frozen()


# ── a process of its own ────────────────────────────────────────────────────────


class Daemon:
    """A running `tambour run`, and what it logs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._queue.put(line)
        self._queue.put(None)

    def wait_for(self, words: str) -> None:
        """Wait until a line says *words*."""
        while not self.lines or words not in self.lines[-1]:
            line = self._queue.get(timeout=DEADLINE_S)
            assert line is not None, "".join(self.lines)
            self.lines.append(line)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


@contextmanager
def running(folder: Folder) -> Iterator[Daemon]:
    """Run the daemon of a project."""
    command = [sys.executable, "-m", "tambour", "-C", str(folder.path), "run", "--json"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        try:
            daemon = Daemon(process)
            daemon.wait_for("started")
            yield daemon
        finally:
            process.kill()


@pytest.fixture
def settled(folder: Folder) -> Folder:
    """A project whose files were all written an hour ago."""
    then = datetime.now(UTC).timestamp() - 3600
    for file in folder.path.rglob("*"):
        os.utime(file, (then, then))
    return folder


def test_the_daemon_sends_and_ends_cleanly(settled: Folder) -> None:
    """`run` freezes and sends what is due; SIGTERM ends it with 0; others wait."""
    text = (settled.path / "config.yaml").read_text(encoding="utf-8")
    settled.write("config.yaml", text + "safety: {hold_before_send: 0s}\n")
    os.utime(settled.path / "config.yaml", (0, 0))
    with running(settled) as daemon:
        daemon.wait_for("frozen")
        second = child("-C", str(settled.path), "run")
        sending = settled.run("send", "--yes")
        while settled.states() != {"sent": 3}:
            assert daemon.process.poll() is None
        code = daemon.stop()

    assert (second.returncode, sending.code, code) == (7, 7, 0)
    assert "another Tambour is sending" in second.stderr
    assert len(settled.filed()) == 3


def test_a_held_edition_does_not_leave(settled: Folder) -> None:
    """During hold_before_send, `hold` stops what the daemon has frozen."""
    with running(settled) as daemon:
        daemon.wait_for("frozen")
        held = settled.run("hold", EDITION)
        code = daemon.stop()

    after = settled.run("send", "--yes")
    assert (held.code, code, after.code) == (0, 0, 6)
    assert settled.filed() == []
    assert settled.states() == {"planned": 3}


def test_the_daemon_tells_why_a_channel_is_left_alone(settled: Folder) -> None:
    """Without that, a dead server looks like nothing to do."""
    with dead_port() as port:
        server = f'{{type: smtp, host: 127.0.0.1, port: {port}, security: none, from: "a@example.org"}}'  # fmt: skip
        settled.configure(CONFIG.split("lettre: ")[1].split("\n")[0], server)
        text = (settled.path / "config.yaml").read_text(encoding="utf-8")
        settled.write("config.yaml", text + "safety: {hold_before_send: 0s}\n")
        os.utime(settled.path / "config.yaml", (0, 0))
        with running(settled) as daemon:
            daemon.wait_for("a channel is put off")
            said = daemon.lines[-1]
            daemon.stop()

    assert "lettre" in said
    assert "cannot be reached" in said
