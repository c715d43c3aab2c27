from __future__ import annotations

import email
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from command_line import Folder, child, run

Capture = pytest.CaptureFixture[str]

EVENT = """\
---
title: Forum
event_start_date: 2027-03-18 18:30:00 +01:00
event_end_date: 2027-03-18 20:00:00 +01:00
lieu: Halle
tags: [forum]
---
Venez nombreux.
"""
EVENT_KEYS = (
    "id path title start end all_day timezone venue address url registration_url image"
    " image_alt summary tags language status online organizer details"
)
ENTRY_KEYS = (
    "edition campaign kind events channel audience due deadline state reason recipients"
)
PROBLEM_KEYS = "path line code severity message note help"


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ── init ────────────────────────────────────────────────────────────────────────


def test_a_new_project_is_sound_and_has_something_to_come(
    tmp_path: Path, capsys: Capture
) -> None:
    """`init` writes a project that `check` accepts and `plan` has editions for."""
    begun = run(capsys, "init", str(tmp_path / "new"), "--json")
    checked = run(capsys, "-C", str(tmp_path / "new"), "check")
    planned = run(capsys, "-C", str(tmp_path / "new"), "plan", "--json")

    written = files(tmp_path / "new")
    assert begun.code == 0
    assert set(written) == set(begun.json["files"])
    assert (checked.code, checked.err) == (0, "")
    assert any(one["state"] == "planned" for one in planned.json["entries"])


def test_init_never_overwrites(tmp_path: Path, capsys: Capture) -> None:
    """A second `init` changes nothing, and says so."""
    run(capsys, "init", str(tmp_path))
    (tmp_path / "campaigns" / "agenda.md").write_text("mine")
    before = files(tmp_path)

    again = run(capsys, "init", str(tmp_path))

    assert again.code == 1
    assert "nothing was written" in again.err
    assert before == files(tmp_path)


def test_init_leaves_files_that_were_there_before(
    tmp_path: Path, capsys: Capture
) -> None:
    """A template of that name in a folder without settings stays as it is."""
    (tmp_path / "templates" / "email").mkdir(parents=True)
    mine = tmp_path / "templates" / "email" / "digest.html.j2"
    mine.write_text("mine")

    begun = run(capsys, "init", str(tmp_path))

    assert begun.code == 0
    assert mine.read_text() == "mine"


JEKYLL = """\
title: Numérique
url: https://www.example.org
timezone: Europe/Paris
lang: fr
collections:
  evenements: {output: true, permalink: /agenda/:title/}
"""
HUGO = "title: Meetup\nbaseURL: https://hugo.example.org/\ntimeZone: America/Toronto\nlanguageCode: en-ca\n"
HUGO_TOML = 'title = "Meetup"\nbaseURL = "https://hugo.example.org/"\ntimeZone = "America/Toronto"\nlanguageCode = "en-ca"\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"_config.yml": JEKYLL, "_evenements/forum.md": EVENT}, ("Numérique", "Europe/Paris"), id="jekyll"),
        pytest.param({"hugo.yaml": HUGO, "content/events/forum.md": EVENT}, ("Meetup", "America/Toronto"), id="hugo yaml"),
        pytest.param({"hugo.toml": HUGO_TOML, "content/events/forum.md": EVENT}, ("Meetup", "America/Toronto"), id="hugo toml"),
    ],
)  # fmt: skip
def test_init_reads_the_settings_of_a_site(
    files: dict[str, str], expected: tuple[str, str], tmp_path: Path, capsys: Capture
) -> None:
    """`init --detect` takes name, zone and events from the site and reads them."""
    for name, text in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text, encoding="utf-8")
    project = str(tmp_path / "project")

    begun = run(capsys, "init", project, "--detect", str(tmp_path / "site"))
    listed = run(capsys, "-C", project, "events", "--json")

    assert begun.code == 0
    assert all(word in begun.out for word in expected)
    (event,) = listed.json["events"]
    assert event["title"] == "Forum"
    start = datetime.fromisoformat(event["start"])
    assert datetime(2027, 3, 18, 17, 30, tzinfo=UTC) == start


def test_a_folder_that_is_no_site_is_said_to_be_none(
    tmp_path: Path, capsys: Capture
) -> None:
    """`init --detect` of any folder writes nothing."""
    refused = run(capsys, "init", str(tmp_path / "p"), "--detect", str(tmp_path))

    assert refused.code == 1
    assert "no Jekyll or Hugo site" in refused.err
    assert not (tmp_path / "p").exists()


# ── check and events ────────────────────────────────────────────────────────────


def test_check_exits_zero_on_warnings_alone(folder: Folder) -> None:
    """Exit code 4 is for errors only (contract)."""
    folder.write("lecteurs.csv", "email\nzoe@example.org\nZoe@example.org\n")

    checked = folder.run("check", "--json")

    assert checked.code == 0
    assert [p["severity"] for p in checked.json["problems"]] == ["warning"]


def test_check_exits_four_on_errors_and_five_on_settings(folder: Folder) -> None:
    """What holds something back is 4, settings that cannot be used are 5 (contract)."""
    folder.write("events/bad.md", "---\ntitle: X\n---\n")
    found = folder.run("check", "--json")
    folder.configure("channels:", "chanels:")
    unusable = folder.run("check", "--json")

    assert (found.code, unusable.code) == (4, 5)
    assert set(PROBLEM_KEYS.split()) == set(found.json["problems"][0])
    assert [p["code"] for p in unusable.json["problems"]] == ["E103"]


def test_a_diagnostic_names_code_place_line_and_mend(folder: Folder) -> None:
    """A problem is shown with its line of the file, and never wrapped."""
    word = "x" * 300
    folder.configure("  equipe:", f"  {word}: {{type: outbox, pth: outbox}}\n  equipe:")

    shown = folder.run("check").err.splitlines()

    assert shown[:4] == [
        f"error[E103] unknown setting channels.{word}.pth",
        "  --> config.yaml:9",
        f"9 |   {word}: {{type: outbox, pth: outbox}}",
        "help: did you mean path? known here: type, path, from, on_uncertain",
    ]


def test_events_are_listed_as_the_contract_says(folder: Folder) -> None:
    """`events --json` gives every key, instants with offset, and the problems."""
    folder.write("events/forum.md", EVENT)
    folder.configure("timezone: UTC", "timezone: Europe/Paris")

    listed = folder.run("--json", "events").json

    assert set(listed) == {"version", "events", "problems"}
    event = listed["events"][1]
    assert list(event) == EVENT_KEYS.split()
    assert event["start"] == "2027-03-18T18:30:00+01:00"
    assert (event["id"], event["path"]) == ("agenda/forum", "events/forum.md")
    assert (event["venue"], event["tags"], event["status"]) == ("Halle", ["forum"], "scheduled")  # fmt: skip


def test_a_title_cannot_repaint_the_terminal(folder: Folder) -> None:
    """Control characters in files are shown as what they are: unreadable."""
    folder.event("evil", title='"a\\x1b[31m\\x1b]0;owned\\x07b\\u202Ec"')

    listed = folder.run("events").out

    assert "\x1b" not in listed
    assert "\u202e" not in listed
    assert "\N{REPLACEMENT CHARACTER}" in listed


# ── plan ────────────────────────────────────────────────────────────────────────


def test_a_plan_is_listed_as_the_contract_says(folder: Folder) -> None:
    """`plan --json` has a row for each edition, channel and audience."""
    planned = folder.run("plan", "--json").json

    assert set(planned) == {"version", "now", "entries"}
    equipe, lettre = planned["entries"]
    assert list(lettre) == ENTRY_KEYS.split()
    assert lettre["edition"] == "rappel/agenda/atelier/6h/1"
    assert (lettre["channel"], lettre["audience"], lettre["recipients"]) == ("lettre", "lecteurs", 2)  # fmt: skip
    assert (equipe["channel"], equipe["audience"]) == ("equipe", None)
    assert lettre["state"] == "due"
    assert lettre["events"] == ["agenda/atelier"]


def test_a_plan_reaches_thirty_days_unless_told_otherwise(folder: Folder) -> None:
    """`--until` takes a length or a date; both count from `--at`."""
    folder.event("near", hours=24 * 20)
    folder.event("far", hours=24 * 40)
    week = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"

    def editions(*options: str) -> set[str]:
        entries = folder.run("plan", "--json", *options).json["entries"]
        return {entry["events"][0].removeprefix("agenda/") for entry in entries}

    assert editions() == {"atelier", "near"}
    assert editions("--until", "50d") == {"atelier", "near", "far"}
    assert editions("--until", week) == {"atelier"}
    assert editions("--at", week) == {"near"}


def test_a_plan_is_also_written_to_a_file(folder: Folder) -> None:
    """`--out` holds the same object as standard output with --json."""
    out = folder.path / "plan.json"

    planned = folder.run("plan", "--json", "--out", str(out))

    assert planned.json == json.loads(out.read_text(encoding="utf-8"))


def test_planning_leaves_no_trace(folder: Folder) -> None:
    """Readers never create a ledger."""
    before = files(folder.path)

    for command in (["plan"], ["status"], ["history"], ["why", "atelier"], ["check"]):
        assert folder.run(*command).code == 0

    assert before == files(folder.path)


# ── render ──────────────────────────────────────────────────────────────────────


def test_a_sample_of_each_language_and_each_post_is_rendered(folder: Folder) -> None:
    """`render` writes mail in each language that readers have, and the posts."""
    done = folder.run("render", "rappel", "--out", str(folder.path / "out"), "--json")

    stem = "rappel--agenda--atelier--6h--1"
    expected = {
        *(f"{stem}--lettre.{lang}.{kind}" for lang in ("fr", "en") for kind in ("eml", "html", "txt")),
        *(f"{stem}--equipe.{kind}" for kind in ("json", "txt")),
    }  # fmt: skip
    assert expected == {path.name for path in (folder.path / "out").iterdir()}
    assert len(done.json["files"]) == len(expected)
    assert not (folder.path / "var").exists()


def test_what_is_rendered_is_what_is_sent(folder: Folder) -> None:
    """Mail and post differ from their samples in dates and the ledger's key alone."""
    folder.run("render", "rappel", "--out", str(folder.path / "out"))
    folder.run("send", "--yes")

    def plain(path: Path) -> bytes:
        content = path.read_bytes()
        if path.suffix == ".json":
            return re.sub(rb'"timestamp": "[^"]*"', b"", content)
        head, _, body = content.partition(b"\r\n\r\n")
        kept = re.sub(rb"(?m)^(Date|Message-ID): .*\r$", b"", head)
        mark = email.message_from_bytes(content).get_boundary() or "-"
        return (kept + body).replace(mark.encode(), b"--")

    names = {"fr.eml": "zoe", "en.eml": "tom", "equipe.json": "equipe"}
    for end, recipient in names.items():
        (sample,) = (folder.path / "out").glob(f"*{end}")
        (sent,) = (file for file in folder.filed() if f"--{recipient}" in file.name)
        assert plain(sample) == plain(sent), end


@pytest.mark.parametrize(
    ("event", "expected"),
    [("soirée", "soirée"), ("a/../../b", "a/../../b"), ("z" * 3000, "z" * 3000), ("a\\nb", "a b")],
    ids=["accents", "dots", "long", "newline"],
)  # fmt: skip
def test_odd_event_ids_become_files_in_the_folder(
    event: str, expected: str, folder: Folder
) -> None:
    """No event id can leave the folder, or be too long for a file's name."""
    file = folder.event("atelier")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("---\n", f'---\nid: "{event}"\n', 1), encoding="utf-8")
    before = set(files(folder.path))

    done = folder.run("render", "rappel", "--event", expected, "--out", "out")

    assert (done.code, done.err) == (0, "")
    assert len(list(Path("out").iterdir())) == 8
    assert before == set(files(folder.path))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["render", "rapel", "--out", "o"], "there is no campaign 'rapel'; there are: rappel"),
        (["render", "rappel", "--event", "x", "--out", "o"], "no edition to come about 'x'"),
        (["render", "rappel", "--out", "config.txt"], "config.txt: File exists"),
        (["plan", "--out", "no/such/folder"], "no/such/folder: No such file or directory"),
    ],
    ids=["campaign", "event", "out", "plan out"],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], expected: str, folder: Folder
) -> None:
    """A wrong name or an impossible file ends with one sentence and exit code 1."""
    Path("config.txt").touch()

    refused = folder.run(*arguments)

    assert refused.code == 1
    assert expected in refused.err
    assert len(refused.err.splitlines()) == 1


def test_the_program_runs_as_a_module() -> None:
    """`python -m tambour` is the same program; --help names every command."""
    helped = child("--help", check=True).stdout

    commands = "init check events plan render send-preview send run status history why"
    assert set(commands.split()) <= set(helped.split())
