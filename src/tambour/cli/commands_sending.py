"""Commands that send, or try whether sending would work: send, run, doctor, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tambour.cli.commands_files import AboutEvent, At, CampaignName
from tambour.cli.commands_ledger import count_record, show_counts
from tambour.cli.invocation import invocation, leave, moment, now, short
from tambour.cli.standing import leave_if_stopped, stop_record
from tambour.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tambour.cli.invocation import Invocation
    from tambour.cli.sending import Done, Due
    from tambour.delivery.trying import Tried
    from tambour.model import EditionId, Entry
    from tambour.project import Project

_STOPPING = "what is on the wire is finished first; once more leaves it in doubt"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("send-preview")(send_preview)
    app.command("send")(send)
    app.command("run")(run)
    app.command("doctor")(doctor)
    app.command("demo")(demo)


def send_preview(
    ctx: typer.Context,
    campaign: CampaignName,
    *,
    to: Annotated[list[str], typer.Option(metavar="ADDR", help="Who gets it.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="ADDR")] = None,
    event: AboutEvent = None,
    channel: Annotated[
        str | None, typer.Option(metavar="C", help="Only by this channel.")
    ] = None,
    at: At = None,
) -> None:
    """Send the real message to yourself, marked [TEST], outside the history."""
    from tambour.cli.logs import log_to_stderr
    from tambour.cli.previews import open_preview
    from tambour.delivery.trying import transmit_tests

    shared = invocation(ctx)
    log_to_stderr(as_json=shared.as_json, quiet=shared.quiet)
    project = shared.project()
    shared.show_errors(project.problems)
    preview = open_preview(project, at=moment(at, project.site))
    samples = list(
        preview.tests(
            campaign, event=event, channel=channel, addresses=[*to, *(more or ())]
        )
    )
    tried = transmit_tests(project, samples, preview.world)
    shared.record(messages=[_tried_record(one) for one in tried])
    for one in tried:
        said = f"{one.outcome.kind} {one.outcome.code} {one.outcome.reply}".strip()
        target = one.sample.entry.target.channel
        shared.say(f"{one.sample.recipient.address} by {target}: {said}")
    leave(_exit_of(tried))


def _tried_record(tried: Tried) -> dict[str, object]:
    return {
        "edition": tried.sample.entry.edition,
        "channel": tried.sample.entry.target.channel,
        "recipient": tried.sample.recipient.address,
        "outcome": tried.outcome.kind.value,
        "code": tried.outcome.code,
        "reply": tried.outcome.reply,
        "message_id": tried.sample.message.key,
    }


def _exit_of(tried: Sequence[Tried]) -> Exit:
    from tambour.model import OutcomeKind

    kinds = {one.outcome.kind for one in tried}
    if kinds <= {OutcomeKind.ACCEPTED}:
        return Exit.DONE
    return Exit.TEMPORARY if OutcomeKind.DEFERRED in kinds else Exit.FAILURE


def send(
    ctx: typer.Context,
    campaigns: Annotated[list[str] | None, typer.Argument(metavar="CAMPAIGN")] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is due; send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reviewed: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Only as in this file of `plan --out`."
        ),
    ] = None,
) -> None:
    """Send everything that is due now, once, and exit."""
    from tambour.cli.ledgers import upgrade_older
    from tambour.cli.logs import log_to_stderr
    from tambour.cli.reviewing import read_reviewed, refusing
    from tambour.cli.sending import due_now, fetch_feeds, send_due
    from tambour.project import require_campaigns

    shared = invocation(ctx)
    log_to_stderr(as_json=shared.as_json, quiet=shared.quiet)
    if not dry_run:
        _require_an_answer(shared, yes=yes)
        fetch_feeds(shared)
    project = shared.project()
    require_campaigns(project, campaigns or ())
    file = read_reviewed(reviewed, project.site)
    shared.show_errors(project.problems)
    if not dry_run:
        upgrade_older(project.config)
    due = due_now(project, campaigns or (), now=now(), file=file)
    with refusing(shared):
        if due.refusal is not None:
            raise due.refusal
    slow = _warn_of_slow(shared, due)
    if dry_run:
        _show_due(shared, project, due.entries)
        records = [_due_record(entry) for entry in due.entries]
        shared.record(editions=records, **slow, **stop_record(due.stop))
        leave_if_stopped(shared, due.stop)
        return
    _confirm(shared, project, due.entries, yes=yes)
    people = sum(entry.recipients for entry in due.entries)
    with refusing(shared), shared.progress("Sending", people) as advance:
        done = send_due(
            project,
            campaigns or (),
            on_answer=lambda: advance(1),
            on_stop=lambda: shared.warn(_STOPPING),
            on_warning=shared.warn,
            file=file,
        )
    # Who an event is comes of the ledger too; what its file says was shown before.
    doubts = set(done.rounded.memory.project.problems).difference(project.problems)
    shared.show_errors(sorted(doubts))
    _show_done(shared, done, slow)
    leave(done.exit_code())


def _warn_of_slow(shared: Invocation, due: Due) -> dict[str, list[dict[str, str]]]:
    """Say what takes long; return what cannot be through in time, for the record."""
    rows = [
        {
            "edition": entry.edition,
            "channel": entry.target.channel,
            "reason": entry.reason.text,
        }
        for entry in due.too_slow
        if entry.reason
    ]
    for row in rows:
        shared.warn(f"{row['edition']}: {row['reason']}")
    for channel in sorted(due.lengths.keys() - {row["channel"] for row in rows}):
        shared.warn(f"{due.lengths[channel]}; Ctrl-C leaves the rest to a later send")
    return {"too_slow": rows} if rows else {}


def _show_done(
    shared: Invocation, done: Done, slow: Mapping[str, Sequence[object]]
) -> None:
    """Print what was sent, and why the rest was not."""
    failures = {name: str(why) for name, why in done.rounded.frozen.failures.items()}
    records = [count_record(count) for count in done.counts]
    held = dict(done.stopped)
    held |= {one.edition: one.reason.text for one in done.rounded.held if one.reason}
    rows = [{"edition": edition, "reason": why} for edition, why in held.items()]
    shared.record(
        editions=records, failures=failures, **({"held": rows} if rows else {}), **slow
    )
    show_counts(shared, records)
    if not records:
        shared.say("Nothing was sent.")
    for error in done.rounded.frozen.failures.values():
        shared.show_problems(error.problems)
    for edition, why in failures.items():
        shared.warn(f"{edition} was not sent: {why}")
    silent = {edition: f"is held: {why}" for edition, why in held.items()}
    for edition, why in (silent | done.uncorrected()).items():
        shared.warn(f"{edition} {why}")
    for count in done.counts:
        for sentence in done.losses(count):
            shared.warn(sentence)
    for channel, why in done.shut.items():
        shared.warn(f"the channel {channel} sends nothing: {why}")
    for edition in done.put_off():
        shared.warn(
            f"some of {edition} is put off{_because(done, edition)}: a later"
            f" `tambour send` tries it again, or `tambour retry {edition}` makes it"
            " due now"
        )
    for edition, channel in done.stranded:
        shared.warn(
            f"{edition} waits for the channel {channel!r}, which config.yaml no longer"
            f" has: put it back, or run `tambour cancel {edition}`"
        )


def _because(done: Done, edition: EditionId) -> str:
    why = done.why_put_off.get(edition)
    return f" ({why})" if why else ""


def _due_record(entry: Entry) -> dict[str, object]:
    numbers = ("sent", "failed", "deferred", "uncertain", "suppressed", "expired")
    return {
        "edition": entry.edition,
        "campaign": entry.campaign,
        "channel": entry.target.channel,
        "recipients": entry.recipients,
        **dict.fromkeys(numbers, 0),
    }


def _show_due(shared: Invocation, project: Project, due: Sequence[Entry]) -> None:
    rows = (
        (
            entry.edition,
            entry.target.channel,
            str(entry.recipients),
            short(entry.deadline, project.site),
        )
        for entry in due
    )
    shared.table("Due now", ("edition", "channel", "people", "until"), rows)
    if not due:
        shared.say("Nothing is due.")


def _require_an_answer(shared: Invocation, *, yes: bool) -> None:
    """Without a terminal, `--yes` must say so."""
    if not yes and not sys.stdin.isatty():
        shared.warn("say --yes to send without being asked")
        raise typer.Exit(Exit.USAGE)


def _confirm(
    shared: Invocation, project: Project, due: Sequence[Entry], *, yes: bool
) -> None:
    """Ask before anything leaves."""
    if yes or not due:
        return
    _show_due(shared, project, due)
    people = sum(entry.recipients for entry in due)
    if not typer.confirm(f"Send {len(due)} editions, {people} messages?", err=True):
        raise typer.Exit(Exit.DONE)


def run(ctx: typer.Context) -> None:
    """Run the daemon: plan, freeze and send, until stopped."""
    from tambour.cli.ledgers import make_current
    from tambour.cli.logs import log_to_stderr
    from tambour.cli.world import real_world
    from tambour.config import load_config
    from tambour.daemon import run_daemon

    shared = invocation(ctx)
    log_to_stderr(as_json=shared.as_json, quiet=shared.quiet)
    make_current(load_config(shared.root, env=shared.env))
    run_daemon(shared.root, env=shared.env, world=real_world())


def doctor(ctx: typer.Context) -> None:
    """Try all that sending needs: servers, TLS, logins, keys, DNS, folders, zone."""
    from tambour.cli.examining import examine

    shared = invocation(ctx)
    checks = examine(shared.project(), now=now())
    shared.record(
        checks=[
            {
                "about": about,
                "name": c.name,
                "ok": c.ok,
                "warning": c.warning,
                "detail": c.detail,
            }
            for about, c in checks
        ]
    )
    for about, check in checks:
        fine = "warn" if check.warning else "ok  "
        mark = fine if check.ok else "FAIL"
        shared.say(f"{mark} {about}: {check.name}: {check.detail}")
    leave(Exit.DONE if all(check.ok for _, check in checks) else Exit.FAILURE)


def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("tambour-demo"),
) -> None:
    """Live through a quarter of the sample project, in seconds."""
    from tambour.cli.demonstration import demonstrate

    demonstrate(invocation(ctx), folder)
