"""
What becomes of a feed's answer: the new copy, or a note why the old one stands.

Never trades a good copy for a worse one in haste: an answer that is no calendar changes
nothing, and one that suddenly lacks most of what is to come must come twice. What then
vanishes is for planning to judge. Knows no event by heart; compares what copies say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tambour.config import Config, SourceSettings
from tambour.content.dialects import load_dialect
from tambour.content.event_file import Origin
from tambour.content.feed_copies import (
    FeedState,
    copy_path,
    load_state,
    save_state,
    write_whole,
    written,
)
from tambour.content.findings import Findings
from tambour.content.ics_file import CalendarFile, read_calendar
from tambour.content.recurrence import Window
from tambour.feeds.fetching import Fetched, Patience, fetch
from tambour.model import Event
from tambour.problems import Problem

_Key = tuple[str, datetime | None]


def refresh_feeds(
    config: Config, *, now: datetime, patience: Patience
) -> tuple[Problem, ...]:
    """
    Fetch each feed whose `refresh` is over, and keep what is good.

    What servers do is noted beside the copies, where whoever reads the project finds
    it.

    Returns: what could not be kept on the disk.

    """
    problems: list[Problem] = []
    for source in config.sources:
        if source.url is None:
            continue
        try:
            _Feed(config, source, source.url.get_secret_value()).refresh(now, patience)
        except OSError as error:
            findings = Findings(f"{config.feeds.name}/{source.id}.ics")
            said = f"the feed cannot be kept: {error.strerror}"
            findings.add("W211", 0, said, mend="make room, or mend the rights")
            problems += findings.problems
    return tuple(problems)


class _Feed:
    """One feed, its copy and its note."""

    def __init__(self, config: Config, source: SourceSettings, url: str) -> None:
        self._folder = config.feeds
        self._source = source
        self._url = url
        self._origin = _origin(config, source)
        self._state = load_state(self._folder, source.id)

    @property
    def _copy(self) -> Path:
        return copy_path(self._folder, self._source.id)

    def refresh(self, now: datetime, patience: Patience) -> None:
        """Ask the server if it is time to; note what came of it."""
        address = hashlib.sha256(self._url.encode()).hexdigest()
        if address != self._state.address:  # another address: nothing said holds of it
            self._state = FeedState(address=address, good_at=self._state.good_at)
        elif not self._is_due(now):
            return
        fetched = fetch(self._url, known=self._validators(), patience=patience)
        state = self._judged(fetched, now)
        save_state(self._folder, self._source.id, replace(state, asked_at=written(now)))

    def _is_due(self, now: datetime) -> bool:
        asked = self._state.asked
        # Asked in the future: the clock was wrong then, or is now.
        return asked is None or not asked <= now < asked + self._source.refresh

    def _validators(self) -> Mapping[str, str]:
        state = self._state
        if state.shrunk or not self._copy.is_file():
            return {}
        headers = {
            "If-None-Match": state.etag,
            "If-Modified-Since": state.last_modified,
        }
        return {name: value for name, value in headers.items() if value}

    def _judged(self, fetched: Fetched, now: datetime) -> FeedState:
        """Return what is to be noted, once a new copy is kept where it is good."""
        state = self._state
        if fetched.failure:
            return replace(state, failure=fetched.failure)
        if fetched.is_unchanged:
            return replace(state, failure="", good_at=written(now))
        answer = self._read(fetched.content)
        if not answer.is_read:
            said = answer.problems[0]
            why = f"what came is no whole calendar: line {said.line}: {said.message}"
            return replace(state, failure=why)
        loss = self._loss(answer, now)
        if loss and not state.shrunk:
            return replace(state, failure="", shrunk=loss)
        write_whole(self._copy, fetched.content)
        return replace(
            state,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            good_at=written(now),
            failure="",
            shrunk="",
        )

    def _loss(self, answer: CalendarFile, now: datetime) -> str:
        """Say how many events to come are gone, if they are more than half."""
        try:
            before = self._read(self._copy.read_bytes())
        except FileNotFoundError:
            return ""
        coming = [one for one in _events(before, now) if one.start and one.start > now]
        there = {key for one in _events(answer, now) for key in _keys(one)}
        gone = sum(there.isdisjoint(_keys(one)) for one in coming)
        if 2 * gone <= len(coming):
            return ""
        return f"{gone} of {len(coming)} coming events are gone from the feed at once"

    def _read(self, content: bytes) -> CalendarFile:
        return read_calendar(content, path=self._copy.name, origin=self._origin)


def _origin(config: Config, source: SourceSettings) -> Origin:
    findings = Findings("")
    dialect, _ = load_dialect(
        source.dialect, root=config.root, findings=findings, line=0
    )
    if dialect is None:  # its problem is shown to whoever reads the project
        dialect, _ = load_dialect("auto", root=config.root, findings=findings, line=0)
    if dialect is None:
        msg = "the preset auto is missing"
        raise LookupError(msg)
    return Origin(source=source, site=config.site_facts(), dialect=dialect)


def _events(calendar: CalendarFile, now: datetime) -> list[Event]:
    window = Window.around(now)
    return [event for file in calendar.files for event in file.takes_place(window)[0]]


def _keys(event: Event) -> frozenset[_Key]:
    """Return by what an event is known: its name, or its title and time."""
    return frozenset({(event.id, None), (event.title, event.start)})
