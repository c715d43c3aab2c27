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
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAC_BYTES = 16
"""128 bits: no one guesses or meets one by chance."""

_BLOCK = 64
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))

DEAD_END = "https://unsubscribe.invalid/this-is-a-test-message-nobody-was-unsubscribed"
"""Where a test's link leads: `.invalid` is never anybody's (RFC 2606 §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Who wants to leave which audience, and the campaign that made them."""

    audience: str
    campaign: str
    address: str


def message_ids(
    secret: bytes, *, edition: str, channel: str, domain: str
) -> Callable[[str], str]:
    """Return what gives each address's Message-ID, angle brackets and all."""
    mac = _mac(secret, "message-id", edition, channel)
    return lambda address: f"<{mac(_measured(address)).hex()}@{domain}>"


def idempotency_key(secret: bytes, *, edition: str, channel: str, account: str) -> str:
    """Return the key by which a service recognises a post sent twice."""
    return _mac(secret, "idempotency", edition, channel)(_measured(account)).hex()


def unsubscribe_pages(base: str) -> str:
    """Return what all addresses to leave by begin with."""
    return f"{base.rstrip('/')}/unsubscribe/"


def unsubscribe_urls(
    secret: bytes, *, base: str, audience: str, campaign: str
) -> Callable[[str], str]:
    """
    Return what gives each address the page to leave by: `<base>/unsubscribe/<token>`.

    A token holds whom it is for, and says so only to who may read their mail anyway;
    it is valid without anything stored, for as long as the secret is known.
    """
    mac = _mac(secret, "unsubscribe")
    start = unsubscribe_pages(base)
    before = _octets(f"{audience}\n{campaign}\n")

    def url(address: str) -> str:
        payload = _base64(before + _octets(address))
        return f"{start}{payload}.{_base64(mac(_measured(payload)))}"

    return url


def read_unsubscribe_token(token: str, secrets: Iterable[bytes]) -> Leaving | None:
    """Return whom *token* is for, or None unless one of *secrets* made it."""
    payload, _, mac = token.partition(".")
    given, signed = _octets(mac), _measured(payload)
    expected = (_base64(_mac(one, "unsubscribe")(signed)) for one in secrets)
    if not any(hmac.compare_digest(given, one.encode()) for one in expected):
        return None
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        audience, campaign, address = text.split("\n")
    except (binascii.Error, ValueError):
        return None
    return Leaving(audience=audience, campaign=campaign, address=address)


def _mac(secret: bytes, *values: str) -> Callable[[bytes], bytes]:
    """
    Return the HMAC-SHA256 of *values* and what follows, cut to `MAC_BYTES`.

    What is the same for all recipients is hashed once, and copied for each.
    """
    block = secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
    block = block.ljust(_BLOCK, b"\0")
    begun = hashlib.sha256(block.translate(_INNER))
    begun.update(b"".join(map(_measured, values)))
    outside = hashlib.sha256(block.translate(_OUTER))

    def mac(rest: bytes) -> bytes:
        inner = begun.copy()
        inner.update(rest)
        outer = outside.copy()
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]

    return mac


def _measured(value: str) -> bytes:
    """Return *value* after its length, so that no two lists of values are alike."""
    return f"{len(value)}:{value}".encode("utf-8", "replace")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()
