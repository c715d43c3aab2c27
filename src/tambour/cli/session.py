"""What every command shares: the project's folder, how to print, what time it is."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tambour.errors import Exit, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from tambour.model import Site
    from tambour.problems import Problem
    from tambour.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The options that stand before the command."""

    root: Path
    env: str | None
    as_json: bool
    quiet: bool
    color: bool

    def project(self) -> Project:
        """
        Read the project.

        Raises:
            ConfigError: config.yaml cannot be used.

        """
        from tambour.project import load_project

        return load_project(self.root, env=self.env)

    def console(self, *, stderr: bool = False) -> Console:
        """Return a place for tables and progress bars."""
        from rich.console import Console

        return Console(stderr=stderr, no_color=not self.color, highlight=False)

    def say(self, text: str) -> None:
        """Print a line for a person; silent when JSON or quiet is asked for."""
        if not (self.as_json or self.quiet):
            typer.echo(text)

    def record(self, **fields: Any) -> None:  # noqa: ANN401 - JSON holds anything
        """Print the command's one JSON object, when JSON is asked for."""
        if self.as_json:
            typer.echo(json.dumps({"version": 1, **fields}, ensure_ascii=False))

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> None:
        """Print aligned columns for a person; not wrapped: names stay whole."""
        listed = list(rows)
        if self.as_json or self.quiet or not listed:
            return
        from rich.cells import cell_len

        cells = [columns, *listed]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        if title:
            typer.echo(title)
        for row in cells:
            padded = (
                cell + " " * (width - cell_len(cell))
                for cell, width in zip(row, widths, strict=True)
            )
            typer.echo("  ".join(padded).rstrip())

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Print each problem with its line of the file, to standard error."""
        from tambour.cli.diagnostics import diagnostic

        if self.as_json:
            return
        for problem in problems:
            typer.echo(diagnostic(problem, self.root, color=self.color), err=True)

    def show_errors(self, problems: Iterable[Problem]) -> None:
        """Print what is held back; warnings are left to `check` and `events`."""
        from tambour.problems import Severity

        self.show_problems(p for p in problems if p.severity is Severity.ERROR)


def session(ctx: typer.Context) -> Session:
    """Return the session that the root command made."""
    found: Session = ctx.obj
    return found


def now() -> datetime:
    """Read the clock, once per command."""
    return datetime.now(UTC)


def moment(text: str | None, site: Site) -> datetime:
    """
    Return the instant of `--at`: ISO 8601, in the site's zone when it names none.

    A date alone is its midnight; nothing at all is now.

    Raises:
        UserError: *text* is no such thing.

    """
    if text is None:
        return now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f"--at {text!r} is not a time; write 2027-01-14 or 2027-01-14T08:00"
        raise UserError(msg) from None
    from tambour.model import instant

    local = found if found.tzinfo else instant(found, site.zone)
    return local.astimezone(UTC)


def horizon(text: str, start: datetime, site: Site) -> datetime:
    """Return the end of `--until`: a time as for `--at`, or a duration from *start*."""
    from tambour.config import parse_duration

    try:
        return start + parse_duration(text)
    except ValueError:
        end = moment(text, site)
    is_date = len(text.strip()) <= len("2027-01-14")
    return end + timedelta(days=1) if is_date else end


def in_zone(when: datetime | None, site: Site) -> str | None:
    """Return the instant as ISO 8601 with the site's offset."""
    if when is None:
        return None
    return when.astimezone(site.zone).isoformat(timespec="seconds")


def short(when: datetime | None, site: Site) -> str:
    """Return the instant for a table: day and minute on the site's clocks."""
    if when is None:
        return ""
    local = when.astimezone(site.zone)
    midnight = local.time() == time()
    return f"{local:%a %d %b %Y}" if midnight else f"{local:%a %d %b %Y %H:%M}"


def leave(code: Exit) -> None:
    """End the command with *code*; 0 just returns."""
    if code is not Exit.DONE:
        sys.stdout.flush()
        raise typer.Exit(code)
