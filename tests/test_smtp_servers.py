"""Which server the next connection goes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.channels.smtp.servers import (
    CROWDED_S,
    DOUBTED_S,
    LOCK_STEP_S,
    LONGEST_PAUSE_S,
    MOST_FRUITLESS,
    Server,
    Servers,
)
from tambour.config import SmtpServer


def servers_of(*weights: int) -> Servers:
    """Servers called 0, 1, 2, … with *weights*."""
    return Servers(
        SmtpServer(host=str(number), weight=weight)
        for number, weight in enumerate(weights)
    )


def opened(servers: Servers, count: int, *, now: float = 0.0) -> list[int]:
    """Open as many connections; return how many each server has."""
    for _ in range(count):
        server = servers.choose(now)
        if server is not None:
            server.connections += 1
    return [server.connections for server in servers.all]


def chosen(servers: Servers, now: float) -> str | None:
    """Return the host of the next connection."""
    server = servers.choose(now)
    return None if server is None else server.settings.host


@pytest.mark.parametrize(
    ("weights", "count", "expected"),
    [
        ((1,), 4, [4]),
        ((1, 1), 4, [2, 2]),
        ((3, 1), 4, [3, 1]),
        ((1, 3), 4, [1, 3]),
        ((1, 1, 1), 4, [2, 1, 1]),
        ((5, 1), 3, [3, 0]),
    ],
)
def test_connections_are_shared_out_by_weight(
    weights: tuple[int, ...], count: int, expected: list[int]
) -> None:
    """Each next one goes where the share is smallest."""
    assert expected == opened(servers_of(*weights), count)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 40))
def test_no_server_has_what_another_should_have(weights: list[int], count: int) -> None:
    """Whatever the weights, what was shared out need not be moved."""
    servers = servers_of(*weights)

    assert sum(opened(servers, count)) == count
    assert servers.overfull(0) is None


def test_a_dead_server_is_left_and_tried_again() -> None:
    """Its pauses double up to a minute; the other carries on."""
    servers = servers_of(9, 1)
    dead, now, pauses = servers.all[0], 0.0, []
    for _ in range(9):
        dead.note_failure(now)
        assert chosen(servers, now) == "1"
        pauses.append(dead.paused_until - now)
        now = dead.paused_until
        assert chosen(servers, now) == "0"

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(pauses) == LONGEST_PAUSE_S


def test_an_answered_message_ends_the_pauses() -> None:
    """Who has come back begins anew."""
    server = servers_of(1).all[0]
    for _ in range(5):
        server.note_failure(0)
    server.note_answer()
    server.note_failure(100)

    assert server.paused_until == 101


def test_without_any_server_all_is_lost() -> None:
    """Down is who has no connection and is paused."""
    servers = servers_of(1, 1)
    one, other = servers.all
    one.note_failure(0)

    assert not servers.is_down(0)
    other.note_failure(0)
    assert servers.is_down(0)
    assert servers.next_up(0) == 1
    other.connections = 1
    assert not servers.is_down(0)


def test_fruitless_connections_count_as_dead() -> None:
    """A server that lets in and then hangs up is no better than one that is away."""
    server = servers_of(1).all[0]
    for _ in range(MOST_FRUITLESS):
        assert server.is_up(0)
        server.note_fruitless(0)

    assert not server.is_up(0)


def test_a_crowded_server_gets_no_more_for_a_while() -> None:
    """It keeps what it has."""
    servers = servers_of(1)
    server = servers.all[0]
    server.connections = 2
    server.note_crowded(0)

    assert servers.choose(0) is None
    assert not servers.is_down(0)
    assert servers.choose(CROWDED_S) is server
    server.connections = 1
    assert servers.choose(0) is server


def test_who_comes_back_is_made_room_for() -> None:
    """A server that has more than its share gives one up, and no more than that."""
    servers = servers_of(1, 1)
    one, other = servers.all
    one.connections, other.connections = 4, 0

    assert servers.overfull(0) is one
    one.connections, other.connections = 2, 2
    assert servers.overfull(0) is None
    other.connections = 1
    assert servers.overfull(0) is None


@pytest.mark.parametrize(
    ("seen", "spared_s"),
    [
        pytest.param([True], LOCK_STEP_S, id="certain"),
        pytest.param([False], DOUBTED_S, id="one dropped"),
        pytest.param([False, False], LOCK_STEP_S, id="and another"),
    ],
)
def test_a_server_out_of_step_is_spared(seen: list[bool], spared_s: float) -> None:
    """One command at a time for an hour; for a minute where a line just dropped."""
    server: Server = servers_of(1).all[0]
    for is_certain in seen:
        server.note_out_of_step(1, is_certain=is_certain)

    assert server.is_lock_step(spared_s)
    assert not server.is_lock_step(spared_s + 1)
