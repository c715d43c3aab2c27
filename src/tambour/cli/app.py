"""The root command: global options, the list of commands, and how errors end them."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tambour.cli import (
    commands_files,
    commands_ledger,
    commands_sending,
    commands_simulating,
    commands_standing,
)
from tambour.cli.invocation import Invocation
from tambour.errors import Exit, TambourError, UserError

FLAGS = {"--json", "--quiet", "--no-color"}
VALUES = {"-C", "--env"}

app = typer.Typer(
    name="tambour",
    help="Announce the events of a website, always before they start.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (
    commands_files,
    commands_sending,
    commands_simulating,
    commands_ledger,
    commands_standing,
):
    room.register(app)


@app.callback()
def root(
    ctx: typer.Context,
    *,
    directory: Annotated[
        Path, typer.Option("-C", metavar="DIR", help="The project's folder.")
    ] = Path(),
    env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Merge config.NAME.yaml.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print only problems.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> None:
    """Announce the events of a website, always before they start."""
    ctx.obj = Invocation(
        root=directory,
        env=env,
        as_json=as_json,
        quiet=quiet,
        color=not no_color and sys.stderr.isatty(),
    )


def main(typed: list[str] | None = None) -> NoReturn:
    """Run the command line as *typed*, or as the process was given it, and exit."""
    arguments = hoisted(sys.argv[1:] if typed is None else typed)
    try:
        app(arguments, prog_name="tambour")
    except TambourError as error:
        sys.exit(_failed(error, arguments))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILURE)
    except BaseExceptionGroup as group:
        expected, bugs = group.split(TambourError)
        if expected is None or bugs is not None:
            raise
        sys.exit(_failed(_first(expected), arguments))
    except OSError as error:
        sys.exit(_failed(_plainly(error), arguments))
    sys.exit(Exit.DONE)


def hoisted(arguments: list[str]) -> list[str]:
    """Return the arguments with global options first, wherever they were typed."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest.extend(("--", *waiting))
        elif argument in FLAGS or argument.startswith("--env="):
            first.append(argument)
        elif argument in VALUES:
            first.extend(
                (argument, *([value] if (value := next(waiting, None)) else []))
            )
        else:
            rest.append(argument)
    return first + rest


def _first(group: BaseExceptionGroup[TambourError]) -> TambourError:
    """Return one of several: channels that fail together share the cause."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _plainly(error: OSError) -> TambourError:
    """Say which file the system refused; readers of files say more where they can."""
    where = f"{error.filename}: " if error.filename else ""
    why = error.strerror or str(error)
    return TambourError(f"{where}{why}; check its path, rights and free space")


def _failed(error: TambourError, arguments: list[str]) -> Exit:
    """Say what went wrong, as JSON where JSON was asked for."""
    problems = error.problems if isinstance(error, UserError) else ()
    folders = [b for a, b in pairwise(arguments) if a == "-C"]
    directory = Path(folders[-1] if folders else "")
    shown = Invocation(
        root=directory,
        env=None,
        as_json="--json" in arguments,
        quiet=False,
        color="--no-color" not in arguments and sys.stderr.isatty(),
    )
    fields: dict[str, Any] = {"error": str(error)}
    if problems:
        from tambour.content.listing import problem_record

        fields["problems"] = [problem_record(problem) for problem in problems]
    shown.record(**fields)
    shown.show_problems(problems)
    shown.warn(str(error))
    return error.exit_code
