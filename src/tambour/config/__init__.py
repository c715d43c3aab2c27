"""
The settings: config.yaml and the environment, read once and frozen.

`settings` and `smtp` say what there is, `reading` gets it, `fields` and `durations`
read what people type: `10m`, `10/s`.
"""

from tambour.config.durations import parse_duration
from tambour.config.reading import CONFIG_FILE, load_config
from tambour.config.settings import (
    ChannelSettings,
    Config,
    CsvAudience,
    OutboxChannel,
    Safety,
    Serve,
    SiteSettings,
    SourceSettings,
    WebhookChannel,
    config_schema,
)
from tambour.config.smtp import (
    DkimKey,
    DomainLimits,
    SmtpChannel,
    SmtpServer,
    WarmUp,
)

__all__ = [
    "CONFIG_FILE",
    "ChannelSettings",
    "Config",
    "CsvAudience",
    "DkimKey",
    "DomainLimits",
    "OutboxChannel",
    "Safety",
    "Serve",
    "SiteSettings",
    "SmtpChannel",
    "SmtpServer",
    "SourceSettings",
    "WarmUp",
    "WebhookChannel",
    "config_schema",
    "load_config",
    "parse_duration",
]
