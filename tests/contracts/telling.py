"""What every ledger promises to know of who was last told what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from ledger_samples import (
    DEADLINE,
    NOW,
    claim,
    facts,
    freeze,
    lease,
    people,
    person,
    result,
)
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Draft, LastTold, Suppression
from tambour.ledger.states import Step
from tambour.model import Decision, EditionKind, Facts

OLD, NEW, NEWER = (facts(venue=name) for name in ("Salle", "Mairie", "Gare"))
RENAMED = facts(venue="Salle", title="Le grand forum")
FORUM = OLD.event
LATER = NOW + timedelta(hours=1)
DIGEST, REMINDER = "hebdo/2027-03-22/1", "rappel/agenda/forum/PT24H/1"
CORRECTION, OTHER = "hebdo/agenda/forum/correction/1", "rappel/forum/correction/1"


def tell(
    ledger: Ledger,
    *said: Facts,
    name: str = DIGEST,
    to: int | Iterable[Draft] = 3,
    steps: Iterable[Step] | None = None,
) -> None:
    """Freeze an edition, and settle as many of its deliveries as there are *steps*."""
    kind = EditionKind.CORRECTION if "correction" in name else EditionKind.DIGEST
    freeze(ledger, to, name=name, facts=said, kind=kind)
    for channel in ("lettre", "autre"):
        claimed = claim(ledger, channel=channel)
        taken = [Step.ACCEPT] * len(claimed) if steps is None else steps
        done = zip(claimed, taken, strict=False)
        ledger.settle([result(one, step) for one, step in done], (), now=NOW)
        lease(ledger, channel=channel)


def groups(ledger: Ledger, now: Facts = NEW) -> list[tuple[str | None, str, int]]:
    """Return what was last told, by which campaign, to how many."""
    told = ledger.telling.told({FORUM: now}).get(FORUM, ())
    return [(one.facts.venue, one.campaign, one.recipients) for one in told]


class TellingContract:
    @pytest.mark.parametrize("now", [OLD, RENAMED], ids=["same", "another title"])
    def test_nobody_was_told_what_is_not_so(self, ledger: Ledger, now: Facts) -> None:
        """What readers go by is as they were told, and nothing of it is returned."""
        tell(ledger, OLD)

        assert {} == ledger.telling.told({FORUM: now})
        assert {} == ledger.telling.told({})

    def test_knows_who_may_have_been_told(self, ledger: Ledger) -> None:
        """Sent, in doubt and in flight count; refused, waiting and suppressed do not."""
        gone = Suppression(
            address="p6@example.org", audience="", reason="left", since=NOW
        )
        ledger.suppressions.add([gone])
        steps = [Step.ACCEPT, Step.ACCEPT, Step.LOSE, Step.REJECT, Step.EXPIRE]
        tell(ledger, OLD, to=7, steps=steps)
        (group,) = ledger.telling.told({FORUM: NEW})[FORUM]

        assert (OLD, "hebdo", "lettre", "agents", DIGEST, 4) == (
            group.facts,
            group.campaign,
            group.channel,
            group.audience,
            group.edition,
            group.recipients,
        )

    def test_the_last_edition_counts(self, ledger: Ledger) -> None:
        """Each reader belongs to who told them last; who knows better is left out."""
        tell(ledger, OLD, to=5)
        tell(ledger, OLD, name=REMINDER, to=people(2, first=1))
        tell(ledger, NEW, name="hebdo/2027-03-29/1", to=people(1, first=2))

        assert [("Salle", "hebdo", 3), ("Salle", "rappel", 1)] == groups(ledger)

    def test_an_edition_that_failed_tells_nothing(self, ledger: Ledger) -> None:
        """What a later edition did not bring leaves the earlier one's word standing."""
        tell(ledger, OLD)
        tell(ledger, NEW, name=REMINDER, steps=[Step.REJECT, Step.ACCEPT, Step.EXPIRE])

        assert [("Salle", "hebdo", 2)] == groups(ledger)

    def test_each_channel_and_audience_for_itself(self, ledger: Ledger) -> None:
        """A reader of a mail and a post's account are groups of their own."""
        post = Content(key="1", language="fr", payload="{}")
        account = Draft(channel="autre", recipient=person("autre"), content=post)
        member = Content(key="2", language="fr", audience="members", payload="{}")
        zoe = Draft(channel="lettre", recipient=person("z@example.org"), content=member)
        tell(ledger, OLD, to=[*people(2), account, zoe])

        assert {
            ("autre", None, 1),
            ("lettre", "agents", 2),
            ("lettre", "members", 1),
        } == {
            (one.channel, one.audience, one.recipients)
            for one in ledger.telling.told({FORUM: NEW})[FORUM]
        }

    def test_each_event_for_itself(self, ledger: Ledger) -> None:
        """Of a digest of several, only what changed is returned."""
        other = facts("agenda/atelier")
        tell(ledger, OLD, other)

        assert {FORUM} == ledger.telling.told({FORUM: NEW, other.event: other}).keys()

    def test_a_correction_that_is_under_way_is_not_owed(self, ledger: Ledger) -> None:
        """Frozen, it stands for all whom it goes to, whether or not it reaches them."""
        tell(ledger, OLD)
        freeze(ledger, 3, name=CORRECTION, facts=(NEW,), kind=EditionKind.CORRECTION)

        assert [] == groups(ledger)
        assert [("Salle", "hebdo", 3)] == groups(ledger, NEWER)

    def test_who_missed_a_correction_is_owed_the_next(self, ledger: Ledger) -> None:
        """After another change each is told what differs from what they know."""
        tell(ledger, OLD)
        steps = [Step.ACCEPT, Step.REJECT, Step.EXPIRE]
        tell(ledger, NEW, name=CORRECTION, steps=steps)

        assert [] == groups(ledger)
        assert [("Salle", "hebdo", 2), ("Mairie", "hebdo", 1)] == groups(ledger, NEWER)
        assert [("Mairie", "hebdo", 1)] == groups(ledger, OLD)

    def test_a_campaign_corrects_its_own_readers_only(self, ledger: Ledger) -> None:
        """Those whom another campaign told last stay owed until that one corrects."""
        tell(ledger, OLD)
        tell(ledger, OLD, name=REMINDER, to=people(2, first=2))
        tell(ledger, NEW, name=CORRECTION, to=2)

        assert [("Salle", "rappel", 2)] == groups(ledger)
        tell(ledger, NEW, name=OTHER, to=people(2, first=2))
        assert [] == groups(ledger)

    def test_an_old_word_after_a_correction_counts(self, ledger: Ledger) -> None:
        """What a person had sent again, or a late edition says, is owed once more."""
        tell(ledger, OLD)
        tell(ledger, NEW, name=CORRECTION)
        tell(ledger, OLD, name="hebdo/2027-03-29/1", to=1)

        assert [("Salle", "hebdo", 1)] == groups(ledger)

    def test_counts_again_what_was_sent_since(self, ledger: Ledger) -> None:
        """A retry reaches more readers, and they are told as well."""
        tell(ledger, OLD, steps=[Step.ACCEPT, Step.REJECT, Step.REJECT])
        assert [("Salle", "hebdo", 1)] == groups(ledger)
        ledger.retry(ledger.history.counts()[0].edition, NOW)
        first, *_ = claim(ledger)
        ledger.settle([result(first, Step.ACCEPT)], (), now=NOW)
        ledger.recover(NOW, hold=["lettre"])
        lease(ledger)

        assert [("Salle", "hebdo", 3)] == groups(ledger)

    def test_counts_again_what_was_stopped(self, ledger: Ledger) -> None:
        """While it is being sent its first count stands, and then its last."""
        freeze(ledger, 3, name=DIGEST, facts=(OLD,))
        first, second = claim(ledger, limit=2)
        assert [("Salle", "hebdo", 2)] == groups(ledger)
        ledger.decide(ledger.history.counts()[0].edition, Decision.SUPERSEDE, NOW)
        results = [
            result(first, Step.ACCEPT),
            result(second, Step.DEFER, next_try=DEADLINE),
        ]
        ledger.settle(results, (), now=NOW)
        lease(ledger)

        assert [("Salle", "hebdo", 1)] == groups(ledger)

    def test_knows_what_each_was_last_told(self, ledger: Ledger) -> None:
        """Any spelling finds its reader; who was told nothing is not there."""
        tell(ledger, OLD, to=3, steps=[Step.ACCEPT, Step.ACCEPT, Step.REJECT])
        tell(ledger, NEW, name=REMINDER, to=people(1, first=1))
        digest = LastTold(
            edition=DIGEST, campaign="hebdo", audience="agents", facts=OLD
        )
        reminder = digest._replace(edition=REMINDER, campaign="rappel", facts=NEW)
        asked = [" P0@Example.org", "p1@example.org", "p2@example.org", "p9@x.org"]

        assert {
            " P0@Example.org": digest,
            "p1@example.org": reminder,
        } == ledger.telling.last_told(FORUM, "lettre", asked)
        assert {} == ledger.telling.last_told(FORUM, "autre", asked)
        assert {} == ledger.telling.last_told(facts("other").event, "lettre", asked)
        assert {} == ledger.telling.last_told(FORUM, "lettre", [])
