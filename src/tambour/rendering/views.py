"""
Events and editions as templates see them: already in the reader's words.

Nothing is computed that a template does not ask for. Knows no templates and no
recipients. Source: design §10, Rendering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from markupsafe import Markup

from tambour.content.markdown import to_html, to_text
from tambour.model import (
    Detail,
    EditionId,
    EditionKind,
    Event,
    EventStatus,
    Site,
)
from tambour.rendering.dates import day_text, span, when, when_short
from tambour.rendering.filters import capitalize_first, on_words, tidy
from tambour.rendering.words import Catalogue, catalogue, typeset

_TIME = re.compile(r"\b(\d{1,2})\s*(?:[hH:]\s*(\d{2})?)")
_LOOSE_COMMA = re.compile(r"\s+,")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who the words are for: a language, on a site, in the year of the edition."""

    language: str
    site: Site
    year: int

    @property
    def words(self) -> Catalogue:
        """The fixed words of the reader's language."""
        return catalogue(self.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """
    `edition` in templates: when it is due, and the days its events span.

    In corrections, `notice` is the sentence that says what happened, `corrects` has the
    idempotency keys of the posts that said otherwise.
    """

    id: EditionId
    kind: EditionKind
    due: datetime
    date: str
    span: str
    notice: str = ""
    corrects: tuple[str, ...] = ()


class EventView:
    """`event` in templates."""

    def __init__(self, event: Event, reader: Reader) -> None:
        self._event = event
        self._reader = reader
        self.id = event.id
        self.title = event.title
        self.language = event.language
        self.start = event.start
        self.end = event.end
        self.all_day = event.all_day
        self.timezone = event.timezone
        self.venue = event.venue
        self.address = event.address
        self.url = event.url
        self.registration_url = event.registration_url
        self.image = event.image
        self.image_alt = event.image_alt
        self.summary = event.summary or ""
        self.tags = event.tags
        self.status = event.status.value
        self.online = event.online
        self.organizer = event.organizer

    def __str__(self) -> str:
        return self.title

    @property
    def is_foreign(self) -> bool:
        """Whether its text is in another language than the reader's."""
        return self.language.split("-")[0] != self._reader.language.split("-")[0]

    @property
    def cancelled(self) -> bool:
        """Whether it will not take place."""
        return self._event.status is EventStatus.CANCELLED

    @property
    def postponed(self) -> bool:
        """Whether it will take place at another time."""
        return self._event.status is EventStatus.POSTPONED

    @property
    def is_off(self) -> bool:
        """Whether it will not take place as its dates say."""
        return self.cancelled or self.postponed

    @property
    def state(self) -> str:
        """That it is cancelled or postponed, in the reader's words; else nothing."""
        if self.is_off:
            return self._reader.words.text(self.status)
        return ""

    @cached_property
    def when(self) -> str:
        """Day, hours, and the zone if it is not the site's."""
        zone = self._reader.site.zone
        return when(self._event, language=self._reader.language, site_zone=zone)

    @cached_property
    def when_short(self) -> str:
        """Day and start in few characters; the year only if it is another."""
        return when_short(
            self._event,
            language=self._reader.language,
            site_zone=self._reader.site.zone,
            year=self._reader.year,
        )

    @cached_property
    def where(self) -> str:
        """Venue and address in one line, or that it takes place online."""
        venue, address = _clean(self.venue), _clean(self.address)
        if venue and address and venue.casefold() in address.casefold():
            venue = ""
        said = ", ".join(part for part in (venue, address) if part)
        return said or (self._reader.words.text("online") if self.online else "")

    @cached_property
    def weekday(self) -> str:
        """The weekday of its first day, short."""
        return self._badge("weekday")

    @cached_property
    def day(self) -> str:
        """The number of its first day."""
        return str(self._first_day.day)

    @cached_property
    def month(self) -> str:
        """The month of its first day, short."""
        return self._badge("month")

    @cached_property
    def year(self) -> int:
        """The year it starts in."""
        return self._first_day.year

    @cached_property
    def body_html(self) -> Markup:
        """Its whole text, sanitised, headings from h2 on."""
        html = to_html(self._event.body, base_url=self._base_url)
        html = on_words(tidy(html), lambda text: typeset(text, self.language))
        return Markup(html)  # noqa: S704 - to_html sanitises

    @cached_property
    def body_text(self) -> str:
        """Its whole text as plain text."""
        return to_text(self._event.body, base_url=self._base_url)

    @cached_property
    def details(self) -> tuple[Detail, ...]:
        """Labelled extras, without what the button and the hours already say."""
        return tuple(
            Detail(label=_label(one), text=_clean(one.text), url=one.url)
            for one in self._event.details
            if not self._is_registration(one) and not self._repeats_hours(one)
        )

    @cached_property
    def registration_note(self) -> str:
        """What the page says about registering, when it says more than "register"."""
        plain = re.compile(
            self._reader_of_event.labels["plain_registration"], re.IGNORECASE
        )
        notes = (
            text
            for one in self._event.details
            if self._is_registration(one)
            for text in (_clean(one.text) or _label(one),)
        )
        return next((text for text in notes if not plain.match(text)), "")

    @property
    def _base_url(self) -> str:
        return self.url or self._reader.site.url + "/"

    @property
    def _first_day(self) -> date:
        if self._event.start is None:
            msg = f"{self.id} has no start"
            raise ValueError(msg)
        return self._event.start.date()

    @property
    def _reader_of_event(self) -> Catalogue:
        return catalogue(self.language)

    def _badge(self, part: str) -> str:
        words = self._reader.words
        return day_text(self._first_day, words.dates[part], words).rstrip(".")

    def _is_registration(self, detail: Detail) -> bool:
        return detail.url is not None and detail.url == self.registration_url

    def _repeats_hours(self, detail: Detail) -> bool:
        label = re.compile(self._reader_of_event.labels["hours"], re.IGNORECASE)
        if self.all_day or not label.search(detail.label):
            return False
        known = {_minutes(at.hour, at.minute) for at in (self.start, self.end) if at}
        said = {
            _minutes(int(hour), int(minute or 0))
            for hour, minute in _TIME.findall(detail.text)
        }
        return said <= known


def edition_view(
    events: Sequence[Event],
    *,
    edition: EditionId,
    kind: EditionKind,
    due: datetime,
    reader: Reader,
) -> EditionView:
    """Return the edition of *events* in the reader's words."""
    today = due.astimezone(reader.site.zone).date()
    days = sorted(one.start.date() for one in events if one.start is not None)
    first, last = (days[0], days[-1]) if days else (today, today)
    return EditionView(
        id=edition,
        kind=kind,
        due=due,
        date=span(today, today, language=reader.language),
        span=span(first, last, language=reader.language),
    )


def _minutes(hour: int, minute: int) -> int:
    return hour * 60 + minute


def _clean(text: str | None) -> str:
    return _LOOSE_COMMA.sub(",", " ".join((text or "").split()))


def _label(detail: Detail) -> str:
    return capitalize_first(detail.label.rstrip(" \u00a0:"))
