"""
An audience in a CSV file: one person a row, `email` and any other columns.

Spreadsheets write commas, semicolons or tabs, with or without a byte-order mark, and
in UTF-8 or Windows-1252; all are read. A row with a bad address is left out with a
problem at its line; the others stand. The file is read as a stream, first to judge it
and then by whoever walks the audience: of a million rows, a byte each is kept.
Source: RFC 4180.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, compress
from pathlib import Path
from typing import TYPE_CHECKING

from tambour.audience.columns import BadRow, Columns, find_columns
from tambour.audience.complaints import Complaints
from tambour.audience.people import Audience
from tambour.audience.repeats import Repeats, print_of
from tambour.audience.text_file import FileChanged, TextFile, look_at
from tambour.errors import UserError
from tambour.ledger.records import normalise
from tambour.model import Recipient
from tambour.problems import Problem

if TYPE_CHECKING:
    from _csv import Reader


def load_csv(path: Path, *, shown: str, default_language: str) -> Audience:
    """
    Return the people in the file, each address once, and what is wrong with it.

    Args:
        shown: the path as problems name it.
        default_language: for a row that names none.

    """
    try:
        scan = _Scan(look_at(path), Complaints(shown), default_language)
    except OSError as error:
        return _broken(_unreadable(shown, error))
    try:
        return scan.audience()
    except OSError as error:
        return _broken(_unreadable(shown, error))
    except (FileChanged, UnicodeDecodeError):
        return _broken(_changed(shown))
    except BadRow as bad:
        (fault,) = bad.faults
        return _broken(_problem(shown, 1, fault.code, fault.message, fault.mend))
    except csv.Error as error:
        mend = "close the quotes, or save the file again as CSV"
        line = scan.line + 1
        return _broken(_problem(shown, line, "E501", str(error), mend))


@dataclass(slots=True)
class _Scan:
    """
    Judges every row of a file.

    `line` is where the last row that was read ends; `kept` has a 1 for each row below
    the names that is somebody, and a 0 for each that is left out.
    """

    file: TextFile
    complaints: Complaints
    default_language: str
    line: int = 0
    kept: bytearray = field(default_factory=bytearray)
    languages: Counter[str] = field(default_factory=Counter)

    def audience(self) -> Audience:
        """
        Read the file to its end, and once more when addresses are repeated.

        Raises:
            BadRow: no column has addresses.
            csv.Error: it is no CSV.
            FileChanged: somebody is writing it.
            OSError: it cannot be read.

        """
        repeats = Repeats()
        with _opened(self.file) as (mark, rows):
            columns = find_columns(
                next(rows, []), default_language=self.default_language
            )
            self.line = rows.line_num
            for address in self._addresses(columns, mark, rows):
                repeats.add(normalise(address))
        for suspects in repeats.suspects():
            self._drop_repeats(columns, suspects)
        size = self.languages.total()
        if not size and not self.complaints.all():
            mend = "add a row with an address under the column names"
            self.complaints.add(0, "W502", "there is no address in the file", mend)
        shown = self.complaints.path
        return Audience(
            size=size,
            languages=tuple(sorted(+self.languages)),
            columns=tuple(name for name, _ in columns.others),
            walk=partial(_people, self.file, columns, self.kept, shown),
            problems=self.complaints.all(),
            is_broken=not size and self.complaints.has_error,
        )

    def _addresses(self, columns: Columns, mark: str, rows: Reader) -> Iterator[str]:
        who, keep, languages = columns.who, self.kept.append, self.languages
        for row in rows:
            line = rows.line_num
            if line > self.line + 1:
                _refuse_swallowed(row, mark)
            self.line = line
            try:
                person = who(row)
            except BadRow as bad:
                person = None
                for fault in bad.faults:
                    self.complaints.add(line, fault.code, fault.message, fault.mend)
            keep(person is not None)
            if person is not None:
                languages[person[1]] += 1
                yield person[0]

    def _drop_repeats(self, columns: Columns, suspects: set[int]) -> None:
        """Leave out the later ones of rows that have one address."""
        first: dict[str, int] = {}
        with _opened(self.file) as (_, rows):
            next(rows, None)
            for number, row in compress(enumerate(rows), self.kept):
                address, language = _certain(columns, row)
                key = normalise(address)
                if print_of(key) not in suspects:
                    continue
                if key in first:
                    said = f"{address} already stands at line {first[key]}"
                    mend = "delete one; the first is used, once"
                    self.complaints.add(rows.line_num, "W501", said, mend)
                    self.languages[language] -= 1
                    self.kept[number] = 0
                else:
                    first[key] = rows.line_num


def _people(
    file: TextFile, columns: Columns, kept: bytearray, shown: str
) -> Iterator[Recipient]:
    try:
        with _opened(file) as (_, rows):
            next(rows, None)
            for row in compress(rows, kept):
                address, language = _certain(columns, row)
                yield columns.recipient(row, address, language)
    except (FileChanged, UnicodeDecodeError, csv.Error) as error:
        problem = _changed(shown)
        raise UserError(_said(problem), (problem,)) from error
    except OSError as error:
        problem = _unreadable(shown, error)
        raise UserError(_said(problem), (problem,)) from error


def _certain(columns: Columns, row: list[str]) -> tuple[str, str]:
    """Return who is in a row that was somebody before."""
    try:
        person = columns.who(row)
    except BadRow as bad:
        raise FileChanged from bad
    if person is None:
        raise FileChanged
    return person


@contextmanager
def _opened(file: TextFile) -> Iterator[tuple[str, Reader]]:
    """Give the separator and the rows, the names of the columns first."""
    with file.opened() as text:
        first = text.readline()
        mark = max(",;\t", key=first.count)
        # Lax, a quote left open would make one person's name of all rows below it.
        yield mark, csv.reader(chain([first], text), delimiter=mark, strict=True)


def _refuse_swallowed(row: list[str], mark: str) -> None:
    """
    Refuse a row that holds another one.

    Raises:
        csv.Error: somebody's quotes were closed in a later row only.

    """
    for cell in row:
        if any("@" in line and mark in line for line in cell.splitlines()[1:]):
            msg = "one field holds the rows below it: is a quote missing?"
            raise csv.Error(msg)


# ── what is wrong with the file as a whole ──────────────────────────────────────


def _changed(shown: str) -> Problem:
    said = "the file changed while it was read"
    return _problem(shown, 0, "E506", said, "let it rest, then it is read again")


def _unreadable(shown: str, error: OSError) -> Problem:
    mend = "check the path in config.yaml and the file's rights"
    return _problem(shown, 0, "E501", f"{error.strerror}", mend)


def _said(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}"


def _problem(path: str, line: int, code: str, message: str, mend: str) -> Problem:
    return Problem(path=path, line=line, code=code, message=message, help=mend)


def _broken(problem: Problem) -> Audience:
    return Audience(
        size=0,
        languages=(),
        columns=(),
        walk=partial(iter, ()),
        problems=(problem,),
        is_broken=True,
    )
