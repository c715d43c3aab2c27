"""Signed mail before those who verify it: OpenDKIM, OpenDMARC and rspamd."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from command_line import Folder, child
from real_peers.direct import channel, transmit
from real_peers.mail_servers import SENDER, Delivered, Port, Servers
from real_peers.newsletters import newsletter, numbered
from tambour.model import DeliveryId, Message

KEYS = {"rsa": "rsa.pem", "ed": "ed.pem"}
"""The selectors that the DNS knows, and the files of their keys."""
READERS = 25
ONE_CLICK = "serve: {url: https://lettre.example.org}\n"


def dkim(servers: Servers, *selectors: str) -> list[dict[str, str]]:
    """Return the settings that sign with the keys of *selectors*."""
    return [
        {
            "domain": "example.org",
            "selector": selector,
            "key": str(servers.work / KEYS[selector]),
        }
        for selector in selectors
    ]


@pytest.fixture
def verifying(servers: Servers) -> Servers:
    """The servers, once the verifiers answer."""
    servers.wait_for("OpenDKIM", Port.DKIM)
    servers.wait_for("OpenDMARC", Port.DMARC)
    return servers


def results(mail: Delivered) -> dict[str, str]:
    """Return the verdict on each selector's signature, and DMARC's."""
    trace = re.sub(rb"\s+", b" ", mail.trace).decode()
    found = [
        (selector, verdict)
        for verdict, selector in re.findall(
            r"dkim=(\w+)(?: \([^)]*\))?[^;]* header\.s=(\w+)", trace
        )
    ]
    return dict(
        found + [("dmarc", dmarc) for dmarc in re.findall(r"dmarc=(\w+)", trace)]
    )


@pytest.mark.parametrize(
    "selectors",
    [
        pytest.param(("rsa",), id="RSA"),
        pytest.param(("ed",), id="Ed25519"),
        pytest.param(("rsa", "ed"), id="both"),
    ],
)
def test_every_signature_of_an_edition_verifies(
    selectors: tuple[str, ...], verifying: Servers, folder: Folder
) -> None:
    """OpenDKIM passes each reader's own message, and OpenDMARC the sender's domain."""
    domain = f"{'-'.join(selectors)}.test"
    keys = dkim(verifying, *selectors)
    readers = numbered(READERS, domain)
    letter = newsletter(folder, readers, Port.VERIFYING, dkim=keys, connections=5)

    code = letter.send()
    verdicts = [results(mail) for mail in verifying.delivered(domain)]

    expected = dict.fromkeys((*selectors, "dmarc"), "pass")
    assert (0, [expected] * READERS) == (code, verdicts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"Bonjour", b"Bonsoir", id="a word"),
        pytest.param(b"Subject: ", b"Subject: x", id="the subject"),
        pytest.param(b"From: A", b"From: x@y.test\r\nFrom: A", id="a second From"),
        pytest.param(
            b"\r\nList-Unsubscribe-Post: ",
            b"\r\nX-Was: ",
            id="without one click",
        ),
    ],
)  # fmt: skip
def test_a_changed_message_does_not_verify(
    old: bytes, new: bytes, verifying: Servers, folder: Folder, tmp_path: Path
) -> None:
    """What is signed cannot be changed, added to or taken out unnoticed."""
    folder.configure("channels:", f"{ONE_CLICK}channels:")
    letter = newsletter(
        folder, ["zoe@first.test"], Port.VERIFYING, dkim=dkim(verifying, "rsa", "ed")
    )
    letter.send()
    (mail,) = verifying.delivered("first.test")[-1:]
    assert old in mail.content
    changed = Message(
        delivery=DeliveryId(1),
        recipient="tom@second.test",
        key="<1@example.org>",
        content=mail.content.replace(old, new, 1),
        sender=SENDER,
    )

    transmit(channel(Port.VERIFYING, tmp_path), [changed])
    forged = verifying.delivered("second.test")[-1]

    assert {"rsa": "pass", "ed": "pass", "dmarc": "pass"} == results(mail)
    assert "pass" not in results(forged).values()


def test_rspamd_finds_nothing_to_reject(
    verifying: Servers, folder: Folder, figures: list[str]
) -> None:
    """As from a server of the internet: both signatures and DMARC count in favour."""
    verifying.wait_for("rspamd", Port.RSPAMD)
    folder.configure("channels:", f"{ONE_CLICK}channels:")
    letter = newsletter(
        folder, ["zoe@spam.test"], Port.VERIFYING, dkim=dkim(verifying, "rsa", "ed")
    )
    letter.send()
    (mail,) = verifying.delivered("spam.test")

    said = scanned(mail)

    symbols = said["symbols"]
    shown = ", ".join(f"{name} {symbols[name]['score']:g}" for name in sorted(symbols))
    figures.append(f"rspamd: {said['score']:g} of {said['required_score']:g}: {shown}")
    assert ("no action", True) == (said["action"], said["score"] < 0)
    assert {"R_DKIM_ALLOW", "DMARC_POLICY_ALLOW", "R_SPF_ALLOW"} <= set(symbols)
    assert {"example.org:s=rsa", "example.org:s=ed"} == set(
        symbols["R_DKIM_ALLOW"]["options"]
    )


def scanned(mail: Delivered) -> dict[str, Any]:
    """Return rspamd's report; its rules for mail from loopback do not apply."""
    head = {"IP": "203.0.113.5", "Hostname": "mail.example.org", "From": SENDER}
    request = urllib.request.Request(
        f"http://127.0.0.1:{int(Port.RSPAMD)}/checkv2",
        data=mail.content,
        headers=head | {"Helo": "mail.example.org", "Rcpt": mail.recipient},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        report: dict[str, Any] = json.load(response)
    return report


@pytest.mark.parametrize(
    ("selector", "finding"),
    [
        pytest.param("rsa", "is published and matches", id="published"),
        pytest.param("ed", "is published and matches", id="Ed25519"),
        pytest.param("old", "has no record", id="not published"),
    ],
)
def test_doctor_compares_the_keys_with_the_dns(
    selector: str, finding: str, verifying: Servers, folder: Folder
) -> None:
    """What verifies here is found published; another selector is not."""
    file = "ed.pem" if selector == "ed" else "rsa.pem"
    key = {
        "domain": "example.org",
        "selector": selector,
        "key": f"{verifying.work}/{file}",
    }
    newsletter(folder, ["zoe@doctor.test"], Port.VERIFYING, dkim=[key])

    # In a process of its own: in this one, tests are kept from asking DNS.
    report = child("-C", str(folder.path), "doctor").stdout

    assert finding in report
