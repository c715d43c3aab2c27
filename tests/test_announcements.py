"""
Announcements follow their events through whatever history: against the rules, told apart.

`reference_planner` says what must be frozen at each look and who goes by what; the code
must do that and no more. The promises themselves are checked besides, from the files
and from what was transmitted, so that a mistake made twice is not believed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from announcement_offices import CORRECTING, Office, Post, Thin, Whole
from reference_planner import (
    DAY,
    DIGEST_AT,
    LATE,
    MAIL,
    MARGIN,
    REMINDERS,
    SETTLE,
    TOLD,
    WAITING,
    Fact,
    Letter,
    Page,
    Place,
    Reference,
    differs,
)
from tambour.delivery.world import CrashPoint
from tambour.model import EditionKind, Entry, EntryState

PEOPLE = ("ada", "ben", "cleo", "dan")
LOOKS = 3
"""What waited for a correction leaves with the next look, and then there is silence."""


@dataclass(kw_only=True)
class Story:
    """A world with an office in it, and the rules beside that."""

    office: Office
    now: int = 5 * DAY
    pages: dict[str, Page] = field(default_factory=dict)
    away: dict[str, Page] = field(default_factory=dict)
    before: dict[str, Page] = field(default_factory=dict)
    people: set[str] = field(default_factory=lambda: set(PEOPLE[:3]))
    post: Post = field(default_factory=Post)
    rules: Reference = field(default_factory=Reference)
    left: list[tuple[str, Place]] = field(default_factory=list)
    was_away: set[str] = field(default_factory=set)
    alerts: set[tuple[str, Place, Fact]] = field(default_factory=set)
    """Of whom a person was told that they go by something old."""

    # ── one look ────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Look until nothing happens any more; nobody hears of one thing twice."""
        is_calm = self.post.quota is None and self.post.crash is None
        heard: Counter[tuple[str, Place]] = Counter()
        for _ in range(LOOKS):
            frozen = self.tick()
            for name in frozen:
                letter = self.rules.letters[name]
                if letter.kind != "digest":
                    (event,) = letter.told
                    waits = {p for p, s in letter.states.items() if s in WAITING}
                    heard.update((event, one) for one in letter.reached() | waits)

        assert not [one for one, count in heard.items() if count > 1]
        assert not frozen or not is_calm, "and then there is silence"

    def tick(self) -> dict[str, frozenset[Place]]:
        """Look once and deliver, by the rules."""
        stopped = self.rules.look(self.now, self.pages)
        expected = self.rules.due(self.now, self.people)
        frozen, plan = self.office.look(self.now, self.pages, self.people)

        self.check_one_speaks(plan)
        assert {name: one.to for name, one in expected.items()} == frozen, self.now
        self.rules.freeze(expected)
        for name in frozen:
            assert self.rules.letters[name].told == self.office.facts(name)
        self.check_nobody_is_forgotten(plan)
        self.transmit(stopped)
        return frozen

    def check_one_speaks(self, plan: tuple[Entry, ...]) -> None:
        """Of all that could leave now, one reminder or correction speaks in a place."""
        leaving = [
            (entry.kind in CORRECTING, entry.events[0], entry.target.channel)
            for entry in plan
            if entry.kind is not EditionKind.DIGEST
            and entry.state is EntryState.DUE
            and entry.edition not in self.rules.letters
        ]
        reminders = [
            tuple(place) for is_correction, *place in leaving if not is_correction
        ]
        corrections = {
            tuple(place) for is_correction, *place in leaving if is_correction
        }
        assert len({*reminders}) == len(reminders)
        assert not corrections & {*reminders}

    def transmit(self, stopped: set[str]) -> None:
        """Deliver, and check all that was transmitted."""
        before = self.office.states()
        for name in stopped:
            assert not [s for s in before[name].values() if s in WAITING]
        is_crash = self.post.crash is not None
        self.office.deliver(self.now, self.post)
        after = self.office.states()
        for name, states in after.items():
            for place, state in states.items():
                was = before.get(name, {}).get(place, "planned")
                if was != state:
                    self.check_move(name, place, was=was, state=state)
            self.rules.letters[name].states = dict(states)
            if self.office.is_exact and self.post.is_open() and not is_crash:
                assert not [s for s in states.values() if s in WAITING]

    def check_move(self, name: str, place: Place, *, was: str, state: str) -> None:
        """What leaves does so in time, once, and to those who want it."""
        letter = self.rules.letters[name]
        if state in ("cancelled", "superseded"):
            assert letter.end == state
        if was in TOLD:
            assert (was, state) == ("in_flight", "uncertain")
            return
        if state not in {*TOLD, "failed"}:
            return
        assert (name, place) not in self.left
        self.left.append((name, place))
        assert letter.end is None
        assert place[1] != MAIL or place[0] in self.people
        for event, told in letter.told.items():
            self.check_is_so(event, told, kind=letter.kind)

    def check_is_so(self, event: str, told: Fact, *, kind: str) -> None:
        """What is said is so, as far as anybody knows, and not too late to be."""
        page = self.pages.get(event)
        if page is not None and not page.is_broken and page.fact.status != "hidden":
            assert not differs(told, page.fact)
        if kind in ("reminder", "digest"):
            assert told.status == "on"
        if told.status == "on":
            assert self.now < told.start - MARGIN

    def check_nobody_is_forgotten(self, plan: tuple[Entry, ...]) -> None:
        """Who goes by an old fact has a correction to come, or a row that says why."""
        corrections = [entry for entry in plan if entry.kind in CORRECTING]
        rows = {(entry.events[0], entry.target.channel) for entry in corrections}
        told_of = {
            (entry.events[0], entry.target.channel)
            for entry in corrections
            if entry.state in ("missed", "held")
        }
        for event in self.rules.cards:
            for place, letter in self.rules.last_told(event).items():
                told = letter.told[event]
                if (event, place[1]) in told_of or (
                    (event, place[1]) in rows and self.is_too_late(event, told)
                ):
                    self.alerts.add((event, place, told))
                assert (
                    not self.is_misled(event, told)
                    or not self.matters(place, letter)
                    or (event, place, told) in self.alerts
                    or (event, place[1]) in rows
                    or self.was_tried(event, place, letter)
                )

    def is_too_late(self, event: str, told: Fact) -> bool:
        """Tell whether nothing may leave any more; others of a place may be in time."""
        present = self.rules.present(event)
        starts = [told.start]
        if present is not None and present.status == "on":
            starts.append(present.start)
        return self.now >= min(starts) - MARGIN

    def matters(self, place: Place, letter: Letter) -> bool:
        """Tell whether somebody stayed; the future, when the clock is back, is nobody's."""
        stayed = place[1] != MAIL or place[0] in self.people - self.was_away
        return stayed and letter.frozen <= self.now

    def was_tried(self, event: str, place: Place, letter: Letter) -> bool:
        """Tell whether a correction since then is on its way, or was refused."""
        letters = list(self.rules.letters.values())
        present = self.rules.present(event)
        for one in letters[letters.index(letter) + 1 :]:
            if one.kind not in ("correction", "cancellation") or event not in one.told:
                continue
            is_so = present is not None and not differs(one.told[event], present)
            state = one.states.get(place)
            if state == "failed" or (is_so and state is not None and one.end is None):
                return True
        return False

    def is_misled(self, event: str, told: Fact) -> bool:
        """Tell whether it still matters that somebody was told otherwise."""
        present = self.rules.present(event)
        if present is None or not differs(told, present):
            return False
        if event not in self.pages and self.rules.cards[event].missing < 2:
            return False
        over = max(told.start, present.start)
        changed = min(self.rules.cards[event].changed, self.now)
        return changed < over and self.now <= over + LATE

    # ── what happens ────────────────────────────────────────────────────────────

    def moments(self) -> list[int]:
        """Return the coming minutes at which a rule changes its mind."""
        facts = [card.fact for card in self.rules.cards.values() if card.fact]
        facts += [
            told for one in self.rules.letters.values() for told in one.told.values()
        ]
        facts += [page.fact for page in self.pages.values()]
        found = {
            DIGEST_AT + day * DAY
            for day in range(self.now // DAY - 1, self.now // DAY + 2)
        }
        found |= {at + LATE for at in found}
        for card in self.rules.cards.values():
            found.add(card.changed + SETTLE)
            found |= {card.seen + late for _, late in REMINDERS.values()}
        for fact in facts:
            found |= {fact.start, fact.start - MARGIN, fact.start - MARGIN - SETTLE}
            for before, late in REMINDERS.values():
                found |= {fact.start - before, fact.start - before + late}
        return sorted(one for one in found if one > self.now)

    def edit(self, name: str, page: Page) -> None:
        """Write a file anew."""
        self.before[name] = self.pages[name]
        self.pages[name] = page

    def drain(self) -> None:
        """Let all that waits leave, or be too late."""
        self.post.quota, self.post.crash = None, None
        for _ in range(3):
            self.now += 2 * 60
            self.settle()


class Edit(NamedTuple):
    """Something that somebody does to an event, or to the world."""

    what: str
    value: int | str | None = None
    which: int = 0


def follow(story: Story, edit: Edit) -> None:
    """Let something happen."""
    names = sorted(story.pages)
    match edit.what, edit.value:
        case "add", int(start):
            name = f"e{len({*story.rules.cards, *story.pages, *story.away})}"
            if len(story.pages) < 3:
                story.pages[name] = Page(Fact(story.now + start))
        case "return", _:
            story.pages |= story.away
            story.away = {}
        case "leave", str(person) if len(story.people) > 2:
            story.people.discard(person)
            story.was_away.add(person)
            story.office.leave(person, story.now)
        case "join", str(person):
            story.people.add(person)
            story.office.join(person)
        case "answers", str(answer):
            story.post.outcomes[PEOPLE[edit.which]] = answer
        case "quota", quota if quota is None or isinstance(quota, int):
            story.post.quota = quota
        case "crash", str(point):
            story.post.crash = CrashPoint(point)
        case _ if names:
            touch(story, names[edit.which % len(names)], edit)
        case _:
            pass


def touch(story: Story, name: str, edit: Edit) -> None:
    """Let somebody change a file."""
    page = story.pages[name]
    fact = page.fact
    match edit.what, edit.value:
        case "move", int(by):
            start = max(story.now - DAY, fact.start + by)
            story.edit(name, Page(fact._replace(start=start)))
        case "near", int(start):
            story.edit(name, Page(fact._replace(start=story.now + start)))
        case "venue", str(venue):
            story.edit(name, Page(fact._replace(venue=venue)))
        case "link", str(link):
            story.edit(name, Page(fact._replace(link=link)))
        case "status", str(status):
            story.edit(name, Page(fact._replace(status=status)))
        case "undo", _:
            story.edit(name, story.before.get(name, page))
        case "break", _:
            story.edit(name, Page(fact, is_broken=True))
        case "vanish", _:
            story.away[name] = story.pages.pop(name)


def _one(what: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[Edit]:
    return st.builds(Edit, what=st.just(what), value=values, which=st.integers(0, 2))


ANYWHERE = st.sampled_from(
    [-3 * DAY, -DAY, -90, 1, 25, 90, DAY - 1, DAY, DAY + 1, 3 * DAY, 8 * DAY, 20 * DAY]
)
edits = st.one_of(
    _one("move", ANYWHERE),
    _one("move", st.integers(-2 * DAY, 9 * DAY)),
    _one("near", st.integers(1, 200)),
    _one("venue", st.sampled_from("ABC")),
    _one("link", st.sampled_from("xy")),
    _one("status", st.sampled_from(["off", "later", "on", "hidden"])),
    _one("undo", st.none()),
    _one("break", st.none()),
    _one("vanish", st.none()),
    _one("return", st.none()),
    _one("add", st.integers(1, 9 * DAY)),
    _one("leave", st.sampled_from(PEOPLE)),
    _one("join", st.sampled_from(PEOPLE)),
    _one("answers", st.sampled_from(["sent", "failed", "uncertain"])),
    _one("quota", st.sampled_from([0, 1, 2, None, None])),
    _one("crash", st.sampled_from([point.value for point in CrashPoint])),
)


class Jump(NamedTuple):
    """Time that passes: to a coming moment, or some minutes, which may be negative."""

    skip: int | None
    by: int


jumps = st.one_of(
    st.builds(Jump, skip=st.integers(0, 3), by=st.integers(-1, 1)),
    st.builds(Jump, skip=st.just(0), by=st.integers(-1, 1)),
    st.builds(Jump, skip=st.none(), by=st.integers(1, 30)),
    st.builds(Jump, skip=st.none(), by=st.sampled_from([60, DAY, 3 * DAY, 15 * DAY])),
    st.builds(Jump, skip=st.none(), by=st.sampled_from([-5, -60, -2 * DAY])),
)
histories = st.lists(
    st.tuples(st.lists(edits, max_size=2), jumps), min_size=4, max_size=14
)
starts = st.lists(st.integers(30, 9 * DAY), min_size=1, max_size=2)
History = list[tuple[list[Edit], Jump]]


def live(story: Story, first: list[int], history: History) -> None:
    """Live through a history."""
    for number, start in enumerate(first):
        story.pages[f"e{number}"] = Page(Fact(story.now + start))
    story.settle()
    for happening, jump in history:
        for edit in happening:
            follow(story, edit)
        coming = story.moments()
        if jump.skip is None:
            story.now += jump.by
        elif coming:
            story.now = coming[min(jump.skip, len(coming) - 1)] + jump.by
        story.settle()
    story.drain()


@settings(
    max_examples=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(first=starts, history=histories)
@example(
    first=[2 * DAY],
    history=[
        ([Edit("quota", 0)], Jump(skip=None, by=5)),
        ([], Jump(skip=None, by=DAY)),
        ([Edit("vanish")], Jump(skip=None, by=5)),
        ([Edit("return")], Jump(skip=None, by=5)),
    ],
)
def test_no_history_leaves_anybody_with_an_old_fact(
    first: list[int], history: History
) -> None:
    """Each look freezes what the rules say, for whom they say; no promise is broken."""
    live(Story(office=Thin()), first, history)


@settings(
    max_examples=10,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(first=starts, history=histories)
@example(
    first=[2 * DAY],
    history=[
        ([Edit("join", "dan")], Jump(skip=None, by=60)),
        ([Edit("venue", "B")], Jump(skip=None, by=1)),
        ([], Jump(skip=None, by=SETTLE)),
    ],
)
@example(
    first=[3 * DAY],
    history=[
        ([Edit("answers", "uncertain"), Edit("add", DAY)], Jump(skip=None, by=1)),
        ([Edit("venue", "B", which=1)], Jump(skip=None, by=1)),
        ([], Jump(skip=None, by=SETTLE)),
    ],
)
@example(
    first=[2 * DAY],
    history=[
        ([Edit("break")], Jump(skip=None, by=60)),
        ([], Jump(skip=None, by=SETTLE)),
    ],
)
@example(
    first=[2 * DAY],
    history=[
        ([Edit("quota", 1)], Jump(skip=None, by=5)),
        ([Edit("venue", "B")], Jump(skip=None, by=SETTLE + 6)),
        ([], Jump(skip=None, by=SETTLE)),
        ([Edit("venue", "C")], Jump(skip=None, by=1)),
        ([Edit("undo")], Jump(skip=None, by=1)),
        ([], Jump(skip=None, by=SETTLE)),
    ],
)
def test_the_whole_way_keeps_to_the_rules(first: list[int], history: History) -> None:
    """So do ledger, rendering and delivery, crashes and refusals included."""
    with TemporaryDirectory() as folder:
        office = Whole(Path(folder))
        try:
            live(Story(office=office), first, history)

            assert len(set(office.keys)) == len(office.keys)
            assert office.is_balanced()
        finally:
            office.close()
