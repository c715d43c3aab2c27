"""
Why nothing at all may leave: what is said of a clock or a ledger that is in doubt.

The sentences alone; `clocks` and the ledger decide. Times are in UTC, for the clock of
no place is at fault.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tambour.model import ClockMemory, Reason, ReasonCode
from tambour.planning.reasons import shown, spelled

_ACCEPT = "tambour db accept"
_UTC = ZoneInfo("UTC")


def clock_jumped(memory: ClockMemory) -> Reason | None:
    """A clock that is wrong would make due, late or past what is not."""
    last, doubted = memory.last, memory.doubted
    if last is None or doubted is None:
        return None
    passed = doubted.since(last)
    meanwhile = "" if passed is None else f" within {_roughly(passed)}"
    return Reason(
        code=ReasonCode.CLOCK_JUMPED,
        text=f"The clock went from {shown(last.wall, _UTC)} to "
        f"{shown(doubted.wall, _UTC)}{meanwhile}. Nothing leaves until it is set "
        "right, or a person says that it is right: tambour clock accept",
    )


def clock_behind(highest: datetime) -> str:
    """Say what a clock that was set back may mean."""
    return (
        f"the clock has shown a later time before, {shown(highest, _UTC)}; what left "
        "by then is not sent again. If it was wrong then: tambour clock reset"
    )


def ledger_outdated(known: datetime | None, sent: datetime) -> Reason:
    """What left since would leave again."""
    since = "never used to send" if known is None else f"last used {shown(known, _UTC)}"
    return Reason(
        code=ReasonCode.LEDGER_OUTDATED,
        text=f"This ledger is not the latest one: it was {since}, and Tambour sent "
        f"until {shown(sent, _UTC)}. What left in between is unknown to it and would "
        f"leave again. Put the latest back; or, if some may get it twice: {_ACCEPT}",
    )


def journal_unfit(path: str, known: datetime) -> Reason:
    """Whether the ledger is the latest one cannot be told without it."""
    return Reason(
        code=ReasonCode.LEDGER_OUTDATED,
        text=f"{path}, which tells whether this ledger is the latest one, is missing, "
        f"damaged or of another. If the ledger comes from a backup, what left since "
        f"{shown(known, _UTC)} would leave again. If it does not, or if some may get "
        f"it twice: {_ACCEPT}",
    )


def ledger_copied(host: str, place: str) -> Reason:
    """Two that send with the same list would send everything twice."""
    return Reason(
        code=ReasonCode.LEDGER_COPIED,
        text=f"This ledger was made on {host} as {place}. If Tambour still sends "
        f"there, everybody would get everything twice. If it moved here: {_ACCEPT}",
    )


def _roughly(seconds: float) -> str:
    return spelled(timedelta(seconds=max(1, round(seconds))))
