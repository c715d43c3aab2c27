"""
The settings of a channel of type `smtp`.

Knows no server and no network. The preset of Orange's limits: postmaster.orange.fr and
egressif.io, as of 2026-06.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from tambour.config.fields import (
    Duration,
    HostName,
    MailDomain,
    OnUncertain,
    Rates,
    Settings,
    some,
)

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

    host: HostName = Field(min_length=1)
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

    of: tuple[MailDomain, ...] = Field(min_length=1)
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


def _selector(name: str) -> str:
    if not re.fullmatch(r"\w([\w-]*\w)?(\.\w([\w-]*\w)?)*", name, re.ASCII):
        msg = f"{name!r} is no selector; write letters and digits, like s2026"
        raise ValueError(msg)
    return name


class DkimKey(Settings):
    """One of `dkim:` a private key, and where its public half is published."""

    domain: MailDomain
    selector: Annotated[str, AfterValidator(_selector)]
    key: str = Field(min_length=1)


def _domain_limits(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(value, str):
        return value
    if value not in DOMAIN_PRESETS:
        known = ", ".join(DOMAIN_PRESETS)
        msg = f"there is no preset {value!r}; there are: {known}; or write {{of: […]}}"
        raise ValueError(msg)
    return dict(DOMAIN_PRESETS[value])


class SmtpChannel(Settings):
    """Mail through a submission server, or several."""

    type: Literal["smtp"]
    host: HostName = ""
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
    dkim: Annotated[tuple[DkimKey, ...], BeforeValidator(some)] = ()
    timeout: Duration = timedelta(seconds=60)
    on_uncertain: OnUncertain = "resend"

    @field_validator("domains")
    @classmethod
    def _is_in_one_group(
        cls, groups: tuple[DomainLimits, ...]
    ) -> tuple[DomainLimits, ...]:
        seen = Counter(domain for group in groups for domain in group.of)
        twice = ", ".join(domain for domain, times in seen.items() if times > 1)
        if twice:
            msg = f"{twice} stands there twice; keep it in one group"
            raise ValueError(msg)
        return groups

    @field_validator("dkim")
    @classmethod
    def _has_own_records(cls, keys: tuple[DkimKey, ...]) -> tuple[DkimKey, ...]:
        seen = Counter((key.selector, key.domain) for key in keys)
        twice = [".".join(name) for name, times in seen.items() if times > 1]
        if twice:
            msg = f"two keys are called {twice[0]}; give each a selector of its own"
            raise ValueError(msg)
        return keys

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        if bool(self.host) == bool(self.servers):
            msg = "give either host or servers"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_whole_logins(self) -> Self:
        for server in self.pool():
            if server.username and not server.password:
                msg = f"a password is missing for {server.username} at {server.host}"
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
