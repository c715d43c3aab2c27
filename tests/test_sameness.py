"""What is shown is what is sent, octet for octet but for the moment."""

from __future__ import annotations

import re
from email import message_from_bytes

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from command_line import CONFIG, Folder
from peers.smtp import mail_server_aside
from tambour.composing.signers import Signer

PERSONAL = """
{% if recipient.name %}{% for letter in recipient.name %}{{ letter }} {% endfor %}, déjà !{% endif %}
"""
OF_THE_MOMENT = re.compile(rb"^(?:Date|DKIM-Signature):.*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)  # fmt: skip


@pytest.fixture
def signer(folder: Folder) -> Signer:
    """A key in the project's folder."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.write("keys/s1.pem", pem.decode()).chmod(0o600)
    return Signer(domain="example.org", selector="s1", key=key)


def is_signed(message: bytes, signer: Signer) -> bool:
    """Whether dkimpy verifies a message with the key."""
    return dkim.verify(
        message, dnsfunc=lambda _name, **_kept: signer.record.encode(), minkey=1024
    )


@pytest.mark.parametrize("is_personal", [False, True], ids=["shared", "personal"])
def test_render_shows_what_is_sent(
    folder: Folder, signer: Signer, monkeypatch: pytest.MonkeyPatch, is_personal: bool
) -> None:
    """Rendered, tested and sent mails are signed alike and say the same."""
    monkeypatch.setenv("TAMBOUR_SECRET", "of these tests, long enough to be one")
    campaign = folder.path / "campaigns/rappel.md"
    campaign.write_text(campaign.read_text("utf-8") + PERSONAL * is_personal, "utf-8")
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    with mail_server_aside() as mailbox:
        folder.configure(
            old,
            f"{{type: smtp, host: 127.0.0.1, port: {mailbox.port}, security: none,"
            ' from: "Agenda <lettre@example.org>",'
            " dkim: {domain: example.org, selector: s1, key: keys/s1.pem}}",
        )
        folder.run("render", "rappel", "--out", str(folder.path / "look"))
        folder.run("send-preview", "rappel", "--to", "zoe@example.org")
        done = folder.run("send", "--yes")
        received = [envelope.content for envelope in mailbox.received]
    shown = [file.read_bytes() for file in (folder.path / "look").rglob("*.eml")]
    tests = [one for one in received if b"\r\nX-Tambour-Test: " in one]
    sent = [one for one in received if one not in tests]

    assert done.code == 0
    assert (len(shown), len(tests), len(sent)) == (2, 1, 2)
    assert all(is_signed(one, signer) for one in (*shown, *received))
    assert {of_any_moment(one) for one in shown} == {of_any_moment(one) for one in sent}
    assert is_personal == any("Z o é , déjà !" in words(one) for one in sent)


def of_any_moment(message: bytes) -> bytes:
    """Return a message without what tells when it was made."""
    return OF_THE_MOMENT.sub(b"", message)


def words(message: bytes) -> str:
    """Return the text of a message."""
    plain = next(
        part
        for part in message_from_bytes(message).walk()
        if part.get_content_type() == "text/plain"
    )
    payload = plain.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_channel_without_its_key_sends_nothing(folder: Folder) -> None:
    """Unsigned mail would be refused, or hurt the sender: better none."""
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    folder.configure(
        old,
        "{type: smtp, host: 127.0.0.1, port: 1, security: none, from: a@example.org,"
        " dkim: {domain: example.org, selector: s1, key: keys/s1.pem}}",
    )
    sent = folder.run("send", "--yes")
    shown = folder.run("render", "rappel", "--out", str(folder.path / "look"))

    assert (5, 5) == (sent.code, shown.code)
    assert "s1.pem: No such file" in sent.err
    assert "openssl genrsa" in shown.err
