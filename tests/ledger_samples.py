"""Factories for what goes into a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tambour.ledger import Ledger
from tambour.ledger.records import Content, ContentId, Draft, Intent, Leased, Result
from tambour.ledger.states import Step
from tambour.model import (
    DeliveryId,
    EditionId,
    EditionKind,
    EventId,
    EventStatus,
    Facts,
    FrozenEdition,
    Recipient,
    Rendered,
)

NOW = datetime(2027, 3, 22, 7, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
SHARED = Content(
    key="0/fr",
    language="fr",
    audience="agents",
    rendered=Rendered(
        language="fr",
        subject="Rendez-vous",
        html="<p>é x1y</p>",
        tokens={"x1y": "name"},
    ),
)


def facts(event: str = "agenda/forum", **changes: Any) -> Facts:
    """Return what readers are told of an event."""
    values: dict[str, Any] = {
        "event": EventId(event),
        "title": "Forum des métiers",
        "start": datetime(2027, 3, 28, 18, 30, tzinfo=PARIS),
        "end": None,
        "timezone": "Europe/Paris",
        "venue": "Salle des fêtes",
        "address": None,
        "url": "https://www.example.org/forum",
        "registration_url": None,
        "status": EventStatus.SCHEDULED,
    }
    return Facts(**(values | changes))


def edition(name: str = "hebdo/2027-03-22/1", **changes: Any) -> FrozenEdition:
    """Return an edition that is due now."""
    values: dict[str, Any] = {
        "id": EditionId(name),
        "campaign": name.split("/", 1)[0],
        "kind": EditionKind.DIGEST,
        "due": NOW,
        "deadline": DEADLINE,
        "facts": (facts(),),
        "frozen_at": NOW,
    }
    return FrozenEdition(**(values | changes))


def person(address: str, **changes: Any) -> Recipient:
    """Return a recipient."""
    return Recipient(**({"address": address, "language": "fr"} | changes))


def people(count: int, *, channel: str = "lettre", first: int = 0) -> Iterator[Draft]:
    """Yield drafts for `p0@example.org` and so on."""
    for number in range(first, first + count):
        recipient = person(f"p{number}@example.org")
        yield Draft(channel=channel, recipient=recipient, content=SHARED)


def freeze(
    ledger: Ledger,
    drafts: Iterable[Draft] | int = 3,
    *,
    name: str = "hebdo/2027-03-22/1",
    **changes: Any,
) -> EditionId:
    """Freeze an edition for *drafts*, or for so many people."""
    frozen = edition(name, **changes)
    drafts = people(drafts) if isinstance(drafts, int) else drafts
    ledger.freeze(frozen, drafts, audiences={"agents": 3})
    return frozen.id


def leased(number: int = 7, **changes: Any) -> Leased:
    """Return a delivery that was leased."""
    values: dict[str, Any] = {
        "id": DeliveryId(number),
        "edition": EditionId("hebdo/2027-03-22/1"),
        "campaign": "hebdo",
        "kind": EditionKind.DIGEST,
        "channel": "lettre",
        "audience": "agents",
        "recipient": person(f"p{number}@example.org"),
        "content": ContentId(1),
        "deadline": None,
        "attempts": 0,
    }
    return Leased(**(values | changes))


def lease(
    ledger: Ledger, *, now: datetime = NOW, limit: int = 100, channel: str = "lettre"
) -> tuple[Leased, ...]:
    """Lease what is due now."""
    return ledger.lease(channel, by=now, now=now, limit=limit)


def claim(
    ledger: Ledger, *, now: datetime = NOW, limit: int = 100, channel: str = "lettre"
) -> list[DeliveryId]:
    """Lease what is due now and commit the intents."""
    leased = lease(ledger, now=now, limit=limit, channel=channel)
    intents = [Intent(delivery=one.id, message_id=f"<{one.id}@x>") for one in leased]
    return sorted(ledger.settle((), intents, now=now))


def result(delivery: DeliveryId, step: Step, **changes: Any) -> Result:
    """Return what became of an intent."""
    return Result(**({"delivery": delivery, "step": step} | changes))


def states(ledger: Ledger) -> dict[str, str]:
    """Return the state of each recipient."""
    return {one.recipient: one.state.value for one in ledger.history.deliveries()}
