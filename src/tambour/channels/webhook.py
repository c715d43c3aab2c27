"""
Signed JSON to a URL, as Standard Webhooks describes.

One post at a time; no retry, no ledger, no settings but its own. The timestamp is the
moment of sending, the id is the message's key, so that the receiver can tell a repeated
post from a new one.
Source: Standard Webhooks specification, 1.0.0 (standardwebhooks.com), as of 2026-11.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import datetime

from tambour.channels.http import Destination, HttpClient
from tambour.channels.protocol import Check, Clock, Wave, each
from tambour.config import WebhookChannel
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

SECRET_PREFIX = "whsec_"  # noqa: S105 - a public prefix, no secret


class Webhook:
    """The channel of type `webhook`."""

    def __init__(self, name: str, settings: WebhookChannel, *, clock: Clock) -> None:
        self._name = name
        secret = settings.secret.get_secret_value() if settings.secret else ""
        self._secret = decode_secret(secret)
        self._clock = clock
        destination = Destination(
            url=settings.url.get_secret_value(),
            timeout_s=settings.timeout.total_seconds(),
            hide=(secret, secret.removeprefix(SECRET_PREFIX)),
        )
        self._where = destination.where
        self._http = HttpClient(destination, clock=clock)

    def __repr__(self) -> str:
        return f"<Webhook {self._name}: {self._where}>"

    async def open(self) -> Outcome | None:
        """Check the settings; the network is asked when there is something to post."""
        if self._secret is None:
            mend = "make one with: openssl rand -base64 32"
            reply = f"the secret of {self._name} is not base64 after whsec_; {mend}"
            return Outcome(kind=OutcomeKind.REJECTED, code="bad-secret", reply=reply)
        return self._http.refusal()

    async def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    async def probe(self) -> tuple[Check, ...]:
        """Whether settings are usable and the destination answers; posts nothing."""
        refusal = await self.open()
        if refusal is not None:
            return (Check(name="settings", ok=False, detail=refusal.reply),)
        signed = "posts are signed" if self._secret else "no secret: posts are unsigned"
        checks = await asyncio.to_thread(self._http.checks)
        return (*checks, Check(name="signature", ok=True, detail=signed))

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """Post each message; stop when nobody answers, or when asked to wait."""
        if await self.open() is not None:
            return
        async for message in each(wave):
            outcome = await asyncio.to_thread(self._post, message)
            yield message.delivery, outcome
            if outcome.code == "unreachable" or outcome.retry_after is not None:
                return

    def _post(self, message: Message) -> Outcome:
        at = self._clock()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": f"{int(at.timestamp())}",
        }
        if self._secret:
            headers["webhook-signature"] = sign(
                message.content, key=message.key, at=at, secret=self._secret
            )
        return self._http.post(message.content, headers)


def decode_secret(secret: str) -> bytes | None:
    """Return the bytes behind `whsec_…`; empty without a secret, None when unusable."""
    encoded = secret.strip().removeprefix(SECRET_PREFIX)
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return None if secret and not decoded else decoded


def sign(content: bytes, *, key: str, at: datetime, secret: bytes) -> str:
    """Return the value of `webhook-signature` for *content* sent at *at*."""
    signed = b".".join((key.encode(), f"{int(at.timestamp())}".encode(), content))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
