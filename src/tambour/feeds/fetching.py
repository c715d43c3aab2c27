"""
One request to the server of a feed, and what came of it, as a value.

Follows no redirect and takes nothing from the environment; gives up on what is too
large or too slow. Blocking. Its words name a server by host and port alone, since the
rest of an address may be a secret.
Source: RFC 9110 §13 (conditional requests); RFC 7617 for a login in the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import requests
import urllib3

from tambour.channels.http import Destination, explain, host_of, open_session

MOST_BYTES = 10 * 1024 * 1024
STEP_S = 20.0
"""How long a server may say nothing."""
WHOLE_S = 60.0
"""How long an answer may take in all."""
_CHUNK = 64 * 1024
_WEB = {"webcal": "https", "webcals": "https"}
_HEADERS = {
    "User-Agent": "Tambour",
    "Accept": "text/calendar, */*;q=0.1",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, and by which clock."""

    step_s: float = STEP_S
    whole_s: float = WHOLE_S
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A calendar, or that nothing is new, or why there is neither."""

    content: bytes = b""
    etag: str = ""
    last_modified: str = ""
    is_unchanged: bool = False
    failure: str = ""


def web_address(url: str) -> str:
    """Return the address at which a feed is asked: `webcal` means `https`."""
    scheme, _, rest = url.partition(":")
    return f"{_WEB.get(scheme.lower(), scheme.lower())}:{rest}"


def fetch(url: str, *, known: Mapping[str, str], patience: Patience) -> Fetched:
    """
    Ask for the calendar at *url*.

    Args:
        known: request headers that let the server say that nothing is new.

    """
    server = Destination(url=web_address(url), timeout_s=patience.step_s)
    began = patience.monotonic()
    with open_session(server) as session:
        try:
            with session.get(
                server.url,
                headers={**_HEADERS, **known},
                timeout=server.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                failure = _refusal(response, server, is_conditional=bool(known))
                if failure or response.status_code == HTTPStatus.NOT_MODIFIED:
                    return Fetched(is_unchanged=not failure, failure=failure)
                return _read(
                    response, server, until=began + patience.whole_s, by=patience
                )
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            return Fetched(failure=f"{server.where} fell silent")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, requests.ConnectionError):
                return Fetched(failure=f"{server.where} {explain(error)[1]}")
            return Fetched(failure=f"{server.where} broke off")
        except (OSError, ValueError):
            return Fetched(failure=f"{server.where} broke off")


def _refusal(
    response: requests.Response, server: Destination, *, is_conditional: bool
) -> str:
    status = response.status_code
    if status == HTTPStatus.OK or (
        status == HTTPStatus.NOT_MODIFIED and is_conditional
    ):
        return ""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        to = host_of(response.headers.get("Location", "")) or "elsewhere"
        return f"{server.where} redirects to {to}; write that address in url"
    return f"{server.where} answered HTTP {status}"


def _read(
    response: requests.Response, server: Destination, *, until: float, by: Patience
) -> Fetched:
    content = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > MOST_BYTES:
            size = MOST_BYTES // 1024**2
            return Fetched(failure=f"{server.where} sends more than {size} MB")
        if by.monotonic() > until:
            return Fetched(failure=f"{server.where} is too slow")
    return Fetched(
        content=bytes(content),
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
    )
