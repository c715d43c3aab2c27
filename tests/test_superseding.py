"""Editions stopped while they are being sent: nobody gets both revisions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from delivery_samples import Time, outcome, route, send
from ledger_files import open_for_writing
from ledger_samples import NOW, claim, edition, facts, freeze, people, result, states
from peers.loopback import Desk
from tambour.ledger import Ledger
from tambour.ledger.states import Step
from tambour.model import (
    Decision,
    DeliveryState,
    EditionId,
    Message,
    OutcomeKind,
    Revision,
)

URL = "sqlite:///tambour.db"
FIRST, SECOND = EditionId("hebdo/2027-03-22/1"), EditionId("hebdo/2027-03-22/2")
RECIPIENTS = 200
NO, LATER, LOST = (
    outcome(kind)
    for kind in (OutcomeKind.REJECTED, OutcomeKind.DEFERRED, OutcomeKind.UNCERTAIN)
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Open a new ledger in a file."""
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        yield ledger


class Ticks:
    """Ticks between the messages of a fan-out, from a certain one on."""

    def __init__(self, ledger: Ledger, decision: Decision, *, after: int) -> None:
        self.ledger = ledger
        self.decision = decision
        self.after = after
        self.count = 0
        self.is_stopped = False
        self.lost = {f"p{number}@example.org" for number in (4, 102)}
        self.desk = Desk(on_message=self.pass_by)
        self.desk.answers = {
            "p2@example.org": NO,
            "p3@example.org": LATER,
            "p101@example.org": LATER,
            "p198@example.org": LATER,
        } | dict.fromkeys(self.lost, LOST)

    def pass_by(self, _message: Message) -> None:
        """Count a message that arrives."""
        self.count += 1
        if self.count > self.after:
            self.tick()

    def tick(self) -> bool:
        """Stop the first revision, then freeze the second as soon as that can be."""
        if not self.is_stopped:
            self.is_stopped = True
            stop = Revision(edition=FIRST, deadline=None, stop=self.decision)
            self.ledger.revise(stop, NOW)
        if self.decision is not Decision.SUPERSEDE:
            return True
        new = edition(SECOND, facts=(facts(venue="Mairie"),))
        self.ledger.freeze(
            new, people(RECIPIENTS), audiences={}, unless_reached=[FIRST]
        )
        return SECOND in self.ledger.snapshot().editions

    def taken(self) -> dict[str, Counter[str]]:
        """Return what each edition brought to whom."""
        taken: dict[str, Counter[str]] = {FIRST: Counter(), SECOND: Counter()}
        for message in self.desk.taken:
            name = message.key.strip("<>").rpartition("/")[0]
            taken[name][message.recipient] += 1
        return taken


@pytest.mark.parametrize("share", [0, 50, 99])
def test_everybody_gets_one_revision(ledger: Ledger, share: int) -> None:
    """Stopped at any point, the rest is told by the second, and by it alone."""
    freeze(ledger, RECIPIENTS)
    ticks = Ticks(ledger, Decision.SUPERSEDE, after=RECIPIENTS * share // 100)
    clock = Time()
    if share == 0:
        ticks.tick()
    send(ledger, route(ticks.desk), time=clock)
    ticks.desk.answers = {}
    assert ticks.tick()
    clock.pass_by(timedelta(hours=5))
    send(ledger, route(ticks.desk), time=clock)
    taken = ticks.taken()
    first, second = taken[FIRST], taken[SECOND]
    refused = {
        one.recipient
        for one in ledger.history.deliveries(edition=SECOND)
        if one.state is DeliveryState.FAILED
    }

    assert RECIPIENTS == len(first.keys() | second.keys() | refused)
    assert not first.keys() & second.keys()
    assert {who for who, n in second.items() if n > 1} <= ticks.lost
    assert {1} >= set(first.values())
    assert (share > 0) == bool(first)
    assert all(one.is_balanced for one in ledger.history.counts())
    assert [] == [d for d in ledger.history.deliveries() if d.next_try]


@pytest.mark.parametrize("share", [0, 50, 99])
def test_what_is_cancelled_reaches_nobody_else(ledger: Ledger, share: int) -> None:
    """Only what was in flight leaves after it; what is put off never comes back."""
    freeze(ledger, RECIPIENTS)
    ticks = Ticks(ledger, Decision.CANCEL, after=RECIPIENTS * share // 100)
    clock = Time()
    if share == 0:
        ticks.tick()
    send(ledger, route(ticks.desk), time=clock)
    ticks.desk.answers = {}
    clock.pass_by(timedelta(hours=5))
    send(ledger, route(ticks.desk), time=clock)
    found = states(ledger)

    assert {1} >= set(ticks.taken()[FIRST].values())
    assert len(ticks.taken()[FIRST]) <= RECIPIENTS * share // 100 + 8
    assert "cancelled" == found["p3@example.org"]
    assert [] == [d for d in ledger.history.deliveries() if d.next_try]


# ── Killed ──────────────────────────────────────────────────────────────────────

TICK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_files import open_for_writing
from ledger_samples import NOW, edition, facts, people
from tambour.model import Decision, Revision
def say(word):
    print(word, flush=True)
def readers():
    say("reading")
    yield from people(2000)
    say("read")
first, second = sys.argv[3:]
ledger = open_for_writing("sqlite:///tambour.db", root=Path(sys.argv[1]))
say("open")
ledger.revise(
    Revision(edition=first, deadline=None, stop=Decision.SUPERSEDE), NOW
)
say("stopped")
new = edition(second, facts=(facts(venue="Mairie"),))
say(ledger.freeze(new, readers(), audiences={}, unless_reached=[first]))
"""


@pytest.mark.parametrize(
    ("word", "written_bytes"),
    [
        pytest.param("open", 0, id="as it stops the first"),
        pytest.param("stopped", 0, id="after it"),
        pytest.param("reading", 0, id="while it reads"),
        pytest.param("read", 0, id="as it begins to write"),
        pytest.param("read", 100_000, id="while it writes"),
        pytest.param("read", 300_000, id="while it writes on"),
        pytest.param("True", 0, id="at the end"),
    ],
)
def test_a_killed_tick_leaves_all_or_nothing(
    tmp_path: Path, word: str, written_bytes: int
) -> None:
    """Killed around a revision's freezing, the next tick comes to the same end."""
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        freeze(ledger, 2000)
        done = [result(one, Step.ACCEPT) for one in claim(ledger, limit=900)]
        ledger.settle(done, (), now=NOW)
    tests = str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", TICK, str(tmp_path), tests, FIRST, SECOND],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    while child.stdout.readline().strip() != word:
        assert child.poll() is None
    wal = tmp_path / "tambour.db-wal"
    end_bytes = wal.stat().st_size + written_bytes
    while child.poll() is None and wal.stat().st_size < end_bytes:
        pass
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        there = SECOND in ledger.snapshot().editions
        stop = Revision(edition=FIRST, deadline=None, stop=Decision.SUPERSEDE)
        ledger.revise(stop, NOW)
        new = edition(SECOND, facts=(facts(venue="Mairie"),))
        is_frozen = ledger.freeze(
            new, people(2000), audiences={}, unless_reached=[FIRST]
        )
        found = Counter(d.state for d in ledger.history.deliveries(edition=SECOND))
        counts = ledger.history.counts()

    assert is_frozen is not there
    assert {"planned": 1100} == found
    assert all(one.is_balanced for one in counts)
