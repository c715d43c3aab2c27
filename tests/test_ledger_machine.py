"""The ledger under any order of events: crashes, departures, decisions, time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ledger_files import open_for_writing
from ledger_samples import NOW, edition, facts, people, result
from tambour.errors import UserError
from tambour.ledger.records import Intent, Leased, Record, Suppression
from tambour.ledger.states import REACHED, Step
from tambour.ledger.telling import Telling
from tambour.model import (
    Decision,
    DeliveryState,
    EditionId,
    EditionState,
    Outcome,
    OutcomeKind,
)

MINUTES = st.sampled_from([timedelta(minutes=count) for count in (0, 1, 5, 30)])
LEFT = st.sampled_from([None, None, timedelta(), timedelta(minutes=20)])
CHOICES = [Decision.APPROVE] * 3 + [Decision.HOLD, Decision.CANCEL, Decision.WITHDRAW]
NUMBERS = st.integers(0, 5)
ANSWERS = [Step.ACCEPT, Step.ACCEPT, Step.REJECT, Step.LOSE, Step.EXPIRE]
EVERYBODY = [f"p{number}@example.org" for number in range(10)]
REFUSAL = Outcome(kind=OutcomeKind.DEFERRED, code="closed")
OPEN = {
    DeliveryState.PLANNED,
    DeliveryState.LEASED,
    DeliveryState.IN_FLIGHT,
    DeliveryState.DEFERRED,
}


class LedgerMachine(RuleBasedStateMachine):
    """A sender and the people around it; what the far side took is kept beside."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = open_for_writing("sqlite://", root=Path())
        self.now = NOW
        self.editions: list[EditionId] = []
        self.deadlines: dict[EditionId, datetime | None] = {}
        self.readers: dict[EditionId, range] = {}
        self.cancelled: set[EditionId] = set()
        self.superseded: set[EditionId] = set()
        self.said: dict[EditionId, int] = {}
        self.venue = 0
        self.doubted: set[tuple[EditionId, str]] = set()
        self.on_hold: set[EditionId] = set()
        self.left: set[str] = set()
        self.leased: list[Leased] = []
        self.flying: list[Leased] = []
        self.taken: Counter[tuple[str, str]] = Counter()

    def teardown(self) -> None:
        """Close the ledger."""
        self.ledger.close()

    def records(self) -> list[Record]:
        """Return every row."""
        return [*self.ledger.history.deliveries()]

    @initialize()
    def begin(self) -> None:
        """Freeze an edition that lasts."""
        self.freeze_edition(4, 0, None)

    @rule(count=st.integers(1, 4), first=st.integers(0, 2), left=LEFT)
    def freeze_edition(self, count: int, first: int, left: timedelta | None) -> None:
        """Freeze an edition that is due now."""
        name = EditionId(f"c/{len(self.editions)}/1")
        self.deadlines[name] = None if left is None else self.now + left
        self.readers[name] = range(first, first + count)
        assert self.freeze(name)

    @precondition(lambda self: self.stopped())
    @rule(pick=NUMBERS)
    def freeze_revision(self, pick: int) -> None:
        """Freeze what takes a superseded edition's place, as soon as that can be."""
        stopped = self.stopped()
        before = stopped[pick % len(stopped)]
        line, _, number = before.rpartition("/")
        earlier = [EditionId(f"{line}/{n + 1}") for n in range(int(number))]
        name = EditionId(f"{line}/{int(number) + 1}")
        self.deadlines[name] = self.deadlines[before]
        self.readers[name] = self.readers[before]
        is_in_flight = any(one.edition in earlier for one in self.flying)

        assert is_in_flight is not self.freeze(name, unless_reached=earlier)

    def lines(self) -> list[EditionId]:
        """Return the last revision of each edition."""
        return [*{name.rpartition("/")[0]: name for name in self.editions}.values()]

    def stopped(self) -> list[EditionId]:
        """Return what was superseded and has no next revision yet."""
        return [name for name in self.lines() if name in self.superseded]

    def freeze(self, name: EditionId, **changes: Any) -> bool:
        """Freeze an edition that says where the forum takes place now."""
        numbers = self.readers[name]
        is_frozen = self.ledger.freeze(
            edition(
                name,
                due=self.now,
                deadline=self.deadlines[name],
                facts=(facts(venue=str(self.venue)),),
            ),
            people(len(numbers), first=numbers.start),
            audiences={},
            **changes,
        )
        if is_frozen:
            self.editions.append(name)
            self.said[name] = self.venue
        return is_frozen

    @rule(stretch=MINUTES)
    def pass_by(self, stretch: timedelta) -> None:
        """Let time pass."""
        self.now += stretch

    @rule(limit=st.integers(1, 3))
    def lease(self, limit: int) -> None:
        """Lease some, of editions that may still speak."""
        leased = self.ledger.lease("lettre", by=self.now, now=self.now, limit=limit)
        for one in leased:
            self.assert_may_leave(one)
        self.leased.extend(leased)

    @precondition(lambda self: self.leased)
    @rule(steps=st.lists(st.sampled_from([Step.ACCEPT, Step.DEFER]), max_size=3))
    def commit_wave(self, steps: list[Step]) -> None:
        """Record some results with the intents of all that is leased."""
        results = []
        for step in steps[: len(self.flying)]:
            one = self.flying.pop()
            again = self.now + timedelta(minutes=5) if step is Step.DEFER else None
            results.append(result(one.id, step, next_try=again))
            self.taken[one.edition, one.recipient.address] += step is Step.ACCEPT
        intents = [Intent(delivery=one.id, message_id="") for one in self.leased]
        granted = self.ledger.settle(results, intents, now=self.now)
        for one in self.leased:
            if one.id in granted:
                self.assert_may_leave(one)
                self.flying.append(one)
        self.leased.clear()

    @precondition(lambda self: self.flying)
    @rule(step=st.sampled_from(ANSWERS))
    def answer(self, step: Step) -> None:
        """Record one result; who loses an answer may have been heard."""
        one = self.flying.pop()
        again = self.now if step is Step.LOSE else None
        self.ledger.settle([result(one.id, step, next_try=again)], (), now=self.now)
        if step is Step.LOSE:
            self.doubted.add((one.edition, one.recipient.address))
        heard = step in (Step.ACCEPT, Step.LOSE)
        self.taken[one.edition, one.recipient.address] += heard

    @rule(steps=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3))
    def send(self, steps: list[Step]) -> None:
        """Lease some, promise them with all that was leased, and hear of a few."""
        self.lease(limit=3)
        if self.leased:
            self.commit_wave([])
        for step in steps[: len(self.flying)]:
            self.answer(step)

    @precondition(lambda self: self.lines())
    @rule(pick=NUMBERS, is_moved=st.booleans())
    def supersede(self, pick: int, *, is_moved: bool) -> None:
        """What an edition says is no longer so, whatever a person thought of it."""
        lines = self.lines()
        self.venue += is_moved
        self.decide_about(lines[pick % len(lines)], Decision.SUPERSEDE)

    @rule(heard=st.integers(0, 3), hold=st.booleans())
    def crash(self, heard: int, *, hold: bool) -> None:
        """Die; some of what was in flight was taken, and nobody was told."""
        for one in self.flying[:heard]:
            self.taken[one.edition, one.recipient.address] += 1
        self.doubted |= {(one.edition, one.recipient.address) for one in self.flying}
        recovered = self.ledger.recover(self.now, hold=["lettre"] if hold else [])

        assert len(self.flying) == recovered.lost
        self.flying.clear()
        self.leased.clear()

    @rule()
    def put_off(self) -> None:
        """The channel cannot be opened."""
        until = self.now + timedelta(minutes=5)
        self.ledger.postpone("lettre", REFUSAL, now=self.now, until=until)
        self.leased.clear()

    @rule(number=NUMBERS)
    def leave_or_come_back(self, number: int) -> None:
        """Somebody leaves, or comes back."""
        address = f"p{number}@example.org"
        if address in self.left:
            self.left.discard(address)
            self.ledger.suppressions.remove(address)
        else:
            self.left.add(address)
            self.ledger.suppressions.add(
                [Suppression(address=address, audience="", reason="", since=self.now)]
            )

    @precondition(lambda self: self.editions)
    @rule(pick=NUMBERS, decision=st.sampled_from(CHOICES))
    def decide(self, pick: int, decision: Decision) -> None:
        """A person decides."""
        self.decide_about(self.editions[pick % len(self.editions)], decision)

    def decide_about(self, name: EditionId, decision: Decision) -> None:
        """Decide; what is superseded stays so."""
        if name in self.superseded:
            with pytest.raises(UserError):
                self.ledger.decide(name, decision, self.now)
            return
        self.ledger.decide(name, decision, self.now)
        if decision is Decision.SUPERSEDE and name in self.cancelled:
            return
        for choices, names in (
            ({Decision.CANCEL, Decision.WITHDRAW}, self.cancelled),
            ({Decision.SUPERSEDE}, self.superseded),
            ({Decision.HOLD}, self.on_hold),
        ):
            (names.add if decision in choices else names.discard)(name)

    @precondition(lambda self: self.editions)
    @rule(pick=NUMBERS)
    def retry(self, pick: int) -> None:
        """A person asks for another try."""
        name = self.editions[pick % len(self.editions)]
        if name in self.superseded:
            with pytest.raises(UserError):
                self.ledger.retry(name, self.now)
        else:
            self.ledger.retry(name, self.now)

    def assert_may_leave(self, one: Leased) -> None:
        """Neither late, nor to who left, nor against a decision."""
        deadline = self.deadlines[one.edition]

        assert deadline is None or self.now < deadline
        assert one.recipient.address not in self.left
        assert one.edition not in self.cancelled | self.superseded | self.on_hold

    def reached(self) -> dict[str, list[EditionId]]:
        """Return by each address the editions that it has, or may have."""
        found: dict[str, list[EditionId]] = {}
        for one in self.records():
            if one.state in REACHED or (one.edition, one.recipient) in self.doubted:
                found.setdefault(one.recipient, []).append(one.edition)
        return found

    @invariant()
    def nobody_gets_two_revisions(self) -> None:
        """Of one edition a reader has, or may have, one revision at most."""
        taken = [name for name, count in self.taken.items() if count]
        lines = Counter((name.rpartition("/")[0], who) for name, who in taken)

        assert {1} >= set(lines.values())
        for names in self.reached().values():
            assert len(names) == len({name.rpartition("/")[0] for name in names})

    @invariant()
    def knows_what_each_was_last_told(self) -> None:
        """The last edition that was frozen counts, of those that reached a reader."""
        last = {
            who: max(names, key=self.editions.index)
            for who, names in self.reached().items()
        }
        event = facts().event
        told = self.ledger.telling.last_told(event, "lettre", EVERYBODY)
        stale = Counter(
            self.said[name] for name in last.values() if self.said[name] != self.venue
        )
        fresh = Telling(self.ledger._database)  # noqa: SLF001 - one that knows nothing
        groups = fresh.told({event: facts(venue=str(self.venue))}).get(event, ())

        assert last == {who: one.edition for who, one in told.items()}
        assert stale == {int(one.facts.venue or ""): one.recipients for one in groups}

    @invariant()
    def adds_up(self) -> None:
        """Every recipient is in exactly one state."""
        assert all(count.is_balanced for count in self.ledger.history.counts())

    @invariant()
    def sent_means_taken(self) -> None:
        """What is sent was taken; what was taken looks sent, in doubt or retried."""
        for one in self.records():
            count = self.taken[one.edition, one.recipient]
            assert one.attempts >= count
            if one.state is DeliveryState.SENT:
                assert count >= 1
            if one.attempts == 0 or one.state is DeliveryState.SUPPRESSED:
                assert count == 0

    @invariant()
    def open_is_what_has_a_next_try(self) -> None:
        """A row is open exactly while it has a next try, and its edition with it."""
        still_open = set()
        for one in self.records():
            is_open = one.next_try is not None
            assert is_open or one.state not in OPEN
            assert not is_open or one.state in OPEN | {DeliveryState.UNCERTAIN}
            if is_open:
                still_open.add(one.edition)
        for name, frozen in self.ledger.snapshot().editions.items():
            if name in still_open:
                assert frozen.state is not EditionState.DONE


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
