"""
What is wrong with an audience file, as long as somebody would read it.

A million bad rows are a thousand problems and a number. Knows no rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tambour.problems import Problem

MAX_SHOWN = 1000


@dataclass(slots=True)
class Complaints:
    """The first problems of the file at *path*, and how many more there are."""

    path: str
    has_error: bool = False
    _kept: list[Problem] = field(default_factory=list)
    _left: int = 0
    _worst: Problem | None = None
    """Stands for those left out: the first line, and the gravest code among them."""

    def add(self, line: int, code: str, message: str, mend: str) -> None:
        """Remember a problem; in any order."""
        self._kept.append(
            Problem(path=self.path, line=line, code=code, message=message, help=mend)
        )
        self.has_error |= code.startswith("E")
        if len(self._kept) > 2 * MAX_SHOWN:
            self._shorten()

    def all(self) -> tuple[Problem, ...]:
        """Return them in the order of the file; the last says how many are left out."""
        self._shorten()
        if self._worst is None:
            return tuple(self._kept)
        said = f"{self._left:,} more problems from this line on"
        mend = "mend the others first, and check again"
        return *self._kept, replace(self._worst, message=said, help=mend)

    def _shorten(self) -> None:
        self._kept.sort()
        left = self._kept[MAX_SHOWN:]
        if not left:
            return
        del self._kept[MAX_SHOWN:]
        self._left += len(left)
        left += [] if self._worst is None else [self._worst]
        # Codes of errors sort before those of warnings.
        self._worst = replace(min(left), code=min(one.code for one in left))
