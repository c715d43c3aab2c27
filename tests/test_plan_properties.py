"""
Histories of downtime, late additions, changed facts and clock changes, tick by tick.

Files vanish and come back, many events change at once, and editions may be stopped
before they reached anybody.

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

from planning_cases import (
    LIMITS,
    MAIL,
    POST,
    clock_shows,
    digest,
    event,
    plan,
    reminder,
)
from tambour.model import (
    Campaign,
    Cron,
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    Event,
    EventStatus,
    Every,
    Facts,
    FrozenEdition,
    KnownEvent,
    Offset,
    Site,
    Snapshot,
    Told,
    Window,
)
from tambour.planning import revise

ZONES = sorted(zoneinfo.available_timezones())
CHANGING = (
    "Europe/Berlin",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Havana",
)
MARGIN = timedelta(minutes=10)
SETTLE = timedelta(minutes=10)
CORRECTING = (EditionKind.CORRECTION, EditionKind.CANCELLATION)
QUIET = (EditionState.OPEN, EditionState.DONE)
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

Place = tuple[str, str | None]
Sent = tuple[str, str, str | None]


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What the readers of a place were told last of an event."""

    facts: Facts
    campaign: str
    edition: str


@dataclass(kw_only=True)
class World:
    """Events, a clock, and a ledger that remembers what was sent."""

    now: datetime
    site: Site
    events: dict[str, Event] = field(default_factory=dict)
    gone: dict[str, Event] = field(default_factory=dict)
    last_good: dict[str, Event] = field(default_factory=dict)
    known: dict[str, KnownEvent] = field(default_factory=dict)
    editions: dict[str, FrozenEdition] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    campaigns_seen: dict[str, datetime] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    heard: dict[tuple[str, str, str | None], list[datetime]] = field(
        default_factory=dict
    )
    told: dict[tuple[str, Place], Telling] = field(default_factory=dict)
    on_their_way: list[Entry] = field(default_factory=list)
    reached: set[tuple[str, Place]] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    is_slow: bool = False

    def there(self) -> list[Event]:
        """Return the events as they were last well read."""
        good = [one for one in self.events.values() if one.status != "held"]
        stands = [
            self.last_good[name]
            for name, one in self.events.items()
            if one.status == "held" and name in self.last_good
        ]
        bad = [
            one
            for name, one in self.events.items()
            if one.status == "held" and name not in self.last_good
        ]
        return [*good, *stands, *bad]

    def snapshot(self) -> Snapshot:
        """Return what the ledger remembers."""
        return Snapshot(
            editions=dict(self.editions),  # type: ignore[arg-type]
            events_seen=dict(self.seen),  # type: ignore[arg-type]
            campaigns_seen=dict(self.campaigns_seen),
            decisions=dict(self.decisions),  # type: ignore[arg-type]
            known=dict(self.known),  # type: ignore[arg-type]
            told=self.wrongly_told(),  # type: ignore[arg-type]
        )

    def present(self, name: str) -> Facts | None:
        """Return what is so now of an event; gone or hidden, it is off."""
        if name in self.gone:
            is_unsure = self.known[name].missing < 2
            status = self.gone[name].status if is_unsure else EventStatus.CANCELLED
            return replace(self.gone[name], status=status).facts()
        one = {each.id: each for each in self.there()}.get(name)  # type: ignore[call-overload]
        if one is None or one.status == "held":
            return None
        is_hidden = one.status is EventStatus.HIDDEN
        return replace(
            one, status=EventStatus.CANCELLED if is_hidden else one.status
        ).facts()

    def wrongly_told(self) -> dict[str, tuple[Told, ...]]:
        """Return who was told otherwise, as the ledger would."""
        found: dict[str, list[Told]] = {}
        for (name, (channel, audience)), last in self.told.items():
            now = self.present(name)
            if now is not None and differs(last.facts, now):
                group = Told(
                    facts=last.facts,
                    campaign=last.campaign,
                    channel=channel,
                    audience=audience,
                    edition=EditionId(last.edition),
                    recipients=10,
                )
                found.setdefault(name, []).append(group)
        return {name: tuple(groups) for name, groups in found.items()}

    def plan(self, *, ahead: timedelta = 2 * DAY) -> tuple[Entry, ...]:
        """Plan with what the ledger remembers."""
        return plan(
            self.now,
            events=self.there(),
            vanished=list(self.gone.values()),
            campaigns=[*REMINDERS, *DIGESTS],
            snapshot=self.snapshot(),
            site=self.site,
            until=self.now + ahead,
        ).entries

    def tick(self) -> None:
        """Send what is due, check it, and see that nothing is left to send."""
        self.note()
        self.finish()
        made = self.plan()
        due = [one for one in made if one.state == "due"]
        assert due == [one for one in self.plan(ahead=-DAY) if one.state == "due"]

        check_rows(made)
        fresh = [one for one in due if one.edition not in self.editions]
        self.check_reminders([e for e in fresh if e.kind is EditionKind.REMINDER])
        self.check_digests([e for e in fresh if e.kind is EditionKind.DIGEST])
        self.check_corrections([e for e in fresh if e.kind in CORRECTING])
        self.check_turns(fresh)
        self.check_nobody_is_forgotten(made)
        waiting = {one.edition for one in made if is_settling(one)}
        for entry in fresh:
            if entry.edition not in waiting:
                self.send(entry)
        again = [one for one in self.plan() if one.state == "due"]
        left = {one.edition for one in again} - {*self.editions, *waiting}
        assert not left

    def note(self) -> None:
        """Let the ledger see what is there, as a scan does."""
        for one in self.there():
            self.seen.setdefault(one.id, self.now)
            if one.status == "held":
                continue
            before = self.known.get(one.id)
            is_new = before is None or differs(before.facts, one.facts())
            self.last_good[one.id] = one
            self.known[one.id] = KnownEvent(
                id=one.id,
                source=one.source,
                path=one.path,
                facts=one.facts(),
                changed_at=self.now if before is None or is_new else before.changed_at,
            )
        for name in self.gone:
            known = self.known[name]
            self.known[name] = replace(known, missing=known.missing + 1)
        for campaign in (*REMINDERS, *DIGESTS):
            self.campaigns_seen.setdefault(campaign.name, self.now)

    def finish(self) -> None:
        """Stop what is on its way and not so any more; the rest arrives."""
        vanished = list(self.gone.values())
        for each in revise(self.snapshot(), self.there(), vanished, LIMITS):
            if each.stop is not None:
                self.decisions[each.edition] = each.stop
                is_off = each.stop is Decision.WITHDRAW
                state = EditionState.CANCELLED if is_off else EditionState.SUPERSEDED
                stopped = replace(self.editions[each.edition], state=state)
                self.editions[each.edition] = stopped
                self.changed.update(told.event for told in stopped.facts)
        for entry in self.on_their_way:
            if self.editions[entry.edition].state is EditionState.OPEN:
                self.arrive(entry)
        for name, edition in self.editions.items():
            if edition.state is EditionState.OPEN:
                self.editions[name] = replace(edition, state=EditionState.DONE)
        self.on_their_way = []

    def send(self, entry: Entry) -> None:
        """Remember an entry as frozen, and as sent unless the channel is slow."""
        place = (entry.target.channel, entry.target.audience)
        key = (entry.edition, *place)
        assert key not in self.sent
        self.sent.append(key)
        about = [self.present(one) for one in entry.events]
        facts = tuple(one for one in about if one is not None)
        assert len(facts) == len(entry.events)
        if entry.kind not in CORRECTING:
            for one in facts:
                assert one.status is EventStatus.SCHEDULED
                assert one.event not in self.gone
                assert self.now < start_of_facts(one) - MARGIN
        if entry.kind is EditionKind.REMINDER:
            self.heard.setdefault((facts[0].event, *place), []).append(entry.due)
        self.editions[entry.edition] = FrozenEdition(
            id=entry.edition,
            campaign=entry.campaign,
            kind=entry.kind,
            due=entry.due,
            deadline=entry.deadline,
            facts=facts,
            frozen_at=self.now,
            state=EditionState.OPEN if self.is_slow else EditionState.DONE,
        )
        if self.is_slow:
            self.on_their_way.append(entry)
        else:
            self.arrive(entry)

    def arrive(self, entry: Entry) -> None:
        """Let the readers of a place have it, but whom other editions reached."""
        place = (entry.target.channel, entry.target.audience)
        if any((one, place) in self.reached for one in entry.after):
            return
        self.reached.add((entry.edition, place))
        for facts in self.editions[entry.edition].facts:
            self.told[facts.event, place] = Telling(
                facts=facts, campaign=entry.campaign, edition=entry.edition
            )

    def check_corrections(self, due: list[Entry]) -> None:
        """To those who were told otherwise, settled or urgent, and in time."""
        for entry in due:
            name = entry.events[0]
            place = (entry.target.channel, entry.target.audience)
            last, now = self.told[name, place], self.present(name)
            assert now is not None
            assert name not in self.gone
            assert entry.campaign == last.campaign
            assert differs(last.facts, now)
            assert self.now < correctable_until(last.facts, now)
            changed_at = self.known[name].changed_at
            groups = [
                correctable_until(each.facts, now)
                for (event, _), each in self.told.items()
                if event == name
                and each.campaign == entry.campaign
                and differs(each.facts, now)
            ]
            is_urgent = any(changed_at + SETTLE >= until for until in groups)
            is_settled = self.now >= changed_at + SETTLE or changed_at > self.now
            assert is_settled or is_urgent
            is_off = now.status is EventStatus.CANCELLED
            assert is_off == (entry.kind is EditionKind.CANCELLATION)
        assert len({one.events[0] for one in due}) <= 5 or not self.is_mass_change()

    def is_mass_change(self) -> bool:
        """Tell whether most of what was told changed within one settling time."""
        times = sorted(
            self.known[name].changed_at
            for name in self.wrongly_told()
            if name in self.known
        )
        told = {name for name, _ in self.told}
        return any(
            sum(abs(one - each) <= SETTLE for each in times) > max(5, len(told) * 0.2)
            for one in times
        )

    def check_turns(self, due: list[Entry]) -> None:
        """Nobody gets two messages about one event that are not digests at once."""
        waiting = {e.edition for e in self.plan() if is_settling(e)}
        about = [
            (one.events[0], one.target.channel, one.target.audience)
            for one in due
            if one.kind is not EditionKind.DIGEST and one.edition not in waiting
        ]
        assert len(set(about)) == len(about)

    def check_nobody_is_forgotten(self, made: tuple[Entry, ...]) -> None:
        """Who knows an old fact has a row: to come, waiting, or too late and said."""
        rows = {
            (one.events[0], one.target.channel, one.target.audience)
            for one in made
            if one.kind in CORRECTING
        }
        for name, groups in self.wrongly_told().items():
            now = self.present(name)
            assert now is not None
            for group in groups:
                over = max(start_of_facts(group.facts), start_of_facts(now))
                changed_at = min(self.known[name].changed_at, self.now)
                is_past = changed_at >= over or self.now > over + LATE
                place = (name, group.channel, group.audience)
                assert is_past or place in rows or self.was_corrected(name, group)

    def was_corrected(self, name: str, group: Told) -> bool:
        """Tell whether a correction that says what is so is on its way to them."""
        now = self.present(name)
        return any(
            one.kind in CORRECTING
            and one.campaign == group.campaign
            and one.state is EditionState.OPEN
            and now is not None
            and any(each.event == name and not differs(each, now) for each in one.facts)
            for one in self.editions.values()
        )

    def check_reminders(self, due: list[Entry]) -> None:
        """Each event speaks with its latest reminder that is not too late."""
        expected = {
            (speaker, target.channel, target.audience)
            for one in self.there()
            for target in (MAIL, POST)
            if one.id not in self.changed
            if (speaker := self.speaker(one, (target.channel, target.audience)))
        }
        actual = [
            (one.edition, one.target.channel, one.target.audience)
            for one in due
            if one.events[0] not in self.changed
        ]
        for one in due:
            self.check_revision(one)

        assert sorted(expected, key=str) == sorted(actual, key=str)

    def check_revision(self, entry: Entry) -> None:
        """Another revision follows one that stopped, or a start a day earlier."""
        stem, _, number = entry.edition.rpartition("/")
        before = self.editions.get(f"{stem}/{int(number) - 1}")
        if before is None:
            assert number == "1"
            return
        was = before.facts[0]
        (now,) = (one for one in self.there() if one.id == entry.events[0])
        moved = naive(start_of(now), now.zone) - naive(start_of_facts(was), now.zone)
        stopped = before.state is EditionState.SUPERSEDED
        withdrawn = self.decisions.get(before.id) is Decision.WITHDRAW
        assert stopped or withdrawn or moved >= DAY

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
        if self.gone or any(one.state not in QUIET for one in self.editions.values()):
            return
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
                events=self.there(),
            )
            is_new = period < self.campaigns_seen.get(campaign.name, self.now)
            is_late = self.now - period > LATE
            if (
                inside
                and not is_new
                and not is_late
                and not self.has_spoken(campaign, period)
            ):
                expected[campaign.name, period] = inside

        assert expected == {(one.campaign, one.due): set(one.events) for one in due}

    def has_spoken(self, campaign: Campaign, period: datetime) -> bool:
        """Tell whether a period, or a later one, was sent."""
        return any(
            one.due == period or (one.due > period and one.frozen_at <= self.now)
            for one in self.editions.values()
            if one.campaign == campaign.name and one.kind is EditionKind.DIGEST
        )

    def moments(self) -> list[datetime]:
        """Return the coming instants at which a rule changes its mind."""
        found = {
            moment
            for name in TIMES
            for due in periods(name, self.site.zone, self.now)
            for moment in (due, due + LATE)
        }
        found.update(one.changed_at + SETTLE for one in self.known.values())
        for last in self.told.values():
            start = start_of_facts(last.facts)
            found.update((start - MARGIN, start - MARGIN - SETTLE))
        for one in self.events.values():
            start = start_of(one)
            found.update((start, start - MARGIN))
            for offset in OFFSETS.values():
                due = due_of(one, offset)
                since = max(due, self.seen.get(one.id, due))
                found.update((due, since + limit_of(offset)))
        return sorted(one for one in found if one > self.now)


def start_of_facts(facts: Facts) -> datetime:
    """Return the instant at which readers think that it begins."""
    return start_of(event(facts.start, timezone=facts.timezone, all_day=facts.all_day))


def differs(told: Facts, now: Facts) -> bool:
    """Tell whether readers go by something else, as far as these worlds change."""
    off = {EventStatus.CANCELLED, EventStatus.POSTPONED}
    if told.status is now.status and told.status in off:
        return False
    return (
        told.status is not now.status
        or start_of_facts(told) != start_of_facts(now)
        or told.venue != now.venue
    )


def correctable_until(told: Facts, now: Facts) -> datetime:
    """Return the last instant for a correction."""
    starts = [start_of_facts(told)]
    if now.status is EventStatus.SCHEDULED:
        starts.append(start_of_facts(now))
    return min(starts) - MARGIN


def is_settling(entry: Entry) -> bool:
    """Tell whether a row waits for a moment, and its edition with it."""
    return entry.reason is not None and entry.reason.code == "settling"


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
    st.tuples(st.just("venue"), st.sampled_from("AB")),
    st.tuples(st.just("vanish"), st.none()),
    st.tuples(st.just("return"), st.none()),
    st.tuples(st.just("crowd"), st.integers(0, 1440)),
    st.tuples(st.just("all elsewhere"), st.none()),
    st.tuples(st.just("all vanish"), st.none()),
    st.tuples(st.just("slow"), st.booleans()),
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
    name = f"e{len({*world.events, *world.gone, *world.seen})}"
    on = naive(world.now, zone).date() + timedelta(days=new.days)
    local = datetime.combine(on, time() if new.all_day else new.clock)
    start = clock_shows(local, zone).astimezone(zone)
    world.events[name] = event(start, name=name, timezone=zone.key, all_day=new.all_day)


def follow(world: World, action: str, value: Any) -> None:
    """Let something happen in the world."""
    if action == "next":
        coming = world.moments()
        skip, nudge = value
        if len(coming) > skip:
            world.now = coming[skip] + nudge * SECOND
    elif action in ("wait", "back"):
        sign = 1 if action == "wait" else -1
        world.now += sign * timedelta(minutes=value)
    elif action == "slow":
        world.is_slow = value
    elif action == "return":
        world.events |= world.gone
        world.gone = {}
    elif world.events:
        change(world, action, value)


def change(world: World, action: str, value: Any) -> None:
    """Let somebody edit files."""
    last = world.events[max(world.events)]
    if action == "add" and len(world.events) < 4:
        add(world, last.zone, new=value)
    elif action == "crowd" and len(world.events) < 4:
        start = world.now + 2 * DAY + timedelta(minutes=value)
        for number in range(6):
            name = f"c{number}"
            if name not in world.gone:
                crowded = event(start.astimezone(last.zone), name=name)
                world.events[name] = replace(crowded, timezone=last.timezone)
    elif action in ("vanish", "all vanish"):
        for one in [last] if action == "vanish" else list(world.events.values()):
            if one.id in world.last_good:
                world.gone[one.id] = world.last_good[one.id]
                world.changed.add(one.id)
            del world.events[one.id]
    else:
        for one in edited(list(world.events.values()), last, action, value):
            edit(world, one)


def edited(events: list[Event], last: Event, action: str, value: Any) -> list[Event]:
    """Return the events that an edit makes otherwise."""
    if action == "move" and not last.all_day:
        start = start_of(last) + timedelta(minutes=value)
        return [replace(last, start=start.astimezone(last.zone))]
    if action == "status":
        return [replace(last, status=value)]
    if action == "venue":
        return [replace(last, venue=value)]
    if action == "all elsewhere":
        return [replace(one, venue="C") for one in events]
    return []


def edit(world: World, one: Event) -> None:
    """Write a file anew; what readers know of it is then more than one thing."""
    world.events[one.id] = one
    told = {facts.event for each in world.editions.values() for facts in each.facts}
    if one.id in told:
        world.changed.add(one.id)


@settings(max_examples=150, deadline=None)
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
