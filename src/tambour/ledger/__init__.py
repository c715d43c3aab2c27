"""
The ledger: the truth about what was planned, tried and sent.

Start with `states` (the rules), `records` (the values) and `store` (what can be done);
`queries` has all SQL, `opening` and `upgrading` say how a ledger comes to be.
"""

from tambour.ledger.database import ledger_path
from tambour.ledger.lock import instance_lock
from tambour.ledger.opening import (
    is_current,
    open_for_reading,
    open_for_writing,
    open_ledger,
)
from tambour.ledger.store import Ledger

__all__ = [
    "Ledger",
    "instance_lock",
    "is_current",
    "ledger_path",
    "open_for_reading",
    "open_for_writing",
    "open_ledger",
]
