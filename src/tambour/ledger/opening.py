"""
Opening a ledger that has today's tables; `upgrading` sees to it that it has.

Any other schema is refused. A reader finds an empty ledger where there is none yet.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from tambour.config import Config
from tambour.errors import LedgerError
from tambour.ledger.database import Database, ledger_path
from tambour.ledger.key import create_key, fingerprint, key_path, read_key
from tambour.ledger.queries import keeping
from tambour.ledger.schema import SCHEMA, metadata
from tambour.ledger.store import Ledger

_FINGERPRINT = "key_fingerprint"


def open_ledger(config: Config) -> Ledger:
    """
    Open the project's ledger to write, as `open_for_writing` does.

    Raises:
        LedgerError: as there.

    """
    secret = config.secret.get_secret_value() if config.secret else None
    return open_for_writing(config.ledger, root=config.root, secret=secret)


def is_current(url: str, *, root: Path) -> bool:
    """
    Whether the ledger *url* is there and has today's tables.

    Raises:
        LedgerError: it is newer than the code, or cannot be read.

    """
    path = ledger_path(url, root)
    if path is None:
        return True
    if not path.exists():
        return False
    database = Database(path, writable=False)
    try:
        with database.read() as connection:
            revision = revision_of(connection)
        refuse_newer(revision, path)
    finally:
        database.close()
    return revision == SCHEMA


def open_for_writing(url: str, *, root: Path, secret: str | None = None) -> Ledger:
    """
    Open the ledger *url*, which is current, with its key.

    *secret* (TAMBOUR_SECRET) replaces the key's file; a ledger in memory without it
    gets a key that is as short-lived as itself.

    Raises:
        LedgerError: its schema is another, it belongs to another key, or it cannot be
            written; the message says what to do.

    """
    path = ledger_path(url, root)
    database = _empty_database() if path is None else Database(path, writable=True)
    try:
        if path is not None:
            with database.read() as connection:
                _refuse_other(revision_of(connection), path)
        return Ledger(database, _own_key(database, path, secret))
    except LedgerError:
        database.close()
        raise


def open_for_reading(url: str, *, root: Path) -> Ledger:
    """
    Open the ledger *url* without changing anything on disk.

    Raises:
        LedgerError: it is older or newer than the code, or cannot be read.

    """
    path = ledger_path(url, root)
    if path is None or not path.exists():
        return Ledger(_empty_database())
    database = Database(path, writable=False)
    try:
        with database.read() as connection:
            revision = revision_of(connection)
        if revision is not None:
            _refuse_other(revision, path)
    except LedgerError:
        database.close()
        raise
    if revision is None:
        database.close()
        return Ledger(_empty_database())
    return Ledger(database)


def revision_of(connection: sa.Connection) -> str | None:
    """Return which schema a ledger has, None when it has no tables yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    return found.scalar_one_or_none()


def _refuse_other(revision: str | None, path: Path) -> None:
    refuse_newer(revision, path)
    if revision != SCHEMA:
        msg = (
            f"the ledger {path} is of an older version: `tambour send` or `tambour run`"
            " brings it up to date"
        )
        raise LedgerError(msg)


def refuse_newer(revision: str | None, path: Path | None) -> None:
    """
    Leave a ledger alone that a later Tambour has written.

    Raises:
        LedgerError: this is one.

    """
    if revision is not None and revision > SCHEMA:
        msg = (
            f"the ledger {path} was written by a newer Tambour (schema {revision},"
            f" this one knows {SCHEMA}): update Tambour, or restore a backup"
        )
        raise LedgerError(msg)


def _empty_database() -> Database:
    database = Database(None, writable=True)
    with database.write() as connection:
        metadata.create_all(connection)
    return database


def _own_key(database: Database, path: Path | None, secret: str | None) -> bytes:
    """Return the key, and tie the ledger to it at its first use."""
    with database.read() as connection:
        query = keeping.GET_META
        known = connection.execute(query, {"name": _FINGERPRINT}).scalar()
    key = secret.encode() if secret is not None else _key_of(path, known)
    if known is None:
        note = {"key": _FINGERPRINT, "value": fingerprint(key)}
        with database.write() as connection:
            connection.execute(keeping.SET_META, note)
    elif known != fingerprint(key):
        source = (
            "TAMBOUR_SECRET" if secret is not None or path is None else key_path(path)
        )
        msg = f"{source} is not the key of the ledger {path}: restore the one it had"
        raise LedgerError(msg)
    return key


def _key_of(path: Path | None, known: str | None) -> bytes:
    if path is None:
        return os.urandom(32)
    file = key_path(path)
    key = read_key(file)
    if key is None and known is not None:
        msg = (
            f"the key {file} of the ledger is missing: restore it from a backup, or"
            " give it as TAMBOUR_SECRET"
        )
        raise LedgerError(msg)
    return create_key(file) if key is None else key
