"""Messages straight into a channel, without project or ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from real_peers.mail_servers import channel_settings
from tambour.channels import Batch, Channel, make_channel
from tambour.config import SmtpChannel
from tambour.model import Message, Outcome


def channel(port: int, root: Path, **settings: Any) -> Channel:
    """Return a channel to a port of this machine."""
    given = SmtpChannel.model_validate(channel_settings(port, **settings))
    return make_channel("lettre", given, root, clock=lambda: datetime.now(UTC))


def transmit(to: Channel, messages: Iterable[Message]) -> list[Outcome]:
    """Transmit all *messages* and return what became of them."""

    async def main() -> list[Outcome]:
        outcomes = [outcome async for _, outcome in to.transmit(Batch(messages))]
        await to.close()
        return outcomes

    return asyncio.run(main())
