"""
What an SMTP reply or a broken connection means for a message.

Pure: replies and exceptions in, outcomes out. The point of no return is the final dot:
before it nothing can have been taken on, after it only the server's reply tells.
Source: RFC 5321 §4.2 and §4.3.2, RFC 3463, RFC 1047 on lost replies.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field

from tambour.channels.replies import tidy
from tambour.model import Outcome, OutcomeKind

CLOSING = 421
"""The server says that it is about to close the connection."""

_KINDS = {2: OutcomeKind.ACCEPTED, 4: OutcomeKind.DEFERRED, 5: OutcomeKind.REJECTED}
_CONCERNS = {
    "certificate": "encryption",
    "tls": "encryption",
    "starttls-missing": "encryption",
    "ca-file": "encryption",
    "plaintext-login": "login",
    "login-unsupported": "login",
    "530": "login",
    "534": "login",
    "535": "login",
}


def concerns(outcome: Outcome) -> str:
    """Return which part of opening a connection *outcome* is about, for `doctor`."""
    return _CONCERNS.get(outcome.code, "connection")


def is_positive(code: int) -> bool:
    """Whether the server agreed (2yz)."""
    return _KINDS.get(code // 100) is OutcomeKind.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Makes outcomes whose replies name *where* (host:port) and hide the secrets."""

    where: str
    hide: tuple[str, ...] = field(default=(), repr=False)

    def of_refusal(self, code: int, reply: bytes) -> Outcome:
        """A command of a transaction was not agreed to."""
        kind = _KINDS.get(code // 100)
        if kind is None or kind is OutcomeKind.ACCEPTED:
            reply_text = f"{self.where} gave an answer that fits no question"
            return self.deferred("protocol", reply_text)
        return self._outcome(kind, str(code), _decode(reply))

    def of_final_reply(self, code: int, reply: bytes) -> Outcome:
        """The reply to the final dot, which alone says who has the message now."""
        kind = _KINDS.get(code // 100)
        if kind is None:
            reply_text = f"{self.where} gave no verdict on the message"
            return self._outcome(OutcomeKind.UNCERTAIN, "protocol", reply_text)
        return self._outcome(kind, str(code), _decode(reply))

    def of_loss(self, error: OSError, *, during: str) -> Outcome:
        """The connection was lost before the final dot: nothing was taken on."""
        code, what = _loss(error)
        return self.deferred(code, f"{self.where} {what} during {during}")

    def of_final_loss(self, error: OSError) -> Outcome:
        """The connection was lost with the final dot sent: nobody knows."""
        code, what = _loss(error)
        reply = f"{self.where} {what} before its verdict on the message"
        return self._outcome(OutcomeKind.UNCERTAIN, code, reply)

    def of_no_service(self, code: int, reply: bytes | str, *, what: str) -> Outcome:
        """The server answered while the connection was opened, and declined."""
        if code // 100 not in _KINDS:
            reply_text = f"{self.where} does not speak SMTP; check host, port, security"
            return self.deferred("protocol", reply_text)
        kind = OutcomeKind.DEFERRED if _is_temporary(code) else OutcomeKind.REJECTED
        return self._outcome(kind, str(code), f"{self.where}: {what}: {_decode(reply)}")

    def of_no_connection(self, error: OSError) -> Outcome:
        """No connection came about."""
        if isinstance(error, smtplib.SMTPResponseException):
            code, reply = error.smtp_code, error.smtp_error
            return self.of_no_service(code, reply, what="no service")
        if isinstance(error, ssl.SSLCertVerificationError):
            mend = "mend host or the server's certificate, or set ca_file"
            why = f"has a certificate that does not verify: {error.verify_message}"
            return self.rejected("certificate", f"{self.where} {why}; {mend}")
        if isinstance(error, ssl.SSLError):
            mend = "security: tls is usual on port 465, starttls on 587"
            return self.deferred("tls", f"{self.where}: TLS failed; {mend}")
        mend = "check host and port, and that the server is up"
        return self.deferred("unreachable", f"{self.where} {_why(error)}; {mend}")

    def deferred(self, code: str, reply: str) -> Outcome:
        """Our own temporary verdict."""
        return self._outcome(OutcomeKind.DEFERRED, code, reply)

    def rejected(self, code: str, reply: str) -> Outcome:
        """Our own permanent verdict."""
        return self._outcome(OutcomeKind.REJECTED, code, reply)

    def _outcome(self, kind: OutcomeKind, code: str, reply: str) -> Outcome:
        return Outcome(kind=kind, code=code, reply=tidy(reply, hide=self.hide))


def _decode(reply: bytes | str) -> str:
    return reply if isinstance(reply, str) else reply.decode(errors="replace")


def _is_temporary(code: int) -> bool:
    return _KINDS.get(code // 100) is OutcomeKind.DEFERRED


def _loss(error: OSError) -> tuple[str, str]:
    if _has_timed_out(error):
        return "timeout", "fell silent"
    if isinstance(error, smtplib.SMTPResponseException):
        return "protocol", "gave an endless answer"
    return "connection-lost", "closed the connection"


def _why(error: OSError) -> str:
    if _has_timed_out(error):
        return "does not answer"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "closed the connection at once"
    return f"cannot be reached: {error.strerror or type(error).__name__}"


def _has_timed_out(error: OSError) -> bool:
    # smtplib turns a time-out while it reads or writes into SMTPServerDisconnected.
    return isinstance(error, TimeoutError) or isinstance(
        error.__context__, TimeoutError
    )
