from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_cases import LONG_AGO, at, event
from tambour.model import Event, EventId, EventStatus, KnownEvent
from tambour.planning.identity import Clues, Recognised, recognise, unplaced

START = at("2027-04-01 19:00")
SOURCES = frozenset({"agenda", "clubs"})
HELD = EventStatus.HELD


def file(
    name: str,
    title: str = "Fête",
    *,
    days: float = 0,
    source: str = "agenda",
    **changes: Any,
) -> Event:
    """Make what a file `name` tells; its id is made from its path unless given."""
    values: dict[str, Any] = {"id": EventId(f"{source}/{name}"), **changes}
    return event(
        START + timedelta(days=days),
        source=source,
        path=f"{source}/{name}.md",
        title=title,
        **values,
    )


def broken(name: str) -> Event:
    """Make what is left of a file that cannot be read."""
    return replace(file(name, ""), start=None, status=HELD)


def known(*files: Event, **changes: Any) -> dict[EventId, KnownEvent]:
    """Make what the ledger remembers of files that it saw under these ids."""
    return {
        one.id: KnownEvent(
            id=one.id,
            source=one.source,
            path=one.path,
            facts=one.facts(),
            changed_at=LONG_AGO,
            **changes,
        )
        for one in files
    }


def look(
    before: Mapping[EventId, KnownEvent], *files: Event, **clues: Any
) -> Recognised:
    """Recognise *files*, with *clues* beside them."""
    return recognise(files, before, Clues(**{"sources": SOURCES, **clues}))


def told(found: Recognised) -> dict[str, str]:
    """Show the id of each file's event, and whether it is held."""
    return {
        one.path: f"{one.id} held" if one.status is HELD else one.id
        for one in found.events
    }


def codes(found: Recognised) -> list[tuple[str, str]]:
    """Show where there are problems."""
    return [(one.path, one.code) for one in found.problems]


A, B = "agenda/a.md", "agenda/b.md"
RENAMED = {B: A}
NAMED_A, NAMED_B = frozenset({A}), frozenset({B})
GIVEN = EventId("fete")


# ── one file, one event ─────────────────────────────────────────────────────────


def test_what_nobody_knows_keeps_its_own_id() -> None:
    """A first sight asks no questions, not even of events that are alike."""
    files = (file("a"), file("b"), file("c", id=GIVEN))
    found = look({}, *files)

    assert Recognised(events=files) == found


@pytest.mark.parametrize(
    ("after", "clues", "expected"),
    [
        (file("a"), {}, "agenda/a"),
        (file("a", "Bal", days=40), {}, "agenda/a"),
        (file("a", id=GIVEN), {"named": NAMED_A}, "agenda/a"),
        (broken("a"), {}, "agenda/a held"),
        (file("b"), {}, "agenda/a"),
        (file("b", " FÊTE "), {}, "agenda/a"),
        (file("b", days=3), {}, "agenda/a"),
        (file("b", days=3.01), {}, "agenda/b"),
        (file("b", "Bal"), {}, "agenda/a"),
        (file("b", "Bal", days=1), {}, "agenda/b"),
        (file("b", days=30), {"renamed": RENAMED}, "agenda/a"),
        (file("b", "Bal", days=2), {"renamed": RENAMED}, "agenda/a"),
        (file("b", "Bal", days=30), {"renamed": RENAMED}, "agenda/b held"),
        (broken("b"), {"renamed": RENAMED}, "agenda/a held"),
        (broken("b"), {}, "agenda/b held"),
        (file("b", source="clubs"), {}, "clubs/b"),
        (
            file("b", source="clubs"),
            {"renamed": {"clubs/b.md": A}},
            "agenda/a",
        ),
        (file("b", id=GIVEN), {"named": NAMED_B}, "agenda/a"),
        (file("b", id=GIVEN, days=9), {"named": NAMED_B}, "fete"),
        (
            file("b", "Bal", id=EventId("agenda/a"), days=90),
            {"named": NAMED_B},
            "agenda/a",
        ),
        (
            replace(file("a", source="events"), path=A),
            {"sources": frozenset({"events"})},
            "agenda/a",
        ),
    ],
    ids=[
        "untouched",
        "another-title-and-time-at-its-path",
        "an-id-added-later",
        "broken",
        "renamed",
        "renamed-with-other-capitals",
        "renamed-and-moved-by-three-days",
        "renamed-and-moved-by-more",
        "renamed-with-another-title",
        "another-title-and-time",
        "git-says-so-and-the-title",
        "git-says-so-and-the-time",
        "git-alone",
        "git-and-broken",
        "broken-at-a-new-path",
        "moved-to-another-source",
        "git-says-to-another-source",
        "an-id-added-with-the-rename",
        "another-event-with-an-id",
        "named-for-what-it-was",
        "its-source-has-another-name",
    ],
)
def test_one_event_and_one_file(
    after: Event, clues: dict[str, Any], expected: str
) -> None:
    """What was at `a.md` is known again, or not, by what is there now."""
    found = look(known(file("a")), after, **clues)

    assert {after.path: expected} == told(found)
    is_same = expected.startswith("agenda/a")
    is_unclear = expected == "agenda/b held" and after.title != ""
    assert ((), ("agenda/a",))[is_unclear] == found.standing
    assert ((), ("agenda/a",))[not is_same and not is_unclear] == found.vanished


def test_an_id_of_a_file_that_moved_is_believed() -> None:
    """However much else changed."""
    before = known(file("a", id=GIVEN))
    found = look(before, file("b", "Bal", id=GIVEN, days=90), named=frozenset({A, B}))

    assert {B: "fete"} == told(found)


def test_another_id_is_another_event() -> None:
    """Files that were given ids differ by them, alike as they may be."""
    before = known(file("a", id=GIVEN))
    found = look(before, file("b", id=EventId("bal")), named=NAMED_B, renamed=RENAMED)

    assert ({B: "bal"}, ("fete",)) == (told(found), found.vanished)


def test_an_event_without_a_file_is_missing() -> None:
    """One that was missing before still is."""
    before = known(file("a")) | known(file("b", days=9), missing=2)
    found = look(before, file("c", "Bal", days=30))

    assert ("agenda/a", "agenda/b") == found.vanished == found.missing
    assert () == found.problems


def test_a_file_that_comes_back_is_what_it_was() -> None:
    """Also after it was missing for long, and under another name."""
    before = known(file("a"), missing=7)

    assert {A: "agenda/a"} == told(look(before, file("a")))
    assert {B: "agenda/a"} == told(look(before, file("b")))


def test_an_id_that_came_too_late_is_told() -> None:
    """Whoever looks for the new one should know the old one."""
    found = look(known(file("a")), file("a", id=GIVEN), named=NAMED_A)

    assert [(A, "W210")] == codes(found)
    assert "'agenda/a'" in found.problems[0].message


# ── doubt ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([file("a"), file("b", days=1)], [file("c", days=2)]),
        ([file("a")], [file("b", days=1), file("c", days=2)]),
        ([file("a")], [file("b", days=1), file("c", "Bal")]),
        (
            [file("a"), file("b", days=1)],
            [file("c", days=0.5), file("d", days=1.5)],
        ),
    ],
    ids=["two-gone", "two-new", "title-or-time", "two-and-two"],
)
def test_several_candidates_are_held(before: list[Event], after: list[Event]) -> None:
    """No new one speaks, no old one is taken for gone, and the mend is told."""
    found = look(known(*before), *after)

    assert {one.path: f"{one.id} held" for one in after} == told(found)
    assert tuple(one.id for one in before) == found.standing
    assert () == found.vanished
    assert [(one.path, "E213") for one in after] == codes(found)
    assert all(f"id: {before[0].id}" in one.help for one in found.problems)


def test_a_series_that_moves_as_it_is_is_no_doubt() -> None:
    """One title on five days in a row: title and time together tell them apart."""
    before = [file(f"jour-{day}", days=day) for day in range(5)]
    after = [file(f"2027/jour-{day}", days=day) for day in range(5)]
    found = look(known(*before), *after)

    assert [one.id for one in before] == [one.id for one in found.events]
    assert () == found.problems


@pytest.mark.parametrize(
    ("given", "expected"),
    [("agenda/a", "agenda/a"), ("bal", "bal")],
    ids=["it-is-that-one", "it-is-another"],
)
def test_a_doubt_ends_with_an_id(given: str, expected: str) -> None:
    """As the problem's help says."""
    before = known(file("a"), file("b", days=1))
    found = look(
        before, file("c", id=EventId(given), days=2), named=frozenset({"agenda/c.md"})
    )

    assert {"agenda/c.md": expected} == told(found)
    assert () == found.standing


def test_what_git_leaves_open_no_likeness_decides() -> None:
    """Another file at the same time may be it, and may not."""
    found = look(
        known(file("a")), file("b", "Bal", days=30), file("c", "Vote"), renamed=RENAMED
    )

    assert ["agenda/b held", "agenda/c held"] == list(told(found).values())
    assert ("agenda/a",) == found.standing


def test_a_name_says_nothing_while_another_file_may_be_meant() -> None:
    """Once both have one, both are believed."""
    named = file("c", id=GIVEN), file("d", id=EventId("bal"))
    paths = frozenset(one.path for one in named)
    before = known(file("a"))
    one = look(before, named[0], file("d"), named=frozenset({"agenda/c.md"}))
    both = look(before, *named, named=paths)

    assert ["fete held", "agenda/d held"] == list(told(one).values())
    assert ["fete", "bal"] == list(told(both).values())


def test_a_gone_event_is_not_brought_back_by_a_doubt() -> None:
    """It waits as it is, and is not counted further."""
    before = known(file("a"), file("b", days=1), missing=1)
    found = look(before, file("c", days=2))

    assert (("agenda/a", "agenda/b"), (), ()) == (
        found.vanished,
        found.missing,
        found.standing,
    )


# ── one path, two events ────────────────────────────────────────────────────────


def test_a_new_file_at_an_old_path_is_another_event() -> None:
    """The one that was renamed has taken its id along."""
    before = known(replace(file("b"), id=EventId("agenda/a")))
    found = look(before, file("b"), file("a", "Bal", days=50))

    assert {B: "agenda/a", A: "agenda/a~2"} == told(found)
    again = known(*found.events)
    assert told(found) == told(look(again, *(file("b"), file("a", "Bal", days=50))))


def test_a_third_one_at_that_path_has_an_id_of_its_own_too() -> None:
    """Nobody gets the id of somebody else."""
    before = known(
        replace(file("b"), id=EventId("agenda/a")),
        replace(file("c", days=20), id=EventId("agenda/a~2")),
    )
    found = look(before, file("b"), file("c", days=20), file("a", "Bal", days=50))

    assert "agenda/a~3" == told(found)[A]


def test_a_path_that_once_made_an_id_does_not_make_it_again() -> None:
    """The event of that id was elsewhere, and is gone from there at the same time."""
    before = known(replace(file("b"), id=EventId("agenda/a")))
    found = look(before, file("a", "Bal", days=50))

    assert ({A: "agenda/a~2 held"}, ("agenda/a",)) == (told(found), found.standing)


def test_a_file_that_two_sources_read_is_one_of_them_still() -> None:
    """Their former source is gone from the settings; only one takes its place."""
    files = [
        replace(file("a", source=source), path=A) for source in ("sorties", "clubs")
    ]
    found = look(known(file("a")), *files, sources=frozenset({"sorties", "clubs"}))

    assert ["agenda/a", "clubs/a"] == [one.id for one in found.events]


def test_a_path_taken_over_in_one_go_is_a_doubt() -> None:
    """`a.md` tells something else, and a new file what `a.md` told."""
    found = look(known(file("a")), file("a", "Bal", days=50), file("b"))

    assert {A: "agenda/a held", B: "agenda/b held"} == told(found)
    assert ((), ()) == (found.standing, found.vanished)
    assert [(B, "E213")] == codes(found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("agenda/a", {A: "agenda/a~2", B: "agenda/a"}),
        ("bal", {A: "agenda/a", B: "bal"}),
    ],
    ids=["it-moved", "it-did-not"],
)
def test_a_path_taken_over_is_settled_by_an_id(
    given: str, expected: dict[str, str]
) -> None:
    """Whichever file was meant."""
    found = look(
        known(file("a")),
        file("a", "Bal", days=50),
        file("b", id=EventId(given)),
        named=NAMED_B,
    )

    assert expected == told(found)
    assert () == found.problems


def test_a_copy_beside_a_broken_file_is_a_doubt() -> None:
    """It was moved with the old file left in pieces, as like as not."""
    found = look(known(file("a")), broken("a"), file("b"))

    assert {A: "agenda/a held", B: "agenda/b held"} == told(found)


def test_a_hidden_file_in_doubt_is_held_too() -> None:
    """Else it would be known, and the doubt forgotten, at the next look."""
    hidden = {"status": EventStatus.HIDDEN}
    found = look(known(file("a")), file("a", "Bal", days=50, **hidden), file("b"))
    other = look(known(file("a")), file("b", "Bal", days=9, **hidden), renamed=RENAMED)

    assert {A: "agenda/a held", B: "agenda/b held"} == told(found)
    assert {B: "agenda/b held"} == told(other)


def test_files_that_change_places_are_held() -> None:
    """Else each one's readers would hear of the other."""
    before = known(file("a"), file("b", "Bal", days=50))
    found = look(before, file("b"), file("a", "Bal", days=50))

    assert {A: "agenda/a held", B: "agenda/b held"} == told(found)
    assert [(A, "E213"), (B, "E213")] == codes(found)


def test_ids_that_change_places_are_believed() -> None:
    """With a name each, nothing is in doubt."""
    bal = EventId("bal")
    before = known(file("a", id=GIVEN), file("b", "Bal", days=50, id=bal))
    found = look(
        before,
        file("b", id=GIVEN),
        file("a", "Bal", days=50, id=bal),
        named=frozenset({A, B}),
    )

    assert {B: "fete", A: "bal"} == told(found)


# ── one id, two files ───────────────────────────────────────────────────────────


def test_a_copy_with_the_same_id_is_held() -> None:
    """The file in its place is the event; whoever copied it forgot to rename it."""
    before = known(file("b", id=GIVEN))
    held = [
        file("a", days=9, id=GIVEN, status=HELD),
        file("b", id=GIVEN, status=HELD),
    ]
    found = look(before, *held, named=frozenset({A, B}))

    assert {A: "fete~2 held", B: "fete held"} == told(found)
    assert () == found.vanished


def test_a_known_event_that_takes_the_id_of_another_stays_itself() -> None:
    """Both stand as they were last read."""
    before = known(file("a"), file("b", "Bal", days=50, id=GIVEN))
    held = [
        file("a", id=GIVEN, status=HELD),
        file("b", "Bal", days=50, id=GIVEN, status=HELD),
    ]
    found = look(before, *held, named=frozenset({A, B}))

    assert {A: "agenda/a held", B: "fete held"} == told(found)


def test_an_id_of_a_file_without_one_cannot_be_taken() -> None:
    """Not while that file is in its place and tells the same event."""
    found = look(
        known(file("a")),
        file("a"),
        file("b", days=9, id=EventId("agenda/a")),
        named=NAMED_B,
    )

    assert {A: "agenda/a", B: "agenda/a~2 held"} == told(found)
    assert [(B, "E209")] == codes(found)


def test_contradicting_files_of_a_new_id_are_held() -> None:
    """Neither was ever good."""
    held = [
        file("a", id=GIVEN, status=HELD),
        file("b", days=9, id=GIVEN, status=HELD),
    ]
    found = look({}, *held, named=frozenset({A, B}))

    assert {A: "fete held", B: "fete~2 held"} == told(found)


# ── what takes place several times ──────────────────────────────────────────────


def parts(name: str, title: str = "Café", *, week: int = 7) -> list[Event]:
    """Make the three times that a file's event takes place."""
    whole = file(name, title)
    return [
        replace(
            file(name, title, days=week * number),
            id=EventId(f"{whole.id}@2027040{number}"),
            path=f"{whole.path}@2027040{number}",
        )
        for number in range(3)
    ]


def test_a_broken_file_lets_all_its_times_stand() -> None:
    """It gives one event that is held; none of its parts is gone."""
    found = look(known(*parts("a")), replace(file("a", "Café"), status=HELD))

    assert tuple(one.id for one in parts("a")) == found.standing
    assert () == found.vanished


@pytest.mark.parametrize("week", [0, 7], ids=["git", "alike"])
def test_all_times_move_with_their_file(week: int) -> None:
    """As git says, even if all are at another time now; else as a series."""
    before, after = known(*parts("a")), parts("b", week=8 if not week else 7)
    found = look(before, *after, renamed={} if week else RENAMED)

    assert [one.id for one in parts("a")] == [one.id for one in found.events]
    assert ({A}, {B}) == unplaced(after, before)


# ── sources that cannot be relied on ────────────────────────────────────────────


def test_events_of_a_source_that_was_not_read_stand() -> None:
    """None is missing; the settings are told how many."""
    before = known(file("a"), file("b", days=9), file("c", source="clubs"))
    found = look(before, unread=frozenset({"agenda"}))

    assert ("agenda/a", "agenda/b") == found.standing
    assert ("clubs/c",) == found.vanished == found.missing
    assert [("config.yaml", "E214")] == codes(found)
    assert "2 events" in found.problems[0].message


def test_a_new_file_in_a_source_read_in_part_is_a_doubt() -> None:
    """What it is like may be in the part that was not."""
    found = look(known(file("a")), file("b"), unread=frozenset({"agenda"}))

    assert {B: "agenda/b held"} == told(found)
    assert ("agenda/a",) == found.standing


def test_what_was_missing_before_does_not_come_back_unread() -> None:
    """Nor is it counted: nobody could look."""
    found = look(known(file("a"), missing=1), unread=frozenset({"agenda"}))

    assert (("agenda/a",), (), ()) == (found.vanished, found.missing, found.standing)


def test_a_source_that_was_given_up_has_no_events() -> None:
    """Removing it from the settings says so, unless another one reads its files."""
    found = look(known(file("a")), sources=frozenset({"clubs"}))

    assert ("agenda/a",) == found.missing


# ── what git is asked ───────────────────────────────────────────────────────────


def test_only_what_is_gone_or_new_is_asked_about() -> None:
    """Neither files in their places, nor ids that are known."""
    before = known(file("a"), file("b"), file("c", id=GIVEN))
    files = (file("a"), file("d", id=GIVEN), file("e"))

    assert ({B}, {"agenda/e.md"}) == unplaced(files, before)


# ── any history ─────────────────────────────────────────────────────────────────

TITLES = ("Fête", "Bal", "Forum")
KINDS = (
    *("rename", "edit", "rename and edit", "delete", "make", "swap"),
    *("name", "take id", "break", "mend", "hide"),
)


@dataclass(frozen=True)
class Step:
    """What happens between two looks, to the file that comes first by its path."""

    which: int
    kind: str
    path: int
    title: int
    days: int
    is_git: bool


steps = st.lists(
    st.lists(
        st.builds(
            Step,
            which=st.integers(0, 5),
            kind=st.sampled_from(KINDS),
            path=st.integers(0, 7),
            title=st.integers(0, 2),
            days=st.integers(0, 12),
            is_git=st.booleans(),
        ),
        max_size=4,
    ),
    max_size=6,
)


class Site:
    """A folder of event files, and what became of them."""

    def __init__(self) -> None:
        self.files: dict[str, Event] = {}
        self.named: set[str] = set()
        self.renamed: dict[str, str] = {}

    def apply(self, step: Step) -> None:
        """Do one thing, if it can be done."""
        path = f"agenda/{step.path}.md"
        if step.kind == "make":
            self.files.setdefault(path, self._made(path, step))
        elif self.files:
            old = sorted(self.files)[step.which % len(self.files)]
            self._change(old, path, step)

    def _change(self, old: str, path: str, step: Step) -> None:
        there = self.files[old]
        match step.kind:
            case "rename" if path not in self.files:
                self._move(old, path, is_git=step.is_git)
            case "rename and edit" if path not in self.files:
                self._edit(old, step)
                self._move(old, path, is_git=step.is_git)
            case "edit" | "mend":
                self._edit(old, step)
            case "delete":
                del self.files[old]
                self.named.discard(old)
            case "swap" if path in self.files:
                self._swap(old, path)
            case "name":
                self._name(old, EventId(f"name-{step.title}"))
            case "take id":
                self._name(old, EventId(f"agenda/{step.path}"))
            case "break":
                self.files[old] = replace(there, title="", start=None, status=HELD)
            case "hide":
                self.files[old] = replace(there, status=EventStatus.HIDDEN)

    def _edit(self, path: str, step: Step) -> None:
        made = self._made(path, step)
        before = self.files[path]
        status = made.status if step.kind == "mend" else before.status
        self.files[path] = replace(made, id=before.id, status=status)

    def _made(self, path: str, step: Step) -> Event:
        name = path.removeprefix("agenda/").removesuffix(".md")
        return file(name, TITLES[step.title], days=step.days)

    def _name(self, path: str, name: EventId) -> None:
        self.files[path] = replace(self.files[path], id=name)
        self.named.add(path)

    def _move(self, old: str, path: str, *, is_git: bool) -> None:
        moved = self.files.pop(old)
        self.renamed.pop(path, None)
        if is_git:
            self.renamed[path] = self.renamed.pop(old, old)
        self._put(moved, path, is_named=old in self.named)
        self.named.discard(old)

    def _swap(self, one: str, other: str) -> None:
        first, second = self.files[one], self.files[other]
        names = one in self.named, other in self.named
        self._put(first, other, is_named=names[0])
        self._put(second, one, is_named=names[1])

    def _put(self, moved: Event, path: str, *, is_named: bool) -> None:
        name = EventId(path.removesuffix(".md"))
        self.files[path] = replace(moved, path=path, id=moved.id if is_named else name)
        (self.named.add if is_named else self.named.discard)(path)

    def read(self) -> tuple[list[Event], Clues]:
        """Return the files as content does: contradicting ids are held."""
        ids = [one.id for one in self.files.values()]
        events = [
            replace(one, status=HELD) if ids.count(one.id) > 1 else one
            for one in self.files.values()
        ]
        clues = Clues(
            named=frozenset(self.named), renamed=dict(self.renamed), sources=SOURCES
        )
        return events, clues


def remember(
    before: dict[EventId, KnownEvent], found: Recognised
) -> dict[EventId, KnownEvent]:
    """Do what the ledger does with what was found."""
    good = [one for one in found.events if one.status is not HELD and one.start]
    missing = {
        one: replace(before[one], missing=before[one].missing + 1)
        for one in found.missing
    }
    return before | missing | known(*good)


@settings(max_examples=400, deadline=None)
@given(steps)
def test_no_history_confuses_two_events(history: list[list[Step]]) -> None:
    """
    No event has two ids, no id names two events, and a second look changes nothing.

    Whoever is known is somewhere, once.
    """
    site, before = Site(), dict[EventId, KnownEvent]()
    for happened in history:
        site.renamed.clear()
        for step in happened:
            site.apply(step)
        files, clues = site.read()
        found = recognise(files, before, clues)

        ids = [one.id for one in found.events]
        places = [*ids, *found.standing, *found.vanished]
        assert len(files) == len(ids)
        assert len(places) == len(set(places))
        assert set(before) <= set(places)
        assert set(found.missing) <= set(found.vanished)
        assert [one.path for one in files] == [one.path for one in found.events]

        after = remember(before, found)
        again = recognise(files, after, clues)
        assert told(found) == told(again)
        assert (found.standing, found.vanished) == (again.standing, again.vanished)
        before = after


@settings(max_examples=400, deadline=None)
@given(
    starts=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 20)), min_size=1, max_size=5
    ),
    moves=st.lists(
        st.tuples(
            st.sampled_from(["stay", "rename", "git", "delete"]),
            st.sampled_from(["as it is", "title", "time", "broken"]),
            st.integers(-3, 3),
        ),
        min_size=5,
        max_size=5,
    ),
    made=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=3),
)
def test_no_renamed_event_speaks_under_another_id(
    starts: list[tuple[int, int]],
    moves: list[tuple[str, str, int]],
    made: list[tuple[int, int]],
) -> None:
    """With its title or its time left, it is one of those that were told, or held."""
    before = [
        file(f"{number}", TITLES[title], days=days)
        for number, (title, days) in enumerate(starts)
    ]
    files, renamed = dict[str, Event](), dict[str, str]()
    for one, (move, edit, days) in zip(before, moves, strict=False):
        if move == "delete":
            continue
        name = one.path.removeprefix("agenda/").removesuffix(".md")
        new = f"{'new-' if move != 'stay' else ''}{name}"
        now = file(new, one.title, days=(one.facts().start - START).days)
        if edit == "title":
            now = replace(now, title=f"{now.title} !")
        elif edit == "time" and now.start is not None:
            now = replace(now, start=now.start + timedelta(days=days))
        elif edit == "broken":
            now = broken(new)
        files[now.path] = now
        if move == "git":
            renamed[now.path] = one.path
    fresh = [file(f"fresh-{n}", TITLES[t], days=d) for n, (t, d) in enumerate(made)]
    found = look(known(*before), *files.values(), *fresh, renamed=renamed)

    for one in found.events:
        if one.path in files and one.status is not HELD:
            assert one.id in known(*before)
