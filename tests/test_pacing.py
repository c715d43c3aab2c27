"""How fast a channel may send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peers import run
from tambour.config import Rate
from tambour.delivery.pacing import Pace


@dataclass
class Watch:
    """A clock that moves when somebody sleeps."""

    seconds: float = 1000.0

    def read(self) -> float:
        """Return the seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.seconds += seconds


def grants(rate: Rate | None, wanted: int) -> list[tuple[float, int]]:
    """Return when how many of *wanted* messages were let go."""

    async def main() -> list[tuple[float, int]]:
        watch, left, granted = Watch(), wanted, []
        pace = Pace(rate, clock=watch.read, sleep=watch.sleep)
        while left:
            count = await pace.grant(left)
            assert count >= 1
            granted.append((watch.seconds, count))
            left -= count
        return granted

    return run(main())


def test_without_a_rate_all_may_go() -> None:
    """No rate, no waiting."""
    assert [(1000.0, 500)] == grants(None, 500)


@pytest.mark.parametrize(
    ("rate", "wanted", "longest"),
    [
        pytest.param(Rate(10, timedelta(seconds=1)), 51, 6, id="10/s"),
        pytest.param(Rate(1000, timedelta(seconds=1)), 5001, 6, id="1000/s"),
        pytest.param(Rate(30, timedelta(minutes=1)), 31, 62, id="30/m"),
        pytest.param(Rate(1, timedelta(hours=1)), 3, 7201, id="1/h"),
    ],
)
def test_keeps_the_pace(rate: Rate, wanted: int, longest: float) -> None:
    """The rate is used well."""
    granted = grants(rate, wanted)

    assert granted[-1][0] - granted[0][0] <= longest


@given(
    count=st.integers(1, 60),
    per=st.sampled_from([1, 60]),
    wanted=st.integers(1, 200),
)
@example(count=3, per=1, wanted=150)
def test_never_exceeds_the_rate(count: int, per: int, wanted: int) -> None:
    """No stretch of the rate's length sees more messages than the rate allows."""
    granted = grants(Rate(count, timedelta(seconds=per)), wanted)

    for start, _ in granted:
        within = sum(n for at, n in granted if start <= at < start + per)
        assert within <= count
    assert wanted == sum(n for _, n in granted)
