"""
What settings are made of: their base, and the values that people type in them.

Knows no setting by name.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
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


def some(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Let one stand for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _host(name: str) -> str:
    """Refuse an address of the web, and a name with its port."""
    if re.search(r"[/\s@]|^[^:]*:\d*$", name):
        msg = f"{name!r} is no host; write its name alone, a port as `port`"
        raise ValueError(msg)
    return name


def _domain(name: str) -> str:
    """Return a mail domain as addresses are read: small letters, no A-labels."""
    try:
        return validate_email(
            f"x@{name.removesuffix('.')}",
            check_deliverability=False,
            test_environment=True,
        ).domain
    except EmailNotValidError:
        msg = f"{name!r} is no domain; write one like example.org"
        raise ValueError(msg) from None


_RATE_SCHEMA = {"type": "string", "pattern": r"^[1-9][0-9]{0,8}\s*/\s*[smhd]$"}
Duration = Annotated[
    timedelta,
    BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,6}\s*[smhdw]$"}),
]
_Rate = Annotated[
    Rate, BeforeValidator(lambda v: v if isinstance(v, Rate) else parse_rate(str(v)))
]
Rates = Annotated[
    tuple[_Rate, ...],
    BeforeValidator(some),
    WithJsonSchema({"anyOf": [_RATE_SCHEMA, {"type": "array", "items": _RATE_SCHEMA}]}),
]
ZoneName = Annotated[str, AfterValidator(_zone)]
HostName = Annotated[str, AfterValidator(_host)]
MailDomain = Annotated[str, AfterValidator(_domain)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
OnUncertain = Literal["resend", "hold"]


class Settings(BaseModel):
    """What all settings share: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
