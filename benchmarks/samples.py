"""Seeded events, files and recipients for the benchmarks; the same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tambour.model import (
    Campaign,
    CampaignKind,
    EditionId,
    EditionKind,
    Event,
    EventId,
    FrozenEdition,
    Recipient,
    Rendered,
    Site,
    Target,
)
from tambour.rendering.mail import render_mail
from tambour.rendering.parts import Job
from tambour.rendering.templates import Templates

ROOT = Path(__file__).parents[1]
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2027, 3, 1, 7, tzinfo=UTC)
SITE = Site(
    name="Agenda de Rivemont",
    url="https://agenda.example.org",
    timezone="Europe/Paris",
    language="fr",
)
MAIL_EVENTS = 8
"""A digest of so many makes a message of about 35 KB."""
_TEXT = (
    "atelier données ouvertes rencontre médiathèque avec les habitants du quartier "
    "pour apprendre à publier une page et découvrir le service public numérique"
)
_WORDS = _TEXT.split()

_NUMERIQUE = """\
event_start_date: {day} 18:30:00 +02:00
event_end_date: {day} 21:00:00 +02:00
lieu: Médiathèque Jeanne-Barret
adresse: 4 place du Marché, 75013 Paris
chapeau-text: {text}
champs_informations:
- intitule: Modalités
  contenu: Entrée libre, inscription gratuite
  lien: https://www.example.org/inscription/{number}
- intitule: Public
  contenu: {short}
"""
_DIGITALGOV = """\
date: {day} 15:00:00 -0500
end_date: {day} 16:30:00 -0500
summary: '{text}'
featured_image:
  uid:
  alt: ''
event_type:
  - online
host: Communities of Practice
registration_url: https://www.example.org/register/{number}
venue:
  venue_name: General Services
  room: 3211
  address: 1800 F Street NW
  city: Washington
  state: D.C.
  zip: 20006
topics:
  - open-data
  - design
deck: '{short}'
"""
_JEKYLL = """\
layout: event
start_date: {day} 19:00
end_date: {day} 22:00
location:
  name: Maison des associations
  address: 12 quai des Tanneurs
  city: Rivemont
tags: [atelier, numérique]
description: >-
  {text}
excerpt: {short}
image: /uploads/{number}.jpg
"""
_PLAIN = """\
start: {day}
time: 9h30 - 17h
timezone: Europe/Paris
venue: Halle du Marché
organizer: Ville de Rivemont
categories:
- marché
- collecte
summary: {text}
note: {short}
"""
_SHAPES = (_NUMERIQUE, _DIGITALGOV, _JEKYLL, _PLAIN)


def write_event_files(folder: Path, count: int) -> None:
    """Write *count* files with about 2 KB of front matter each, in several dialects."""
    chance = random.Random(count)
    for number in range(count):
        day = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=chance.randrange(700))
        shape = _SHAPES[number % len(_SHAPES)]
        front = shape.format(
            day=day.date(),
            number=number,
            text=_sentence(chance, 120) + " les 13 et 14 juin" * (number % 3 == 0),
            short=_sentence(chance, 20),
        )
        text = f"---\ntitle: Rendez-vous {number}\n{front}---\n\n"
        path = folder / f"{number % 12:02}" / f"rendez-vous-{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + _sentence(chance, 120) + "\n", encoding="utf-8")


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def make_events(count: int) -> tuple[Event, ...]:
    """Return *count* events, spread over the year that follows `NOW`."""
    step = timedelta(days=365) / count
    return tuple(
        Event(
            id=EventId(f"agenda/{number}"),
            source="agenda",
            path=f"events/{number}.md",
            title=f"Rendez-vous n° {number}{' au titre plutôt long' * (number % 4)}",
            start=(NOW + step * (number + 1)).astimezone(PARIS),
            end=(NOW + step * (number + 1)).astimezone(PARIS) + timedelta(hours=2),
            timezone="Europe/Paris",
            language="fr",
            venue="Médiathèque",
            address="1 rue des Fleurs, 75015 Paris",
            summary="Une phrase qui dit de quoi il est question. " * (number % 4),
            url=f"https://agenda.example.org/agenda/{number}/",
        )
        for number in range(count)
    )


TARGET = Target(channel="lettre", audience="lecteurs", template="digest")
DIGEST = Campaign(
    name="agenda",
    path="campaigns/agenda.md",
    kind=CampaignKind.DIGEST,
    targets=(TARGET,),
    body="{{ recipient.greeting }}\n\nVoici les rendez-vous à venir.\n",
)


def make_templates() -> Templates:
    """Return the templates of the default pack, nothing compiled yet."""
    return Templates(ROOT)


def render_digest(templates: Templates, events: tuple[Event, ...]) -> Rendered:
    """Render a digest of *events* for all who read French."""
    job = Job(
        campaign=DIGEST,
        target=TARGET,
        kind=EditionKind.DIGEST,
        edition=EditionId("agenda/2027-03-01/1"),
        due=NOW,
        events=events,
        site=SITE,
        language="fr",
    )
    return render_mail(templates, job)


def make_recipients(count: int) -> Iterator[Recipient]:
    """Yield *count* people, each with a name of their own."""
    for number in range(count):
        yield Recipient(
            address=f"lectrice.{number}@example.org",
            name=f"Zoé Martin-{number}",
            language="fr",
        )


def make_edition(number: int = 1) -> FrozenEdition:
    """Return an edition that is due now; each *number* makes another."""
    return FrozenEdition(
        id=EditionId(f"agenda/2027-03-01/{number}"),
        campaign="agenda",
        kind=EditionKind.DIGEST,
        due=NOW,
        deadline=NOW + timedelta(days=1),
        facts=(),
        frozen_at=NOW,
    )
