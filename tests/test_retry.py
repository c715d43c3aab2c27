"""When a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.delivery.retry import MOST_ATTEMPTS, next_try
from tambour.model import Outcome, OutcomeKind

NOW = datetime(2027, 3, 22, 8, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)


def outcome(
    kind: OutcomeKind = OutcomeKind.DEFERRED, retry_after: timedelta | None = None
) -> Outcome:
    """Return what an attempt gave."""
    return Outcome(kind=kind, code="451", retry_after=retry_after)


@pytest.mark.parametrize(
    ("attempts", "chance", "wait"),
    [
        pytest.param(1, 0.0, 2.5, id="first, soonest"),
        pytest.param(1, 0.5, 3.75, id="first, half-way"),
        pytest.param(2, 0.0, 5, id="second"),
        pytest.param(3, 0.0, 10, id="third"),
        pytest.param(4, 0.0, 20, id="fourth"),
        pytest.param(5, 0.0, 30, id="an hour at most"),
        pytest.param(29, 0.0, 30, id="much later"),
        pytest.param(0, 0.0, 2.5, id="none was counted"),
    ],
)
def test_waits_longer_each_time(attempts: int, chance: float, wait: float) -> None:
    """The wait doubles up to an hour, and its upper half is left to chance."""
    again = next_try(attempts, outcome(), now=NOW, deadline=None, chance=chance)

    assert NOW + minutes(wait) == again


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        (OutcomeKind.DEFERRED, True),
        (OutcomeKind.UNCERTAIN, True),
        (OutcomeKind.ACCEPTED, False),
        (OutcomeKind.REJECTED, False),
    ],
    ids=str,
)
def test_tries_again_what_may_pass(kind: OutcomeKind, *, tries: bool) -> None:
    """What was accepted or refused for good is not tried again."""
    again = next_try(1, outcome(kind), now=NOW, deadline=None, chance=0)

    assert tries == (again is not None)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        pytest.param(minutes(90), 90, id="longer"),
        pytest.param(minutes(1), 2.5, id="shorter"),
        pytest.param(timedelta(days=3650), 7 * 24 * 60, id="ten years"),
        pytest.param(timedelta.max, 7 * 24 * 60, id="the end of time"),
    ],
)
def test_honours_retry_after(asked: timedelta, wait: float) -> None:
    """The other side may ask for more time than we would give, not for less."""
    again = next_try(1, outcome(retry_after=asked), now=NOW, deadline=None, chance=0)

    assert NOW + minutes(wait) == again


@pytest.mark.parametrize(
    ("deadline", "tries"),
    [(minutes(2), False), (minutes(2.5), False), (minutes(3), True)],
    ids=["before", "at", "after"],
)
def test_gives_up_at_the_deadline(deadline: timedelta, *, tries: bool) -> None:
    """No try is planned at or after the deadline."""
    again = next_try(1, outcome(), now=NOW, deadline=NOW + deadline, chance=0)

    assert tries == (again is not None)


def test_gives_up_after_many_attempts() -> None:
    """Without a deadline the tries end all the same."""
    assert next_try(MOST_ATTEMPTS, outcome(), now=NOW, deadline=None, chance=0) is None


@given(
    attempts=st.integers(0, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
    left=st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=30)),
)
def test_never_hurries_and_is_never_late(
    attempts: int, chance: float, asked: timedelta | None, left: timedelta | None
) -> None:
    """A next try is at least two minutes away, and before the deadline."""
    deadline = None if left is None else NOW + left
    again = next_try(
        attempts,
        outcome(retry_after=asked),
        now=NOW,
        deadline=deadline,
        chance=chance,
    )

    if again is not None:
        least = min(asked or minutes(0), timedelta(days=7))

        assert again >= NOW + max(minutes(2.5), least)
        assert deadline is None or again < deadline
