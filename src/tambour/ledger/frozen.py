"""
Events, facts, words and recipients as JSON text, and back.

The format is part of the ledger: a field may be added with a default, never renamed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tambour.model import Detail, Event, EventId, EventStatus, Facts, Rendered

_EVENT = tuple(field.name for field in fields(Event) if field.compare)
_KEPT_FACTS = 20_000
"""Each tick reads them all again, and most of them are what many editions tell."""


def dump_event(event: Event) -> str:
    """Return an event as JSON: all by which it is equal to another."""
    values = {name: getattr(event, name) for name in _EVENT}
    values["start"] = event.start.isoformat() if event.start else None
    values["end"] = event.end.isoformat() if event.end else None
    values["details"] = [asdict(detail) for detail in event.details]
    return json.dumps(values, ensure_ascii=False)


def load_event(text: str) -> Event:
    """Return the event; what it has of a later version is an error there."""
    values = json.loads(text)
    zone = ZoneInfo(values["timezone"])
    for name in ("start", "end"):
        at = values[name]
        values[name] = datetime.fromisoformat(at).astimezone(zone) if at else None
    values["tags"] = tuple(values["tags"])
    values["details"] = tuple(Detail(**one) for one in values["details"])
    values["status"] = EventStatus(values["status"])
    return Event(**values)


def dump_facts(facts: Facts) -> str:
    """Return *facts* as JSON; instants keep their offset."""
    values = asdict(facts)
    values["start"] = facts.start.isoformat()
    values["end"] = facts.end.isoformat() if facts.end else None
    return json.dumps(values, ensure_ascii=False)


@lru_cache(maxsize=_KEPT_FACTS)
def load_facts(text: str) -> Facts:
    """Return the facts, their instants in the event's own zone again."""
    values = json.loads(text)
    zone = ZoneInfo(values["timezone"])
    start = datetime.fromisoformat(values["start"]).astimezone(zone)
    end = values["end"]
    return Facts(
        event=EventId(values["event"]),
        title=values["title"],
        start=start,
        end=datetime.fromisoformat(end).astimezone(zone) if end else None,
        timezone=values["timezone"],
        venue=values["venue"],
        address=values["address"],
        url=values["url"],
        registration_url=values["registration_url"],
        status=EventStatus(values["status"]),
        all_day=values.get("all_day", False),
        online=values.get("online", False),
    )


def dump_rendered(rendered: Rendered) -> str:
    """Return *rendered* as JSON."""
    values = {
        "language": rendered.language,
        "subject": rendered.subject,
        "preheader": rendered.preheader,
        "html": rendered.html,
        "text": rendered.text,
        "payload": rendered.payload,
        "tokens": dict(rendered.tokens),
    }
    return json.dumps(values, ensure_ascii=False)


def load_rendered(text: str) -> Rendered:
    """Return the words; unknown fields of a later version are an error there."""
    return Rendered(**json.loads(text))
