"""A real HTTP server on loopback that answers as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What the server says; `status` 0 hangs up, -1 says nothing at all.

    An endless one announces a body that does not come, and waits.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What the server got."""

    client_port: int
    path: str
    headers: Message
    body: bytes


@dataclass(slots=True)
class HttpPeer:
    """The server's side: `answers` by webhook-id, else `answer`."""

    answer: Answer = field(default_factory=Answer)
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[Posted] = field(default_factory=list)
    accepted: list[Posted] = field(default_factory=list)
    port: int = 0
    server: ThreadingHTTPServer | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def vanish(self) -> None:
        """Answer no more, and let no thread linger."""
        server, self.server = self.server, None
        self.ended.set()
        if server is not None:
            server.shutdown()
            server.server_close()


def _handler(peer: HttpPeer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted = Posted(
                client_port=self.client_address[1],
                path=self.path,
                headers=self.headers,
                body=body,
            )
            answer = peer.answers.get(self.headers.get("webhook-id", ""), peer.answer)
            peer.received.append(posted)
            if answer.status <= 0:
                if answer.status < 0:
                    peer.ended.wait()
                self.close_connection = True
                return
            if answer.status // 100 == 2:
                peer.accepted.append(posted)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not answer.is_endless:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.is_endless:
                peer.ended.wait()

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def http_server(*, tls: ssl.SSLContext | None = None) -> Iterator[HttpPeer]:
    """Run the server on a free port, in a thread."""
    peer = HttpPeer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(peer))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    peer.server, peer.port = server, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield peer
    finally:
        peer.vanish()
        thread.join()
