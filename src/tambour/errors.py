"""
The errors that end a command, and whose fault they are.

    TambourError
    ├ UserError        somebody can mend a file or an argument; no traceback
    │  ├ UsageError    an argument is malformed
    │  ├ ConfigError   config.yaml or the environment
    │  └ TemplateError a template, or the editor's words in a campaign
    ├ Stopped          nothing may leave until a person has looked
    └ LedgerError      the ledger is locked, damaged, foreign or newer than the code

What is wrong in one event, campaign or audience file is a `Problem`, collected and
shown; what a remote server does is an `Outcome`. Neither is ever raised.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tambour.problems import Problem


class Exit(IntEnum):
    """Exit codes (contract)."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    PARTLY_SENT = 3
    FINDINGS = 4
    CONFIGURATION = 5
    HELD = 6
    LOCKED = 7
    TEMPORARY = 75


class TambourError(Exception):
    """The root; its message is one sentence for a person."""

    exit_code: ClassVar[Exit] = Exit.FAILURE


class UserError(TambourError):
    """A file or an argument is wrong; `problems` says where, all at once."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class UsageError(UserError):
    """An argument of a command is malformed."""

    exit_code: ClassVar[Exit] = Exit.USAGE


class ConfigError(UserError):
    """The settings cannot be used."""

    exit_code: ClassVar[Exit] = Exit.CONFIGURATION


class TemplateError(UserError):
    """A template cannot be rendered; nothing is sent from it."""


class Stopped(TambourError):  # noqa: N818 - a state, not a fault
    """Nothing may leave: the clock or the ledger is in doubt."""

    exit_code: ClassVar[Exit] = Exit.HELD


class LedgerError(TambourError):
    """The ledger cannot be trusted or opened."""


class LedgerLocked(LedgerError):  # noqa: N818 - a state, not a fault
    """Another Tambour is sending with this ledger."""

    exit_code: ClassVar[Exit] = Exit.LOCKED
