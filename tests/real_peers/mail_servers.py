"""
What the tests know of the mail servers: ports, keys, what was said and delivered.

The servers themselves are set up in `etc/` and started by `inside`.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from peers.smtp import PASSWORD

SENDER = "lettre@example.org"
LOGIN = {"username": "lettre", "password": PASSWORD}
PATIENCE_S = 60.0
_TRACE = re.compile(
    rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received|Authentication-Results)"
    rb":[^\n]*\n(?:[ \t][^\n]*\n)*)+"
)
_SESSION = re.compile(r"disconnect from \S+ (.*) commands=")
_CALM_S = 0.05


class Port(IntEnum):
    """Where which kind of server listens (etc/master.cf)."""

    FULL = 2501
    WITHOUT_CHUNKING = 2502
    WITHOUT_PIPELINING = 2503
    WITH_LOGIN = 2504
    TLS = 2505
    VERIFYING = 2506
    IMPATIENT = 2507
    NARROW = 2508
    DKIM = 8891
    DMARC = 8893
    RSPAMD = 11333


@dataclass(frozen=True)
class Delivered:
    """A message as Postfix put it into a mailbox."""

    raw: bytes

    @cached_property
    def trace(self) -> bytes:
        """The headers that the servers put on top."""
        match = _TRACE.match(self.raw)
        return match[0] if match else b""

    @cached_property
    def content(self) -> bytes:
        """The message as it was sent; a mailbox keeps lines ending in LF."""
        return self.raw[len(self.trace) :].replace(b"\n", b"\r\n")

    @cached_property
    def parsed(self) -> EmailMessage:
        """The message as a mail program reads it."""
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def recipient(self) -> str:
        """Whose it is, as the envelope said."""
        return self.trace.partition(b"X-Original-To: ")[2].partition(b"\n")[0].decode()

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return str(self.parsed["Message-ID"])


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that keep all they have in the folder *work*."""

    work: Path

    def wait_for(self, name: str, port: int) -> None:
        """Wait until a server answers."""

        def answers() -> bool:
            with socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, f"{name} answers on port {port}")

    def delivered(self, domain: str) -> list[Delivered]:
        """Return what came to *domain*, once Postfix has delivered all it has."""
        wait_until(self._is_idle, "Postfix has delivered everything")
        files = sorted((self.work / "mail" / "all" / "new").glob("*"))
        everything = (Delivered(file.read_bytes()) for file in files)
        return [one for one in everything if one.recipient.endswith(f"@{domain}")]

    def sessions(self) -> Counter[str]:
        """Return which commands were accepted so far, and `n` refused: `rcpt=2/3`."""
        wait_until(self._is_alone, "all connections are logged as closed")
        counts: Counter[str] = Counter()
        for session in _SESSION.findall(self._log()):
            for verb, _, numbers in (part.partition("=") for part in session.split()):
                good, _, all_of_them = numbers.partition("/")
                counts[verb] += int(good)
                if all_of_them:
                    counts[f"{verb} refused"] += int(all_of_them) - int(good)
            counts["connections"] += 1
        return counts

    def commands(self, before: Counter[str]) -> Counter[str]:
        """Return which commands were accepted since *before*."""
        now = self.sessions()
        now.subtract(before)
        return +now

    def log_lines(self, words: str) -> list[str]:
        """Return what Postfix logged that holds *words*."""
        return [line for line in self._log().splitlines() if words in line]

    @contextmanager
    def accepting(self, rule: str) -> Iterator[None]:
        """Refuse nobody by *rule* (the beginning of a line of etc/access) for now."""
        access = self.work / "access"
        text = access.read_text(encoding="utf-8")
        assert rule in text
        access.write_text(text.replace(rule, f"#{rule}"), encoding="utf-8")
        self._reload()
        try:
            yield
        finally:
            access.write_text(text, encoding="utf-8")
            self._reload()

    def _reload(self) -> None:
        command = ["postfix", "-c", str(self.work / "postfix"), "reload"]
        subprocess.run(command, check=True, capture_output=True)

    def _is_idle(self) -> bool:
        queues = ("maildrop", "incoming", "active", "deferred")
        folders = [self.work / "spool" / queue for queue in queues]
        return not any(
            file.is_file() for folder in folders for file in folder.rglob("*")
        )

    def _is_alone(self) -> bool:
        log = self._log()
        return log.count("]: connect from") == log.count("]: disconnect from")

    def _log(self) -> str:
        log = self.work / "mail.log"
        return log.read_text(encoding="utf-8") if log.exists() else ""


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until *what* is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(_CALM_S)


def channel_settings(port: int, **settings: Any) -> dict[str, Any]:
    """Return the settings of a channel to one of the servers."""
    given = {"host": "127.0.0.1", "security": "none", "from": f"Agenda <{SENDER}>"}
    return {"type": "smtp", "port": int(port)} | given | settings


def as_yaml(settings: dict[str, Any]) -> str:
    """Write settings on one line of a YAML file."""
    return json.dumps(settings)
