"""Which of the leased deliveries may leave now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_samples import NOW, leased, person
from peers.loopback import Desk, Loopback
from tambour.delivery.lanes import Lane, Lanes
from tambour.delivery.world import Composed, LaneLimits, Route
from tambour.ledger.records import Content, Leased, Spent
from tambour.model import (
    Outcome,
    OutcomeKind,
    Rate,
)

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, code="250")


def compose(_leased: Leased, _content: Content) -> Composed:
    """Nothing is composed here."""
    raise NotImplementedError


def route(
    *rates: Rate, gentle: tuple[Rate, ...] = (), most_in_flight: int = 4
) -> Route:
    """Return a route with a gentle lane for `slow.example`."""
    return Route(
        name="lettre",
        channel=Loopback(Desk()),
        compose=compose,
        rates=rates,
        lanes={"slow": LaneLimits(rates=gentle, most_in_flight=most_in_flight)},
        lane_of=lambda address: "slow" if address.endswith("@slow.example") else "",
    )


def at(domain: str, number: int) -> Leased:
    """Return a delivery to somebody at *domain*."""
    return leased(number, recipient=person(f"p{number}@{domain}"))


def lanes(
    settings: Route, *, slow: int, fast: int, spent: Iterable[Spent] = ()
) -> Lanes:
    """Return lanes with so many for slow destinations before others."""
    result = Lanes(settings, [*spent])
    result.add(at("slow.example", n) for n in range(slow))
    result.add(at("example.org", n) for n in range(slow, slow + fast))
    return result


def names(chosen: Iterable[tuple[Lane, Leased]]) -> list[str]:
    """Return which lanes were chosen from."""
    return [lane.name for lane, _ in chosen]


def test_a_slow_lane_does_not_hold_others_back() -> None:
    """However many wait for a gentle destination, everybody else's leave."""
    both = lanes(route(), slow=50, fast=10)

    assert ["slow"] * 4 + [""] * 10 == names(both.choose(20, NOW))
    assert [] == both.choose(20, NOW)
    assert 46 == len(both)


def test_an_answer_makes_room() -> None:
    """A gentle lane goes on as its messages are answered."""
    both = lanes(route(), slow=6, fast=0)
    both.choose(20, NOW)
    both.note("slow", ACCEPTED, NOW)

    assert ["slow"] == names(both.choose(20, NOW))


@given(st.lists(st.integers(0, 5), max_size=4), st.integers(0, 12))
def test_one_lane_alone_is_a_lane_among_others(counts: list[int], room: int) -> None:
    """Where there is no gentle lane the same ones leave, in the same order."""
    among, alone = Lanes(route(), ()), Lanes(replace(route(), lanes={}), ())
    for portion, count in enumerate(counts):
        for both in (among, alone):
            both.add(at("example.org", 10 * portion + n) for n in range(count))
    expected, chosen = among.choose(room, NOW), alone.choose(room, NOW)

    assert [row.id for _, row in expected] == [row.id for _, row in chosen]
    assert among.release() == alone.release()


def test_no_more_is_chosen_than_there_is_room_for() -> None:
    """The window bounds all lanes together."""
    both = lanes(route(), slow=4, fast=10)

    assert 3 == len(both.choose(3, NOW))


def test_a_lane_keeps_its_own_rate_and_the_channels() -> None:
    """The stricter of the two holds, and the channel's counts every lane."""
    both = lanes(route(Rate(5, HOUR), gentle=(Rate(2, HOUR),)), slow=9, fast=9)

    assert {"": 3, "slow": 2} == {
        name: names(chosen).count(name)
        for chosen in [both.choose(20, NOW)]
        for name in ("", "slow")
    }
    assert NOW + HOUR == both.free_at(NOW)
    assert [] == both.choose(20, NOW + HOUR - SECOND)
    assert 4 <= len(both.choose(20, NOW + HOUR))


@pytest.mark.parametrize(
    ("spent_lane", "expected"), [("slow", ["", "", ""]), ("", ["", "slow", "slow"])]
)
def test_a_restart_gives_no_second_budget(spent_lane: str, expected: list[str]) -> None:
    """What the ledger remembers counts, on the channel's budget and on its lane's."""
    before = Spent(channel="lettre", lane=spent_lane, at=NOW - 60 * SECOND, count=2)
    settings = route(Rate(5, HOUR), gentle=(Rate(2, HOUR),))
    both = lanes(settings, slow=9, fast=1 if spent_lane == "" else 9, spent=[before])

    assert expected == sorted(names(both.choose(20, NOW)))


def test_what_is_spent_is_told_by_lane() -> None:
    """The ledger gets a row for each lane that has a budget to keep."""
    both = lanes(route(gentle=(Rate(9, HOUR),)), slow=3, fast=3)
    chosen = both.choose(20, NOW)

    assert [Spent(channel="lettre", lane="slow", at=NOW, count=3)] == (
        both.spent(chosen, NOW)
    )


def test_what_waits_can_be_given_back() -> None:
    """After that nothing waits."""
    both = lanes(route(), slow=2, fast=2)

    assert {0, 1, 2, 3} == {row.id for row in both.release()}
    assert 0 == len(both)
    assert both.free_at(NOW) is None
