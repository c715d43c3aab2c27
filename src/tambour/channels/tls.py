"""
Verified TLS for every channel, and which hosts may do without.

Trusts the system's authorities, and a private one where the settings name its file.
Knows no protocol that is spoken inside.
Source: RFC 8314 for mail; RFC 6761 §6.3 for the name `localhost`.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from tambour.channels.protocol import Check

EXPIRES_SOON = timedelta(days=14)


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """
    Return a context that verifies certificate and host name.

    Raises:
        OSError: *ca_file* cannot be read, or holds no certificate.

    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def is_loopback(host: str) -> bool:
    """Whether *host* can only be this machine, by its name alone: nothing is asked."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def encryption_check(sock: ssl.SSLSocket | ssl.SSLObject, *, now: datetime) -> Check:
    """Say which TLS the peer speaks and until when its certificate is good."""
    until = _valid_until(sock)
    ends = "" if until is None else f", certificate valid until {until:%Y-%m-%d}"
    if until is None or until - now > EXPIRES_SOON:
        return Check(name="encryption", ok=True, detail=f"{sock.version()}{ends}")
    detail = f"{sock.version()}{ends}: renew it, or nothing will get through"
    return Check(name="encryption", ok=False, detail=detail)


def _valid_until(sock: ssl.SSLSocket | ssl.SSLObject) -> datetime | None:
    ends = (sock.getpeercert() or {}).get("notAfter")
    if not isinstance(ends, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), tz=UTC)
