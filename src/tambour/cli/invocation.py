"""What every command shares: the project's folder, how to print, what time it is."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tambour.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from tambour.model import Site
    from tambour.problems import Problem
    from tambour.project import Project


FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Beyond them nothing is announced, and calendars overflow."""
# Written by strangers, they could repaint the terminal or reverse what is read.
_HARMFUL = dict.fromkeys(
    (
        *(code for code in range(0x20) if code != ord("\n")),
        *range(0x7F, 0xA0),
        *(0x61C, 0x200E, 0x200F),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ),
    "\N{REPLACEMENT CHARACTER}",
)


def harmless(text: str) -> str:
    """Return *text* without what a terminal would obey instead of show."""
    return text.translate(_HARMFUL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
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

        return load_project(self.root, env=self.env, around=now())

    def console(self, *, stderr: bool = False) -> Console:
        """Return a place for tables and progress bars."""
        from rich.console import Console

        return Console(stderr=stderr, no_color=not self.color, highlight=False)

    @contextmanager
    def progress(self, what: str, total: float) -> Iterator[Callable[[float], None]]:
        """Show a bar on a terminal during long work; yield what advances it."""
        from rich.progress import Progress

        console = self.console(stderr=True)
        is_hidden = self.quiet or self.as_json or not console.is_terminal
        with Progress(console=console, transient=True, disable=is_hidden) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps: bar.update(task, advance=steps)

    def say(self, text: str) -> None:
        """Print a line for a person; silent when JSON or quiet is asked for."""
        if not (self.as_json or self.quiet):
            typer.echo(harmless(text))

    def warn(self, text: str) -> None:
        """Print a line to standard error, whatever is asked for."""
        typer.echo(harmless(f"tambour: {text}"), err=True)

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

        cells = [[harmless(cell) for cell in row] for row in (columns, *listed)]
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
        """
        Print what is held back, and which feed is not as it is on the web.

        Other warnings are left to `check` and `events`.
        """
        from tambour.problems import Severity

        stale = ("W211", "W212")
        self.show_problems(
            p for p in problems if p.severity is Severity.ERROR or p.code in stale
        )


def invocation(ctx: typer.Context) -> Invocation:
    """Return the invocation that the root command made."""
    found: Invocation = ctx.obj
    return found


def now() -> datetime:
    """Read the clock, once per command."""
    return datetime.now(UTC)


def moment(text: str | None, site: Site) -> datetime:
    """
    Return the instant of `--at`: ISO 8601, in the site's zone when it names none.

    A date alone is its midnight; nothing at all is now.

    Raises:
        UsageError: *text* is no such thing, or centuries away.

    """
    return now() if text is None else _placed(_read_time(text, "--at"), site)


def horizon(text: str, start: datetime, site: Site) -> datetime:
    """
    Return the end of `--until`: a time as for `--at`, or a duration from *start*.

    A date alone is its end, the next midnight on the site's clocks.

    Raises:
        UsageError: *text* is neither, or centuries away.

    """
    from tambour.config import parse_duration

    try:
        length = parse_duration(text)
    except ValueError:
        end = _read_time(text, "--until")
        is_date = len(text.strip()) <= len("2027-01-14")
        return _placed(end + timedelta(days=1) if is_date else end, site)
    if length > (LAST - start):
        raise UsageError(_too_far("--until", text))
    return start + length


def _read_time(text: str, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        msg = f"{option} {text!r} is not a time; write 2027-01-14 or 2027-01-14T08:00"
        raise UsageError(msg) from None
    if not FIRST.year <= found.year < LAST.year:
        raise UsageError(_too_far(option, text))
    return found


def _too_far(option: str, text: str) -> str:
    return f"{option} {text!r} is out of reach: from {FIRST.year} to {LAST.year}"


def _placed(found: datetime, site: Site) -> datetime:
    from tambour.model import instant

    local = found if found.tzinfo else instant(found, site.zone)
    return local.astimezone(UTC)


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


def counted(number: int, noun: str) -> str:
    """Return `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def leave(code: Exit) -> None:
    """End the command with *code*; 0 just returns."""
    if code is not Exit.DONE:
        sys.stdout.flush()
        raise typer.Exit(code)
