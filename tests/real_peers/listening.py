"""A relay before a server, which remembers who said what before whom answered."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from real_peers.mail_servers import Port


@dataclass(slots=True)
class Relay:
    """Carries bytes to and fro, one connection after the other."""

    port: int
    turns: list[bytes] = field(default_factory=list)
    """All that the client said without an answer in between, time after time."""

    def carry(self, client: socket.socket, server: socket.socket) -> None:
        """Carry bytes until either side hangs up."""
        other = {client: server, server: client}
        is_answered = True
        with selectors.DefaultSelector() as ready:
            for sock in other:
                ready.register(sock, selectors.EVENT_READ)
            while True:
                # What the server says is looked at first: it was said before.
                events = [key.fileobj for key, _ in ready.select()]
                for sock in sorted(events, key=lambda one: one is client):
                    assert isinstance(sock, socket.socket)
                    data = sock.recv(1 << 20)
                    if not data:
                        return
                    if sock is client and is_answered:
                        self.turns.append(b"")
                    if sock is client:
                        self.turns[-1] += data
                    is_answered = sock is server
                    other[sock].sendall(data)


@contextmanager
def relay(port: Port) -> Iterator[Relay]:
    """Listen on a free port, and carry all to *port*."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard = Relay(listening.getsockname()[1])

        def live() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with (
                    client,
                    socket.create_connection(("127.0.0.1", int(port))) as server,
                ):
                    heard.carry(client, server)

        thread = threading.Thread(target=live)
        thread.start()
        try:
            yield heard
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
