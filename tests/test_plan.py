"""What holds for every kind of edition at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planning_cases import (
    DAILY_AT_8,
    WEEK_AT_9,
    at,
    digest,
    event,
    known,
    plan,
    remember,
    reminder,
    rows,
    seen,
    told,
)
from tambour.model import EditionState, EntryState, Reason, ReasonCode

CONCERT = event("2027-05-10 19:00")
ELSEWHERE = replace(CONCERT, venue="Hall B")
NOW = "2027-05-03 09:00"
STOP = Reason(code=ReasonCode.CLOCK_JUMPED, text="The clock jumped.")


@pytest.mark.parametrize("stop", [None, STOP])
def test_a_stop_holds_all_that_is_due(stop: Reason | None) -> None:
    """New or frozen, of every kind; what is to come is shown as it would come."""
    talk = event("2027-05-10 19:00", name="talk")
    running = known(
        "reminders/talk/7d-0900/1", talk, due=at(NOW), state=EditionState.OPEN
    )
    made = plan(
        NOW,
        events=[ELSEWHERE, talk],
        campaigns=[reminder(WEEK_AT_9), digest(schedule=DAILY_AT_8)],
        snapshot=remember(
            ELSEWHERE,
            talk,
            frozen=[running],
            known=seen(ELSEWHERE, talk),
            told={ELSEWHERE.id: (told(CONCERT, campaign="agenda"),)},
            stop=stop,
        ),
        until=at("2027-05-04 12:00"),
    )
    expected = EntryState.DUE if stop is None else EntryState.HELD

    assert {
        "agenda/concert/correction/1": expected,
        "agenda/2027-05-03/1": expected,
        "reminders/concert/7d-0900/1": EntryState.PLANNED,
        "reminders/talk/7d-0900/1": expected,
        "agenda/2027-05-04/1": EntryState.PLANNED,
    } == {one.edition: one.state for one in made.entries}
    assert stop is None or 3 == [one.reason for one in made.entries].count(STOP)


def test_a_plan_is_the_same_when_it_is_made_again() -> None:
    """Nothing is remembered but by the ledger."""
    snapshot = remember(
        ELSEWHERE, known=seen(ELSEWHERE), told={ELSEWHERE.id: (told(CONCERT),)}
    )
    campaigns = [reminder(WEEK_AT_9), digest()]
    first, second = (
        plan(NOW, events=[ELSEWHERE], campaigns=campaigns, snapshot=snapshot)
        for _ in range(2)
    )

    assert first == second
    assert rows(first)
