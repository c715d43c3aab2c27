"""
From a plan's entries to frozen editions: words, recipients and facts, all or nothing.

The last moment at which anything is rendered: what fails here was sent to nobody. Knows
neither channels nor SQL; `now` and everything else is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from tambour.delivery.press import Material, Press
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.model import (
    CORRECTIONS,
    EditionId,
    EditionKind,
    Entry,
    EntryState,
    FrozenEdition,
    Plan,
    ReasonCode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Which editions were frozen now, and why others could not be."""

    editions: tuple[EditionId, ...]
    failures: Mapping[EditionId, UserError]


def choose_due(plan: Plan, *, by: datetime) -> tuple[Entry, ...]:
    """
    Return the entries to freeze now: due ones, and planned ones that are due *by* then.

    An edition of which a part waits does so as a whole: it can be frozen only once. An
    audience without anybody does not silence the edition's other channels. Of reminders
    of one event that would leave together, a late one and the next, readers get the
    latest, as the plan has it of those that are overdue.
    """
    held = {entry.edition for entry in plan.entries if _waits(entry)}
    chosen = [
        entry
        for entry in plan.entries
        if entry.edition not in held
        and (
            entry.state is EntryState.DUE
            or (entry.state is EntryState.PLANNED and entry.due <= by)
        )
    ]
    latest = {_readers(entry): entry.due for entry in sorted(chosen, key=_due)}
    return tuple(entry for entry in chosen if entry.due == latest[_readers(entry)])


_due = attrgetter("due")


def _readers(entry: Entry) -> tuple[object, ...]:
    """Return what reminders have in common that would speak of one event to one."""
    is_reminder = entry.kind is EditionKind.REMINDER
    about = entry.events if is_reminder else (entry.edition,)
    return entry.kind, about, entry.target.channel, entry.target.audience


def _waits(entry: Entry) -> bool:
    """Tell whether it waits for a person, or until what changed is certain."""
    code = entry.reason.code if entry.reason else None
    is_held = entry.state is EntryState.HELD and code is not ReasonCode.NO_RECIPIENTS
    return is_held or code is ReasonCode.SETTLING


def freeze_entries(
    ledger: Ledger,
    entries: Sequence[Entry],
    material: Material,
    *,
    now: datetime,
    hold: timedelta = timedelta(),
) -> Frozen:
    """
    Freeze the editions of *entries*; one that cannot be rendered leaves no trace.

    Args:
        hold: how long a person may still stop what is due already; it is not waited
            where the deadline does not allow it.

    Raises:
        LedgerError: the ledger cannot be written.

    """
    editions: list[EditionId] = []
    failures: dict[EditionId, UserError] = {}
    ordered = sorted(entries, key=attrgetter("due", "edition"))
    for edition, group in groupby(ordered, key=attrgetter("edition")):
        try:
            press = Press(
                list(group),
                material,
                now,
                secret=ledger.secret or b"",
                last_told=ledger.telling.last_told,
            )
            if ledger.freeze(
                press.edition,
                press.drafts(),
                audiences=press.sizes(),
                not_before=leaves_at(press.edition, now=now, hold=hold),
                unless_reached=press.after,
            ):
                editions.append(edition)
        except UserError as error:
            failures[edition] = error
    return Frozen(editions=tuple(editions), failures=failures)


def leaves_at(edition: FrozenEdition, *, now: datetime, hold: timedelta) -> datetime:
    """
    Return when an edition leaves: at its due time, or a late one after the hold.

    What corrects readers was stoppable while the change settled, and waits no longer.
    """
    held = max(edition.due, now + hold)
    is_late = edition.due <= now and edition.kind not in CORRECTIONS
    is_in_time = edition.deadline is None or held < edition.deadline
    return held if is_late and is_in_time else edition.due
