"""
What a connection knows of whoever gives it messages.

Knows no connection and no wave.
"""

from __future__ import annotations

from typing import Protocol

from tambour.model import DeliveryId, Message, Outcome


class Dispatcher(Protocol):
    """Gives a connection its messages, and hears what became of them."""

    def take(self, lane: str) -> Message | None:
        """Return the lane's next message."""

    def may_leave(self, delivery: DeliveryId) -> bool:
        """Whether there is still time for a message that was taken."""

    def deliver(self, results: list[tuple[Message, Outcome]]) -> None:
        """Hear what became of messages."""

    def return_unsent(self, unsent: list[tuple[Message, Outcome]]) -> None:
        """Get back what another connection may carry."""

    def notice(self) -> None:
        """Hear that a connection has become idle, or has ended."""
