"""
Where messages leave: one small protocol, one file or package per service.

`make_channel` is the whole registry; `docs/adding-a-channel.md` tells how to add one.
Knows no ledger and no retries.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from tambour.channels.outbox import Outbox
from tambour.channels.protocol import Batch, Channel, Check, Clock, Wave
from tambour.channels.shut import Shut
from tambour.channels.smtp import Smtp
from tambour.channels.webhook import Webhook
from tambour.config import (
    ChannelSettings,
    OutboxChannel,
    SmtpChannel,
    WebhookChannel,
)

__all__ = ["Batch", "Channel", "Check", "Clock", "Shut", "Wave", "make_channel"]


def make_channel(
    name: str, settings: ChannelSettings, root: Path, *, clock: Clock
) -> Channel:
    """
    Return the channel that *settings* describe, touching nothing yet.

    Args:
        name: the channel's key in config.yaml.
        settings: one of `channels:`.
        root: the project folder, which relative paths start from.
        clock: stamps what is sent, and tells how long a certificate is still good.

    """
    match settings:
        case OutboxChannel():
            return Outbox(name, settings, root)
        case SmtpChannel():
            return Smtp(name, settings, root, clock=clock)
        case WebhookChannel():
            return Webhook(name, settings, clock=clock)
        case _:
            assert_never(settings)
