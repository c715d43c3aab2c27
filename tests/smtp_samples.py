"""What mail is tried with: a channel to this machine, and what it promises there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from contracts.channel import ChannelContract, mail
from peers import dead_port
from tambour.channels import Channel, make_channel
from tambour.config import SmtpChannel
from tambour.model import Message

LARGE = b"0123456789\r\n" * 1_000_000
"""More than the buffers of a connection hold, so that sending it can be cut off."""


def smtp(port: int, root: Path = Path(), **settings: Any) -> Channel:
    """A channel to *port* of this machine, in the clear unless told otherwise."""
    given = {
        "host": "127.0.0.1",
        "security": "none",
        "from": "lettre@example.org",
        "connections": 1,
    }
    all_settings = SmtpChannel.model_validate(
        {"type": "smtp", "port": port, "timeout": timedelta(seconds=20)}
        | given
        | settings
    )
    return make_channel(
        "lettre", all_settings, root, clock=lambda: datetime.now(tz=UTC)
    )


class SmtpContract(ChannelContract):
    """What is the same of every way to a mail server; its subclasses start one."""

    settings: ClassVar[dict[str, Any]] = {}
    most_in_flight: ClassVar[int] = 2
    """One that is answered, and one that has taken its place."""

    def message(self, number: int) -> Message:
        """Mail."""
        return mail(number)

    @contextmanager
    def dead(self, tmp_path: Path) -> Iterator[Channel]:
        """A port without a server."""
        with dead_port() as port:
            yield smtp(port, tmp_path, **self.settings)
