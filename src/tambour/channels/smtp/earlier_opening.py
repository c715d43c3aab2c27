"""
How a connection to a submission server is dialled, secured and logged in.

Nothing is asked of a server whose certificate does not verify, and no password goes
out unencrypted except to this very machine. Logs in itself, because smtplib cannot
send a password with an accent.
Source: RFC 8314 (implicit TLS), RFC 3207 (STARTTLS), RFC 4954 and 4616 (AUTH PLAIN).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from base64 import b64encode
from pathlib import Path

from tambour.channels.smtp.earlier_verdicts import CLOSING, Verdicts, is_positive
from tambour.channels.tls import client_context, is_loopback
from tambour.config import SmtpChannel
from tambour.model import Outcome

_GO_ON = 334


def verdicts_for(settings: SmtpChannel) -> Verdicts:
    """Return what makes this server's outcomes, with the password hidden."""
    return Verdicts(
        where=f"{settings.host}:{settings.port}",
        hide=(_password(settings), _base64(_password(settings)), _plain(settings)),
    )


def connect(settings: SmtpChannel, root: Path) -> smtplib.SMTP | Outcome:
    """Return a connection ready for MAIL, or why there is none."""
    verdicts = verdicts_for(settings)
    is_open = settings.security == "none" and not is_loopback(settings.host)
    if settings.username and is_open:
        reply = f"{verdicts.where}: no password goes out unencrypted; set security"
        return verdicts.rejected("plaintext-login", reply)
    ca_file = root / settings.ca_file if settings.ca_file else None
    try:
        is_plain = settings.security == "none" and ca_file is None
        context = None if is_plain else client_context(ca_file)
    except OSError as error:
        reply = f"ca_file {ca_file} cannot be used: {error.strerror or error}"
        return verdicts.rejected("ca-file", reply)
    try:
        client = _dial(settings, context)
    except OSError as error:
        return verdicts.of_no_connection(error)
    try:
        refusal = _introduce(client, settings, context) or _log_in(client, settings)
    except OSError as error:
        refusal = verdicts.of_no_connection(error)
    if refusal is not None:
        client.close()
        return refusal
    return client


def _dial(settings: SmtpChannel, context: ssl.SSLContext | None) -> smtplib.SMTP:
    host, port = settings.host, settings.port
    # A name given here spares a look-up of our own, which may take very long.
    name, timeout_s = "localhost", settings.timeout.total_seconds()
    # Without a context smtplib would take one that verifies nothing.
    if settings.security == "tls" and context is not None:
        return smtplib.SMTP_SSL(
            host, port, local_hostname=name, timeout=timeout_s, context=context
        )
    return smtplib.SMTP(host, port, local_hostname=name, timeout=timeout_s)


def _introduce(
    client: smtplib.SMTP, settings: SmtpChannel, context: ssl.SSLContext | None
) -> Outcome | None:
    if client.sock is not None:
        # The final dot travels alone: it must not wait for an acknowledgement.
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.local_hostname = _address_literal(client.sock)
    refusal = _greet(client, settings)
    if refusal is not None or settings.security != "starttls" or context is None:
        return refusal
    if not client.has_extn("starttls"):
        verdicts = verdicts_for(settings)
        reply = f"{verdicts.where} offers no STARTTLS; with port 465 set security: tls"
        return verdicts.rejected("starttls-missing", reply)
    client.starttls(context=context)
    return _greet(client, settings)


def _greet(client: smtplib.SMTP, settings: SmtpChannel) -> Outcome | None:
    code, reply = client.ehlo()
    if not is_positive(code) and code != CLOSING:
        code, reply = client.helo()
    if is_positive(code):
        return None
    what = "greeting refused"
    return verdicts_for(settings).of_no_service(code, reply, what=what)


def _log_in(client: smtplib.SMTP, settings: SmtpChannel) -> Outcome | None:
    if not settings.username:
        return None
    verdicts = verdicts_for(settings)
    offered = client.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        code, reply = client.docmd("AUTH", f"PLAIN {_plain(settings)}")
    elif "LOGIN" in offered:
        code, reply = client.docmd("AUTH", f"LOGIN {_base64(settings.username)}")
        if code == _GO_ON:
            code, reply = client.docmd(_base64(_password(settings)))
    else:
        found = " ".join(offered) or "no login"
        said = f"{verdicts.where} offers {found}; needed is AUTH PLAIN or LOGIN"
        return verdicts.rejected("login-unsupported", said)
    if is_positive(code):
        return None
    what = f"login of {settings.username} refused, check username and password"
    return verdicts.of_no_service(code, reply, what=what)


def _password(settings: SmtpChannel) -> str:
    return settings.password.get_secret_value() if settings.password else ""


def _plain(settings: SmtpChannel) -> str:
    return _base64(f"\0{settings.username}\0{_password(settings)}")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _address_literal(sock: socket.socket) -> str:
    """How a client without a public name introduces itself (RFC 5321 §4.1.3)."""
    address = str(sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
