"""Commands about what happened and what a person decides; all but a few only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tambour.cli.invocation import counted, in_zone, invocation, leave, now, short
from tambour.cli.standing import stop_record
from tambour.errors import Exit, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tambour.cli.invocation import Invocation
    from tambour.ledger import Ledger
    from tambour.ledger.records import Count, Record
    from tambour.model import Site
    from tambour.project import Project

EditionName = Annotated[str, typer.Argument(metavar="EDITION")]
EditionNames = Annotated[list[str], typer.Argument(metavar="EDITION…")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status")(status)
    app.command("history")(history)
    app.command("why")(why)
    app.command("retry")(retry)
    app.command("approve")(approve)
    app.command("hold")(hold)
    app.command("cancel")(cancel)
    app.command("explain")(explain)
    app.add_typer(suppress, name="suppress")


def _reader(project: Project) -> Ledger:
    from tambour.ledger import open_for_reading

    return open_for_reading(project.config.ledger, root=project.root)


def _writer(project: Project) -> Ledger:
    from tambour.cli.ledgers import open_ledger

    return open_ledger(project.config)


def count_record(count: Count) -> dict[str, object]:
    """Return the contract's JSON object of one edition's numbers on one channel."""
    from tambour.model import DeliveryState as State

    how_many = count.how_many
    waiting = (State.PLANNED, State.LEASED, State.IN_FLIGHT, State.DEFERRED)
    return {
        "edition": count.edition,
        "campaign": count.campaign,
        "channel": count.channel,
        "recipients": count.recipients,
        "sent": how_many(State.SENT),
        "failed": how_many(State.FAILED),
        "deferred": how_many(*waiting),
        "uncertain": how_many(State.UNCERTAIN),
        "suppressed": how_many(State.SUPPRESSED),
        "expired": how_many(State.EXPIRED),
        "cancelled": how_many(State.CANCELLED, State.SUPERSEDED),
    }


def show_counts(shared: Invocation, records: Sequence[dict[str, object]]) -> None:
    """Print the numbers of editions as a table."""
    names = "recipients sent failed deferred uncertain suppressed expired cancelled"
    columns = ("edition", "channel", *names.split())
    rows = (tuple(str(record[column]) for column in columns) for record in records)
    shared.table("", columns, rows)


def delivery_record(record: Record, site: Site) -> dict[str, object]:
    """Return the contract's JSON object of one delivery."""
    return {
        "edition": record.edition,
        "campaign": record.campaign,
        "event": record.event,
        "channel": record.channel,
        "recipient": record.recipient,
        "state": record.state.value,
        "attempts": record.attempts,
        "code": record.code,
        "reply": record.reply,
        "message_id": record.message_id,
        "at": in_zone(record.at, site),
    }


def status(ctx: typer.Context) -> None:
    """Show what is being sent, what waits for a person, and what comes next."""
    from datetime import timedelta

    from tambour.memory import recall
    from tambour.model import EntryState

    shared = invocation(ctx)
    project = shared.project()
    ledger = _reader(project)
    memory = recall(project, ledger)
    unfinished = [edition.id for edition in memory.snapshot.open_editions]
    counts = [count_record(count) for count in ledger.history.counts(unfinished)]
    moment = now()
    plan = memory.plan(now=moment, until=moment + timedelta(days=7))
    held = [e for e in plan.entries if e.state is EntryState.HELD]
    states = {EntryState.DUE, EntryState.PLANNED}
    coming = {e.edition: e.due for e in plan.entries if e.state in states}
    shared.record(
        editions=counts,
        held=[
            {"edition": e.edition, "reason": e.reason and e.reason.text} for e in held
        ],
        next=[
            {"edition": edition, "due": in_zone(due, project.site)}
            for edition, due in coming.items()
        ],
        **stop_record(memory.snapshot.stop),
    )
    if memory.snapshot.stop is not None:
        shared.say(f"Nothing leaves: {memory.snapshot.stop.text}")
    show_counts(shared, counts)
    shared.say(f"Being sent: {counted(len(unfinished), 'edition')}.")
    for entry in held:
        shared.say(
            f"held: {entry.edition}: {entry.reason.text if entry.reason else ''}"
        )
    shared.say(f"Due within seven days: {counted(len(coming), 'edition')}.")
    for edition, due in list(coming.items())[:5]:
        shared.say(f"  {short(due, project.site)}  {edition}")
    ledger.close()


def history(
    ctx: typer.Context,
    *,
    deliveries: Annotated[
        bool, typer.Option("--deliveries", help="Every delivery, by name.")
    ] = False,
) -> None:
    """Show what was sent."""
    shared = invocation(ctx)
    project = shared.project()
    ledger = _reader(project)
    if deliveries:
        rows = list(ledger.history.deliveries())
        shared.record(deliveries=[delivery_record(row, project.site) for row in rows])
        _show_deliveries(shared, rows, project.site)
    else:
        counts = [count_record(count) for count in ledger.history.counts()]
        shared.record(editions=counts)
        show_counts(shared, counts)
    ledger.close()


def _show_deliveries(shared: Invocation, rows: Iterable[Record], site: Site) -> None:
    shared.table(
        "",
        ("at", "edition", "channel", "recipient", "state", "tries", "answer"),
        (
            (
                short(row.at, site),
                row.edition,
                row.channel,
                row.recipient,
                row.state.value,
                str(row.attempts),
                f"{row.code} {row.reply}".strip(),
            )
            for row in rows
        ),
    )


def why(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ADDRESS|EVENT")],
) -> None:
    """Say what an address got or did not get, or what becomes of an event."""
    from tambour.cli.explaining import explain_address, explain_event

    shared = invocation(ctx)
    project = shared.project()
    ledger = _reader(project)
    is_address = "@" in what and all(event.id != what for event in project.events)
    explained = (explain_address if is_address else explain_event)(
        project, ledger, what, now=now()
    )
    shared.record(
        about=what,
        sentences=explained.sentences,
        deliveries=[delivery_record(row, project.site) for row in explained.deliveries],
    )
    for sentence in explained.sentences:
        shared.say(sentence)
    if explained.deliveries:
        _show_deliveries(shared, explained.deliveries, project.site)
    ledger.close()


def retry(ctx: typer.Context, edition: EditionName) -> None:
    """Try again what failed, was put off, or stayed in doubt, at the next send."""
    from tambour.cli.deciding import retry_edition

    retry_edition(invocation(ctx), edition)


def approve(ctx: typer.Context, editions: EditionNames) -> None:
    """Let held editions go; what only waits for its time to be stopped goes at once."""
    from tambour.cli.deciding import decide_all
    from tambour.model import Decision

    decide_all(invocation(ctx), editions, Decision.APPROVE)


def hold(ctx: typer.Context, editions: EditionNames) -> None:
    """Keep editions from leaving until they are approved."""
    from tambour.cli.deciding import decide_all
    from tambour.model import Decision

    decide_all(invocation(ctx), editions, Decision.HOLD)


def cancel(ctx: typer.Context, editions: EditionNames) -> None:
    """Never send editions, or what is left of them."""
    from tambour.cli.deciding import decide_all
    from tambour.model import Decision

    decide_all(invocation(ctx), editions, Decision.CANCEL)


def explain(
    ctx: typer.Context, code: Annotated[str, typer.Argument(metavar="CODE")]
) -> None:
    """Explain a problem's code: what it means, an example, the mend."""
    from tambour.problems import CODES, explanation

    shared = invocation(ctx)
    name = code.upper()
    if name not in CODES:
        msg = f"no problem has the code {code!r}; they look like E203 or W501"
        raise UserError(msg)
    text = explanation(name)
    shared.record(code=name, title=CODES[name], explanation=text)
    shared.say(f"{name}: {CODES[name]}\n\n{text}")


suppress = typer.Typer(no_args_is_help=True, help="Addresses that must not be mailed.")


@suppress.command("add")
def suppress_add(
    ctx: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…")],
    *,
    reason: Annotated[
        str, typer.Option(help="Why, for the record.")
    ] = "asked to leave",
) -> None:
    """Never write to an address again."""
    from tambour.audience import require_address
    from tambour.ledger.records import Suppression

    shared = invocation(ctx)
    for address in addresses:
        require_address(address)
    ledger = _writer(shared.project())
    since = now()
    added = ledger.suppressions.add(
        Suppression(address=address, audience="", reason=reason, since=since)
        for address in addresses
    )
    ledger.close()
    shared.record(added=added)
    shared.say(f"Added: {added}.")


@suppress.command("list")
def suppress_list(ctx: typer.Context) -> None:
    """List the suppressed addresses."""
    shared = invocation(ctx)
    project = shared.project()
    ledger = _reader(project)
    found = ledger.suppressions.all()
    ledger.close()
    shared.record(
        suppressions=[
            {
                "address": s.address,
                "reason": s.reason,
                "since": in_zone(s.since, project.site),
            }
            for s in found
        ]
    )
    rows = ((s.address, s.reason, short(s.since, project.site)) for s in found)
    shared.table("", ("address", "reason", "since"), rows)


@suppress.command("remove")
def suppress_remove(
    ctx: typer.Context, address: Annotated[str, typer.Argument(metavar="ADDRESS")]
) -> None:
    """Allow an address again."""
    shared = invocation(ctx)
    ledger = _writer(shared.project())
    removed = ledger.suppressions.remove(address)
    ledger.close()
    shared.record(removed=removed)
    shared.say(
        f"{address} may be written to again." if removed else "It was not there."
    )
    leave(Exit.DONE if removed else Exit.FAILURE)
