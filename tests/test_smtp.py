"""Mail through a real server on loopback, and through one that breaks on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from contracts.channel import (
    Destination,
    Tracked,
    kinds,
    mail,
    transmit,
)
from peers import run
from peers.certificates import Certificate, make_certificate
from peers.smtp import (
    PASSWORD,
    BreakingServer,
    Fault,
    Mailbox,
    Script,
    breaking_server,
    mail_server,
)
from smtp_samples import LARGE, SmtpContract, smtp
from tambour.channels import Channel, Check
from tambour.channels.tls import is_loopback
from tambour.model import Message, Outcome, OutcomeKind

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REJECTED, UNCERTAIN = OutcomeKind.REJECTED, OutcomeKind.UNCERTAIN
BRIEF = timedelta(seconds=0.3)


LOGIN: dict[str, Any] = {"username": "lettre", "password": SecretStr(PASSWORD)}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost and 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class Server:
    """The destination of the contract suite."""

    def __init__(self, mailbox: Mailbox, channel: Channel) -> None:
        self.channel = channel
        self._mailbox = mailbox

    def received(self) -> list[tuple[str, bytes]]:
        """Message-ID and bytes of what the server took on."""
        found = [envelope.original_content for envelope in self._mailbox.received]
        return [
            (content.partition(b"Message-ID: ")[2].split()[0].decode(), content)
            for content in found
            if isinstance(content, bytes)
        ]

    def refuse(self, message: Message) -> None:
        """Know no such user."""
        self._mailbox.refused.add(message.recipient)

    def vanish(self) -> None:
        """Close port and connections."""
        self._mailbox.vanish()


class TestSmtpContract(SmtpContract):
    """Without encryption or login, on one connection."""

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:
        """A server that takes on everything."""
        async with mail_server() as mailbox:
            yield Server(mailbox, smtp(mailbox.port, tmp_path))


class TestSmtpContractWithLogin(SmtpContract):
    """With STARTTLS and login."""

    secret = PASSWORD
    settings: ClassVar[dict[str, Any]] = LOGIN

    @pytest.fixture(autouse=True)
    def _certify(self, certificate: Certificate) -> None:
        self._certificate = certificate

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:
        """A server that asks for STARTTLS, then for a login."""
        async with mail_server(
            tls_context=self._certificate.server_context(),
            require_starttls=True,
            auth_required=True,
            with_login=True,
        ) as mailbox:
            encrypted = {"security": "starttls", "ca_file": self._certificate.file}
            channel = smtp(mailbox.port, tmp_path, **stringed(encrypted), **LOGIN)
            yield Server(mailbox, channel)


class TestSmtpContractImplicitTls(TestSmtpContractWithLogin):
    """With TLS from the first byte, without login."""

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:
        """A server that speaks nothing but TLS."""
        async with mail_server(tls=self._certificate.server_context()) as mailbox:
            encrypted = {"security": "tls", "ca_file": self._certificate.file}
            yield Server(mailbox, smtp(mailbox.port, tmp_path, **stringed(encrypted)))


def stringed(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as a file would have them."""
    return {key: str(value) for key, value in settings.items()}


def converse(
    script: Script, *messages: Message, **settings: Any
) -> tuple[list[Outcome], BreakingServer, Tracked]:
    """Send *messages* to a server that breaks by *script*."""

    async def main() -> tuple[list[Outcome], BreakingServer, Tracked]:
        async with breaking_server(script) as server:
            channel, wave = smtp(server.port, **settings), Tracked(messages)
            outcomes = await transmit(channel, wave)
            await channel.close()
            return outcomes, server, wave

    return run(main())


def refusal(script: Script, **settings: Any) -> Outcome:
    """Return why the channel could not be opened."""

    async def main() -> Outcome | None:
        async with breaking_server(script) as server:
            channel = smtp(server.port, **settings)
            outcome = await channel.open()
            await channel.close()
            return outcome

    outcome = run(main())
    assert outcome is not None
    return outcome


# Replies


@pytest.mark.parametrize(
    ("step", "reply", "kind", "code"),
    [
        ("MAIL", "451 4.3.0 later", DEFERRED, "451"),
        ("MAIL", "550 5.7.1 not you", REJECTED, "550"),
        ("MAIL", "552 5.3.4 too big", REJECTED, "552"),
        ("RCPT", "451 4.7.1 greylisted", DEFERRED, "451"),
        ("RCPT", "452 4.2.2 mailbox full", DEFERRED, "452"),
        ("RCPT", "550 5.1.1 no such user", REJECTED, "550"),
        ("RCPT", "421 4.7.0 too many", DEFERRED, "421"),
        ("DATA", "451 4.3.0 disk full", DEFERRED, "451"),
        ("DATA", "554 5.5.1 no recipients", REJECTED, "554"),
        ("DATA", "421 4.3.2 going down", DEFERRED, "421"),
        ("dot", "451 4.6.0 scanner down", DEFERRED, "451"),
        ("dot", "550 5.7.1 spam", REJECTED, "550"),
        ("dot", "421 4.3.2 going down", DEFERRED, "421"),
    ],
)
def test_a_refusal_is_the_servers_own(
    step: str, reply: str, kind: OutcomeKind, code: str
) -> None:
    """A message refused at any step has the server's code and words; the next goes."""
    outcomes, server, _ = converse({step: [reply, _default(step)]}, mail(1), mail(2))

    assert [kind, ACCEPTED] == kinds(outcomes)
    assert (code, reply[4:]) == (outcomes[0].code, outcomes[0].reply)
    assert b"no. 2" in server.contents[-1]


def _default(step: str) -> str:
    return "354 go ahead" if step == "DATA" else "250 2.0.0 ok"


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_refused_message_is_reset(step: str) -> None:
    """After a refusal within a transaction comes RSET, on the same connection."""
    script: Script = {step: ["550 5.1.1 no", _default(step)]}
    _, server, _ = converse(script, mail(1), mail(2))
    verbs = [command.split()[0] for command in server.heard]

    assert verbs.count("EHLO") == 1
    assert verbs[verbs.index(step) + 1] == "RSET"


def test_a_long_reply_is_one_short_line() -> None:
    """Whatever a server says fits a line of the history."""
    reply = "550-5.7.1 no\x1b[31m\r\n550-" + "x" * 2000 + "\r\n550 end"
    outcomes, _, _ = converse({"RCPT": reply}, mail(1))

    assert outcomes[0].reply.startswith("5.7.1 no [31m xxx")
    assert len(outcomes[0].reply) == 400


# Lost connections


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"MAIL": Fault.DROP}, DEFERRED, "connection-lost"),
        ({"RCPT": Fault.DROP}, DEFERRED, "connection-lost"),
        ({"DATA": Fault.DROP}, DEFERRED, "connection-lost"),
        ({"content": Fault.DROP}, DEFERRED, "connection-lost"),
        ({"dot": Fault.DROP}, UNCERTAIN, "connection-lost"),
        ({"RCPT": Fault.STALL}, DEFERRED, "timeout"),
        ({"content": Fault.STALL}, DEFERRED, "timeout"),
        ({"dot": Fault.STALL}, UNCERTAIN, "timeout"),
        ({"RCPT": "what?"}, DEFERRED, "protocol"),
        ({"RCPT": "250 ok\r\n250 ok"}, DEFERRED, "protocol"),
        ({"DATA": "250 ok"}, DEFERRED, "protocol"),
        ({"RCPT": "250 " + "x" * 9000}, DEFERRED, "protocol"),
        ({"dot": "what?"}, UNCERTAIN, "protocol"),
        ({"dot": "354 more"}, UNCERTAIN, "protocol"),
        ({"dot": "250 " + "x" * 9000}, UNCERTAIN, "protocol"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_only_the_final_dot_makes_uncertain(
    script: Script, kind: OutcomeKind, code: str
) -> None:
    """Lost before the final dot is deferred; after it, nobody knows."""
    content = mail(1).content + (LARGE if "content" in script else b"")
    message = mail(1)._replace(content=content)
    timeout = BRIEF if Fault.STALL in script.values() else timedelta(seconds=20)
    outcomes, server, _ = converse(script, message, timeout=timeout)

    assert [(kind, code)] == [(outcome.kind, outcome.code) for outcome in outcomes]
    assert f"127.0.0.1:{server.port}" in outcomes[0].reply


def test_a_loss_costs_only_its_own_message() -> None:
    """The next message goes out on a new connection."""
    script: Script = {
        "DATA": [Fault.DROP, "354 go ahead"],
        "dot": [Fault.DROP, "250 ok"],
    }
    outcomes, _, _ = converse(script, mail(1), mail(2), mail(3))

    assert [DEFERRED, UNCERTAIN, ACCEPTED] == kinds(outcomes)


@pytest.mark.parametrize("closing", [Fault.DROP, "421 4.4.2 idle for too long"])
def test_a_connection_closed_in_between_is_opened_again(closing: Fault | str) -> None:
    """A server that closes between messages is not noticed by any of them."""
    script: Script = {"MAIL": ["250 ok", closing, "250 ok"]}
    outcomes, server, _ = converse(script, mail(1), mail(2), mail(3))

    assert [ACCEPTED] * 3 == kinds(outcomes)
    assert len(server.contents) == 3


@pytest.mark.parametrize("closing", [Fault.DROP, "421 4.4.2 idle for too long"])
def test_a_connection_is_opened_again_only_once(closing: Fault | str) -> None:
    """A new connection that is closed at once defers the message."""
    script: Script = {"MAIL": ["250 ok", closing, closing, "250 ok"]}
    outcomes, server, _ = converse(script, mail(1), mail(2), mail(3))

    assert [ACCEPTED, DEFERRED, ACCEPTED] == kinds(outcomes)
    assert len(server.contents) == 2


def test_stops_when_no_connection_is_to_be_had() -> None:
    """A server that lets nobody in any more leaves the rest of the wave alone."""
    script: Script = {
        "MAIL": ["250 ok", Fault.DROP],
        "connect": ["220 peer.example", "421 4.3.2 closed for today"],
    }
    outcomes, server, wave = converse(script, *map(mail, range(1, 6)))

    assert [ACCEPTED, DEFERRED] == kinds(outcomes)
    assert outcomes[1].code == "421"
    assert wave.ids == [1, 2]
    assert server.connections == 2


def test_a_login_lost_on_the_way_rejects_nobody() -> None:
    """A password refused in mid-wave defers: it is not the recipient's fault."""
    script: Script = {
        "MAIL": ["250 ok", Fault.DROP],
        "AUTH": ["235 ok", "535 5.7.8 no"],
    }
    outcomes, _, wave = converse(script, *map(mail, (1, 2, 3)), **LOGIN)

    assert [ACCEPTED, DEFERRED] == kinds(outcomes)
    assert outcomes[1].code == "535"
    assert wave.ids == [1, 2]


def test_idle_servers_are_found_again() -> None:
    """Connections closed between two waves cost nothing."""

    async def main() -> list[OutcomeKind]:
        async with mail_server() as mailbox:
            channel = smtp(mailbox.port)
            first = await transmit(channel, [mail(1)])
            mailbox.hang_up()
            second = await transmit(channel, [mail(2)])
            await channel.close()
            assert len(mailbox.received) == 2
            return kinds([*first, *second])

    assert run(main()) == [ACCEPTED, ACCEPTED]


# What may be sent


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Subject: x\r\n\r\nno end", "bad-content"),
        (b"Subject: x\n\r\nbare\r\n", "bad-content"),
        (b"Subject: x\r\n\r\nbare\rreturn\r\n", "bad-content"),
        (b"x\r\n\n.\nMAIL FROM:<x@example.org>\r\n", "bad-content"),
        (b"", "bad-content"),
        (b"Subject: \xc3\xa9\r\n", "8bitmime-missing"),
    ],
    ids=["no end", "bare LF", "bare CR", "smuggling", "empty", "8 bit"],
)
def test_content_that_would_change_is_refused(content: bytes, code: str) -> None:
    """What a server could read in two ways never leaves; the next message does."""
    odd = mail(1)._replace(content=content)
    outcomes, server, _ = converse({}, odd, mail(2))

    assert [REJECTED, ACCEPTED] == kinds(outcomes)
    assert outcomes[0].code == code
    assert len(server.contents) == 1


@pytest.mark.parametrize(
    "recipient",
    [
        "no-domain",
        "@example.org",
        "x@",
        "a@example.org> SIZE=1",
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a b@example.org",
        "a@exa\u2000mple.org",
        "a@-é-.org",
    ],
)
def test_addresses_cannot_smuggle_commands(recipient: str) -> None:
    """What is no address is refused here; the server hears nothing of it."""
    outcomes, server, _ = converse({}, mail(1, recipient=recipient), mail(2))

    assert [REJECTED, ACCEPTED] == kinds(outcomes)
    assert outcomes[0].code == "bad-address"
    assert len([line for line in server.heard if line.startswith("RCPT")]) == 1


def test_domains_travel_in_ascii() -> None:
    """An accented domain is spelt as the DNS knows it, sharp s and all."""
    _, server, _ = converse({}, mail(1, recipient="zoe@straße.example"))

    assert "RCPT TO:<zoe@xn--strae-oqa.example>" in server.heard


def test_accents_before_the_at_need_smtputf8() -> None:
    """Offered, it is used; otherwise only that recipient is refused."""
    offer: Script = {"EHLO": "250-peer.example\r\n250 SMTPUTF8"}
    asked = [mail(1, recipient="zoé@example.org"), mail(2)]
    outcomes, server, _ = converse(offer, *asked)
    refused, _, _ = converse({}, *asked)

    assert [ACCEPTED, ACCEPTED] == kinds(outcomes)
    assert "MAIL FROM:<lettre@example.org> SMTPUTF8" in server.heard
    assert "RCPT TO:<zoé@example.org>" in server.heard
    assert [REJECTED, ACCEPTED] == kinds(refused)
    assert refused[0].code == "smtputf8-missing"


def test_size_and_8bitmime_are_declared_when_offered() -> None:
    """A server that wants to know is told before the content comes."""
    content = b"Subject: \xc3\xa9\r\n\r\nx\r\n"
    script: Script = {"EHLO": "250-peer.example\r\n250-SIZE 1000\r\n250 8BITMIME"}
    _, server, _ = converse(script, mail(1)._replace(content=content))

    assert f"MAIL FROM:<lettre@example.org> SIZE={len(content)} BODY=8BITMIME" in (
        server.heard
    )
    assert server.contents == [content + b".\r\n"]


def test_introduces_itself_by_its_address() -> None:
    """No look-up of our own name, which may take long, is ever needed."""
    _, server, _ = converse({}, mail(1))

    assert server.heard[0] == "EHLO [127.0.0.1]"


def test_old_servers_are_greeted_the_old_way() -> None:
    """A server without EHLO is spoken to with HELO."""
    outcomes, _, _ = converse({"EHLO": "502 5.5.1 what?"}, mail(1))

    assert [ACCEPTED] == kinds(outcomes)


# Opening


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"connect": "421 4.3.2 busy"}, DEFERRED, "421"),
        ({"connect": "554 5.7.1 blocked"}, REJECTED, "554"),
        ({"connect": Fault.DROP}, DEFERRED, "unreachable"),
        ({"connect": Fault.STALL}, DEFERRED, "unreachable"),
        ({"connect": "SSH-2.0-OpenSSH"}, DEFERRED, "protocol"),
        ({"EHLO": "550 5.7.1 no", "HELO": "550 5.7.1 no"}, REJECTED, "550"),
        ({"EHLO": "421 4.7.0 no"}, DEFERRED, "421"),
        ({"AUTH": "535 5.7.8 wrong"}, REJECTED, "535"),
        ({"AUTH": "454 4.7.0 later"}, DEFERRED, "454"),
        ({"AUTH": Fault.DROP}, DEFERRED, "unreachable"),
        ({"EHLO": "250 peer.example"}, REJECTED, "login-unsupported"),
        ({"EHLO": "250-x\r\n250 AUTH GSSAPI"}, REJECTED, "login-unsupported"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_opening_says_why_not(script: Script, kind: OutcomeKind, code: str) -> None:
    """Each way of not getting in has its code, and a reply that names the server."""
    outcome = refusal(script, timeout=BRIEF, **LOGIN)

    assert (kind, code) == (outcome.kind, outcome.code)
    assert "127.0.0.1:" in outcome.reply


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    """Neither the password nor its encoding gets into a history."""

    async def main() -> str:
        async with breaking_server({"AUTH": "535 5.7.8 wrong"}) as server:
            await smtp(server.port, **LOGIN).open()
            said = next(line for line in server.heard if line.startswith("AUTH"))
        script = {"AUTH": f"535 5.7.8 {said} is {PASSWORD}"}
        async with breaking_server(script) as server:
            outcome = await smtp(server.port, **LOGIN).open()
        return f"{said.split()[-1]} {outcome}"

    token, _, shown = run(main()).partition(" ")

    assert PASSWORD not in shown
    assert token not in shown
    assert "*** is ***" in shown


def test_login_works_with_accents_and_without_plain() -> None:
    """Passwords are UTF-8; AUTH LOGIN will do."""

    async def main(exclude: list[str]) -> list[tuple[str, str]]:
        async with mail_server(
            with_login=True, auth_require_tls=False, auth_exclude_mechanism=exclude
        ) as mailbox:
            channel = smtp(mailbox.port, **LOGIN)
            assert await channel.open() is None
            await channel.close()
            return mailbox.logins

    assert run(main([])) == [("lettre", PASSWORD)]
    assert run(main(["PLAIN"])) == [("lettre", PASSWORD)]


def test_no_password_goes_out_in_the_clear() -> None:
    """Without encryption a login is refused before anything is dialled."""
    channel = smtp(25, host="mail.example.org", **LOGIN)
    outcome = run(channel.open())

    assert outcome is not None
    assert (REJECTED, "plaintext-login") == (outcome.kind, outcome.code)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("mail.localhost", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("::1", True),
        ("192.168.1.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_name(host: str, expected: bool) -> None:
    """Only what cannot be another machine counts as this one."""
    assert expected == is_loopback(host)


# Encryption


def open_encrypted(certificate: Certificate, *, shown: Certificate) -> Outcome | None:
    """Open a channel that trusts *certificate* to a server that shows another."""

    async def main() -> Outcome | None:
        async with mail_server(tls=shown.server_context()) as mailbox:
            ca_file = str(certificate.file)
            channel = smtp(mailbox.port, security="tls", ca_file=ca_file)
            outcome = await channel.open()
            await channel.close()
            return outcome

    return run(main())


def test_a_certificate_must_verify(certificate: Certificate, tmp_path: Path) -> None:
    """A stranger's certificate, or one for another name, is refused."""
    (tmp_path / "other").mkdir()
    (tmp_path / "stranger").mkdir()
    other = make_certificate(tmp_path / "other", names="DNS:other.example")
    stranger = make_certificate(tmp_path / "stranger")
    good = open_encrypted(certificate, shown=certificate)
    misnamed = open_encrypted(other, shown=other)
    unknown = open_encrypted(certificate, shown=stranger)

    assert good is None
    for outcome in (misnamed, unknown):
        assert outcome is not None
        assert (REJECTED, "certificate") == (outcome.kind, outcome.code)
        assert "ca_file" in outcome.reply


@pytest.mark.parametrize("by", ["starttls", "tls"])
def test_starttls_certificates_must_verify_too(
    certificate: Certificate, by: str
) -> None:
    """Without the private authority, its certificate is worth nothing."""

    async def main() -> Outcome | None:
        context = certificate.server_context()
        options = {"tls": context} if by == "tls" else {"tls_context": context}
        async with mail_server(**options) as mailbox:
            channel = smtp(mailbox.port, security=by)
            outcome = await channel.open()
            await channel.close()
            return outcome

    outcome = run(main())

    assert outcome is not None
    assert outcome.code == "certificate"


def test_encryption_that_is_not_offered_is_not_done_without() -> None:
    """A server without STARTTLS gets no mail and no password."""
    outcome = refusal({}, security="starttls", **LOGIN)

    assert (REJECTED, "starttls-missing") == (outcome.kind, outcome.code)


def test_starttls_refused_for_now_is_deferred() -> None:
    """TLS that is down for the moment may come back."""
    offer: Script = {
        "EHLO": "250-x\r\n250 STARTTLS",
        "STARTTLS": "454 4.7.0 no TLS now",
    }
    outcome = refusal(offer, security="starttls")

    assert (DEFERRED, "454") == (outcome.kind, outcome.code)


def test_tls_to_a_port_without_it_names_the_setting() -> None:
    """The usual mix-up of 465 and 587 is explained."""
    outcome = refusal({}, security="tls", timeout=timedelta(seconds=5))

    assert (DEFERRED, "tls") == (outcome.kind, outcome.code)
    assert "starttls on 587" in outcome.reply


def test_a_missing_ca_file_is_named() -> None:
    """The outcome says which file."""
    outcome = refusal({}, ca_file="no/such.pem")

    assert (REJECTED, "ca-file") == (outcome.kind, outcome.code)
    assert "no/such.pem" in outcome.reply


# Doctor


def probe_encrypted(certificate: Certificate) -> dict[str, Check]:
    """Probe a server with STARTTLS and login that shows *certificate*."""

    async def main() -> tuple[Check, ...]:
        async with mail_server(
            tls_context=certificate.server_context(), with_login=True
        ) as mailbox:
            ca_file = str(certificate.file)
            channel = smtp(mailbox.port, security="starttls", ca_file=ca_file, **LOGIN)
            return await channel.probe()

    return {check.name: check for check in run(main())}


def test_probe_describes_the_server(certificate: Certificate) -> None:
    """Doctor shows TLS, the certificate's end, the login and the extensions."""
    checks = probe_encrypted(certificate)

    assert ["connection", "encryption", "login", "extensions"] == list(checks)
    assert checks["encryption"].detail.startswith("TLSv1.3, certificate valid until 20")
    assert checks["login"].detail == "lettre is let in"
    assert "8BITMIME" in checks["extensions"].detail


def test_probe_warns_of_a_certificate_near_its_end(tmp_path: Path) -> None:
    """Two weeks are left to renew it."""
    check = probe_encrypted(make_certificate(tmp_path, days=10))["encryption"]

    assert not check.ok
    assert "renew it" in check.detail


@pytest.mark.parametrize(
    ("script", "settings", "name"),
    [
        ({"AUTH": "535 5.7.8 wrong"}, LOGIN, "login"),
        ({}, {"security": "starttls"}, "encryption"),
        ({"connect": "554 no"}, {}, "connection"),
    ],
    ids=["login", "encryption", "connection"],
)
def test_probe_names_the_part_that_fails(
    script: Script, settings: dict[str, Any], name: str
) -> None:
    """Each failure is shown under what it is about."""

    async def main() -> tuple[Check, ...]:
        async with breaking_server(script) as server:
            return await smtp(server.port, **settings).probe()

    checks = run(main())

    assert [(name, False)] == [(check.name, check.ok) for check in checks]
