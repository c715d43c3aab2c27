"""How `send --plan` reads what was reviewed, and says what differs from it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tambour.cli.invocation import leave
from tambour.cli.planning import difference_records
from tambour.delivery.agreeing import NotAsReviewed
from tambour.delivery.plan_file import read_plan
from tambour.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tambour.cli.invocation import Invocation
    from tambour.delivery.plan_file import PlanFile
    from tambour.model import Site


def read_reviewed(path: Path | None, site: Site) -> PlanFile | None:
    """
    Return the plan in the file *path*, if one is given.

    Raises:
        UserError: it is not there, or none of this project's.

    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise UserError(msg) from None
    except UnicodeDecodeError:
        text = ""
    return read_plan(text, str(path), site)


@contextmanager
def refusing(shared: Invocation) -> Iterator[None]:
    """End the command with all that differs from what was reviewed, if anything."""
    try:
        yield
    except NotAsReviewed as refused:
        found = difference_records(refused.differences)
        shared.record(error=str(refused), differences=found)
        for difference in refused.differences:
            shared.warn(str(difference))
        shared.warn(str(refused))
        leave(refused.exit_code)
