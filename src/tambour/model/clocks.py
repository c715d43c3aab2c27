"""What is known of this machine's clocks, and what was known of them before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    The clocks at one moment.

    `elapsed` counts seconds since the boot of that name, through a suspend as well; it
    says nothing where `boot` is empty.
    """

    wall: datetime
    boot: str = ""
    elapsed: float = 0.0

    def since(self, earlier: Reading) -> float | None:
        """Return the seconds that passed, None where only the wall clock tells."""
        if not self.boot or self.boot != earlier.boot or self.elapsed < earlier.elapsed:
            return None
        return self.elapsed - earlier.elapsed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMemory:
    """
    What was seen of the clocks by whoever sends.

    `highest` is when it was latest, `last` the latest that is believed; `doubted` is
    the first that is not, until it is resolved.
    """

    highest: Reading | None = None
    last: Reading | None = None
    doubted: Reading | None = None
