"""
Whole deliveries to a faulty mail server, and what must be true of them in the end.

The ledger is a real file, the channel is the real one, the server is on loopback; only
time is simulated: it passes where delivery sleeps, and from one try to the next.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from ledger_files import open_for_writing
from ledger_samples import NOW, freeze, people
from peers.faults import Faults
from peers.faulty_smtp import faulty_server
from peers.loopback import in_time
from peers.sink import Sink, Taken
from tambour.channels import Channel, make_channel
from tambour.config import SmtpChannel
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.world import Route, World
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Leased
from tambour.model import EditionId, Message

URL = "sqlite:///tambour.db"
MOST_PASSES = 60
BETWEEN_PASSES = timedelta(minutes=15)
"""So that those whose tries are spread over minutes come together."""
LIMIT_S = 20.0
_LONG = b"Une ligne de plus, pour que le message soit long.\r\n" * 700


def compose(leased: Leased, content: Content) -> Message:
    """Make a message that shows whose it is; some are long, some have dots."""
    assert content.rendered is not None
    address = leased.recipient.address
    return Message(
        delivery=leased.id,
        recipient=address,
        key=f"<{leased.id}@example.org>",
        content=letter(address),
        sender="lettre@example.org",
        is_plain=b"\r\n." not in letter(address),
    )


def letter(address: str) -> bytes:
    """Return what *address* gets."""
    number = sum(address.encode())
    head = (
        f"From: lettre@example.org\r\nTo: {address}\r\nMessage-ID: <{address}>\r\n\r\n"
    )
    dots = b".\r\n..\r\n.Bonjour\r\n" if number % 2 else b"Bonjour\r\n"
    return head.encode() + dots + (_LONG if number % 7 == 0 else b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery as the ledger's file has it."""

    recipient: str
    state: str
    attempts: int
    doubts: int
    code: str
    next_try: str | None


@dataclass(kw_only=True)
class Trial:
    """One edition on its way to a faulty server."""

    ledger: Ledger
    root: Path
    sink: Sink
    edition: EditionId
    settings: dict[str, Any]
    deadline: datetime
    on_uncertain: str = "resend"
    since: int = 0
    """The latest delivery of an earlier trial in the same ledger."""
    now: datetime = NOW
    takes: timedelta = timedelta()
    """How much time passes while the server takes on a message."""
    taken_at: list[datetime] = field(default_factory=list)
    passes: int = 0

    def run(self) -> Trial:
        """Deliver, again whenever something is due, until nothing more will be."""
        asyncio.run(asyncio.wait_for(self._run(), LIMIT_S))
        return self

    def run_once(self) -> Trial:
        """Deliver what is due now, and no more."""
        asyncio.run(asyncio.wait_for(self._pass(self._route()), LIMIT_S))
        return self

    async def _run(self) -> None:
        route = self._route()
        while self.passes < MOST_PASSES:
            await self._pass(route)
            due = self.next_due()
            if due is None:
                return
            self.now = max(self.now, due) + BETWEEN_PASSES
        msg = f"still something due after {MOST_PASSES} passes: {self.rows()}"
        raise AssertionError(msg)

    async def _pass(self, route: Route) -> None:
        self.passes += 1
        self.sink.on_taken = self._note
        await deliver(
            self.ledger,
            [route],
            mode=Mode.ONCE,
            world=self._world(),
            stop=asyncio.Event(),
        )
        await asyncio.to_thread(self.sink.wait_for_quiet)

    def next_due(self) -> datetime | None:
        """Return when something is tried next, if anything ever is."""
        found = self._ask("SELECT min(next_try) FROM delivery")[0][0]
        return found and datetime.fromisoformat(found).replace(tzinfo=UTC)

    def rows(self) -> list[Row]:
        """Return every delivery, doubts included."""
        names = Row.__slots__
        query = f"SELECT {', '.join(names)} FROM delivery WHERE id > {self.since}"
        found = self._ask(f"{query} ORDER BY id")
        return [Row(**dict(zip(names, row, strict=True))) for row in found]

    def _ask(self, query: str) -> list[Any]:
        return ask(self.root, query)

    def row(self, recipient: str) -> Row:
        """Return the delivery to one."""
        return next(row for row in self.rows() if row.recipient == recipient)

    def suppressed(self) -> set[str]:
        """Return who must not be mailed any more."""
        return {one.address for one in self.ledger.suppressions.all()}

    def is_held(self) -> bool:
        """Whether the edition waits for a person."""
        decisions = self.ledger.snapshot().decisions
        return decisions.get(self.edition) == "hold"

    def _note(self, _taken: Taken) -> None:
        self.taken_at.append(self.now)
        self.now += self.takes

    def _route(self) -> Route:
        return Route(
            name="lettre",
            channel=channel(self.sink.port, self.root, **self.settings),
            compose=in_time(compose),
            on_uncertain=self.on_uncertain,  # type: ignore[arg-type] - from a table
        )

    def _world(self) -> World:
        dice = Random(self.sink.faults.seed)
        return World(
            clock=lambda: self.now,
            monotonic=lambda: self.now.timestamp() - NOW.timestamp(),
            sleep=self._sleep,
            chance=dice.random,
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def channel(port: int, root: Path, **settings: Any) -> Channel:
    """Return the channel to *port* of this machine, in the clear unless told else."""
    given = {"type": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
    given |= {"from": "lettre@example.org", "timeout": timedelta(seconds=10)}
    smtp = SmtpChannel.model_validate(given | settings)
    return make_channel("lettre", smtp, root, clock=lambda: NOW)


@cache
def _new_ledger() -> dict[str, bytes]:
    """Return the files of a ledger without anything in it: making one takes long."""
    with TemporaryDirectory() as name:
        open_for_writing(URL, root=Path(name)).close()
        return {file.name: file.read_bytes() for file in Path(name).iterdir()}


def open_new_ledger(root: Path) -> Ledger:
    """Open a ledger in a new file."""
    for name, content in _new_ledger().items():
        (root / name).write_bytes(content)
        (root / name).chmod(0o600)
    return open_for_writing(URL, root=root)


def ask(root: Path, query: str) -> list[Any]:
    """Ask a ledger's file."""
    with closing(sqlite3.connect(root / "tambour.db")) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def trial(
    root: Path,
    faults: Faults,
    **options: Any,
) -> Iterator[Trial]:
    """Make a trial in a ledger of its own; *options* as of `trial_in`."""
    with (
        closing(open_new_ledger(root)) as ledger,
        trial_in(ledger, root, faults, **options) as made,
    ):
        yield made


@contextmanager
def trial_in(
    ledger: Ledger,
    root: Path,
    faults: Faults,
    *,
    count: int = 6,
    first: int = 0,
    within: timedelta = timedelta(days=2),
    on_uncertain: str = "resend",
    server: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Trial]:
    """Freeze an edition for `p0@example.org` and so on, and start its server."""
    with faulty_server(faults, **(server or {})) as sink:
        deadline, name = NOW + within, f"hebdo/2027-03-22/{first}"
        since = ask(root, "SELECT coalesce(max(id), 0) FROM delivery")[0][0]
        drafts = people(count, first=first)
        edition = freeze(ledger, drafts, name=name, deadline=deadline)
        yield Trial(
            since=since,
            ledger=ledger,
            root=root,
            sink=sink,
            edition=edition,
            settings=settings,
            deadline=deadline,
            on_uncertain=on_uncertain,
        )


def assert_true(trial: Trial) -> None:
    """What must hold whatever the server did."""
    counts = trial.ledger.history.counts()
    got, rows = trial.sink.recipients(), trial.rows()
    assert all(count.is_balanced for count in counts), counts
    assert [] == trial.sink.violations
    assert all(at < trial.deadline for at in trial.taken_at)
    for taken in trial.sink.taken:
        assert letter(taken.recipient) == taken.content
    for row in rows:
        copies = got[row.recipient]
        assert row.state in ("sent", "failed", "expired", "uncertain", "suppressed")
        assert row.next_try is None, row
        assert copies <= 1 + row.doubts, (copies, row)
        assert copies or row.state != "sent", row
        assert not copies or row.state in ("sent", "uncertain"), (copies, row)
        assert row.doubts or row.state != "uncertain", row
        assert row.code or row.state == "suppressed", row
    sent = [row for row in rows if row.state == "sent"]
    doubts = sum(row.doubts for row in rows)
    assert len(sent) <= got.total() <= len(sent) + doubts
    assert not got.keys() - {row.recipient for row in rows}
