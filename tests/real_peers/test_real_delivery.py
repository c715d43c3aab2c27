"""An edition reaches real mailboxes through Postfix, whatever the server offers."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from command_line import Folder
from real_peers.direct import channel, transmit
from real_peers.listening import relay
from real_peers.mail_servers import LOGIN, SENDER, Port, Servers
from real_peers.newsletters import newsletter, numbered
from tambour.model import DeliveryId, Message, OutcomeKind

READERS = 300
PLAIN_PORTS = (Port.FULL, Port.WITHOUT_CHUNKING, Port.WITHOUT_PIPELINING)


@pytest.mark.parametrize(
    ("port", "verb"),
    [
        pytest.param(Port.FULL, "bdat", id="everything"),
        pytest.param(Port.WITHOUT_CHUNKING, "data", id="no CHUNKING"),
        pytest.param(Port.WITHOUT_PIPELINING, "data", id="no PIPELINING"),
    ],
)
def test_an_edition_arrives_once_at_everybodys(
    port: Port, verb: str, servers: Servers, folder: Folder
) -> None:
    """Each reader has one message, with the ledger's Message-ID; by BDAT if possible."""
    domain = f"edition-{port}.test"
    letter = newsletter(folder, numbered(READERS, domain), port)
    before = servers.sessions()

    code = letter.send()
    mails = servers.delivered(domain)
    said = servers.commands(before)

    assert (0, {"sent": READERS}) == (code, letter.states())
    assert Counter(letter.readers) == Counter(mail.recipient for mail in mails)
    assert letter.message_ids() == {mail.recipient: mail.message_id for mail in mails}
    assert READERS == said[verb] == said["mail"] == said["rcpt"]
    assert {"bdat", "data"} & set(said) == {verb}


@pytest.mark.parametrize(
    ("port", "security"),
    [
        pytest.param(Port.WITH_LOGIN, "starttls", id="STARTTLS"),
        pytest.param(Port.TLS, "tls", id="TLS"),
    ],
)
def test_a_private_authority_is_trusted_where_it_is_named(
    port: Port, security: str, servers: Servers, folder: Folder
) -> None:
    """Without `ca_file` nothing is sent, not even the password; with it all goes."""
    domain = f"{security}.test"
    login = {"security": security} | LOGIN
    letter = newsletter(folder, numbered(5, domain), port, **login)
    refused = letter.send(), servers.delivered(domain)
    folder.configure(
        '"security"', f'"ca_file": "{servers.work}/tls/ca.pem", "security"'
    )

    sent = letter.retry()

    assert (75, []) == refused
    assert (0, {"sent": 5}) == (sent, letter.states())
    assert 5 == len(servers.delivered(domain))
    assert servers.log_lines("sasl_method=PLAIN, sasl_username=lettre")


# ── turns ───────────────────────────────────────────────────────────────────────


def is_one_command(turn: bytes) -> bool:
    """Whether nothing but one command, or one content, was said."""
    return turn.count(b"\r\n") == 1 or turn.endswith(b"\r\n.\r\n")


@pytest.mark.parametrize(
    ("port", "begun", "is_lock_step"),
    [
        pytest.param(Port.FULL, range(2, 17), False, id="several transactions at once"),
        pytest.param(Port.WITHOUT_CHUNKING, [1], False, id="the next one's envelope"),
        pytest.param(Port.WITHOUT_PIPELINING, [1], True, id="one command at a time"),
    ],
)
def test_as_much_is_said_at_once_as_the_server_offers(
    port: Port,
    begun: Sequence[int],
    is_lock_step: bool,
    servers: Servers,
    tmp_path: Path,
) -> None:
    """Nothing is said ahead of its turn, and whatever may be is."""
    servers.wait_for("Postfix", port)
    messages = [nasty(n, f"zoe{n}@void.test", b"Bonjour\r\n") for n in range(1, 31)]

    with relay(port) as heard:
        outcomes = transmit(channel(heard.port, tmp_path, connections=1), messages)

    most = max(turn.upper().count(b"MAIL FROM:") for turn in heard.turns)
    assert {OutcomeKind.ACCEPTED} == {outcome.kind for outcome in outcomes}
    assert most in begun
    assert is_lock_step == all(map(is_one_command, heard.turns))


# ── bytes ───────────────────────────────────────────────────────────────────────


def nasty(number: int, recipient: str, body: bytes) -> Message:
    """A message whose body could be mangled on its way."""
    head = (
        b"From: lettre@example.org\r\nTo: <%s>\r\nSubject: octets\r\n"
        b"Date: Mon, 23 Nov 2026 16:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n"
    )
    return Message(
        delivery=DeliveryId(number),
        recipient=recipient,
        key=f"<{number}@example.org>",
        content=head % (recipient.encode(), number) + body,
        sender=SENDER,
    )


BODIES = (
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n.\r\n\r\n.\r\n",
    b"." * 70 + b"\r\n" + b".x\r\n" * 3,
    b"QUIT\r\nRSET\r\n",
    b"x" * 998 + b"\r\n",
    "été à la bibliothèque\r\n".encode() * 3,
    (b"y" * 70 + b"\r\n") * 5000,
)


@pytest.mark.parametrize("port", PLAIN_PORTS)
def test_contents_arrive_byte_for_byte(
    port: Port, servers: Servers, tmp_path: Path
) -> None:
    """Leading dots, commands, eight bits and long bodies are the same in the mailbox."""
    domain = f"octets-{port}.test"
    messages = [
        nasty(number, f"zoe{number}@{domain}", body)
        for number, body in enumerate(BODIES, start=1)
    ]

    outcomes = transmit(channel(port, tmp_path, connections=2), messages)
    mails = {mail.recipient: mail.content for mail in servers.delivered(domain)}

    assert {OutcomeKind.ACCEPTED} == {outcome.kind for outcome in outcomes}
    assert {one.recipient: one.content for one in messages} == mails


def test_an_address_beyond_ascii_is_reached(servers: Servers, folder: Folder) -> None:
    """Postfix offers SMTPUTF8, so a local part with an accent is a mailbox as others."""
    letter = newsletter(folder, ["zoé@utf8.test", "tom@utf8.test"], Port.FULL)

    code = letter.send()
    mails = servers.delivered("utf8.test")

    assert (0, {"sent": 2}) == (code, letter.states())
    assert set(letter.readers) == {mail.recipient for mail in mails}


def test_postfix_would_refuse_a_bare_line_feed(servers: Servers) -> None:
    """The servers are strict, so whatever else arrives here has none."""
    with smtplib.SMTP("127.0.0.1", int(Port.FULL)) as client:
        client.ehlo("strict.test")
        client.mail(SENDER)
        client.rcpt("zoe@strict.test")
        client.putcmd("DATA")
        client.getreply()
        client.send(b"Subject: x\r\n\r\none\ntwo\r\n.\r\n")

        assert 550 == client.getreply()[0]

    assert not servers.delivered("strict.test")
