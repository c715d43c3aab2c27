"""
One connection to a submission server, reused over messages.

smtplib is driven command by command, so that every failure is known by its phase.
Blocking, for one thread at a time. Knows no waves and no retries.
Source: RFC 5321 §3.3 and §4.5.2, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import idna

from tambour.channels.protocol import Check
from tambour.channels.smtp.earlier_opening import connect, verdicts_for
from tambour.channels.smtp.earlier_verdicts import CLOSING, is_positive
from tambour.channels.tls import encryption_check, is_loopback
from tambour.config import SmtpChannel
from tambour.model import Message, Outcome, OutcomeKind

FINAL_DOT_PATIENCE = 10
"""Times `timeout` for the verdict: 10 minutes by default, as RFC 5321 §4.5.3.2 asks."""
FAREWELL_S = 5.0
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_UNFIT = re.compile(r"[\s<>\x00-\x1f\x7f]")
_SEND_IT = 354


class Session:
    """At most one open connection; `is_lost` once it could not be had again."""

    def __init__(self, settings: SmtpChannel, root: Path) -> None:
        self.is_lost = False
        self._settings = settings
        self._connect = partial(connect, settings, root)
        self._verdicts = verdicts_for(settings)
        self._client: smtplib.SMTP | None = None
        self._is_fresh = True

    def open(self) -> Outcome | None:
        """Connect unless connected; return why not."""
        if self._client is not None:
            return None
        connected = self._connect()
        if isinstance(connected, Outcome):
            self.is_lost = True
            return connected
        self._client, self._is_fresh, self.is_lost = connected, True, False
        return None

    def close(self) -> None:
        """Say goodbye, if there is a connection."""
        if self._client is not None:
            with contextlib.suppress(OSError):
                _be_patient(self._client, FAREWELL_S)
                self._client.docmd("QUIT")
        self._drop()

    def send(self, message: Message) -> Outcome:
        """
        Send *message*, once again on a new connection if the server had closed this.

        Deferred when there is no connection to be had: that is never the recipient's
        fault.
        """
        outcome = self._attempt(message)
        if outcome is not None:
            return outcome
        refusal = self.open()
        if refusal is not None:
            return replace(refusal, kind=OutcomeKind.DEFERRED)
        reply = f"{self._verdicts.where} closed the connection again"
        again = self._verdicts.deferred("connection-lost", reply)
        return self._attempt(message) or again

    def checks(self, *, now: datetime) -> tuple[Check, ...]:
        """Describe the open connection for `doctor`; nothing when there is none."""
        if self._client is None:
            return ()
        sock, user = self._client.sock, self._settings.username
        if isinstance(sock, ssl.SSLSocket):
            encryption = encryption_check(sock, now=now)
        else:
            fine = is_loopback(self._settings.host)
            encryption = Check(name="encryption", ok=fine, detail="none")
        offered = ", ".join(sorted(self._client.esmtp_features)).upper() or "none"
        login = f"{user} is let in" if user else "none asked for"
        answers = f"{self._verdicts.where} answers"
        return (
            Check(name="connection", ok=True, detail=answers),
            encryption,
            Check(name="login", ok=True, detail=login),
            Check(name="extensions", ok=True, detail=offered),
        )

    def _attempt(self, message: Message) -> Outcome | None:
        """None when the server had closed the connection before this message."""
        client = self._client
        if client is None:
            return None
        unsendable = self._unsendable(client, message)
        if unsendable is not None:
            return unsendable
        was_fresh, self._is_fresh = self._is_fresh, False
        try:
            code, reply = client.docmd("MAIL", _mail_arguments(client, message))
        except OSError as error:
            self._drop()
            return self._verdicts.of_loss(error, during="MAIL") if was_fresh else None
        if code == CLOSING and not was_fresh:
            self._drop()
            return None
        if not is_positive(code):
            return self._refused(client, code, reply)
        return self._continue(client, message)

    def _unsendable(self, client: smtplib.SMTP, message: Message) -> Outcome | None:
        where, rejected = self._verdicts.where, self._verdicts.rejected
        if not _has_whole_lines(message.content):
            return rejected("bad-content", "every line must end with CRLF")
        if not message.content.isascii() and not client.has_extn("8bitmime"):
            return rejected("8bitmime-missing", f"{where} takes ASCII content only")
        for address in (message.sender, message.recipient):
            wire = _on_the_wire(address)
            if wire is None:
                return rejected("bad-address", f"{address!r} is no mail address")
            if not wire.isascii() and not client.has_extn("smtputf8"):
                reply = f"{where} takes only ASCII before the @ of {address}"
                return rejected("smtputf8-missing", reply)
        return None

    def _continue(self, client: smtplib.SMTP, message: Message) -> Outcome:
        recipient, phase = _on_the_wire(message.recipient), "RCPT"
        try:
            code, reply = client.docmd("RCPT", f"TO:<{recipient}>")
            if not is_positive(code):
                return self._refused(client, code, reply)
            phase = "DATA"
            code, reply = client.docmd("DATA")
            if code != _SEND_IT:
                return self._refused(client, code, reply)
            client.send(_LEADING_DOT.sub(b"..", message.content))
        except OSError as error:
            self._drop()
            return self._verdicts.of_loss(error, during=phase)
        return self._finish(client)

    def _finish(self, client: smtplib.SMTP) -> Outcome:
        timeout_s = self._settings.timeout.total_seconds()
        try:
            _be_patient(client, timeout_s * FINAL_DOT_PATIENCE)
            client.send(b".\r\n")
            code, reply = client.getreply()
        except OSError as error:
            self._drop()
            return self._verdicts.of_final_loss(error)
        outcome = self._verdicts.of_final_reply(code, reply)
        if code == CLOSING or outcome.kind is OutcomeKind.UNCERTAIN:
            self._drop()
        else:
            _be_patient(client, timeout_s)
        return outcome

    def _refused(self, client: smtplib.SMTP, code: int, reply: bytes) -> Outcome:
        """Leave the transaction, so that the next message starts anew."""
        outcome = self._verdicts.of_refusal(code, reply)
        try:
            is_over = code == CLOSING or outcome.code == "protocol"
            if is_over or not is_positive(client.docmd("RSET")[0]):
                self._drop()
        except OSError:
            self._drop()
        return outcome

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _be_patient(client: smtplib.SMTP, timeout_s: float) -> None:
    if client.sock is not None:
        client.sock.settimeout(timeout_s)


def _has_whole_lines(content: bytes) -> bool:
    # A bare CR or LF is a line's end to some servers: messages could be smuggled in.
    ends = content.count(b"\r\n")
    return content.endswith(b"\r\n") and (
        ends == content.count(b"\n") == content.count(b"\r")
    )


def _on_the_wire(address: str) -> str | None:
    """The address with an ASCII domain (RFC 5890); None when it is no address."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or _UNFIT.search(address):
        return None
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True)
    except idna.IDNAError:
        return None
    wire = ascii_domain if isinstance(ascii_domain, str) else ascii_domain.decode()
    return f"{local}@{wire}"


def _mail_arguments(client: smtplib.SMTP, message: Message) -> str:
    sender, recipient = _on_the_wire(message.sender), _on_the_wire(message.recipient)
    needs_utf8 = not f"{sender}{recipient}".isascii()
    client.command_encoding = "utf-8" if needs_utf8 else "ascii"
    size = f" SIZE={len(message.content)}" if client.has_extn("size") else ""
    body = "" if message.content.isascii() else " BODY=8BITMIME"
    return f"FROM:<{sender}>{size}{body}{' SMTPUTF8' if needs_utf8 else ''}"
