"""Events, campaigns and jobs for the tests of rendering."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tambour.model import (
    Campaign,
    CampaignKind,
    Detail,
    EditionId,
    EditionKind,
    Event,
    EventId,
    Site,
    Target,
)
from tambour.rendering.parts import Job

REAL = Path(__file__).parents[2] / "shared" / "real-events"
PARIS = ZoneInfo("Europe/Paris")
SITE = Site(
    name="Numérique public",
    url="https://www.example.org",
    timezone="Europe/Paris",
    language="fr",
)
DUE = datetime(2019, 5, 20, 6, tzinfo=UTC)


def make_event(**fields: Any) -> Event:
    """Return an event on 23 May 2019 in Paris, unless *fields* say otherwise."""
    zone = ZoneInfo(fields.get("timezone", "Europe/Paris"))
    defaults: dict[str, Any] = {
        "id": EventId("agenda/rencontre"),
        "source": "agenda",
        "path": "events/rencontre.md",
        "title": "Rencontre",
        "start": datetime(2019, 5, 23, 18, tzinfo=zone),
        "timezone": "Europe/Paris",
        "language": "fr",
    }
    return Event(**{**defaults, **fields})


def make_campaign(**fields: Any) -> Campaign:
    """Return a digest campaign without words of its own."""
    defaults: dict[str, Any] = {
        "name": "agenda",
        "path": "campaigns/agenda.md",
        "kind": CampaignKind.DIGEST,
        "targets": (),
        "body_line": 9,
    }
    return Campaign(**{**defaults, **fields})


def make_job(*events: Event, **fields: Any) -> dict[str, Any]:
    """Return the keyword arguments of `render_mail`, for all who read French."""
    kind = fields.get("kind", EditionKind.DIGEST)
    is_digest = kind is EditionKind.DIGEST
    body = fields.pop("body", "")
    subject = fields.pop("subject", None)
    name = fields.pop("template", kind.value)
    campaign = make_campaign(
        kind=CampaignKind.DIGEST if is_digest else CampaignKind.REMINDER, body=body
    )
    recipient = fields.pop("recipient", None)
    defaults: dict[str, Any] = {
        "campaign": campaign,
        "target": Target(
            channel="lettre", template=name, audience="agents", subject=subject
        ),
        "kind": kind,
        "edition": EditionId("agenda/2019-05-20/1"),
        "due": DUE,
        "events": events,
        "site": SITE,
        "language": "fr",
    }
    return {"job": Job(**{**defaults, **fields}), "recipient": recipient}


def make_post(*events: Event, **fields: Any) -> dict[str, Any]:
    """Return the keyword arguments of `render_post`, in French."""
    channel_type = fields.pop("channel_type", "webhook")
    return {"job": make_job(*events, **fields)["job"], "channel_type": channel_type}


def many_events(count: int) -> tuple[Event, ...]:
    """Return *count* events, a day apart, of varied length."""
    return tuple(
        make_event(
            id=EventId(f"agenda/{number}"),
            title=f"Rendez-vous n° {number}{' au titre plutôt long' * (number % 4)}",
            start=datetime(2019, 5, 23, 18, tzinfo=PARIS) + timedelta(days=number),
            end=datetime(2019, 5, 23, 20, 30, tzinfo=PARIS) + timedelta(days=number),
            venue="Médiathèque",
            address="1 rue des Fleurs, 75015 Paris",
            summary="Une phrase qui dit de quoi il est question. " * (number % 4),
            url=f"https://www.example.org/agenda/{number}/",
        )
        for number in range(count)
    )


def open_government() -> Event:
    """Return the conference on open government as its file tells it, by hand."""
    path = (
        REAL
        / "numerique"
        / (
            "le-gouvernement-ouvert-vers-une-participation-des-citoyens-a-laction-publique"
            ".markdown"
        )
    )
    if not path.is_file():
        pytest.skip("the real event files are not beside the repository")
    body = path.read_text(encoding="utf-8").split("\n---\n", 1)[1].lstrip("\n")
    return make_event(
        id=EventId("agenda/le-gouvernement-ouvert"),
        title="Le gouvernement ouvert : vers une participation des citoyens à "
        "l'action publique ?",
        start=datetime(2019, 5, 23, 18, tzinfo=PARIS),
        end=datetime(2019, 5, 23, 21, tzinfo=PARIS),
        venue="Forum de Grenelle",
        address="5 rue de la Croix Nivert , 75015 Paris",
        summary="La DINSIC participe le 23 mai prochain à une conférence organisée par "
        "Expertise France sur la thématique du gouvernement ouvert. Venez nombreux !",
        url="https://www.numerique.gouv.fr/agenda/le-gouvernement-ouvert/",
        registration_url="https://bit.ly/2v75crQ",
        image="https://www.numerique.gouv.fr/uploads/microphone-704255_1920.jpg",
        details=(
            Detail(label="Horaires :", text="18h00 - 21h00"),
            Detail(
                label="Modalités",
                text="Inscription en ligne",
                url="https://bit.ly/2v75crQ",
            ),
        ),
        body=body,
    )
