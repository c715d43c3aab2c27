"""
One event file read into an `Event`, with everything that is wrong in it.

A file always gives an event: held when it has an error, hidden when its site hides
it, so that a broken file is never taken for a deleted one. Renders no Markdown body.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tambour.config import SourceSettings
from tambour.content.coercion import (
    WEEKDAY_NAMES,
    DateError,
    NamedDay,
    clean_line,
    named_days,
    read_boolean,
    read_date,
)
from tambour.content.findings import Findings
from tambour.content.front_matter import FrontMatterError, Page, read_page
from tambour.content.happenings import EventFile
from tambour.content.links import (
    LinkError,
    absolute_link,
    file_date,
    is_bare_host,
    page_link,
    unknown_placeholders,
)
from tambour.content.mapping import Found, Reading
from tambour.content.repeating import read_series
from tambour.content.series import part_of, stamp
from tambour.content.shortcodes import shortcodes
from tambour.content.terms import Dialect, Patterns
from tambour.content.times import Times, read_times
from tambour.model import Detail, Event, EventId, EventStatus, Site
from tambour.problems import Problem, Severity

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)
_TRAILING_COLON = re.compile(r"[\s:]+$")
_SHOWN_CODES = 3
_TOLD_IN = ("title", "summary", "time_text", "image_alt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where event files come from, and how to read them."""

    source: SourceSettings
    site: Site
    dialect: Dialect


def read_event(raw: bytes, *, path: str, name: str, origin: Origin) -> EventFile:
    """
    Return what the file says.

    Args:
        path: for people, relative to the project.
        name: relative to the source's folder, with slashes; makes the id.

    """
    findings = Findings(path)
    try:
        page = read_page(raw)
    except FrontMatterError as error:
        code = "E202" if error.is_readable else "E201"
        findings.add(code, error.line, str(error))
        return unread_event(path=path, name=name, origin=origin, findings=findings)
    return _EventReader(page, name, origin, findings).read()


def unread_event(
    *, path: str, name: str, origin: Origin, findings: Findings
) -> EventFile:
    """Return the held event of a file that could not be read at all."""
    event = Event(
        id=_default_id(name, origin),
        source=origin.source.id,
        path=path,
        title="",
        start=None,
        timezone=origin.site.timezone,
        language=origin.site.language,
        status=EventStatus.HELD,
    )
    return EventFile(event=event, problems=findings.problems, id_line=0)


def _default_id(name: str, origin: Origin) -> EventId:
    stem = PurePosixPath(name).with_suffix("")
    return EventId(f"{origin.source.id}/{stem}")


class _EventReader:
    """One page's values, field by field; or those of a session on it."""

    def __init__(
        self,
        page: Page,
        name: str,
        origin: Origin,
        findings: Findings,
        session: Reading | None = None,
    ) -> None:
        self.page = page
        self.name = name
        self.site = origin.site
        self.origin = origin
        self.rules = origin.dialect.rules
        self.findings = findings
        self.reading = session or Reading(page, origin.dialect)

    def read(self) -> EventFile:
        """Return the event, held if anything is an error."""
        given_id = self.reading.text("id")
        sessions = list(self.reading.parts("sessions"))
        if any(one.text("start") for one in sessions):
            return self._in_sessions(sessions)
        zone = self._zone()
        times = read_times(
            self.reading, rules=self.rules, zone=zone, findings=self.findings
        )
        series = read_series(self.reading, times, zone=zone, findings=self.findings)
        event = self._event(given_id, zone, times)
        self._check_named_days(event)
        self._check_page()
        return EventFile(
            event=event,
            problems=softened(self.findings.problems, event),
            id_line=given_id.line if given_id else 0,
            series=series,
        )

    def _in_sessions(self, sessions: list[Reading]) -> EventFile:
        """Return the event as its sessions, each of which takes place by itself."""
        given_id = self.reading.text("id")
        self._check_page()
        for field in ("rrule", "rdate"):
            found = self.reading.text(field)
            if found is not None:
                message = f"an event with sessions has no {field}"
                mend = "list what takes place as sessions"
                self.findings.add("E215", found.line, message, mend=mend)
        whole = self._event(given_id, self._zone(), Times())
        events: dict[str, Event] = {}
        problems = list(softened(self.findings.problems, whole))
        for session in sessions:
            findings = Findings(self.findings.path)
            reader = _EventReader(self.page, self.name, self.origin, findings, session)
            one = reader.session()
            own = session.text("id")
            at = stamp(one.start, all_day=one.all_day) if one.start else None
            name = own.text if own else at
            if name in events:
                message = f"two sessions here go by the name of {name}"
                mend = "give each an id of its own; until then all are held"
                findings.add("E209", session.line("start"), message, mend=mend)
            problems += softened(findings.problems, one)
            if name is None or name in events:  # which of them it was is not known
                whole = replace(whole, status=EventStatus.HELD)
            else:
                events[name] = part_of(one, whole, name)
        return EventFile(
            event=whole,
            problems=tuple(sorted(problems)),
            id_line=given_id.line if given_id else 0,
            sessions=tuple(events.values()),
        )

    def session(self) -> Event:
        """Return the event that one session is."""
        zone = self._zone()
        times = read_times(
            self.reading, rules=self.rules, zone=zone, findings=self.findings
        )
        event = self._event(None, zone, times)
        self._check_named_days(event)
        return event

    def _event(self, given_id: Found | None, zone: ZoneInfo, times: Times) -> Event:
        summary = self.reading.text("summary")
        image = self._link("image")
        return Event(
            id=(
                EventId(given_id.text)
                if given_id
                else _default_id(self.name, self.origin)
            ),
            source=self.origin.source.id,
            path=self.findings.path,
            title=self._title(),
            start=times.start,
            end=times.end,
            all_day=times.all_day,
            timezone=zone.key,
            venue=self._plain("venue"),
            address=self._plain("address"),
            url=self._url(),
            registration_url=self._link("registration_url"),
            image=image,
            image_alt=self._plain("image_alt") if image else None,
            summary=summary.text if summary else None,
            body=self.page.body,
            tags=self.reading.words("tags"),
            language=self._language(),
            details=self._details(),
            online=self._is_true("online") or self._fits(self.rules.online_if),
            organizer=self._plain("organizer"),
            status=self._status(),  # the last: it asks whether all went well
        )

    def _plain(self, field: str) -> str | None:
        found = self.reading.text(field)
        return found.text if found else None

    def _title(self) -> str:
        found = self.reading.text("title")
        if found is None:
            line = self.page.document.line(())
            mend = f"add a line: {self.reading.key('title')}: …"
            self.findings.add("E210", line, "there is no title", mend=mend)
        return found.text if found else ""

    def _zone(self) -> ZoneInfo:
        found = self.reading.text("timezone")
        if found is None:
            return self.site.zone
        try:
            return ZoneInfo(found.text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            names = sorted(available_timezones())
            close = difflib.get_close_matches(found.text, names, n=1)
            mend = f"did you mean {close[0]}?" if close else "write it as Europe/Paris"
            message = f"{found.text!r} is not a time zone"
            self.findings.add("E207", found.line, message, mend=mend)
            return self.site.zone

    def _language(self) -> str:
        found = self.reading.text("language")
        if found is None:
            return self.site.language
        tag = found.text.replace("_", "-")
        if not _LANGUAGE.fullmatch(tag):
            message = f"{found.text!r} is not a language"
            mend = "write it as fr or en-GB"
            self.findings.add("W208", found.line, message, mend=mend)
            return self.site.language
        primary, *rest = tag.split("-")
        return "-".join([primary.casefold(), *rest])

    def _is_true(self, field: str) -> bool:
        found = self.reading.text(field)
        return bool(found and read_boolean(found.text))

    def _fits(self, patterns: Patterns) -> bool:
        for field, pattern in patterns:
            found = self.reading.text(field)
            if found is not None and pattern.search(found.text):
                return True
        return False

    def _status(self) -> EventStatus:
        published = self.reading.text("published")
        is_kept_back = published is not None and read_boolean(published.text) is False
        if is_kept_back or self._is_true("draft"):
            return EventStatus.HIDDEN
        if self.findings.has_error:
            return EventStatus.HELD
        if self._is_true("cancelled") or self._fits(self.rules.cancelled_if):
            return EventStatus.CANCELLED
        if self._is_true("postponed") or self._fits(self.rules.postponed_if):
            return EventStatus.POSTPONED
        return EventStatus.SCHEDULED

    # ── links ────────────────────────────────────────────────────────────────

    def _link(self, field: str) -> str | None:
        found = self.reading.text(field)
        return self._absolute(found) if found else None

    def _absolute(self, found: Found) -> str | None:
        try:
            link = absolute_link(found.text, site_url=self.site.url)
        except LinkError as error:
            self.findings.add("W205", found.line, f"{error}; the link is left out")
            return None
        if is_bare_host(found.text):
            message = f"{found.text!r} has no https://, which is added"
            self.findings.add("W205", found.line, message, mend=f"write {link}")
        return link

    def _url(self) -> str | None:
        found = self.reading.text("url")
        permalink = self.origin.source.permalink or self.rules.permalink
        if found is not None and ":" in found.text and found.text.startswith("/"):
            permalink, found = found.text, None
        if found is not None and "{" not in found.text:
            return self._absolute(found)
        if permalink is None or unknown_placeholders(permalink):
            return None
        slug = self.reading.text("slug")
        return page_link(
            permalink,
            path=self.name,
            slug=slug.text if slug else None,
            day=self._page_day(),
            site_url=self.site.url,
        )

    def _page_day(self) -> date | None:
        found = self.reading.text("page_date")
        try:
            return read_date(found.text).day if found else file_date(self.name)
        except DateError:
            return None

    # ── the rest ─────────────────────────────────────────────────────────────

    def _details(self) -> tuple[Detail, ...]:
        return tuple(
            Detail(
                label=_TRAILING_COLON.sub("", extra.label.text),
                text=extra.text.text if extra.text else "",
                url=self._absolute(extra.url) if extra.url else None,
            )
            for extra in self.reading.extras()
        )

    def _check_named_days(self, event: Event) -> None:
        """Warn of a day told in words whose weekday or year cannot be right."""
        if event.start is None:
            return
        days = [event.start.date()] + ([event.end.date()] if event.end else [])
        texts = [self.reading.text(field) for field in _TOLD_IN]
        texts += [extra.text for extra in self.reading.extras()]
        for found in filter(None, texts):
            for named in named_days(found.text):
                for day in days:
                    message = _misfit(named, day)
                    if message:
                        self.findings.add("W204", found.line, message)

    def _check_page(self) -> None:
        for path, line in self.page.document.duplicates:
            message = f"{path[-1]!r} is given twice; the last one counts"
            self.findings.add("W207", line, message)
        if "{{" not in self.page.body and "{%" not in self.page.body:
            return
        codes = shortcodes(self.page.body)
        if codes:
            names = list(dict.fromkeys(name for _, name in codes))
            shown = ", ".join(clean_line(name) for name in names[:_SHOWN_CODES])
            more = f" and {len(names) - _SHOWN_CODES} more" * (
                len(names) > _SHOWN_CODES
            )
            self.findings.add(
                "W206",
                self.page.body_line + codes[0][0] - 1,
                f"the body has codes that only its site runs: {shown}{more}",
            )


def _misfit(named: NamedDay, day: date) -> str | None:
    if (named.day, named.month) != (day.day, day.month):
        return None
    if named.year not in (None, day.year):
        return f"the date is {day}, the text says the year {named.year}"
    if named.weekday is not None and named.weekday != day.weekday():
        return f"{day} is a {day:%A}, the text says {WEEKDAY_NAMES[named.weekday]}"
    return None


def softened(problems: tuple[Problem, ...], event: Event) -> tuple[Problem, ...]:
    """Return the problems of *event*, which are none of weight while it is hidden."""
    if event.status is not EventStatus.HIDDEN:
        return problems
    return tuple(map(_softened, problems))


def _softened(problem: Problem) -> Problem:
    """Return what an error is worth in a file that its site does not show."""
    if problem.severity is not Severity.ERROR:
        return problem
    return Problem(
        path=problem.path,
        line=problem.line,
        code="W209",
        message=f"{problem.message}; the event is hidden for now",
        help=problem.help,
        note=problem.note,
    )
