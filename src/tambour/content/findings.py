"""
The problems of one file, gathered while it is read.

Knows no rules; the readers say what is wrong, this remembers where and in what order.
"""

from __future__ import annotations

from tambour.problems import Problem, Severity


class Findings:
    """What is wrong in the file at *path*; each thing once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._problems: dict[Problem, None] = {}

    def add(
        self, code: str, line: int, message: str, *, mend: str = "", note: str = ""
    ) -> None:
        """Remember a problem: how to *mend* it, and in *note* what it clashes with."""
        problem = Problem(
            path=self.path, line=line, code=code, message=message, help=mend, note=note
        )
        self._problems[problem] = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the file."""
        return tuple(sorted(self._problems))

    @property
    def has_error(self) -> bool:
        """Whether something here holds the file back."""
        return any(p.severity is Severity.ERROR for p in self._problems)
