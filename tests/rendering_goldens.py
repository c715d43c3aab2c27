"""The messages kept in tests/golden/, each made from invented events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rendering_samples import PARIS, make_event, make_job, make_post
from tambour.model import (
    Detail,
    EditionKind,
    Event,
    EventId,
    EventStatus,
    Facts,
)
from tambour.rendering.mail import render_mail
from tambour.rendering.posts import render_post
from tambour.rendering.templates import Templates

GOLDEN = Path(__file__).parent / "golden"
PACK = Path(__file__).parents[1]
NEW_YORK = ZoneInfo("America/New_York")

BODY = """{{ recipient.greeting }}

Voici **{{ events|length }} rendez-vous**, dont « {{ events[0].title }} ».
[Tout l'agenda](/agenda/), ou [ne plus recevoir]({{ recipient.unsubscribe_url }}).
"""

WORKSHOP = make_event(
    id=EventId("agenda/velo"),
    title="Réparer son vélo : qui s'y colle ?",
    start=datetime(2019, 5, 25, 14, tzinfo=PARIS),
    end=datetime(2019, 5, 25, 17, 30, tzinfo=PARIS),
    venue="Atelier du Pont",
    address="3 quai des Tanneurs , 76000 Rivemont",
    summary="Une chaîne qui saute, un frein qui siffle ? Apportez votre vélo & vos "
    "questions. Trois mécaniciens bénévoles vous aident. Outils <fournis>.",
    url="https://www.example.org/agenda/velo/",
    registration_url="https://www.example.org/inscription?a=1&b=2",
    image="https://www.example.org/velo.jpg",
    image_alt="Un vélo retourné sur sa selle, une roue en moins",
    organizer="Les Roues libres",
    details=(
        Detail(label="Horaires : ", text="14h - 17h30"),
        Detail(label="accès", text="Bus 7, arrêt Tanneurs"),
        Detail(
            label="Modalités",
            text="Inscription obligatoire, douze places",
            url="https://www.example.org/inscription?a=1&b=2",
        ),
    ),
    body="""Trois mécaniciens bénévoles vous aident à **réparer vous-même**.
<br><br>

> #### À apporter
> Un vélo, [une pompe](/pompes/ "ici").
{: .encadre}

#### Au programme
* 14 h : freins
* 15 h 30 : chaîne

|Pièce|Prix|
|-|-|
|Patin|4 €|
""",
)
TOLD = replace(
    WORKSHOP,
    start=datetime(2019, 5, 24, 14, tzinfo=PARIS),
    end=datetime(2019, 5, 24, 17, 30, tzinfo=PARIS),
    venue="Atelier du Quai",
).facts()
GAMES = make_event(
    id=EventId("agenda/games"),
    title="Board games & tea",
    language="en",
    start=datetime(2019, 5, 24, tzinfo=PARIS),
    end=datetime(2019, 5, 26, tzinfo=PARIS),
    all_day=True,
    venue="Library",
    summary="Come and play.",
    url="https://www.example.org/agenda/games/",
)
OFF = make_event(
    id=EventId("agenda/off"),
    title="Visite du chantier",
    start=datetime(2019, 6, 1, 10, tzinfo=PARIS),
    status=EventStatus.CANCELLED,
    registration_url="https://www.example.org/visite",
)
WEBINAR = make_event(
    id=EventId("agenda/webinar"),
    title="Plain language, one page at a time",
    language="en",
    timezone="America/New_York",
    start=datetime(2019, 5, 23, 14, tzinfo=NEW_YORK),
    end=datetime(2019, 5, 23, 15, tzinfo=NEW_YORK),
    online=True,
    summary="A webinar.",
    body="Bring *one page*; leave with a better one.",
)
WEBINAR_TOLD = replace(
    WEBINAR,
    start=datetime(2019, 5, 23, 13, tzinfo=NEW_YORK),
    end=None,
    registration_url="https://www.example.org/register?for=plain-language",
).facts()
OFF_TOLD = replace(OFF, status=EventStatus.SCHEDULED).facts()


def goldens() -> Iterator[tuple[str, str]]:
    """Yield each golden file's name with what it should hold now."""
    templates = Templates(PACK / "nowhere", pack=PACK, seed="golden")
    reminder = EditionKind.REMINDER
    mails = {
        "digest-fr": make_job(GAMES, WORKSHOP, OFF, body=BODY),
        "digest-en": make_job(WEBINAR, WORKSHOP, language="en"),
        "digest-empty": make_job(),
        "reminder-fr": make_job(
            WORKSHOP, kind=reminder, body="{{ recipient.greeting }}"
        ),
        "reminder-en": make_job(WEBINAR, kind=reminder, language="en"),
        "correction-fr": make_job(
            WORKSHOP, kind=EditionKind.CORRECTION, told=(TOLD,), body=BODY
        ),
        "correction-en": make_job(
            WEBINAR, kind=EditionKind.CORRECTION, told=(WEBINAR_TOLD,), language="en"
        ),
        "correction-postponed-fr": make_job(
            replace(WORKSHOP, status=EventStatus.POSTPONED),
            kind=EditionKind.CORRECTION,
            told=(WORKSHOP.facts(),),
        ),
        "correction-reinstated-fr": make_job(
            WORKSHOP,
            kind=EditionKind.CORRECTION,
            told=(replace(TOLD, status=EventStatus.CANCELLED, venue=WORKSHOP.venue),),
        ),
        "cancellation-fr": make_job(
            OFF, kind=EditionKind.CANCELLATION, told=(OFF_TOLD,)
        ),
    }
    for name, job in mails.items():
        mail = render_mail(templates, **job)
        yield f"mail-{name}.html", mail.html + "\n"
        yield f"mail-{name}.txt", f"{mail.subject}\n{mail.preheader}\n\n{mail.text}"
    posts: dict[str, tuple[tuple[Event, ...], EditionKind, tuple[Facts, ...]]] = {
        "digest": ((GAMES, WORKSHOP, OFF), EditionKind.DIGEST, ()),
        "reminder": ((WORKSHOP,), reminder, ()),
        "correction": ((WORKSHOP,), EditionKind.CORRECTION, (TOLD,)),
        "cancellation": ((OFF,), EditionKind.CANCELLATION, (OFF_TOLD,)),
    }
    for name, (events, kind, told) in posts.items():
        made = make_post(*events, kind=kind, told=told, body=BODY)
        post = render_post(templates, **made)
        yield f"post-{name}-fr.txt", post.text
