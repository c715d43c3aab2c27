"""
Events and problems as the JSON objects of the contract (design §7).

Instants are ISO 8601 with offset; every key is always there, null where nothing is.
"""

from __future__ import annotations

from typing import Any

from tambour.model import Event
from tambour.problems import Problem


def event_record(event: Event) -> dict[str, Any]:
    """Return the event as `events --json` and webhooks tell it."""
    return {
        "id": event.id,
        "path": event.path,
        "title": event.title,
        "start": event.start.isoformat() if event.start else None,
        "end": event.end.isoformat() if event.end else None,
        "all_day": event.all_day,
        "timezone": event.timezone,
        "venue": event.venue,
        "address": event.address,
        "url": event.url,
        "registration_url": event.registration_url,
        "image": event.image,
        "image_alt": event.image_alt,
        "summary": event.summary,
        "tags": list(event.tags),
        "language": event.language,
        "status": event.status.value,
        "online": event.online,
        "organizer": event.organizer,
        "details": [
            {"label": detail.label, "text": detail.text, "url": detail.url}
            for detail in event.details
        ],
    }


def problem_record(problem: Problem) -> dict[str, Any]:
    """Return the problem as `check --json` tells it."""
    return {
        "path": problem.path,
        "line": problem.line,
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        "note": problem.note,
        "help": problem.help,
    }
