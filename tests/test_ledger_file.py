"""A ledger's file: who may make it, what is refused, and what happens when it fails."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ledger_files import open_for_writing
from ledger_samples import NOW, edition, freeze, lease, people, states
from planning_cases import event
from tambour.errors import LedgerError, LedgerLocked
from tambour.ledger import (
    Ledger,
    instance_lock,
    ledger_path,
    open_for_reading,
)
from tambour.ledger.database import refuse_old_sqlite
from tambour.ledger.queries import asking, claiming, moving
from tambour.ledger.records import Draft, Suppression
from tambour.ledger.schema import SCHEMA, metadata
from tambour.model import Decision, Snapshot

URL = "sqlite:///var/tambour.db"
GOLDEN = Path(__file__).parent / "golden"
EARLIER = ["0001", "0002"]
"""Versions that were published before today's."""
TAKEN_BACK = {
    "0002": (
        "DROP TABLE event_good; ALTER TABLE part DROP COLUMN closings;"
        + "".join(
            f"ALTER TABLE event_seen DROP COLUMN {name};"
            for name in (
                "source",
                "path",
                "facts",
                "starts_at",
                "changed_at",
                "missing",
            )
        )
    ),
    "0001": (
        "ALTER TABLE decision DROP COLUMN reason; DROP TABLE spent;"
        "ALTER TABLE part DROP COLUMN first; ALTER TABLE part DROP COLUMN last;"
        "DROP INDEX delivery_waiting;"
        "CREATE INDEX delivery_open ON delivery (part, next_try)"
        " WHERE next_try IS NOT NULL;"
    ),
}
"""By each version, what the next one added, taken back; the latest first."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the ledger lies."""
    return tmp_path / "var" / "tambour.db"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Open a new ledger in a file."""
    ledger = open_for_writing(URL, root=tmp_path)
    yield ledger
    ledger.close()


def tables_of(file: Path) -> list[str]:
    """Return the statements that made a file's tables and indexes."""
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        return [sql for (sql,) in connection.execute(query)]


# ── Schema ──────────────────────────────────────────────────────────────────────


def frozen_schema(version: str) -> str:
    """Return the statements that made a version's tables."""
    return (GOLDEN / f"ledger-{version}.sql").read_text("utf-8")


def test_the_schema_is_frozen(ledger: Ledger, file: Path) -> None:
    """What this version made once, it makes for ever."""
    ledger.close()

    assert frozen_schema(SCHEMA) == ";\n".join(tables_of(file)) + ";\n"


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_schema_is_upgraded(
    tmp_path: Path, file: Path, version: str
) -> None:
    """A ledger of an earlier version opens with today's code, and has its tables."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(frozen_schema(version))
        connection.execute("INSERT INTO alembic_version VALUES (?)", [version])
        connection.commit()
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        freeze(ledger, 2)

        assert 2 == len(lease(ledger))
    assert frozen_schema(SCHEMA) == ";\n".join(tables_of(file)) + ";\n"


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_ledger_keeps_what_it_knew(
    tmp_path: Path, file: Path, version: str
) -> None:
    """Decisions, first sights and a delivery under way survive an upgrade."""
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        name = freeze(ledger, 3)
        lease(ledger, limit=1)
        ledger.decide(name, Decision.APPROVE, NOW)
        ledger.sightings.note([event("2027-04-01 19:00")], ["hebdo"], NOW)
    with closing(sqlite3.connect(file)) as connection:
        for earlier, statements in TAKEN_BACK.items():
            if earlier >= version:
                connection.executescript(statements)
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])
        connection.commit()
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        snapshot = ledger.snapshot()

        assert {name: Decision.APPROVE} == snapshot.decisions
        assert {} == snapshot.held_because
        assert [NOW] == [*snapshot.events_seen.values()]
        assert {} == snapshot.known
        assert [True] == [one.is_balanced for one in ledger.history.counts([name])]
        assert 2 == len(lease(ledger))


def test_the_migrations_make_the_tables_of_the_code(file: Path, ledger: Ledger) -> None:
    """Migrations and `schema` describe the same tables."""
    ledger.close()
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)

        assert [] == compare_metadata(context, metadata)
    engine.dispose()


def test_the_code_knows_the_last_revision() -> None:
    """`SCHEMA` is the head of the migrations."""
    migrations = Path(sys.modules["tambour.ledger"].__path__[0]) / "migrations"

    assert [SCHEMA] == ScriptDirectory(str(migrations)).get_heads()


@pytest.mark.parametrize("opening", [open_for_reading, open_for_writing])
def test_a_newer_schema_is_refused(
    tmp_path: Path, file: Path, ledger: Ledger, opening: type[Ledger]
) -> None:
    """Nobody reads or writes what a newer version wrote, and the file stays as is."""
    ledger.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with pytest.raises(LedgerError, match="newer Tambour"):
        opening(URL, root=tmp_path)


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        pytest.param(claiming.DUE_EDITIONS, ["delivery_waiting"], id="due"),
        pytest.param(claiming.PICK, ["delivery_waiting"], id="pick"),
        pytest.param(claiming.LEASE, [], id="lease"),
        pytest.param(claiming.INTEND, [], id="intend"),
        pytest.param(claiming.RECORD, [], id="record"),
        pytest.param(
            moving.CLOSE_DRAINED, ["delivery_waiting", "delivery_busy"], id="close"
        ),
        pytest.param(moving.RELEASE_LEASED, ["delivery_busy"], id="release"),
        pytest.param(moving.LOSE_IN_FLIGHT, ["delivery_busy"], id="lose"),
        pytest.param(moving.POSTPONE[0], ["delivery_waiting"], id="postpone"),
        pytest.param(moving.POSTPONE[1], ["delivery_busy"], id="postpone leased"),
    ],
)
def test_deliveries_are_found_by_index(
    ledger: Ledger, file: Path, query: sa.Executable, indexes: list[str]
) -> None:
    """No wave and no recovery walks through what was sent long ago."""
    ledger.close()
    sql = str(query.compile(dialect=sa.create_engine("sqlite://").dialect))
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            f"EXPLAIN QUERY PLAN {sql}", ["[]"] * sql.count("?")
        ).fetchall()
    plan = [row[3] for row in rows]
    walks = [step for step in plan if "delivery" in step and "delivery_" not in step]

    assert plan
    assert all(any(f"INDEX {name}" in step for step in plan) for name in indexes)
    assert all("INTEGER PRIMARY KEY" in step for step in walks)
    assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize("query", [asking.COUNTS, asking.COUNTS_OF])
def test_deliveries_are_counted_in_their_order(
    ledger: Ledger, file: Path, query: sa.Executable
) -> None:
    """A part's rows are read side by side, not fetched one by one by an index."""
    ledger.close()
    sql = str(query.compile(dialect=sa.create_engine("sqlite://").dialect))
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            f"EXPLAIN QUERY PLAN {sql}", ["[]"] * sql.count("?")
        ).fetchall()
    walk = "SEARCH delivery USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"

    assert [walk] == [row[3] for row in rows if " delivery" in row[3]]


# ── Readers ─────────────────────────────────────────────────────────────────────


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    """Where there is no ledger a reader finds an empty one, and leaves none."""
    with closing(open_for_reading(URL, root=tmp_path)) as ledger:
        assert Snapshot() == ledger.snapshot()
        assert [] == [*ledger.history.deliveries()]

    assert [] == [*tmp_path.iterdir()]


def test_a_reader_makes_no_tables(tmp_path: Path, file: Path) -> None:
    """An empty file reads as an empty ledger, and stays empty."""
    file.parent.mkdir()
    file.touch()
    with closing(open_for_reading(URL, root=tmp_path)) as ledger:
        assert Snapshot() == ledger.snapshot()

    assert 0 == file.stat().st_size


def test_a_reader_sees_what_is_there_and_changes_nothing(
    tmp_path: Path, ledger: Ledger
) -> None:
    """A reader follows the writer and cannot write."""
    freeze(ledger, 2)
    with closing(open_for_reading(URL, root=tmp_path)) as reader:
        assert states(ledger) == states(reader)
        with pytest.raises(LedgerError, match="readonly"):
            reader.sightings.note([], ["hebdo"], NOW)


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path, ledger: Ledger) -> None:
    """While an edition is being frozen, the state before it can be read."""

    def reading() -> Iterator[object]:
        with closing(open_for_reading(URL, root=tmp_path)) as reader:
            assert Snapshot() == reader.snapshot()
        yield from people(1)

    assert ledger.freeze(edition(), reading(), audiences={})


def test_a_freeze_keeps_nobody_waiting(tmp_path: Path, ledger: Ledger) -> None:
    """While recipients are rendered, others decide and leave; that still counts."""
    leaving = Suppression(
        address="p0@example.org", audience="", reason="left", since=NOW
    )

    def rendering() -> Iterator[Draft]:
        yield from people(2)
        with closing(open_for_writing(URL, root=tmp_path)) as other:
            other.suppressions.add([leaving])

    assert ledger.freeze(edition(), rendering(), audiences={})
    assert "suppressed" == states(ledger)["p0@example.org"]


# ── What can be wrong with a file ───────────────────────────────────────────────


def test_a_full_disk_loses_nothing(file: Path, ledger: Ledger) -> None:
    """A freeze that does not fit says so, and leaves what was there."""
    freeze(ledger, 5)
    with ledger._database.write() as connection:  # noqa: SLF001 - sets the stage
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(LedgerError, match="free some space"):
        freeze(ledger, 5000, name="b/1/1")

    assert 5 == len(states(ledger))
    assert file.exists()


def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path) -> None:
    """Under a limit on file sizes each edition is there as a whole, or not at all."""
    program = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_files import open_for_writing
from ledger_samples import freeze
from tambour.errors import LedgerError
ledger = open_for_writing("sqlite:///var/tambour.db", root=Path(sys.argv[1]))
try:
    for number in range(1000):
        freeze(ledger, 500, name=f"hebdo/{number}/1")
except LedgerError as error:
    print(number, error)
"""
    limit = 400_000
    tests = str(Path(__file__).parent)
    child = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), tests],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    number, _, message = child.stdout.partition(" ")
    with closing(open_for_writing(URL, root=tmp_path)) as ledger:
        counts = ledger.history.counts()

    assert "free some space" in message
    assert int(number) == len(counts)
    assert {500} == {count.recipients for count in counts}
    assert all(count.is_balanced for count in counts)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """A folder that cannot be written is a LedgerError, not a traceback."""
    tmp_path.chmod(0o500)
    with pytest.raises(LedgerError, match="folder"):
        open_for_writing(URL, root=tmp_path)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """A folder that cannot be made is a LedgerError that names it."""
    (tmp_path / "var").write_text("")

    with pytest.raises(LedgerError, match="cannot be made"):
        open_for_writing(URL, root=tmp_path)


@pytest.mark.parametrize("opening", [open_for_reading, open_for_writing])
def test_a_file_of_something_else_is_refused(
    tmp_path: Path, file: Path, opening: type[Ledger]
) -> None:
    """A file that is no database is left alone."""
    file.parent.mkdir()
    file.write_bytes(b"Cher journal, " * 100)

    with pytest.raises(LedgerError, match="name another file"):
        opening(URL, root=tmp_path)

    assert b"Cher journal, " * 100 == file.read_bytes()


def test_a_damaged_file_is_refused(tmp_path: Path, file: Path, ledger: Ledger) -> None:
    """Damage is reported with the way to mend it."""
    freeze(ledger, 500)
    ledger.close()
    content = bytearray(file.read_bytes())
    content[4096 * 4 : -4096] = b"\xff" * (len(content) - 4096 * 5)
    file.write_bytes(content)

    with (
        pytest.raises(LedgerError, match="restore a backup"),
        closing(open_for_reading(URL, root=tmp_path)) as reader,
    ):
        states(reader)


def test_an_old_sqlite_is_refused() -> None:
    """Without UPDATE … FROM nothing works; the error says what is needed."""
    with pytest.raises(LedgerError, match=r"SQLite 3\.32\.3.*3\.33\.0 or newer"):
        refuse_old_sqlite((3, 32, 3))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://localhost/tambour", "not supported"),
        ("tambour.db", "write sqlite"),
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, url: str, words: str) -> None:
    """Only SQLite's addresses are understood."""
    with pytest.raises(LedgerError, match=words):
        ledger_path(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/tambour.db", "/project/var/tambour.db"),
        ("sqlite:////srv/tambour.db", "/srv/tambour.db"),
        ("sqlite://", None),
    ],
)
def test_addresses_are_relative_to_the_project(url: str, path: str | None) -> None:
    """Three slashes start from the project, four from the root."""
    expected = None if path is None else Path(path)

    assert expected == ledger_path(url, Path("/project"))


# ── The key ─────────────────────────────────────────────────────────────────────


def test_the_key_is_made_once_for_its_owner(tmp_path: Path, file: Path) -> None:
    """The first writer makes a key that only its owner reads; it stays the same."""
    secrets = []
    for _ in range(2):
        with closing(open_for_writing(URL, root=tmp_path)) as ledger:
            secrets.append(ledger.secret)
    key = file.with_name("tambour.db.key")

    assert secrets[0] == secrets[1]
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert key.read_text().strip().encode() not in file.read_bytes()


def test_the_key_of_another_ledger_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    """A ledger works with its own key alone."""
    ledger.close()
    (tmp_path / "var" / "tambour.db.key").write_text("ab" * 32)

    with pytest.raises(LedgerError, match="not the key"):
        open_for_writing(URL, root=tmp_path)
    with pytest.raises(LedgerError, match="TAMBOUR_SECRET is not the key"):
        open_for_writing(URL, root=tmp_path, secret="other")


@pytest.mark.parametrize("content", [None, "", "zz", "abcd"], ids=repr)
def test_a_lost_key_is_not_replaced(
    tmp_path: Path, ledger: Ledger, content: str | None
) -> None:
    """Without its key a ledger waits for the backup: a new one would mail twice."""
    ledger.close()
    key = tmp_path / "var" / "tambour.db.key"
    key.unlink()
    if content is not None:
        key.write_text(content)

    with pytest.raises(LedgerError, match="backup"):
        open_for_writing(URL, root=tmp_path)


def test_a_given_secret_needs_no_file(tmp_path: Path) -> None:
    """TAMBOUR_SECRET takes the place of the key's file."""
    for _ in range(2):
        with closing(open_for_writing(URL, root=tmp_path, secret="s3cret")) as ledger:
            assert b"s3cret" == ledger.secret

    assert not (tmp_path / "var" / "tambour.db.key").exists()


# ── The lock ────────────────────────────────────────────────────────────────────

HOLDER = """
import sys, time
from pathlib import Path
from tambour.ledger import instance_lock
with instance_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_sends_at_a_time(file: Path) -> None:
    """A second is refused at once; when the first is killed, the next may."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert holder.stdout is not None
        assert b"held\n" == holder.stdout.readline()
        with pytest.raises(LedgerLocked, match="another Tambour"), instance_lock(file):
            pass
    finally:
        holder.kill()
        holder.communicate()

    with instance_lock(file):
        assert file.with_name("tambour.db.lock").exists()


def test_the_lock_is_given_back(file: Path) -> None:
    """The lock ends with its block, and readers need none."""
    for _ in range(2):
        with instance_lock(file):
            pass


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A lock file that is something else is an error, not a second sender."""
    (tmp_path / "x.db.lock").write_text("no database" * 100)

    with (
        pytest.raises(LedgerError, match="cannot be used"),
        instance_lock(tmp_path / "x.db"),
    ):
        pass
