"""What `plan` does: plan, review what could leave, compare with the last review."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tambour.cli.invocation import FIRST, in_zone, leave, now, short
from tambour.delivery.agreeing import changes_since
from tambour.delivery.plan_file import PlanFile, plan_record, read_plan
from tambour.delivery.reviewing import could_leave, review
from tambour.delivery.rounds import choose_fresh, material_of
from tambour.errors import Exit, UserError
from tambour.ledger import open_for_reading
from tambour.memory import recall
from tambour.model import EntryState
from tambour.rendering.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from tambour.cli.invocation import Invocation
    from tambour.delivery.agreeing import Difference
    from tambour.delivery.reviewing import Reviewed
    from tambour.ledger import Ledger
    from tambour.memory import Memory
    from tambour.model import Entry, Plan, Site
    from tambour.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan with what `--json` says of it, and what is new about it."""

    project: Project
    plan: Plan
    record: dict[str, Any]
    reviewed: tuple[Reviewed, ...]
    differences: tuple[Difference, ...]
    """What is to be looked at again since the last file was written."""
    is_due: bool
    """Whether `send` would send something now."""

    def exit_code(self) -> Exit:
        """Return the contract's code for `--detailed-exitcode`."""
        is_changed = self.is_due or self.differences
        return Exit.FINDINGS if is_changed else Exit.DONE


def make_plan(
    project: Project, *, now: datetime, until: datetime, out: Path | None
) -> Planned:
    """
    Plan as of *now*; with *out*, review what could leave, and write it there.

    Raises:
        LedgerError: the ledger cannot be read.

    """
    ledger = open_for_reading(project.config.ledger, root=project.root)
    memory = recall(project, ledger)
    plan = memory.plan(now=now, until=until)
    record = plan_entries(plan, project.site)
    reviewed: list[Reviewed] = []
    differences: list[Difference] = []
    if out is not None:
        reviewed = _review(memory, plan, ledger)
        last = _last(out, project.site)
        differences = changes_since(last, reviewed, memory, plan, until=until)
        record = _whole(record, reviewed, memory, plan)
        text = json.dumps(record, indent=2, ensure_ascii=False)
        out.write_text(text, encoding="utf-8")
    is_due = _is_due(memory, plan, ledger)
    ledger.close()
    return Planned(
        project=memory.project,
        plan=plan,
        record={key: value for key, value in record.items() if key != "version"},
        reviewed=tuple(reviewed),
        differences=tuple(differences),
        is_due=is_due,
    )


def _review(memory: Memory, plan: Plan, ledger: Ledger) -> list[Reviewed]:
    entries = could_leave(plan.entries, memory.snapshot.editions)
    material = material_of(memory, Templates(memory.project.root))
    return review(entries, material, ledger, memory.project.config)


def _whole(
    record: dict[str, Any], reviewed: Iterable[Reviewed], memory: Memory, plan: Plan
) -> dict[str, Any]:
    return plan_record(
        record,
        plan.entries,
        reviewed,
        site=memory.project.site,
        written=now(),
        frozen={one.id: one.frozen_at for one in memory.snapshot.open_editions},
    )


def _last(out: Path, site: Site) -> PlanFile:
    """Return the file that is to be written anew; nothing in it, if it is none."""
    try:
        return read_plan(out.read_text(encoding="utf-8"), str(out), site)
    except (UserError, UnicodeDecodeError, FileNotFoundError):
        return PlanFile(
            name=str(out), written=FIRST, reviewed={}, frozen={}, campaigns={}
        )


def _is_due(memory: Memory, plan: Plan, ledger: Ledger) -> bool:
    states = {entry.edition: entry.state for entry in plan.entries}
    waiting = ledger.history.due_editions(plan.now)
    is_waiting = any(states.get(e) is not EntryState.SUPERSEDED for e in waiting)
    is_free = memory.snapshot.stop is None
    fresh = choose_fresh(memory, plan.entries, now=plan.now, by=plan.now)
    return is_free and (is_waiting or bool(fresh))


def plan_entries(plan: Plan, site: Site) -> dict[str, Any]:
    """Return the contract's JSON object of a plan."""
    return {
        "now": in_zone(plan.now, site),
        "entries": [entry_record(entry, site) for entry in plan.entries],
    }


def entry_record(entry: Entry, site: Site) -> dict[str, object]:
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


def difference_records(differences: Iterable[Difference]) -> list[dict[str, object]]:
    """Return the JSON objects of differences."""
    return [asdict(one) | {"what": list(one.what)} for one in differences]


def show_planned(shared: Invocation, planned: Planned, *, detailed: bool) -> None:
    """Print a plan, and end with what `--detailed-exitcode` says, if that is asked."""
    found = difference_records(planned.differences)
    shared.record(**planned.record, **({"differences": found} if detailed else {}))
    shared.show_errors(planned.project.problems)
    _show_entries(shared, planned.plan, planned.project.site)
    for one in planned.reviewed:
        if one.error:
            shared.warn(f"{one.key[0]} by {one.key[1]} cannot be made: {one.error}")
    if detailed:
        for difference in planned.differences:
            shared.say(f"since the last review: {difference}")
        leave(planned.exit_code())


def _show_entries(shared: Invocation, plan: Plan, site: Site) -> None:
    """Print an edition's entries together: they differ only in where they go."""
    shared.say(f"Plan as of {short(plan.now, site)} ({site.timezone})")
    for (edition, due, state, reason), group in groupby(
        plan.entries, key=lambda e: (e.edition, e.due, e.state, e.reason)
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
