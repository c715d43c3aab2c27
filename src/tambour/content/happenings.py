"""
What an event's file gives: one event, or one for each time that it takes place.

Reads nothing itself. A held event is one only: what it would give is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tambour.content.findings import Findings
from tambour.content.recurrence import Window
from tambour.content.series import Series
from tambour.model import Event, EventStatus
from tambour.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """
    A file's event and problems; *id_line* is where its id stands, for duplicates.

    One that takes place several times has a series, or its sessions.
    """

    event: Event
    problems: tuple[Problem, ...]
    id_line: int
    series: Series | None = None
    sessions: tuple[Event, ...] = ()

    def changed_at(self, moment: datetime | None) -> EventFile:
        """Return it with the time at which its file was last changed."""
        return replace(
            self,
            event=replace(self.event, modified=moment),
            sessions=tuple(replace(one, modified=moment) for one in self.sessions),
        )

    def takes_place(
        self, window: Window | None
    ) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
        """Return each time it takes place within *window*, and what is wrong."""
        if self.event.status is EventStatus.HELD:
            return (self.event,), ()
        if self.series is None:
            return self.sessions or (self.event,), ()
        events, wrong = self.series.occurrences(self.event, window)
        if wrong is None:
            return events, ()
        findings = Findings(self.event.path.partition("#")[0])
        mend = "give it an end, or list its dates; the event is left out until then"
        findings.add("E215", self.series.line, wrong, mend=mend)
        return events, findings.problems
