"""The command that travels in time: simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tambour.cli.invocation import invocation, leave
from tambour.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("simulate")(simulate)


def simulate(
    ctx: typer.Context,
    *,
    begin: Annotated[
        str, typer.Option("--from", metavar="T", help="Begin with an empty history.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="T", help="Where to stop.")],
    git: Annotated[
        Path | None,
        typer.Option(
            metavar="REPO", help="Take the files from its commits, when they came."
        ),
    ] = None,
    reflog: Annotated[
        bool,
        typer.Option("--reflog", help="Follow the heads its branch had."),
    ] = False,
    deliveries: Annotated[
        bool, typer.Option("--deliveries", help="Every delivery, by name.")
    ] = False,
) -> None:
    """List what would have gone out in a time that is lived through in seconds."""
    from tambour.cli.simulating import run_simulation, show

    shared = invocation(ctx)
    report = run_simulation(shared, begin=begin, end=end, git=git, reflog=reflog)
    show(shared, report, deliveries=deliveries)
    leave(Exit.DONE)
