"""
Whether this ledger may be sent with: is it the latest one, at home, in a time it knows?

Keeps what that takes as notes in the ledger, and a journal beside it. Reads no clock;
who sends hands in what the clocks said. Every method raises `LedgerError` when a file
cannot be used.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tambour.ledger.database import Database
from tambour.ledger.home import Home, home_of, read_home
from tambour.ledger.journal import (
    Mark,
    journal_path,
    read_journal,
    read_mark,
    write_journal,
)
from tambour.ledger.queries import notes
from tambour.model import ClockMemory, Reading, Reason
from tambour.planning import stops
from tambour.planning.clocks import Judgement, believed, judge

_CLOCK, _HOME, _MARK = "clock", "home", "mark"
_READINGS = ("highest", "last", "doubted")


class Standing:
    """What the ledger knows of itself; one in memory is always the latest, at home."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = database.path

    def stop(self, *, machine: str | None = None) -> Reason | None:
        """
        Return why nothing may leave, if so; changes nothing.

        *machine* is a name for this one, where its own id is not to be trusted.
        """
        return self.doubt(machine=machine) or stops.clock_jumped(self.clock())

    def doubt(self, *, machine: str | None = None) -> Reason | None:
        """Return why the ledger itself may not be the one to send with, if so."""
        if self._path is None:
            return None
        # The journal first: whoever marks writes it last, and may do so just now.
        journal = read_journal(journal_path(self._path))
        kept = self._notes()
        return _outdated(self._path, _mark_in(kept), journal) or _copied(
            kept, home_of(self._path, machine=machine)
        )

    def clock(self) -> ClockMemory:
        """Return what is remembered of the clocks."""
        return _clock_in(self._notes())

    def judge_clock(self, reading: Reading) -> Judgement:
        """Judge the clocks, and remember them."""
        # In one transaction: what a person says in between must not be undone.
        with self._database.write() as connection:
            judged = judge(_clock_in(_notes_in(connection)), reading)
            _keep_in(connection, _CLOCK, _clock_in_text(judged.memory))
        return judged

    def believe_clock(self, reading: Reading) -> None:
        """Remember that a person said the clock is right."""
        self._keep(_CLOCK, _clock_in_text(believed(reading)))

    def settle_in(self, *, machine: str | None = None) -> None:
        """Remember where the ledger is; call it only where it may be."""
        if self._path is None:
            return
        here = home_of(self._path, machine=machine).in_text()
        if self._notes().get(_HOME) != here:
            self._keep(_HOME, here)

    def mark(self, now: datetime) -> None:
        """
        Note that something is about to leave, or is leaving, in ledger and journal.

        A copy of the ledger made before is known from then on. Call it with the
        instance lock.
        """
        if self._path is None:
            return
        journal = journal_path(self._path)
        kept, noted = _mark_in(self._notes()), read_journal(journal)
        if kept is not None and (noted is None or noted.number < kept.number):
            write_journal(journal, kept)  # it was cut off here the last time
        self._advance(kept.number + 1 if kept else 1, now)

    def marked_at(self) -> datetime | None:
        """Return when the last mark was made."""
        kept = _mark_in(self._notes())
        return kept.at if kept else None

    def accept(self, now: datetime, *, machine: str | None = None) -> None:
        """Take the ledger as the latest one, at home where it is."""
        self.settle_in(machine=machine)
        if self._path is None:
            return
        found = (_mark_in(self._notes()), read_journal(journal_path(self._path)))
        self._advance(1 + max((m.number for m in found if m), default=0), now)

    def _advance(self, number: int, now: datetime) -> None:
        """Keep a mark here, then there: a kill between them must not look like age."""
        mark = Mark(number=number, at=now)
        self._keep(_MARK, mark.in_text())
        if self._path is not None:
            write_journal(journal_path(self._path), mark)

    def _notes(self) -> dict[str, str]:
        with self._database.read() as connection:
            return _notes_in(connection)

    def _keep(self, name: str, value: str) -> None:
        with self._database.write() as connection:
            _keep_in(connection, name, value)


def _notes_in(connection: sa.Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(notes.NOTES)}


def _keep_in(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(notes.KEEP_NOTE, {"key": name, "value": value})


def _outdated(path: Path, kept: Mark | None, journal: Mark | None) -> Reason | None:
    """Compare the ledger's mark with the journal's: it may be ahead by one, no more."""
    number = kept.number if kept else 0
    if journal is not None and number < journal.number:
        return stops.ledger_outdated(kept.at if kept else None, journal.at)
    belongs = journal is not None and number - journal.number <= 1
    if kept is None or belongs:
        return None
    return stops.journal_unfit(str(journal_path(path)), kept.at)


def _copied(kept: dict[str, str], here: Home) -> Reason | None:
    home = read_home(kept.get(_HOME, ""))
    if home is None or not home.is_elsewhere(here):
        return None
    return stops.ledger_copied(home.host, home.path)


def _mark_in(kept: dict[str, str]) -> Mark | None:
    return read_mark(kept.get(_MARK, ""))


def _clock_in_text(memory: ClockMemory) -> str:
    found = {name: getattr(memory, name) for name in _READINGS}
    return json.dumps(
        {
            name: [reading.wall.isoformat(), reading.boot, reading.elapsed]
            for name, reading in found.items()
            if reading is not None
        }
    )


def _clock_in(kept: dict[str, str]) -> ClockMemory:
    """Return what `_clock_in_text` wrote."""
    found = json.loads(kept.get(_CLOCK, "{}"))
    return ClockMemory(
        **{
            name: Reading(wall=datetime.fromisoformat(wall), boot=boot, elapsed=elapsed)
            for name, (wall, boot, elapsed) in found.items()
        }
    )
