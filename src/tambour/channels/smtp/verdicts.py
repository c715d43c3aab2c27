"""
What a reply or a broken connection means for a message.

Pure: replies and losses in, outcomes out. The point of no return is the final dot (or
the last chunk): before it nothing can have been taken on, after it only the server's
reply tells. Whose matter a refusal is decides what follows: an address that does not
exist is not written to again, a sender who is refused looks into it, and neither is
ever mistaken for the other.
Source: RFC 5321 §4.2 and §4.3.2, RFC 3463 §3, RFC 7372 and 7505 (further codes), RFC
1047 on lost replies; postmaster.orange.fr (codes OFR_…), as of 2026-06.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from tambour.channels.replies import tidy
from tambour.channels.smtp.replies import CLOSING, Reply
from tambour.channels.smtp.states import Command
from tambour.model import Cause, Outcome, OutcomeKind

UNSENT = "unsent"
"""Code of what waited behind something else when the connection was lost."""

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
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""
Mailbox unknown, domain invalid, syntax, moved away, null MX, disabled.

RFC 3463 §3.2 has X.1.2 for permanent failures alone: the part after the @ is invalid.
A domain that is merely down gives 4.4.x.
"""
_ABOUT_SENDER = re.compile(r"5\.7\.|5\.1\.[78]$")
_VENDOR_ABOUT_SENDER = re.compile(r"\bOFR_?\d")
_ABOUT_SIZE = frozenset({"5.3.4", "5.2.3"})
_TOO_LARGE = 552
_LOGIN = frozenset({530, 534, 535})
_OUT_OF_STEP = re.compile(r"synchroni[sz]|pipelin", re.IGNORECASE)
_BAD_SEQUENCE = 503
_CROWDED = frozenset({"4.7.0", "4.3.2"})
_TOO_MANY = re.compile(r"too many (concurrent )?(connections|sessions)", re.IGNORECASE)


class Loss(StrEnum):
    """How a connection ends without a word."""

    CLOSED = "connection-lost"
    SILENT = "timeout"
    GARBLED = "protocol"


_LOSSES = {
    Loss.CLOSED: "closed the connection",
    Loss.SILENT: "fell silent",
    Loss.GARBLED: "gave an answer that fits no question",
}


def concerns(outcome: Outcome) -> str:
    """Return which part of opening a connection *outcome* is about, for `doctor`."""
    return _CONCERNS.get(outcome.code, "connection")


def is_out_of_step(reply: Reply) -> bool:
    """Whether the server cannot follow commands that are written ahead."""
    if reply.code == _BAD_SEQUENCE:
        return True
    is_for_good = _KINDS.get(reply.code // 100) is OutcomeKind.REJECTED
    return is_for_good and _OUT_OF_STEP.search(reply.text) is not None


def is_crowded(reply: Reply) -> bool:
    """Whether a farewell means that there are too many connections."""
    return reply.status in _CROWDED or _TOO_MANY.search(reply.text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Makes outcomes whose replies name *where* (host:port) and hide the secrets."""

    where: str
    hide: tuple[str, ...] = field(default=(), repr=False)
    _latest: dict[Reply, Outcome] = field(default_factory=dict, repr=False)

    def of_refusal(self, reply: Reply, *, to: Command) -> Outcome:
        """A command of a transaction was not agreed to."""
        return self._quoting(reply, cause=_cause(reply, to))

    def of_final_reply(self, reply: Reply) -> Outcome:
        """The reply to the content, which alone says who has the message now."""
        # Many servers say the same each time.
        known = self._latest.get(reply)
        if known is None:
            known = self._quoting(reply, cause=_cause(reply, Command.DOT))
            self._latest.clear()
            self._latest[reply] = known
        return known

    def of_loss(self, loss: Loss, *, during: str) -> Outcome:
        """The connection was lost before the content's end: nothing was taken on."""
        return self.deferred(loss, f"{self.where} {_LOSSES[loss]} during {during}")

    def of_final_loss(self, loss: Loss) -> Outcome:
        """The connection was lost with all content sent: nobody knows."""
        reply = f"{self.where} {_LOSSES[loss]} before its verdict on the message"
        return self._outcome(OutcomeKind.UNCERTAIN, loss, reply)

    def unsent(self) -> Outcome:
        """The connection was lost before this message's turn."""
        return self.deferred(UNSENT, f"{self.where} was lost before this message")

    def of_no_service(self, reply: Reply, *, what: str) -> Outcome:
        """The server answered while the connection was opened, and declined."""
        if reply.code // 100 not in _KINDS:
            reply_text = f"{self.where} does not speak SMTP; check host, port, security"
            return self.deferred(Loss.GARBLED, reply_text)
        is_for_now = _KINDS[reply.code // 100] is OutcomeKind.DEFERRED
        is_about_sender = reply.code in _LOGIN or _ABOUT_SENDER.match(reply.status)
        return Outcome(
            kind=OutcomeKind.DEFERRED if is_for_now else OutcomeKind.REJECTED,
            code=str(reply.code),
            status=reply.status,
            cause=Cause.SENDER if is_about_sender else Cause.MESSAGE,
            reply=tidy(f"{self.where}: {what}: {reply.text}", hide=self.hide),
        )

    def of_no_connection(self, error: OSError) -> Outcome:
        """No connection came about."""
        if isinstance(error, ssl.SSLCertVerificationError):
            mend = "mend host or the server's certificate, or set ca_file"
            why = f"has a certificate that does not verify: {error.verify_message}"
            return self.rejected("certificate", f"{self.where} {why}; {mend}")
        if isinstance(error, ssl.SSLError):
            mend = "security: tls is usual on port 465, starttls on 587"
            return self.deferred("tls", f"{self.where}: TLS failed; {mend}")
        if isinstance(error, TimeoutError):
            return self.unreachable("does not answer")
        why = error.strerror or type(error).__name__
        return self.unreachable(f"cannot be reached: {why}")

    def of_lost_opening(self, loss: Loss) -> Outcome:
        """The connection was lost before it was ready."""
        if loss is Loss.CLOSED:
            return self.unreachable("closed the connection at once")
        if loss is Loss.SILENT:
            return self.unreachable("does not answer")
        reply = f"{self.where} does not speak SMTP; check host, port, security"
        return self.deferred(loss, reply)

    def unreachable(self, why: str) -> Outcome:
        """There is no conversation to be had."""
        mend = "check host and port, and that the server is up"
        return self.deferred("unreachable", f"{self.where} {why}; {mend}")

    def deferred(self, code: str, reply: str) -> Outcome:
        """Our own temporary verdict."""
        return self._outcome(OutcomeKind.DEFERRED, code, reply)

    def rejected(self, code: str, reply: str) -> Outcome:
        """Our own permanent verdict."""
        return self._outcome(OutcomeKind.REJECTED, code, reply)

    def _quoting(self, reply: Reply, *, cause: Cause) -> Outcome:
        return Outcome(
            kind=_KINDS[reply.code // 100],
            code=str(reply.code),
            reply=tidy(reply.text, hide=self.hide),
            status=reply.status,
            cause=cause,
        )

    def _outcome(self, kind: OutcomeKind, code: str, reply: str) -> Outcome:
        return Outcome(kind=kind, code=str(code), reply=tidy(reply, hide=self.hide))


def _cause(reply: Reply, to: Command) -> Cause:
    """Say whose matter a reply is: only what refuses for good can be blamed."""
    if _KINDS[reply.code // 100] is not OutcomeKind.REJECTED or reply.code == CLOSING:
        return Cause.MESSAGE
    status = reply.status
    if reply.code == _TOO_LARGE or status in _ABOUT_SIZE:
        return Cause.MESSAGE
    if to is Command.MAIL or reply.code in _LOGIN:
        return Cause.SENDER
    if status in _NO_SUCH_ADDRESS:
        return Cause.ADDRESS
    if _ABOUT_SENDER.match(status) or _VENDOR_ABOUT_SENDER.search(reply.text):
        return Cause.SENDER
    return Cause.MESSAGE
