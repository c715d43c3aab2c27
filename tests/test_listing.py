from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from tambour.content.listing import event_record, problem_record
from tambour.model import Detail, Event, EventId, EventStatus
from tambour.problems import Problem


def test_an_event_is_told_with_every_key_of_the_contract() -> None:
    """Instants carry their offset, and what nobody said is null."""
    event = Event(
        id=EventId("agenda/fete"),
        source="agenda",
        path="events/fete.md",
        title="Fête",
        start=datetime(2024, 5, 31, 18, 30, tzinfo=ZoneInfo("Europe/Paris")),
        timezone="Europe/Paris",
        body="# Fête",
        tags=("drum",),
        language="fr",
        status=EventStatus.CANCELLED,
        details=(Detail(label="Accès", text="Métro 6"),),
    )

    assert {
        "id": "agenda/fete",
        "path": "events/fete.md",
        "title": "Fête",
        "start": "2024-05-31T18:30:00+02:00",
        "end": None,
        "all_day": False,
        "timezone": "Europe/Paris",
        "venue": None,
        "address": None,
        "url": None,
        "registration_url": None,
        "image": None,
        "image_alt": None,
        "summary": None,
        "tags": ["drum"],
        "language": "fr",
        "status": "cancelled",
        "online": False,
        "organizer": None,
        "details": [{"label": "Accès", "text": "Métro 6", "url": None}],
    } == json.loads(json.dumps(event_record(event)))


def test_a_problem_is_told_with_its_severity() -> None:
    """The code's letter decides it."""
    problem = Problem(path="a.md", line=3, code="W203", message="m", help="h", note="n")

    assert {
        "path": "a.md",
        "line": 3,
        "code": "W203",
        "severity": "warning",
        "message": "m",
        "note": "n",
        "help": "h",
    } == problem_record(problem)
