from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from command_line import CONFIG, PEOPLE, REMINDER, Folder
from git_folder import Repository, repository
from ledger_files import open_for_writing
from tambour.ledger import Ledger
from tambour.memory import Memory, recall, watch
from tambour.model import Change, Event, EventStatus
from tambour.project import ProjectCache, load_project

NOW = datetime(2027, 3, 18, 8, tzinfo=UTC)
START = NOW + timedelta(days=20)
BODY = "Un après-midi pour tout le monde, avec de la musique.\n" * 6


def page(title: str, *, days: float = 0, given: str = "", venue: str = "Salle") -> str:
    """Write an event that starts *days* after START."""
    start = START + timedelta(days=days)
    lines = [f"title: {title}", f"start: {start:%Y-%m-%d %H:%M}", f"venue: {venue}"]
    lines += [f"id: {given}"] if given else []
    return "\n".join(["---", *lines, "---", BODY])


@dataclass
class Agenda:
    """A project in a folder of a repository, its ledger, and a clock."""

    work: Repository
    ledger: Ledger
    cache: ProjectCache
    now: datetime = NOW

    @property
    def events(self) -> Path:
        """The folder of the events."""
        return self.work.path / "projet/events"

    def write(self, name: str, text: str) -> None:
        """Write an event's file."""
        self.work.write(f"projet/events/{name}.md", text)

    def rename(self, old: str, new: str) -> None:
        """Rename a file without a word to git."""
        (self.events / f"{old}.md").rename(self.events / f"{new}.md")

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self.events / f"{name}.md").unlink()

    def scan(self) -> Memory:
        """Look as `send` does, 15 seconds after the last time."""
        self.now += timedelta(seconds=15)
        project = load_project(self.work.path / "projet", cache=self.cache)
        return watch(project, self.ledger, now=self.now)

    def look(self) -> Memory:
        """Look as a reader does."""
        return recall(load_project(self.work.path / "projet"), self.ledger)


@pytest.fixture
def agenda(tmp_path: Path) -> Iterator[Agenda]:
    """Two events, committed and known."""
    work = repository(tmp_path / "site")
    work.write("projet/config.yaml", CONFIG)
    work.write("projet/campaigns/rappel.md", REMINDER)
    work.write("projet/lecteurs.csv", PEOPLE)
    work.write("projet/events/fete.md", page("Fête"))
    work.write("projet/events/bal.md", page("Bal", days=10))
    work.commit()
    ledger = open_for_writing("sqlite:///tambour.db", root=tmp_path)
    made = Agenda(work, ledger, ProjectCache())
    made.scan()
    yield made
    ledger.close()


def shown(memory: Memory) -> dict[str, str]:
    """Show each event that is there by its id: its path and what it tells."""
    return {
        one.id: f"{one.path.removeprefix('events/')} {one.title or '-'}"
        + (" (held)" if one.status is EventStatus.HELD else "")
        for one in memory.project.events
    }


def codes(memory: Memory) -> list[tuple[str, str]]:
    """Show where there are problems."""
    return [(one.path, one.code) for one in memory.project.problems]


def vanished(memory: Memory) -> dict[str, int]:
    """Show which events are gone, and how often that was seen."""
    known = memory.snapshot.known
    return {one.id: known[one.id].missing for one in memory.vanished}


def of(memory: Memory, name: str) -> Event:
    """Return an event that is there."""
    (found,) = (one for one in memory.project.events if one.id == name)
    return found


BAL = {"agenda/bal": "bal.md Bal"}
FETE = {"agenda/fete": "fete.md Fête"}
HOWS = ["committed", "staged", "by hand", "no repository"]


@pytest.mark.parametrize("text", ["Fête", "Grande fête"], ids=["as it is", "edited"])
@pytest.mark.parametrize("how", HOWS)
def test_a_renamed_file_is_the_same_event(agenda: Agenda, how: str, text: str) -> None:
    """However it was renamed, and with an edit at the same time; twice over."""
    for old, new in (("fete", "2027/fete"), ("2027/fete", "fete-de-mars")):
        (agenda.events / "2027").mkdir(exist_ok=True)
        agenda.write(old, page(text, days=1 if text == "Fête" else 0))
        agenda.rename(old, new)
        if how in {"committed", "staged"}:
            agenda.work.git("add", "--all")
        if how == "committed":
            agenda.work.commit()
        if how == "no repository":
            shutil.rmtree(agenda.work.path / ".git", ignore_errors=True)
        memory = agenda.scan()

        assert {"agenda/fete": f"{new}.md {text}", **BAL} == shown(memory)
        assert ([], {}) == (codes(memory), vanished(memory))
        assert shown(memory) == shown(agenda.look()) == shown(agenda.scan())


def test_git_follows_where_the_title_alone_would_not_do(agenda: Agenda) -> None:
    """The title was kept, and the date moved by more than three days."""
    agenda.work.git("mv", "projet/events/fete.md", "projet/events/autre.md")
    agenda.work.commit()
    agenda.write("autre", page("Fête", days=60))
    memory = agenda.scan()

    assert {"agenda/fete": "autre.md Fête", **BAL} == shown(memory)


def test_a_file_with_neither_its_title_nor_its_time_is_held(agenda: Agenda) -> None:
    """Git takes the new page for the old one, from which it was copied."""
    agenda.rename("fete", "vote")
    agenda.write("vote", page("Vote", days=60))
    agenda.work.commit()
    memory = agenda.scan()

    assert {"agenda/vote": "vote.md Vote (held)", **FETE, **BAL} == shown(memory)
    assert [("events/vote.md", "E213")] == codes(memory)
    agenda.write("vote", page("Vote", days=60, given="vote"))
    agenda.scan()
    assert {"agenda/fete": 1} == vanished(agenda.look())
    assert {"vote": "vote.md Vote", **BAL} == shown(agenda.look())


def test_two_candidates_are_held_until_one_is_named(agenda: Agenda) -> None:
    """Whatever stays unsaid for a while; the old one stands."""
    shutil.rmtree(agenda.work.path / ".git")
    agenda.delete("fete")
    agenda.write("un", page("Fête", days=1))
    agenda.write("deux", page("Fête", days=2))
    memories = [agenda.scan() for _ in range(3)]

    held = {
        "agenda/un": "un.md Fête (held)",
        "agenda/deux": "deux.md Fête (held)",
        **FETE,
        **BAL,
    }
    assert [held] * 3 == [shown(one) for one in memories]
    assert {} == vanished(memories[-1])
    agenda.write("deux", page("Fête", days=2, given="agenda/fete"))
    memory = agenda.scan()
    assert {
        "agenda/un": "un.md Fête",
        "agenda/fete": "deux.md Fête",
        **BAL,
    } == shown(memory)
    assert START + timedelta(days=2) == of(memory, "agenda/fete").start


def test_a_removed_file_is_counted_and_may_come_back(agenda: Agenda) -> None:
    """Only who sends counts; the event is what it was when its file is back."""
    agenda.delete("fete")
    agenda.look()
    counts = [vanished(agenda.scan()) for _ in range(3)]
    read = vanished(agenda.look())
    gone = agenda.look().vanished[0]
    agenda.write("fete", page("Fête"))
    memory = agenda.scan()

    assert [{"agenda/fete": number} for number in (1, 2, 3)] == counts
    assert counts[-1] == read
    assert ("Fête", START, BODY.strip()) == (gone.title, gone.start, gone.body.strip())
    assert (FETE | BAL, {}) == (shown(memory), vanished(memory))
    assert 0 == memory.snapshot.known[gone.id].missing


@pytest.mark.parametrize("count", [5, 6], ids=["five may go", "six are too many"])
def test_many_that_vanish_at_once_are_an_alert(agenda: Agenda, count: int) -> None:
    """Once a second look has missed them too, whether or not anything is due."""
    for number in range(10):
        agenda.write(f"jour-{number}", page(f"Jour {number}", days=number))
    agenda.scan()
    for number in range(count):
        agenda.delete(f"jour-{number}")
    agenda.scan()
    again = agenda.scan()

    alert = [("config.yaml", "E218")] if count > 5 else []
    assert alert == codes(again) == codes(agenda.look())


def test_an_id_added_later_changes_nothing(agenda: Agenda) -> None:
    """Nor when the file is renamed after that."""
    agenda.write("fete", page("Fête", given="grande-fete"))
    added = agenda.scan()
    agenda.rename("fete", "grande")
    renamed = agenda.scan()

    assert FETE | BAL == shown(added)
    assert [("events/fete.md", "W210")] == codes(added)
    assert {"agenda/fete": "grande.md Fête", **BAL} == shown(renamed)


def test_an_id_given_from_the_start_goes_anywhere(agenda: Agenda) -> None:
    """Without git, with another title, another date, and to another name."""
    shutil.rmtree(agenda.work.path / ".git")
    agenda.write("vote", page("Vote", given="vote"))
    agenda.scan()
    agenda.delete("vote")
    agenda.write("scrutin", page("Scrutin", days=90, given="vote"))
    memory = agenda.scan()

    assert {"vote": "scrutin.md Scrutin", **FETE, **BAL} == shown(memory)
    assert {} == vanished(memory)


def test_a_clash_of_ids_lets_the_last_good_facts_stand(agenda: Agenda) -> None:
    """A page was copied, and edited before its id was."""
    agenda.write("vote", page("Vote", given="vote"))
    agenda.scan()
    agenda.write("a-vote", page("Vote", days=7, given="vote", venue="Mairie"))
    clash = agenda.scan()
    agenda.write("a-vote", page("Second vote", days=7, given="second"))
    mended = agenda.scan()

    assert {
        "vote": "vote.md Vote",
        "vote~2": "a-vote.md Vote (held)",
        **FETE,
        **BAL,
    } == shown(clash)
    assert (START, "Salle") == (of(clash, "vote").start, of(clash, "vote").venue)
    assert [("events/vote.md", "E209")] == codes(clash)
    assert {
        "vote": "vote.md Vote",
        "second": "a-vote.md Second vote",
        **FETE,
        **BAL,
    } == shown(mended)
    assert {} == vanished(mended)


@pytest.mark.parametrize(
    "text", ["", "---\ntitle: Fê", page("Fête").replace(":0", "h")]
)
def test_a_broken_file_keeps_its_last_good_facts(agenda: Agenda, text: str) -> None:
    """Half of it was written, or somebody mistyped; the problem is shown."""
    before = of(agenda.look(), "agenda/fete")
    agenda.write("fete", text)
    memories = [agenda.scan() for _ in range(3)]

    assert [FETE | BAL] * 3 == [shown(one) for one in memories]
    assert before == of(memories[-1], "agenda/fete")
    assert {"events/fete.md"} == {path for path, _ in codes(memories[-1])}
    agenda.write("fete", page("Fête", venue="Mairie"))
    memory = agenda.scan()
    assert "Mairie" == of(memory, "agenda/fete").venue
    known = memory.snapshot.known[before.id]
    assert {Change.PLACE} == before.facts().changes(known.facts)


def test_a_file_that_was_never_good_is_held(agenda: Agenda) -> None:
    """There is nothing that it could stand for."""
    agenda.write("vote", "---\ntitle: Vote\n---\n")
    memory = agenda.scan()

    assert "vote.md Vote (held)" == shown(memory)["agenda/vote"]


def test_a_renamed_and_broken_file_is_followed_by_git(agenda: Agenda) -> None:
    """It stands as it was, at its new path, and is itself when it is mended."""
    agenda.rename("fete", "mars")
    text = page("Fête")
    agenda.write("mars", text.replace("start", "début"))
    broken = agenda.scan()
    agenda.write("mars", text)
    mended = agenda.scan()

    assert {"agenda/fete": "mars.md Fête", **BAL} == shown(broken) == shown(mended)
    assert [("events/mars.md", "E204")] == codes(broken)
    assert [] == codes(mended)


@pytest.mark.parametrize("kind", ["gone", "empty", "a file"])
def test_a_folder_that_lost_everything_lost_nothing(agenda: Agenda, kind: str) -> None:
    """A disk that is not mounted cancels no event."""
    aside = agenda.events.rename(agenda.work.path / "aside")
    if kind == "empty":
        agenda.events.mkdir()
    if kind == "a file":
        agenda.events.touch()
    memories = [agenda.scan() for _ in range(3)]

    assert [FETE | BAL] * 3 == [shown(one) for one in memories]
    assert {} == vanished(memories[-1])
    assert "E214" in dict(map(reversed, codes(memories[-1])))
    shutil.rmtree(agenda.events, ignore_errors=True)
    agenda.events.unlink(missing_ok=True)
    aside.rename(agenda.events)
    memory = agenda.scan()
    assert (FETE | BAL, []) == (shown(memory), codes(memory))


def test_a_new_file_at_an_old_path_is_a_new_event(agenda: Agenda) -> None:
    """The event that was there is elsewhere; both keep who they are."""
    agenda.work.git("mv", "projet/events/fete.md", "projet/events/mars.md")
    agenda.work.commit()
    agenda.scan()
    agenda.write("fete", page("Fête des voisins", days=40))
    memories = [agenda.scan(), agenda.scan()]
    agenda.rename("fete", "voisins")
    agenda.rename("mars", "fete")
    back = agenda.scan()

    assert [
        {
            "agenda/fete": "mars.md Fête",
            "agenda/fete~2": "fete.md Fête des voisins",
            **BAL,
        }
    ] * 2 == [shown(one) for one in memories]
    assert {} == vanished(back)
    assert "Fête" == of(back, "agenda/fete").title
    assert "Fête des voisins" == of(back, "agenda/fete~2").title


def test_a_source_under_another_name_has_the_same_events(agenda: Agenda) -> None:
    """The settings were tidied up, nothing else."""
    config = agenda.work.path / "projet/config.yaml"
    config.write_text(CONFIG.replace("id: agenda", "id: sorties"), encoding="utf-8")
    memory = agenda.scan()

    assert (FETE | BAL, {}) == (shown(memory), vanished(memory))


def test_a_folder_under_another_name_has_the_same_events(agenda: Agenda) -> None:
    """Its settings go with it."""
    agenda.events.rename(agenda.work.path / "projet/dates")
    config = agenda.work.path / "projet/config.yaml"
    config.write_text(CONFIG.replace("path: events", "path: dates"), encoding="utf-8")
    memory = agenda.scan()

    assert {"agenda/fete", "agenda/bal"} == set(shown(memory))
    assert {} == vanished(memory)


def test_readers_change_nothing(agenda: Agenda) -> None:
    """They see a rename, and leave it to others to remember."""
    agenda.rename("fete", "mars")
    before = agenda.ledger.snapshot()
    memory = agenda.look()

    assert {"agenda/fete": "mars.md Fête", **BAL} == shown(memory)
    assert before == agenda.ledger.snapshot()


def test_a_second_look_of_the_same_memory_is_the_same(agenda: Agenda) -> None:
    """What was recalled may be recalled again."""
    agenda.write("fete", "---\n")
    agenda.rename("bal", "danse")
    project = load_project(agenda.work.path / "projet")
    once = recall(project, agenda.ledger)

    assert shown(once) == shown(recall(once.project, agenda.ledger))


def test_a_plan_knows_who_was_told_what_is_not_so(folder: Folder) -> None:
    """A reminder was sent, then its file was renamed and its place changed."""
    folder.run("send", "--yes")
    before = folder.run("plan", "--json").json["entries"]
    old = folder.path / "events/atelier.md"
    text = old.read_text(encoding="utf-8")
    old.unlink()
    folder.write("events/autre.md", text.replace("---\nV", "venue: Mairie\n---\nV"))
    entries = folder.run("plan", "--json").json["entries"]

    kinds = {(one["kind"], *one["events"]) for one in entries}
    assert not any(one["kind"] == "correction" for one in before)
    assert ("correction", "agenda/atelier") in kinds
