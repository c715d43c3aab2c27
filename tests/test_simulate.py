"""Time travel: what `simulate` says would have gone out, against lists made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import Result, run
from git_folder import Repository, repository

Capture = pytest.CaptureFixture[str]
Simulate = Callable[..., Result]
CONFIG = """\
version: 1
site: {name: Agenda, url: https://agenda.example.org, timezone: UTC, language: fr}
sources:
  - {id: agenda, path: events}
audiences:
  lecteurs: {type: csv, path: lecteurs.csv}
channels:
  lettre: {type: outbox, from: "Agenda <lettre@example.org>"}
"""
REMINDERS = """\
---
kind: reminder
send: {before: [1d at 09:00]}
to:
  - {channel: lettre, audience: lecteurs, template: reminder, subject: "{{ event.title }}"}
---
À bientôt.
"""
READERS = "email,name,language\nzoe@example.org,Zoé,fr\ntom@example.org,Tom,fr\n"
BOTH = ["tom@example.org", "zoe@example.org"]


def event(title: str, start: str, *, venue: str = "Salle A", more: str = "") -> str:
    """Return an event's file."""
    return f"---\ntitle: {title}\nevent_start_date: 2026-03-{start}\nlieu: {venue}\n{more}---\nVenez.\n"


class Site:
    """A project in a repository, edited at times in March 2026."""

    def __init__(self, folder: Path) -> None:
        self.repository: Repository = repository(folder)
        self.write("config.yaml", CONFIG)
        self.write("campaigns/rappels.md", REMINDERS)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        self.repository.write(name, text)

    def remove(self, name: str) -> None:
        """Delete a file."""
        (self.repository.path / name).unlink()

    def commit(self, at: str) -> str:
        """Commit on a day and at an hour; return the commit's name."""
        self.repository.commit(at=f"2026-03-{at}:00 +0000")
        return self.repository.git("rev-parse", "HEAD").strip()

    def push(self, commit: str, at: str) -> None:
        """Let the branch point elsewhere, as a forced push does."""
        self.repository.git(
            "reset", "--quiet", "--hard", commit, at=f"2026-03-{at}:00 +0000"
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose readers are nobody's business, and so not committed."""
    made = Site(tmp_path / "site")
    made.write(".gitignore", "lecteurs.csv\n")
    made.write("lecteurs.csv", READERS)
    return made


@pytest.fixture
def simulate(site: Site, capsys: Capture) -> Simulate:
    """The command, on the site's commits unless told otherwise."""
    place = str(site.repository.path)

    def command(*more: str, git: str | None = place, to: str = "2026-04-01") -> Result:
        source = ("--git", git) if git else ()
        time = ("--from", "2026-03-01", "--to", to)
        return run(capsys, "-C", place, "--json", "simulate", *time, *source, *more)

    return command


def told(result: Result) -> list[tuple[str, str, str]]:
    """Reduce the messages to when, of which edition, and what kind."""
    assert result.code == 0, result.err
    return [
        (one["at"][5:16].replace("T", " "), one["edition"], one["kind"])
        for one in result.json["messages"]
    ]


def alerts(result: Result) -> list[tuple[str, str, str]]:
    """Reduce the alerts to when, about what, and the code."""
    return [
        (one["at"][5:16].replace("T", " "), one["about"], one["text"].split()[0])
        for one in result.json["alerts"]
    ]


def reminder(name: str, revision: int = 1) -> tuple[str, str]:
    """Return a reminder's edition and its kind."""
    return f"rappels/agenda/{name}/1d-0900/{revision}", "reminder"


def correction(name: str, number: int = 1) -> tuple[str, str]:
    """Return a correction's edition and its kind."""
    return f"rappels/agenda/{name}/correction/{number}", "correction"


def cancellation(name: str, number: int = 1) -> tuple[str, str]:
    """Return the edition of a cancellation and its kind."""
    return f"rappels/agenda/{name}/cancellation/{number}", "cancellation"


def test_a_broken_commit_is_replayed_as_it_was(site: Site, simulate: Simulate) -> None:
    """Errors in files and settings, and a folder that is gone, end nothing."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.write("events/expo.md", event("Expo", "20 18:00"))
    site.commit("01 00:00")
    site.write("events/atelier.md", "---\ntitle: [\n---\n")
    site.commit("05 08:00")
    site.write("config.yaml", "version: [")
    site.commit("06 08:00")
    site.write("config.yaml", CONFIG)
    for name in ("atelier", "expo"):
        site.remove(f"events/{name}.md")
    site.commit("12 08:00")
    site.write("events/expo.md", event("Expo", "20 18:00"))
    site.commit("15 08:00")

    result = simulate()

    assert [
        ("03-09 09:00", *reminder("atelier")),
        ("03-19 09:00", *reminder("expo")),
    ] == told(result)
    assert [
        ("03-05 08:00", "events/atelier.md:2", "E202"),
        ("03-06 08:00", "settings", "the"),
        ("03-12 08:00", "config.yaml", "E214"),
        ("03-12 08:00", "config.yaml:4", "E212"),
    ] == alerts(result)


def test_settings_that_stay_broken_are_told_once(
    site: Site, simulate: Simulate
) -> None:
    """Commits of other files say nothing new; the same fault once more does."""
    site.commit("01 00:00")
    for day in ("05", "10"):
        site.write("config.yaml", "version: [")
        site.commit(f"{day} 08:00")
        site.write("events/atelier.md", event("Atelier", f"{day} 18:00"))
        site.commit(f"{day} 09:00")
        site.write("config.yaml", CONFIG)
        site.commit(f"{day} 10:00")

    found = [(at, about) for at, about, _ in alerts(simulate()) if about == "settings"]

    assert [("03-05 08:00", "settings"), ("03-10 08:00", "settings")] == found


def test_moves_and_cancellations_are_told(site: Site, simulate: Simulate) -> None:
    """Who was told one thing is told another, once, and reminded again of a move."""
    site.write("events/atelier.md", event("Atelier", "11 18:00"))
    site.write("events/concert.md", event("Concert", "12 18:00"))
    site.write("events/conference.md", event("Conférence", "10 18:00"))
    site.commit("02 08:00")
    site.write("events/conference.md", event("Conférence", "10 18:00", venue="Salle B"))
    site.commit("09 12:00")
    cancelled = event("Atelier", "11 18:00", more="status: cancelled\n")
    site.write("events/atelier.md", cancelled)
    site.commit("10 12:00")
    site.write("events/concert.md", event("Concert", "14 18:00"))
    site.commit("11 12:00")

    result = simulate("--deliveries")

    assert [
        ("03-09 09:00", *reminder("conference")),
        ("03-09 12:10", *correction("conference")),
        ("03-10 09:00", *reminder("atelier")),
        ("03-10 12:10", *cancellation("atelier")),
        ("03-11 09:00", *reminder("concert")),
        ("03-11 12:10", *correction("concert")),
        ("03-13 09:00", *reminder("concert", 2)),
    ] == told(result)
    assert [BOTH] * 7 == [
        [one["recipient"] for one in message["deliveries"]]
        for message in result.json["messages"]
    ]
    assert {"reminder": 8, "correction": 4, "cancellation": 2} == result.json["counts"][
        "kinds"
    ]


def test_what_is_undone_at_once_is_told_to_nobody(
    site: Site, simulate: Simulate
) -> None:
    """A revert within the settling time leaves readers in peace."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    before = site.commit("02 08:00")
    site.write("events/atelier.md", event("Atelier", "10 19:00"))
    site.commit("09 12:00")
    site.repository.git("checkout", "--quiet", before, "--", "events")
    site.commit("09 12:09")

    assert [("03-09 09:00", *reminder("atelier"))] == told(simulate())


def test_a_renamed_file_tells_the_same_event(site: Site, simulate: Simulate) -> None:
    """What git says was renamed is corrected, though it moved by far at once."""
    words = "Venez nombreux, le repas est partagé.\n" * 20
    site.write("events/atelier.md", event("Atelier", "10 18:00") + words)
    site.commit("02 08:00")
    site.remove("events/atelier.md")
    site.write("events/rencontre.md", event("Atelier", "20 18:00") + words)
    site.commit("09 12:00")

    assert [
        ("03-09 09:00", *reminder("atelier")),
        ("03-09 12:10", *correction("atelier")),
        ("03-19 09:00", *reminder("atelier", 2)),
    ] == told(simulate())


def test_a_vanished_event_is_held_for_a_person(site: Site, simulate: Simulate) -> None:
    """A deleted file makes a cancellation that waits; put back, nothing is told."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.write("events/expo.md", event("Expo", "20 18:00"))
    site.commit("02 08:00")
    site.remove("events/atelier.md")
    site.commit("09 12:00")
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("09 13:00")

    result = simulate()
    held = [
        (one["since"][5:19], (one["until"] or "")[5:19], one["edition"])
        for one in result.json["held"]
    ]

    assert [
        ("03-09 09:00", *reminder("atelier")),
        ("03-19 09:00", *reminder("expo")),
    ] == told(result)
    assert ("03-09T12:00:15", "03-09T13:00:00", cancellation("atelier")[0]) in held


def test_a_forced_push_is_in_the_reflog_only(site: Site, simulate: Simulate) -> None:
    """With --reflog the heads of the branch count, else the history of the last one."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    before = site.commit("02 08:00")
    site.write("events/atelier.md", event("Atelier", "10 19:00"))
    site.commit("09 12:00")
    site.push(before, "09 15:00")

    assert [("03-09 09:00", *reminder("atelier"))] == told(simulate())
    assert [
        ("03-09 09:00", *reminder("atelier")),
        ("03-09 12:10", *correction("atelier")),
        ("03-09 15:10", *correction("atelier", 2)),
    ] == told(simulate("--reflog"))


def test_commits_that_go_back_in_time_are_as_late_as_the_one_before(
    site: Site, simulate: Simulate
) -> None:
    """A clock that was wrong when somebody committed changes no order."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("09 10:00")
    site.write("events/atelier.md", event("Atelier", "12 18:00"))
    site.commit("01 08:00")

    assert [("03-11 09:00", *reminder("atelier"))] == told(simulate())


def test_a_commit_dated_beyond_all_calendars_comes_never(
    site: Site, simulate: Simulate
) -> None:
    """Git keeps any number of seconds as a date."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("01 00:00")
    site.repository.commit(at="@99999999999999 +0000")

    assert 1 == simulate().json["counts"]["commits"]


def test_merges_count_when_they_came(site: Site, simulate: Simulate) -> None:
    """What was on a branch is there from its merge on."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    git = site.repository.git
    git("checkout", "--quiet", "-b", "other")
    site.write("events/expo.md", event("Expo", "05 18:00"))
    site.write("events/concert.md", event("Concert", "12 18:00"))
    site.commit("02 09:00")
    git("checkout", "--quiet", "main")
    merge = ("merge", "--quiet", "--no-ff", "-m", "Merge", "other")
    git(*merge, at="2026-03-05 08:00:00 +0000")

    # Of what was added after its reminder was due, readers hear once the hold is over.
    assert [
        ("03-05 08:10", *reminder("expo")),
        ("03-09 09:00", *reminder("atelier")),
        ("03-11 09:00", *reminder("concert")),
    ] == told(simulate())


def test_without_git_the_files_are_as_they_are(site: Site, simulate: Simulate) -> None:
    """Without --git the present files count for the whole time."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    result = simulate(git=None)

    assert [("03-09 09:00", *reminder("atelier"))] == told(result)
    assert {"as now"} == set(result.json["origins"].values())


def test_says_where_each_part_comes_from(site: Site, simulate: Simulate) -> None:
    """What is in no commit is as it is now; what came later is so before that."""
    site.remove("config.yaml")
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    site.write("config.yaml", CONFIG)
    site.commit("10 08:00")

    result = simulate()

    assert [("03-09 09:00", *reminder("atelier"))] == told(result)
    assert {
        "settings": "as now, then commits",
        "campaigns": "commits",
        "templates": "as now",
        "audience lecteurs": "as now",
        "events agenda": "commits",
    } == result.json["origins"]


def test_what_was_never_committed_is_tried_as_it_is(
    site: Site, simulate: Simulate
) -> None:
    """A new campaign beside the committed ones shows what it would have sent."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    site.write("campaigns/tot.md", REMINDERS.replace("1d at 09:00", "3d at 09:00"))

    assert [
        ("03-07 09:00", "tot/agenda/atelier/3d-0900/1", "reminder"),
        ("03-09 09:00", *reminder("atelier")),
    ] == told(simulate())


def test_a_project_elsewhere_reads_a_sites_repository(
    site: Site, simulate: Simulate, tmp_path: Path, capsys: Capture
) -> None:
    """Sources that lie in the repository follow its commits, the rest is as it is."""
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    site.write("events/atelier.md", event("Atelier", "20 18:00"))
    site.commit("05 08:00")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "campaigns").mkdir(parents=True)
    there = CONFIG.replace("path: events", "path: ../site/events")
    (elsewhere / "config.yaml").write_text(there)
    (elsewhere / "campaigns" / "rappels.md").write_text(REMINDERS)
    (elsewhere / "lecteurs.csv").write_text(READERS)
    place = str(site.repository.path)
    words = ("--from", "2026-03-01", "--to", "2026-04-01", "--git", place)

    result = run(capsys, "-C", str(elsewhere), "--json", "simulate", *words)

    assert [("03-19 09:00", *reminder("atelier"))] == told(result)
    assert told(simulate()) == told(result)
    assert {"events agenda"} == {
        part for part, origin in result.json["origins"].items() if origin == "commits"
    }


CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example.org//agenda//EN
BEGIN:VEVENT
UID:yoga@example.org
DTSTAMP:20260301T000000Z
DTSTART:20260102T180000Z
RRULE:FREQ=MONTHLY;BYMONTHDAY=10
SUMMARY:Yoga
END:VEVENT
END:VCALENDAR
"""


def test_what_repeats_goes_on_without_a_commit(site: Site, simulate: Simulate) -> None:
    """A calendar is a source like others, and reaches further than one look at it."""
    site.write("config.yaml", CONFIG.replace("path: events", "path: agenda.ics"))
    site.write("agenda.ics", CALENDAR.replace("\n", "\r\n"))
    site.commit("01 00:00")

    times = [at for at, _, _ in told(simulate(to="2027-07-01"))]

    assert 16 == len(times)
    assert ["03-09 09:00", "04-09 09:00"] == times[:2]
    assert ["05-09 09:00", "06-09 09:00"] == times[-2:]


def test_nothing_of_the_users_is_touched(site: Site, simulate: Simulate) -> None:
    """Neither the repository nor the project changes, and no hook or filter runs."""
    site.write(".gitattributes", "*.md filter=shout\n")
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    top = site.repository.path
    site.repository.git("config", "filter.shout.smudge", f"touch {top}/smudged")
    hook = top / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {top}/hooked\n")
    hook.chmod(0o755)
    before = contents(top)

    assert len(told(simulate())) == 1
    assert before == contents(top)


def contents(folder: Path) -> dict[str, Any]:
    """Return every file below a folder, with its content and time."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_channels_own_pace_is_kept(site: Site, simulate: Simulate) -> None:
    """Time passes while a slow channel sends, and what comes then comes in between."""
    slow = '{type: smtp, host: mail.example.org, rate: 1/h, from: "lettre@example.org"}'
    outbox = '{type: outbox, from: "Agenda <lettre@example.org>"}'
    site.write("config.yaml", CONFIG.replace(outbox, slow))
    site.write("events/atelier.md", event("Atelier", "10 18:00"))
    site.commit("02 08:00")
    site.write("events/expo.md", event("Expo", "30 18:00"))
    site.commit("09 09:30")

    result = simulate("--deliveries", to="2026-03-20")
    times = [one["at"][11:16] for one in result.json["messages"][0]["deliveries"]]

    assert ["09:00", "10:00"] == times


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--reflog"], "--reflog needs --git", id="a reflog of nothing"),
        pytest.param(["--git", "."], "is in no git repository", id="no repository"),
        pytest.param(["--to", "2026-02-01"], "is not after --from", id="no time"),
    ],
)
def test_bad_arguments_are_refused(
    arguments: list[str],
    said: str,
    simulate: Simulate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be simulated is said before anything is read."""
    monkeypatch.chdir(tmp_path)

    result = simulate(*arguments, git=None)

    assert result.code in (1, 2)
    assert said in result.err
