"""
From a host's name to a connected socket.

Tries each address that the name has, for an equal share of the time, so that one that
does not answer cannot hide the next. Knows no TLS and no SMTP.
"""

from __future__ import annotations

import asyncio
import socket


async def dial(host: str, port: int, *, timeout_s: float) -> socket.socket:
    """
    Return a socket connected to *host*.

    Raises:
        OSError: no address of the host answered in time.

    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + timeout_s
    async with asyncio.timeout(timeout_s):
        places = await loop.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    latest: OSError = ConnectionRefusedError()
    for rank, (family, kind, protocol, _, address) in enumerate(places):
        share_s = (ends_at - loop.time()) / (len(places) - rank)
        sock = socket.socket(family, kind, protocol)
        is_connected = False
        try:
            sock.settimeout(0)
            async with asyncio.timeout(share_s):
                await loop.sock_connect(sock, address)
            is_connected = True
        except OSError as error:
            latest = error
        else:
            # A last line must not wait for an acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        finally:
            if not is_connected:
                sock.close()
    raise latest


def address_literal(sock: socket.socket) -> str:
    """Return how a client without a public name introduces itself (RFC 5321 §4.1.3)."""
    address = str(sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
