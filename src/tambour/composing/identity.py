"""
The names by which a message is known again: to receivers, to services, to ourselves.

All are HMACs under the project's secret, so that a retry carries the same name and
nobody else can make one. Knows no ledger: whoever keeps the secret passes it in.
Source: RFC 2104; RFC 5322 §3.6.4 (Message-ID); RFC 8058 §3 (the opaque address to
leave by).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

MAC_BYTES = 16
"""128 bits: no one guesses or meets one by chance."""

DEAD_END = "https://unsubscribe.invalid/this-is-a-test-message-nobody-was-unsubscribed"
"""Where a test's link leads: `.invalid` is never anybody's (RFC 2606 §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Who wants to leave which audience, and the campaign that made them."""

    audience: str
    campaign: str
    address: str


def message_id(
    secret: bytes, *, edition: str, channel: str, address: str, domain: str
) -> str:
    """Return the Message-ID, angle brackets included, the same at every attempt."""
    mac = _mac(secret, "message-id", edition, channel, address)
    return f"<{mac.hex()}@{domain}>"


def idempotency_key(secret: bytes, *, edition: str, channel: str, account: str) -> str:
    """Return the key by which a service recognises a post sent twice."""
    return _mac(secret, "idempotency", edition, channel, account).hex()


def unsubscribe_url(secret: bytes, *, base: str, leaving: Leaving) -> str:
    """
    Return the page where *leaving* takes one click: `<base>/unsubscribe/<token>`.

    The token holds whom it is for, and says so only to who may read their mail anyway;
    it is valid without anything stored, for as long as the secret is known.
    """
    words = (leaving.audience, leaving.campaign, leaving.address)
    payload = _base64("\n".join(words).encode("utf-8", "replace"))
    mac = _base64(_mac(secret, "unsubscribe", payload))
    return f"{base.rstrip('/')}/unsubscribe/{payload}.{mac}"


def read_unsubscribe_token(token: str, secrets: Iterable[bytes]) -> Leaving | None:
    """Return whom *token* is for, or None unless one of *secrets* made it."""
    payload, _, mac = token.partition(".")
    given = mac.encode("utf-8", "replace")
    expected = (_base64(_mac(one, "unsubscribe", payload)) for one in secrets)
    if not any(hmac.compare_digest(given, one.encode()) for one in expected):
        return None
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        audience, campaign, address = text.split("\n")
    except (binascii.Error, ValueError):
        return None
    return Leaving(audience=audience, campaign=campaign, address=address)


def _mac(secret: bytes, purpose: str, *values: str) -> bytes:
    # Each value is preceded by its length, so that no two lists of values are alike.
    message = "".join([f"{len(value)}:{value}" for value in (purpose, *values)])
    data = message.encode("utf-8", "replace")
    return hmac.digest(secret, data, "sha256")[:MAC_BYTES]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
