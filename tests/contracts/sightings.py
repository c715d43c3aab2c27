"""What every ledger promises to remember of events and campaigns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger_samples import NOW, facts, freeze
from planning_cases import event
from tambour.ledger import Ledger
from tambour.model import Decision, Detail, Event, EventStatus, KnownEvent

MINUTE = timedelta(minutes=1)
LATER = NOW + 60 * MINUTE
CONCERT = event(
    "2027-04-01 19:00",
    end=event("2027-04-01 23:00").start,
    venue="Salle des fêtes",
    tags=("chant", "été"),
    details=(Detail(label="Accès", text="par la cour", url="https://example.org"),),
    body="# Ça *commence*\n",
)


def note(ledger: Ledger, *events: Event, now: Any = NOW, **changes: Any) -> None:
    """Let the ledger see some events."""
    ledger.sightings.note(events, ["hebdo"], now, **changes)


class SightingContract:
    def test_remembers_the_first_sight(self, ledger: Ledger) -> None:
        """Later sights of an event or a campaign change nothing."""
        other = event("2027-04-02 19:00", name="forum")
        note(ledger, CONCERT)
        note(ledger, CONCERT, other, now=LATER)

        snapshot = ledger.snapshot()

        assert {"concert": NOW, "forum": LATER} == snapshot.events_seen
        assert {"hebdo": NOW} == snapshot.campaigns_seen

    def test_knows_an_event_as_it_was(self, ledger: Ledger) -> None:
        """Its facts are known at once, and the whole of it when asked for."""
        note(ledger, CONCERT)

        assert {
            "concert": KnownEvent(
                id=CONCERT.id,
                source="agenda",
                path="events/concert.md",
                facts=CONCERT.facts(),
                changed_at=NOW,
            )
        } == ledger.snapshot().known
        assert {"concert": CONCERT} == ledger.sightings.last_good(["concert", "none"])

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"status": EventStatus.HELD, "venue": "?"}, id="has an error"),
            pytest.param({"start": None, "end": None}, id="has no start"),
        ],
    )
    def test_keeps_the_last_good_state(
        self, ledger: Ledger, changes: dict[str, Any]
    ) -> None:
        """What cannot be told of is no news of the event, but it is there."""
        note(ledger, CONCERT)
        note(ledger, missing=[CONCERT.id], now=LATER)
        note(ledger, replace(CONCERT, **changes), now=LATER)

        assert CONCERT == ledger.sightings.last_good([CONCERT.id])[CONCERT.id]
        known = ledger.snapshot().known[CONCERT.id]
        assert (CONCERT.facts(), 0) == (known.facts, known.missing)

    def test_knows_nothing_of_what_never_was_good(self, ledger: Ledger) -> None:
        """An event that always had an error is seen, and no more."""
        note(ledger, replace(CONCERT, status=EventStatus.HELD))

        assert {"concert": NOW} == ledger.snapshot().events_seen
        assert {} == ledger.snapshot().known
        assert {} == ledger.sightings.last_good([CONCERT.id])

    @pytest.mark.parametrize(
        ("modified", "since"),
        [
            pytest.param(None, LATER, id="unknown"),
            pytest.param(LATER - 5 * MINUTE, LATER - 5 * MINUTE, id="just before"),
            pytest.param(LATER, LATER, id="just now"),
            pytest.param(LATER + MINUTE, LATER, id="in the future"),
            pytest.param(NOW, NOW, id="at the last sighting"),
            pytest.param(NOW - MINUTE, LATER, id="before the last sighting"),
        ],
    )
    def test_facts_stand_since_they_were_changed(
        self, ledger: Ledger, modified: Any, since: Any
    ) -> None:
        """The file's own date counts where it can be true, else the moment of sight."""
        note(ledger, CONCERT)
        moved = replace(CONCERT, venue="Mairie", modified=modified)
        note(ledger, moved, now=LATER)

        known = ledger.snapshot().known[CONCERT.id]

        assert ("Mairie", since) == (known.facts.venue, known.changed_at)

    def test_a_mended_title_changes_no_facts(self, ledger: Ledger) -> None:
        """What readers need not know is remembered, and settles nothing anew."""
        note(ledger, CONCERT)
        note(ledger, replace(CONCERT, title="Konzert", body="Ja."), now=LATER)

        known = ledger.snapshot().known[CONCERT.id]

        assert ("Konzert", NOW) == (known.facts.title, known.changed_at)
        assert "Ja." == ledger.sightings.last_good([CONCERT.id])[CONCERT.id].body

    def test_a_moved_file_is_the_same_event(self, ledger: Ledger) -> None:
        """A path is learnt anew, and that is no change of facts."""
        note(ledger, CONCERT)
        note(ledger, replace(CONCERT, path="archives/c.md"), now=LATER)

        known = ledger.snapshot().known[CONCERT.id]

        assert ("archives/c.md", NOW) == (known.path, known.changed_at)

    def test_counts_the_scans_that_miss_an_event(self, ledger: Ledger) -> None:
        """Each good scan without it counts, until it is there again as it was."""
        counts = []
        for missing in ([], [CONCERT.id], [CONCERT.id], []):
            note(ledger, *([] if missing else [CONCERT]), missing=missing, now=LATER)
            counts.append(ledger.snapshot().known[CONCERT.id].missing)

        assert [0, 1, 2, 0] == counts

    def test_forgets_what_is_past(self, ledger: Ledger) -> None:
        """Two days after its start nobody looks for an event any more."""
        assert CONCERT.start is not None
        note(ledger, CONCERT)
        note(ledger, now=CONCERT.start + timedelta(days=2))
        assert {"concert"} == ledger.snapshot().known.keys()
        note(ledger, now=CONCERT.start + timedelta(days=2, minutes=1))

        assert {} == ledger.snapshot().known
        assert {"concert"} == ledger.sightings.last_good([CONCERT.id]).keys()

    def test_knows_what_was_to_come_before_it_was_moved(self, ledger: Ledger) -> None:
        """A start in the past may be a mistake, of which readers have to hear."""
        assert CONCERT.start is not None
        mistaken = replace(CONCERT, start=event("2026-04-01 19:00").start, end=None)
        note(ledger, CONCERT)
        note(ledger, mistaken, now=LATER)

        assert mistaken.facts() == ledger.snapshot().known[CONCERT.id].facts

        note(ledger, mistaken, now=CONCERT.start + 72 * 60 * MINUTE)

        assert {} == ledger.snapshot().known

    def test_knows_what_is_being_told(self, ledger: Ledger) -> None:
        """As long as an edition has something to send, its events are known."""
        assert CONCERT.start is not None
        name = freeze(ledger, 1, facts=(facts("concert"),), deadline=None)
        note(ledger, CONCERT)
        note(ledger, now=CONCERT.start + timedelta(days=9))
        assert {"concert"} == ledger.snapshot().known.keys()
        ledger.decide(name, Decision.CANCEL, NOW)

        assert {} == ledger.snapshot().known
