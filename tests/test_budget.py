"""How many messages may leave, whatever the clock does and however often it restarts."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tambour.config import WarmUp
from tambour.delivery import budget as budgets
from tambour.delivery.budget import MEMORY, Budget
from tambour.model import UNLIMITED, Rate, allowance

Spent = list[tuple[datetime, int]]

START = datetime(2027, 3, 22, 22, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

rates = st.lists(
    st.builds(Rate, st.integers(1, 60), st.sampled_from([SECOND, MINUTE, HOUR, DAY])),
    max_size=3,
)
warm_ups = st.none() | st.builds(
    WarmUp,
    since=st.sampled_from([date(2027, 3, 20), date(2027, 3, 22), date(2027, 3, 24)]),
    first_day=st.integers(1, 30),
    growth=st.sampled_from([1.1, 1.5, 2.0]),
)
gaps = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), SECOND),
    st.sampled_from([TICK, SECOND / 10, SECOND, MINUTE, HOUR - SECOND, HOUR, DAY]),
    st.none(),
)
"""How long nobody asks; None is until something is free."""

steps = st.lists(
    st.tuples(
        gaps, st.integers(1, 80), st.sampled_from(["", "", "", "restart", "merge"])
    ),
    min_size=1,
    max_size=40,
)


def most_within(spent: Spent, length: timedelta) -> int:
    """Return the most that any stretch of *length* saw, by brute force."""
    return max(
        (
            sum(count for at, count in spent if start <= at < start + length)
            for start, _ in spent
        ),
        default=0,
    )


def merged(spent: Spent, size: int) -> Spent:
    """Forget all but the latest instant of each *size* rows."""
    groups = [spent[i : i + size] for i in range(0, len(spent), size)]
    return [(rows[-1][0], sum(count for _, count in rows)) for rows in groups]


def all_at_once(
    limits: Sequence[Rate], wanted: int, warm_up: WarmUp | None = None
) -> Spent:
    """Return when *wanted* messages leave that are all ready."""
    made_of, now, spent = Budget(limits, warm_up=warm_up), START, Spent()
    while wanted:
        now = made_of.free_at(now)
        count = min(wanted, made_of.free(now))
        assert count
        made_of.spend(count, now)
        spent.append((now, count))
        wanted -= count
    return spent


@given(limits=rates, warm_up=warm_ups, history=steps)
@example(
    limits=[Rate(2, SECOND), Rate(3, HOUR)],
    warm_up=None,
    history=[
        (None, 1, ""),
        (None, 9, "restart"),
        (HOUR - SECOND, 9, ""),
        (SECOND, 9, ""),
    ],
)
@example(
    limits=[Rate(60, HOUR)],
    warm_up=None,
    history=[
        (20 * SECOND, 1, ""),
        (20 * SECOND, 80, ""),
        (HOUR - 20 * SECOND, 80, ""),
        (None, 80, "merge"),
    ],
)
def test_no_stretch_ever_sees_more(
    limits: list[Rate],
    warm_up: WarmUp | None,
    history: Iterable[tuple[timedelta | None, int, str]],
) -> None:
    """Whatever is spent when, and however often it restarts, each rate is kept."""
    made_of, now, spent = Budget(limits, warm_up=warm_up), START, Spent()
    for gap, wanted, event in history:
        now = made_of.free_at(now) if gap is None else now + gap
        if event:
            rows = merged(spent, 3) if event == "merge" else spent
            recent = [(at, count) for at, count in rows if at >= now - MEMORY]
            made_of = Budget(limits, spent=reversed(recent), warm_up=warm_up)
        count = min(wanted, made_of.free(now))
        made_of.spend(count, now)
        spent.append((now, count))

    for limit in limits:
        assert most_within(spent, limit.per) <= limit.count
    if warm_up is not None:
        for day in {at.date() for at, _ in spent}:
            most = int(
                warm_up.first_day * warm_up.growth ** max(0, (day - warm_up.since).days)
            )
            assert sum(count for at, count in spent if at.date() == day) <= most


@given(limits=rates, warm_up=warm_ups, history=steps)
def test_a_restart_changes_nothing(
    limits: list[Rate],
    warm_up: WarmUp | None,
    history: Iterable[tuple[timedelta | None, int, str]],
) -> None:
    """What is made from the rows of the ledger is as free as what ran on."""
    made_of, now, spent = Budget(limits, warm_up=warm_up), START, Spent()
    for gap, wanted, _ in history:
        now = made_of.free_at(now) if gap is None else now + gap
        count = min(wanted, made_of.free(now))
        made_of.spend(count, now)
        spent.append((now, count))
    again = Budget(limits, spent=spent, warm_up=warm_up)

    assert made_of.free_at(now) == again.free_at(now)
    assert made_of.free(now) == again.free(now)


@given(limits=rates, warm_up=warm_ups, history=steps)
def test_knows_exactly_when_it_is_free(
    limits: list[Rate],
    warm_up: WarmUp | None,
    history: Iterable[tuple[timedelta | None, int, str]],
) -> None:
    """Something may leave at the instant it names, and nothing just before."""
    made_of, now = Budget(limits, warm_up=warm_up), START
    for gap, wanted, _ in history:
        now = made_of.free_at(now) if gap is None else now + gap
        made_of.spend(min(wanted, made_of.free(now)), now)
        at = made_of.free_at(now)

        assert at >= now
        assert deepcopy(made_of).free(at) >= 1
        if at > now:
            assert made_of.free(now) == 0
            assert deepcopy(made_of).free(at - TICK) == 0


@given(
    limits=rates,
    warm_up=warm_ups,
    history=st.lists(
        st.tuples(
            st.sampled_from([TICK, SECOND / 10, SECOND, MINUTE, HOUR]),
            st.sampled_from([timedelta(), timedelta(), SECOND, HOUR, 400 * DAY]),
            st.integers(0, 80),
            st.booleans(),
        ),
        max_size=30,
    ),
)
@example(
    limits=[Rate(4, SECOND)],
    warm_up=None,
    history=[(TICK, timedelta(), 1, False)] * 4 + [(TICK, 400 * DAY, 1, False)],
)
@example(
    limits=[Rate(4, HOUR)],
    warm_up=None,
    history=[(TICK, timedelta(), 4, False), (TICK, 400 * DAY, 1, False)],
)
def test_a_clock_set_back_gives_nothing_twice(
    limits: list[Rate],
    warm_up: WarmUp | None,
    history: Iterable[tuple[timedelta, timedelta, int, bool]],
) -> None:
    """By a clock that nobody touches each rate is kept, and nothing blocks for long."""
    made_of = Budget(limits, warm_up=warm_up)
    now, true, rows, truly = START, START, Spent(), Spent()
    longest = max([one.per for one in limits], default=timedelta())
    if warm_up is not None:
        longest = max(longest, 2 * DAY)
    for gap, back, wanted, restarts in history:
        now, true = now + gap - back, true + gap
        if restarts:
            made_of = Budget(limits, spent=rows, warm_up=warm_up)
        count = min(wanted, made_of.free(now))
        made_of.spend(count, now)
        rows.append((now, count))
        truly.append((true, count))

        assert made_of.free_at(now) <= now + longest
    for limit in limits:
        assert most_within(truly, limit.per) <= limit.count


def test_a_small_step_over_midnight_gives_no_second_day() -> None:
    """Tomorrow's budget, spent too early by a second, is not spent again."""
    warm_up = WarmUp(since=date(2027, 3, 22), first_day=10, growth=1.1)
    midnight = datetime(2027, 3, 23, tzinfo=UTC)
    made_of = Budget([], warm_up=warm_up)
    made_of.spend(11, midnight)

    for one in (made_of, Budget([], spent=[(midnight, 11)], warm_up=warm_up)):
        assert 0 == one.free(midnight - SECOND)
        assert midnight + DAY == one.free_at(midnight - SECOND)
        assert 0 == one.free(midnight + SECOND)
        assert 12 == one.free(midnight + DAY)


def test_without_rates_nothing_waits() -> None:
    """No rate, no waiting, however much was spent."""
    made_of = Budget([])
    made_of.spend(500_000, START)

    assert made_of.is_unlimited
    assert UNLIMITED == made_of.free(START)
    assert START == made_of.free_at(START)
    assert not Budget([Rate(1, SECOND)]).is_unlimited
    assert not Budget(
        [], warm_up=WarmUp(since=date(2027, 1, 1), first_day=1)
    ).is_unlimited


@pytest.mark.parametrize(
    ("limits", "wanted", "bursts"),
    [
        pytest.param([Rate(10, SECOND)], 3, [(0, 1), (0.1, 1), (0.2, 1)], id="10/s"),
        pytest.param(
            [Rate(100, SECOND)], 25, [(0, 10), (0.1, 10), (0.2, 5)], id="100/s"
        ),
        pytest.param([Rate(30, MINUTE)], 3, [(0, 1), (2, 1), (4, 1)], id="30/m"),
        pytest.param([Rate(50, HOUR)], 60, [(0, 50), (3600, 10)], id="50/h"),
        pytest.param([Rate(2000, DAY)], 2000, [(0, 2000)], id="2000/d"),
        pytest.param(
            [Rate(1, SECOND), Rate(2, HOUR)], 3, [(0, 1), (1, 1), (3601, 1)], id="both"
        ),
    ],
)
def test_spreads_a_pace_and_not_a_quota(
    limits: list[Rate], wanted: int, bursts: list[tuple[float, int]]
) -> None:
    """Per second and minute it goes in small bursts; per hour and day at once."""
    left = all_at_once(limits, wanted)

    assert bursts == [((at - START).total_seconds(), count) for at, count in left]


@pytest.mark.parametrize(
    ("limits", "wanted", "longest_s"),
    [
        pytest.param([Rate(10, SECOND)], 51, 6, id="10/s"),
        pytest.param([Rate(1000, SECOND)], 5001, 6, id="1000/s"),
        pytest.param([Rate(30, MINUTE)], 31, 62, id="30/m"),
        pytest.param([Rate(1, HOUR)], 3, 7201, id="1/h"),
        pytest.param([Rate(10, SECOND), Rate(50, HOUR)], 120, 7212, id="two"),
    ],
)
def test_uses_the_rates_well(limits: list[Rate], wanted: int, longest_s: float) -> None:
    """What may leave does, but for a hundredth of a rate's length."""
    left = all_at_once(limits, wanted)

    assert left[-1][0] - left[0][0] <= timedelta(seconds=longest_s)
    assert wanted == sum(count for _, count in left)


def test_singles_may_leave_within_a_burst() -> None:
    """A burst need not be used at once, and what is left of it does not add up."""
    made_of = Budget([Rate(100, SECOND)])
    made_of.spend(1, START)

    assert 9 == made_of.free(START + SECOND / 100)
    assert 10 == made_of.free(START + SECOND / 10)
    assert 10 == made_of.free(START + MINUTE)


def test_remembers_little_of_much() -> None:
    """A day of messages one by one takes no more memory than a few."""
    made_of = Budget([Rate(1_000_000, DAY), Rate(3600, HOUR)])
    now = START
    for _ in range(20_000):
        now += 4 * SECOND
        made_of.spend(1, now)

    assert len(pickle.dumps(made_of)) < 15_000
    assert 3600 - 900 >= made_of.free(now) >= 3600 - 910


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2026, 11, 20), 200, id="before it begins"),
        pytest.param(date(2026, 12, 1), 200, id="first"),
        pytest.param(date(2026, 12, 2), 400, id="second"),
        pytest.param(date(2026, 12, 13), 819_200, id="thirteenth"),
        pytest.param(date(2026, 12, 14), UNLIMITED, id="past a million"),
        pytest.param(date(9999, 12, 31), UNLIMITED, id="long after"),
    ],
)
def test_a_warm_up_grows(day: date, expected: int) -> None:
    """Each day allows more, until a million."""
    warm_up = WarmUp(since=date(2026, 12, 1), first_day=200, growth=2)

    assert expected == allowance(warm_up, day)


def test_a_warm_up_counts_days_of_utc() -> None:
    """What was spent before midnight does not count after it."""
    warm_up = WarmUp(since=date(2027, 3, 22), first_day=3, growth=2)
    left = all_at_once([], 10, warm_up)

    assert [(START, 3), (datetime(2027, 3, 23, tzinfo=UTC), 6)] == left[:2]
    assert [(datetime(2027, 3, 24, tzinfo=UTC), 1)] == left[2:]
    assert 11 == Budget([], spent=left, warm_up=warm_up).free(left[-1][0] + HOUR)


def test_a_warm_up_ends_at_the_channels_own_rate() -> None:
    """Of a warm-up and a daily rate the smaller holds."""
    warm_up = WarmUp(since=date(2027, 3, 1), first_day=3, growth=2)

    assert 50 == Budget([Rate(50, DAY)], warm_up=warm_up).free(START)


def test_spending_too_much_is_remembered() -> None:
    """What has left has left, even if the rate is lowered later."""
    made_of = Budget([Rate(10, HOUR)], spent=[(START, 8), (START + MINUTE, 8)])

    assert 0 == made_of.free(START + MINUTE)
    assert START + HOUR == made_of.free_at(START + MINUTE)


def test_a_message_may_need_two_budgets() -> None:
    """The channel's and its lane's: both are asked, and both pay."""
    channel, lane = Budget([Rate(5, HOUR)]), Budget([Rate(3, HOUR)])
    both = (channel, lane)
    budgets.spend([channel], 1, START)
    budgets.spend(both, 1, START + MINUTE)

    assert 2 == budgets.free(both, START + MINUTE)
    assert 3 == budgets.free([channel], START + MINUTE)

    budgets.spend(both, 2, START + MINUTE)

    assert START + MINUTE + HOUR == budgets.free_at(both, START + MINUTE)
    assert START + MINUTE == budgets.free_at([channel], START + MINUTE)
    assert UNLIMITED == budgets.free([], START)
    assert START == budgets.free_at([], START)
