"""How many connections a channel has, and for whom."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from peers import run
from peers.faults import Faults
from peers.faulty_smtp import faulty_server
from tambour.channels.smtp.pool import ConnectionPool
from tambour.config import SmtpChannel


def pool(**settings: Any) -> ConnectionPool:
    """A pool without any connection yet."""
    given = {"type": "smtp", "host": "mx.example", "from": "a@example.org"}
    return ConnectionPool(SmtpChannel.model_validate(given | settings), Path())


def test_few_messages_need_few_connections() -> None:
    """While none stands, one is opened at a time."""
    few = pool(connections=9)
    server = few.choose_server(0)
    assert server is not None
    few.reserve(server, "")

    assert few.choose_server(0) is None


@pytest.mark.parametrize(
    ("everybody", "own", "expected"),
    [(None, None, None), (100, None, 100), (None, 50, 50), (100, 50, 50), (20, 50, 20)],
)
def test_the_lower_limit_of_messages_counts(
    everybody: int | None, own: int | None, expected: int | None
) -> None:
    """A lane's own, or the channel's."""
    lane = {"of": ["orange.fr", "wanadoo.fr"], "messages_per_connection": own}
    limits = pool(messages_per_connection=everybody, domains=[lane])

    assert expected == limits.limit("orange.fr")
    assert everybody == limits.limit("")
    assert limits.lanes == ("", "orange.fr")


def test_a_lane_has_no_more_than_its_own() -> None:
    """Those that are being opened count."""
    limits = pool(domains=[{"of": ["orange.fr"], "connections": 1}])
    server = limits.choose_server(0)
    assert server is not None
    assert limits.may_serve("orange.fr")
    limits.reserve(server, "orange.fr")

    assert not limits.may_serve("orange.fr")
    assert limits.may_serve("")


def test_a_crowded_server_is_not_a_dead_one() -> None:
    """Refused for want of room beside a connection that stands: it may stay."""

    async def main(port: int) -> tuple[bool, bool, str]:
        full = pool(host="127.0.0.1", port=port, security="none", connections=4)
        assert await full.open_any() is None
        now = asyncio.get_running_loop().time()
        server = full.choose_server(now)
        assert server is not None
        full.reserve(server, "")
        refusal = await full.open_connection(server)
        is_offered = full.choose_server(now) is not None
        await full.close()
        assert refusal is not None
        return server.is_up(now), is_offered, refusal.code

    with faulty_server(Faults(most_connections=1)) as sink:
        assert run(main(sink.port)) == (True, False, "421")
