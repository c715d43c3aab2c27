"""
The one door to the ledger's file: connections, transactions, and errors in plain words.

Contains no business logic. A write transaction takes SQLite's write lock at its start
(`BEGIN IMMEDIATE`), so that it never fails half-way because another process wrote.
SQLite alone for now; what a second dialect would have to answer is here and in
`queries.dialect`.
Source: https://www.sqlite.org/pragma.html, https://www.sqlite.org/wal.html (2026-11).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tambour.errors import LedgerError
from tambour.ledger.queries.dialect import OLDEST_SQLITE

BUSY_TIMEOUT_S = 5.0
"""How long a transaction waits for another process before it gives up."""

_MENDS = {
    "disk is full": "free some space on its disk, then run the command again",
    "disk i/o error": "its disk is full or failing; free some space",
    "readonly database": "make its file and folder writable for this user",
    "unable to open": "make its folder exist and writable for this user",
    "malformed": "restore a backup of it and of its key",
    "not a database": "restore a backup, or name another file under `ledger:`",
    "is locked": "another command is writing; run this one again in a moment",
    "no such table": "it is not a ledger of Tambour; name another file under `ledger:`",
}


def ledger_path(url: str, root: Path) -> Path | None:
    """
    Return the file that *url* names, relative to the project *root*; None for memory.

    Raises:
        LedgerError: the URL is not one of SQLite.

    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        msg = f"ledger: {url!r} is not an address; write sqlite:///var/tambour.db"
        raise LedgerError(msg) from None
    if parsed.get_backend_name() != "sqlite":
        msg = (
            f"ledger: {parsed.get_backend_name()} is not supported yet; use sqlite:///…"
        )
        raise LedgerError(msg)
    if parsed.database in (None, "", ":memory:"):
        return None
    return root / str(parsed.database)


class Database:
    """
    A ledger's file, or a ledger in memory when *path* is None.

    Threads of this process may share it: their writes queue up, however long the other
    takes, and only writers of other processes wait for `BUSY_TIMEOUT_S`.
    """

    def __init__(self, path: Path | None, *, writable: bool) -> None:
        refuse_old_sqlite(sqlite3.sqlite_version_info)
        self.path = path
        self.writable = writable
        self._lock = threading.RLock()
        self._engine = _make_engine(path, writable=writable)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """
        Open a transaction that is committed when the block ends without an error.

        Raises:
            LedgerError: the file cannot be written; the message says how to mend it.

        """
        with self._lock, self._plain_words(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write_prepared(
        self, prepare: Callable[[sa.Connection], None]
    ) -> Iterator[sa.Connection]:
        """
        As `write`, after *prepare* has filled temporary tables without any lock.

        Raises:
            LedgerError: the file cannot be written; the message says how to mend it.

        """
        with (
            self._plain_words(),
            self._shared_memory(),
            self._engine.connect() as connection,
        ):
            connection.execution_options(tambour_begin="BEGIN")
            with connection.begin():
                prepare(connection)
            connection.execution_options(tambour_begin="BEGIN IMMEDIATE")
            with self._lock, connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """
        Open a consistent view that never waits for a writer.

        Raises:
            LedgerError: the file cannot be read; the message says how to mend it.

        """
        with self._plain_words(), self._shared_memory():
            reader = self._engine.execution_options(tambour_begin="BEGIN")
            with reader.begin() as connection:
                yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _shared_memory(self) -> Iterator[None]:
        """In memory there is one connection, so that readers take turns as well."""
        if self.path is not None:
            yield
            return
        with self._lock:
            yield

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise LedgerError(_explain(str(cause), self.path)) from error


def refuse_old_sqlite(version: tuple[int, ...]) -> None:
    """
    Check that Python was built with an SQLite that knows our statements.

    Raises:
        LedgerError: it does not.

    """
    if version < OLDEST_SQLITE:
        found, wanted = (".".join(map(str, v)) for v in (version, OLDEST_SQLITE))
        msg = (
            f"this Python has SQLite {found}, and the ledger needs {wanted} or newer:"
            " update SQLite, or take another Python"
        )
        raise LedgerError(msg)


def _explain(cause: str, path: Path | None) -> str:
    mends = (mend for sign, mend in _MENDS.items() if sign in cause.lower())
    mend = next(mends, "look at its folder, or restore a backup of it and of its key")
    return f"the ledger {path or 'in memory'} cannot be used ({cause}): {mend}"


def _make_engine(path: Path | None, *, writable: bool) -> sa.Engine:
    if path is None:
        engine = sa.create_engine(
            "sqlite://",
            hide_parameters=True,
            poolclass=sa.StaticPool,
            connect_args={"check_same_thread": False},
        )
    else:
        mode = "rwc" if writable else "rw"
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        engine = sa.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
            ),
            hide_parameters=True,
            poolclass=sa.QueuePool,
        )
    sa.event.listen(engine, "connect", _prepare if writable else _prepare_reader)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # FULL, because losing the last commits would resend messages no row can name.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Measured: half a megabyte is as fast as two, for the system keeps the file too.
    connection.execute("PRAGMA cache_size = -512")


def _prepare_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")


def _begin(connection: sa.Connection) -> None:
    # The driver would begin on its own, too late to take the write lock first.
    begin = connection.get_execution_options().get("tambour_begin", "BEGIN IMMEDIATE")
    connection.exec_driver_sql(begin)
