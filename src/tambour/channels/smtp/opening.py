"""
How a conversation begins: greeting, EHLO, STARTTLS, login.

Pure: replies in, command lines out. What a server said before TLS is forgotten, and no
password is said unencrypted but to this very machine. Written here because no library
sends a password with an accent.
Source: RFC 5321 §4.1.1.1 (EHLO, HELO), RFC 3207 (STARTTLS), RFC 4954 and 4616 (AUTH
PLAIN); developers.google.com, XOAUTH2 protocol, as of 2026-06 (the challenge that
tells an error); AUTH LOGIN has no standard.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable

from tambour.channels.smtp.envelope import Offer
from tambour.channels.smtp.replies import CLOSING, Reply
from tambour.channels.smtp.states import ANSWERS, TABLE, Answer, Command, State
from tambour.channels.smtp.verdicts import Loss, Verdicts
from tambour.channels.tls import is_loopback
from tambour.config import SmtpServer
from tambour.model import Outcome

MAX_LINE_CHARS = 510
"""Longer answers go on a line of their own (RFC 4954 §4)."""
MAX_QUESTIONS = 4
_GIVE_UP = "*"
_WHATS = {
    Command.CONNECT: "no service",
    Command.EHLO: "greeting refused",
    Command.HELO: "greeting refused",
    Command.STARTTLS: "STARTTLS refused",
}


def verdicts_for(server: SmtpServer) -> Verdicts:
    """Return what makes this server's outcomes, with the secrets hidden."""
    password = _password(server)
    return Verdicts(
        where=f"{server.host}:{server.port}",
        hide=(password, _base64(password), _plain(server), _xoauth2(server)),
    )


def plaintext_refusal(server: SmtpServer, verdicts: Verdicts) -> Outcome | None:
    """Return why *server* is not dialled, if its password would go in the clear."""
    if not server.username or server.security != "none" or is_loopback(server.host):
        return None
    reply = f"{verdicts.where}: no password goes out unencrypted; set security"
    return verdicts.rejected("plaintext-login", reply)


class Opening:
    """
    The conversation until it is ready for messages.

    `out` holds what is to be written. It is over once `is_ready`, or once `refusal`
    says why not; while `wants_handshake`, the other side waits for TLS.
    """

    def __init__(
        self,
        server: SmtpServer,
        verdicts: Verdicts,
        *,
        introduction: str,
        is_encrypted: bool = False,
    ) -> None:
        self.state = State.CONNECTED
        self.out: list[bytes] = []
        self.offer = Offer()
        self.is_ready = False
        self.refusal: Outcome | None = None
        self._server = server
        self._verdicts = verdicts
        self._introduction = introduction
        self._is_encrypted = is_encrypted
        self._is_logged_in = False
        self._awaited = Command.CONNECT
        self._answers: deque[str] = deque()
        self._questions = 0
        self._said_by_login = ""

    @property
    def wants_handshake(self) -> bool:
        """Whether TLS comes next; call `secured` after it."""
        return self.state is State.SECURING

    def receive(self, replies: Iterable[Reply]) -> None:
        """
        Take in replies, one for each command.

        What comes with the consent to STARTTLS was not said by whom the certificate
        will name, and is not looked at.
        """
        for reply in replies:
            if self.refusal is not None or self.is_ready or self.wants_handshake:
                return
            self._take_in(reply)

    def secured(self) -> None:
        """TLS stands: whatever was learnt before is forgotten."""
        self.state = TABLE[self.state][Command.HANDSHAKE][Answer.AGREE]
        self._is_encrypted, self.offer = True, Offer()
        self._say(Command.EHLO, f"EHLO {self._introduction}")

    def lose(self, loss: Loss) -> None:
        """The connection ended without a word."""
        if self.refusal is None:
            self._refuse(self._verdicts.of_lost_opening(loss))

    def _take_in(self, reply: Reply) -> None:
        command, answer = self._awaited, ANSWERS.get(reply.code)
        arrows = TABLE[self.state][command]
        target = None if answer is None else arrows.get(answer)
        if target is None or target is State.CLOSED or reply.code == CLOSING:
            what = _WHATS.get(command, self._login_failure())
            self._refuse(self._verdicts.of_no_service(reply, what=what))
            return
        self.state = target
        if command is Command.CONNECT:
            self._say(Command.EHLO, f"EHLO {self._introduction}")
        elif command is Command.EHLO and answer is Answer.REFUSE:
            self._say(Command.HELO, f"HELO {self._introduction}")
        elif self.state is State.ASKED:
            self._answer(reply)
        elif self.state is State.READY:
            if command is Command.EHLO:
                self.offer = Offer.of(reply)
            self._is_logged_in = command in (Command.AUTH, Command.ANSWER)
            self._go_on()

    def _go_on(self) -> None:
        """Secure, log in, or be ready."""
        if self._server.security == "starttls" and not self._is_encrypted:
            self._start_tls()
        elif self._server.username and not self._is_logged_in:
            self._log_in()
        else:
            self.is_ready = True

    def _start_tls(self) -> None:
        if self.offer.has("STARTTLS"):
            self._say(Command.STARTTLS, "STARTTLS")
            return
        where = self._verdicts.where
        reply = f"{where} offers no STARTTLS; with port 465 set security: tls"
        self._refuse(self._verdicts.rejected("starttls-missing", reply))

    def _log_in(self) -> None:
        refusal = plaintext_refusal(self._server, self._verdicts)
        if refusal is not None:
            self._refuse(refusal)
            return
        offered = self.offer.words.get("AUTH", "").split()
        chosen = self._server.auth
        wanted = ("PLAIN", "LOGIN") if chosen == "auto" else (chosen.upper(),)
        mechanism = next((name for name in wanted if name in offered), None)
        if mechanism is None:
            found, needed = " ".join(offered) or "no login", " or ".join(wanted)
            said = f"{self._verdicts.where} offers {found}; needed is AUTH {needed}"
            self._refuse(self._verdicts.rejected("login-unsupported", said))
            return
        first = {
            "PLAIN": _plain(self._server),
            "LOGIN": _base64(self._server.username or ""),
            "XOAUTH2": _xoauth2(self._server),
        }[mechanism]
        if mechanism == "LOGIN":
            self._answers.append(_base64(_password(self._server)))
        elif mechanism == "XOAUTH2":
            # A refused token is explained in a challenge, and the answer is nothing.
            self._answers.append("")
        line = f"AUTH {mechanism} {first}"
        if len(line) > MAX_LINE_CHARS and mechanism != "LOGIN":
            self._answers.appendleft(first)
            line = f"AUTH {mechanism}"
        self._say(Command.AUTH, line)

    def _answer(self, reply: Reply) -> None:
        """Answer a question of the login; some ask for the name once more."""
        self._questions += 1
        if self._questions > MAX_QUESTIONS:
            said = f"{self._verdicts.where} asks and asks, and lets nobody in"
            self._refuse(self._verdicts.rejected("login-unsupported", said))
            return
        question = _decoded(reply.text)
        if question.lower().startswith("user") and self._answers:
            self._say(Command.ANSWER, _base64(self._server.username or ""))
            return
        self._said_by_login = question or self._said_by_login
        said = self._answers.popleft() if self._answers else _GIVE_UP
        self._say(Command.ANSWER, said)

    def _login_failure(self) -> str:
        why = f" ({self._said_by_login})" if self._said_by_login.startswith("{") else ""
        user = self._server.username
        return f"login of {user} refused{why}, check username and password"

    def _say(self, command: Command, line: str) -> None:
        self._awaited = command
        self.out.append(f"{line}\r\n".encode())

    def _refuse(self, outcome: Outcome) -> None:
        self.state, self.refusal = State.CLOSED, outcome


def _password(server: SmtpServer) -> str:
    return server.password.get_secret_value() if server.password else ""


def _plain(server: SmtpServer) -> str:
    return _base64(f"\0{server.username}\0{_password(server)}")


def _xoauth2(server: SmtpServer) -> str:
    token = _password(server)
    return _base64(f"user={server.username}\1auth=Bearer {token}\1\1")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _decoded(text: str) -> str:
    try:
        return b64decode(text.strip(), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
