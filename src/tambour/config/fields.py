"""
What settings are made of: their base, and the values that people type in them.

Knows no setting by name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from tambour.config.durations import parse_duration, parse_rate
from tambour.model import Rate


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"{name!r} is not a time zone; write one like Europe/Paris"
        raise ValueError(msg) from None
    return name


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url!r} is not an address; write one like https://www.example.org"
        raise ValueError(msg)
    return url.rstrip("/")


def _rates(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Read one rate or a list of them."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(parse_rate(v) if isinstance(v, str) else v for v in values)


_RATE_SCHEMA = {"type": "string", "pattern": r"^[1-9][0-9]*\s*/\s*[smhd]$"}
Duration = Annotated[
    timedelta,
    BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,6}\s*[smhdw]$"}),
]
Rates = Annotated[
    tuple[Rate, ...],
    BeforeValidator(_rates),
    WithJsonSchema({"anyOf": [_RATE_SCHEMA, {"type": "array", "items": _RATE_SCHEMA}]}),
]
ZoneName = Annotated[str, AfterValidator(_zone)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
OnUncertain = Literal["resend", "hold"]


class Settings(BaseModel):
    """What all settings share: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
