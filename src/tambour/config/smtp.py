"""
The settings of a channel of type `smtp`.

Knows no server and no network. The preset of Orange's limits: postmaster.orange.fr and
egressif.io, as of 2026-06.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from tambour.config.fields import Duration, OnUncertain, Rates, Settings

Security = Literal["none", "starttls", "tls"]
Auth = Literal["auto", "plain", "login", "xoauth2"]
Positive = Annotated[int, Field(ge=1)]

DOMAIN_PRESETS: Mapping[str, Mapping[str, object]] = {
    "orange": {
        "of": ("orange.fr", "wanadoo.fr"),
        "connections": 2,
        "messages_per_connection": 100,
    },
}


class SmtpServer(Settings):
    """One of `servers:`; what it leaves out it takes from its channel."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Security = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    auth: Auth = "auto"
    """How to log in; with `xoauth2` the password is the access token."""
    ca_file: str | None = None
    """A private authority's certificates, besides the system's."""
    weight: Positive = 1
    """Its share of the connections, beside the other servers' weights."""


class DomainLimits(Settings):
    """One of `domains:` destinations that want to be treated more gently."""

    of: tuple[str, ...] = Field(min_length=1)
    connections: Positive = 2
    messages_per_connection: Positive | None = None
    rate: Rates = ()

    @property
    def name(self) -> str:
        """What their lane is called: the first domain."""
        return self.of[0]


class WarmUp(Settings):
    """`warm_up:` how a new sender's daily budget grows."""

    since: date
    first_day: Positive
    growth: float = Field(default=2.0, gt=1.0, le=10.0)


class DkimKey(Settings):
    """One of `dkim:` a private key, and where its public half is published."""

    domain: str = Field(min_length=3)
    selector: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$")
    key: str = Field(min_length=1)


def _domain_limits(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(value, str):
        return value
    if value not in DOMAIN_PRESETS:
        known = ", ".join(DOMAIN_PRESETS)
        msg = f"there is no preset {value!r}; there are: {known}; or write {{of: […]}}"
        raise ValueError(msg)
    return dict(DOMAIN_PRESETS[value])


def _some(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Let one stand for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


class SmtpChannel(Settings):
    """Mail through a submission server, or several."""

    type: Literal["smtp"]
    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    security: Security = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    auth: Auth = "auto"
    ca_file: str | None = None
    servers: tuple[SmtpServer, ...] = ()
    """Several servers, instead of `host`."""
    sender: str = Field(alias="from", min_length=3)
    reply_to: str | None = None
    unsubscribe: str | None = None
    """The address that answers List-Unsubscribe mail; the sender's by default."""
    connections: int = Field(default=4, ge=1, le=100)
    """How many at once, over all servers."""
    messages_per_connection: Positive | None = None
    rate: Rates = ()
    warm_up: WarmUp | None = None
    domains: tuple[Annotated[DomainLimits, BeforeValidator(_domain_limits)], ...] = (
        Field(default=())
    )
    dkim: Annotated[tuple[DkimKey, ...], BeforeValidator(_some)] = ()
    timeout: Duration = timedelta(seconds=60)
    on_uncertain: OnUncertain = "resend"

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        if bool(self.host) == bool(self.servers):
            msg = "give either host or servers"
            raise ValueError(msg)
        return self

    def pool(self) -> tuple[SmtpServer, ...]:
        """Return the servers, each with all that it takes from the channel."""
        shared = SmtpServer.model_fields.keys() - {"host", "weight"}
        servers = self.servers or (SmtpServer(host=self.host),)
        return tuple(
            server.model_copy(
                update={
                    name: getattr(self, name)
                    for name in shared - server.model_fields_set
                }
            )
            for server in servers
        )
