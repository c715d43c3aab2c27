"""
The settings' shape and defaults; `config.schema.json` is made from it.

Defaults live here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema

from tambour.config.durations import show_duration
from tambour.config.fields import (
    Duration,
    HttpUrl,
    Language,
    OnUncertain,
    Rates,
    Settings,
    ZoneName,
)
from tambour.config.smtp import (
    DkimKey,
    DomainLimits,
    SmtpChannel,
    SmtpServer,
    WarmUp,
)
from tambour.model import Limits, Site

FEED_SCHEMES = ("http", "https", "webcal", "webcals")


class SiteSettings(Settings):
    """`site:` the website the events belong to."""

    name: str = Field(min_length=1)
    url: HttpUrl
    timezone: ZoneName = "UTC"
    language: Language = "en"


class SourceSettings(Settings):
    """One of `sources:`, a folder of event files, a calendar, or a calendar's feed."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    path: str = ""
    url: SecretStr | None = None
    """A calendar on the web; its address may hold a secret, and is never shown."""
    refresh: Duration = timedelta(minutes=15)
    dialect: str = "auto"
    permalink: str | None = None
    """Where the site shows a file, as in Jekyll: `/agenda/:title/`."""

    @property
    def is_calendar(self) -> bool:
        """Whether it is one calendar, not a folder of event files."""
        return self.url is not None or self.path.lower().endswith(".ics")

    @model_validator(mode="after")
    def _is_one(self) -> SourceSettings:
        if bool(self.path) == (self.url is not None):
            msg = "a source has either a path or a url"
            raise ValueError(msg)
        if self.refresh < timedelta(minutes=1):
            msg = "refresh is at least 1m; whoever keeps the calendar wants to sleep"
            raise ValueError(msg)
        return self

    @field_validator("url")
    @classmethod
    def _is_web(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            parts = urlsplit(value.get_secret_value() if value else "http://x")
            is_web = parts.scheme in FEED_SCHEMES and bool(parts.hostname)
            is_web = is_web and (parts.port or 1) > 0
        except ValueError:
            is_web = False
        if not is_web:
            msg = "not an address of the web; write one like https://…/agenda.ics"
            raise ValueError(msg)
        return value


class CsvAudience(Settings):
    """An audience kept in a CSV file: `email`, `name`, `language` and more."""

    type: Literal["csv"]
    path: str


class OutboxChannel(Settings):
    """Writes what would be sent into a folder; needs no network."""

    type: Literal["outbox"]
    path: str = "outbox"
    sender: str | None = Field(default=None, alias="from")
    on_uncertain: OnUncertain = "resend"


class WebhookChannel(Settings):
    """Signed JSON to a URL, as Standard Webhooks describes."""

    type: Literal["webhook"]
    url: SecretStr
    secret: SecretStr | None = None
    rate: Rates = ()
    timeout: Duration = timedelta(seconds=20)
    on_uncertain: OnUncertain = "hold"

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = "not an http or https address"
            raise ValueError(msg)
        return value


ChannelSettings = Annotated[
    OutboxChannel | SmtpChannel | WebhookChannel, Field(discriminator="type")
]


class Safety(Settings):
    """`safety:` what must hold before anything leaves."""

    test_recipients: tuple[str, ...] = ()
    hold_before_send: Duration = timedelta(minutes=10)
    settle: Duration = timedelta(minutes=10)
    late_limit: Duration = timedelta(hours=24)
    margin: Duration = timedelta(minutes=10)


class Serve(Settings):
    """`serve:` the public pages, when there are any."""

    url: HttpUrl
    port: int = Field(default=8080, ge=1, le=65535)


class Config(Settings):
    """Everything in config.yaml, with its folder and the environment's secret."""

    version: Annotated[Literal[1], BeforeValidator(lambda v: 1 if v == "1" else v)]
    site: SiteSettings
    sources: tuple[SourceSettings, ...] = ()
    audiences: Mapping[str, CsvAudience] = Field(default_factory=dict)
    channels: Mapping[str, ChannelSettings] = Field(default_factory=dict)
    safety: Safety = Field(default_factory=Safety)
    serve: Serve | None = None
    ledger: str = "sqlite:///var/tambour.db"
    _root: Path = PrivateAttr(default=Path())
    _secret: SecretStr | None = PrivateAttr(default=None)
    _machine: str | None = PrivateAttr(default=None)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._root

    @property
    def feeds(self) -> Path:
        """The folder beside the ledger in which the copies of feeds are kept."""
        file = self.ledger.removeprefix("sqlite:///").partition("?")[0]
        folder = Path("var") if file == ":memory:" else Path(file).parent
        return self._root / folder / "feeds"

    @property
    def secret(self) -> SecretStr | None:
        """TAMBOUR_SECRET, where it is given."""
        return self._secret

    @property
    def machine(self) -> str | None:
        """TAMBOUR_MACHINE, where it is given."""
        return self._machine

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's
        """Take from the context what no file gives."""
        if context:
            self._root = context["root"]
            self._secret = context["secret"]
            self._machine = context["machine"]

    @field_validator("ledger")
    @classmethod
    def _is_sqlite(cls, value: str) -> str:
        if not value.startswith("sqlite:///") or value == "sqlite:///":
            msg = "the ledger is a SQLite file; write sqlite:///var/tambour.db"
            raise ValueError(msg)
        return value

    def site_facts(self) -> Site:
        """Return the site as pure code knows it."""
        return Site(**self.site.model_dump())

    def limits(self) -> Limits:
        """Return the limits as planning knows them."""
        safety = self.safety
        return Limits(
            margin=safety.margin, late=safety.late_limit, settle=safety.settle
        )


SECTIONS: Mapping[str, type[Settings]] = {
    "site": SiteSettings,
    "sources": SourceSettings,
    "audiences": CsvAudience,
    "safety": Safety,
    "serve": Serve,
    "csv": CsvAudience,
    "outbox": OutboxChannel,
    "smtp": SmtpChannel,
    "webhook": WebhookChannel,
    "servers": SmtpServer,
    "domains": DomainLimits,
    "warm_up": WarmUp,
    "dkim": DkimKey,
}

NESTED = ("servers", "domains", "warm_up", "dkim")
"""Sections inside a channel."""


class _AsTyped(GenerateJsonSchema):
    """Shows default durations as people type them, which the patterns ask for."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - any field's default
        return (
            show_duration(dft)
            if isinstance(dft, timedelta)
            else super().encode_default(dft)
        )


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of config.yaml, for editors' completion."""
    return Config.model_json_schema(schema_generator=_AsTyped)
