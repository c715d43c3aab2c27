"""How fast Postfix takes mail from us; printed, and nothing asserted but the counts."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from real_peers.direct import channel, transmit
from real_peers.mail_servers import SENDER, Port, Servers
from tambour.model import DeliveryId, Message, OutcomeKind

MESSAGES = 600
BODY = (b"x" * 70 + b"\r\n") * 480


def message(number: int, *, refused_every: int) -> Message:
    """A message of 35 KB to a domain that is thrown away; some are to nobody."""
    is_bad = refused_every and number % refused_every == 0
    name = "gone" if is_bad else "zoe"
    head = b"From: %s\r\nSubject: speed\r\nMessage-ID: <%d@example.org>\r\n\r\n"
    return Message(
        delivery=DeliveryId(number),
        recipient=f"{name}{number}@void.test",
        key=f"<{number}@example.org>",
        content=head % (SENDER.encode(), number) + BODY,
        sender=SENDER,
        is_plain=True,
    )


@pytest.mark.parametrize("refused_every", [0, 50], ids=["all good", "1 of 50 refused"])
@pytest.mark.parametrize(
    "port", [Port.FULL, Port.WITHOUT_CHUNKING, Port.WITHOUT_PIPELINING]
)
def test_ten_connections(
    port: Port,
    refused_every: int,
    servers: Servers,
    tmp_path: Path,
    figures: list[str],
) -> None:
    """Ten connections over loopback, 35 KB a message, to a queue that is on disk."""
    messages = [
        message(number, refused_every=refused_every)
        for number in range(1, MESSAGES + 1)
    ]
    to = channel(port, tmp_path, connections=10)
    servers.wait_for("Postfix", port)

    begun = time.monotonic()
    outcomes = transmit(to, messages)
    taken_s = time.monotonic() - begun

    refused = MESSAGES // refused_every if refused_every else 0
    kinds = Counter(outcome.kind for outcome in outcomes)
    name = f"{port.name}, {refused} of {MESSAGES} refused".lower().replace("_", " ")
    figures.append(f"Postfix, {name}: {MESSAGES / taken_s:,.0f} messages/s")
    assert {
        OutcomeKind.ACCEPTED: MESSAGES - refused,
        OutcomeKind.REJECTED: refused,
    } == {OutcomeKind.REJECTED: 0} | kinds
