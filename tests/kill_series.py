"""
Senders killed again and again over the real SMTP channel, and what became of the mail.

The server takes a message on before it replies, which is when a kill hurts most. Run as
a script (`scripts/kills`) it prints a table; the suite runs short series.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from typing import Any

from fault_trials import URL, letter, open_new_ledger
from ledger_files import open_for_writing
from ledger_samples import freeze, people
from peers.faults import Faults
from peers.faulty_smtp import faulty_server
from peers.sink import Sink

HEAD = """seed {0.seed}, {0.kills} kills in each line

|server offers|on_uncertain|kills|messages|lost|doubled a kill|in doubt a kill|unnamed|
|-|-|-|-|-|-|-|-|"""
CHILD = Path(__file__).parent / "kill_child.py"
LIMIT_S = 60.0
MOST_BEFORE_A_KILL = 150
LATEST_S = 0.02
MODES = {
    "PIPELINING": frozenset({"CHUNKING"}),
    "CHUNKING": frozenset[str](),
    "neither": frozenset({"PIPELINING", "CHUNKING"}),
}


class Nursery:
    """Where senders come from, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._pid = 0

    def send(self, **sender: Any) -> int:
        """Let a sender live, and return its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(sender) + "\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        hung = threading.Event()
        watch = threading.Timer(LIMIT_S, lambda: (hung.set(), self.kill()))
        watch.start()
        status = int(self._process.stdout.readline())
        watch.cancel()
        self._pid = 0
        assert not hung.is_set(), "a sender neither ended nor was killed"
        return status

    def kill(self) -> None:
        """Kill the sender that lives now, if any."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Start the process that forks senders: what they import is imported once."""
    with subprocess.Popen(
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


@dataclass(kw_only=True)
class Series:
    """What a series of kills came to; lists have an entry for each kill."""

    root: Path
    messages: int = 0
    in_doubt: list[int] = field(default_factory=list)
    """Rows whose result the kill took away."""
    doubled: list[int] = field(default_factory=list)
    """Copies that were sent for such a doubt, when there was one already."""
    copies: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    _doubted: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Whose latest doubt is from which kill, and the copies that there were then."""

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the ledger's file."""
        with closing(sqlite3.connect(self.root / "tambour.db")) as connection:
            return connection.execute(query).fetchall()

    def states(self) -> Counter[str]:
        """Return how many are in which state."""
        return Counter(state for (state,) in self.ask("SELECT state FROM delivery"))

    def lost(self) -> int:
        """Count those who have nothing, and of whom no row says that it is in doubt."""
        rows = self.ask("SELECT recipient, state FROM delivery")
        return sum(not self.copies[who] for who, state in rows if state != "uncertain")

    def blame(self) -> None:
        """Count the copies that followed from each kill so far."""
        for who, (kill, copies) in self._doubted.items():
            self.doubled[kill] += max(0, self.copies[who] - max(1, copies))
            self._doubted[who] = (kill, self.copies[who])

    def doubt(self) -> None:
        """Count what a kill has left."""
        self.blame()
        rows = self.ask("SELECT recipient FROM delivery WHERE state = 'in_flight'")
        kill = len(self.doubled)
        self._doubted |= {who: (kill, self.copies[who]) for (who,) in rows}
        self.in_doubt.append(len(rows))
        self.doubled.append(0)

    def unexplained(self) -> int:
        """Count copies after the first that followed from no kill."""
        return self.copies.total() - len(self.copies) - sum(self.doubled)

    def unnamed(self) -> int:
        """Count copies that no doubt in a row explains."""
        rows = self.ask("SELECT recipient, doubts FROM delivery")
        return sum(max(0, self.copies[who] - 1 - doubts) for who, doubts in rows)


def run_series(
    root: Path,
    *,
    kills: int,
    dice: Random,
    mode: str = "CHUNKING",
    on_uncertain: str = "resend",
    most: int = MOST_BEFORE_A_KILL,
) -> Series:
    """
    Kill so many senders, then let one finish.

    Each is killed when the server takes on a message, drawn from the next *most*, or
    within LATEST_S after that.
    """
    series = Series(root=root)
    open_new_ledger(root).close()
    with faulty_server(Faults(without=MODES[mode])) as sink, nursery() as births:

        def send(*, after: int) -> int:
            aim(sink, births, after=after, delay_s=dice.choice([0.0, dice.random()]))
            status = births.send(
                root=str(root), port=sink.port, speaks="smtp", on_uncertain=on_uncertain
            )
            sink.wait_for_quiet()
            series.copies = sink.recipients()
            assert status in (0, -signal.SIGKILL), status
            return status

        while len(series.doubled) < kills:
            add_people(series, 2 * most)
            if send(after=dice.randint(1, most)):
                series.doubt()
        assert 0 == send(after=0)
        series.blame()
        series.violations = sink.violations
        assert all(letter(one.recipient) == one.content for one in sink.taken)
    return series


def aim(sink: Sink, births: Nursery, *, after: int, delay_s: float) -> None:
    """Kill the next sender at so many messages from now, or a moment later."""
    fatal = len(sink.taken) + after

    def take_aim(_taken: object) -> None:
        if len(sink.taken) == fatal and delay_s:
            threading.Timer(delay_s * LATEST_S, births.kill).start()
        elif len(sink.taken) == fatal:
            births.kill()

    sink.on_taken = take_aim


def add_people(series: Series, wanted: int) -> None:
    """See that there are so many to send to."""
    waiting = series.ask("SELECT count(*) FROM delivery WHERE next_try IS NOT NULL")
    missing = wanted - waiting[0][0]
    if missing <= 0:
        return
    drafts = people(missing, first=series.messages)
    series.messages += missing
    with closing(open_for_writing(URL, root=series.root)) as ledger:
        freeze(
            ledger,
            drafts,
            name=f"hebdo/2027-03-22/{series.messages}",
            due=datetime.now(UTC),
            deadline=None,
        )


def main() -> None:
    """Run long series, and print what became of them."""
    parser = argparse.ArgumentParser(description="Kill senders, and count.")
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    print(HEAD.format(arguments))  # noqa: T201 - a table is what it is for
    for mode, policy in [*((mode, "resend") for mode in MODES), ("CHUNKING", "hold")]:
        dice = Random(arguments.seed)
        with TemporaryDirectory() as folder:
            series = run_series(
                Path(folder),
                kills=arguments.kills,
                dice=dice,
                mode=mode,
                on_uncertain=policy,
            )
            print(row_of(series, mode, policy), flush=True)  # noqa: T201 - the same


def row_of(series: Series, mode: str, policy: str) -> str:
    """Return a line of the table."""
    kills = len(series.doubled)
    columns = (
        mode,
        policy,
        kills,
        f"{series.messages:,}",
        series.lost(),
        f"{sum(series.doubled) / kills:.1f}, at most {max(series.doubled)}",
        f"{sum(series.in_doubt) / kills:.1f}, at most {max(series.in_doubt)}",
        series.unnamed() + series.unexplained(),
    )
    return f"|{'|'.join(map(str, columns))}|"


if __name__ == "__main__":
    main()
