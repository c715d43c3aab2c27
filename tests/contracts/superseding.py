"""What every ledger promises of an edition that another revision takes the place of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ledger_samples import (
    DEADLINE,
    NOW,
    claim,
    edition,
    freeze,
    lease,
    people,
    result,
    states,
)
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Draft, Intent
from tambour.ledger.states import Step
from tambour.model import Decision, EditionId, EditionState, Revision

LATER = NOW + timedelta(hours=1)
FIRST, SECOND = EditionId("hebdo/2027-03-22/1"), EditionId("hebdo/2027-03-22/2")


def supersede(ledger: Ledger, name: EditionId = FIRST) -> None:
    """Stop an edition whose facts have changed."""
    stop = Revision(edition=name, deadline=DEADLINE, stop=Decision.SUPERSEDE)
    ledger.revise(stop, LATER)


def freeze_second(
    ledger: Ledger, drafts: list[Draft] | None = None, *, first: EditionId = FIRST
) -> bool:
    """Freeze the next revision for those whom the first has not reached."""
    return ledger.freeze(
        edition(SECOND),
        people(8) if drafts is None else drafts,
        audiences={},
        unless_reached=[first],
    )


def settle_each(ledger: Ledger) -> None:
    """Have `p0` … `p5` accepted, refused, put off, in doubt, leased and left alone."""
    freeze(ledger, 6)
    accepted, refused, put_off, lost = claim(ledger, limit=4)
    results = [
        result(accepted, Step.ACCEPT),
        result(refused, Step.REJECT),
        result(put_off, Step.DEFER, next_try=DEADLINE),
        result(lost, Step.LOSE, next_try=DEADLINE),
    ]
    ledger.settle(results, (), now=NOW)
    lease(ledger, limit=1)


class SupersedingContract:
    def test_stops_at_once(self, ledger: Ledger) -> None:
        """What was not sent is superseded, what is in doubt is left so for good."""
        settle_each(ledger)
        supersede(ledger)
        ledger.recover(LATER)

        assert () == lease(ledger, now=LATER)
        assert ["sent", "failed", "superseded", "uncertain", "superseded"] == [
            *states(ledger).values()
        ][:5]
        assert () == lease(ledger, now=DEADLINE - timedelta(seconds=1))
        assert EditionState.SUPERSEDED == ledger.snapshot().editions[FIRST].state
        assert {} == ledger.snapshot().waiting
        assert all(one.is_balanced for one in ledger.history.counts())

    def test_what_is_leased_meets_it_at_the_claim(self, ledger: Ledger) -> None:
        """A wave that was picked before does not leave."""
        freeze(ledger, 2)
        first, second = lease(ledger)
        ledger.settle((), [Intent(delivery=first.id, message_id="")], now=NOW)
        supersede(ledger)
        intent = Intent(delivery=second.id, message_id="")

        assert frozenset() == ledger.settle((), [intent], now=LATER)
        assert ["in_flight", "superseded"] == [*states(ledger).values()]

    @pytest.mark.parametrize(
        ("step", "again", "state"),
        [
            (Step.ACCEPT, None, "sent"),
            (Step.REJECT, None, "failed"),
            (Step.DEFER, DEADLINE, "superseded"),
            (Step.LOSE, DEADLINE, "uncertain"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("stop", [Decision.SUPERSEDE, Decision.CANCEL], ids=str)
    def test_what_is_in_flight_settles_by_its_answer(
        self,
        ledger: Ledger,
        step: Step,
        again: datetime | None,
        state: str,
        stop: Decision,
    ) -> None:
        """Put off or in doubt for hours, it ends with its edition all the same."""
        freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.decide(FIRST, stop, LATER)
        ledger.settle([result(delivery, step, next_try=again)], (), now=LATER)
        lease(ledger, now=LATER)
        if stop is Decision.CANCEL:
            state = state.replace("superseded", "cancelled")

        assert [(state, None)] == [
            (one.state, one.next_try) for one in ledger.history.deliveries()
        ]

    @pytest.mark.parametrize(
        "go_on",
        [
            lambda ledger: ledger.decide(FIRST, Decision.APPROVE, LATER),
            lambda ledger: ledger.decide(FIRST, Decision.HOLD, LATER),
            lambda ledger: ledger.decide(FIRST, Decision.CANCEL, LATER),
            lambda ledger: ledger.retry(FIRST, LATER),
        ],
        ids=["approve", "hold", "cancel", "retry"],
    )
    def test_stays_so(self, ledger: Ledger, go_on: Callable[[Ledger], object]) -> None:
        """Old words are never sent again; the refusal says who is told the new ones."""
        freeze(ledger, 1)
        supersede(ledger)

        with pytest.raises(UserError, match="no longer so: its next revision"):
            go_on(ledger)
        assert {FIRST: Decision.SUPERSEDE} == ledger.snapshot().decisions

    @pytest.mark.parametrize("end", [Decision.CANCEL, Decision.WITHDRAW], ids=str)
    def test_what_was_cancelled_stays_so(self, ledger: Ledger, end: Decision) -> None:
        """No change of facts sends anything after all, and none is called off twice."""
        freeze(ledger, 1)
        ledger.decide(FIRST, end, NOW)
        supersede(ledger)
        freeze(ledger, 1, name=SECOND)
        supersede(ledger, SECOND)
        withdrawn = Revision(edition=SECOND, deadline=None, stop=Decision.WITHDRAW)
        ledger.revise(withdrawn, LATER)

        assert {
            FIRST: end,
            SECOND: Decision.SUPERSEDE,
        } == ledger.snapshot().decisions

    def test_the_next_revision_goes_to_the_others(self, ledger: Ledger) -> None:
        """Who has the first, or may have it, is left out; all others get the second."""
        settle_each(ledger)
        supersede(ledger)

        assert freeze_second(ledger)
        assert ["p1", "p2", "p4", "p5", "p6", "p7"] == [
            one.recipient.removesuffix("@example.org")
            for one in ledger.history.deliveries(edition=SECOND)
        ]
        assert [6, 6] == [one.recipients for one in ledger.history.counts()]
        assert all(one.is_balanced for one in ledger.history.counts())

    def test_the_next_revision_waits_for_what_is_in_flight(
        self, ledger: Ledger
    ) -> None:
        """Only its answer tells to which revision a reader belongs."""
        freeze(ledger, 2)
        first, _ = claim(ledger)
        ledger.settle([result(first, Step.ACCEPT)], (), now=NOW)
        supersede(ledger)

        assert not freeze_second(ledger)
        assert SECOND not in ledger.snapshot().editions
        ledger.recover(LATER)
        assert freeze_second(ledger)
        assert 6 == ledger.history.counts([SECOND])[0].recipients

    def test_a_doubt_that_is_being_tried_again_stays_one(self, ledger: Ledger) -> None:
        """Leased after a crash, a message may have left before it."""
        freeze(ledger, 1)
        claim(ledger)
        ledger.recover(NOW)
        lease(ledger)
        supersede(ledger)

        assert freeze_second(ledger, [*people(1)])
        assert () == ledger.history.counts([SECOND])

    def test_each_channel_speaks_for_itself(self, ledger: Ledger) -> None:
        """Who was reached by one channel is told anew by another."""
        freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, Step.ACCEPT)], (), now=NOW)
        supersede(ledger)
        freeze_second(ledger, [*people(1), *people(1, channel="autre")])

        assert ["autre"] == [one.channel for one in ledger.history.counts([SECOND])]
        assert EditionState.OPEN == ledger.snapshot().editions[SECOND].state
        assert [1, 0] == [len(lease(ledger, channel=c)) for c in ("autre", "lettre")]
