"""
The secret beside the ledger, from which message ids and unsubscribe links are made.

It is made on first use as `<ledger>.key`, readable by its owner only, and never enters
the database, which keeps a fingerprint and refuses any other key: with another secret
a retried message would look new to every mailbox.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from tambour.errors import LedgerError

_LENGTH_BYTES = 32


def key_path(ledger: Path) -> Path:
    """Return where the key of the file *ledger* lies."""
    return ledger.with_name(ledger.name + ".key")


def fingerprint(secret: bytes) -> str:
    """Return what the ledger may know of *secret*."""
    return hashlib.sha256(b"tambour ledger key\0" + secret).hexdigest()[:32]


def read_key(path: Path) -> bytes | None:
    """
    Return the key in *path*, None when there is no such file.

    Raises:
        LedgerError: the file cannot be read, or holds no key.

    """
    try:
        text = path.read_text("ascii").strip()
        secret = bytes.fromhex(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        msg = f"the key {path} cannot be read ({error}): restore it from a backup"
        raise LedgerError(msg) from error
    if len(secret) < _LENGTH_BYTES:
        msg = f"the key {path} is damaged: restore it from a backup"
        raise LedgerError(msg)
    return secret


def create_key(path: Path) -> bytes:
    """
    Make the key *path* and return it; the first of two processes wins.

    Raises:
        LedgerError: the file cannot be written.

    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, secrets.token_hex(_LENGTH_BYTES).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        # A link is refused where a file exists, and a half-written key never shows.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    except OSError as error:
        msg = f"the key {path} cannot be written ({error}): make its folder writable"
        raise LedgerError(msg) from error
    secret = read_key(path)
    if secret is None:
        msg = f"the key {path} vanished while it was made"
        raise LedgerError(msg)
    return secret
