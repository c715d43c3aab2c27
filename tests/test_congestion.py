"""How a lane slows down when it is asked to, and takes up speed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.delivery.congestion import (
    DOUBTED,
    FULL,
    LONGEST_PAUSE,
    Congestion,
    Signal,
    signal_of,
)
from tambour.model import Outcome, OutcomeKind

START = datetime(2027, 3, 22, 8, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


def said(
    code: str,
    status: str = "",
    reply: str = "",
    *,
    kind: OutcomeKind = OutcomeKind.DEFERRED,
    retry_after: timedelta | None = None,
) -> Outcome:
    """Make an answer, deferred unless told otherwise."""
    return Outcome(
        kind=kind, code=code, status=status, reply=reply, retry_after=retry_after
    )


ACCEPTED = said("250", "2.0.0", kind=OutcomeKind.ACCEPTED)
SLOWER = said("421", "4.7.0")
PERHAPS = said("451", "4.7.1", "try again later")
NOBODY = said("550", "5.1.1", kind=OutcomeKind.REJECTED)
ALL = (ACCEPTED, SLOWER, PERHAPS, NOBODY)


def noted(*outcomes: Outcome, now: datetime = START) -> Congestion:
    """Let a lane hear answers that all come at once."""
    lane = Congestion()
    for outcome in outcomes:
        lane.note(outcome, now)
    return lane


def seconds_paused(lane: Congestion, now: datetime) -> float:
    """Return how much longer it pauses."""
    return (lane.free_at(now) - now).total_seconds()


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(ACCEPTED, Signal.PASSED, id="accepted"),
        pytest.param(said("421"), Signal.SLOWER, id="421 alone"),
        pytest.param(said("421", "4.7.28", "unusual rate"), Signal.SLOWER, id="421"),
        pytest.param(said("452", "4.5.3"), Signal.SLOWER, id="452, too many"),
        pytest.param(said("452", "4.3.1"), Signal.SLOWER, id="452, system full"),
        pytest.param(said("452", "4.2.2"), Signal.NOTHING, id="452, mailbox full"),
        pytest.param(said("454", "4.7.0"), Signal.SLOWER, id="454"),
        pytest.param(said("451", "4.3.2"), Signal.SLOWER, id="accepts nothing"),
        pytest.param(said("451", "4.4.5"), Signal.SLOWER, id="congested"),
        pytest.param(said("451", "4.3.0"), Signal.NOTHING, id="a lookup failed"),
        pytest.param(said("451", "4.1.8"), Signal.NOTHING, id="an address"),
        pytest.param(said("450", "4.7.1"), Signal.PERHAPS, id="450, policy"),
        pytest.param(said("451", "4.7.500"), Signal.PERHAPS, id="451, policy"),
        pytest.param(
            said("451", "4.7.500", "Server busy. Please try later"),
            Signal.SLOWER,
            id="busy",
        ),
        pytest.param(
            said("450", "", "mwinf5c02 ME OFR004_104 [104]"), Signal.SLOWER, id="Orange"
        ),
        pytest.param(
            said("451", "4.7.1", "[TSS04] deferred"), Signal.SLOWER, id="Yahoo"
        ),
        pytest.param(
            said("451", "4.7.1", "Greylisted, come back"), Signal.NOTHING, id="greylist"
        ),
        pytest.param(
            said("450", "4.2.0", "Recipient address rejected: Greylisted"),
            Signal.NOTHING,
            id="greylist, by mailbox",
        ),
        pytest.param(
            said("450", "4.2.1", "receiving mail too quickly"),
            Signal.NOTHING,
            id="a popular mailbox",
        ),
        pytest.param(NOBODY, Signal.NOTHING, id="no such mailbox"),
        pytest.param(
            said("550", "5.7.1", "rate limit", kind=OutcomeKind.REJECTED),
            Signal.NOTHING,
            id="refused for good",
        ),
        pytest.param(said("unreachable"), Signal.NOTHING, id="no connection"),
        pytest.param(
            said("timeout", kind=OutcomeKind.UNCERTAIN), Signal.NOTHING, id="uncertain"
        ),
        pytest.param(said("HTTP 429"), Signal.SLOWER, id="a webhook with too much"),
        pytest.param(said("HTTP 502"), Signal.NOTHING, id="a webhook that is broken"),
    ],
)
def test_hears_who_asks_to_slow_down(outcome: Outcome, expected: Signal) -> None:
    """Systems ask to slow down; mailboxes, greylists and final refusals do not."""
    assert expected is signal_of(outcome)


@pytest.mark.parametrize(
    ("outcomes", "limit"),
    [
        pytest.param([], None, id="nothing yet"),
        pytest.param([SLOWER], None, id="one"),
        pytest.param([SLOWER, SLOWER], None, id="two"),
        pytest.param([SLOWER, ACCEPTED, SLOWER, NOBODY, SLOWER], 0, id="three"),
        pytest.param([PERHAPS, PERHAPS, SLOWER], 0, id="three, of two kinds"),
        pytest.param([SLOWER, *[ACCEPTED] * 9] * 9, None, id="one in ten"),
        pytest.param([SLOWER, *[NOBODY] * 30] * 3, 0, id="refusals thin out nothing"),
        pytest.param([NOBODY] * 50, None, id="a bad list"),
        pytest.param([said("451", "4.7.1", "greylisted")] * 50, None, id="a greylist"),
    ],
)
def test_a_storm_is_several_of_the_last(
    outcomes: list[Outcome], limit: int | None
) -> None:
    """One changes nothing, three among twenty do."""
    assert limit == noted(*outcomes).limit(START)


def test_pauses_longer_each_time() -> None:
    """A second at first, a minute at most, and one message between two pauses."""
    lane, now, pauses = noted(SLOWER, SLOWER, SLOWER), START, []
    for _ in range(9):
        pauses.append(seconds_paused(lane, now))
        assert 0 == lane.limit(lane.free_at(now) - TICK)
        now = lane.free_at(now)
        assert 1 == lane.limit(now)
        lane.note(SLOWER, now)

    assert [1, 2, 4, 8, 16, 32, 60, 60, 60] == pauses


def test_what_was_on_the_wire_makes_no_pause_longer() -> None:
    """Twenty messages in flight that all get the same answer are one storm."""
    lane = noted(*[SLOWER] * 20, *[ACCEPTED] * 20)

    assert 1 == seconds_paused(lane, START)
    assert 1 == lane.limit(START + SECOND)


def test_takes_up_speed_step_by_step() -> None:
    """Each message that is accepted lets one more be in flight."""
    lane, now = noted(SLOWER, SLOWER, SLOWER), START + SECOND
    limits = []
    for _ in range(FULL):
        limits.append(lane.limit(now))
        lane.note(ACCEPTED, now)

    assert list(range(1, FULL + 1)) == limits
    assert lane.limit(now) is None


def test_goes_slower_on_the_way_up() -> None:
    """One request on the way up halves what may be in flight; alone, it pauses."""
    now = START + SECOND
    lane = noted(SLOWER, SLOWER, SLOWER)
    for _ in range(9):
        lane.note(ACCEPTED, now)
    limits = []
    for _ in range(4):
        limits.append(lane.limit(now))
        lane.note(SLOWER, now)

    assert [10, 5, 2, 1] == limits
    assert 2 == seconds_paused(lane, now)


def test_after_full_speed_a_storm_is_the_first_again() -> None:
    """What is over is forgotten."""
    lane, now = noted(*[SLOWER] * 3), START + SECOND
    for _ in range(FULL):
        lane.note(ACCEPTED, now)
    lane.note(SLOWER, now)
    lane.note(SLOWER, now)

    assert lane.limit(now) is None

    lane.note(SLOWER, now)

    assert 1 == seconds_paused(lane, now)


@pytest.mark.parametrize(
    ("asked", "expected"), [(5, 5), (0.5, 1), (3600, 60)], ids=["more", "less", "hours"]
)
def test_waits_as_long_as_asked(asked: float, expected: float) -> None:
    """A server may say how long, within a minute."""
    asking = said("HTTP 429", retry_after=timedelta(seconds=asked))

    lane = noted(asking, asking, asking)

    assert expected == seconds_paused(lane, START)
    assert 0 == seconds_paused(lane, START + timedelta(seconds=expected))


def test_a_greylist_without_a_name_does_not_hold_up_for_long() -> None:
    """Who refuses everybody once, whatever the speed, is not asked to be spared."""
    lane, now, count = noted(*[PERHAPS] * 3), START, 0
    while lane.limit(now) is not None and count < 1000:
        now = lane.free_at(now)
        lane.note(PERHAPS, now)
        count += 1

    assert now - START <= timedelta(seconds=10)
    assert count <= FULL + 5

    for _ in range(200):
        lane.note(PERHAPS, now)

    assert lane.limit(now) is None

    for _ in range(3):
        lane.note(PERHAPS, now + DOUBTED)

    assert 0 == lane.limit(now + DOUBTED)


def test_a_server_that_lets_some_through_is_believed() -> None:
    """Where pauses help, they go on."""
    lane, now = noted(*[PERHAPS] * 3), START
    for _ in range(10):
        now = lane.free_at(now)
        lane.note(ACCEPTED, now)
        lane.note(PERHAPS, now)
        lane.note(PERHAPS, now)

    assert 60 == seconds_paused(lane, now)


def test_a_clock_set_back_makes_no_pause_longer() -> None:
    """A second stays a second, also of a pause that is over."""
    lane = noted(*[SLOWER] * 3)
    yesterday = START - timedelta(days=1)

    assert yesterday + SECOND == lane.free_at(yesterday)
    assert 1 == lane.limit(yesterday + SECOND)
    assert 1 == lane.limit(yesterday - SECOND)


def test_a_clock_set_back_makes_no_doubt_longer() -> None:
    """Ten minutes stay ten minutes."""
    lane, now = noted(*[PERHAPS] * 3), START
    for _ in range(FULL + 10):
        now = lane.free_at(now)
        lane.note(PERHAPS, now)
    yesterday = now - timedelta(days=1)
    lane.note(PERHAPS, yesterday)
    for _ in range(3):
        lane.note(PERHAPS, yesterday + DOUBTED)

    assert 0 == lane.limit(yesterday + DOUBTED)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(ALL),
            st.timedeltas(timedelta(minutes=-5), timedelta(minutes=15))
            | st.just(timedelta()),
        ),
        max_size=120,
    )
)
def test_is_never_stuck(history: list[tuple[Outcome, timedelta]]) -> None:
    """Whatever was heard, it goes on within a minute, and soon at full speed."""
    lane, now = Congestion(), START
    for outcome, gap in history:
        now += gap
        lane.note(outcome, now)
        limit = lane.limit(now)

        assert (limit == 0) == (lane.free_at(now) > now)
        assert lane.free_at(now) - now <= LONGEST_PAUSE
    now = lane.free_at(now)
    assert lane.limit(now) != 0
    for _ in range(FULL):
        lane.note(ACCEPTED, now)

    assert lane.limit(now) is None
