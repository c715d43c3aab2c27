"""
From a host's name to a connected socket, and from there to TLS.

Tries each address that the name has, for an equal share of the time, so that one that
does not answer cannot hide the next. Knows no SMTP.
Source: RFC 5321 §5.1 (each address in turn), §4.1.3 (address literals).
"""

from __future__ import annotations

import asyncio
import socket
import ssl


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


async def attach(
    protocol: asyncio.Protocol,
    sock: socket.socket,
    *,
    host: str,
    context: ssl.SSLContext | None,
    timeout_s: float,
) -> None:
    """
    Let *protocol* speak over *sock*, through TLS from the first byte given a *context*.

    Raises:
        OSError: there is no TLS to be had with *host*.

    """
    loop = asyncio.get_running_loop()
    if context is None:
        await loop.create_connection(lambda: protocol, sock=sock)
        return
    await loop.create_connection(
        lambda: protocol,
        sock=sock,
        ssl=context,
        server_hostname=host.strip("[]"),
        ssl_handshake_timeout=timeout_s,
    )


async def start_tls(
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    *,
    host: str,
    context: ssl.SSLContext,
    timeout_s: float,
) -> asyncio.Transport | None:
    """
    Return the encrypted transport that replaces *transport*; None if it has closed.

    Raises:
        OSError: there is no TLS to be had with *host*.

    """
    return await asyncio.get_running_loop().start_tls(
        transport,
        protocol,
        context,
        server_hostname=host.strip("[]"),
        ssl_handshake_timeout=timeout_s,
    )


def address_literal(sock: socket.socket) -> str:
    """Return how a client without a public name introduces itself (RFC 5321 §4.1.3)."""
    address = str(sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
