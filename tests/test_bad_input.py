from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from command_line import CONFIG, Folder, child, environment
from peers import dead_port
from peers.smtp import mail_server_aside

EDITION = "rappel/agenda/atelier/6h/1"
FROM = 'from: "Agenda <lettre@example.org>"'
Damage = Callable[[Folder], object]


def writes(name: str, text: str) -> Damage:
    """Let a file of the project say *text*."""
    return lambda folder: folder.write(name, text)


def configures(old: str, new: str) -> Damage:
    """Change the settings."""
    return lambda folder: folder.configure(old, new)


def replaces_by_folder(name: str) -> Damage:
    """Put a folder where a file is expected."""

    def damage(folder: Folder) -> None:
        (folder.path / name).unlink(missing_ok=True)
        (folder.path / name).mkdir(parents=True)

    return damage


def dangles(name: str) -> Damage:
    """Put a link to nowhere where a file is expected."""

    def damage(folder: Folder) -> None:
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).unlink(missing_ok=True)
        (folder.path / name).symlink_to("/nonexistent/file")

    return damage


def scrambles(name: str, raw: bytes) -> Damage:
    """Let a file hold bytes that are no text."""

    def damage(folder: Folder) -> None:
        folder.write(name, "")
        (folder.path / name).write_bytes(raw)

    return damage


def by_smtp(folder: Folder, port: int, more: str = "") -> None:
    """Let the mail leave by a server on loopback."""
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    settings = f"type: smtp, host: 127.0.0.1, port: {port}, security: none, {FROM}{more}"  # fmt: skip
    folder.configure(old, f"{{{settings}}}")


# ── settings: nothing can be done, and nothing is ───────────────────────────────


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(writes("config.yaml", "version: 1\nsite: {name: [\n"), ["error[E102]", "config.yaml:2"], id="broken yaml"),
        pytest.param(configures("language: fr", "langage: fr"), ["error[E103]", "config.yaml:2", "did you mean language?"], id="unknown key"),
        pytest.param(configures("timezone: UTC", "timezone: Europe/Pari"), ["error[E104]", "config.yaml:2", "not a time zone"], id="unknown zone"),
        pytest.param(configures('"Agenda <', '"${SENDER_NAME_THAT_IS_NOT_SET} <'), ["error[E106]", "SENDER_NAME_THAT_IS_NOT_SET is not set"], id="unset variable"),
        pytest.param(writes("config.yaml", ""), ["error[E102]", "config.yaml:1", "tambour init"], id="empty file"),
        pytest.param(scrambles("config.yaml", b"version: 1\nsite: \xff"), ["error[E101]", "config.yaml", "not UTF-8"], id="not utf-8"),
        pytest.param(scrambles("config.yaml", b"version: 1\0"), ["error[E102]", "config.yaml"], id="nul byte"),
        pytest.param(replaces_by_folder("config.yaml"), ["error[E101]", "Is a directory"], id="folder"),
        pytest.param(dangles("config.yaml"), ["error[E101]", "does not exist"], id="dangling link"),
    ],
)  # fmt: skip
def test_unusable_settings_stop_every_command(
    damage: Damage, expected: list[str], folder: Folder
) -> None:
    """Exit code 5; the message names the place and the mend, without a traceback."""
    damage(folder)

    for command in (["check"], ["send", "--yes"], ["plan"], ["run"]):
        stopped = folder.run(*command)

        assert stopped.code == 5
        assert all(words in stopped.err for words in expected), stopped.err
    assert not (folder.path / "var").exists()


def test_a_missing_folder_is_said_to_be_missing(folder: Folder) -> None:
    """-C to nowhere names the file that was looked for, in JSON as well."""
    nowhere = Folder(folder.path / "nowhere", folder.capture)

    said, as_json = nowhere.run("check"), nowhere.run("check", "--json")

    assert (said.code, as_json.code) == (5, 5)
    assert "tambour init" in said.err
    assert [p["code"] for p in as_json.json["problems"]] == ["E101"]


# ── one bad file stops no other ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(writes("events/x.md", "---\ntitle: [\n---\n"), ["error[E202]", "events/x.md:2"], id="broken yaml"),
        pytest.param(writes("events/x.md", "no front matter"), ["error[E202]", "events/x.md"], id="no front matter"),
        pytest.param(writes("events/x.md", "---\ntitle: X\nevent_start_date: 2027-02-30\n---\n"), ["error[E205]", "events/x.md:3"], id="no such day"),
        pytest.param(scrambles("events/x.md", b"---\ntitle: \xe9\n---\n"), ["error[E201]", "events/x.md:2", "not UTF-8"], id="not utf-8"),
        pytest.param(dangles("events/x.md"), ["error[E201]", "events/x.md", "No such file"], id="dangling link"),
        pytest.param(writes("campaigns/x.md", "---\nkind: reminder\nsend: {befor: [1d]}\nto: [{channel: letre, template: reminder}]\n---\n"), ["error[E302]", "campaigns/x.md:3", "did you mean before?", "error[E305]", "did you mean lettre?"], id="campaign's names"),
        pytest.param(replaces_by_folder("campaigns/x.md"), ["error[E301]", "campaigns/x.md"], id="campaign is a folder"),
        pytest.param(writes("lecteurs.csv", "email,name\nzoe@example.org,Zoé\nnot an address,X\ntom@example.org,Tom\n"), ["error[E503]", "lecteurs.csv:3", "'not an address'"], id="bad address"),
    ],
)  # fmt: skip
def test_a_bad_file_stops_no_other(
    damage: Damage, expected: list[str], folder: Folder
) -> None:
    """What is sound is sent; only a campaign left out makes the exit code 5."""
    damage(folder)

    checked, sent = folder.run("check"), folder.run("send", "--yes")

    assert checked.code == 4
    assert all(words in checked.err for words in expected), checked.err
    assert "Traceback" not in sent.err
    assert sent.code == (5 if expected[1].startswith("campaigns/") else 0)
    assert folder.states() == {"sent": 3}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(writes("templates/email/x.html.j2", "<p>\n{{ evnt.title }}</p>"), ["error[E403]", "templates/email/x.html.j2:2", "did you mean 'event'?"], id="undefined"),
        pytest.param(writes("templates/email/x.html.j2", "{% if %}"), ["error[E402]", "templates/email/x.html.j2:1"], id="syntax"),
        pytest.param(writes("templates/email/x.html.j2", "{{ recipient.__class__.__mro__ }}"), ["templates/email/x.html.j2:1", "__class__"], id="sandbox"),
        pytest.param(writes("templates/email/x.html.j2", "{{ cycler.__init__.__globals__ }}"), ["error[E405]", "templates/email/x.html.j2:1"], id="globals"),
        pytest.param(writes("templates/email/x.html.j2", "{% include '../../../../etc/passwd' %}"), ["error[E401]", "templates/email/x.html.j2:1"], id="other files"),
        pytest.param(writes("templates/email/x.html.j2", "{% for n in range(10**9) %}{% endfor %}"), ["error[E404]", "Range too big"], id="range"),
        pytest.param(writes("templates/email/x.html.j2", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"), ["error[E404]", "RecursionError"], id="recursion"),
        pytest.param(writes("templates/email/x.html.j2", "{{ 1 / 0 }}"), ["error[E404]", "ZeroDivisionError"], id="arithmetic"),
        pytest.param(writes("templates/email/x.html.j2", ""), ["error[E404]", "templates/email/x.html.j2", "empty mail"], id="empty"),
        pytest.param(writes("templates/email/x.html.j2", "<p>{{ 'x' * 6000000 }}"), ["error[E404]", "characters"], id="huge"),
        pytest.param(scrambles("templates/email/x.html.j2", b"<p>\n\xe9"), ["error[E402]", "templates/email/x.html.j2:2", "not UTF-8"], id="not utf-8"),
        pytest.param(dangles("templates/email/x.html.j2"), ["error[E401]", "no template templates/email/x.html.j2"], id="missing"),
    ],
)  # fmt: skip
def test_a_broken_template_stops_its_own_campaign_alone(
    damage: Damage, expected: list[str], folder: Folder
) -> None:
    """`check` names its line; `send` sends the others, and ends with 3."""
    folder.configure("channels:", "channels:\n  autre: {type: outbox}")
    folder.write("campaigns/autre.md", "---\nkind: reminder\nsend: {before: [6h]}\nto: [{channel: autre, audience: lecteurs, template: x}]\n---\n")  # fmt: skip
    damage(folder)

    checked, sent = folder.run("check"), folder.run("send", "--yes")

    assert checked.code == 4
    assert all(words in checked.err for words in expected), checked.err
    assert sent.code == 3
    assert "autre/agenda/atelier/6h/1 was not sent" in sent.err
    assert {"rappel"} == {row["campaign"] for row in folder.deliveries()}


def test_an_empty_events_folder_is_a_warning(folder: Folder) -> None:
    """Nothing to announce is no error, but it is said."""
    shutil.rmtree(folder.path / "events")
    missing = folder.run("check")
    (folder.path / "events").mkdir()
    empty = folder.run("check")

    assert "error[E212]" in missing.err
    assert (missing.code, empty.code) == (4, 0)
    assert "warning[W201]" in empty.err


# ── readers that cannot be read ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(dangles("lecteurs.csv"), id="missing"),
        pytest.param(replaces_by_folder("lecteurs.csv"), id="folder"),
        pytest.param(writes("lecteurs.csv", "sep=;\nemail;name\n"), id="no email column"),
        pytest.param(writes("lecteurs.csv", "email\nnobody\n"), id="bad addresses only"),
    ],
)  # fmt: skip
def test_an_edition_waits_for_readers_that_cannot_be_read(
    damage: Damage, folder: Folder
) -> None:
    """The post does not freeze the edition without them: they would never get it."""
    damage(folder)
    held = folder.run("send", "--yes")
    before = folder.filed()
    shutil.rmtree(folder.path / "lecteurs.csv", ignore_errors=True)
    (folder.path / "lecteurs.csv").unlink(missing_ok=True)
    folder.write("lecteurs.csv", "email\nzoe@example.org\n")

    sent = folder.run("send", "--yes")

    assert (held.code, before) == (6, [])
    assert (sent.code, folder.states()) == (0, {"sent": 2})


def test_repeated_and_odd_addresses_each_get_one_mail(folder: Folder) -> None:
    """Case, plus signs, accents and names over two lines are all taken well."""
    folder.write("lecteurs.csv", 'email,name\nzoe@example.org,A\nZOE@example.org,B\na+b@example.org,"Al\nBo"\nélodie@exämple.org,É\n')  # fmt: skip

    sent = folder.run("send", "--yes")

    mails = [file for file in folder.filed() if file.suffix == ".eml"]
    assert (sent.code, len(mails)) == (0, 3)
    assert sum(b"To: Al Bo <a+b@example.org>\r\n" in mail.read_bytes() for mail in mails) == 1  # fmt: skip


# ── servers and disks ───────────────────────────────────────────────────────────


def test_mail_waits_for_a_server_that_comes_back(folder: Folder) -> None:
    """Refused connections defer everything; the same port later takes it, once."""
    with dead_port() as port:
        by_smtp(folder, port)
        down = folder.run("send", "--yes")
        states = folder.states()
    with mail_server_aside(port=port) as mailbox:
        folder.run("retry", EDITION)
        up = folder.run("send", "--yes")
        took = sorted(one for mail in mailbox.received for one in mail.rcpt_tos)

    assert (down.code, states) == (75, {"deferred": 2, "sent": 1})
    assert (up.code, folder.states()) == (0, {"sent": 3})
    assert took == ["tom@example.org", "zoe@example.org"]


def test_a_refused_login_is_told_and_loses_nobody(folder: Folder) -> None:
    """A wrong password puts the mail off; mended, everybody gets it."""
    with mail_server_aside(with_login=True, auth_require_tls=False) as mailbox:
        by_smtp(folder, mailbox.port, ", username: lettre, password: wrong")
        refused = folder.run("send", "--yes")
        said = {row["reply"] for row in folder.deliveries() if row["channel"] == "lettre"}  # fmt: skip
        folder.configure("password: wrong", "password: gloria-é-7391")
        folder.run("retry", EDITION)
        mended = folder.run("send", "--yes")

    assert refused.code == 75
    assert any("login" in reply for reply in said), said
    assert "wrong" not in refused.err + refused.out + "".join(said)
    assert (mended.code, folder.states()) == (0, {"sent": 3})


def test_one_refused_address_does_not_hurt_the_other(folder: Folder) -> None:
    """A 550 for one of two is a partly sent edition, with the server's words."""
    with mail_server_aside() as mailbox:
        mailbox.refused.add("tom@example.org")
        by_smtp(folder, mailbox.port)
        sent = folder.run("send", "--yes")

    assert sent.code == 3
    assert folder.states() == {"failed": 1, "sent": 2}
    (failed,) = (row for row in folder.deliveries() if row["state"] == "failed")
    assert (failed["recipient"], failed["code"]) == ("tom@example.org", "550")


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(4096, id="no tables"),
        pytest.param(100_000, id="nothing filed"),
        pytest.param(150_000, id="some filed"),
        pytest.param(170_000, id="all filed, not all recorded"),
    ],
)
def test_a_full_disk_loses_nothing_and_doubles_nothing(
    limit: int, folder: Folder
) -> None:
    """Whatever could not be written is told, and sent once there is room."""
    full = child(
        "-C", str(folder.path), "send", "--yes",
        env=environment() | {"PYTHONDONTWRITEBYTECODE": "1"},  # it would be cut off
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    before = folder.filed()
    room = folder.run("send", "--yes")
    folder.run("retry", EDITION)
    folder.run("send", "--yes")

    assert "Traceback" not in full.stderr
    assert full.returncode in (1, 75)
    assert len(before) <= 3
    assert room.code in (0, 75)
    assert folder.states() == {"sent": 3}
    assert len(folder.filed()) == 3


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(writes("var", "a file"), "make its folder writable", id="folder is a file"),
        pytest.param(replaces_by_folder("var/tambour.db"), "var/tambour.db", id="ledger is a folder"),
        pytest.param(writes("var/tambour.db", "not a database" * 100), "not a database", id="no ledger"),
        pytest.param(configures("version: 1", "version: 1\nledger: sqlite:////proc/none/l.db"), "/proc/none", id="unwritable"),
    ],
)  # fmt: skip
def test_a_ledger_that_cannot_be_written_stops_the_sending(
    damage: Damage, expected: str, folder: Folder
) -> None:
    """Without a record nothing leaves; the message names file and mend."""
    damage(folder)

    stopped = folder.run("send", "--yes")

    assert stopped.code == 1
    assert expected in stopped.err
    assert len(stopped.err.splitlines()) == 1
    assert folder.filed() == []


def test_killed_in_the_middle_everybody_gets_it_once(folder: Folder) -> None:
    """After SIGKILL, the next `send` goes on where the files say it was."""
    people = "".join(f"p{number}@example.org\n" for number in range(500))
    folder.write("lecteurs.csv", f"email\n{people}")
    command = [sys.executable, "-m", "tambour", "-C", str(folder.path), "send", "--yes"]
    with subprocess.Popen(command, env=environment()) as sender:
        while len(list((folder.path / "outbox").glob("*.eml"))) < 100:
            assert sender.poll() is None
        sender.kill()

    again = folder.run("send", "--yes")

    assert again.code == 0
    assert folder.states() == {"sent": 501}
    assert len(folder.filed()) == 501


def test_of_two_sends_at_once_one_is_refused(folder: Folder) -> None:
    """The second sees the lock and ends with 7; nobody gets two mails."""
    people = "".join(f"p{number}@example.org\n" for number in range(120))
    folder.write("lecteurs.csv", f"email\n{people}")
    command = [sys.executable, "-m", "tambour", "-C", str(folder.path), "send", "--yes"]
    with subprocess.Popen(command, env=environment()) as sender:
        while not list((folder.path / "outbox").glob("*.eml")):
            assert sender.poll() is None
        second = folder.run("send", "--yes")
        first = sender.wait(60)

    assert (first, second.code) == (0, 7)
    assert "another Tambour is sending" in second.err
    assert len(folder.filed()) == 121


def test_an_empty_folder_is_no_project(tmp_path: Path) -> None:
    """A new user in the wrong folder is told what to do."""
    ended = child("send", "--yes", cwd=tmp_path)

    assert ended.returncode == 5
    assert "tambour init" in ended.stderr
    assert list(tmp_path.iterdir()) == []
