"""
A problem as a person reads it: code, place, the line itself, and the mend.

Lines are never wrapped, so that editors and terminals can jump to `path:line`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tambour.cli.invocation import harmless
from tambour.problems import Problem, Severity

if TYPE_CHECKING:
    from pathlib import Path

COLORS = {Severity.ERROR: typer.colors.RED, Severity.WARNING: typer.colors.YELLOW}


def diagnostic(problem: Problem, root: Path, *, color: bool) -> str:
    """Return the problem as a few lines, with the line of the file it is about."""
    severity = problem.severity

    def paint(text: str) -> str:
        return typer.style(text, fg=COLORS[severity], bold=True) if color else text

    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    lines = [
        f"{paint(f'{severity}[{problem.code}]')} {harmless(problem.message)}",
        f"  --> {harmless(place)}",
    ]
    source = _line(root / problem.path, problem.line)
    margin = " " * len(str(problem.line))
    if source is not None:
        lines.append(f"{problem.line} | {source}")
    if problem.note:
        lines.append(f"{margin} | {harmless(problem.note)}")
    if problem.help:
        lines.append(f"help: {harmless(problem.help)}")
    return "\n".join((*lines, ""))


def _line(file: Path, number: int) -> str | None:
    if number < 1:
        return None
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            for here, text in enumerate(lines, 1):
                if here == number:
                    return "".join(c if c.isprintable() else " " for c in text.rstrip())
    except OSError:
        return None
    return None
