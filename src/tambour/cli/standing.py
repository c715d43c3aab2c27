"""How commands show that nothing may leave, and what a person answers to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tambour.cli.invocation import leave
from tambour.errors import Exit

if TYPE_CHECKING:
    from tambour.cli.invocation import Invocation
    from tambour.model import Reason


def stop_record(stop: Reason | None) -> dict[str, dict[str, str]]:
    """Return what a command's JSON object says of it: nothing, where all is well."""
    if stop is None:
        return {}
    return {"stop": {"code": stop.code.value, "reason": stop.text}}


def leave_if_stopped(shared: Invocation, stop: Reason | None) -> None:
    """End with the sentence, if there is one."""
    if stop is not None:
        shared.warn(stop.text)
        leave(Exit.HELD)
