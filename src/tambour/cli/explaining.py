"""The sentences of `why`: what becomes of an event, what an address got or did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tambour.cli.invocation import short
from tambour.errors import UserError
from tambour.ledger.records import normalise
from tambour.memory import recall
from tambour.project import HORIZON

if TYPE_CHECKING:
    from datetime import datetime

    from tambour.ledger import Ledger
    from tambour.ledger.records import Record
    from tambour.model import Entry, Event
    from tambour.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Sentences, and the deliveries they speak of."""

    sentences: list[str]
    deliveries: list[Record]


def explain_event(
    project: Project, ledger: Ledger, what: str, *, now: datetime
) -> Explained:
    """
    Say what was and will be announced of an event, and why the rest is not.

    *what* is an event's id or path, or a part of its id or title.

    Raises:
        UserError: no event, or several, are meant.

    """
    memory = recall(project, ledger)
    project = memory.project
    event = _meant(project, what)
    plan = memory.plan(now=now, until=now + HORIZON)
    entries = [entry for entry in plan.entries if event.id in entry.events]
    start = short(event.start, project.site) or "at an unknown time"
    sentences = [
        f"{event.title} ({event.id}, {event.path}): {event.status}, starts {start}."
    ]
    sentences += [
        f"{p.severity} {p.code}, line {p.line}: {p.message}"
        for p in project.problems
        if p.path == event.path
    ]
    if event.start is not None and event.start <= now:
        sentences.append("It has started: nothing more is sent about it.")
    sentences += [_sentence(entry, project) for entry in entries]
    if not entries and event.start is not None and event.start > now:
        sentences.append(
            "No campaign speaks of it: look at their `where` and `window`."
        )
    found = list(ledger.history.deliveries(event=event.id))
    return Explained(sentences=sentences, deliveries=found)


def explain_address(
    project: Project, ledger: Ledger, what: str, *, now: datetime
) -> Explained:
    """Say where an address stands, and what it was sent."""
    key = normalise(what)
    inside = [
        name
        for name, people in project.audiences.items()
        if any(normalise(person.address) == key for person in people)
    ]
    stands = f"It is in {', '.join(inside)}." if inside else "It is in no audience."
    sentences = [f"{what}: {stands}"]
    sentences += [
        f"Suppressed since {short(s.since, project.site)}: {s.reason}."
        for s in ledger.suppressions.all()
        if s.address == key
    ]
    plan = recall(project, ledger).plan(now=now, until=now + HORIZON)
    coming = [e for e in plan.entries if e.target.audience in inside]
    sentences += [_sentence(entry, project) for entry in coming[:5]]
    return Explained(
        sentences=sentences, deliveries=list(ledger.history.deliveries(address=what))
    )


def _meant(project: Project, what: str) -> Event:
    exact = [e for e in project.events if what in (e.id, e.path)]
    loose = [
        event
        for event in project.events
        if what.casefold() in f"{event.id} {event.title}".casefold()
    ]
    found = exact or loose
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"no event is called {what!r}; `tambour events` lists them"
        raise UserError(msg)
    names = ", ".join(event.id for event in found[:5])
    msg = f"{what!r} may mean {names}; give the whole id"
    raise UserError(msg)


def _sentence(entry: Entry, project: Project) -> str:
    because = f": {entry.reason.text}" if entry.reason else ""
    when = short(entry.due, project.site)
    return f"{when}  {entry.state}  {entry.edition} by {entry.target.channel}{because}"
