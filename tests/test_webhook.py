"""Signed posts to a real HTTP server on loopback."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.channel import (
    ChannelContract,
    Destination,
    Tracked,
    kinds,
    post,
    transmit,
)
from peers import dead_port, run
from peers.certificates import make_certificate
from peers.http import Answer, HttpPeer, Posted, http_server
from tambour.channels import Channel, make_channel
from tambour.channels.webhook import decode_secret, sign
from tambour.config import WebhookChannel
from tambour.model import Message, Outcome, OutcomeKind

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "T0K3N-6f1b8a1d3c5e"
NOW = datetime(2026, 11, 30, 7, 0, 0, 900_000, tzinfo=UTC)


def webhook(port: int, *, secret: str | None = SECRET, scheme: str = "http") -> Channel:
    """A channel to *port* of this machine, at an address that is itself a secret."""
    settings = WebhookChannel(
        type="webhook",
        url=SecretStr(f"{scheme}://127.0.0.1:{port}/hooks/{TOKEN}?room=1"),
        secret=None if secret is None else SecretStr(secret),
    )
    return make_channel("equipe", settings, Path(), clock=lambda: NOW)


def send(answer: Answer, *messages: Message) -> tuple[list[Outcome], HttpPeer, Tracked]:
    """Post *messages* to a server that gives *answer* to each."""

    async def main() -> tuple[list[Outcome], HttpPeer, Tracked]:
        with http_server() as peer:
            peer.answer = answer
            channel, wave = webhook(peer.port), Tracked(messages)
            outcomes = await transmit(channel, wave)
            await channel.close()
            return outcomes, peer, wave

    return run(main())


class Receiver:
    """The destination of the contract suite."""

    def __init__(self, peer: HttpPeer) -> None:
        self.channel = webhook(peer.port)
        self._peer = peer

    def received(self) -> list[tuple[str, bytes]]:
        """Id and body of what was accepted."""
        return [
            (posted.headers["webhook-id"], posted.body)
            for posted in self._peer.accepted
        ]

    def refuse(self, message: Message) -> None:
        """Call the message unprocessable, and quote the address that it came to."""
        body = f"no such thing at /hooks/{TOKEN}: {SECRET}".encode()
        self._peer.answers[message.key] = Answer(status=422, body=body)

    def vanish(self) -> None:
        """Close the port."""
        self._peer.vanish()


class TestWebhookContract(ChannelContract):
    """The webhook as a channel; the address counts as its secret."""

    secret = TOKEN

    def message(self, number: int) -> Message:
        """Posts."""
        return post(number)

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:  # noqa: ARG002 - the suite's
        """A server that accepts everything."""
        with http_server() as peer:
            yield Receiver(peer)

    @contextmanager
    def dead(self, tmp_path: Path) -> Iterator[Channel]:  # noqa: ARG002 - the suite's
        """A port without a server."""
        with dead_port() as port:
            yield webhook(port)


class TestWebhookContractForItsKey(TestWebhookContract):
    """The same, with the signing secret under watch."""

    secret = SECRET.removeprefix("whsec_")


def test_signs_the_published_vector() -> None:
    """The example that all libraries of Standard Webhooks share."""
    secret = decode_secret(SECRET)
    at = datetime.fromtimestamp(1614265330, tz=UTC)

    assert secret is not None
    assert sign(
        b'{"test": 2432232314}',
        key="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=at,
        secret=secret,
    ) == ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def test_the_instant_is_signed_not_the_zone() -> None:
    """The same moment in another zone has the same signature."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    signatures = {sign(b"{}", key="k", at=at, secret=b"s") for at in (NOW, elsewhere)}

    assert len(signatures) == 1


def verified(posted: Posted) -> bool:
    """Check a post as its receiver would, from the specification alone."""
    headers = posted.headers
    signed = (
        f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        + posted.body
    )
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return headers["webhook-signature"] == f"v1,{expected.decode()}"


def test_posts_can_be_verified() -> None:
    """Id, time, type and signature arrive with the body, which is untouched."""
    _, peer, _ = send(Answer(), post(1))
    (posted,) = peer.received

    assert posted.headers["webhook-id"] == "key-1"
    assert posted.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["Content-Length"] == str(len(post(1).content))
    assert posted.path == f"/hooks/{TOKEN}?room=1"
    assert verified(posted)
    assert not verified(dataclasses.replace(posted, body=posted.body + b" "))


def test_without_a_secret_nothing_is_signed() -> None:
    """Id and time are sent all the same."""

    async def main() -> Posted:
        with http_server() as peer:
            await transmit(webhook(peer.port, secret=None), [post(1)])
            return peer.received[0]

    headers = run(main()).headers

    assert headers["webhook-id"] == "key-1"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_a", SECRET + "!"])
def test_a_secret_that_is_none_posts_nothing(secret: str) -> None:
    """A mistyped secret is found when the channel opens, not by the receiver."""

    async def main() -> tuple[Outcome | None, Tracked, int]:
        with http_server() as peer:
            channel, wave = webhook(peer.port, secret=secret), Tracked([post(1)])
            outcome = await channel.open()
            await transmit(channel, wave)
            return outcome, wave, len(peer.received)

    outcome, wave, received = run(main())

    assert outcome is not None
    assert (OutcomeKind.REJECTED, "bad-secret") == (outcome.kind, outcome.code)
    assert "equipe" in outcome.reply
    assert (wave.ids, received) == ([], 0)


@pytest.mark.parametrize(
    "secret", [SECRET, SECRET.removeprefix("whsec_"), f" {SECRET}\n"]
)
def test_secrets_are_read_with_or_without_prefix(secret: str) -> None:
    """The prefix is a label; the white space of a file around it means nothing."""
    assert decode_secret(SECRET) == decode_secret(secret)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wave_stops_when_asked_to_wait(status: int) -> None:
    """Who says when to come back is left alone until then."""
    answer = Answer(status=status, headers={"Retry-After": "120"})
    outcomes, _, wave = send(answer, post(1), post(2))

    assert kinds(outcomes) == [OutcomeKind.DEFERRED]
    assert outcomes[0].retry_after == timedelta(seconds=120)
    assert wave.ids == [1]


def test_an_untrusted_certificate_defers(tmp_path: Path) -> None:
    """Nothing is posted to a server whose certificate does not verify."""
    context = make_certificate(tmp_path).server_context()

    async def main() -> tuple[list[Outcome], list[bool], int]:
        with http_server(tls=context) as peer:
            channel = webhook(peer.port, scheme="https")
            outcomes = await transmit(channel, [post(1)])
            checks = [check.ok for check in await channel.probe()]
            return outcomes, checks, len(peer.received)

    outcomes, checks, received = run(main())

    assert [(OutcomeKind.DEFERRED, "certificate")] == [
        (outcome.kind, outcome.code) for outcome in outcomes
    ]
    assert checks == [False, True]
    assert received == 0
