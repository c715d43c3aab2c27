"""What an answer means for its delivery."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import pytest

from ledger_samples import NOW, leased
from tambour.delivery.retry import FIRST_WAIT, MOST_ATTEMPTS
from tambour.delivery.settling import (
    result_of,
    result_of_deadline,
    result_of_unsendable,
    result_of_unsent,
)
from tambour.ledger.records import Leased
from tambour.ledger.states import Step
from tambour.model import (
    Cause,
    Outcome,
    OutcomeKind,
)

SOON = NOW + FIRST_WAIT / 2
FAR = NOW + timedelta(days=1)
NEAR = NOW + timedelta(seconds=1)


def outcome(kind: OutcomeKind, cause: Cause = Cause.ADDRESS) -> Outcome:
    """Return what a server said."""
    return Outcome(kind=kind, code="451", status="4.1.1", reply="later", cause=cause)


WORN = MOST_ATTEMPTS - 1


@pytest.mark.parametrize(
    ("kind", "policy", "row", "expected"),
    [
        pytest.param(
            "accepted",
            "resend",
            leased(deadline=FAR),
            (Step.ACCEPT, None),
            id="accepted",
        ),
        pytest.param(
            "rejected",
            "resend",
            leased(deadline=FAR),
            (Step.REJECT, None),
            id="rejected",
        ),
        pytest.param(
            "deferred",
            "resend",
            leased(deadline=FAR),
            (Step.DEFER, SOON),
            id="deferred",
        ),
        pytest.param(
            "deferred",
            "hold",
            leased(deadline=FAR),
            (Step.DEFER, SOON),
            id="held anyway",
        ),
        pytest.param(
            "deferred",
            "resend",
            leased(deadline=NEAR),
            (Step.EXPIRE, None),
            id="no time",
        ),
        pytest.param(
            "deferred",
            "resend",
            leased(deadline=FAR, attempts=WORN),
            (Step.REJECT, None),
            id="worn out",
        ),
        pytest.param(
            "deferred",
            "resend",
            leased(attempts=WORN),
            (Step.REJECT, None),
            id="no end",
        ),
        pytest.param(
            "uncertain",
            "resend",
            leased(deadline=FAR),
            (Step.LOSE, SOON),
            id="doubt",
        ),
        pytest.param(
            "uncertain",
            "hold",
            leased(deadline=FAR),
            (Step.LOSE, None),
            id="doubt held",
        ),
        pytest.param(
            "uncertain",
            "resend",
            leased(deadline=NEAR),
            (Step.LOSE, None),
            id="doubt ends",
        ),
    ],
)
def test_each_answer_has_its_step(
    kind: str,
    policy: Literal["resend", "hold"],
    row: Leased,
    expected: tuple[Step, datetime | None],
) -> None:
    """A step, and another try where there is time and sense for one."""
    result = result_of(
        row, outcome(OutcomeKind(kind)), now=NOW, chance=0.0, on_uncertain=policy
    )

    assert expected == (result.step, result.next_try)
    assert (7, "451", "4.1.1", "later", Cause.ADDRESS) == (
        result.delivery,
        result.code,
        result.status,
        result.reply,
        result.cause,
    )


@pytest.mark.parametrize(
    ("deadline", "step", "again"),
    [
        (FAR, Step.POSTPONE, SOON),
        (NEAR, Step.EXPIRE, None),
        (None, Step.POSTPONE, SOON),
    ],
    ids=["time", "no time", "no end"],
)
def test_what_no_channel_took_is_put_off(
    deadline: datetime | None, step: Step, again: datetime | None
) -> None:
    """It was not sent, so that there is no doubt about it."""
    row = leased(deadline=deadline)
    result = result_of_unsent(row, outcome(OutcomeKind.DEFERRED), now=NOW, chance=0.0)

    assert (step, again) == (result.step, result.next_try)


def test_the_deadline_ends_a_delivery() -> None:
    """What met its deadline on the wire is over."""
    result = result_of_deadline(leased(deadline=FAR))

    assert (Step.EXPIRE, "deadline", None) == (
        result.step,
        result.code,
        result.next_try,
    )


def test_a_refused_sender_ends_nobodys_delivery() -> None:
    """What is refused because of who sends waits, to be tried after an approval."""
    refused = outcome(OutcomeKind.REJECTED, Cause.SENDER)
    result = result_of(
        leased(deadline=FAR), refused, now=NOW, chance=0.0, on_uncertain="resend"
    )

    assert (Step.DEFER, SOON, Cause.SENDER) == (
        result.step,
        result.next_try,
        result.cause,
    )


def test_what_cannot_be_made_has_failed() -> None:
    """A message that nobody can write is not tried again."""
    result = result_of_unsendable(leased(deadline=FAR), "no town")

    assert (Step.REJECT, "unsendable", "no town", None) == (
        result.step,
        result.code,
        result.reply,
        result.next_try,
    )
