from __future__ import annotations

import io
import queue
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from command_line import CONFIG, Folder, environment
from peers import LIMIT_S, dead_port
from peers.faults import DROP_TAKEN, FOREVER, Fault, Faults, Phase, Rule, late, say
from peers.faulty_smtp import faulty_server

EDITION = "rappel/agenda/atelier/6h/1"
DELIVERY_KEYS = (
    "edition campaign event channel recipient state attempts code reply message_id at"
)
COUNTS = "sent failed deferred uncertain suppressed expired"


class Terminal(io.StringIO):
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        """Say so."""
        return True


# ── asking first ────────────────────────────────────────────────────────────────


def test_a_dry_run_leaves_nothing_behind(folder: Folder) -> None:
    """`send --dry-run` shows what is due and makes no file and no folder."""
    before = sorted(folder.path.rglob("*"))

    shown = folder.run("send", "--dry-run", "--json")

    rows = [(r["edition"], r["channel"], r["recipients"], r["sent"]) for r in shown.json["editions"]]  # fmt: skip
    assert shown.code == 0
    assert rows == [(EDITION, "equipe", 1, 0), (EDITION, "lettre", 2, 0)]
    assert before == sorted(folder.path.rglob("*"))


def test_without_terminal_and_yes_nothing_is_sent(folder: Folder) -> None:
    """A script must say --yes; otherwise the exit code is 2 (contract)."""
    refused = folder.run("send")

    assert refused.code == 2
    assert "say --yes" in refused.err
    assert not (folder.path / "var").exists()


def test_readers_who_cannot_be_corrected_any_more_are_told_of(folder: Folder) -> None:
    """Somebody has to reach them by other means."""
    folder.run("send", "--yes")
    file = folder.path / "events/atelier.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(date: )\d{4}", r"\g<1>2020", text), encoding="utf-8")
    sent = folder.run("send", "--yes")

    assert "correction/1 was missed: These readers were told" in sent.err


def test_a_doubt_about_who_an_event_is_is_told(folder: Folder) -> None:
    """It comes of what the ledger knows, not of the file alone."""
    folder.run("send", "--yes")
    (folder.path / "events/atelier.md").unlink()

    assert "E214" in folder.run("send", "--yes").err


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 3), ("n\n", 0), ("\n", 0)])
def test_at_a_terminal_it_asks_first(
    answer: str, sent: int, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a yes sends; the question names how many editions and messages."""
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    asked = folder.run("send")

    assert asked.code == 0
    assert "Send 2 editions, 3 messages?" in asked.err
    assert sent == len(folder.filed())


def slow_channel(folder: Folder) -> None:
    """Let mail leave at one a day by a server that does not answer."""
    dead_server(folder)
    folder.configure('from: "a@example.org"}', 'from: "a@example.org", rate: 1/d}')


def test_says_before_it_asks_that_time_is_too_short(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rate that is too slow; the question comes after it."""
    slow_channel(folder)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))

    asked = folder.run("send")

    assert asked.code == 0
    assert f"{EDITION}: At 1/d the channel lettre needs about 1 d for 2 messages" in asked.err  # fmt: skip
    assert asked.err.index("At 1/d") < asked.err.index("Send 2 editions")


def test_a_script_reads_that_time_is_too_short(folder: Folder) -> None:
    """`send --json` lists it, and sends as far as it goes."""
    slow_channel(folder)

    shown = folder.run("send", "--dry-run", "--json")
    done = folder.run("send", "--yes", "--json")
    planned = folder.run("plan", "--at", "2027-01-01", "--json")

    for said in (shown, done):
        (row,) = said.json["too_slow"]
        assert (EDITION, "lettre") == (row["edition"], row["channel"])
        assert row["reason"].startswith("At 1/d the channel lettre needs")
    assert [("equipe", 1), ("lettre", 2)] == [
        (row["channel"], row["recipients"]) for row in done.json["editions"]
    ]
    assert "too_slow" not in planned.json


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ("2/h", "At 2/h the channel lettre needs about 1 h for 4 messages"),
        ("4/h", ""),
        ("10/s", ""),
    ],
)
def test_says_before_it_begins_that_it_takes_long(
    rate: str, said: str, folder: Folder
) -> None:
    """A rate that fits the deadline may still keep somebody waiting for hours."""
    dead_server(folder)
    folder.configure('from: "a@example.org"}', f'from: "a@example.org", rate: {rate}}}')
    folder.write("lecteurs.csv", "email\n" + "".join(f"p{n}@example.org\n" for n in range(4)))  # fmt: skip

    shown = folder.run("send", "--dry-run")
    begun = folder.run("send", "--yes")
    again = folder.run("send", "--yes")

    for result in (shown, begun, again):
        assert said in result.err
        assert bool(said) == ("needs about" in result.err)


# ── what it came to ─────────────────────────────────────────────────────────────


def test_what_was_sent_is_counted_as_the_contract_says(folder: Folder) -> None:
    """`send --json` has a row for each edition and channel, whose numbers add up."""
    done = folder.run("send", "--yes", "--json")

    assert done.code == 0
    assert set(done.json) == {"version", "editions", "failures"}
    for row in done.json["editions"]:
        assert {"edition", "campaign", "channel", "recipients", *COUNTS.split()} <= set(row)  # fmt: skip
        assert row["recipients"] == sum(row[key] for key in COUNTS.split())
    assert [row["sent"] for row in done.json["editions"]] == [1, 2]
    assert len(folder.filed()) == 3


def test_nothing_is_sent_twice(folder: Folder) -> None:
    """A second `send` finds nothing due, and ends with 0."""
    folder.run("send", "--yes")
    before = folder.filed()

    again = folder.run("send", "--yes", "--json")
    shown = folder.run("send", "--dry-run")

    assert (again.code, again.json["editions"]) == (0, [])
    assert "Nothing is due.\n" == shown.out
    assert before == folder.filed()


def test_only_the_named_campaigns_are_sent(folder: Folder) -> None:
    """`send NAME` leaves others for later; a wrong name sends nothing at all."""
    text = folder.path / "campaigns" / "rappel.md"
    other = text.read_text(encoding="utf-8").replace("lettre", "autre").replace("equipe", "autre2")  # fmt: skip
    folder.write("campaigns/autre.md", other)
    folder.configure("channels:", "channels:\n  autre: {type: outbox}\n  autre2: {type: outbox}")  # fmt: skip

    wrong = folder.run("send", "rapel", "--yes")
    right = folder.run("send", "rappel", "--yes", "--json")

    assert (wrong.code, right.code) == (1, 0)
    assert "there is no campaign 'rapel'; there are: autre, rappel" in wrong.err
    assert {"rappel"} == {row["campaign"] for row in right.json["editions"]}


def broken_template(folder: Folder) -> None:
    """Let the edition fail, before anything is frozen."""
    folder.write("templates/email/reminder.html.j2", "{{ evnt.title }}")


def dead_server(folder: Folder) -> None:
    """Let mail be put off, and posts go."""
    server = '{type: smtp, host: 127.0.0.1, port: 9, security: none, from: "a@example.org"}'  # fmt: skip
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    folder.configure(old, server)


def missing_key(folder: Folder) -> None:
    """Let mail be signed by a key that is not there, and posts go."""
    dead_server(folder)
    folder.configure('from: "a@example.org"}', 'from: "a@example.org", dkim: {domain: example.org, selector: s1, key: s1.pem}}')  # fmt: skip


def manual_approval(folder: Folder) -> None:
    """Let the edition wait for a person."""
    text = (folder.path / "campaigns" / "rappel.md").read_text(encoding="utf-8")
    folder.write("campaigns/rappel.md", text.replace("\nto:", "\napprove: manual\nto:"))


def second_campaign(folder: Folder) -> None:
    """Let one campaign fail and another not."""
    folder.write("campaigns/autre.md", "---\nkind: reminder\nsend: {before: [6h]}\nto: [{channel: autre, audience: lecteurs, template: nope}]\n---\n")  # fmt: skip
    folder.configure("channels:", "channels:\n  autre: {type: outbox}")


@pytest.mark.parametrize(
    ("damage", "code", "said", "filed"),
    [
        pytest.param(broken_template, 1, "was not sent: templates/email/reminder.html.j2:1: 'evnt' is not defined", 0, id="1 failure"),
        pytest.param(second_campaign, 3, "autre/agenda/atelier/6h/1 was not sent", 3, id="3 partly sent"),
        pytest.param(manual_approval, 6, "tambour approve rappel/agenda/atelier/6h/1", 0, id="6 held"),
        pytest.param(missing_key, 5, "the channel lettre sends nothing: dkim: ", 1, id="5 configuration"),
        pytest.param(dead_server, 75, f"some of {EDITION} is put off (unreachable 127.0.0.1:9 cannot be reached", 1, id="75 temporary"),
    ],
)  # fmt: skip
def test_the_exit_code_says_what_stays_to_be_done(
    damage: object, code: int, said: str, filed: int, folder: Folder
) -> None:
    """Exit codes of `send` (contract), with a sentence on standard error."""
    assert callable(damage)
    damage(folder)

    done = folder.run("send", "--yes")

    assert (code, filed) == (done.code, len(folder.filed()))
    assert said in done.err


def test_a_refused_sender_is_told_at_every_send(folder: Folder) -> None:
    """Until somebody approves it, `send` ends with 6, with the server's words."""
    refusal = Rule(phase=Phase.MAIL, fault=say("554 5.7.1 not you"), times=1)
    with faulty_server(Faults(rules=(refusal,))) as sink:
        dead_server(folder)
        folder.configure("port: 9,", f"port: {sink.port},")
        first = folder.run("send", "--yes", "--json")
        second = folder.run("send", "--yes", "--json")
        folder.run("approve", EDITION)
        third = folder.run("send", "--yes", "--json")

    assert (6, 6, 0) == (first.code, second.code, third.code)
    for result in (first, second):
        (row,) = result.json["held"]
        assert EDITION == row["edition"]
        assert "554 5.7.1 not you" in row["reason"]
        assert "put off" not in result.err
    assert {"sent": 3} == folder.states()


# ── what a person decides ───────────────────────────────────────────────────────


def test_an_approved_edition_leaves(folder: Folder) -> None:
    """`approve: manual` waits until `approve EDITION`."""
    manual_approval(folder)
    held = folder.run("send", "--yes")
    waiting = folder.run("status", "--json").json["held"]

    approved = folder.run("approve", EDITION)
    sent = folder.run("send", "--yes")

    assert (held.code, approved.code, sent.code) == (6, 0, 0)
    assert {EDITION} == {one["edition"] for one in waiting}
    assert folder.states() == {"sent": 3}


@pytest.mark.parametrize(("decision", "code"), [("hold", 6), ("cancel", 0)])
def test_a_stopped_edition_stays(decision: str, code: int, folder: Folder) -> None:
    """What is held or cancelled before its time is not sent."""
    assert folder.run(decision, EDITION).code == 0

    sent = folder.run("send", "--yes")

    assert code == sent.code
    assert folder.filed() == []


def test_an_unknown_edition_is_refused(folder: Folder) -> None:
    """A typing error in an edition's name must not look like a decision."""
    refused = folder.run("cancel", "rappel/agenda/atelier/6h")

    assert refused.code == 1
    assert "no edition is called" in refused.err
    assert folder.run("send", "--dry-run", "--json").json["editions"] != []


def test_suppressed_addresses_get_nothing(folder: Folder) -> None:
    """`suppress add` works at once, in any spelling, and can be taken back."""
    added = folder.run("suppress", "add", "ZOE@example.org", "--reason", "asked", "--json")  # fmt: skip
    listed = folder.run("suppress", "list", "--json").json["suppressions"]
    folder.run("send", "--yes")

    assert added.json["added"] == 1
    assert [(one["address"], one["reason"]) for one in listed] == [("zoe@example.org", "asked")]  # fmt: skip
    assert folder.states() == {"sent": 2, "suppressed": 1}
    assert folder.run("suppress", "remove", "zoe@example.org").code == 0
    assert folder.run("suppress", "remove", "zoe@example.org").code == 1


def test_a_mistyped_address_is_not_suppressed(folder: Folder) -> None:
    """What is no address is refused; exit code 2, nothing is written."""
    refused = folder.run("suppress", "add", "zoe@example.org", "zoe@example")

    assert refused.code == 2
    assert "'zoe@example' is not an address" in refused.err
    assert not (folder.path / "var").exists()


# ── what happened ───────────────────────────────────────────────────────────────


def test_every_delivery_is_listed_as_the_contract_says(folder: Folder) -> None:
    """`history --deliveries --json` names each recipient and what became of it."""
    folder.run("send", "--yes")

    rows = folder.deliveries()

    assert all(list(row) == DELIVERY_KEYS.split() for row in rows)
    assert {row["recipient"] for row in rows} == {"equipe", "zoe@example.org", "tom@example.org"}  # fmt: skip
    assert {(row["state"], row["attempts"], row["event"]) for row in rows} == {("sent", 1, "agenda/atelier")}  # fmt: skip


def test_why_answers_about_events_and_addresses(folder: Folder) -> None:
    """`why` says what an event's editions came to, and what an address got."""
    before = folder.run("why", "Atelier")
    folder.run("send", "--yes")
    event = folder.run("why", "agenda/atelier", "--json").json
    person = folder.run("why", "TOM@example.org")
    nobody = folder.run("why", "nope@example.org")
    unknown = folder.run("why", "nope")

    assert f"due  {EDITION} by lettre" in before.out
    assert len(event["deliveries"]) == 3
    assert "It is in lecteurs." in person.out
    assert "tom@example.org" in person.out
    assert "It is in no audience." in nobody.out
    assert (unknown.code, nobody.code) == (1, 0)


def test_what_was_put_off_is_tried_again_on_demand(folder: Folder) -> None:
    """`retry` makes deferred mail due at once; what was sent stays sent."""
    dead_server(folder)
    folder.run("send", "--yes")
    patient = folder.run("send", "--yes")
    folder.write("config.yaml", CONFIG)

    retried = folder.run("retry", EDITION, "--json")
    sent = folder.run("send", "--yes")

    assert patient.code == 75
    assert f"`tambour retry {EDITION}` makes it due now" in patient.err
    assert retried.json == {"version": 1, "edition": EDITION, "deliveries": 2}
    assert (sent.code, len(folder.filed())) == (0, 3)
    assert folder.run("retry", "nope").code == 1


def test_what_waits_for_a_channel_that_is_gone_is_named(folder: Folder) -> None:
    """A channel taken out of the settings leaves no mail behind in silence."""
    dead_server(folder)
    folder.run("send", "--yes")
    (folder.path / "campaigns" / "rappel.md").unlink()
    folder.configure("  lettre:", "  poste:")

    warned = folder.run("send", "--yes")
    folder.run("cancel", EDITION)
    calm = folder.run("send", "--yes")

    assert "waits for the channel 'lettre', which config.yaml no longer has" in warned.err  # fmt: skip
    assert calm.err == ""


# ── options that stand anywhere ─────────────────────────────────────────────────


def test_global_options_stand_before_or_after_the_command(folder: Folder) -> None:
    """--json, --quiet, --env and -C mean the same in either place."""
    root = str(folder.path)
    folder.write("config.soir.yaml", "site: {name: Soir}\n")

    first = folder.run("--json", "--env", "soir", "events")
    last = folder.run("events", "--env=soir", "--json", "-C", root)

    assert (first.code, last.code) == (0, 0)
    assert first.json == last.json
    assert folder.run("--env", "nope", "events").code == 5


def test_quiet_keeps_only_problems(folder: Folder) -> None:
    """--quiet silences what is said, not what is wrong."""
    folder.write("events/bad.md", "---\ntitle: X\n---\n")

    done = folder.run("send", "--yes", "--quiet")

    assert done.out == ""
    assert "error[E204]" in done.err


def test_colours_are_for_terminals_that_want_them(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal gets colours, unless --no-color is said; a pipe never does."""
    folder.write("events/bad.md", "---\ntitle: X\n---\n")
    piped = folder.run("check").err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    assert "\x1b[" not in piped
    assert "\x1b[" in folder.run("check").err
    assert "\x1b[" not in folder.run("check", "--no-color").err


def test_the_folder_may_be_a_link_and_the_ledger_elsewhere(folder: Folder) -> None:
    """-C follows links; a relative ledger counts from the project's folder."""
    link = folder.path.with_name("link")
    link.symlink_to(folder.path)
    folder.configure("version: 1", "version: 1\nledger: sqlite:///../books/l.db")

    sent = Folder(link, folder.capture).run("send", "--yes")

    assert sent.code == 0
    assert (folder.path.parent / "books" / "l.db").is_file()
    assert Path("books/l.db.key").stat().st_mode & 0o777 == 0o600


def test_an_unused_port_defers_all_mail(folder: Folder) -> None:
    """Nothing is lost while a server is down: the rows say why and wait."""
    with dead_port() as port:
        dead_server(folder)
        folder.configure("port: 9,", f"port: {port},")
        done = folder.run("send", "--yes")

    waiting = [row for row in folder.deliveries() if row["state"] == "deferred"]
    assert (done.code, len(waiting)) == (75, 2)
    assert all("cannot be reached" in row["reply"] for row in waiting)


def test_sending_brings_an_older_ledger_up_to_date(folder: Folder) -> None:
    """Those who only read leave it as it is, and say which command does it."""
    earlier = (Path(__file__).parent / "golden" / "ledger-0001.sql").read_text("utf-8")
    (folder.path / "var").mkdir()
    with closing(sqlite3.connect(folder.path / "var" / "tambour.db")) as connection:
        connection.executescript(earlier)
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        connection.commit()

    readers = [folder.run("status"), folder.run("send", "--dry-run"), folder.run("send")]  # fmt: skip
    sent = folder.run("send", "--yes")

    for refused in readers[:2]:
        assert 1 == refused.code
        assert "`tambour send` or `tambour run` brings it up to date" in refused.err
    assert 2 == readers[2].code
    assert 0 == sent.code
    assert {"sent": 3} == folder.states()


@pytest.mark.parametrize(
    ("fault", "policy", "said"),
    [
        (
            DROP_TAKEN,
            "resend",
            f"2 of {EDITION} may have arrived or not: `tambour send`",
        ),
        (DROP_TAKEN, "hold", f"may have arrived or not: `tambour retry {EDITION}`"),
        (say("550 5.2.2 full"), "resend", f"2 of {EDITION} failed: `tambour history"),
    ],
    ids=["resend", "hold", "failed"],
)
def test_what_did_not_arrive_for_certain_is_said(
    fault: Fault, policy: str, said: str, folder: Folder
) -> None:
    """With the command that shows it or tries it again."""
    rule = Rule(phase=Phase.FINAL, fault=fault, times=FOREVER)
    with faulty_server(Faults(rules=(rule,))) as sink:
        dead_server(folder)
        folder.configure("port: 9,", f"port: {sink.port}, on_uncertain: {policy},")
        done = folder.run("send", "--yes")

    assert said in done.err


# ── being stopped ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_send_without_doubts(
    number: signal.Signals, folder: Folder
) -> None:
    """What is promised still leaves and is recorded, the rest waits: exit code 75."""
    people = (f"p{n}@example.org,P{n},fr\n" for n in range(600))
    folder.write("lecteurs.csv", "email,name,language\n" + "".join(people))
    slow = Rule(phase=Phase.FINAL, fault=late(0.01), times=FOREVER)
    with faulty_server(Faults(rules=(slow,))) as sink:
        server = f'{{type: smtp, host: 127.0.0.1, port: {sink.port}, security: none, from: "a@example.org"}}'  # fmt: skip
        folder.configure(CONFIG.split("lettre: ")[1].split("\n")[0], server)
        begun: queue.Queue[object] = queue.Queue()
        sink.on_taken = begun.put
        command = [sys.executable, "-m", "tambour", "-C", str(folder.path), "send", "--yes"]  # fmt: skip
        with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:  # fmt: skip
            begun.get(timeout=LIMIT_S)
            process.send_signal(number)
            _, said = process.communicate(timeout=LIMIT_S)
        taken = len(sink.taken)
    rows = [row["state"] for row in folder.deliveries() if row["channel"] == "lettre"]

    assert 75 == process.returncode
    assert said.index(b"on the wire is finished") < said.index(b"put off")
    assert {"planned": 600 - taken, "sent": taken} == Counter(rows)
