from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from command_line import Folder
from ledger_files import open_ledger
from peers import dead_port
from tambour.config import load_config
from tambour.daemon import Ticker
from tambour.delivery.delivering import deliver_once
from tambour.delivery.guard import Guard
from tambour.delivery.world import World
from tambour.rendering.templates import Templates

EDITION = "rappel/agenda/atelier/6h/1"
SECOND = "rappel/agenda/visite/6h/1"
WINDOW = timedelta(minutes=11)
"""A little longer than `hold_before_send` and `settle`."""


@dataclass(slots=True)
class Running:
    """The daemon of a project, and the hands of its clock."""

    folder: Folder
    ticker: Ticker
    world: World
    ahead: timedelta = timedelta()

    def tick(self, passed: timedelta = timedelta()) -> None:
        """Let time pass, plan and freeze."""
        self.ahead += passed
        old = datetime.now(UTC).timestamp() - 4 * 3600
        for file in self.folder.path.rglob("*.*"):
            if "var" not in file.parts:
                os.utime(file, (old, old))
        with capture_logs():
            self.ticker.tick()

    def deliver(self, passed: timedelta = timedelta()) -> int:
        """Let time pass, and try what is due; return how many messages there are."""
        self.ahead += passed
        deliver_once(self.ticker.config, self.ticker.ledger, self.world)
        return len(self.folder.filed())

    def channels(self, edition: str) -> set[str]:
        """Return where an edition has deliveries."""
        rows = self.folder.deliveries()
        return {row["channel"] for row in rows if row["edition"] == edition}


@pytest.fixture
def running(folder: Folder) -> Iterator[Running]:
    """A daemon that has not ticked yet."""
    config = load_config(folder.path, environ={})
    ledger = open_ledger(config)
    world = World(
        clock=lambda: datetime.now(UTC) + made.ahead,
        monotonic=lambda: 0.0,
        sleep=asyncio.sleep,
        chance=lambda: 0.0,
    )
    ticker = Ticker(
        root=folder.path,
        env=None,
        config=config,
        ledger=ledger,
        templates=Templates(folder.path),
        guard=Guard(ledger, world, machine=None),
    )
    made = Running(folder, ticker, world)
    yield made
    ledger.close()


def manual(folder: Folder) -> None:
    """Let the reminder wait for a person."""
    file = folder.path / "campaigns/rappel.md"
    text = file.read_text(encoding="utf-8")
    folder.write("campaigns/rappel.md", text.replace("\nto:", "\napprove: manual\nto:"))


# ── the time in which a person may stop what is late ────────────────────────────


def test_what_nobody_stops_leaves_after_the_window(running: Running) -> None:
    """`hold_before_send` is waited, and no longer."""
    running.tick()

    assert 0 == running.deliver()
    assert 3 == running.deliver(WINDOW)


@pytest.mark.parametrize(
    ("decision", "said"),
    [("hold", "3 messages wait until"), ("cancel", "3 messages will not leave")],
)
def test_a_person_stops_all_of_it_in_the_window(
    decision: str, said: str, running: Running
) -> None:
    """What is frozen already, and would leave in minutes, does not."""
    running.tick()
    running.deliver()
    decided = running.folder.run(decision, EDITION)
    running.tick(WINDOW)

    assert said in decided.out
    assert 0 == running.deliver(WINDOW)


def test_what_was_held_in_the_window_leaves_once_approved(running: Running) -> None:
    """At once: the window is over for whoever has looked."""
    running.tick()
    running.folder.run("hold", EDITION)
    approved = running.folder.run("approve", EDITION)

    assert (
        f"{EDITION} is approved: 3 messages leave with the next send." in approved.out
    )
    assert 3 == running.deliver()


def test_approval_hastens_what_waits_in_the_window(running: Running) -> None:
    """Who approves has looked; nobody else needs the time."""
    running.tick()
    approved = running.folder.run("approve", EDITION)

    assert 0 == approved.code
    assert 3 == running.deliver()


def test_approval_makes_nothing_due_before_its_time(running: Running) -> None:
    """An edition that is frozen early leaves when it is due."""
    running.folder.event("atelier", hours=6.1)
    running.tick()
    assert {EDITION} == set(running.ticker.ledger.snapshot().editions)
    running.folder.run("approve", EDITION)

    assert 0 == running.deliver()
    assert 3 == running.deliver(WINDOW)


# ── approve: manual, for every kind and on every channel ────────────────────────

CHANNELS = {"lettre", "equipe", "courrier", "crochet"}
TARGETS = "\n".join(
    f"  - {{channel: {channel}, {'audience: lecteurs, ' if is_mail else ''}template: KIND}}"
    for channel, is_mail in [
        ("lettre", True),
        ("courrier", True),
        ("equipe", False),
        ("crochet", False),
    ]
)
DIGEST = f"---\nkind: digest\nsend: {{every: day 00:00}}\napprove: manual\nto:\n{TARGETS.replace('KIND', 'digest')}\n---\n"
REMINDER = f"---\nkind: reminder\nsend: {{before: [6h]}}\napprove: manual\nto:\n{TARGETS.replace('KIND', 'reminder')}\n---\n"


def held_now(running: Running) -> list[str]:
    """Return what waits for a person, as the daemon sees it."""
    running.ticker.said = frozenset()
    with capture_logs() as logs:
        running.ticker.tick()
    lines = [one["where"] for one in logs if one["event"] == "held"]
    return sorted({line.split(": ")[0] for line in lines if "tambour approve" in line})


@pytest.fixture
def everywhere(running: Running) -> Iterator[Running]:
    """Channels of every kind; nobody answers at two of them."""
    with dead_port() as port:
        running.folder.configure(
            "channels:",
            f"channels:\n  crochet: {{type: webhook, url: 'http://127.0.0.1:{port}/'}}\n"
            f"  courrier: {{type: smtp, host: 127.0.0.1, port: {port}, security: none, from: a@example.org}}",
        )
        # Decisions are made by the real clock: changes must not be later than they are.
        running.ahead = -timedelta(hours=2)
        yield running


def wait_and_approve(running: Running, edition: str) -> None:
    """See an edition wait, on all channels, until a person approves it."""
    assert [edition] == held_now(running)
    running.deliver(WINDOW)
    assert set() == running.channels(edition)
    approved = running.folder.run("approve", edition)
    assert 0 == approved.code, approved.err
    running.tick()
    running.deliver(WINDOW)
    assert CHANNELS == running.channels(edition)
    assert [] == held_now(running)


def test_reminders_and_their_corrections_wait_for_approval(everywhere: Running) -> None:
    """Who approves what is said also approves what puts it right."""
    everywhere.folder.write("campaigns/rappel.md", REMINDER)
    everywhere.tick()
    wait_and_approve(everywhere, EDITION)
    file = everywhere.folder.path / "events/atelier.md"
    text = file.read_text(encoding="utf-8")
    everywhere.folder.write("events/atelier.md", text.replace("title:", "venue: Salle 2\ntitle:"))  # fmt: skip
    everywhere.tick()
    everywhere.tick(WINDOW)
    edition = "rappel/agenda/atelier/correction/1"
    # Nobody got the first one where nobody answers: they get another revision of it.
    assert ["rappel/agenda/atelier/6h/2", edition] == held_now(everywhere)
    assert set() == everywhere.channels(edition)
    everywhere.folder.run("approve", edition)
    everywhere.tick()
    everywhere.deliver(WINDOW)

    assert {"lettre", "equipe"} == everywhere.channels(edition)


def test_digests_wait_for_approval(everywhere: Running) -> None:
    """As reminders do."""
    (everywhere.folder.path / "campaigns/rappel.md").unlink()
    everywhere.folder.write("campaigns/agenda.md", DIGEST)
    everywhere.folder.event("plus-tard", hours=100)
    everywhere.tick()
    everywhere.tick(timedelta(days=1))
    (edition,) = held_now(everywhere)

    assert edition.startswith("agenda/")
    wait_and_approve(everywhere, edition)


# ── what is said, and what makes no sense ───────────────────────────────────────


def decide(folder: Folder, command: str, *editions: str) -> Any:
    """Run a command that must be fine, and return its JSON."""
    done = folder.run(command, *editions, "--json")
    assert 0 == done.code, done.err
    return done.json


def test_several_are_approved_at_once(folder: Folder) -> None:
    """Each is told; one that makes no sense keeps the others from being decided."""
    folder.event("visite", title="Visite")
    manual(folder)
    refused = folder.run("approve", EDITION, "nope/1")
    before = folder.run("send", "--yes").code
    done = decide(folder, "approve", EDITION, SECOND)
    after = folder.run("send", "--yes").code

    assert (1, 6, 0) == (refused.code, before, after)
    assert [EDITION, SECOND] == [one["edition"] for one in done["editions"]]
    assert {"sent": 6} == folder.states()


@pytest.mark.parametrize(
    ("before", "command", "said"),
    [
        (["send --yes"], "approve", "is finished: nothing of it waits"),
        (["send --yes"], "hold", "is finished: nothing of it waits"),
        (["send --yes"], "cancel", "is finished: nothing of it waits"),
        (["send --yes"], "retry", "nothing of rappel/agenda/atelier/6h/1 failed"),
        (["cancel E"], "cancel", "is cancelled already"),
        (["cancel E"], "hold", "is cancelled; `tambour approve"),
        (["cancel E"], "retry", "was sent"),
        (["hold E"], "hold", "is held already"),
        (["approve E"], "approve", "is approved already"),
    ],
)
def test_what_makes_no_sense_is_refused(
    before: list[str], command: str, said: str, folder: Folder
) -> None:
    """With a sentence that says how the edition stands, and exit code 1."""
    for one in before:
        assert 0 == folder.run(*one.replace("E", EDITION).split()).code
    refused = folder.run(command, EDITION)

    assert 1 == refused.code
    assert said in refused.err


def in_the_way(folder: Folder) -> None:
    """Freeze an edition of which nothing can leave."""
    folder.write("outbox", "in the way")
    assert 75 == folder.run("send", "--yes").code


def test_what_is_left_of_an_edition_is_ended_once(folder: Folder) -> None:
    """`cancel` counts what does not leave; afterwards nothing brings it back."""
    in_the_way(folder)
    done = decide(folder, "cancel", EDITION)
    (folder.path / "outbox").unlink()
    refused = {
        command: folder.run(command, EDITION)
        for command in ("cancel", "hold", "approve", "retry")
    }

    assert (3, 3) == (done["cancelled"], done["editions"][0]["cancelled"])
    assert {1} == {one.code for one in refused.values()}
    assert "is cancelled already" in refused["cancel"].err
    assert "was cancelled; what had not left never will" in refused["retry"].err
    assert {"cancelled": 3} == folder.states()


def test_a_superseded_edition_is_not_retried(folder: Folder) -> None:
    """What is no longer so is said by another revision, and not again."""
    in_the_way(folder)
    file = folder.path / "events/atelier.md"
    text = file.read_text(encoding="utf-8")
    folder.write("events/atelier.md", text.replace("title:", "venue: Salle 2\ntitle:"))
    folder.run("send", "--yes")
    refused = [folder.run(one, EDITION) for one in ("retry", "approve", "hold")]

    assert {"superseded": 3} == folder.states()
    assert [1, 1, 1] == [one.code for one in refused]
    assert all("says what is no longer so" in one.err for one in refused)


def test_a_cancelled_edition_that_is_not_frozen_may_be_approved(folder: Folder) -> None:
    """A person may think better of it in time."""
    decide(folder, "cancel", EDITION)
    assert 0 == folder.run("send", "--yes").code
    assert [] == folder.filed()
    decide(folder, "approve", EDITION)

    assert 0 == folder.run("send", "--yes").code
    assert {"sent": 3} == folder.states()


def test_approval_says_what_still_keeps_it(folder: Folder) -> None:
    """An audience without anybody is not mended by a person's consent."""
    folder.write("lecteurs.csv", "email\n")
    approved = folder.run("approve", EDITION)

    assert 0 == approved.code
    assert "is approved: but lettre still waits:" in approved.out


def test_an_edition_to_come_is_approved_with_its_date(folder: Folder) -> None:
    """So that nobody expects it at once."""
    folder.event("atelier", hours=30)
    manual(folder)
    approved = folder.run("approve", EDITION)

    assert "is approved: 3 messages leave on 20" in approved.out
