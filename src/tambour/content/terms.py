"""
The terms of a dialect: where an event's values are found, and the rules for them.

Immutable values; `dialect_file` reads them from YAML, `mapping` finds what they name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FIELDS = frozenset(
    {
        *("id", "title", "summary", "tags", "language", "organizer"),
        *("start", "end", "start_time", "end_time", "time_text", "timezone", "all_day"),
        *("venue", "address", "online", "status", "cancelled", "postponed"),
        *("url", "slug", "page_date", "registration_url", "image", "image_alt"),
        *("published", "draft", "details"),
        *("rrule", "rdate", "exdate", "sessions"),
    }
)
"""What a dialect can map; all but the times and switches are an event's own words."""

OF_A_PART = frozenset(
    {
        *("id", "start", "end", "start_time", "end_time", "time_text", "all_day"),
        *("rrule", "rdate", "exdate", "sessions"),
    }
)
"""What a session does not take from the event that it is a part of."""

Steps = tuple[str | int | None, ...]
"""A way through front matter: keys, places in lists, None for every item."""


class NaiveTime(StrEnum):
    """What a time without an offset means."""

    SITE_ZONE = "site_zone"
    UTC = "utc"
    ERROR = "error"


class OffsetRule(StrEnum):
    """What counts when a written offset disagrees with the event's zone."""

    TRUST = "trust"
    WALL_CLOCK = "wall_clock"
    ERROR = "error"


class Midnight(StrEnum):
    """What a start at 00:00 means."""

    ALL_DAY_OR_TIME_TEXT = "all_day_or_time_text"
    ALL_DAY = "all_day"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The value at a path, if all of *when* and none of *unless* are there."""

    steps: Steps
    is_markdown: bool = False
    when: tuple[Steps, ...] = ()
    unless: tuple[Steps, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What `take` names in the first item that fits `where` and has it."""

    steps: Steps
    take: Steps
    where: tuple[tuple[Steps, re.Pattern[str]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLink:
    """The address of the first link in the body whose words fit."""

    label: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """The parts that are there, in one text."""

    parts: tuple[Spec, ...]
    separator: str = ", "


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """The lists that are there, as one list."""

    parts: tuple[Spec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A list whose items are shown as label, text and link."""

    steps: Steps
    label: Steps
    text: Steps | None = None
    url: Steps | None = None


Spec = Key | Item | BodyLink | Join | Gather
Patterns = tuple[tuple[str, re.Pattern[str]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a dialect decides what the keys alone do not say; these are the defaults."""

    naive_time: NaiveTime = NaiveTime.SITE_ZONE
    offset: OffsetRule = OffsetRule.TRUST
    midnight: Midnight = Midnight.ALL_DAY_OR_TIME_TEXT
    plausible_years: tuple[int, int] = (2000, 2100)
    online_if: Patterns = ()
    cancelled_if: Patterns = ()
    postponed_if: Patterns = ()
    null_words: frozenset[str] = frozenset()
    permalink: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A checked dialect, ready to be applied."""

    map: Mapping[str, tuple[Spec, ...]] = field(default_factory=dict)
    details: tuple[Labelled, ...] = ()
    rules: Rules = field(default_factory=Rules)
