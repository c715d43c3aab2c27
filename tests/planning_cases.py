"""Short ways to say what planning is asked, for its tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tambour.model import (
    Campaign,
    CampaignKind,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    Event,
    EventId,
    Every,
    FrozenEdition,
    KnownEvent,
    Limits,
    Offset,
    Plan,
    Site,
    Snapshot,
    Target,
    Told,
)
from tambour.planning import make_plan

BERLIN = "Europe/Berlin"
MAIL = Target(channel="mail", audience="readers", template="t")
POST = Target(channel="team", template="t")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LIMITS = Limits(margin=timedelta(minutes=10), late=timedelta(hours=24))

WEEK_AT_9 = Offset(key="7d-0900", days=7, at=time(9))
DAY_AT_9 = Offset(key="1d-0900", days=1, at=time(9))
TWO_HOURS = Offset(key="2h", elapsed=timedelta(hours=2))
MONDAYS_AT_8 = Every(at=time(8), weekdays=frozenset({0}))
DAILY_AT_8 = Every(at=time(8))


def at(text: str, zone: str = BERLIN) -> datetime:
    """Return the instant when clocks in *zone* show *text*, `2027-04-01 19:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def utc(text: str) -> datetime:
    """Return an instant in UTC."""
    return at(text, "UTC").astimezone(UTC)


def clock_shows(wanted: datetime, zone: ZoneInfo) -> datetime:
    """
    Find the instant at which *zone* first shows a naive time, from UTC alone.

    Where it never does, count with the offset of the day before.
    """
    known_as_utc = wanted.replace(tzinfo=UTC)
    around = [
        (known_as_utc + timedelta(days=days)).astimezone(zone).utcoffset()
        for days in (-1, 1)
    ]
    candidates = [known_as_utc - offset for offset in around if offset is not None]
    shown = [
        one for one in candidates if one.astimezone(zone).replace(tzinfo=None) == wanted
    ]
    return min(shown, default=candidates[0])


def event(
    start: datetime | str | None, *, name: str = "concert", **changes: Any
) -> Event:
    """Make an event in Berlin."""
    zone = changes.get("timezone", BERLIN)
    values: dict[str, Any] = {
        "id": EventId(name),
        "source": "agenda",
        "path": f"events/{name}.md",
        "title": name.title(),
        "start": at(start, zone) if isinstance(start, str) else start,
        "timezone": BERLIN,
        "language": "de",
    }
    return Event(**{**values, **changes})


def reminder(*offsets: Offset, name: str = "reminders", **changes: Any) -> Campaign:
    """Make a reminder campaign by mail."""
    values: dict[str, Any] = {"targets": (MAIL,), **changes}
    return Campaign(
        name=name,
        path=f"campaigns/{name}.md",
        kind=CampaignKind.REMINDER,
        offsets=offsets,
        **values,
    )


def digest(name: str = "agenda", **changes: Any) -> Campaign:
    """Make a digest campaign by mail, Mondays at 8 for a fortnight."""
    values: dict[str, Any] = {
        "targets": (MAIL,),
        "schedule": MONDAYS_AT_8,
        **changes,
    }
    return Campaign(
        name=name, path=f"campaigns/{name}.md", kind=CampaignKind.DIGEST, **values
    )


def remember(
    *events: Event,
    seen: datetime | Mapping[str, datetime] = LONG_AGO,
    frozen: Sequence[FrozenEdition] = (),
    campaigns: Sequence[str] = ("agenda", "reminders"),
    **changes: Any,
) -> Snapshot:
    """Make a ledger's memory: the events seen, the campaigns known, what was frozen."""
    when = seen if isinstance(seen, Mapping) else {one.id: seen for one in events}
    return Snapshot(
        editions={one.id: one for one in frozen},
        events_seen={EventId(key): value for key, value in when.items()},
        campaigns_seen=dict.fromkeys(campaigns, LONG_AGO),
        **changes,
    )


def froze(
    entry: Entry,
    *events: Event,
    now: datetime,
    state: EditionState = EditionState.DONE,
) -> FrozenEdition:
    """Make what the ledger keeps of an entry once it is frozen, or sent."""
    return FrozenEdition(
        id=entry.edition,
        campaign=entry.campaign,
        kind=entry.kind,
        due=entry.due,
        deadline=entry.deadline,
        facts=tuple(one.facts() for one in events if one.id in entry.events),
        frozen_at=now,
        state=state,
    )


def plan(
    now: datetime | str,
    *,
    events: Sequence[Event] = (),
    campaigns: Sequence[Campaign] = (),
    snapshot: Snapshot | None = None,
    until: datetime | None = None,
    **changes: Any,
) -> Plan:
    """Plan for Berlin with ten readers, looking thirty days ahead."""
    moment = at(now) if isinstance(now, str) else now
    values: dict[str, Any] = {
        "recipients": {"readers": 10},
        "site": Site(
            name="Site", url="https://www.example.org", timezone=BERLIN, language="de"
        ),
        "limits": LIMITS,
        **changes,
    }
    return make_plan(
        events=events,
        campaigns=campaigns,
        snapshot=remember(*events) if snapshot is None else snapshot,
        now=moment,
        until=until or moment + timedelta(days=30),
        **values,
    )


def rows(made: Plan) -> list[tuple[str, str, str | None]]:
    """Show a plan as (edition, state, reason's code)."""
    return [
        (one.edition, one.state.value, one.reason.code.value if one.reason else None)
        for one in made.entries
    ]


def known(
    edition: str,
    about: Event,
    *,
    due: datetime,
    campaign: str = "reminders",
    **changes: Any,
) -> FrozenEdition:
    """Make a reminder that the ledger knows, sent unless told otherwise."""
    values: dict[str, Any] = {
        "kind": EditionKind.REMINDER,
        "deadline": None,
        "facts": (about.facts(),),
        "frozen_at": due,
        "state": EditionState.DONE,
        **changes,
    }
    return FrozenEdition(id=EditionId(edition), campaign=campaign, due=due, **values)


def seen(*events: Event, **changes: Any) -> dict[EventId, KnownEvent]:
    """Make what the ledger knows of events: their facts, and since when they are so."""
    values: dict[str, Any] = {"changed_at": LONG_AGO, **changes}
    return {
        one.id: KnownEvent(
            id=one.id, source=one.source, path=one.path, facts=one.facts(), **values
        )
        for one in events
    }


def told(about: Event, **changes: Any) -> Told:
    """Make a group of readers who were told of an event by mail."""
    values: dict[str, Any] = {
        "campaign": "reminders",
        "channel": "mail",
        "audience": "readers",
        "edition": EditionId(f"reminders/{about.id}/7d-0900/1"),
        "recipients": 10,
        **changes,
    }
    return Told(facts=about.facts(), **values)


def corrected(
    name: str, about: Event, *, now: datetime, **changes: Any
) -> FrozenEdition:
    """Make a correction that the ledger knows, sent unless told otherwise."""
    values: dict[str, Any] = {"due": now, "kind": EditionKind.CORRECTION, **changes}
    return known(name, about, frozen_at=now, **values)
