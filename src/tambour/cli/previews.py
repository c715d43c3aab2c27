"""Opening what `render` and `send-preview` look through; the ledger is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tambour.cli.world import real_world
from tambour.delivery.previewing import Preview
from tambour.ledger import ledger_path, open_for_reading
from tambour.ledger.key import key_path, read_key
from tambour.rendering.templates import Templates

if TYPE_CHECKING:
    from datetime import datetime

    from tambour.project import Project


def open_preview(project: Project, *, at: datetime) -> Preview:
    """
    Return the project's preview as of *at*.

    Raises:
        LedgerError: there is a ledger that cannot be read.

    """
    config = project.config
    ledger = open_for_reading(config.ledger, root=project.root)
    snapshot = ledger.snapshot()
    ledger.close()
    path = ledger_path(config.ledger, project.root)
    kept = read_key(key_path(path)) if path else None
    given = config.secret.get_secret_value().encode() if config.secret else None
    return Preview(
        project=project,
        templates=Templates(project.root),
        snapshot=snapshot,
        secret=given or kept or b"no key yet",
        at=at,
        world=real_world(),
    )
