"""
Making a ledger's tables, and bringing older ones to today's schema.

Apart from opening, because Alembic is large and hardly ever needed: a sender that finds
its ledger as it should be does without. One transaction, so that there is never half a
schema.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig

from tambour.errors import LedgerError
from tambour.ledger.database import Database, ledger_path
from tambour.ledger.opening import refuse_newer, revision_of
from tambour.ledger.schema import SCHEMA

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(url: str, *, root: Path) -> None:
    """
    Have the ledger *url* with today's tables, whether or not there is one yet.

    Raises:
        LedgerError: it is newer than the code, or cannot be written.

    """
    path = ledger_path(url, root)
    if path is not None:
        _make_folder(path.parent)
    database = Database(path, writable=True)
    try:
        with database.write() as connection:
            revision = revision_of(connection)
            if revision != SCHEMA:
                refuse_newer(revision, path)
                _migrate(connection)
    finally:
        database.close()


def _migrate(connection: sa.Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the ledger's folder {folder} cannot be made ({error.strerror})"
        raise LedgerError(msg) from error
