"""
Who must not be mailed, and since when and why.

Senders read this again at every claim. Knows nothing of campaigns or of how somebody
left. Every method raises `LedgerError` when the file cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable

from tambour.ledger.database import Database
from tambour.ledger.queries import keeping
from tambour.ledger.records import Suppression, normalise


class Suppressions:
    """The ledger's suppressed addresses; any spelling of an address will do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, suppressions: Iterable[Suppression]) -> int:
        """Suppress addresses, the first reason stays; return how many are new."""
        count = 0
        with self._database.write() as connection:
            for suppression in suppressions:
                row = {
                    "address": normalise(suppression.address),
                    "audience": suppression.audience,
                    "reason": suppression.reason,
                    "since": suppression.since,
                }
                count += connection.execute(keeping.SUPPRESS, row).rowcount
        return count

    def remove(self, address: str, *, audience: str = "") -> bool:
        """Lift one suppression; False when there was none. Frozen rows stay as is."""
        where = {"address": normalise(address), "audience": audience}
        with self._database.write() as connection:
            return connection.execute(keeping.UNSUPPRESS, where).rowcount > 0

    def all(self) -> tuple[Suppression, ...]:
        """Return them by address."""
        with self._database.read() as connection:
            return tuple(
                Suppression(
                    address=row.address,
                    audience=row.audience,
                    reason=row.reason,
                    since=row.since,
                )
                for row in connection.execute(keeping.SUPPRESSIONS)
            )
