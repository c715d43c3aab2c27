"""
Typed values from the text that people typed: dates, yes and no, lists, plain lines.

Never guesses: what can be read in two ways is not read at all. Knows no dialect, no
time zone and no event; what a missing offset means is for `times` to say.
Source: the shapes counted in real files (ISO with and without seconds, one-digit
hours, `-0500`, JavaScript's `Z`, "December 10, 2021", "mardi 18 novembre 2021").
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

WEEKDAYS = {
    name: number
    for names in (
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "monday tuesday wednesday thursday friday saturday sunday",
    )
    for number, name in enumerate(names.split())
}
WEEKDAY_NAMES = tuple(name.capitalize() for name in list(WEEKDAYS)[7:])
_MONTHS = {
    name: number
    for names in (
        (
            "janvier février mars avril mai juin juillet août septembre octobre"
            " novembre décembre"
        ),
        "janv févr mars avr mai juin juil août sept oct nov déc",
        (
            "january february march april may june july august september october"
            " november december"
        ),
        "jan feb mar apr may jun jul aug sep oct nov dec",
    )
    for number, name in enumerate(names.split(), 1)
} | {"fevrier": 2, "aout": 8, "decembre": 12}

_WEEKDAY = "|".join(WEEKDAYS)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_TIME = r"""
    (?P<hour>\d{1,2}) \s* (?: [:h] \s* (?P<minute>\d{2}) | h | (?=\s*[ap]\.?m) )
    (?: :(?P<second>\d{2}) (?:[.,]\d+)? )?
    \s* (?P<half>[ap]\.?m\.?)?
    \s* (?P<offset>Z|UTC|GMT|[+-]\d{1,2}:?\d{2}|[+-]\d{2})?
"""
_ISO = re.compile(
    rf"(?P<year>\d{{4}})[-/](?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})"
    rf"(?: (?:T|[\s,]+(?:à\s+|at\s+)?) {_TIME} )?",
    re.VERBOSE | re.IGNORECASE,
)
_DAY_FIRST = rf"""
    (?: (?P<weekday>{_WEEKDAY}),?\s+ (?:le\s+)? )?
    (?P<day>\d{{1,2}}) (?:er|st|nd|rd|th)? \s+ (?P<month>{_MONTH})\b\.?
    (?: ,?\s+ (?P<year>\d{{4}}) )?
"""
_MONTH_FIRST = rf"""
    (?: (?P<weekday>{_WEEKDAY}),?\s+ )?
    (?P<month>{_MONTH})\b\.?\s+ (?P<day>\d{{1,2}})(?!\d) (?:st|nd|rd|th)?
    (?: ,?\s+ (?P<year>\d{{4}}) )?
"""
_WORDS = tuple(
    re.compile(
        rf"{shape} (?: [\s,]+ (?:à\s+|at\s+)? {_TIME} )?", re.VERBOSE | re.IGNORECASE
    )
    for shape in (_DAY_FIRST, _MONTH_FIRST)
)
_NAMED = tuple(
    re.compile(rf"\b{shape}", re.VERBOSE | re.IGNORECASE)
    for shape in (_DAY_FIRST, _MONTH_FIRST)
)
_DIGIT = re.compile(r"\d")
_EPOCH = re.compile(r"\d{10}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPACE = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_EDGES = " \xa0\u202f\u200b\ufeff"
_TRUE = frozenset({"true", "yes", "on", "y", "1", "oui", "vrai"})
_FALSE = frozenset({"false", "no", "off", "n", "0", "non", "faux"})
_NOON = 12
_MAX_OFFSET = timedelta(hours=24)


class DateError(ValueError):
    """The text is not a date, or names a day or an hour that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """
    A date as the file writes it: what a clock shows, and the offset beside it.

    `local` is naive. `is_utc` is True for a literal `Z`, which machines write for an
    instant, as opposed to `+00:00`, which people leave standing.
    """

    local: datetime
    has_time: bool
    offset: timedelta | None = None
    is_utc: bool = False
    weekday: int | None = None

    @property
    def is_midnight(self) -> bool:
        """Whether the clock shows 00:00, or nothing."""
        return not self.has_time or (self.local.hour, self.local.minute) == (0, 0)

    def __str__(self) -> str:
        return self.local.isoformat(" ", "minutes") if self.has_time else str(self.day)

    @property
    def day(self) -> date:
        """The day, without its hour."""
        return self.local.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day named within a sentence; its year and weekday may be left out."""

    day: int
    month: int
    year: int | None
    weekday: int | None

    def is_on(self, day: date) -> bool:
        """Return whether this may name *day*, whatever its weekday says."""
        same = (self.day, self.month) == (day.day, day.month)
        return same and self.year in (None, day.year)


def clean_line(text: str) -> str:
    """Return *text* on one line: entities decoded, white space collapsed, trimmed."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return _SPACE.sub(" ", text).strip(_EDGES)


def read_words(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - front matter is a tree of anything
    """Return a list's texts, or the parts of a text between commas, each once."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    lines = (clean_line(item) for item in value if isinstance(item, str))
    return tuple(dict.fromkeys(line for line in lines if line))


def read_boolean(text: str) -> bool | None:
    """Return yes or no as YAML 1.1 and French write them, None for anything else."""
    word = text.strip().casefold()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def read_date(text: str) -> Written:
    """
    Return the date that *text* writes, and nothing it does not.

    Raises:
        DateError: not a date, ambiguous, or impossible.

    """
    text = clean_line(text)
    if _EPOCH.fullmatch(text):
        moment = datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None)
        return Written(local=moment, has_time=True, offset=timedelta(), is_utc=True)
    for shape in (_ISO, *_WORDS):
        match = shape.fullmatch(text)
        if match is not None and match["year"]:
            return _written(match.groupdict(), text)
    msg = f"{text!r} is not a date; write it as 2024-05-31 18:30"
    raise DateError(msg)


def _written(parts: dict[str, str | None], text: str) -> Written:
    month = str(parts["month"])
    named = (parts.get("weekday") or "").casefold()
    try:
        local = datetime(  # noqa: DTZ001 - what a clock shows; `times` adds the zone
            int(parts["year"] or 0),
            int(month) if month.isdigit() else _MONTHS[month.casefold()],
            int(parts["day"] or 0),
            _hour(parts["hour"], parts["half"]),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
        )
    except ValueError:
        msg = f"{text!r} does not exist in the calendar or on a clock"
        raise DateError(msg) from None
    return Written(
        local=local,
        has_time=parts["hour"] is not None,
        offset=_offset(parts["offset"], text),
        is_utc=(parts["offset"] or "").upper() in ("Z", "UTC", "GMT"),
        weekday=WEEKDAYS.get(named),
    )


def _hour(text: str | None, half: str | None) -> int:
    hour = int(text or 0)
    if half is None:
        return hour
    if not 1 <= hour <= _NOON:
        msg = "not an hour of the twelve-hour clock"
        raise ValueError(msg)
    return hour % _NOON + (_NOON if half[0] in "pP" else 0)


def _offset(text: str | None, whole: str) -> timedelta | None:
    if text is None:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return timedelta()
    digits = text[1:].replace(":", "")
    hours, minutes = (
        (digits, "0")
        if len(digits) <= len("00")
        else (
            digits[:-2],
            digits[-2:],
        )
    )
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset >= _MAX_OFFSET or int(minutes) >= 60:  # noqa: PLR2004 - an hour's minutes
        msg = f"{whole!r}: {text} is not an offset from UTC"
        raise DateError(msg)
    return -offset if text[0] == "-" else offset


def named_days(text: str) -> Iterator[NamedDay]:
    """Yield the days that a sentence names in French or English."""
    if not _DIGIT.search(text):  # most name none, and the shapes are slow to say so
        return
    for shape in _NAMED:
        for match in shape.finditer(text):
            yield NamedDay(
                day=int(match["day"]),
                month=_MONTHS[match["month"].casefold()],
                year=int(match["year"]) if match["year"] else None,
                weekday=WEEKDAYS.get((match["weekday"] or "").casefold()),
            )
