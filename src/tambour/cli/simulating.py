"""
A simulation for the command line: its times and folders in, its report out.

The files of a repository's commits are written to a temporary folder and deleted.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tambour.cli.invocation import counted, horizon, in_zone, moment, short
from tambour.config import load_config
from tambour.errors import UsageError
from tambour.ledger import open_for_writing
from tambour.simulation.past import NOW, Past, Present, Replayed
from tambour.simulation.replay import simulate
from tambour.simulation.repository import Repository
from tambour.simulation.worktree import History, Worktree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tambour.cli.invocation import Invocation
    from tambour.model import Site
    from tambour.simulation.report import Posted, Report

MEMORY = "sqlite://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A report, in the site's zone, and how long it took."""

    report: Report
    site: Site
    seconds: float


def run_simulation(
    shared: Invocation, *, begin: str, end: str, git: Path | None, reflog: bool
) -> Simulated:
    """
    Live through the time between what was typed for `--from` and `--to`.

    Raises:
        UsageError: there is no time between them, or `--reflog` stands alone.
        UserError: the repository or the settings cannot be used.

    """
    if reflog and git is None:
        msg = "--reflog needs --git"
        raise UsageError(msg)
    started = time.monotonic()
    site = load_config(shared.root, env=shared.env).site_facts()
    first = moment(begin, site)
    last = horizon(end, first, site)
    if last <= first:
        msg = f"--to {end!r} is not after --from {begin!r}"
        raise UsageError(msg)
    length = (last - first).total_seconds()
    before = first
    with (
        _past(shared.root, git, reflog=reflog) as past,
        shared.progress("Simulating", length) as advance,
    ):

        def on_time(now: datetime) -> None:
            nonlocal before
            advance((now - before).total_seconds())
            before = now

        ledger = open_for_writing(MEMORY, root=shared.root)
        report = simulate(
            past, ledger, env=shared.env, begin=first, end=last, on_time=on_time
        )
        ledger.close()
    return Simulated(report=report, site=site, seconds=time.monotonic() - started)


@contextmanager
def _past(root: Path, git: Path | None, *, reflog: bool) -> Iterator[Past]:
    if git is None:
        yield Present(root)
        return
    repository = Repository(git)
    commits = repository.heads() if reflog else repository.commits()
    history = History(repository, commits)
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="tambour-"))
        contents = stack.enter_context(repository.contents())
        worktree = Worktree(Path(folder).resolve(), history, contents)
        yield Replayed(root, top=repository.top, history=history, worktree=worktree)


def show(shared: Invocation, simulated: Simulated, *, deliveries: bool) -> None:
    """Print the messages, then what was held, the alerts, and the counts."""
    report, site = simulated.report, simulated.site
    shared.record(**_record(simulated, deliveries=deliveries))
    for part, origin in report.origins.items():
        shared.say(f"{part}: {_told(origin)}")
    shared.say("")
    columns = ("when", "edition", "kind", "channel", "recipients", "subject")
    shared.table(
        "What left", columns, _posted_rows(report, site, deliveries=deliveries)
    )
    shared.say("")
    shared.table(
        "What was held, and why",
        ("since", "until", "edition", "channel", "why"),
        (
            (short(h.at, site), short(h.until, site), h.edition, h.channel, h.reason)
            for h in report.held
        ),
    )
    shared.table(
        "Alerts",
        ("when", "about", "what"),
        ((short(a.at, site), a.about, a.text) for a in report.alerts),
    )
    shared.say(_sum(simulated))


def _told(origin: str) -> str:
    return "as it is now" if origin == NOW else f"from the {origin}"


def _posted_rows(
    report: Report, site: Site, *, deliveries: bool
) -> Iterator[tuple[str, ...]]:
    for one in report.posted:
        about = (one.edition, one.kind, one.channel)
        number = str(len(one.recipients))
        yield short(one.at, site), *about, number, " / ".join(one.subjects)
        if deliveries:
            for at, recipient in one.recipients:
                yield short(at, site), "", "", "", recipient, ""


def _sum(simulated: Simulated) -> str:
    """Return the counts as a sentence."""
    report = simulated.report
    kinds = ", ".join(f"{number} {kind}" for kind, number in report.kinds.items())
    states = ", ".join(f"{n} {state}" for state, n in sorted(report.states.items()))
    return (
        f"\n{counted(report.messages, 'message')}{f' ({kinds})' if kinds else ''};"
        f" recipients: {states or 'none'}.\n"
        f"{counted(len(report.held), 'hold')}, {counted(len(report.alerts), 'alert')},"
        f" {counted(report.commits, 'commit')}, {counted(report.moments, 'moment')}"
        f" in {simulated.seconds:.1f} s."
    )


def _record(simulated: Simulated, *, deliveries: bool) -> dict[str, object]:
    report, site = simulated.report, simulated.site
    return {
        "from": in_zone(report.begin, site),
        "to": in_zone(report.end, site),
        "origins": dict(report.origins),
        "messages": [
            _posted_record(one, site, deliveries=deliveries) for one in report.posted
        ],
        "held": [
            {
                "since": in_zone(one.at, site),
                "until": in_zone(one.until, site),
                "edition": one.edition,
                "channel": one.channel,
                "reason": one.reason,
            }
            for one in report.held
        ],
        "alerts": [
            {"at": in_zone(one.at, site), "about": one.about, "text": one.text}
            for one in report.alerts
        ],
        "counts": {
            "messages": report.messages,
            "kinds": {kind.value: n for kind, n in report.kinds.items()},
            "states": {state.value: n for state, n in report.states.items()},
            "commits": report.commits,
            "moments": report.moments,
        },
    }


def _posted_record(one: Posted, site: Site, *, deliveries: bool) -> dict[str, object]:
    rows = [
        {"at": in_zone(at, site), "recipient": recipient}
        for at, recipient in one.recipients
    ]
    return {
        "at": in_zone(one.at, site),
        "edition": one.edition,
        "kind": one.kind.value,
        "channel": one.channel,
        "recipients": len(rows),
        "subjects": list(one.subjects),
        **({"deliveries": rows} if deliveries else {}),
    }
