"""What a faulty mail server is like, and what came of it; `faulty_smtp` runs it."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from peers.faults import EXTENSIONS, Fault, Faults, Phase

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message that the server took on for one recipient."""

    recipient: str
    content: bytes
    connection: int
    parameters: dict[str, str]
    """Those of MAIL and RCPT: ENVID, ORCPT, SIZE, BODY, …"""

    @property
    def message_id(self) -> str:
        """What repeats are told by."""
        found = re.search(
            rb"^Message-ID:\s*(\S+)", self.content, re.MULTILINE | re.IGNORECASE
        )
        return found[1].decode() if found else ""


@dataclass(slots=True, kw_only=True)
class Sink:
    """The server's side: how it is, and what came of it."""

    faults: Faults
    tls: ssl.SSLContext | None = None
    is_tls_implicit: bool = False
    login: tuple[str, str] | None = None
    on_taken: Callable[[Taken], None] = lambda _taken: None
    """Called before the reply, in the server's thread."""
    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    logins: list[tuple[str, str, str]] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    _visits: Counter[tuple[Phase, str]] = field(default_factory=Counter)
    talks: dict[object, asyncio.Task[None]] = field(default_factory=dict)
    _busy: set[object] = field(default_factory=set)
    _quiet: threading.Condition = field(default_factory=threading.Condition)

    @property
    def talking(self) -> int:
        """How many connections are open now."""
        return sum(not task.done() for task in self.talks.values())

    def recipients(self) -> Counter[str]:
        """Return how often each recipient got something."""
        return Counter(taken.recipient for taken in self.taken)

    def wait_for_quiet(self) -> None:
        """Wait until nothing more can be taken on: all clients have gone."""
        with self._quiet:
            is_quiet = self._quiet.wait_for(lambda: not self._busy, LIMIT_S)
        assert is_quiet, "a client keeps its connection"

    def offers(self, *, is_secure: bool) -> list[str]:
        """Return what EHLO tells."""
        offered = [name for name in EXTENSIONS if name not in self.faults.without]
        if self.tls is None or is_secure:
            offered = [name for name in offered if name != "STARTTLS"]
        arguments = {"AUTH": " PLAIN LOGIN XOAUTH2", "SIZE": f" {self.faults.size}"}
        if self.login is None:
            offered = [name for name in offered if name != "AUTH"]
        return [name + arguments.get(name, "") for name in offered]

    def fault(self, phase: Phase, recipient: str = "") -> Fault:
        """Return what goes wrong here and now."""
        visit = self._visits[phase, recipient]
        self._visits[phase, recipient] += 1
        return self.faults.choose(phase, recipient, visit)

    def take(self, taken: Taken) -> None:
        """Keep a message."""
        self.taken.append(taken)
        self.on_taken(taken)

    def fall_silent(self, talk: object) -> None:
        """Take on nothing more from this client."""
        with self._quiet:
            self._busy.discard(talk)
            self._quiet.notify_all()

    def begin(self, talk: object, task: asyncio.Task[None]) -> None:
        """Count a conversation until its task is done."""
        self.connections += 1
        self.talks[talk] = task
        self.most_at_once = max(self.most_at_once, self.talking)
        with self._quiet:
            self._busy.add(talk)
        task.add_done_callback(lambda _task: self.fall_silent(talk))
