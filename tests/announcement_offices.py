"""
Two offices that send announcements, for tests that live through histories.

`Thin` plans by the real code and keeps its books in dictionaries, for many histories;
`Whole` is the real way from events to the wire, with a ledger in a file, for fewer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from ledger_files import open_for_writing
from planning_cases import LIMITS, digest, reminder
from reference_planner import TOLD, WAITING, Fact, Page, Place
from tambour.audience import Audience
from tambour.channels.in_memory import InMemory
from tambour.delivery.delivering import Mode, deliver
from tambour.delivery.freezing import choose_due
from tambour.delivery.rounds import Bounds, freeze_known
from tambour.delivery.routes import make_route
from tambour.delivery.world import CrashPoint
from tambour.ledger.records import Suppression
from tambour.memory import watch
from tambour.model import (
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    Event,
    EventId,
    EventStatus,
    Every,
    Facts,
    FrozenEdition,
    KnownEvent,
    Message,
    Offset,
    Outcome,
    OutcomeKind,
    Recipient,
    Site,
    Snapshot,
    Target,
    Told,
    Window,
)
from tambour.planning import make_plan, revise
from tambour.planning.corrections import last_moment
from tambour.planning.vanishing import standing_of
from tambour.project import load_project
from tambour.rendering.templates import Templates
from tambour.simulation.passing import Passing

EPOCH = datetime(2027, 3, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
TEAM = "team"
STATUSES = {
    "on": EventStatus.SCHEDULED,
    "off": EventStatus.CANCELLED,
    "later": EventStatus.POSTPONED,
    "hidden": EventStatus.HIDDEN,
}
OUTCOMES = {
    "sent": OutcomeKind.ACCEPTED,
    "failed": OutcomeKind.REJECTED,
    "uncertain": OutcomeKind.UNCERTAIN,
}
CORRECTING = (EditionKind.CORRECTION, EditionKind.CANCELLATION)
SOON = reminder(
    Offset(key="7d", days=7),
    Offset(key="1d", days=1),
    Offset(key="2h", elapsed=timedelta(hours=2)),
    name="soon",
    targets=(
        Target(channel="mail", audience="readers", template="reminder"),
        Target(channel="team", template="reminder"),
    ),
)
WEEK = digest(
    "week",
    schedule=Every(at=time(8)),
    window=Window(days=3),
    targets=(Target(channel="mail", audience="readers", template="digest"),),
)
SITE = Site(name="Agenda", url="https://a.example", timezone="UTC", language="en")


def moment(minute: int) -> datetime:
    """Return the instant so many minutes after the first."""
    return EPOCH + timedelta(minutes=minute)


def minute(at: datetime) -> int:
    """Return how many minutes after the first an instant is."""
    return (at - EPOCH) // timedelta(minutes=1)


def event_of(name: str, page: Page) -> Event:
    """Return what reading a page gives."""
    fact = page.fact
    return Event(
        id=EventId(name),
        source="agenda",
        path=f"events/{name}.md",
        title=f"Event {name}",
        start=moment(fact.start),
        timezone="UTC",
        venue=fact.venue,
        registration_url=f"https://a.example/{fact.link}",
        language="en",
        status=EventStatus.HELD if page.is_broken else STATUSES[fact.status],
    )


def fact_of(facts: Facts) -> Fact:
    """Return what readers are told, in minutes."""
    (status,) = (name for name, one in STATUSES.items() if one is facts.status)
    link = (facts.registration_url or "").rpartition("/")[2]
    return Fact(minute(facts.start), facts.venue or "", link, status)


@dataclass
class Post:
    """The other side: what becomes of a message to each, and how many it takes."""

    outcomes: dict[str, str] = field(default_factory=dict)
    quota: int | None = None
    crash: CrashPoint | None = None
    left: int | None = None

    def begin(self) -> None:
        """Open for a delivery."""
        self.left = self.quota

    def is_open(self) -> bool:
        """Whether it takes another one."""
        return self.left is None or self.left > 0

    def take(self, person: str) -> str:
        """Return what becomes of a message."""
        if self.left is not None:
            self.left -= 1
        return self.outcomes.get(person, "sent")


Frozen = dict[str, frozenset[Place]]
States = dict[str, dict[Place, str]]


class Office(Protocol):
    """Who sends announcements."""

    is_exact: bool
    """Whether all that is due leaves as long as the other side takes it."""

    def look(
        self, now: int, pages: Mapping[str, Page], people: Collection[str]
    ) -> tuple[Frozen, tuple[Entry, ...]]:
        """See, plan and freeze; return what was frozen for whom, and the plan."""

    def deliver(self, now: int, post: Post) -> None:
        """Send what waits."""

    def states(self) -> States:
        """Return where each frozen message stands."""

    def facts(self, edition: str) -> dict[str, Fact]:
        """Return what an edition says."""

    def leave(self, person: str, now: int) -> None:
        """Let somebody unsubscribe."""

    def join(self, person: str) -> None:
        """Let somebody come back."""


# ── books in dictionaries ───────────────────────────────────────────────────────


@dataclass
class Thin:
    """The planner alone; each answer of the ledger is worked out for each reader."""

    is_exact = True
    known: dict[EventId, KnownEvent] = field(default_factory=dict)
    good: dict[EventId, Event] = field(default_factory=dict)
    seen: dict[EventId, datetime] = field(default_factory=dict)
    editions: dict[EditionId, FrozenEdition] = field(default_factory=dict)
    decisions: dict[EditionId, Decision] = field(default_factory=dict)
    rows: dict[EditionId, dict[Place, str]] = field(default_factory=dict)
    began: datetime | None = None
    gone: set[str] = field(default_factory=set)

    def look(
        self, now: int, pages: Mapping[str, Page], people: Collection[str]
    ) -> tuple[Frozen, tuple[Entry, ...]]:
        """See, plan and freeze."""
        at = moment(now)
        self.began = self.began or at
        events, vanished = self._see(at, pages)
        for revision in revise(
            self._snapshot(events, vanished), events, vanished, LIMITS
        ):
            self._stop(revision.edition, revision.stop, revision.deadline)
        plan = make_plan(
            events=events,
            vanished=vanished,
            campaigns=[SOON, WEEK],
            recipients={"readers": len(people)},
            snapshot=self._snapshot(events, vanished),
            site=SITE,
            limits=LIMITS,
            now=at,
            until=at + AHEAD,
        )
        chosen = [e for e in choose_due(plan, by=at) if e.edition not in self.editions]
        chosen.sort(key=attrgetter("due", "edition"))
        standing = standing_of(events, vanished, self._snapshot(events, vanished))
        frozen = {}
        for edition, entries in groupby(chosen, key=attrgetter("edition")):
            group = list(entries)
            told = [standing.known[name].facts() for name in group[0].events]
            frozen[edition] = self._freeze(group, told, at=at, people=people)
        return frozen, plan.entries

    def _see(
        self, at: datetime, pages: Mapping[str, Page]
    ) -> tuple[list[Event], list[Event]]:
        there = {EventId(n): event_of(n, page) for n, page in pages.items()}
        for name, one in there.items():
            self.seen.setdefault(name, at)
            before = self.known.get(name)
            if one.status is EventStatus.HELD:
                if before is not None:
                    self.known[name] = replace(before, missing=0)
                continue
            self.good[name] = one
            is_same = before is not None and not before.facts.changes(one.facts())
            self.known[name] = KnownEvent(
                id=name,
                source=one.source,
                path=one.path,
                facts=one.facts(),
                changed_at=before.changed_at if before and is_same else at,
            )
        lost = [name for name in self.known if name not in there]
        for name in lost:
            known = self.known[name]
            self.known[name] = replace(known, missing=known.missing + 1)
        events = [
            self.good.get(name, one) if one.status is EventStatus.HELD else one
            for name, one in there.items()
        ]
        return events, [self.good[name] for name in lost]

    def _snapshot(self, events: list[Event], vanished: list[Event]) -> Snapshot:
        bare = Snapshot(
            editions={name: self._as_of(name) for name in self.editions},
            events_seen=dict(self.seen),
            known=dict(self.known),
            campaigns_seen={one.name: self.began or EPOCH for one in (SOON, WEEK)},
            decisions=dict(self.decisions),
        )
        now = standing_of(events, vanished, bare).facts(self.known)
        return replace(bare, told=self._told(now))

    def _as_of(self, name: EditionId) -> FrozenEdition:
        waits = any(state in WAITING for state in self.rows[name].values())
        state = EditionState.OPEN if waits else EditionState.DONE
        ends = {
            Decision.WITHDRAW: EditionState.CANCELLED,
            Decision.SUPERSEDE: EditionState.SUPERSEDED,
        }
        decision = self.decisions.get(name)
        state = state if decision is None else ends[decision]
        return replace(self.editions[name], state=state)

    def _told(self, now: Mapping[EventId, Facts]) -> dict[EventId, tuple[Told, ...]]:
        found: dict[EventId, tuple[Told, ...]] = {}
        for event, present in now.items():
            groups: dict[tuple[Facts, str, str], Told] = {}
            for (_, channel), edition in self._last(event).items():
                told = _facts(edition, event)
                if not told.changes(present):
                    continue
                key = (told, edition.campaign, channel)
                before = groups.get(key)
                groups[key] = Told(
                    facts=told,
                    campaign=edition.campaign,
                    channel=channel,
                    audience="readers" if channel == "mail" else None,
                    edition=max(
                        [edition.id, *([before.edition] if before else [])],
                        key=list(self.editions).index,
                    ),
                    recipients=1 + (before.recipients if before else 0),
                )
            if groups:
                found[event] = tuple(groups.values())
        return found

    def _last(self, event: EventId) -> dict[Place, FrozenEdition]:
        """Return the last edition about an event that reached each."""
        return {
            place: edition
            for name, edition in self.editions.items()
            if any(told.event == event for told in edition.facts)
            for place, state in self.rows[name].items()
            if state in TOLD
        }

    def _stop(
        self, name: EditionId, stop: Decision | None, deadline: datetime | None
    ) -> None:
        self.editions[name] = replace(self.editions[name], deadline=deadline)
        if stop is not None:
            self.decisions[name] = stop
            end = "cancelled" if stop is Decision.WITHDRAW else "superseded"
            for place, state in self.rows[name].items():
                if state in WAITING:
                    self.rows[name][place] = end

    def _freeze(
        self,
        entries: list[Entry],
        told: list[Facts],
        *,
        at: datetime,
        people: Collection[str],
    ) -> frozenset[Place]:
        first = entries[0]
        deadlines = [one.deadline for one in entries if one.deadline]
        to: set[Place] = set()
        for entry in entries:
            channel = entry.target.channel
            readers = people if entry.target.audience else {TEAM}
            to |= {(person, channel) for person in readers}
            if entry.kind in CORRECTING:
                to &= {*self._misled(entry, told[0], at)} | {
                    place for place in to if place[1] != channel
                }
        for name in (name for entry in entries for name in entry.after):
            reached = self.rows.get(name, {})
            to -= {place for place, state in reached.items() if state in TOLD}
        self.editions[first.edition] = FrozenEdition(
            id=first.edition,
            campaign=first.campaign,
            kind=first.kind,
            due=first.due,
            deadline=min(deadlines, default=None),
            facts=tuple(told),
            frozen_at=at,
        )
        self.rows[first.edition] = dict.fromkeys(sorted(to), "planned")
        return frozenset(to)

    def _misled(self, entry: Entry, now: Facts, at: datetime) -> Iterator[Place]:
        for place, edition in self._last(now.event).items():
            told = _facts(edition, now.event)
            if (
                place[1] == entry.target.channel
                and edition.campaign == entry.campaign
                and told.changes(now)
                and last_moment(told, now, LIMITS) > at
            ):
                yield place

    def deliver(self, now: int, post: Post) -> None:
        """Send what waits; a crash leaves in doubt what was on its way."""
        post.begin()
        for name, rows in self.rows.items():
            deadline = self.editions[name].deadline
            for place, state in rows.items():
                if state not in WAITING:
                    continue
                if deadline is not None and moment(now) >= deadline:
                    rows[place] = "expired"
                elif place[0] in self.gone:
                    rows[place] = "suppressed"
                elif post.is_open():
                    rows[place] = post.take(place[0])
                    if post.crash is not None:
                        rows[place], post.crash = "uncertain", None
                        return

    def states(self) -> States:
        """Return where each frozen message stands."""
        return {name: dict(rows) for name, rows in self.rows.items()}

    def facts(self, edition: str) -> dict[str, Fact]:
        """Return what an edition says."""
        frozen = self.editions[EditionId(edition)]
        return {told.event: fact_of(told) for told in frozen.facts}

    def leave(self, person: str, now: int) -> None:
        """Let somebody unsubscribe."""
        del now
        self.gone.add(person)

    def join(self, person: str) -> None:
        """Let somebody come back."""
        self.gone.discard(person)


def _facts(edition: FrozenEdition, event: EventId) -> Facts:
    return next(told for told in edition.facts if told.event == event)


# ── the real way ────────────────────────────────────────────────────────────────

CONFIG = """\
version: 1
site: {name: Agenda, url: https://a.example, timezone: UTC, language: en}
sources:
  - {id: agenda, path: events}
audiences:
  readers: {type: csv, path: readers.csv}
channels:
  mail: {type: outbox, path: mail, from: "Agenda <agenda@a.example>"}
  team: {type: outbox, path: team}
"""


class Killed(BaseException):
    """The process ends here."""


class Whole:
    """From events to the wire by the real code; only the channels are in memory."""

    is_exact = False

    def __init__(self, root: Path) -> None:
        for folder in ("events", "campaigns"):
            (root / folder).mkdir()
        (root / "config.yaml").write_text(CONFIG, encoding="utf-8")
        (root / "readers.csv").write_text("email\n", encoding="utf-8")
        self._root = root
        self._project = load_project(root)
        self._templates = Templates(root, is_styled=False)
        self._ledger = open_for_writing("sqlite:///ledger.db", root=root)
        self.keys: list[str] = []

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def reopen(self) -> None:
        """Begin anew, as another process."""
        self._ledger.close()
        self._ledger = open_for_writing("sqlite:///ledger.db", root=self._root)

    def look(
        self, now: int, pages: Mapping[str, Page], people: Collection[str]
    ) -> tuple[Frozen, tuple[Entry, ...]]:
        """See, plan and freeze."""
        at = moment(now)
        project = replace(
            self._project,
            events=tuple(event_of(name, page) for name, page in pages.items()),
            campaigns=(SOON, WEEK),
            audiences={"readers": _audience(people)},
            named=frozenset(pages),
            unread=frozenset(),
        )
        memory = watch(project, self._ledger, now=at)
        bounds = Bounds(now=at, until=at + AHEAD)
        done = freeze_known(memory, self._ledger, self._templates, bounds)
        assert not done.frozen.failures
        states = self.states() if done.frozen.editions else {}
        frozen: Frozen = {
            one: frozenset(states.get(one, {})) for one in done.frozen.editions
        }
        return frozen, done.plan.entries

    def deliver(self, now: int, post: Post) -> None:
        """Send what waits."""
        post.begin()
        for name in self._project.config.channels:
            try:
                self._deliver(name, now, post)
            except (Killed, BaseExceptionGroup) as error:
                if isinstance(error, BaseExceptionGroup) and error.split(Killed)[1]:
                    raise
                self.reopen()
                return

    def _deliver(self, name: str, now: int, post: Post) -> None:
        def take(message: Message) -> Outcome:
            self.keys.append(message.key)
            address = message.recipient.partition("@")[0]
            return Outcome(kind=OUTCOMES[post.take(address)], code="x", reply="y")

        def checkpoint(point: CrashPoint) -> None:
            if point is post.crash:
                post.crash = None
                raise Killed

        passing = Passing(moment(now), moment(now) + timedelta(seconds=30))
        world = replace(passing.world(), checkpoint=checkpoint)
        route = make_route(
            name,
            InMemory(take, is_open=post.is_open),
            self._project.config,
            secret=self._ledger.secret or b"",
            clock=world.clock,
        )
        route = replace(route, on_uncertain="hold")
        asyncio.run(
            deliver(
                self._ledger, [route], mode=Mode.ONCE, world=world, stop=passing.stop
            )
        )

    def states(self) -> States:
        """Return where each frozen message stands."""
        found: States = defaultdict(dict)
        for one in self._ledger.history.deliveries():
            place = (one.recipient.partition("@")[0], one.channel)
            found[one.edition][place] = one.state.value
        return found

    def facts(self, edition: str) -> dict[str, Fact]:
        """Return what an edition says."""
        frozen = self._ledger.snapshot().editions[EditionId(edition)]
        return {told.event: fact_of(told) for told in frozen.facts}

    def is_balanced(self) -> bool:
        """Tell whether each frozen message is in one state, in every edition."""
        return all(count.is_balanced for count in self._ledger.history.counts())

    def leave(self, person: str, now: int) -> None:
        """Let somebody unsubscribe."""
        self._ledger.suppressions.add(
            [
                Suppression(
                    address=f"{person}@a.example",
                    audience="",
                    reason="unsubscribed",
                    since=moment(now),
                )
            ]
        )

    def join(self, person: str) -> None:
        """Let somebody come back."""
        self._ledger.suppressions.remove(f"{person}@a.example")


def _audience(people: Collection[str]) -> Audience:
    readers = [
        Recipient(address=f"{person}@a.example", language="en", name=person)
        for person in sorted(people)
    ]
    return Audience(
        size=len(readers), languages=("en",), columns=(), walk=lambda: iter(readers)
    )
