"""Commands about files: init, check, events, plan, render."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tambour.cli.invocation import (
    counted,
    horizon,
    invocation,
    leave,
    moment,
    now,
    short,
)
from tambour.errors import Exit, TemplateError, UserError

if TYPE_CHECKING:
    from tambour.problems import Problem
    from tambour.project import Project

At = Annotated[
    str | None, typer.Option("--at", metavar="T", help="Pretend that it is T.")
]
CampaignName = Annotated[str, typer.Argument(help="The campaign's name.")]
AboutEvent = Annotated[
    str | None, typer.Option(metavar="ID", help="The event of a reminder.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("events")(events)
    app.command("plan")(plan)
    app.command("render")(render)


def init(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="DIR")] = None,
    *,
    detect: Annotated[
        Path | None,
        typer.Option(metavar="SITE", help="Read a Jekyll or Hugo site's settings."),
    ] = None,
) -> None:
    """Begin a project: settings, campaigns and templates to change."""
    from tambour.cli import starting

    shared = invocation(ctx)
    target = folder or shared.root
    if detect is None:
        written = starting.begin(target, today=now().date())
    else:
        written = _init_for_site(ctx, target, detect)
    shared.record(folder=str(target), files=written)
    shared.say(f"Wrote {len(written)} files into {target.resolve()}.")
    shared.say(f"Next: tambour -C {target} check, then plan, then send.")


def _init_for_site(ctx: typer.Context, target: Path, detect: Path) -> list[str]:
    from os.path import relpath

    from tambour.cli import starting
    from tambour.content.sites import detect_site

    site = detect_site(detect)
    if site is None:
        msg = (
            f"{detect} is no Jekyll or Hugo site: there is no _config.yml or hugo.yaml"
        )
        raise UserError(msg)
    shared = invocation(ctx)
    found = (
        ("generator", f"{site.generator} ({site.settings})"),
        ("name", site.name or "not said"),
        ("address", site.url or "not said"),
        ("time zone", site.timezone or "not said"),
        ("language", site.language or "not said"),
        *(
            ("events", f"{s.files} in {s.path} ({s.dialect}) {s.permalink or ''}")
            for s in site.sources
        ),
    )
    shared.table("Found", ("what", "value"), found)
    location = Path(relpath(detect.resolve(), target.resolve()))
    return starting.begin_for_site(target, site, location)


def check(ctx: typer.Context) -> None:
    """Show everything that is wrong, with its place and the mend."""
    from tambour.content.listing import problem_record
    from tambour.problems import Severity

    shared = invocation(ctx)
    project = shared.project()
    found = tuple(sorted((*project.problems, *_template_problems(project))))
    shared.record(problems=[problem_record(problem) for problem in found])
    shared.show_problems(found)
    errors = sum(p.severity is Severity.ERROR for p in found)
    shared.say(
        f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}."
    )
    leave(Exit.FINDINGS if errors else Exit.DONE)


def _template_problems(project: Project) -> tuple[Problem, ...]:
    """Return everything that is wrong in the project's templates and words."""
    from tambour.rendering.checking import check
    from tambour.rendering.templates import Templates

    try:
        templates = Templates(project.root)
        templates.theme()
    except TemplateError as error:
        return error.problems
    channels = project.config.channels
    return check(
        templates,
        campaigns=project.campaigns,
        site=project.site,
        channel_types={name: settings.type for name, settings in channels.items()},
        columns={
            name: people.columns for name, people in project.audiences.items() if people
        },
    )


def events(ctx: typer.Context) -> None:
    """List the events as they are understood, and the problems."""
    from tambour.content.listing import event_record, problem_record

    shared = invocation(ctx)
    project = shared.project()
    shared.record(
        events=[event_record(event) for event in project.events],
        problems=[problem_record(problem) for problem in project.problems],
    )
    for event in project.events:
        when = short(event.start, project.site) or "no start"
        marked = "" if event.status == "scheduled" else f"  [{event.status}]"
        where = event.venue or ("online" if event.online else "")
        shared.say(f"{when:22}  {event.title}{marked}")
        shared.say("  ".join(filter(None, (f"{'':22}", event.id, where))))
    shared.show_problems(project.problems)
    found = counted(len(project.events), "event")
    shared.say(f"{found}, {counted(len(project.problems), 'problem')}.")


def plan(
    ctx: typer.Context,
    *,
    at: At = None,
    until: Annotated[str, typer.Option(metavar="T", help="A time, or 30d.")] = "30d",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there, for `send --plan`."),
    ] = None,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode",
            help="Exit 4 if something is due, or differs from what FILE had.",
        ),
    ] = False,
) -> None:
    """Show every edition to come, and why some will not."""
    from tambour.cli.planning import make_plan, show_planned

    shared = invocation(ctx)
    project = shared.project()
    start = moment(at, project.site)
    end = horizon(until, start, project.site)
    planned = make_plan(project, now=start, until=end, out=out)
    show_planned(shared, planned, detailed=detailed_exitcode)


def render(
    ctx: typer.Context,
    campaign: CampaignName,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")],
    event: AboutEvent = None,
    at: At = None,
) -> None:
    """Write the exact .eml, .html and .txt files and post payloads."""
    from tambour.cli.previews import open_preview, write_samples

    shared = invocation(ctx)
    project = shared.project()
    shared.show_errors(project.problems)
    preview = open_preview(project, at=moment(at, project.site))
    written = write_samples(preview.samples(campaign, event=event), out)
    shared.record(files=[str(file) for file in written])
    for file in written:
        shared.say(str(file))
