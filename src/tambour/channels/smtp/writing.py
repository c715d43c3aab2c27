"""
Writing to a connection while other threads go on.

A socket lets go of the interpreter's lock while the kernel copies, a transport of
uvloop's does not: with messages of 38 KB that held the ledger's thread up for a fifth
of the time. Knows no SMTP.
"""

from __future__ import annotations

import asyncio
import socket


def write(
    transport: asyncio.Transport, sock: socket.socket | None, data: bytes
) -> None:
    """
    Write *data* now if the kernel has room for it, else leave it to *transport*.

    There is no *sock* to write to where the transport encrypts.
    """
    sent = 0
    # What the transport has not written yet comes first.
    if sock is not None and not transport.get_write_buffer_size():
        try:
            sent = sock.send(data)
        except OSError:  # full, or broken: the transport tells which
            sent = 0
    if sent < len(data):
        transport.write(memoryview(data)[sent:])
