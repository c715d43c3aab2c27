"""The plan of 10,000 events, three reminders each, as each tick makes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta

from measuring import Row, alternate, lasting, timed
from samples import DIGEST, NOW, SITE, TARGET, make_events
from tambour.model import (
    Campaign,
    CampaignKind,
    Every,
    Limits,
    Offset,
    Plan,
    Snapshot,
)
from tambour.planning import make_plan

_COUNT = 10_000
_REMINDERS = Campaign(
    name="rappels",
    path="campaigns/rappels.md",
    kind=CampaignKind.REMINDER,
    targets=(TARGET,),
    offsets=(
        Offset(key="7d-0900", days=7, at=time(9)),
        Offset(key="1d-1700", days=1, at=time(17)),
        Offset(key="2h", elapsed=timedelta(hours=2)),
    ),
)
_YEAR = timedelta(days=366)


def measure() -> Iterator[Row]:
    """Yield the lines for reminders due now, for a year of them, and for digests."""
    events = make_events(_COUNT)
    long_ago = NOW - _YEAR
    snapshot = Snapshot(
        events_seen=dict.fromkeys((event.id for event in events), long_ago),
        campaigns_seen={"rappels": long_ago, "agenda": long_ago},
    )

    def plan(campaign: Campaign, horizon: timedelta) -> Plan:
        return make_plan(
            events=events,
            campaigns=(campaign,),
            recipients={"lecteurs": 1_000},
            snapshot=snapshot,
            site=SITE,
            limits=Limits(margin=timedelta(minutes=10), late=timedelta(days=1)),
            now=NOW,
            until=NOW + horizon,
        )

    weekly = Campaign(
        name="agenda",
        path=DIGEST.path,
        kind=DIGEST.kind,
        targets=DIGEST.targets,
        schedule=Every(at=time(8), weekdays=frozenset({0})),
    )
    found = len(plan(_REMINDERS, _YEAR).entries)
    if found < 3 * _COUNT - 3:
        raise RuntimeError(found)
    soon, year, digests = alternate(
        timed(lambda: plan(_REMINDERS, timedelta(minutes=10))),
        timed(lambda: plan(_REMINDERS, _YEAR)),
        timed(lambda: plan(weekly, _YEAR)),
    )
    yield lasting(f"plan {_COUNT:,} events × 3 reminders, the next minutes", soon)
    yield lasting(f"… a year of them, {found:,} entries", year)
    yield lasting(f"plan {_COUNT:,} events in weekly digests, a year", digests)
