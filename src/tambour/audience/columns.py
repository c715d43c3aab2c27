"""
What the columns of a sheet of people mean, and what may stand in a row.

Knows neither files nor how a sheet is written down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError

from tambour.audience.addresses import read_address
from tambour.model import Recipient

EMAIL_COLUMNS = ("email", "e-mail", "mail", "courriel", "adresse e-mail")
NAME_COLUMNS = ("name", "nom", "prénom", "prenom", "first_name")
LANGUAGE_COLUMNS = ("language", "langue", "lang")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[a-z0-9]+)*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why nobody can be made of a row: a problem without its place."""

    code: str
    message: str
    mend: str


class BadRow(Exception):  # noqa: N818 - the row is at fault, not the program
    """A row of which nobody can be made."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where in a row each thing stands; `others` are those that become `fields`."""

    width: int
    email: int
    name: int | None
    language: int | None
    others: tuple[tuple[str, int], ...]
    default_language: str

    def who(self, row: list[str]) -> tuple[str, str] | None:
        """
        Return a row's address and language, None for a blank one; fill up a short one.

        Raises:
            BadRow: saying all that is wrong with it.

        """
        is_whole = len(row) == self.width
        text = row[self.email].strip() if is_whole else ""
        if not text and not any(map(str.strip, row)):
            return None
        if not is_whole:
            self._fill(row)
            text = row[self.email].strip()
        try:
            return read_address(text), self._language(row)
        except (EmailNotValidError, BadRow):
            raise BadRow(*self._faults(row, text)) from None

    def recipient(self, row: list[str], address: str, language: str) -> Recipient:
        """Return the person in a row whose address and language are known."""
        return Recipient(
            address=address,
            name="" if self.name is None else " ".join(row[self.name].split()),
            language=language,
            fields={name: row[place].strip() for name, place in self.others},
        )

    def _fill(self, row: list[str]) -> None:
        if len(row) > self.width:
            said = f"{len(row)} fields, but {self.width} columns"
            mend = "put quotes around a field that contains the separator"
            raise BadRow(Fault(code="E504", message=said, mend=mend))
        row += [""] * (self.width - len(row))

    def _language(self, row: list[str]) -> str:
        if self.language is None:
            return self.default_language
        return _code(row[self.language]) or self.default_language

    def _faults(self, row: list[str], text: str) -> Iterator[Fault]:
        try:
            read_address(text)
        except EmailNotValidError as error:
            said = f"{text!r} is not an address: {error}" if text else "no address"
            mend = "correct it or delete the row"
            yield Fault(code="E503", message=said, mend=mend)
        try:
            self._language(row)
        except BadRow as bad:
            yield from bad.faults


def find_columns(header: list[str], *, default_language: str) -> Columns:
    """
    Return what the columns that *header* names mean.

    Raises:
        BadRow: none of them is an address.

    """
    names = [cell.strip() for cell in header]
    lower = [name.casefold() for name in names]

    def find(known: tuple[str, ...]) -> int | None:
        return next((lower.index(name) for name in known if name in lower), None)

    email, name, language = map(find, (EMAIL_COLUMNS, NAME_COLUMNS, LANGUAGE_COLUMNS))
    if email is None:
        given = ", ".join(filter(None, names)) or "nothing"
        said = f"no email column among: {given}"
        mend = "let the first line name the columns: email,name,language"
        raise BadRow(Fault(code="E502", message=said, mend=mend))
    others = {
        one: place
        for place, one in enumerate(names)
        if one and place not in (email, name, language)
    }
    return Columns(
        width=len(names),
        email=email,
        name=name,
        language=language,
        others=tuple(others.items()),
        default_language=default_language,
    )


@lru_cache(maxsize=1024)
def _code(text: str) -> str:
    """Return the language that a cell names, "" for a blank one."""
    code = text.strip().casefold().replace("_", "-")
    if code and not _LANGUAGE.match(code):
        said = f"{text!r} is not a language"
        mend = "write a code such as fr or en, or nothing"
        raise BadRow(Fault(code="E505", message=said, mend=mend))
    return code
