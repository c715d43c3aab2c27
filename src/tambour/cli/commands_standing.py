"""Commands about whether anything may leave at all: clock, db accept."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

from tambour.cli.invocation import in_zone, invocation, now, short
from tambour.cli.standing import stop_record
from tambour.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tambour.ledger import Ledger
    from tambour.planning.clocks import Judgement
    from tambour.project import Project

clock = typer.Typer(help="Show how the clock stands; `accept` and `reset` answer it.")
db = typer.Typer(no_args_is_help=True, help="The ledger's file.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(clock, name="clock", invoke_without_command=True)
    app.add_typer(db, name="db")


@clock.callback()
def show_clock(ctx: typer.Context) -> None:
    """Show how the clock stands, and whether it is believed."""
    from tambour.ledger import open_for_reading
    from tambour.planning import stops

    if ctx.invoked_subcommand is not None:
        return
    shared = invocation(ctx)
    project = shared.project()
    ledger = open_for_reading(project.config.ledger, root=project.root)
    judged = _judged(ledger)
    ledger.close()
    stop = stops.clock_jumped(judged.memory)
    moment, highest = now(), judged.memory.highest
    shared.record(
        now=in_zone(moment, project.site),
        state=judged.state.value,
        latest=in_zone(highest.wall if highest else None, project.site),
        **stop_record(stop),
    )
    shared.say(f"Now it is {short(moment, project.site)}; the clock is {judged.state}.")
    if highest is not None:
        shared.say(f"The latest moment seen is {short(highest.wall, project.site)}.")
    if stop is not None:
        shared.say(stop.text)


@clock.command("accept")
def accept_clock(ctx: typer.Context) -> None:
    """Say that a clock that went ahead is right; what is due leaves."""
    from tambour.cli.world import real_world
    from tambour.planning.clocks import ClockState

    shared = invocation(ctx)
    with _written(shared.project()) as ledger:
        was_doubted = _judged(ledger).state is ClockState.DOUBTFUL
        if was_doubted:
            ledger.standing.believe_clock(real_world().reading())
    shared.record(accepted=was_doubted)
    shared.say("The clock is believed." if was_doubted else "It was not in doubt.")


@clock.command("reset")
def reset_clock(ctx: typer.Context) -> None:
    """Forget a later moment that a wrong clock has shown."""
    from tambour.cli.world import real_world
    from tambour.planning.clocks import ClockState

    shared = invocation(ctx)
    project = shared.project()
    with _written(project) as ledger:
        if _judged(ledger).state is ClockState.DOUBTFUL:
            msg = "the clock is in doubt now: set it right, or `tambour clock accept`"
            raise UserError(msg)
        ledger.standing.believe_clock(real_world().reading())
    shared.record(latest=in_zone(now(), project.site))
    shared.say("The latest moment seen is now.")


@db.command("accept")
def accept_ledger(ctx: typer.Context) -> None:
    """Take this ledger as the latest, and at home here; some may get things twice."""
    shared = invocation(ctx)
    project = shared.project()
    machine = project.config.machine
    with _written(project) as ledger:
        doubt = ledger.standing.doubt(machine=machine)
        if doubt is not None:
            ledger.standing.accept(now(), machine=machine)
    shared.record(accepted=doubt.code.value if doubt else None)
    shared.say("It is the ledger to send with." if doubt else "It was not in doubt.")


def _judged(ledger: Ledger) -> Judgement:
    from tambour.cli.world import real_world
    from tambour.planning.clocks import judge

    return judge(ledger.standing.clock(), real_world().reading())


@contextmanager
def _written(project: Project) -> Iterator[Ledger]:
    from tambour.cli.ledgers import open_ledger

    with closing(open_ledger(project.config)) as ledger:
        yield ledger
