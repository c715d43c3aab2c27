"""
The demo's own servers on loopback: one takes mail, one takes webhooks.

Both file what they receive into an outbox folder. The webhook refuses a payload whose
signature is wrong, so that what is shown was really signed.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tambour.channels.outbox import file_mail, file_post, refresh_index

LOOPBACK = "127.0.0.1"
SECRET = "whsec_" + base64.b64encode(b"a secret for the demo").decode()
MAX_BYTES = 10_000_000
POLL_S = 0.05
"""How soon the webhook's server notices that it is to end."""


class MailServer:
    """What the SMTP server does with mail; `is_busy` makes it ask to come back."""

    def __init__(self, outbox: Path) -> None:
        self.outbox = outbox
        self.port = 0
        self.is_busy = False
        self.received = 0
        self.is_ready = threading.Event()
        self._loop = asyncio.new_event_loop()

    def serve(self) -> None:
        """Take mail until `stop` is called from another thread."""
        opening = self._loop.create_server(
            lambda: SMTP(self, loop=self._loop), LOOPBACK, 0
        )
        server = self._loop.run_until_complete(opening)
        self.port = server.sockets[0].getsockname()[1]
        self.is_ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    def stop(self) -> None:
        """End `serve`."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or ask to come back later."""
        if self.is_busy:
            return "451 4.7.1 Too busy, please come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's hook
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """File a message for each of its recipients."""
        content = envelope.original_content or b""
        for address in envelope.rcpt_tos:
            file_mail(self.outbox, content, recipient=address)
            self.received += 1
        return "250 2.0.0 OK"


class Webhook:
    """What the webhook receiver is told."""

    def __init__(self, outbox: Path) -> None:
        self.outbox = outbox
        self.port = 0
        self.secret = SECRET
        self.received = 0

    def take(self, headers: Any, body: bytes) -> int:  # noqa: ANN401 - http.server's
        """File a payload; return the HTTP status that answers it."""
        stamp = ".".join((headers["webhook-id"], headers["webhook-timestamp"], ""))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.digest(key, stamp.encode() + body, "sha256")
        expected = f"v1,{base64.b64encode(mac).decode()}"
        given = headers["webhook-signature"] or ""
        if not hmac.compare_digest(expected, given):
            return 401
        file_post(self.outbox, body, recipient="equipe", key=headers["webhook-id"])
        self.received += 1
        return 204


@contextmanager
def receivers(outbox: Path) -> Iterator[tuple[MailServer, Webhook]]:
    """Let both servers listen on free ports of loopback, then make the index page."""
    outbox.mkdir(parents=True, exist_ok=True)
    mail, hook = MailServer(outbox), Webhook(outbox)
    web = http.server.ThreadingHTTPServer((LOOPBACK, 0), _request_class(hook))
    hook.port = web.server_port
    threads = [
        threading.Thread(target=web.serve_forever, args=(POLL_S,), daemon=True),
        threading.Thread(target=mail.serve, daemon=True),
    ]
    for thread in threads:
        thread.start()
    mail.is_ready.wait()
    try:
        yield mail, hook
    finally:
        web.shutdown()
        mail.stop()
        for thread in threads:
            thread.join()
        web.server_close()
        refresh_index(outbox)


def _request_class(hook: Webhook) -> type[http.server.BaseHTTPRequestHandler]:
    class Request(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length") or 0), MAX_BYTES)
            self.send_response(hook.take(self.headers, self.rfile.read(length)))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the timeline does."""

    return Request
