"""The faulty mail server itself, tried with plain sockets and smtplib."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from peers.certificates import make_certificate
from peers.faults import (
    DRIP,
    DROP,
    DROP_TAKEN,
    ENDLESS_LINE,
    FOREVER,
    RESET_TAKEN,
    STALL,
    Fault,
    Faults,
    Phase,
    Rule,
    late,
    mixed,
    say,
)
from peers.faulty_smtp import faulty_server
from peers.sink import Sink

BODY = b"Message-ID: <1@example.org>\r\n\r\n.hidden\r\n.\r\nend\r\n"
SENDER, READER = "lettre@example.org", "zoe@example.org"
HELLO = b"EHLO client.example\r\n"
ENVELOPE = b"MAIL FROM:<lettre@example.org>\r\nRCPT TO:<zoe@example.org>\r\n"


OPENED = ENVELOPE + b"DATA\r\n"


def without(extension: str) -> Faults:
    """A sound server that lacks something."""
    return Faults(without=frozenset({extension}))


def rule(phase: Phase, fault: Fault, *, times: int = 1, chance: float = 1.0) -> Faults:
    """A server with one fault."""
    only = Rule(phase=phase, fault=fault, times=times, chance=chance)
    return Faults(rules=(only,))


def converse(sink: Sink, *groups: bytes) -> bytes:
    """Say *groups*, one after the other is answered; return all that was said."""
    said = b""
    with socket.create_connection(("127.0.0.1", sink.port), 10) as sock:
        for group in (b"", *groups):
            sock.sendall(group)
            answer, wanted = b"", b"354" if group.endswith(b"DATA\r\n") else b"\r\n"
            while wanted not in answer and (more := sock.recv(65536)):
                answer += more
            said += answer
        sock.shutdown(socket.SHUT_WR)
        while more := sock.recv(65536):
            said += more
    sink.wait_for_quiet()
    return said


def post(sink: Sink) -> dict[str, tuple[int, bytes]]:
    """Send one message by smtplib; return who was refused."""
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        return client.sendmail(SENDER, [READER], BODY)


def test_a_sound_server_takes_what_smtplib_sends() -> None:
    """Byte for byte, dots taken off, without an objection."""
    with faulty_server() as sink:
        assert {} == post(sink)
        sink.wait_for_quiet()

    assert [] == sink.violations
    assert [(READER, BODY)] == [(one.recipient, one.content) for one in sink.taken]
    assert "<1@example.org>" == sink.taken[0].message_id
    assert str(len(BODY)) == sink.taken[0].parameters["SIZE"]


def test_chunks_travel_together() -> None:
    """Two transactions in one write, each in two chunks, are two messages."""
    chunks = (
        b"BDAT 29\r\n" + BODY[:29] + b"BDAT %d LAST\r\n" % len(BODY[29:]) + BODY[29:]
    )
    with faulty_server() as sink:
        converse(sink, HELLO, (ENVELOPE + chunks + b"RSET\r\n") * 2 + b"QUIT\r\n")

    assert [] == sink.violations
    assert [BODY, BODY] == [one.content for one in sink.taken]


def test_groups_travel_together() -> None:
    """Content, its dot and the next transaction's envelope may be one write."""
    with faulty_server() as sink:
        converse(
            sink,
            HELLO,
            ENVELOPE + b"DATA\r\n",
            BODY.replace(b"\r\n.", b"\r\n..") + b".\r\n" + ENVELOPE + b"DATA\r\n",
            b"x\r\n.\r\n",
        )

    assert [] == sink.violations
    assert [BODY, b"x\r\n"] == [one.content for one in sink.taken]


SOUND = Faults()


@pytest.mark.parametrize(
    ("violation", "faults", "groups"),
    [
        ("before the reply", without("PIPELINING"), [HELLO, ENVELOPE]),
        ("before the reply", SOUND, [HELLO + ENVELOPE]),
        ("before the reply", SOUND, [HELLO, ENVELOPE + b"DATA\r\nx\r\n"]),
        ("bare", SOUND, [HELLO, OPENED, b"bare\nline\r\n.\r\n"]),
        ("bare", SOUND, [HELLO, ENVELOPE + b"BDAT 4 LAST\r\n\n\n\r\n"]),
        ("over 998", SOUND, [HELLO, OPENED, b"x" * 999 + b"\r\n.\r\n"]),
        ("not doubled", SOUND, [HELLO, OPENED, b".single\r\n.\r\n"]),
        ("8-bit", SOUND, [HELLO, OPENED, b"\xc3\xa9\r\n.\r\n"]),
        ("NUL", SOUND, [HELLO, OPENED, b"\0\r\n.\r\n"]),
        ("last line end", SOUND, [HELLO, ENVELOPE + b"BDAT 3 LAST\r\nend"]),
        ("BDAT 1 FIRST", SOUND, [HELLO, ENVELOPE + b"BDAT 1 FIRST\r\n"]),
        ("CHUNKING", without("CHUNKING"), [HELLO, ENVELOPE + b"BDAT 1\r\nx"]),
        ("SIZE was not", without("SIZE"), [HELLO, b"MAIL FROM:<a@b> SIZE=3\r\n"]),
        ("ENVID was not", without("DSN"), [HELLO, b"MAIL FROM:<a@b> ENVID=3\r\n"]),
        ("UTF-8", SOUND, [HELLO, "MAIL FROM:<é@example.org>\r\n".encode()]),
        ("FROM in", SOUND, [HELLO, b"MAIL FROM: <a@example.org>\r\n"]),
        ("within", SOUND, [HELLO, ENVELOPE + b"MAIL FROM:<a@example.org>\r\n"]),
        ("command line", SOUND, [HELLO, b"MAIL FROM:<%s@b>\r\n" % (b"a" * 1000)]),
        ("unknown", SOUND, [b"HULLO\r\n"]),
    ],
)
def test_watches_its_client(
    violation: str, faults: Faults, groups: list[bytes]
) -> None:
    """What a strict server could misread is kept as a violation, and only that."""
    with faulty_server(faults) as sink:
        converse(sink, *groups)

    assert 1 == len(sink.violations), sink.violations
    assert violation in sink.violations[0]


@pytest.mark.parametrize(
    ("faults", "complaint", "taken"),
    [
        (rule(Phase.GREETING, say("554 5.3.2 no service")), "554", 0),
        (rule(Phase.MAIL, say("451 4.3.0 later")), "451", 0),
        (rule(Phase.RCPT, say("550 5.1.1 who?")), "550", 0),
        (rule(Phase.DATA, say("452 4.3.1 full")), "452", 0),
        (rule(Phase.FINAL, say("554 5.6.0 no")), "554", 0),
        (rule(Phase.MAIL, say("421 4.3.2 going down")), "421", 0),
        (rule(Phase.RCPT, DROP), "closed", 0),
        (rule(Phase.CONTENT, DROP), "closed", 0),
        (rule(Phase.FINAL, DROP), "closed", 0),
        (rule(Phase.FINAL, DROP_TAKEN), "closed", 1),
        (rule(Phase.FINAL, RESET_TAKEN), "reset", 1),
        (rule(Phase.FINAL, say("what?", takes=True)), "-1", 1),
        (rule(Phase.FINAL, ENDLESS_LINE), "Line too long", 0),
        (Faults(size=20), "552", 0),
    ],
    ids=str,
)
def test_goes_wrong_as_told(faults: Faults, complaint: str, taken: int) -> None:
    """The client fails as it should, and the server knows what it took on."""
    with faulty_server(faults) as sink:
        with pytest.raises(OSError, match=complaint):
            post(sink)
        sink.wait_for_quiet()

    assert taken == len(sink.taken)
    assert [] == sink.violations


@pytest.mark.parametrize("fault", [DRIP, late(0.01)], ids=str)
@pytest.mark.parametrize("phase", [Phase.GREETING, Phase.EHLO, Phase.RCPT, Phase.FINAL])
def test_a_slow_server_takes_all(phase: Phase, fault: Fault) -> None:
    """Late or octet by octet, a reply is a reply."""
    with faulty_server(rule(phase, fault)) as sink:
        post(sink)
        sink.wait_for_quiet()

    assert 1 == len(sink.taken)


def test_a_fault_passes() -> None:
    """Greylisting refuses the first two tries for a recipient, then takes it."""
    grey = rule(Phase.RCPT, say("451 4.7.1 greylisted"), times=2)
    with faulty_server(grey) as sink:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                post(sink)
        post(sink)

    assert 1 == len(sink.taken)


def test_limits_are_kept() -> None:
    """One connection too many is told so, and so is one message too many."""
    with (
        faulty_server(Faults(most_connections=1, most_messages=2)) as sink,
        smtplib.SMTP("127.0.0.1", sink.port) as client,
    ):
        with pytest.raises(smtplib.SMTPConnectError, match="421"):
            smtplib.SMTP("127.0.0.1", sink.port)
        for _ in range(2):
            client.sendmail(SENDER, [READER], BODY)
        with pytest.raises(smtplib.SMTPSenderRefused, match="421"):
            client.sendmail(SENDER, [READER], BODY)

    assert 2 == len(sink.taken)
    assert 2 == sink.most_at_once


def test_silence_is_silence() -> None:
    """A client that waits in vain gives up; nothing is held against either."""
    with faulty_server(rule(Phase.RCPT, STALL)) as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port, timeout=0.1)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            client.sendmail(SENDER, [READER], BODY)
        sink.wait_for_quiet()

    assert [] == sink.violations


@pytest.mark.parametrize(
    ("pipelined", "answer"),
    [("discarded", b"250 2.1.0 ok\r\n"), ("refused", b"503 5.5.1 one thing at a time")],
)
def test_pipelining_may_be_a_lie(pipelined: str, answer: bytes) -> None:
    """What comes too early is thrown away or refused, though it was invited."""
    with faulty_server(Faults(pipelined=pipelined)) as sink:  # type: ignore[arg-type] - from the table
        said = converse(sink, HELLO, ENVELOPE)

    assert answer in said
    assert b"2.1.5" not in said


def unverified() -> ssl.SSLContext:
    """Trust anybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def log_in(client: smtplib.SMTP) -> None:
    """STARTTLS, then a login."""
    client.starttls(context=unverified())
    client.login("lettre", "gloria")
    client.sendmail(SENDER, [READER], BODY)


@pytest.mark.parametrize(
    ("faults", "step", "complaint"),
    [
        (Faults(), log_in, ""),
        (without("STARTTLS"), log_in, "STARTTLS"),
        (
            rule(Phase.STARTTLS, say("454 4.7.0 not now")),
            log_in,
            "Authentic|530|535|454",
        ),
        (rule(Phase.HANDSHAKE, DROP), log_in, "EOF|reset|closed"),
        (rule(Phase.HANDSHAKE, say("220 in the clear")), log_in, "WRONG_VERSION|wrong"),
        (rule(Phase.AUTH, say("454 4.7.0 later"), times=9), log_in, "454"),
    ],
    ids=["sound", "missing", "refused", "cut", "plain", "login"],
)
def test_encryption_may_break(
    tmp_path: Path, faults: Faults, step: Callable[[smtplib.SMTP], None], complaint: str
) -> None:
    """TLS stands, or breaks where it is told to."""
    tls = make_certificate(tmp_path).server_context()
    with faulty_server(faults, tls=tls, login=("lettre", "gloria")) as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port)
        try:
            if complaint:
                with pytest.raises((OSError, ssl.SSLError), match=complaint):
                    step(client)
            else:
                step(client)
                assert [("PLAIN", "lettre", "gloria")] == sink.logins
        finally:
            client.close()
    assert (not complaint) == bool(sink.taken)


def test_a_seed_tells_all() -> None:
    """Equal seeds are equal servers; what strikes does not depend on who is first."""
    wild = rule(Phase.RCPT, say("451 no"), times=FOREVER, chance=0.5)
    met = [(f"p{n}", visit) for n in range(20) for visit in range(5)]
    struck = {one for one in met if wild.choose(Phase.RCPT, *one).text}

    assert struck == {
        one for one in reversed(met) if wild.choose(Phase.RCPT, *one).text
    }
    assert 20 < len(struck) < 80
    assert mixed(7, stall_for=1) == mixed(7, stall_for=1)
    assert 100 == len({repr(mixed(seed)) for seed in range(100)})
