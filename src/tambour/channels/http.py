"""
Posting over HTTP for every channel that speaks it, on requests.

Takes nothing from the environment: no proxy, no `.netrc`, no other authorities; follows
no redirect, since a post must not end up elsewhere; reads no more of an answer than a
history needs. Each post has a connection of its own: on a reused one that the server
closes, nobody could tell whether the post had been taken on. Plain HTTP is for this
machine only. Blocking, to be run in a thread.
Source: RFC 9110 §10.2.3 (Retry-After) and §15 (status codes), RFC 6585 §4 (429).
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import requests
import urllib3

from tambour.channels.protocol import Check, Clock
from tambour.channels.replies import tidy
from tambour.channels.tls import client_context, encryption_check, is_loopback
from tambour.model import Outcome, OutcomeKind

ANSWER_BYTES = 2000
_LATER = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
_RETRY_AFTER_DIGITS = 8
_HEADERS = {
    "User-Agent": "Tambour",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_TOKEN_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where posts go; the address itself may be a secret and is never shown."""

    url: str
    timeout_s: float
    hide: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Destination {self.where}>"

    @property
    def parts(self) -> SplitResult:
        """The address, split."""
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        """The address's port, or its scheme's own."""
        return self.parts.port or (443 if self.parts.scheme == "https" else 80)

    @property
    def where(self) -> str:
        """Host and port, which may be shown."""
        return f"{self.parts.hostname}:{self.port}"

    def tidy(self, text: str) -> str:
        """Return *text* fit for a history: one line, no secret, no path."""
        parts = self.parts
        tokens = [part for part in parts.path.split("/") if len(part) >= _TOKEN_CHARS]
        secrets = (self.url, parts.path, parts.query, parts.password or "", *self.hide)
        return tidy(text, hide=(*secrets, *tokens))


def open_session(destination: Destination) -> requests.Session:
    """Return a session that takes nothing from the environment, and no redirect."""
    session = _Session()
    session.trust_env = False
    if destination.parts.scheme == "https":  # reading the authorities takes long
        # Beside the authorities that requests brings along, trust the system's.
        adapter = requests.adapters.HTTPAdapter()
        adapter.init_poolmanager(1, 1, ssl_context=client_context())
        session.mount("https://", adapter)
    return session


class HttpClient:
    """Posts to one destination."""

    def __init__(self, destination: Destination, *, clock: Clock) -> None:
        self._destination = destination
        self._clock = clock
        self._session = open_session(destination)

    def close(self) -> None:
        """Let go of everything; the client may be used again."""
        self._session.close()

    def refusal(self) -> Outcome | None:
        """Say why nothing may be posted there, without asking the network."""
        to = self._destination
        if to.parts.scheme == "https" or is_loopback(to.parts.hostname or ""):
            return None
        reply = f"{to.where} would get the post unencrypted; write https:// in its url"
        return Outcome(kind=OutcomeKind.REJECTED, code="plaintext", reply=reply)

    def post(self, content: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post *content* once and say what became of it."""
        refusal = self.refusal()
        if refusal is not None:
            return refusal
        try:
            return self._post(content, headers)
        finally:
            # `Connection: close` is a wish: requests would use the connection again.
            self._session.close()

    def checks(self) -> tuple[Check, ...]:
        """Reach the destination's name, port and certificate, without posting."""
        to = self._destination
        refusal = self.refusal()
        if refusal is not None:
            return (Check(name="encryption", ok=False, detail=refusal.reply),)
        host = to.parts.hostname or ""
        try:
            with socket.create_connection((host, to.port), to.timeout_s) as sock:
                found = Check(name="connection", ok=True, detail=f"{to.where} answers")
                if to.parts.scheme == "http":
                    return (found,)
                context = client_context()
                with context.wrap_socket(sock, server_hostname=host) as secured:
                    return (found, encryption_check(secured, now=self._clock()))
        except OSError as error:
            code, why = explain(error)
            name = "connection" if code == "unreachable" else "encryption"
            return (Check(name=name, ok=False, detail=f"{to.where} {why}"),)

    def _post(self, content: bytes, headers: Mapping[str, str]) -> Outcome:
        body = _Body(content)
        try:
            response = self._session.post(
                self._destination.url,
                data=body,
                headers={**_HEADERS, **headers},
                timeout=self._destination.timeout_s,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return self._failed(error, is_underway=body.is_underway)
        with response:
            return self._answered(response)

    def _answered(self, response: requests.Response) -> Outcome:
        status = response.status_code
        return Outcome(
            kind=_kind(status),
            code=f"HTTP {status}",
            reply=self._destination.tidy(_explanation(response)),
            retry_after=retry_after(
                response.headers.get("Retry-After", ""), now=self._clock()
            ),
        )

    def _failed(self, error: Exception, *, is_underway: bool) -> Outcome:
        where = self._destination.where
        if not is_underway:
            code, why = explain(error)
            kind = OutcomeKind.DEFERRED
            return Outcome(kind=kind, code=code, reply=f"{where} {why}")
        code, what = "connection-lost", "closed the connection"
        if isinstance(error, requests.Timeout):
            code, what = "timeout", "fell silent"
        reply = f"{where} {what} before it answered the post"
        return Outcome(kind=OutcomeKind.UNCERTAIN, code=code, reply=reply)


def retry_after(header: str, *, now: datetime) -> timedelta | None:
    """Return how long *header* asks to wait; None when it asks nothing sensible."""
    text = header.strip()
    if text.isdecimal() and text.isascii():
        seconds = int(text) if len(text) <= _RETRY_AFTER_DIGITS else None
        return None if seconds is None else timedelta(seconds=seconds)
    try:
        at = parsedate_to_datetime(text)
        return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())
    except (ValueError, OverflowError):
        return None


class _Session(requests.Session):
    """Sees no redirects: to read where one leads, requests would read all of it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        del resp
        return None


class _Body(io.BytesIO):
    """Knows whether any of it was handed to the network."""

    is_underway = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.is_underway = True
        return super().read(size)


def _kind(status: int) -> OutcomeKind:
    if status < HTTPStatus.OK:  # an early hint; what became of the post was yet to come
        return OutcomeKind.UNCERTAIN
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return OutcomeKind.ACCEPTED
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return OutcomeKind.DEFERRED
    return OutcomeKind.REJECTED


def _explanation(response: requests.Response) -> str:
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        to = host_of(response.headers.get("Location", ""))
        return f"redirects to {to or 'elsewhere'}; write that address in url"
    if status == HTTPStatus.GONE:
        return "gone: nobody listens at this url any more"
    body = b""
    # The verdict is in the status; the body is a comfort that may fail to come.
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        body = response.raw.read1(ANSWER_BYTES)
    return body.decode(errors="replace") or response.reason or ""


def host_of(url: str) -> str | None:
    """Return the host of an address that a stranger wrote."""
    try:
        return urlsplit(url).hostname
    except ValueError:  # whoever answers may write anything there
        return None


def explain(error: Exception) -> tuple[str, str]:
    """Return code and words for a failure before anything was answered."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"has a certificate that does not verify: {cause.verify_message}"
            return "certificate", why
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls", "does not speak TLS as it should; check the url's port"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "unreachable", "is a name that cannot be looked up; check the url"
    return "unreachable", "cannot be reached; check the url, and that it is up"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
