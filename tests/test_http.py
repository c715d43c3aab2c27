"""What becomes of a post, tried on a real HTTP server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers import dead_port
from peers.certificates import make_certificate
from peers.http import Answer, HttpPeer, http_server
from tambour.channels.http import Destination, HttpClient, retry_after
from tambour.model import Outcome, OutcomeKind

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REJECTED, UNCERTAIN = OutcomeKind.REJECTED, OutcomeKind.UNCERTAIN
NOW = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)


@contextmanager
def client(url: str, *, timeout_s: float = 20, hide: str = "") -> Iterator[HttpClient]:
    """A client for *url*."""
    destination = Destination(url=url, timeout_s=timeout_s, hide=(hide,))
    made = HttpClient(destination, clock=lambda: NOW)
    try:
        yield made
    finally:
        made.close()


def post(answer: Answer, *, timeout_s: float = 20) -> tuple[Outcome, HttpPeer]:
    """Post once to a server that gives *answer*."""
    with http_server() as peer:
        peer.answer = answer
        url = f"http://127.0.0.1:{peer.port}/hook"
        with client(url, timeout_s=timeout_s) as http:
            return http.post(b"{}", {}), peer


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, ACCEPTED) for status in (200, 201, 202, 204)],
        *[(status, UNCERTAIN) for status in (102, 103)],
        *[(status, REJECTED) for status in (300, 301, 302, 307, 308)],
        *[(status, REJECTED) for status in (400, 401, 403, 404, 409, 410, 413, 422)],
        *[(status, DEFERRED) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
    ],
)
def test_the_status_decides(status: int, kind: OutcomeKind) -> None:
    """Each status is taken on, to be tried again, or final."""
    outcome, peer = post(Answer(status=status, body=b"because"))

    assert (kind, f"HTTP {status}") == (outcome.kind, outcome.code)
    assert outcome.reply
    assert len(peer.received) == 1


def test_a_redirect_is_not_followed() -> None:
    """The post goes nowhere else; the reply says where it was sent to."""
    with http_server() as other:
        elsewhere = f"http://localhost:{other.port}/moved/SECRETSECRETSECRET"
        outcome, _ = post(Answer(status=308, headers={"Location": elsewhere}))

        assert outcome.kind is REJECTED
        assert "localhost" in outcome.reply
        assert "SECRET" not in outcome.reply
        assert other.received == []


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "http://\xff:99999999/", "http://a:b@[x]:y/", "//", "\t"],
)
def test_a_redirect_to_nonsense_is_still_a_verdict(location: str) -> None:
    """What stands in Location is never trusted to be an address."""
    outcome, _ = post(Answer(status=302, headers={"Location": location}))

    assert (REJECTED, "HTTP 302") == (outcome.kind, outcome.code)


def test_a_redirects_answer_is_not_read_to_its_end() -> None:
    """A body that never ends keeps nobody waiting."""
    elsewhere = {"Location": "http://localhost/", "Transfer-Encoding": "chunked"}
    outcome, _ = post(Answer(status=308, headers=elsewhere, is_endless=True))

    assert (REJECTED, "HTTP 308") == (outcome.kind, outcome.code)


def test_a_large_answer_is_cut() -> None:
    """What a server says at length does not fill the memory or the history."""
    outcome, _ = post(Answer(status=400, body=b"no " * 10_000_000))

    assert outcome.kind is REJECTED
    assert outcome.reply.startswith("no no no")
    assert len(outcome.reply) <= 400


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Answer(status=0), "connection-lost"), (Answer(status=-1), "timeout")],
    ids=["hangs up", "says nothing"],
)
def test_a_post_without_an_answer_is_uncertain(answer: Answer, code: str) -> None:
    """Once the post is out, only an answer tells what became of it."""
    outcome, peer = post(answer, timeout_s=0.3)

    assert (UNCERTAIN, code) == (outcome.kind, outcome.code)
    assert len(peer.received) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_there_is_deferred(scheme: str) -> None:
    """A refused connection posted nothing."""
    with dead_port() as port, client(f"{scheme}://127.0.0.1:{port}/x") as http:
        outcome = http.post(b"{}", {})

    assert (DEFERRED, "unreachable") == (outcome.kind, outcome.code)
    assert f"127.0.0.1:{port}" in outcome.reply


def test_tls_to_a_plain_port_is_deferred() -> None:
    """A handshake that fails posted nothing."""
    with http_server() as peer, client(f"https://127.0.0.1:{peer.port}/x") as http:
        outcome = http.post(b"{}", {})

        assert (DEFERRED, "tls") == (outcome.kind, outcome.code)
        assert peer.received == []


def test_the_systems_authorities_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private authority that the machine trusts is good for posts too."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    with http_server(tls=certificate.server_context()) as peer:
        url = f"https://127.0.0.1:{peer.port}/x"
        with client(url) as http:
            outcome, checks = http.post(b"{}", {}), http.checks()

    assert outcome.kind is ACCEPTED
    assert ["connection", "encryption"] == [check.name for check in checks]
    assert all(check.ok for check in checks)


def test_plain_http_is_for_this_machine_only() -> None:
    """Elsewhere a post would be readable on its way; no connection is tried."""
    with client("http://hooks.example.org/x") as http:
        outcome, checks = http.post(b"{}", {}), http.checks()

    assert (REJECTED, "plaintext") == (outcome.kind, outcome.code)
    assert [False] == [check.ok for check in checks]


def test_the_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a proxy nor a .netrc of whoever starts the program is used."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with dead_port() as nowhere:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{nowhere}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        outcome, peer = post(Answer())

    assert outcome.kind is ACCEPTED
    assert "Authorization" not in peer.received[0].headers


def test_each_post_has_its_own_connection() -> None:
    """A connection that the server closes between two posts makes none uncertain."""
    with http_server() as peer, client(f"http://127.0.0.1:{peer.port}/x") as http:
        outcomes = [http.post(b"{}", {}) for _ in range(5)]
        ports = {posted.client_port for posted in peer.received}

    assert [ACCEPTED] * 5 == [outcome.kind for outcome in outcomes]
    assert len(ports) == 5


def test_a_server_that_quotes_secrets_is_not_quoted() -> None:
    """Path, query, user and secrets of the destination stay out of the reply."""
    with http_server() as peer:
        quoted = (
            b"/services/abcdefghijklmnop?key=qwertz user:pa55word SIGNKEY 127.0.0.1"
        )
        peer.answer = Answer(status=400, body=quoted + b" abcdefghijklmnop")
        url = (
            f"http://user:pa55word@127.0.0.1:{peer.port}"
            "/services/abcdefghijklmnop?key=qwertz"
        )
        with client(url, hide="SIGNKEY") as http:
            outcome = http.post(b"{}", {})
            shown = f"{outcome} {http!r} {http.checks()}"

    for secret in ("abcdefghijklmnop", "qwertz", "pa55word", "SIGNKEY"):
        assert secret not in shown
    assert "127.0.0.1" in outcome.reply


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta()),
        ("Mon, 30 Nov 2026 07:02:00 GMT", timedelta(seconds=120)),
        ("Mon, 30 Nov 2026 06:00:00 GMT", timedelta()),
        ("Mon, 30 Nov 2026 08:02:00 +0100", timedelta(seconds=120)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 30, None),
        ("Mon, 99 Nov 2026 07:02:00 GMT", None),
        ("Mon, 30 Nov 999999 07:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    header: str, expected: timedelta | None
) -> None:
    """Both forms are understood; nonsense asks for nothing."""
    assert expected == retry_after(header, now=NOW)
