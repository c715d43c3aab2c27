"""
What every ledger promises, wherever it keeps its rows.

A ledger's test file subclasses `LedgerContract` and gives a `ledger`, opened to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from contracts.sightings import SightingContract
from contracts.superseding import SupersedingContract
from contracts.telling import TellingContract
from ledger_samples import (
    DEADLINE,
    NOW,
    SHARED,
    claim,
    edition,
    facts,
    freeze,
    lease,
    people,
    person,
    result,
    states,
)
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Draft, Intent, Recovered, Spent, Suppression
from tambour.ledger.states import Step
from tambour.model import (
    Cause,
    Decision,
    DeliveryState,
    EditionId,
    EditionState,
    Outcome,
    OutcomeKind,
    Revision,
    Snapshot,
)

LATER = NOW + timedelta(hours=1)
REFUSED = {"code": "550", "reply": "not from you"}


def suppression(address: str, audience: str = "") -> Suppression:
    """Return a suppression by its owner's wish."""
    return Suppression(address=address, audience=audience, reason="left", since=NOW)


class FreezingContract:
    def test_is_empty_at_first(self, ledger: Ledger) -> None:
        """A new ledger remembers nothing."""
        assert Snapshot() == ledger.snapshot()

    def test_remembers_an_edition(self, ledger: Ledger) -> None:
        """An edition comes back with its facts, in the event's own zone."""
        end = facts().start + timedelta(hours=2)
        frozen = edition(facts=(facts(end=end), facts("agenda/atelier", venue=None)))
        ledger.freeze(frozen, people(2), audiences={"agents": 2})

        snapshot = ledger.snapshot()

        assert {frozen.id: frozen} == snapshot.editions
        assert "Europe/Paris" == str(snapshot.editions[frozen.id].facts[0].start.tzinfo)
        assert {"agents": 2} == snapshot.audience_sizes

    def test_freezes_once(self, ledger: Ledger) -> None:
        """An edition that is frozen stays as it is."""
        first = ledger.freeze(edition(), people(2), audiences={"agents": 2})
        second = ledger.freeze(edition(), people(5), audiences={"agents": 5})

        assert (True, False) == (first, second)
        assert 2 == len(states(ledger))
        assert {"agents": 2} == ledger.snapshot().audience_sizes

    def test_leaves_no_trace_of_a_failure(self, ledger: Ledger) -> None:
        """What fails while recipients are read freezes nothing at all."""

        def broken() -> Iterator[Draft]:
            yield from people(1500)
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 - it has no words
            ledger.freeze(edition(), broken(), audiences={"agents": 1500})

        assert {} == states(ledger)
        assert Snapshot() == ledger.snapshot()

    def test_mails_an_address_once(self, ledger: Ledger) -> None:
        """Two spellings of an address on one channel are one delivery."""
        drafts = [
            Draft(channel=channel, recipient=person(address), content=SHARED)
            for channel in ("lettre", "autre")
            for address in (
                "Zoé@Exämple.org",
                " zoé@exämple.ORG",
                "zoé@xn--exmple-cua.org",
            )
        ]
        freeze(ledger, drafts)

        assert [("lettre", 1), ("autre", 1)] == [
            (count.channel, count.recipients)
            for count in sorted(
                ledger.history.counts(), key=lambda c: c.channel, reverse=True
            )
        ]

    def test_freezes_who_left_as_suppressed(self, ledger: Ledger) -> None:
        """An address that left is a row that says so, counted and never sent."""
        ledger.suppressions.add([suppression("P1@example.org")])
        freeze(ledger, 3)

        assert ["p0@example.org", "p2@example.org"] == [
            one.recipient.address for one in lease(ledger)
        ]
        assert "suppressed" == states(ledger)["p1@example.org"]

    @pytest.mark.parametrize("order", [1, -1], ids=["left first", "left last"])
    def test_leaves_one_audience_only(self, ledger: Ledger, order: int) -> None:
        """Who left one audience still gets what another is told."""
        ledger.suppressions.add([suppression("zoe@example.org", "agents")])
        other = Content(key="1/fr", language="fr", audience="members", payload="{}")
        drafts = [
            Draft(channel="lettre", recipient=person("zoe@example.org"), content=one)
            for one in (SHARED, other)[::order]
        ]
        freeze(ledger, drafts)

        (leased,) = lease(ledger)

        assert "members" == leased.audience

    def test_keeps_the_words(self, ledger: Ledger) -> None:
        """Words and recipients come back as they were frozen."""
        zoe = person("zoe@example.org", name="Zoé", fields={"city": "Lyon"})
        own = Content(key="0", language="fr", address=zoe.address, payload='{"é": 1}')
        drafts = [*people(2), Draft(channel="lettre", recipient=zoe, content=own)]
        freeze(ledger, drafts)

        leased = lease(ledger)
        contents = ledger.contents({one.content for one in leased})

        assert zoe == leased[2].recipient
        assert SHARED.rendered == contents[leased[0].content].rendered
        assert leased[0].content == leased[1].content
        assert '{"é": 1}' == contents[leased[2].content].payload

    @pytest.mark.parametrize(
        "text",
        ['"', "\\", "\x01\t\n", "\u2028", "🥁", "[1]", "null", "", "$[0]", "é" * 999],
        ids=ascii,
    )
    def test_keeps_every_letter(self, ledger: Ledger, text: str) -> None:
        """Whatever people, columns and servers write comes back as it was."""
        zoe = person("zoe@example.org", name=text, fields={text: text, "n": "007"})
        name = freeze(ledger, [Draft(channel="lettre", recipient=zoe, content=SHARED)])
        (leased,) = lease(ledger)
        ledger.settle((), [Intent(delivery=leased.id, message_id=text)], now=NOW)
        done = result(leased.id, Step.ACCEPT, code=text, reply=text)
        ledger.settle([done], (), now=NOW)
        (record,) = ledger.history.deliveries(edition=name)

        assert zoe == leased.recipient
        assert (text, text, text) == (record.message_id, record.code, record.reply)

    def test_refuses_what_is_no_text(self, ledger: Ledger) -> None:
        """Half a character is never stored: no reader could read it back."""
        half = person("zoe@example.org", name="\ud800")

        with pytest.raises(UnicodeEncodeError):
            freeze(ledger, [Draft(channel="lettre", recipient=half, content=SHARED)])
        assert Snapshot() == ledger.snapshot()

    @pytest.mark.parametrize("minutes", [-10, 10])
    def test_waits_for_the_hold(self, ledger: Ledger, minutes: int) -> None:
        """Nothing leaves before it is due, nor before a hold is over."""
        hold = NOW + timedelta(minutes=minutes)
        ledger.freeze(edition(), people(1), audiences={}, not_before=hold)
        first = max(NOW, hold)

        assert () == lease(ledger, now=first - timedelta(seconds=1))
        assert 1 == len(lease(ledger, now=first))


class DeliveringContract:
    def test_leases_what_is_due(self, ledger: Ledger) -> None:
        """Nothing is leased before its time, twice, or on another channel."""
        freeze(ledger, 3, due=LATER)

        assert () == lease(ledger)
        assert () == lease(ledger, now=LATER, channel="other")
        assert 2 == len(lease(ledger, now=LATER, limit=2))
        assert 1 == len(lease(ledger, now=LATER))
        assert () == lease(ledger, now=LATER)

    def test_leases_the_most_urgent_edition_first(self, ledger: Ledger) -> None:
        """The nearest deadline goes first, no deadline last."""
        freeze(ledger, 1, name="a/1/1", deadline=None)
        freeze(ledger, 1, name="b/1/1", deadline=DEADLINE)
        freeze(ledger, 1, name="c/1/1", deadline=LATER)

        order = [lease(ledger)[0].edition for _ in range(3)]

        assert ["c/1/1", "b/1/1", "a/1/1"] == order

    def test_commits_results_with_intents(self, ledger: Ledger) -> None:
        """One transaction records the last wave and promises the next."""
        freeze(ledger, 2)
        (first,) = claim(ledger, limit=1)
        (leased,) = lease(ledger)
        done = result(first, Step.ACCEPT, code="250", reply="queued")
        intent = Intent(delivery=leased.id, message_id="<2@x>")

        assert {leased.id} == ledger.settle([done], [intent], now=LATER)

        records = {one.recipient: one for one in ledger.history.deliveries()}
        assert "sent" == records["p0@example.org"].state
        assert ("250", "queued", LATER) == (
            records["p0@example.org"].code,
            records["p0@example.org"].reply,
            records["p0@example.org"].at,
        )
        assert ("in_flight", 1, "<2@x>") == (
            records["p1@example.org"].state,
            records["p1@example.org"].attempts,
            records["p1@example.org"].message_id,
        )

    @pytest.mark.parametrize(
        ("step", "again", "state"),
        [
            (Step.ACCEPT, None, "sent"),
            (Step.REJECT, None, "failed"),
            (Step.DEFER, LATER, "deferred"),
            (Step.LOSE, LATER, "uncertain"),
            (Step.LOSE, None, "uncertain"),
            (Step.EXPIRE, None, "expired"),
            (Step.POSTPONE, LATER, "deferred"),
        ],
    )
    def test_records_each_outcome(
        self, ledger: Ledger, step: Step, again: object, state: str
    ) -> None:
        """Each outcome leads to its state, and is tried again when it says so."""
        freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, step, next_try=again)], (), now=NOW)

        assert [state] == list(states(ledger).values())
        assert () == lease(ledger)
        assert (again is not None) == bool(lease(ledger, now=LATER))

    def test_records_no_result_twice(self, ledger: Ledger) -> None:
        """A result that comes late does not undo what was recorded."""
        freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, Step.ACCEPT)], (), now=NOW)
        ledger.settle([result(delivery, Step.REJECT)], (), now=NOW)

        assert ["sent"] == list(states(ledger).values())

    def test_gives_leased_deliveries_back(self, ledger: Ledger) -> None:
        """What is released is leased again, without an attempt counted."""
        freeze(ledger, 1)
        (leased,) = lease(ledger)
        ledger.settle((), (), now=NOW, release=[leased.id])

        (again,) = lease(ledger)

        assert (leased.id, 0) == (again.id, again.attempts)

    def test_expires_at_the_lease(self, ledger: Ledger) -> None:
        """Nothing is leased at or after its deadline."""
        freeze(ledger, 2)

        assert () == lease(ledger, now=DEADLINE)
        assert {"expired"} == set(states(ledger).values())

    @pytest.mark.parametrize(
        ("decision", "state"),
        [(Decision.CANCEL, "cancelled"), (Decision.HOLD, "planned")],
    )
    def test_rereads_decisions_at_the_claim(
        self, ledger: Ledger, decision: Decision, state: str
    ) -> None:
        """A decision made after the lease keeps the message from leaving."""
        name = freeze(ledger, 1)
        (leased,) = lease(ledger)
        ledger.decide(name, decision, NOW)
        intent = Intent(delivery=leased.id, message_id="")

        assert frozenset() == ledger.settle((), [intent], now=NOW)
        assert [state] == list(states(ledger).values())

    def test_rereads_suppressions_and_deadlines_at_the_claim(
        self, ledger: Ledger
    ) -> None:
        """Who left after the lease gets nothing, and nothing leaves too late."""
        freeze(ledger, 2)
        leased = lease(ledger)
        ledger.suppressions.add([suppression("p0@example.org")])
        intents = [Intent(delivery=one.id, message_id="") for one in leased]

        assert frozenset() == ledger.settle((), intents, now=DEADLINE)
        assert {"p0@example.org": "suppressed", "p1@example.org": "expired"} == states(
            ledger
        )

    def test_puts_off_a_whole_channel(self, ledger: Ledger) -> None:
        """A channel that cannot be opened costs its deliveries no attempt."""
        freeze(ledger, 2)
        freeze(ledger, people(1, channel="other"), name="b/1/1")
        lease(ledger, limit=1)
        refusal = Outcome(kind=OutcomeKind.DEFERRED, code="unreachable", reply="no")

        count = ledger.postpone("lettre", refusal, now=NOW, until=LATER)

        assert 2 == count
        assert [("lettre", "deferred", 0, "unreachable")] * 2 + [
            ("other", "planned", 0, "")
        ] == [
            (one.channel, one.state, one.attempts, one.code)
            for one in sorted(ledger.history.deliveries(), key=lambda d: d.channel)
        ]
        assert 2 == len(lease(ledger, now=LATER))


class RefusingContract:
    def test_leases_no_more_than_asked_for(self, ledger: Ledger) -> None:
        """However many have to end before the first that may leave."""
        freeze(ledger, 1100)
        gone = [suppression(f"p{number}@example.org") for number in range(1050)]
        ledger.suppressions.add(gone)
        leased = [one.recipient.address for one in lease(ledger, limit=5)]

        assert [f"p{number}@example.org" for number in range(1050, 1055)] == leased
        assert 45 == [*states(ledger).values()].count("planned")

    def test_suppresses_an_address_that_does_not_exist(self, ledger: Ledger) -> None:
        """Refused for its address, nobody is mailed again, whichever the audience."""
        freeze(ledger, 2)
        freeze(ledger, 2, name="b/1/1", deadline=None)
        first, _ = claim(ledger, limit=2)
        refusal = {"code": "550", "status": "5.1.1", "cause": Cause.ADDRESS}
        ledger.settle([result(first, Step.REJECT, **refusal)], (), now=LATER)

        assert (
            Suppression(
                address="p0@example.org", audience="", reason="550 5.1.1", since=LATER
            ),
        ) == ledger.suppressions.all()
        assert ["p1@example.org"] == [one.recipient.address for one in lease(ledger)]

    @pytest.mark.parametrize(
        ("step", "cause"),
        [
            (Step.DEFER, Cause.ADDRESS),
            (Step.REJECT, Cause.MESSAGE),
            (Step.REJECT, Cause.SENDER),
        ],
        ids=str,
    )
    def test_suppresses_nobody_else(
        self, ledger: Ledger, step: Step, cause: Cause
    ) -> None:
        """What is not the address's fault, or not for good, suppresses nobody."""
        freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, step, cause=cause)], (), now=NOW)

        assert () == ledger.suppressions.all()

    def test_heeds_no_result_that_comes_too_late(self, ledger: Ledger) -> None:
        """What was recorded already neither suppresses nor holds by a second result."""
        freeze(ledger, 2)
        first, second = claim(ledger)
        done = [result(one, Step.ACCEPT) for one in (first, second)]
        ledger.settle(done, (), now=NOW)
        late = [
            result(first, Step.REJECT, cause=Cause.ADDRESS),
            result(second, Step.REJECT, cause=Cause.SENDER),
        ]
        ledger.settle(late, (), now=NOW)

        assert () == ledger.suppressions.all()
        assert {} == ledger.snapshot().decisions

    def test_holds_what_its_sender_is_refused_for(self, ledger: Ledger) -> None:
        """The edition is held with the server's words, from the very same wave on."""
        name = freeze(ledger, 3)
        first, second = claim(ledger, limit=2)
        (third,) = lease(ledger)
        refused = [
            result(one, Step.DEFER, next_try=LATER, cause=Cause.SENDER, **REFUSED)
            for one in (first, second)
        ]
        intent = Intent(delivery=third.id, message_id="<3@x>")

        assert frozenset() == ledger.settle(refused, [intent], now=NOW)
        assert {name: Decision.HOLD} == ledger.snapshot().decisions
        assert {name: "550 not from you"} == ledger.snapshot().held_because
        assert () == lease(ledger, now=LATER)

    def test_releases_what_was_held_when_it_is_approved(self, ledger: Ledger) -> None:
        """Once approved, all of it is due at once, and no reason is left."""
        name = freeze(ledger, 2)
        (first,) = claim(ledger, limit=1)
        much_later = NOW + timedelta(hours=5)
        refused = result(
            first, Step.DEFER, next_try=much_later, cause=Cause.SENDER, **REFUSED
        )
        ledger.settle([refused], (), now=NOW)
        ledger.decide(name, Decision.APPROVE, LATER)

        assert {} == ledger.snapshot().held_because
        assert {name} == ledger.history.due_editions(LATER)
        assert 2 == len(lease(ledger, now=LATER))

    def test_approving_hastens_nothing_else(self, ledger: Ledger) -> None:
        """What is put off of an edition that nobody held keeps its time."""
        name = freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, Step.DEFER, next_try=LATER)], (), now=NOW)
        ledger.decide(name, Decision.APPROVE, NOW)

        assert () == lease(ledger)

    @pytest.mark.parametrize(
        ("decision", "kept"),
        [
            (Decision.CANCEL, Decision.CANCEL),
            (Decision.WITHDRAW, Decision.WITHDRAW),
            (Decision.APPROVE, Decision.HOLD),
            (Decision.HOLD, Decision.HOLD),
        ],
        ids=str,
    )
    def test_a_hold_undoes_no_end(
        self, ledger: Ledger, decision: Decision, kept: Decision
    ) -> None:
        """A refusal holds what was approved, and leaves alone what was cancelled."""
        name = freeze(ledger, 1)
        (delivery,) = claim(ledger)
        ledger.decide(name, decision, NOW)
        refused = result(
            delivery, Step.DEFER, next_try=LATER, cause=Cause.SENDER, **REFUSED
        )
        ledger.settle([refused], (), now=NOW)

        assert {name: kept} == ledger.snapshot().decisions

    def test_remembers_what_was_spent(self, ledger: Ledger) -> None:
        """Budgets are kept per channel; a second adds up to its end, old ones go."""
        old, before = NOW - timedelta(days=3), NOW - timedelta(milliseconds=300)
        for count, at, lane, channel in [
            (5, old, "", "lettre"),
            (1, before, "orange", "lettre"),
            (2, NOW, "orange", "lettre"),
            (3, LATER, "", "lettre"),
            (9, NOW, "", "autre"),
        ]:
            row = Spent(channel=channel, lane=lane, at=at, count=count)
            ledger.settle((), (), now=at, spent=[row])

        assert (
            Spent(channel="lettre", lane="orange", at=NOW, count=3),
            Spent(channel="lettre", at=LATER, count=3),
        ) == ledger.spent("lettre", since=old)
        assert [3] == [one.count for one in ledger.spent("lettre", since=LATER)]


class RecoveringContract:
    def test_gives_back_and_doubts(self, ledger: Ledger) -> None:
        """What was leased is planned again; what was in flight is in doubt and due."""
        freeze(ledger, 2)
        claim(ledger, limit=1)
        lease(ledger)

        assert Recovered(released=1, lost=1) == ledger.recover(LATER)
        assert {"p0@example.org": "uncertain", "p1@example.org": "planned"} == states(
            ledger
        )
        assert 2 == len(lease(ledger, now=LATER))

    def test_leaves_doubt_to_a_person_on_hold(self, ledger: Ledger) -> None:
        """A channel that holds what is uncertain sends it again only when asked."""
        name = freeze(ledger, 1)
        claim(ledger)
        ledger.recover(NOW, hold=["lettre"])

        assert () == lease(ledger)
        assert 1 == ledger.retry(name, NOW)
        assert 1 == len(lease(ledger))

    @pytest.mark.parametrize("end", ["expire", "suppress", "cancel", "release"])
    def test_never_forgets_a_doubt(self, ledger: Ledger, end: str) -> None:
        """A message that may have left never ends as if it had not."""
        name = freeze(ledger, 1)
        claim(ledger)
        ledger.recover(NOW)
        (leased,) = lease(ledger)
        match end:
            case "expire":
                intent = Intent(delivery=leased.id, message_id="")
                ledger.settle((), [intent], now=DEADLINE)
            case "suppress":
                ledger.suppressions.add([suppression("p0@example.org")])
                intent = Intent(delivery=leased.id, message_id="")
                ledger.settle((), [intent], now=NOW)
            case "cancel":
                ledger.settle((), (), now=NOW, release=[leased.id])
                ledger.decide(name, Decision.CANCEL, NOW)
            case "release":
                ledger.recover(NOW)

        assert ["uncertain"] == list(states(ledger).values())

    @pytest.mark.parametrize("step", [Step.EXPIRE, Step.POSTPONE, Step.REJECT], ids=str)
    def test_never_forgets_a_doubt_in_flight(self, ledger: Ledger, step: Step) -> None:
        """Promised again, and not taken up or refused, what was in doubt is so still."""
        freeze(ledger, 1)
        claim(ledger)
        ledger.recover(NOW)
        (delivery,) = claim(ledger)
        ledger.settle([result(delivery, step)], (), now=NOW)

        assert ["uncertain"] == list(states(ledger).values())


class DecidingContract:
    def test_retries_what_failed(self, ledger: Ledger) -> None:
        """A retry makes what failed due again and leaves alone what was sent."""
        name = freeze(ledger, 2)
        first, second = claim(ledger)
        results = [result(first, Step.ACCEPT), result(second, Step.REJECT)]
        ledger.settle(results, (), now=NOW)
        lease(ledger)

        assert EditionState.DONE == ledger.snapshot().editions[name].state
        assert 1 == ledger.retry(name, LATER)
        assert EditionState.OPEN == ledger.snapshot().editions[name].state
        assert [second] == [one.id for one in lease(ledger, now=LATER)]

    def test_refuses_to_retry_what_never_was(self, ledger: Ledger) -> None:
        """An unknown edition is an error that says where to look."""
        with pytest.raises(UserError, match="tambour history"):
            ledger.retry(EditionId("none"), NOW)

    def test_cancels_at_once(self, ledger: Ledger) -> None:
        """A cancelled edition ends, but for what was sent."""
        name = freeze(ledger, 2)
        (delivery,) = claim(ledger, limit=1)
        ledger.settle([result(delivery, Step.ACCEPT)], (), now=NOW)

        assert 1 == ledger.decide(name, Decision.CANCEL, NOW)
        assert {"p0@example.org": "sent", "p1@example.org": "cancelled"} == states(
            ledger
        )
        assert EditionState.CANCELLED == ledger.snapshot().editions[name].state

    def test_withdraws_what_does_not_take_place(self, ledger: Ledger) -> None:
        """What waits is cancelled, what is leased meets it at the claim."""
        name = freeze(ledger, 3)
        (delivery,) = lease(ledger, limit=1)
        ledger.revise(
            Revision(edition=name, deadline=DEADLINE, stop=Decision.WITHDRAW), LATER
        )
        intent = Intent(delivery=delivery.id, message_id="<1@example.org>")

        assert frozenset() == ledger.settle((), [intent], now=LATER)
        assert {"cancelled"} == set(states(ledger).values())
        assert EditionState.CANCELLED == ledger.snapshot().editions[name].state

    def test_brings_a_deadline_forward_and_never_back(self, ledger: Ledger) -> None:
        """Nothing is leased after the earliest end that was ever known."""
        name = freeze(ledger, 2)
        for hours in (1, 5):
            deadline = NOW + timedelta(hours=hours)
            revision = Revision(edition=name, deadline=deadline)
            ledger.revise(revision, NOW)

        assert LATER == ledger.snapshot().editions[name].deadline
        assert () == ledger.lease("lettre", by=LATER, now=LATER, limit=9)
        assert {"expired"} == set(states(ledger).values())

    def test_holds_until_approved(self, ledger: Ledger) -> None:
        """What is on hold is neither due nor leased until somebody approves."""
        name = freeze(ledger, 1)
        ledger.decide(name, Decision.HOLD, NOW)

        assert frozenset() == ledger.history.due_editions(NOW)
        assert () == lease(ledger)
        assert {name: Decision.HOLD} == ledger.snapshot().decisions

        ledger.decide(name, Decision.APPROVE, LATER)

        assert {name} == ledger.history.due_editions(NOW)
        assert 1 == len(lease(ledger))

    def test_keeps_suppressions(self, ledger: Ledger) -> None:
        """Any spelling suppresses an address, once, until it is lifted."""
        name = "zoe@xn--exmple-cua.org"
        both = [suppression(" Zoe@Exämple.ORG"), suppression(name)]

        assert 1 == ledger.suppressions.add(both)
        assert (suppression(name),) == ledger.suppressions.all()
        assert ledger.suppressions.remove("ZOE@exämple.org")
        assert not ledger.suppressions.remove(name)


class HistoryContract:
    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({}, 5),
            ({"address": "P0@Example.org"}, 2),
            ({"edition": "b/1/1"}, 2),
            ({"event": "agenda/atelier"}, 2),
            ({"event": "agenda/atelier", "address": "p0@example.org"}, 1),
            ({"address": "nobody@example.org"}, 0),
        ],
        ids=str,
    )
    def test_filters(self, ledger: Ledger, filters: dict[str, str], count: int) -> None:
        """Deliveries are found by address, edition and event, together."""
        freeze(ledger, 3)
        freeze(ledger, 2, name="b/1/1", facts=(facts(), facts("agenda/atelier")))

        assert count == len([*ledger.history.deliveries(**filters)])

    def test_names_the_only_event(self, ledger: Ledger) -> None:
        """A digest of several events names none."""
        freeze(ledger, 1, name="a/1/1")
        freeze(ledger, 1, name="b/1/1", facts=(facts(), facts("agenda/atelier")))

        assert ["agenda/forum", None] == [
            one.event for one in ledger.history.deliveries()
        ]

    def test_adds_up(self, ledger: Ledger) -> None:
        """The states of each share are counted, and add up to its recipients."""
        drafts = [*people(2), *people(2, channel="other"), *people(1, first=2)]
        name = freeze(ledger, drafts)
        freeze(ledger, 2, name="b/1/1", deadline=None)
        claim(ledger, limit=2)

        counts = {one.channel: one for one in ledger.history.counts([name])}

        assert {
            DeliveryState.PLANNED: 1,
            DeliveryState.IN_FLIGHT: 2,
        } == counts["lettre"].states
        assert [3, 2] == [counts["lettre"].recipients, counts["other"].recipients]
        assert all(one.is_balanced for one in counts.values())
        assert () == ledger.history.counts([])


class LedgerContract(
    SightingContract,
    FreezingContract,
    DeliveringContract,
    RefusingContract,
    RecoveringContract,
    DecidingContract,
    SupersedingContract,
    TellingContract,
    HistoryContract,
):
    """All that a ledger promises."""
