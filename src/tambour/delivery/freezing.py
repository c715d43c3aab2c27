"""
From a plan's entries to frozen editions: words, recipients and facts, all or nothing.

The last moment at which anything is rendered: what fails here was sent to nobody. Knows
neither channels nor SQL; `now` and everything else is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from tambour.audience import Audience
from tambour.composing.posts import post_payload
from tambour.content.listing import event_record
from tambour.errors import TemplateError, UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Draft
from tambour.model import (
    Campaign,
    EditionId,
    EditionKind,
    Entry,
    EntryState,
    Event,
    EventId,
    FrozenEdition,
    Plan,
    ReasonCode,
    Recipient,
    Rendered,
    Site,
    Target,
)
from tambour.rendering import (
    Job,
    Templates,
    check,
    is_personal,
    render_mail,
    render_post,
)
from tambour.rendering.readers import ATTRIBUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What editions are made of; `channel_types` are those of config.yaml, by name."""

    site: Site
    templates: Templates
    campaigns: Mapping[str, Campaign]
    events: Mapping[EventId, Event]
    audiences: Mapping[str, Audience]
    channel_types: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Which editions were frozen now, and why others could not be."""

    editions: tuple[EditionId, ...]
    failures: Mapping[EditionId, UserError]


def choose_due(plan: Plan, *, by: datetime) -> tuple[Entry, ...]:
    """
    Return the entries to freeze now: due ones, and planned ones that are due *by* then.

    An edition of which a part waits does so as a whole: it can be frozen only once. An
    audience without anybody does not silence the edition's other channels. Of reminders
    of one event that would leave together, a late one and the next, readers get the
    latest, as the plan has it of those that are overdue.
    """
    held = {entry.edition for entry in plan.entries if _waits(entry)}
    chosen = [
        entry
        for entry in plan.entries
        if entry.edition not in held
        and (
            entry.state is EntryState.DUE
            or (entry.state is EntryState.PLANNED and entry.due <= by)
        )
    ]
    latest = {_readers(entry): entry.due for entry in sorted(chosen, key=_due)}
    return tuple(entry for entry in chosen if entry.due == latest[_readers(entry)])


_due = attrgetter("due")


def _readers(entry: Entry) -> tuple[object, ...]:
    """Return what reminders have in common that would speak of one event to one."""
    is_reminder = entry.kind is EditionKind.REMINDER
    about = entry.events if is_reminder else (entry.edition,)
    return entry.kind, about, entry.target.channel, entry.target.audience


def _waits(entry: Entry) -> bool:
    """Tell whether it waits for a person, or until what changed is certain."""
    code = entry.reason.code if entry.reason else None
    is_held = entry.state is EntryState.HELD and code is not ReasonCode.NO_RECIPIENTS
    return is_held or code is ReasonCode.SETTLING


def freeze_entries(
    ledger: Ledger,
    entries: Sequence[Entry],
    material: Material,
    *,
    now: datetime,
    hold: timedelta = timedelta(),
) -> Frozen:
    """
    Freeze the editions of *entries*; one that cannot be rendered leaves no trace.

    Args:
        hold: how long a person may still stop what is due already; it is not waited
            where the deadline does not allow it.

    Raises:
        LedgerError: the ledger cannot be written.

    """
    editions: list[EditionId] = []
    failures: dict[EditionId, UserError] = {}
    ordered = sorted(entries, key=attrgetter("due", "edition"))
    for edition, group in groupby(ordered, key=attrgetter("edition")):
        try:
            press = Press(list(group), material, now)
            if ledger.freeze(
                press.edition,
                press.drafts(),
                audiences=press.sizes(),
                not_before=leaves_at(press.edition, now=now, hold=hold),
            ):
                editions.append(edition)
        except UserError as error:
            failures[edition] = error
    return Frozen(editions=tuple(editions), failures=failures)


def leaves_at(edition: FrozenEdition, *, now: datetime, hold: timedelta) -> datetime:
    """Return when an edition leaves: at its due time, or a late one after the hold."""
    held = max(edition.due, now + hold)
    is_late = edition.due <= now
    is_in_time = edition.deadline is None or held < edition.deadline
    return held if is_late and is_in_time else edition.due


class Press:
    """Makes one edition out of its entries."""

    def __init__(
        self, entries: Sequence[Entry], material: Material, now: datetime
    ) -> None:
        first = entries[0]
        deadlines = [entry.deadline for entry in entries if entry.deadline]
        self._entries = entries
        self._material = material
        self._now = now
        self._campaign = material.campaigns[first.campaign]
        self._events = [material.events[event] for event in first.events]
        self.edition = FrozenEdition(
            id=first.edition,
            campaign=first.campaign,
            kind=first.kind,
            due=first.due,
            deadline=min(deadlines, default=None),
            facts=tuple(event.facts() for event in self._events),
            frozen_at=now,
        )
        self._personal = {
            number for number, entry in enumerate(entries) if self._is_personal(entry)
        }
        # Rendered before the ledger's lock is taken; only personal words come later.
        self._shared = [
            {content.language: content for content in self._shared_contents(*numbered)}
            for numbered in enumerate(entries)
        ]

    def sizes(self) -> dict[str, int]:
        """Return how many people each audience has now."""
        there = self._material.audiences
        names = {entry.target.audience for entry in self._entries}
        return {
            name: there[name].size if name in there else 0 for name in names if name
        }

    def drafts(self) -> Iterator[Draft]:
        """Yield a draft for each recipient of each entry."""
        for number, entry in enumerate(self._entries):
            channel, shared = entry.target.channel, self._shared[number]
            sound: set[str] = set()
            for person in self._people(entry.target):
                content = shared.get(person.language)
                # All people of an audience have its columns: the first stands for them.
                if content is None or content.key not in sound:
                    content = self._content(number, entry, person)
                    sound.add(content.key)
                yield Draft(channel=channel, recipient=person, content=content)

    def content_for(self, entry: Entry, person: Recipient) -> Content:
        """Return what *person* gets of one of the entries; previews are made so."""
        return self._content(self._entries.index(entry), entry, person)

    def _content(self, number: int, entry: Entry, person: Recipient) -> Content:
        content = self._shared[number].get(person.language)
        if content is None:
            reader = person if number in self._personal else None
            content = self._mail(number, entry, person.language, reader)
        self._require_fields(content, person)
        return content

    def _require_fields(self, content: Content, person: Recipient) -> None:
        """Find a missing column now, when nobody was mailed yet, and not half-way."""
        tokens = content.rendered.tokens.values() if content.rendered else ()
        missing = set(tokens).difference(ATTRIBUTES, person.fields)
        if not missing:
            return
        material, name = self._material, min(missing)
        msg = f"{person.address} has no {name!r}, which the words name"
        places = check(
            material.templates,
            campaigns=[self._campaign],
            site=material.site,
            channel_types=material.channel_types,
            columns={content.audience: person.fields.keys()},
        )
        raise TemplateError(msg, places)

    def _is_personal(self, entry: Entry) -> bool:
        """Whether an entry's words depend on who reads them; a post's never do."""
        target, templates = entry.target, self._material.templates
        return target.audience is not None and is_personal(
            templates, campaign=self._campaign, target=target
        )

    def _shared_contents(self, number: int, entry: Entry) -> Iterator[Content]:
        if entry.target.audience is None:
            yield self._post(number, entry)
        elif number not in self._personal:
            audience = self._material.audiences.get(entry.target.audience)
            for language in audience.languages if audience else ():
                yield self._mail(number, entry, language, None)

    def _people(self, target: Target) -> Iterable[Recipient]:
        """Return an audience's people, or for a post the channel's account."""
        if target.audience is None:
            language = self._material.site.language
            return (Recipient(address=target.channel, language=language),)
        return self._material.audiences.get(target.audience, ())

    def _mail(
        self, number: int, entry: Entry, language: str, person: Recipient | None
    ) -> Content:
        rendered = render_mail(
            self._material.templates, self._job(entry, language), recipient=person
        )
        return Content(
            key=f"{number}/{language}",
            language=language,
            audience=entry.target.audience or "",
            address=person.address if person else None,
            rendered=rendered,
        )

    def _post(self, number: int, entry: Entry) -> Content:
        language = self._material.site.language
        rendered = render_post(
            self._material.templates,
            self._job(entry, language),
            channel_type=self._material.channel_types[entry.target.channel],
        )
        return Content(
            key=f"{number}/{language}",
            language=language,
            payload=self._payload(entry, rendered).decode(),
        )

    def _job(self, entry: Entry, language: str) -> Job:
        return Job(
            campaign=self._campaign,
            target=entry.target,
            kind=entry.kind,
            edition=entry.edition,
            due=entry.due,
            events=self._events,
            site=self._material.site,
            language=language,
        )

    def _payload(self, entry: Entry, rendered: Rendered) -> bytes:
        return post_payload(
            rendered,
            edition=entry.edition,
            campaign=entry.campaign,
            kind=entry.kind,
            events=[event_record(event) for event in self._events],
            at=self._now,
        )
