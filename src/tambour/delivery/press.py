"""
An edition as it is frozen or shown: its words, recipients and facts out of its entries.

All words that are the same for many are rendered at once, before anybody is mailed. The
words of a correction differ by what was told before. Knows neither channels nor how the
ledger keeps anything; the time is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tambour.audience import Audience
from tambour.composing.identity import idempotency_key
from tambour.composing.posts import Correction, post_payload
from tambour.content.listing import event_record
from tambour.delivery.correcting import (
    AskLastTold,
    Choice,
    Misled,
    sample,
)
from tambour.errors import TemplateError, UserError
from tambour.ledger.records import Content, Draft
from tambour.model import (
    CORRECTIONS,
    Campaign,
    CampaignKind,
    EditionId,
    Entry,
    Event,
    EventId,
    Facts,
    FrozenEdition,
    Limits,
    Recipient,
    Rendered,
    Site,
    Snapshot,
    Target,
)
from tambour.rendering.changes import changes
from tambour.rendering.checking import check
from tambour.rendering.mail import is_personal, render_mail
from tambour.rendering.parts import Job
from tambour.rendering.posts import render_post
from tambour.rendering.readers import ATTRIBUTES
from tambour.rendering.templates import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """
    What editions are made of; `channel_types` are those of config.yaml, by name.

    `standing` has the events as those ought to know them who were told of them before:
    what is gone is called off. `snapshot` knows what was told.
    """

    site: Site
    templates: Templates
    campaigns: Mapping[str, Campaign]
    events: Mapping[EventId, Event]
    standing: Mapping[EventId, Event]
    audiences: Mapping[str, Audience]
    channel_types: Mapping[str, str]
    snapshot: Snapshot
    limits: Limits


class Press:
    """Makes one edition out of its entries."""

    def __init__(
        self,
        entries: Sequence[Entry],
        material: Material,
        now: datetime,
        *,
        secret: bytes,
        last_told: AskLastTold | None,
    ) -> None:
        """
        Render all words that are the same for many.

        Args:
            secret: what the keys of posts are made from.
            last_told: says who was told what; None previews what most were told.

        Raises:
            TemplateError: what is the same for many cannot be rendered.
            UserError: an event is not there any more.

        """
        first = entries[0]
        deadlines = [entry.deadline for entry in entries if entry.deadline]
        self._entries = entries
        self._material = material
        self._now = now
        self._secret = secret
        self._is_correction = first.kind in CORRECTIONS
        if self._is_correction:
            self._campaign = _without_words(first.campaign, material.campaigns)
        else:
            self._campaign = material.campaigns[first.campaign]
        self._events = [self._event(event) for event in first.events]
        self._choices = [self._choice(entry, last_told) for entry in entries]
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
            dict(self._shared_contents(number, entry))
            for number, entry in enumerate(entries)
        ]

    @property
    def after(self) -> tuple[EditionId, ...]:
        """The editions whose readers have had what they need of this one."""
        before = (one for entry in self._entries for one in entry.after)
        return tuple(dict.fromkeys(before))

    def sizes(self) -> dict[str, int]:
        """Return how many people each audience has now, if it is all of them."""
        if self._is_correction:
            return {}
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
            for person, variant in self.copies(entry):
                content = shared.get((variant, person.language))
                # All people of an audience have its columns: the first stands for them.
                if content is None or content.key not in sound:
                    content = self._content(number, variant, person)
                    sound.add(content.key)
                yield Draft(channel=channel, recipient=person, content=content)

    def copies(self, entry: Entry) -> Iterator[tuple[Recipient, int]]:
        """Yield whom one of the entries goes to, with the number of their variant."""
        choice = self._choices[self._entries.index(entry)]
        return choice.of(self._people(entry.target))

    def told(self, entry: Entry, variant: int) -> tuple[Facts, ...]:
        """Return what the readers of a variant were told before."""
        return self._choices[self._entries.index(entry)].variants[variant].told

    def is_personal(self, entry: Entry) -> bool:
        """Whether the words of one of the entries are made for each reader anew."""
        return self._entries.index(entry) in self._personal

    def content_for(self, entry: Entry, person: Recipient, variant: int = 0) -> Content:
        """Return what *person* gets of one of the entries; previews are made so."""
        return self._content(self._entries.index(entry), variant, person)

    def _event(self, name: EventId) -> Event:
        there, standing = self._material.events, self._material.standing
        places = (standing, there) if self._is_correction else (there, standing)
        for place in places:
            if name in place:
                return place[name]
        msg = f"{name} is not there any more, and nobody knows what it was"
        raise UserError(msg)

    def _choice(self, entry: Entry, last_told: AskLastTold | None) -> Choice:
        if not self._is_correction:
            return Choice()
        material = self._material
        if last_told is None:
            return sample(entry, material.snapshot)
        misled = Misled(
            entry=entry,
            now=self._events[0].facts(),
            limits=material.limits,
            at=self._now,
        )
        return misled.choose(self._people(entry.target), last_told)

    def _content(self, number: int, variant: int, person: Recipient) -> Content:
        content = self._shared[number].get((variant, person.language))
        if content is None:
            reader = person if number in self._personal else None
            content = self._mail(number, variant, person.language, reader)
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

    def _shared_contents(
        self, number: int, entry: Entry
    ) -> Iterator[tuple[tuple[int, str], Content]]:
        languages: Iterable[str] = ()
        if entry.target.audience is None:
            languages = (self._material.site.language,)
        elif number not in self._personal:
            audience = self._material.audiences.get(entry.target.audience)
            languages = audience.languages if audience else ()
        for variant in range(len(self._choices[number].variants)):
            for language in languages:
                if entry.target.audience is None:
                    content = self._post(number, variant)
                else:
                    content = self._mail(number, variant, language, None)
                yield (variant, language), content

    def _people(self, target: Target) -> Iterable[Recipient]:
        """Return an audience's people, or for a post the channel's account."""
        if target.audience is None:
            language = self._material.site.language
            return (Recipient(address=target.channel, language=language),)
        return self._material.audiences.get(target.audience, ())

    def _mail(
        self, number: int, variant: int, language: str, person: Recipient | None
    ) -> Content:
        rendered = render_mail(
            self._material.templates,
            self._job(number, variant, language),
            recipient=person,
        )
        return Content(
            key=f"{number}/{variant}/{language}",
            language=language,
            audience=self._entries[number].target.audience or "",
            address=person.address if person else None,
            rendered=rendered,
        )

    def _post(self, number: int, variant: int) -> Content:
        language = self._material.site.language
        job = self._job(number, variant, language)
        rendered = render_post(
            self._material.templates,
            job,
            channel_type=self._material.channel_types[job.target.channel],
        )
        return Content(
            key=f"{number}/{variant}/{language}",
            language=language,
            payload=self._payload(job, rendered).decode(),
        )

    def _job(self, number: int, variant: int, language: str) -> Job:
        entry = self._entries[number]
        target, chosen = entry.target, self._choices[number].variants[variant]
        return Job(
            campaign=self._campaign,
            target=target,
            kind=entry.kind,
            edition=entry.edition,
            due=entry.due,
            events=self._events,
            site=self._material.site,
            language=language,
            told=chosen.told,
            corrects=tuple(
                idempotency_key(
                    self._secret,
                    edition=edition,
                    channel=target.channel,
                    account=target.channel,
                )
                for edition in chosen.editions
            ),
        )

    def _payload(self, job: Job, rendered: Rendered) -> bytes:
        correction = None
        if self._is_correction:
            found = changes(self._events[0], job.told, job.reader)
            correction = Correction(
                changes=[
                    {"label": one.label, "before": one.before, "after": one.after}
                    for one in found
                ],
                corrects=job.corrects,
            )
        return post_payload(
            rendered,
            edition=job.edition,
            campaign=job.campaign.name,
            kind=job.kind,
            events=[event_record(event) for event in self._events],
            at=self._now,
            correction=correction,
        )


def _without_words(name: str, campaigns: Mapping[str, Campaign]) -> Campaign:
    """Return a campaign for a correction; one that is gone is stood in for."""
    gone = Campaign(name=name, path="", kind=CampaignKind.REMINDER, targets=())
    return replace(campaigns.get(name, gone), body="")
