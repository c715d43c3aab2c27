"""
What readers were told of an event and what is so now, side by side, in their words.

Which facts changed is for `Facts.changes` to say, never for a comparison of texts; here
they are only put into words. Knows no templates and no recipients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from babel.lists import format_list

from tambour.model import Change, EditionKind, Event, EventStatus, Facts
from tambour.rendering.filters import capitalize_first
from tambour.rendering.views import EventView, Reader

CALLED_OFF = frozenset({EventStatus.CANCELLED, EventStatus.POSTPONED})
TITLE = "title"
"""A new title is told beside a change, so that the event is known again; no change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """
    One of `change` in templates: a fact that readers were told otherwise.

    `kind` is a `Change`, or that the title is new. Posts have no room: `before_short`
    and `after_short`. `news` is what a subject calls it.
    """

    kind: str
    label: str
    before: str
    after: str
    before_short: str
    after_short: str
    news: tuple[str, ...] = ()


def as_known(event: Event, told: Sequence[Facts]) -> Event:
    """Return *event*, one that is called off at the time at which readers expect it."""
    before = _told_of(event, told)
    if before is None or event.status not in CALLED_OFF:
        return event
    return replace(
        event,
        start=before.start,
        end=before.end,
        all_day=before.all_day,
        timezone=before.timezone,
    )


def changes(
    event: Event, told: Sequence[Facts], reader: Reader
) -> tuple[ChangeView, ...]:
    """Return what of *event* now differs from what was *told* of it."""
    before = _told_of(event, told)
    if before is None or event.start is None:
        return ()
    kinds = before.changes(event.facts())
    if not kinds:
        return ()
    comparison = _Comparison(
        old=EventView(_as_told(event, before), reader),
        new=EventView(event, reader),
        kinds=kinds,
        reader=reader,
    )
    # Facts may differ where words do not: an end that is also the start.
    return tuple(one for one in comparison.views() if one.before != one.after)


def news(found: Sequence[ChangeView], reader: Reader) -> str:
    """Return what a subject says of all changes: "Nouvelle date et nouveau lieu"."""
    words = reader.words
    said = [word for one in found for word in one.news] or [words.text("news_other")]
    return capitalize_first(format_list(said, locale=words.locale))


def notice(
    kind: EditionKind, event: EventView, found: Sequence[ChangeView], reader: Reader
) -> str:
    """Return the sentence that says what happened."""
    if kind is EditionKind.CANCELLATION:
        key = "cancelled_notice"
    elif event.is_off:
        key = f"{event.status}_notice"
    elif any(one.kind == Change.REINSTATED for one in found):
        key = "reinstated_notice"
    else:
        key = "correction_notice"
    return reader.words.text(key)


def new_facts(
    event: EventView, found: Sequence[ChangeView], reader: Reader
) -> tuple[str, ...]:
    """Return what holds now, in a few parts, the new before what stays."""
    words = reader.words
    if event.is_off:
        return (words.text("was_planned", when=event.when),)
    said = [
        words.text("label", label=one.label, value=one.after)
        if one.kind in (Change.LINK, TITLE)
        else one.after
        for one in sorted(found, key=lambda one: one.kind == TITLE)
    ]
    return (*said, *(one for one in (event.when, event.where) if one not in said))


def _told_of(event: Event, told: Sequence[Facts]) -> Facts | None:
    return next((facts for facts in told if facts.event == event.id), None)


def _as_told(event: Event, told: Facts) -> Event:
    return replace(
        event,
        title=told.title,
        start=told.start,
        end=told.end,
        all_day=told.all_day,
        timezone=told.timezone,
        venue=told.venue,
        address=told.address,
        url=told.url,
        registration_url=told.registration_url,
        status=told.status,
        online=told.online,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    old: EventView
    new: EventView
    kinds: frozenset[Change]
    reader: Reader

    def views(self) -> Iterator[ChangeView]:
        """Yield the changes in the order in which readers need them."""
        if self.old.title.casefold().split() != self.new.title.casefold().split():
            yield self._view(TITLE, "event_title", self.old.title, self.new.title)
        if self.kinds & {Change.CANCELLED, Change.POSTPONED}:
            yield self._called_off()
        elif Change.REINSTATED in self.kinds:
            yield self._reinstated()
        elif Change.MOVED in self.kinds:
            yield self._moved()
        if Change.PLACE in self.kinds:
            yield self._place()
        if Change.LINK in self.kinds:
            yield self._link()

    def _called_off(self) -> ChangeView:
        (kind,) = self.kinds
        before = self.old.state or self.old.when
        after = self._text(
            "cancelled" if kind == Change.CANCELLED else "postponed_for_now"
        )
        return self._view(kind, "when", before, after, news=(f"news_{kind}",))

    def _reinstated(self) -> ChangeView:
        before, said = self.old.state, ["news_reinstated"]
        if Change.MOVED in self.kinds:
            before = f"{before} ({self.old.when})"
            said.append(self._news_of_move())
        kind = Change.REINSTATED
        return self._view(kind, "when", before, self.new.when, news=tuple(said))

    def _moved(self) -> ChangeView:
        old, new = self.old, self.new
        view = self._view(
            Change.MOVED, "when", old.when, new.when, news=(self._news_of_move(),)
        )
        if old.when_short == new.when_short:
            return view
        return replace(view, before_short=old.when_short, after_short=new.when_short)

    def _place(self) -> ChangeView:
        old, new = self.old.where, self.new.where
        if old == new:
            old, new = (self._with_online(one) for one in (self.old, self.new))
        said = ("news_place",) if new else ()
        view = self._view(Change.PLACE, "where", old, new, news=said)
        venues = [one.venue for one in (self.old, self.new) if one.venue]
        match venues:
            case [before, after] if before != after:
                return replace(view, before_short=before, after_short=after)
        return view

    def _link(self) -> ChangeView:
        old, new = (
            one.registration_url or (one.url if one.online else None)
            for one in (self.old, self.new)
        )
        said = ("news_link",) if new else ()
        return self._view(Change.LINK, "link", old or "", new or "", news=said)

    def _with_online(self, event: EventView) -> str:
        if not event.online:
            return event.where
        return self._text("and_online", where=event.where)

    def _news_of_move(self) -> str:
        old, new = self.old.start, self.new.start
        is_same_day = old and new and old.date() == new.date()
        return "news_time" if is_same_day else "news_date"

    def _view(
        self,
        kind: str,
        label: str,
        before: str,
        after: str,
        *,
        news: tuple[str, ...] = (),
    ) -> ChangeView:
        before, after = before or self._text("unsaid"), after or self._text("unsaid")
        return ChangeView(
            kind=kind,
            label=self._text(label),
            before=before,
            after=after,
            before_short=before,
            after_short=after,
            news=tuple(map(self._text, news)),
        )

    def _text(self, key: str, **values: object) -> str:
        return self.reader.words.text(key, **values)
