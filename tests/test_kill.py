"""A sender is killed again and again; nobody is forgotten, and every doubt is named."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from ledger_samples import freeze
from tambour.delivery.world import CrashPoint
from tambour.ledger import open_for_reading, open_for_writing
from tambour.ledger.records import Record
from tambour.model import DeliveryState

URL = "sqlite:///var/tambour.db"
CHILD = Path(__file__).parent / "kill_child.py"
RECIPIENTS = 200
WAVE = 20
IN_FLIGHT = 2 * WAVE
"""Messages whose result a kill can take away: two waves, committed together."""


class LineServer(ThreadingTCPServer):
    """Takes a line for a message; the moment a line is read, it is delivered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), LineHandler)
        self.taken: Counter[str] = Counter()
        self.kill_after = 0
        self.victim: subprocess.Popen[bytes] | None = None

    def take(self, recipient: str) -> None:
        """Deliver, and kill the sender if it was the fatal one."""
        self.taken[recipient] += 1
        self.kill_after -= 1
        if self.kill_after == 0 and self.victim is not None:
            self.victim.send_signal(signal.SIGKILL)

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed resets its connection; that is no news."""


class LineHandler(StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Answer each line after the message is delivered."""
        assert isinstance(self.server, LineServer)
        for line in self.rfile:
            self.server.take(line.decode().strip())
            self.wfile.write(b"250\n")


@pytest.fixture
def server() -> Iterator[LineServer]:
    """Listen on loopback."""
    with LineServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with an edition to send."""
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        freeze(ledger, RECIPIENTS, due=datetime.now(UTC), deadline=None)
    return tmp_path


def send(
    root: Path,
    server: LineServer,
    *,
    point: str = "-",
    occurrence: int = 0,
    kill_after: int = 0,
) -> int:
    """Run a sender to its end, whichever that is, and return its exit status."""
    port = server.server_address[1]
    command = [sys.executable, CHILD, root, str(port), point, str(occurrence)]
    with subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        server.victim, server.kill_after = child, kill_after
        status = child.wait()
    server.victim = None
    return status


def records(root: Path) -> list[Record]:
    """Return what the ledger says of each recipient."""
    with closing(open_for_reading(URL, root=root)) as ledger:
        return [*ledger.history.deliveries()]


def assert_nobody_forgotten(root: Path, server: LineServer, *, kills: int) -> None:
    """Everybody got it, few twice, and those are rows with more than one attempt."""
    found = records(root)
    attempts = {one.recipient: one.attempts for one in found}
    doubled = {who for who, count in server.taken.items() if count > 1}

    assert RECIPIENTS == len(server.taken)
    assert {DeliveryState.SENT} == {one.state for one in found}
    assert sum(server.taken.values()) - RECIPIENTS <= IN_FLIGHT * kills
    assert doubled <= {who for who, count in attempts.items() if count > 1}


@pytest.mark.parametrize("occurrence", [1, 3], ids=["first", "third"])
@pytest.mark.parametrize("point", CrashPoint, ids=str)
def test_killed_at_a_crash_point(
    root: Path, server: LineServer, point: CrashPoint, occurrence: int
) -> None:
    """Killed where it hurts, then started again: all is sent, each doubt is a row."""
    status = send(root, server, point=point, occurrence=occurrence)
    kills = int(status == -signal.SIGKILL)
    if kills:
        left = Counter(one.state for one in records(root))
        assert left[DeliveryState.IN_FLIGHT] <= IN_FLIGHT
        assert 0 == send(root, server)

    assert kills or point is CrashPoint.SETTLED
    assert_nobody_forgotten(root, server, kills=kills)


def test_killed_at_random(root: Path, server: LineServer) -> None:
    """Killed ten times as messages arrive, it still forgets nobody."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    dice = random.Random(seed)
    kills = 0
    for _ in range(10):
        status = send(root, server, kill_after=dice.randint(1, 60))
        kills += status == -signal.SIGKILL
        if status == 0:
            break
    else:
        assert 0 == send(root, server)

    assert kills
    assert_nobody_forgotten(root, server, kills=kills)
