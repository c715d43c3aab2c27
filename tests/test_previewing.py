from __future__ import annotations

import email
import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from command_line import CONFIG, Folder
from peers import dead_port
from peers.http import http_server
from peers.smtp import mail_server_aside

EDITION = "rappel/agenda/atelier/6h/1"
FROM = 'from: "Agenda <lettre@example.org>"'


def by_smtp(folder: Folder, port: int, more: str = "") -> None:
    """Let the mail of the project leave by a server on loopback."""
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    settings = f"type: smtp, host: 127.0.0.1, port: {port}, security: none, {FROM}{more}"  # fmt: skip
    folder.configure(old, f"{{{settings}}}")


def parsed(content: bytes | str | None) -> EmailMessage:
    """Read a mail."""
    assert isinstance(content, bytes)
    return email.message_from_bytes(content, policy=default)


def test_a_test_mail_goes_through_the_real_channel(folder: Folder) -> None:
    """It is marked, names its own Message-ID, and enters no history."""
    folder.write("campaigns/rappel.md", (folder.path / "campaigns/rappel.md").read_text("utf-8") + "\n[partir]({{ recipient.unsubscribe_url }})\n")  # fmt: skip
    with mail_server_aside() as mailbox:
        by_smtp(folder, mailbox.port)
        tested = folder.run("send-preview", "rappel", "--to", "tom@example.org", "--json")  # fmt: skip
        real = folder.run("send", "--yes")
        received = [parsed(envelope.content) for envelope in mailbox.received]

    assert (tested.code, real.code) == (0, 0)
    (row,) = tested.json["messages"]
    assert (row["edition"], row["channel"], row["outcome"]) == (EDITION, "lettre", "accepted")  # fmt: skip
    test, same = (mail for mail in received if "tom@" in mail["To"])
    assert test["Message-ID"] == row["message_id"] != same["Message-ID"]
    assert (test["X-Tambour-Test"], same["X-Tambour-Test"]) == ("yes", None)
    assert test["Subject"] == f"[TEST] {same['Subject']}"
    text = test.get_body(("plain",))
    assert text is not None
    assert "unsubscribe.invalid" in text.get_content()
    assert "Tom" in text.get_content()
    assert {3} == {len(folder.deliveries())}


def test_two_tests_are_two_messages(folder: Folder) -> None:
    """A repeated test is not taken for a repetition by mailboxes."""
    for _ in range(2):
        folder.run("send-preview", "rappel", "--to", "a@example.org", "b@example.org")

    ids = {parsed(file.read_bytes())["Message-ID"] for file in folder.filed()}
    assert 4 == len(ids)
    assert not (folder.path / "var").exists()


def test_a_post_is_tested_only_when_its_channel_is_named(folder: Folder) -> None:
    """A team's room is spared, unless it is asked for; the words are marked."""
    folder.run("send-preview", "rappel", "--to", "a@example.org")
    mail = folder.filed()
    tested = folder.run("send-preview", "rappel", "--to", "a@example.org", "--channel", "equipe")  # fmt: skip

    (post,) = set(folder.filed()) - set(mail)
    assert tested.code == 0
    assert [".eml"] == [file.suffix for file in mail]
    assert json.loads(post.read_text("utf-8"))["data"]["text"].startswith("[TEST] ")


def test_a_test_post_does_not_pass_for_the_real_one(folder: Folder) -> None:
    """Receivers drop what has an id they know: the real post needs its own."""
    with http_server() as peer:
        old = "equipe: {type: outbox, path: outbox}"
        folder.configure(old, f'equipe: {{type: webhook, url: "http://127.0.0.1:{peer.port}/"}}')  # fmt: skip
        for _ in range(2):
            folder.run("send-preview", "rappel", "--to", "a@example.org", "--channel", "equipe")  # fmt: skip
        folder.run("send", "--yes")
        ids = [posted.headers["webhook-id"] for posted in peer.accepted]

    assert 3 == len(ids) == len(set(ids))


def test_a_test_of_another_day_leaves_today(folder: Folder) -> None:
    """--at chooses the edition; the mail itself is dated now, or it would be spam."""
    folder.event("salon", title="Salon", hours=24 * 9)
    later = f"{datetime.now(UTC) + timedelta(days=8):%Y-%m-%d}"

    tested = folder.run("send-preview", "rappel", "--to", "a@example.org", "--at", later, "--json")  # fmt: skip

    (row,) = tested.json["messages"]
    assert row["edition"] == "rappel/agenda/salon/6h/1"
    date = parsed(folder.filed()[0].read_bytes())["Date"]
    assert abs(parsedate_to_datetime(date) - datetime.now(UTC)) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("addresses", "code", "expected"),
    [
        (["me@evil.org"], 1, "me@evil.org may not get tests; safety.test_recipients in config.yaml allows *@example.org"),
        (["a@example.org", "me@evil.org"], 1, "me@evil.org may not get tests"),
        (["evil@evil.org\n@example.org"], 2, "is not an address"),
        (["a@b"], 2, "'a@b' is not an address"),
        (["@"], 2, "'@' is not an address"),
        (["Zoé <zoe@example.org>"], 2, "is not an address"),
    ],
    ids=["stranger", "one stranger", "newline", "no dot", "at", "name"],
)  # fmt: skip
def test_strangers_and_nonsense_get_no_test(
    addresses: list[str], code: int, expected: str, folder: Folder
) -> None:
    """safety.test_recipients refuses all of it at once; nothing leaves."""
    folder.configure("sources:", 'safety: {test_recipients: ["*@example.org"]}\nsources:')  # fmt: skip

    refused = folder.run("send-preview", "rappel", "--to", *addresses)

    assert code == refused.code
    assert expected in refused.err
    assert folder.filed() == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rapel"], "there is no campaign 'rapel'; there are: rappel"),
        (["rappel", "--channel", "poste"], "it sends to equipe, lettre"),
        (["rappel", "--event", "nope"], "no edition to come about 'nope'"),
    ],
    ids=["campaign", "channel", "event"],
)
def test_what_there_is_not_cannot_be_tested(
    arguments: list[str], expected: str, folder: Folder
) -> None:
    """A wrong name is answered with the right ones."""
    refused = folder.run("send-preview", *arguments, "--to", "a@example.org")

    assert refused.code == 1
    assert expected in refused.err


def test_a_test_that_could_not_leave_is_temporary(folder: Folder) -> None:
    """A dead server is told, with exit code 75."""
    with dead_port() as port:
        by_smtp(folder, port)
        tried = folder.run("send-preview", "rappel", "--to", "a@example.org")

    assert tried.code == 75
    assert f"127.0.0.1:{port} cannot be reached" in tried.out


def test_a_refused_test_is_a_failure(folder: Folder) -> None:
    """One refused address does not hide that another was accepted."""
    with mail_server_aside() as mailbox:
        mailbox.refused.add("b@example.org")
        by_smtp(folder, mailbox.port)
        tried = folder.run("send-preview", "rappel", "--to", "b@example.org", "a@example.org")  # fmt: skip

    assert tried.code == 1
    assert "a@example.org by lettre: accepted" in tried.out
    assert "b@example.org by lettre: rejected 550" in tried.out


def test_a_template_of_ones_own_may_post_any_json(folder: Folder) -> None:
    """A webhook template that makes a list is rendered and tested like others."""
    folder.write("templates/webhook/reminder.json.j2", "[{{ event.title|tojson }}]")

    rendered = folder.run("render", "rappel", "--out", "out")
    tested = folder.run("send-preview", "rappel", "--to", "a@example.org", "--channel", "equipe")  # fmt: skip

    (payload,) = Path("out").glob("*equipe.json")
    assert (rendered.code, tested.code) == (0, 0)
    assert json.loads(payload.read_text("utf-8")) == ["Atelier"]


@pytest.mark.parametrize("key", ["text", "content", "message"])
def test_a_payload_of_ones_own_is_marked(key: str, folder: Folder) -> None:
    """The mark stands where the chat program looks for the words."""
    folder.write("templates/webhook/reminder.json.j2", f'{{"{key}": "Venez"}}')

    folder.run("send-preview", "rappel", "--to", "a@example.org", "--channel", "equipe")

    (post,) = folder.filed()
    assert {key: "[TEST] Venez"} == json.loads(post.read_text("utf-8"))
