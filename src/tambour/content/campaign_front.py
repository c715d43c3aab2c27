"""
The front matter of a campaign as a checked shape, and its JSON Schema for editors.

Knows the shape alone; whether the names it uses exist is for `campaigns` to say.
Source: design §4, "Files editors write".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from tambour.content.coercion import read_boolean, read_words
from tambour.content.schedules import read_cron, read_days, read_every, read_offset
from tambour.model import CampaignKind


def _checked(read: Callable[[str], object]) -> AfterValidator:
    """Return a validator that keeps the text, once *read* has accepted it."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def _words(value: object) -> object:
    return read_words(value) if isinstance(value, (str, list)) else value


def _boolean(value: object) -> object:
    answer = read_boolean(value) if isinstance(value, str) else value
    return value if answer is None else answer


def _length(text: str) -> int:
    days = read_days(text)
    if days == 0:
        msg = "a window lasts at least a day; write 14d"
        raise ValueError(msg)
    return days


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Offsets = Annotated[
    tuple[Annotated[str, _checked(read_offset)], ...], BeforeValidator(_words)
]
Name = Annotated[str, Field(min_length=1)]


class Front(BaseModel):
    """What all parts share: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Send(Front):
    """`send:` when; a digest has `every` or `cron`, a reminder `before`."""

    every: Annotated[str, _checked(read_every)] | None = Field(
        default=None, examples=["monday 08:00", "day 08:00", "monday, thursday 18:00"]
    )
    cron: Annotated[str, _checked(read_cron)] | None = Field(
        default=None, examples=["0 8 * * 1"]
    )
    before: Offsets | None = Field(
        default=None, min_length=1, examples=[["7d at 09:00", "1d at 17:00", "2h"]]
    )


class WindowFront(Front):
    """`window:` the days whose events a digest gathers."""

    since: Annotated[str, _checked(read_days)] = Field(
        default="now", alias="from", examples=["now", "7d"]
    )
    length: Annotated[str, _checked(_length)] = Field(
        default="14d", alias="for", examples=["14d", "2w"]
    )


class WhereFront(Front):
    """`where:` which events; what is not given selects all."""

    tags: Words = ()
    sources: Words = ()
    languages: Words = ()
    online: Annotated[bool, BeforeValidator(_boolean)] | None = None


class TargetFront(Front):
    """One of `to:`, a channel and, for mail, who gets it."""

    channel: Name
    template: Name
    audience: Name | None = None
    subject: Name | None = None


class CampaignFront(Front):
    """A campaign's front matter."""

    kind: CampaignKind
    send: Send
    to: tuple[TargetFront, ...] = Field(min_length=1)
    window: WindowFront = Field(default_factory=WindowFront)
    where: WhereFront = Field(default_factory=WhereFront)
    empty: Literal["skip", "send"] = "skip"
    approve: Literal["auto", "manual"] = "auto"
    late_added: Literal["send", "skip"] = "send"


PARTS: dict[str, type[Front]] = {
    "send": Send,
    "window": WindowFront,
    "where": WhereFront,
    "to": TargetFront,
}
"""The shape below each key that has one."""


def campaign_schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign's front matter."""
    return CampaignFront.model_json_schema()
