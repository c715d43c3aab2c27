"""A sender is killed again and again; nobody is forgotten, and every doubt is named."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from fault_trials import URL, open_new_ledger
from kill_series import Nursery, nursery, run_series
from ledger_samples import freeze
from tambour.delivery.world import WAVE_MESSAGES, CrashPoint
from tambour.ledger import open_for_reading
from tambour.ledger.records import Record
from tambour.model import DeliveryState

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
        self.births: Nursery | None = None

    def take(self, recipient: str) -> None:
        """Deliver, and kill the sender if it was the fatal one."""
        self.taken[recipient] += 1
        self.kill_after -= 1
        if self.kill_after == 0 and self.births is not None:
            self.births.kill()

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


@pytest.fixture(scope="module")
def births() -> Iterator[Nursery]:
    """Have senders."""
    with nursery() as births:
        yield births


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with an edition to send."""
    with closing(open_new_ledger(tmp_path)) as ledger:
        freeze(ledger, RECIPIENTS, due=datetime.now(UTC), deadline=None)
    return tmp_path


def send(
    root: Path,
    server: LineServer,
    births: Nursery,
    *,
    kill_after: int = 0,
    point: str = "",
    occurrence: int = 0,
) -> int:
    """Run a sender to its end, whichever that is, and return its exit status."""
    server.births, server.kill_after = births, kill_after
    return births.send(
        root=str(root),
        port=server.server_address[1],
        wave_size=WAVE,
        point=point,
        occurrence=occurrence,
    )


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
    root: Path,
    server: LineServer,
    births: Nursery,
    point: CrashPoint,
    occurrence: int,
) -> None:
    """Killed where it hurts, then started again: all is sent, each doubt is a row."""
    status = send(root, server, births, point=point, occurrence=occurrence)
    kills = int(status == -signal.SIGKILL)
    if kills:
        left = Counter(one.state for one in records(root))
        assert left[DeliveryState.IN_FLIGHT] <= IN_FLIGHT
        assert 0 == send(root, server, births)

    assert kills or point is CrashPoint.SETTLED
    assert_nobody_forgotten(root, server, kills=kills)


def test_killed_at_random(root: Path, server: LineServer, births: Nursery) -> None:
    """Killed ten times as messages arrive, it still forgets nobody."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    dice = random.Random(seed)
    kills = 0
    for _ in range(10):
        status = send(root, server, births, kill_after=dice.randint(1, 60))
        kills += status == -signal.SIGKILL
        if status == 0:
            break
    else:
        assert 0 == send(root, server, births)

    assert kills
    assert_nobody_forgotten(root, server, kills=kills)


# ── Over SMTP, taken on before the reply ────────────────────────────────────────


@pytest.mark.parametrize("mode", ["PIPELINING", "CHUNKING"])
def test_killed_at_random_over_smtp(tmp_path: Path, mode: str) -> None:
    """Killed with messages on the wire: none is lost, each double is a row in doubt."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    series = run_series(tmp_path, kills=5, dice=random.Random(seed), mode=mode)

    assert {"sent": series.messages} == series.states()
    assert [] == series.violations
    assert (0, 0, 0) == (series.lost(), series.unnamed(), series.unexplained())
    assert sum(series.doubled) <= sum(series.in_doubt)
    assert max(series.in_doubt) <= 2 * WAVE_MESSAGES


def test_killed_on_hold_over_smtp(tmp_path: Path) -> None:
    """Where doubt waits for a person, a kill leaves one row in doubt and no double."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    dice = random.Random(seed)
    series = run_series(tmp_path, kills=3, dice=dice, on_uncertain="hold", most=30)

    assert {"sent", "uncertain"} >= {*series.states()}
    assert series.states()["uncertain"] <= 3
    assert [] == series.violations
    assert {1} == {*series.copies.values()}
    assert (0, [0] * 3) == (series.lost(), series.doubled)
    assert max(series.in_doubt) <= 1
