"""
An audience in a CSV file: one person a row, `email` and any other columns.

Spreadsheets write commas, semicolons or tabs, with or without a byte-order mark, and
in UTF-8 or Windows-1252; all are read. A row with a bad address is left out with a
problem at its line; the others stand. Nothing is looked up in the network.
Source: RFC 4180; addresses by email-validator (RFC 5321, 5322, 6531).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from email_validator import EmailNotValidError, validate_email

from tambour.errors import UsageError
from tambour.ledger.records import normalise
from tambour.model import Recipient
from tambour.problems import Problem

EMAIL_COLUMNS = ("email", "e-mail", "mail", "courriel", "adresse e-mail")
NAME_COLUMNS = ("name", "nom", "prénom", "prenom", "first_name")
LANGUAGE_COLUMNS = ("language", "langue", "lang")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[a-z0-9]+)*$")
_SIMPLE = re.compile(
    r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*"
    r"@((?!-|xn--)[a-z0-9-]{1,63}(?<!-)\.)+[a-z]{2,}"
)
"""Plain addresses, checked ten times faster than the full grammar."""
_RESERVED = (".test", ".example", ".invalid", ".localhost")


def load_csv(
    path: Path, *, shown: str, default_language: str
) -> tuple[tuple[Recipient, ...], tuple[Problem, ...]]:
    """
    Return the people in the file, each address once, and what is wrong with it.

    Args:
        shown: the path as problems name it.
        default_language: for a row that names none.

    """
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        mend = "check the path in config.yaml and the file's rights"
        reason = f"{error.strerror}"
        return (), (_problem(shown, 0, "E501", reason, mend),)
    reading = _Reading(shown, default_language)
    try:
        people = tuple(reading.people(text))
    except csv.Error as error:
        mend = "close the quotes, or save the file again as CSV"
        return (), (_problem(shown, reading.row_line, "E501", str(error), mend),)
    if not people and not reading.problems:
        mend = "add a row with an address under the column names"
        reading.add(0, "W502", "there is no address in the file", mend)
    return people, tuple(reading.problems)


def require_address(text: str) -> None:
    """
    Refuse what a person typed and no message can be sent to.

    Raises:
        UsageError: saying what is wrong with it.

    """
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        msg = f"{text!r} is not an address: {error}"
        raise UsageError(msg) from None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _problem(path: str, line: int, code: str, message: str, mend: str) -> Problem:
    return Problem(path=path, line=line, code=code, message=message, help=mend)


@dataclass(slots=True)
class _Columns:
    names: list[str]
    email: int
    name: int | None
    language: int | None

    def others(self, row: list[str]) -> dict[str, str]:
        taken = (self.email, self.name, self.language)
        pairs = enumerate(zip(self.names, row, strict=False))
        return {k: v.strip() for i, (k, v) in pairs if i not in taken and k}


@dataclass(slots=True)
class _Reading:
    shown: str
    default_language: str
    problems: list[Problem] = field(default_factory=list)
    row_line: int = 1
    """Where the row that is being read begins."""

    def add(self, line: int, code: str, message: str, mend: str) -> None:
        self.problems.append(_problem(self.shown, line, code, message, mend))

    def people(self, text: str) -> Iterator[Recipient]:
        # Lax, a quote left open would make one person's name of all rows below it.
        mark = _delimiter(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        columns = self._columns(next(rows, []))
        if columns is None:
            return
        seen: dict[str, int] = {}
        self.row_line = rows.line_num + 1
        for row in rows:
            _refuse_swallowed(row, mark)
            self.row_line = rows.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            person = self._person(columns, row, rows.line_num)
            if person is None:
                continue
            key = normalise(person.address)
            if key in seen:
                said = f"{person.address} already stands at line {seen[key]}"
                mend = "delete one; the first is used, once"
                self.add(rows.line_num, "W501", said, mend)
                continue
            seen[key] = rows.line_num
            yield person

    def _columns(self, header: list[str]) -> _Columns | None:
        names = [cell.strip() for cell in header]
        lower = [name.casefold() for name in names]

        def find(known: tuple[str, ...]) -> int | None:
            return next((lower.index(name) for name in known if name in lower), None)

        email = find(EMAIL_COLUMNS)
        if email is None:
            given = ", ".join(filter(None, names)) or "nothing"
            mend = "let the first line name the columns: email,name,language"
            self.add(1, "E502", f"no email column among: {given}", mend)
            return None
        return _Columns(names, email, find(NAME_COLUMNS), find(LANGUAGE_COLUMNS))

    def _person(self, columns: _Columns, row: list[str], line: int) -> Recipient | None:
        if len(row) > len(columns.names):
            mend = "put quotes around a field that contains the separator"
            said = f"{len(row)} fields, but {len(columns.names)} columns"
            self.add(line, "E504", said, mend)
            return None
        row = row + [""] * (len(columns.names) - len(row))
        address = self._address(row[columns.email].strip(), line)
        language = self._language(row, columns, line)
        if address is None or language is None:
            return None
        return Recipient(
            address=address,
            name="" if columns.name is None else " ".join(row[columns.name].split()),
            language=language,
            fields=columns.others(row),
        )

    def _address(self, text: str, line: int) -> str | None:
        if _SIMPLE.fullmatch(text) and not text.endswith(_RESERVED):
            return text
        try:
            return validate_email(
                text, check_deliverability=False, test_environment=True
            ).normalized
        except EmailNotValidError as error:
            said = f"{text!r} is not an address: {error}" if text else "no address"
            self.add(line, "E503", said, "correct it or delete the row")
            return None

    def _language(self, row: list[str], columns: _Columns, line: int) -> str | None:
        if columns.language is None or not row[columns.language].strip():
            return self.default_language
        code = row[columns.language].strip().casefold().replace("_", "-")
        if _LANGUAGE.match(code):
            return code
        said = f"{row[columns.language]!r} is not a language"
        self.add(line, "E505", said, "write a code such as fr or en, or nothing")
        return None


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


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)
