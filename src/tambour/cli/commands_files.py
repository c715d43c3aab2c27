"""Commands about files: init, check, events, plan, render."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tambour.cli.invocation import (
    counted,
    horizon,
    in_zone,
    invocation,
    leave,
    moment,
    now,
    short,
)
from tambour.errors import Exit, TemplateError, UserError

if TYPE_CHECKING:
    from tambour.model import Entry, Plan, Site
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
    from tambour.rendering import Templates, check

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
        Path | None, typer.Option(metavar="FILE", help="Write the JSON there too.")
    ] = None,
) -> None:
    """Show every edition to come, and why some will not."""
    import json

    from tambour.ledger import open_for_reading
    from tambour.memory import recall

    shared = invocation(ctx)
    project = shared.project()
    start = moment(at, project.site)
    ledger = open_for_reading(project.config.ledger, root=project.root)
    memory = recall(project, ledger)
    ledger.close()
    project = memory.project
    made = memory.plan(now=start, until=horizon(until, start, project.site))
    record = {
        "now": in_zone(made.now, project.site),
        "entries": [_entry_record(entry, project.site) for entry in made.entries],
    }
    if out is not None:
        out.write_text(
            json.dumps({"version": 1, **record}, indent=2, ensure_ascii=False)
        )
    shared.record(**record)
    shared.show_errors(project.problems)
    _show_plan(ctx, made, project.site)


def _show_plan(ctx: typer.Context, made: Plan, site: Site) -> None:
    """Print an edition's entries together: they differ only in where they go."""
    from itertools import groupby

    shared = invocation(ctx)
    shared.say(f"Plan as of {short(made.now, site)} ({site.timezone})")
    for (edition, due, state, reason), group in groupby(
        made.entries, key=lambda e: (e.edition, e.due, e.state, e.reason)
    ):
        entries = list(group)
        until = short(entries[0].deadline, site)
        where = ", ".join(
            f"{entry.target.channel} {entry.recipients}" for entry in entries
        )
        shared.say(f"{short(due, site):22}  {state:10}  {edition}")
        shared.say(f"{'':22}  {'':10}  to {where}{f', until {until}' if until else ''}")
        if reason:
            shared.say(f"{'':22}  {'':10}  {reason.text}")


def _entry_record(entry: Entry, site: Site) -> dict[str, object]:
    """Return the contract's JSON object of one plan entry."""
    return {
        "edition": entry.edition,
        "campaign": entry.campaign,
        "kind": entry.kind.value,
        "events": list(entry.events),
        "channel": entry.target.channel,
        "audience": entry.target.audience,
        "due": in_zone(entry.due, site),
        "deadline": in_zone(entry.deadline, site),
        "state": entry.state.value,
        "reason": entry.reason.text if entry.reason else None,
        "recipients": entry.recipients,
    }


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
