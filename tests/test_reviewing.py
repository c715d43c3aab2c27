from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from command_line import REMINDER, Folder, child, environment
from ledger_files import open_ledger
from tambour.config import load_config
from tambour.model import Decision, EditionId

EDITION = "rappel/agenda/atelier/6h/1"
SECOND = "rappel/agenda/visite/6h/1"
MAIL, POST = (EDITION, "lettre", "lecteurs"), (EDITION, "equipe", None)
DIGEST = """\
---
kind: digest
send: {every: day 00:00}
to:
  - {channel: lettre, audience: lecteurs, template: digest, subject: "{{ recipient.name }}, {{ events|length }} rendez-vous"}
---
{% if recipient.name %}Bonjour {{ recipient.name }}.{% endif %}
"""


def write_plan(
    folder: Folder, *options: str, name: str = "plan.json"
) -> dict[str, Any]:
    """Plan into a file, and return what is in it."""
    out = folder.path / name
    assert folder.run("plan", "--out", str(out), *options).code == 0
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def send(folder: Folder, *options: str) -> Any:
    """Send as the file says."""
    plan = str(folder.path / "plan.json")
    return folder.run("send", "--yes", "--json", "--plan", plan, *options)


def hashes(plan: dict[str, Any]) -> dict[tuple[str, str, str | None], str]:
    """Return the hash of each entry that has one."""
    return {
        (row["edition"], row["channel"], row["audience"]): row["hash"]
        for row in plan["entries"]
        if row["hash"]
    }


def edit(folder: Folder, name: str, old: str, new: str) -> None:
    """Change a file of the project; *old* must be in it."""
    text = (folder.path / name).read_text(encoding="utf-8")
    assert old in text
    folder.write(name, text.replace(old, new))


def manual(folder: Folder, name: str = "rappel") -> None:
    """Let a campaign wait for a person."""
    edit(folder, f"campaigns/{name}.md", "\nto:", "\napprove: manual\nto:")


# ── the file ────────────────────────────────────────────────────────────────────


def test_what_could_leave_has_a_hash(folder: Folder) -> None:
    """Each entry that is due, planned or held has one, with a mail's subject."""
    folder.event("plus-tard", hours=100)
    manual(folder)
    plan = write_plan(folder)
    mails = [row for row in plan["entries"] if row["channel"] == "lettre"]

    assert {"held", "planned"} >= {row["state"] for row in plan["entries"]}
    assert 4 == len(hashes(plan)) == len(set(hashes(plan).values()))
    assert all("Atelier" in row["subject"] for row in mails)
    assert [2, 2] == [row["recipients"] for row in mails]


def test_no_address_is_in_the_file(folder: Folder) -> None:
    """Readers are counted and printed all together, also where words are personal."""
    folder.write("campaigns/agenda.md", DIGEST)
    folder.event("plus-tard", hours=100)
    write_plan(folder)
    text = (folder.path / "plan.json").read_text(encoding="utf-8")

    assert "agenda/" in text
    assert "{{ recipient.name }}, {{ events|length }} rendez-vous" in text
    for word in ("zoe", "Zoé", "Zo\\u00e9", "tom@"):
        assert word not in text


def test_the_same_project_has_the_same_hashes_anywhere(
    folder: Folder, tmp_path: Path
) -> None:
    """Neither the machine, the folder, the hour nor Python's seed is in them."""
    folder.write("campaigns/agenda.md", DIGEST)
    folder.event("plus-tard", hours=100)
    crowd = "".join(f"p{number}@example.org,,fr\n" for number in range(300))
    folder.write(
        "lecteurs.csv", f"email,name,language\n{crowd}zoe@example.org,Zoé,fr\n"
    )
    found = [hashes(write_plan(folder))]
    shutil.copytree(folder.path, tmp_path / "elsewhere")
    people = (tmp_path / "elsewhere/lecteurs.csv").read_text(encoding="utf-8")
    first, *others = people.splitlines()
    text = "\n".join([first, *reversed(others)])
    (tmp_path / "elsewhere/lecteurs.csv").write_text(text, encoding="utf-8")
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.json"
        child(
            "-C", str(tmp_path / "elsewhere"), "plan", "--out", str(out),
            env=environment() | {"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
            check=True,
        )  # fmt: skip
        found.append(hashes(json.loads(out.read_text(encoding="utf-8"))))

    assert found[0].keys() >= {MAIL, POST}
    assert [found[0]] * 3 == found


def test_what_cannot_be_made_says_why(folder: Folder) -> None:
    """A broken template has no hash; the file tells, and so does the command."""
    folder.write("templates/email/reminder.html.j2", "{{ evnt }}")
    out = folder.path / "plan.json"
    planned = folder.run("plan", "--out", str(out))
    plan = json.loads(out.read_text(encoding="utf-8"))

    assert {} == hashes(plan)
    assert all("'evnt' is not defined" in row["error"] for row in plan["entries"])
    assert f"{EDITION} by lettre cannot be made" in planned.err


# ── sending as reviewed ─────────────────────────────────────────────────────────


def test_what_was_reviewed_leaves(folder: Folder) -> None:
    """An unchanged project is sent; again with the same file, nothing more is."""
    write_plan(folder)
    first, second = send(folder), send(folder)

    assert (0, 0) == (first.code, second.code)
    assert {"sent": 3} == folder.states()


def test_what_is_not_due_yet_is_left_alone(folder: Folder) -> None:
    """The file may reach further than today."""
    folder.event("plus-tard", hours=100)
    write_plan(folder)
    sent = send(folder)

    assert 0 == sent.code
    assert {"sent": 3} == folder.states()


def other_subject(folder: Folder) -> None:
    """Change a title."""
    edit(folder, "events/atelier.md", "Atelier", "Banquet")


def other_words(folder: Folder) -> None:
    """Change an editor's words."""
    edit(folder, "campaigns/rappel.md", "À bientôt", "À demain")


def another_reader(folder: Folder) -> None:
    """Let somebody join."""
    edit(folder, "lecteurs.csv", "tom@", "ada@example.org,Ada,en\ntom@")


def one_for_another(folder: Folder) -> None:
    """Let somebody join and somebody leave."""
    edit(folder, "lecteurs.csv", "tom@", "ada@")


def other_name(folder: Folder) -> None:
    """Greet a reader otherwise."""
    edit(folder, "lecteurs.csv", ",Tom,", ",Thomas,")


def other_column(folder: Folder) -> None:
    """Keep more about each reader."""
    edit(folder, "lecteurs.csv", "language", "language,ville")


def other_place(folder: Folder) -> None:
    """Move the event to another place."""
    edit(folder, "events/atelier.md", "---\nVenez", "venue: Salle 2\n---\nVenez")


def other_sender(folder: Folder) -> None:
    """Write from another address."""
    folder.configure("lettre@example.org", "autre@example.org")


def other_template(folder: Folder) -> None:
    """Name another template."""
    edit(folder, "campaigns/rappel.md", "audience: lecteurs, template: reminder", "audience: lecteurs, template: digest")  # fmt: skip


def new_edition(folder: Folder) -> None:
    """Add an event that is due as well."""
    folder.event("visite", title="Visite")


def gone(folder: Folder) -> None:
    """Take the event away."""
    (folder.path / "events/atelier.md").unlink()


def cancelled(folder: Folder) -> None:
    """Let a person cancel the edition."""
    assert folder.run("cancel", EDITION).code == 0


def held(folder: Folder) -> None:
    """Let a person hold the edition."""
    assert folder.run("hold", EDITION).code == 0


def held_and_approved(folder: Folder) -> None:
    """Let a person hold the edition, and another let it go."""
    held(folder)
    assert folder.run("approve", EDITION).code == 0


@pytest.mark.parametrize(
    ("change", "where", "what", "said"),
    [
        (other_subject, (EDITION, "lettre"), "subject", "Banquet"),
        (other_words, (EDITION, "lettre"), "words", "the words differ"),
        (another_reader, (EDITION, "lettre"), "readers", "3 instead of 2"),
        (one_for_another, (EDITION, "lettre"), "readers", "but others"),
        (other_name, (EDITION, "lettre"), "readers", "others' columns"),
        (other_column, (EDITION, "lettre"), "readers", "others' columns"),
        (other_place, (EDITION, "equipe"), "events", "of its events"),
        (other_sender, (EDITION, "lettre"), "channel", "the sender"),
        (other_template, (EDITION, "lettre"), "template", "kind or template"),
        (new_edition, (SECOND, "lettre"), "new", "is not in the file"),
        (gone, (EDITION, "lettre"), "gone", "not there any more"),
        (cancelled, (EDITION, "lettre"), "gone", "is skipped now"),
        (held, (EDITION, "lettre"), "held", "is held now"),
        (held_and_approved, (EDITION, "lettre"), "decision", "after the file was written"),
    ],
)  # fmt: skip
def test_what_differs_from_the_review_is_refused(
    change: Callable[[Folder], None],
    where: tuple[str, str],
    what: str,
    said: str,
    folder: Folder,
) -> None:
    """`send --plan` names edition, channel and difference, and freezes nothing."""
    write_plan(folder)
    change(folder)
    sent = send(folder)
    found = [
        one
        for one in sent.json["differences"]
        if (one["edition"], one["channel"]) == where
    ]

    assert 6 == sent.code
    assert what in found[0]["what"]
    assert said in found[0]["text"]
    assert " by ".join(where) in sent.err
    assert "nothing was sent: it is not as in" in sent.err
    assert [] == folder.filed()


def test_a_dry_run_tells_what_differs(folder: Folder) -> None:
    """The same differences, and no ledger is made."""
    write_plan(folder)
    other_words(folder)
    dry = send(folder, "--dry-run")

    assert 6 == dry.code
    assert dry.json["differences"]
    assert not (folder.path / "var").exists()


class Hesitant(io.StringIO):
    """Somebody at a terminal, who says yes after another has held the edition."""

    def __init__(self, folder: Folder) -> None:
        super().__init__("y\n")
        self.folder = folder

    def isatty(self) -> bool:
        """Say so."""
        return True

    def readline(self, size: int | None = -1, /) -> str:
        """Answer late."""
        ledger = open_ledger(load_config(self.folder.path, environ={}))
        ledger.decide(EditionId(EDITION), Decision.HOLD, datetime.now(UTC))
        ledger.close()
        return super().readline(-1 if size is None else size)


def test_what_changes_while_it_asks_is_refused_too(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared again when nobody else can send."""
    plan = write_plan(folder)
    monkeypatch.setattr("sys.stdin", Hesitant(folder))
    refused = folder.run("send", "--json", "--plan", str(folder.path / "plan.json"))

    assert plan["entries"]
    assert "Send 2 editions" in refused.err
    assert 6 == refused.code
    assert {"held"} == {one["what"][0] for one in refused.json["differences"]}


def test_words_made_for_each_reader_are_reviewed_by_their_sources(
    folder: Folder,
) -> None:
    """A condition that no looked-at reader meets is compared as the editor wrote it."""
    folder.write("campaigns/agenda.md", DIGEST)
    folder.event("plus-tard", hours=100)
    plan = write_plan(folder)
    edit(folder, "campaigns/agenda.md", "%}Bonjour", "%}{% if recipient.name == 'Eve' %}Oh{% endif %}Bonjour")  # fmt: skip
    other = write_plan(folder)
    before, after = (
        [row["parts"] for row in one["entries"] if row["campaign"] == "agenda" and row["hash"]]
        for one in (plan, other)
    )  # fmt: skip

    assert before
    for old, new in zip(before, after, strict=True):
        assert {"sources"} == {part for part in old if old[part] != new[part]}


def test_another_edition_may_leave_where_only_its_campaign_is_sent(
    folder: Folder,
) -> None:
    """Names of campaigns narrow what is compared, as they narrow what is sent."""
    folder.configure("channels:", "channels:\n  mur: {type: outbox, path: mur}")
    wall = REMINDER.replace("channel: equipe", "channel: mur").replace("  - {channel: lettre, audience: lecteurs, template: reminder}\n", "")  # fmt: skip
    folder.write("campaigns/autre.md", wall)
    write_plan(folder)
    edit(folder, "campaigns/autre.md", "À bientôt", "À demain")

    assert 6 == send(folder).code
    assert 0 == send(folder, "rappel").code
    assert {"sent": 3} == folder.states()


def test_a_reader_who_left_is_no_difference(folder: Folder) -> None:
    """Who has left since gets nothing, and keeps nobody else from their mail."""
    write_plan(folder)
    folder.run("suppress", "add", "zoe@example.org")

    assert 0 == send(folder).code
    assert {"sent": 2, "suppressed": 1} == folder.states()


def test_what_the_file_let_go_is_tried_again_under_it(folder: Folder) -> None:
    """A later `send --plan` goes on with what was put off."""
    write_plan(folder)
    outbox = folder.write("outbox", "in the way")
    first = send(folder)
    outbox.unlink()
    edit(folder, "lecteurs.csv", "tom@", "ada@example.org,Ada,en\ntom@")
    folder.run("retry", EDITION)
    second = send(folder)

    assert (75, 0) == (first.code, second.code)
    assert {"sent": 3} == folder.states()


def test_what_was_frozen_without_the_file_is_not_sent_by_it(folder: Folder) -> None:
    """What is on its way with other words than were reviewed is named."""
    write_plan(folder)
    other_words(folder)
    outbox = folder.write("outbox", "in the way")
    assert 75 == folder.run("send", "--yes").code
    outbox.unlink()
    folder.run("retry", EDITION)
    refused = send(folder)
    again = write_plan(folder)
    sent = send(folder)

    assert (6, 0) == (refused.code, sent.code)
    assert {"on its way, not as reviewed"} == {one["text"].removeprefix("is ") for one in refused.json["differences"]}  # fmt: skip
    assert [EDITION] == list(again["frozen"])
    assert {"sent": 3} == folder.states()


def test_what_another_file_let_go_is_not_sent_by_this_one(folder: Folder) -> None:
    """Of two reviews the words that were frozen were in one."""
    write_plan(folder, name="other.json")
    other_words(folder)
    write_plan(folder)
    outbox = folder.write("outbox", "in the way")
    first = send(folder)
    outbox.unlink()
    folder.run("retry", EDITION)
    other = folder.run("send", "--yes", "--plan", str(folder.path / "other.json"))

    assert (75, 6) == (first.code, other.code)
    assert "is on its way, not as reviewed" in other.err
    assert [] == folder.filed()


def test_what_waited_for_approval_leaves_as_reviewed(folder: Folder) -> None:
    """Review, approve, send: an approval that the file was waiting for is no change."""
    manual(folder)
    write_plan(folder)
    before = send(folder)
    folder.run("approve", EDITION)
    after = send(folder)

    assert (6, 0) == (before.code, after.code)
    assert "differences" not in before.json
    assert {"sent": 3} == folder.states()


def test_approved_with_other_words_is_refused(folder: Folder) -> None:
    """What was edited between review and approval does not slip through."""
    manual(folder)
    write_plan(folder)
    other_words(folder)
    folder.run("approve", EDITION)

    assert 6 == send(folder).code
    assert [] == folder.deliveries()


# ── files that are no review of this project ────────────────────────────────────


def other_project(folder: Folder, _text: str) -> None:
    """Call the site otherwise."""
    folder.configure("name: Agenda,", "name: Ailleurs,")


def other_version(folder: Folder, text: str) -> None:
    """Let the file come from the future."""
    folder.write("plan.json", text.replace('"version": 1', '"version": 2'))


def edited(folder: Folder, text: str) -> None:
    """Change what was reviewed."""
    folder.write("plan.json", text.replace("Atelier", "Banquet"))


def cut_off(folder: Folder, text: str) -> None:
    """Lose the second half."""
    folder.write("plan.json", text[: len(text) // 2])


def no_text(folder: Folder, _text: str) -> None:
    """Keep bytes there that are no text."""
    (folder.path / "plan.json").write_bytes(b"\xff\xfe\x00")


def a_list(folder: Folder, _text: str) -> None:
    """Keep other JSON there."""
    folder.write("plan.json", "[1]")


def plain_plan(folder: Folder, _text: str) -> None:
    """Keep there what `plan --json` prints."""
    folder.write("plan.json", folder.run("plan", "--json").out)


def missing(folder: Folder, _text: str) -> None:
    """Lose the file."""
    (folder.path / "plan.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (other_project, "is of another project, Agenda (https://agenda.example.org)"),
        (other_version, "is of version 2; this Tambour reads 1"),
        (edited, "is damaged"),
        (cut_off, "is damaged"),
        (no_text, "is damaged"),
        (a_list, "is damaged"),
        (plain_plan, "is damaged"),
        (missing, "cannot be read"),
    ],
)
def test_a_file_that_is_no_review_is_refused_by_name(
    damage: Callable[[Folder, str], None], said: str, folder: Folder
) -> None:
    """Nothing leaves, and the sentence names the file."""
    write_plan(folder)
    damage(folder, (folder.path / "plan.json").read_text(encoding="utf-8"))
    sent = send(folder)

    assert 1 == sent.code
    assert said in sent.err
    assert "plan.json" in sent.err
    assert [] == folder.deliveries()


# ── whether anything changes ────────────────────────────────────────────────────


def code(folder: Folder, *options: str) -> int:
    """Return the exit code of a plan that tells whether anything changes."""
    return folder.run("plan", "--detailed-exitcode", *options).code


def test_what_is_due_is_a_change(folder: Folder) -> None:
    """4 as long as `send` would send something, and 0 without the option (contract)."""
    before, plain = code(folder), folder.run("plan").code
    folder.run("send", "--yes")

    assert (4, 0, 0) == (before, plain, code(folder))


def test_what_waits_for_a_person_is_none(folder: Folder) -> None:
    """`send` would send nothing of it."""
    manual(folder)

    assert 0 == code(folder)


def test_what_differs_from_the_last_file_is_a_change(folder: Folder) -> None:
    """With `--out`, what the file had before is compared; what was sent is no change."""
    plan = ["--out", str(folder.path / "plan.json")]
    folder.run("send", "--yes")
    folder.event("plus-tard", hours=100)
    first, second = code(folder, *plan), code(folder, *plan)
    edit(folder, "events/plus-tard.md", "Atelier", "Banquet")
    third = folder.run("plan", "--detailed-exitcode", "--json", *plan)
    fourth = code(folder, *plan)
    (folder.path / "events/plus-tard.md").unlink()
    fifth, sixth = code(folder, *plan), code(folder, *plan)

    assert (4, 0, 4, 0, 4, 0) == (first, second, third.code, fourth, fifth, sixth)
    assert {"equipe", "lettre"} == {one["channel"] for one in third.json["differences"]}


def test_a_new_file_of_nothing_new_changes_nothing(folder: Folder) -> None:
    """What left in between needs no second look."""
    plan = ["--out", str(folder.path / "plan.json")]
    assert 4 == code(folder, *plan)
    folder.run("send", "--yes")

    assert 0 == code(folder, *plan)
