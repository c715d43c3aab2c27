"""
The settings: config.yaml and the environment, read once and frozen.

`settings` says what there is, `reading` gets it, `durations` reads `10m` and `10/s`.
"""

from tambour.config.durations import Rate, parse_duration
from tambour.config.reading import CONFIG_FILE, load_config
from tambour.config.settings import (
    ChannelSettings,
    Config,
    CsvAudience,
    OutboxChannel,
    Safety,
    Serve,
    SiteSettings,
    SmtpChannel,
    SourceSettings,
    WebhookChannel,
    config_schema,
)

__all__ = [
    "CONFIG_FILE",
    "ChannelSettings",
    "Config",
    "CsvAudience",
    "OutboxChannel",
    "Rate",
    "Safety",
    "Serve",
    "SiteSettings",
    "SmtpChannel",
    "SourceSettings",
    "WebhookChannel",
    "config_schema",
    "load_config",
    "parse_duration",
]
