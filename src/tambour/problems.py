"""
Problems: what is wrong in a file, where, and how to mend it.

A problem is a value that is collected, never raised by the reader that finds it; all
of them are shown at once. Codes are a contract: `E…` hold something back, `W…` do not.
The hundreds say where: 1 settings, 2 events, 3 campaigns, 4 templates, 5 audiences.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error holds its file back; a warning only speaks."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """
    Something wrong in a file.

    `path` is relative to the project, `line` counts from 1 (0: the file as a whole),
    `note` says what the line clashes with, `help` how to mend it.
    """

    path: str
    line: int
    code: str
    message: str
    help: str = ""
    note: str = ""

    @property
    def severity(self) -> Severity:
        """Told by the code's letter."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING


CODES: dict[str, str] = {
    # 1 settings (config.yaml)
    "E101": "config.yaml cannot be read",
    "E102": "config.yaml is not valid YAML",
    "E103": "a setting is unknown",
    "E104": "a setting has a wrong value",
    "E105": "a required setting is missing",
    "E106": "an environment variable is not set",
    "E107": "a setting is given twice",
    # 2 events
    # 3 campaigns
    # 4 templates
    # 5 audiences
    "E501": "an audience file cannot be read",
    "E502": "an audience file has no email column",
    "E503": "an address is not valid",
    "E504": "a row has more fields than there are columns",
    "E505": "a language is not valid",
    "W501": "an address is given twice",
    "W502": "an audience has no addresses",
}
"""Every code with its one-line title; `docs/problems.md` explains each."""
