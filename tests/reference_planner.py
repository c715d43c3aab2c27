"""
The rules of announcing, told once more: in whole minutes, and apart from the planner.

Written from the rules' text for two campaigns, `soon` (reminders, by mail and as a post)
and `week` (a daily digest, by mail), in a zone whose clocks never change. Is told what
is in the files and what became of each message, and says which editions must be frozen
at a look, for whom, and who goes by what. Imports nothing of Tambour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

DAY = 1440
MARGIN, SETTLE, LATE = 10, 10, DAY
ALLOWED = 15
"""A digest leaves out what starts so soon after it left, unless that is all."""
REMINDERS = {"7d": (7 * DAY, LATE), "1d": (DAY, LATE), "2h": (120, 60)}
"""How long before the start each is due, and how late it may be."""
DIGEST_AT, WINDOW = 480, 3 * DAY
FIRST_DAY = date(2027, 3, 1).toordinal()
MAIL, POST = "mail", "team"
CHANNELS = {"soon": (MAIL, POST), "week": (MAIL,)}
LEAVING = 30
"""So long a reminder waits for a correction that is on its way."""
GONE_FOR = 2
"""So many looks must not find a file."""
TOLD = frozenset({"sent", "uncertain", "in_flight"})
WAITING = frozenset({"planned", "leased", "deferred", "in_flight"})

Place = tuple[str, str]
"""A person, and the channel by which they are reached."""


class Fact(NamedTuple):
    """What readers go by; the status is one of on, off, later and hidden."""

    start: int
    venue: str = "A"
    link: str = "x"
    status: str = "on"


class Page(NamedTuple):
    """A file: what it says, unless it is broken."""

    fact: Fact
    is_broken: bool = False


def differs(told: Fact, now: Fact) -> bool:
    """Tell whether readers go by something else; of what is off only that counts."""
    if now.status in ("off", "later"):
        return told.status != now.status
    return told != now


@dataclass(kw_only=True)
class Card:
    """What is remembered of an event; no fact, if its file never was good."""

    seen: int
    fact: Fact | None = None
    changed: int = 0
    missing: int = 0


@dataclass(kw_only=True)
class Letter:
    """A frozen edition; `end` says why it stopped before all had it."""

    name: str
    campaign: str
    kind: str
    due: int
    frozen: int
    number: int
    until: int | None
    told: dict[str, Fact]
    to: frozenset[Place]
    states: dict[Place, str]
    end: str | None = None

    @property
    def stem(self) -> str:
        """Its name without the number."""
        return self.name.rpartition("/")[0]

    @property
    def is_open(self) -> bool:
        """Whether something of it may still leave."""
        waits = any(state in WAITING for state in self.states.values())
        return self.end is None and waits

    def reached(self) -> set[Place]:
        """Return who has it, or may have it."""
        return {place for place, state in self.states.items() if state in TOLD}


@dataclass(kw_only=True)
class Wrong:
    """Whom a campaign told something else, by a channel, and by which letter last."""

    fact: Fact
    channel: str
    people: set[str]
    letter: Letter
    limit: int
    is_said: bool = False


@dataclass(kw_only=True)
class Coming:
    """A correction that is to come, or is due."""

    due: int
    letter: Letter


@dataclass
class Reference:
    """The world as an announcer knows it."""

    cards: dict[str, Card] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    began: int | None = None
    alerts: set[tuple[str, str]] = field(default_factory=set)
    """The event and channel of which it is too late to put something right, or which
    wait for a person."""

    # ── what is seen ────────────────────────────────────────────────────────────

    def look(self, now: int, pages: Mapping[str, Page]) -> set[str]:
        """See the files, and return the editions that stop."""
        self.began = now if self.began is None else self.began
        self.pages = dict(pages)
        for name, page in pages.items():
            card = self.cards.setdefault(name, Card(seen=now))
            card.missing = 0
            if not page.is_broken:
                if card.fact is None or differs(card.fact, page.fact):
                    card.changed = now
                card.fact = page.fact
        for name, card in self.cards.items():
            if name not in pages and card.fact is not None:
                card.missing += 1
        return set(self._stop())

    def _stop(self) -> Iterator[str]:
        for letter in self.letters.values():
            if not letter.is_open:
                continue
            wrong = [
                now
                for name, told in letter.told.items()
                if (now := self.certain(name)) is not None and differs(told, now)
            ]
            if wrong:
                is_off = any(one.status in ("off", "later") for one in wrong)
                is_withdrawn = letter.kind == "reminder" and is_off
                letter.end = "cancelled" if is_withdrawn else "superseded"
                yield letter.name

    def present(self, name: str) -> Fact | None:
        """Return how things are, as those ought to know who were told."""
        card = self.cards.get(name)
        if card is None or card.fact is None:
            return None
        is_gone = name not in self.pages and card.missing >= GONE_FOR
        is_off = is_gone or card.fact.status == "hidden"
        return card.fact._replace(status="off") if is_off else card.fact

    def certain(self, name: str) -> Fact | None:
        """Return how things are, unless the next look may tell otherwise."""
        return None if self.is_unsure(name) else self.present(name)

    def is_unsure(self, name: str) -> bool:
        """Whether its file was missed once."""
        return name not in self.pages and self.cards[name].missing < GONE_FOR

    def is_absent(self, name: str) -> bool:
        """Whether its file is not there."""
        return name not in self.pages

    def takes_place(self, name: str) -> bool:
        """Whether it is there, and on."""
        fact = self.cards[name].fact
        return fact is not None and fact.status == "on" and not self.is_absent(name)

    def settled(self, name: str, now: int) -> int:
        """Return when the last change counts; one of the future counts already."""
        changed = self.cards[name].changed
        return changed + SETTLE if changed <= now else now

    # ── who goes by what ────────────────────────────────────────────────────────

    def last_told(self, name: str) -> dict[Place, Letter]:
        """Return the last letter about an event that reached each."""
        return {
            place: letter
            for letter in self.letters.values()
            if name in letter.told
            for place in letter.reached()
        }

    def wrong(self, name: str, now: int) -> dict[str, list[Wrong]]:
        """Return, by campaign, who goes by something that is not so."""
        present = self.certain(name)
        if present is None:
            return {}
        groups: dict[tuple[str, Fact, str], Wrong] = {}
        numbers = {one: place for place, one in enumerate(self.letters)}
        for (person, channel), letter in self.last_told(name).items():
            told = letter.told[name]
            if not differs(told, present):
                continue
            over = max(told.start, present.start)
            if min(self.cards[name].changed, now) >= over or now > over + LATE:
                continue
            starts = [told.start]
            if present.status == "on":
                starts.append(present.start)
            group = groups.setdefault(
                (letter.campaign, told, channel),
                Wrong(
                    fact=told,
                    channel=channel,
                    people=set(),
                    letter=letter,
                    limit=min(starts) - MARGIN,
                ),
            )
            group.people.add(person)
            if numbers[letter.name] > numbers[group.letter.name]:
                group.letter = letter
        found: dict[str, list[Wrong]] = defaultdict(list)
        for (campaign, _, _), group in groups.items():
            group.is_said = self._is_said(name, campaign, group, now=now)
            found[campaign].append(group)
        return found

    def _is_said(self, name: str, campaign: str, group: Wrong, *, now: int) -> bool:
        """Tell whether the last correction says what is so, and came after."""
        before = self.corrections(name, campaign)
        present = self.present(name)
        if not before or before[-1].end is not None or present is None:
            return False
        last = before[-1]
        is_newer = last.frozen < group.letter.frozen <= now
        return not differs(last.told[name], present) and (last.is_open or not is_newer)

    def corrections(self, name: str, campaign: str | None = None) -> list[Letter]:
        """Return the corrections about an event by their numbers."""
        found = [
            letter
            for letter in self.letters.values()
            if letter.kind in ("correction", "cancellation")
            and name in letter.told
            and campaign in (None, letter.campaign)
        ]
        return sorted(found, key=lambda letter: letter.number)

    # ── what must be frozen ─────────────────────────────────────────────────────

    def due(self, now: int, people: Iterable[str]) -> dict[str, Letter]:
        """Return what must be frozen now, in its order."""
        readers = frozenset(people)
        self.alerts = set()
        coming: dict[tuple[str, str], Coming] = {}
        found: list[Letter] = []
        for name in self.cards:
            for campaign, groups in self.wrong(name, now).items():
                found += self._correct(
                    name, campaign, groups, now=now, readers=readers, coming=coming
                )
        for name in self.cards:
            found += self._remind(name, now=now, readers=readers, coming=coming)
        found += self._digest(now, readers)
        found.sort(key=lambda letter: (letter.due, letter.name))
        return {letter.name: letter for letter in found}

    def freeze(self, letters: Mapping[str, Letter]) -> None:
        """Remember that these were frozen."""
        self.letters.update(letters)

    def _correct(
        self,
        name: str,
        campaign: str,
        groups: list[Wrong],
        *,
        now: int,
        readers: frozenset[str],
        coming: dict[tuple[str, str], Coming],
    ) -> Iterator[Letter]:
        present = self.present(name)
        assert present is not None
        fact = self.cards[name].fact
        everybody = groups
        groups = [group for group in everybody if not group.is_said]
        in_time = [group for group in groups if group.limit > now]
        is_held = self.is_absent(name) or (fact is not None and fact.status == "hidden")
        for group in groups:
            if is_held or group.limit <= now:
                self.alerts.add((name, group.channel))
        if is_held or not in_time:
            return
        until = min(group.limit for group in in_time)
        due = self.settled(name, now)
        if due >= until:
            due = min(self.cards[name].changed, now)
        number = len(self.corrections(name, campaign)) + 1
        kind = "cancellation" if present.status == "off" else "correction"
        channels = {group.channel for group in in_time}
        to = {
            (person, group.channel)
            for group in everybody
            if group.limit > now and group.channel in channels
            for person in group.people
            if group.channel == POST or person in readers
        }
        letter = _letter(
            f"{campaign}/{name}/{kind}/{number}",
            kind=kind,
            due=due,
            now=now,
            until=until,
            told={name: present},
            to=to,
        )
        for group in in_time:
            coming[name, group.channel] = Coming(due=due, letter=letter)
        if due <= now:
            yield letter

    def _remind(
        self,
        name: str,
        *,
        now: int,
        readers: frozenset[str],
        coming: Mapping[tuple[str, str], Coming],
    ) -> Iterator[Letter]:
        fact = self.cards[name].fact
        if fact is None or not self.takes_place(name) or fact.start <= now:
            return
        waits, speakers = set(), {}
        for channel in CHANNELS["soon"]:
            ready = [
                one
                for offset in REMINDERS
                if (one := self._next(name, offset, now=now)) is not None
                and self._may_speak(one, channel, now=now, coming=coming)
            ]
            if not ready:
                continue
            latest = max(ready, key=lambda one: one.due)
            speakers[channel] = latest
            ahead = coming.get((name, channel))
            is_ahead = ahead is not None and latest.due <= max(ahead.due, now)
            if is_ahead or self._is_leaving(latest, channel, now=now):
                waits.add(latest.name)
        for letter in {one.name: one for one in speakers.values()}.values():
            if letter.name in waits:
                continue
            to: set[Place] = set()
            for channel, one in speakers.items():
                if one.name == letter.name:
                    everybody = {POST} if channel == POST else readers
                    had = self._had(letter, channel)
                    to |= {(person, channel) for person in everybody} - had
            letter.to, letter.states = frozenset(to), dict.fromkeys(to, "planned")
            yield letter

    def _next(self, name: str, offset: str, *, now: int) -> Letter | None:
        """Return the reminder's next revision, if there is to be one that is due."""
        fact = self.cards[name].fact
        assert fact is not None
        before = self._revisions(f"soon/{name}/{offset}")
        due = fact.start - REMINDERS[offset][0]
        if before:
            last = before[-1]
            if last.end is None and fact.start - last.told[name].start < DAY:
                return None
            if last.end is not None:
                due = max(due, self.settled(name, now))
        if due > now or due >= fact.start - MARGIN:
            return None
        return _letter(
            f"soon/{name}/{offset}/{len(before) + 1}",
            kind="reminder",
            due=due,
            now=now,
            until=fact.start - MARGIN,
            told={name: fact},
            to=(),
        )

    def _may_speak(
        self,
        letter: Letter,
        channel: str,
        *,
        now: int,
        coming: Mapping[tuple[str, str], Coming],
    ) -> bool:
        ((name, fact),) = letter.told.items()
        offset = letter.stem.rpartition("/")[2]
        before = self._revisions(letter.stem)
        is_rearmed = bool(before) and before[-1].end is None
        ahead = coming.get((name, channel))
        is_ahead = ahead is not None and letter.due <= max(ahead.due, now)
        if is_rearmed and (is_ahead or self._told_instead(letter, channel, fact)):
            return False
        if now >= fact.start - MARGIN:
            return False
        limit = REMINDERS[offset][1]
        since = self._since(letter, channel, ahead if is_ahead else None, limit=limit)
        if now - since > limit:
            return False
        return not any(
            other.kind == "reminder"
            and name in other.told
            and other.stem != letter.stem
            and other.end != "cancelled"
            and other.due >= letter.due
            for other in self.letters.values()
        )

    def _told_instead(self, letter: Letter, channel: str, fact: Fact) -> bool:
        """Tell whether a correction or a digest said the start when it was due."""
        return any(
            other.kind != "reminder"
            and other.end is None
            and other.frozen >= letter.due
            and channel in CHANNELS[other.campaign]
            and name in other.told
            and other.told[name].start == fact.start
            for name in letter.told
            for other in self.letters.values()
        )

    def _since(
        self, letter: Letter, channel: str, ahead: Coming | None, *, limit: int
    ) -> int:
        """Return from when it counts as late; waiting for a correction is not being."""
        (name,) = letter.told
        since = max(letter.due, self.cards[name].seen)
        moments = [one.frozen for one in self._corrected_since(letter, channel)]
        if ahead is not None:
            moments.append(ahead.due)
        for moment in sorted(moments):
            if moment - since <= max(limit, SETTLE):
                since = max(since, moment)
        return since

    def _corrected_since(self, letter: Letter, channel: str) -> Iterator[Letter]:
        (name,) = letter.told
        for other in self.corrections(name):
            if (
                other.end is None
                and other.frozen >= letter.due
                and channel in CHANNELS[other.campaign]
            ):
                yield other

    def _is_leaving(self, letter: Letter, channel: str, *, now: int) -> bool:
        """Tell whether a correction is on its way in a reminder's place."""
        return any(
            one.is_open and 0 <= now - one.frozen < LEAVING
            for one in self._corrected_since(letter, channel)
        )

    def _had(self, letter: Letter, channel: str) -> set[Place]:
        """Return who needs no more: told of the same day, or corrected meanwhile."""
        ((name, fact),) = letter.told.items()
        earlier = [
            other
            for other in self._revisions(letter.stem)
            if fact.start - other.told[name].start < DAY
        ]
        for one in CHANNELS["soon"]:
            earlier += self._corrected_since(letter, one)
        return {
            place for one in earlier for place in one.reached() if place[1] == channel
        }

    def _digest(self, now: int, readers: frozenset[str]) -> Iterator[Letter]:
        period = (now - DIGEST_AT) // DAY * DAY + DIGEST_AT
        day = date.fromordinal(FIRST_DAY + period // DAY).isoformat()
        before = self._revisions(f"week/{day}")
        due = period
        if before:
            last = before[-1]
            if last.end is None:
                return
            due = max(last.due, *(self.settled(name, now) for name in last.told))
        if self._is_late(due, stem=f"week/{day}", now=now):
            return
        inside = self._inside(now, until=period + WINDOW)
        if not inside or any(self.is_unsure(name) for name in inside):
            return
        had = {place for one in before for place in one.reached()}
        facts = {name: self.cards[name].fact for name in inside}
        told = {name: fact for name, fact in facts.items() if fact is not None}
        yield _letter(
            f"week/{day}/{len(before) + 1}",
            kind="digest",
            due=due,
            now=now,
            until=min(fact.start for fact in told.values()) - MARGIN,
            told=told,
            to={(person, MAIL) for person in readers} - had,
        )

    def _is_late(self, due: int, *, stem: str, now: int) -> bool:
        """Tell whether a digest must not speak, or a later one has."""
        assert self.began is not None
        if due > now or due < self.began or now - due > LATE:
            return True
        return any(
            letter.kind == "digest" and letter.stem > stem and letter.frozen <= now
            for letter in self.letters.values()
        )

    def _inside(self, now: int, *, until: int) -> list[str]:
        starts = {
            name: card.fact.start
            for name, card in self.cards.items()
            if card.fact is not None
            and card.fact.status == "on"
            and (self.takes_place(name) or self.is_unsure(name))
            and now + MARGIN < card.fact.start < until
        }
        roomy = [
            name for name, start in starts.items() if start - MARGIN > now + ALLOWED
        ]
        return roomy or list(starts)

    def _revisions(self, stem: str) -> list[Letter]:
        return [letter for letter in self.letters.values() if letter.stem == stem]


def _letter(
    name: str,
    *,
    kind: str,
    due: int,
    now: int,
    until: int | None,
    told: Mapping[str, Fact],
    to: Iterable[Place],
) -> Letter:
    places = frozenset(to)
    return Letter(
        name=name,
        campaign=name.partition("/")[0],
        kind=kind,
        due=due,
        frozen=now,
        number=int(name.rpartition("/")[2]),
        until=until,
        told=dict(told),
        to=places,
        states=dict.fromkeys(places, "planned"),
    )
