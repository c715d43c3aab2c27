"""
Histories of downtime, late additions, moves and clock changes, ticked one by one.

Every limit is computed here, from UTC and brute force, never read from the planner's
rows: a planner that is wrong about its own deadlines must not be believed.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from planning_cases import MAIL, POST, clock_shows, digest, event, plan, reminder
from tambour.model import (
    Campaign,
    Cron,
    EditionKind,
    EditionState,
    Entry,
    Event,
    EventStatus,
    Every,
    FrozenEdition,
    Offset,
    Site,
    Snapshot,
    Window,
)

ZONES = sorted(zoneinfo.available_timezones())
CHANGING = (
    "Europe/Berlin",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Havana",
)
MARGIN = timedelta(minutes=10)
LATE = timedelta(hours=24)
ALLOWED = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

OFFSETS = {
    "7d-0900": Offset(key="7d-0900", days=7, at=time(9)),
    "2d": Offset(key="2d", days=2),
    "1d-0230": Offset(key="1d-0230", days=1, at=time(2, 30)),
    "0d-1200": Offset(key="0d-1200", days=0, at=time(12)),
    "3h": Offset(key="3h", elapsed=timedelta(hours=3)),
    "90m": Offset(key="90m", elapsed=timedelta(minutes=90)),
    "15m": Offset(key="15m", elapsed=timedelta(minutes=15)),
    "5m": Offset(key="5m", elapsed=timedelta(minutes=5)),
}
TIMES = {
    "agenda": (time(2, 30),),
    "late": (time(0, 30), time(23, 30)),
}
DAYS = {"agenda": frozenset({0, 3}), "late": frozenset(range(7))}
WINDOWS = {"agenda": Window(days=2), "late": Window(days=2, skip_days=1)}
REMINDERS = (
    reminder(
        *(OFFSETS[key] for key in ("7d-0900", "2d", "3h", "15m", "5m")), name="first"
    ),
    reminder(
        *(OFFSETS[key] for key in ("1d-0230", "0d-1200", "90m")),
        name="second",
        targets=(MAIL, POST),
    ),
)
DIGESTS = (
    digest(
        "agenda",
        schedule=Every(at=time(2, 30), weekdays=DAYS["agenda"]),
        window=WINDOWS["agenda"],
    ),
    digest(
        "late",
        schedule=Cron(expression="30 0,23 * * *"),
        window=WINDOWS["late"],
        targets=(POST,),
    ),
)


# ── What the test knows by itself ───────────────────────────────────────────────


def naive(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what clocks in *zone* show."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def start_of(one: Event) -> datetime:
    """Return the instant that nothing may reach."""
    assert one.start is not None
    if not one.all_day:
        return one.start.astimezone(UTC)
    day = naive(one.start, one.zone).date()
    return clock_shows(datetime.combine(day, time()), one.zone)


def due_of(one: Event, offset: Offset) -> datetime:
    """Return when a reminder is due, from UTC."""
    start = start_of(one)
    if offset.elapsed is not None:
        return datetime.fromtimestamp(
            start.timestamp() - offset.elapsed.total_seconds(), UTC
        )
    local = naive(start, one.zone)
    day = local.date() - timedelta(days=offset.days or 0)
    return clock_shows(datetime.combine(day, offset.at or local.time()), one.zone)


def limit_of(offset: Offset) -> timedelta:
    """Return how late a reminder may be."""
    return LATE if offset.elapsed is None else offset.elapsed / 2


def periods(name: str, zone: ZoneInfo, around: datetime) -> list[datetime]:
    """Return a digest's due times near an instant."""
    today = naive(around, zone).date()
    days = [today + back * DAY for back in range(-8, 6)]
    return sorted(
        {
            clock_shows(datetime.combine(day, clock), zone)
            for day in days
            for clock in TIMES[name]
            if day.weekday() in DAYS[name]
        }
    )


def gathered(
    name: str, due: datetime, *, now: datetime, zone: ZoneInfo, events: Iterable[Event]
) -> set[str]:
    """Return what a digest must hold, by looking at each event."""
    window, local = WINDOWS[name], naive(due, zone)
    last = local.date() + timedelta(days=window.skip_days + window.days)
    if window.skip_days:
        first = local.date() + timedelta(days=window.skip_days)
        begin = clock_shows(datetime.combine(first, time()), zone)
        end = clock_shows(datetime.combine(last, time()), zone)
    else:
        begin, end = now, clock_shows(datetime.combine(last, local.time()), zone)
    inside = {
        one.id: start_of(one) - MARGIN - now
        for one in events
        if one.status is EventStatus.SCHEDULED
        and begin <= start_of(one) < end
        and now < start_of(one) - MARGIN
    }
    return {name for name, left in inside.items() if left > ALLOWED} or {*inside}


@cache
def clock_changes(name: str) -> tuple[datetime, ...]:
    """Return the instants from 2026 to 2029 near which a zone changes its offset."""
    zone = ZoneInfo(name)
    days = [datetime(2026, 1, 1, tzinfo=UTC) + DAY * count for count in range(1100)]
    return tuple(
        before
        for before, after in pairwise(days)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    )


# ── A little world ──────────────────────────────────────────────────────────────

Sent = tuple[str, str, str | None]


@dataclass(kw_only=True)
class World:
    """Events, a clock, and a ledger that remembers what was sent."""

    now: datetime
    site: Site
    events: dict[str, Event] = field(default_factory=dict)
    editions: dict[str, FrozenEdition] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    campaigns_seen: dict[str, datetime] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    heard: dict[tuple[str, str, str | None], list[datetime]] = field(
        default_factory=dict
    )

    def plan(self, *, ahead: timedelta = 2 * DAY) -> tuple[Entry, ...]:
        """Plan with what the ledger remembers."""
        snapshot = Snapshot(
            editions=dict(self.editions),  # type: ignore[arg-type]
            events_seen=dict(self.seen),  # type: ignore[arg-type]
            campaigns_seen=dict(self.campaigns_seen),
        )
        return plan(
            self.now,
            events=list(self.events.values()),
            campaigns=[*REMINDERS, *DIGESTS],
            snapshot=snapshot,
            site=self.site,
            until=self.now + ahead,
        ).entries

    def tick(self) -> None:
        """Send what is due, check it, and see that nothing is left to send."""
        made = self.plan()
        due = [one for one in made if one.state == "due"]
        assert due == [one for one in self.plan(ahead=-DAY) if one.state == "due"]

        check_rows(made)
        self.check_reminders([one for one in due if one.kind is EditionKind.REMINDER])
        self.check_digests([one for one in due if one.kind is EditionKind.DIGEST])
        for one in self.events:
            self.seen.setdefault(one, self.now)
        for campaign in (*REMINDERS, *DIGESTS):
            self.campaigns_seen.setdefault(campaign.name, self.now)
        for entry in due:
            self.send(entry)
        assert [] == [one for one in self.plan() if one.state == "due"]

    def send(self, entry: Entry) -> None:
        """Remember an entry as sent, once."""
        target = entry.target
        key = (entry.edition, target.channel, target.audience)
        assert key not in self.sent
        self.sent.append(key)
        about = [self.events[one] for one in entry.events]
        for one in about:
            assert one.status is EventStatus.SCHEDULED
            assert self.now < start_of(one) - MARGIN
        if entry.kind is EditionKind.REMINDER:
            place = (about[0].id, target.channel, target.audience)
            self.heard.setdefault(place, []).append(entry.due)
        self.editions[entry.edition] = FrozenEdition(
            id=entry.edition,
            campaign=entry.campaign,
            kind=entry.kind,
            due=entry.due,
            deadline=entry.deadline,
            facts=tuple(one.facts() for one in about),
            frozen_at=self.now,
            state=EditionState.DONE,
        )

    def check_reminders(self, due: list[Entry]) -> None:
        """Each event speaks with its latest reminder that is not too late."""
        expected = {
            (speaker, target.channel, target.audience)
            for one in self.events.values()
            for target in (MAIL, POST)
            if (speaker := self.speaker(one, (target.channel, target.audience)))
        }
        actual = [(one.edition, one.target.channel, one.target.audience) for one in due]

        assert sorted(expected, key=str) == sorted(actual, key=str)

    def speaker(self, one: Event, place: tuple[str, str | None]) -> str | None:
        """Return the edition that must leave now at a place, found by brute force."""
        if (
            one.status is not EventStatus.SCHEDULED
            or self.now >= start_of(one) - MARGIN
        ):
            return None
        waiting = [
            (due_of(one, offset), f"{campaign.name}/{one.id}/{offset.key}/1")
            for campaign in REMINDERS
            if place in {(to.channel, to.audience) for to in campaign.targets}
            for offset in campaign.offsets
            if self.is_waiting(one, offset)
        ]
        waiting = [each for each in waiting if each[1] not in self.editions]
        heard = self.heard.get((one.id, *place), [])
        if not waiting or any(due >= max(waiting)[0] for due in heard):
            return None
        return max(waiting)[1]

    def is_waiting(self, one: Event, offset: Offset) -> bool:
        """Tell whether a reminder's due time has come and its limit has not."""
        due = due_of(one, offset)
        if due > self.now or due >= start_of(one) - MARGIN:
            return False
        if one.all_day and offset.elapsed is not None:
            return False
        since = max(due, self.seen.get(one.id, self.now))
        return self.now - since <= limit_of(offset)

    def check_digests(self, due: list[Entry]) -> None:
        """Each digest speaks with its latest period, once, with the right events."""
        expected = {}
        for campaign in DIGESTS:
            zone = self.site.zone
            period = max(
                one for one in periods(campaign.name, zone, self.now) if one <= self.now
            )
            inside = gathered(
                campaign.name,
                period,
                now=self.now,
                zone=zone,
                events=self.events.values(),
            )
            is_new = period < self.campaigns_seen.get(campaign.name, self.now)
            is_late = self.now - period > LATE
            if (
                inside
                and not is_new
                and not is_late
                and not self.told(campaign, period)
            ):
                expected[campaign.name, period] = inside

        assert expected == {(one.campaign, one.due): set(one.events) for one in due}

    def told(self, campaign: Campaign, period: datetime) -> bool:
        """Tell whether a period, or a later one, was sent."""
        return any(
            one.due == period or (one.due > period and one.frozen_at <= self.now)
            for one in self.editions.values()
            if one.campaign == campaign.name
        )

    def moments(self) -> list[datetime]:
        """Return the coming instants at which a rule changes its mind."""
        found = {
            moment
            for name in TIMES
            for due in periods(name, self.site.zone, self.now)
            for moment in (due, due + LATE)
        }
        for one in self.events.values():
            start = start_of(one)
            found.update((start, start - MARGIN))
            for offset in OFFSETS.values():
                due = due_of(one, offset)
                since = max(due, self.seen.get(one.id, due))
                found.update((due, since + limit_of(offset)))
        return sorted(one for one in found if one > self.now)


def check_rows(made: tuple[Entry, ...]) -> None:
    """Rows are in order, unique, and never silent about why."""
    keys = [(one.edition, one.target.channel, one.target.audience) for one in made]
    assert len(set(keys)) == len(keys)
    assert sorted(one.due for one in made) == [one.due for one in made]
    for one in made:
        assert one.state in {"planned", "due", "sent"} or (
            one.reason is not None and one.reason.text
        )
        assert one.due.utcoffset() == timedelta(0)


# ── Histories ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Addition:
    """An event added some days from now, at a local time."""

    days: int
    clock: time
    all_day: bool


minutes = st.integers(0, 4 * 24 * 60)
additions = st.builds(
    Addition,
    days=st.integers(-1, 9),
    clock=st.one_of(
        st.sampled_from([time(0), time(2, 30), time(3, 30), time(23, 55)]),
        st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    ),
    all_day=st.booleans(),
)
steps = st.one_of(
    st.tuples(st.just("next"), st.tuples(st.integers(0, 2), st.integers(-1, 1))),
    st.tuples(st.just("next"), st.tuples(st.just(0), st.integers(-1, 1))),
    st.tuples(st.just("next"), st.tuples(st.just(0), st.just(0))),
    st.tuples(st.just("wait"), st.one_of(st.integers(1, 90), minutes)),
    st.tuples(st.just("back"), st.integers(1, 2 * 24 * 60)),
    st.tuples(st.just("add"), additions),
    st.tuples(st.just("move"), st.integers(-3000, 6000)),
    st.tuples(st.just("status"), st.sampled_from(list(EventStatus))),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Make a world near a change of its clocks, when they ever change."""
    zone = draw(st.one_of(st.sampled_from(ZONES), st.sampled_from(CHANGING)))
    somewhen = datetime(2026, 1, 1, tzinfo=UTC) + DAY * draw(st.integers(0, 1000))
    centre = draw(st.sampled_from([*clock_changes(zone), somewhen]))
    before = draw(st.integers(0, 8))
    world = World(
        now=centre - before * DAY + timedelta(minutes=draw(st.integers(0, 1440))),
        site=Site(
            name="Site",
            url="https://www.example.org",
            timezone=draw(st.sampled_from([zone, *CHANGING])),
            language="en",
        ),
    )
    on_the_day = replace(draw(additions), days=before + draw(st.integers(0, 1)))
    for new in (on_the_day, *draw(st.lists(additions, max_size=1))):
        add(world, ZoneInfo(zone), new=new)
    return world


def add(world: World, zone: ZoneInfo, *, new: Addition) -> None:
    """Add an event to the world."""
    name = f"e{len(world.events)}"
    on = naive(world.now, zone).date() + timedelta(days=new.days)
    local = datetime.combine(on, time() if new.all_day else new.clock)
    start = clock_shows(local, zone).astimezone(zone)
    world.events[name] = event(start, name=name, timezone=zone.key, all_day=new.all_day)


def follow(world: World, action: str, value: Any) -> None:
    """Let something happen in the world."""
    last = world.events[max(world.events)]
    if action == "next":
        coming = world.moments()
        skip, nudge = value
        if len(coming) > skip:
            world.now = coming[skip] + nudge * SECOND
    elif action in ("wait", "back"):
        sign = 1 if action == "wait" else -1
        world.now += sign * timedelta(minutes=value)
    elif action == "add" and len(world.events) < 4:
        add(world, last.zone, new=value)
    elif action == "move" and not last.all_day:
        start = start_of(last) + timedelta(minutes=value)
        world.events[last.id] = replace(last, start=start.astimezone(last.zone))
    elif action == "status":
        world.events[last.id] = replace(last, status=value)


@settings(max_examples=300, deadline=None)
@given(world=worlds(), history=st.lists(steps, min_size=3, max_size=20))
def test_no_history_breaks_a_promise(
    world: World, history: list[tuple[str, Any]]
) -> None:
    """Whatever happens: in time, once, the latest only, with a reason if not."""
    world.tick()
    for action, value in history:
        follow(world, action, value)
        world.tick()


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_a_daemon_that_never_sleeps_misses_nothing(world: World) -> None:
    """Ticking at each moment sends every reminder that was due from the first on."""
    first = world.now
    world.tick()
    for _ in range(200):
        coming = world.moments()
        if not coming or all(
            start_of(one) <= world.now for one in world.events.values()
        ):
            break
        world.now = coming[0]
        world.tick()
    expected = {
        f"{campaign.name}/{one.id}/{offset.key}/1"
        for one in world.events.values()
        for campaign in REMINDERS
        for offset in campaign.offsets
        if first < due_of(one, offset) < start_of(one) - MARGIN
        and not (one.all_day and offset.elapsed is not None)
    }

    assert expected <= {edition for edition, *_ in world.sent}
