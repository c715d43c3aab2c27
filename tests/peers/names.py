"""A name server on loopback that knows a few TXT records."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


@dataclass
class Names:
    """What the server knows, in the strings of each record, and what it was asked."""

    port: int
    records: Mapping[str, Sequence[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    def resolver(self, patience_s: float = 2.0) -> dns.resolver.Resolver:
        """Return a resolver that asks this server alone."""
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        made.timeout = made.lifetime = patience_s
        return made

    def answer(self, wire: bytes) -> bytes | None:
        """Answer a question; None when the server is silent."""
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if "*silent*" in self.records:
            return None
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        found = self.records.get(name)
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            texts = (" ".join(f'"{one}"' for one in strings) for strings in found)
            reply.answer = [dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *texts)]
        return reply.to_wire()


@contextmanager
def name_server(records: Mapping[str, Sequence[Sequence[str]]]) -> Iterator[Names]:
    """Serve *records* on a port of loopback; unknown names do not exist."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        names = Names(sock.getsockname()[1], records)

        def serve() -> None:
            while True:
                wire, peer = sock.recvfrom(4096)
                if not wire:
                    return
                reply = names.answer(wire)
                if reply is not None:
                    sock.sendto(reply, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield names
        finally:
            with (
                suppress(OSError),
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last,
            ):
                last.sendto(b"", ("127.0.0.1", names.port))
            thread.join()
