"""What `doctor` says of a sender: its keys, and what a real name server answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dns.resolver
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from command_line import CONFIG, Folder, Result
from peers.names import Names, name_server
from peers.smtp import mail_server_aside
from tambour.cli import senders
from tambour.cli.examining import hurried
from tambour.composing.signers import Signer, txt_strings
from tambour.config import SmtpChannel

SIGNER = Signer(
    domain="example.org",
    selector="s1",
    key=generate_private_key(public_exponent=65537, key_size=2048),
)
NAME = SIGNER.record_name
SENDER = {
    "example.org": [["hello"], ["v=spf1 mx ", "-all"]],
    "_dmarc.example.org": [["v=DMARC1; p=quarantine"]],
}


@pytest.fixture
def key(folder: Folder) -> str:
    """Settings that sign with the key, which stands in the project's folder."""
    pem = SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.write("keys/s1.pem", pem.decode()).chmod(0o600)
    return "dkim: {domain: example.org, selector: s1, key: keys/s1.pem}"


def examined(
    folder: Folder,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    *,
    settings: str = "",
    as_text: bool = False,
) -> Result:
    """Run `doctor` with a mail server and a name server on loopback."""
    monkeypatch.setattr(dns.resolver, "default_resolver", names.resolver())
    old = CONFIG.split("lettre: ")[1].split("\n")[0]
    with mail_server_aside() as mailbox:
        folder.configure(
            old,
            f"{{type: smtp, host: 127.0.0.1, port: {mailbox.port}, security: none,"
            f' from: "Agenda <lettre@example.org>", {settings}}}',
        )
        folder.event("atelier")
        return folder.run("doctor", *([] if as_text else ["--json"]))


def lines(result: Result, *names: str) -> list[tuple[str, str, str]]:
    """Return the name, mark and detail of the checks *names* of the channel."""
    return [
        (
            check["name"],
            "FAIL" if not check["ok"] else "warn" if check["warning"] else "ok",
            check["detail"],
        )
        for check in result.json["checks"]
        if check["about"] == "lettre" and check["name"] in names
    ]


def test_all_is_well(folder: Folder, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is published, an SPF record and a policy: nothing to mend."""
    strings = txt_strings(SIGNER.record)
    with name_server({NAME: [strings], **SENDER}) as names:
        result = examined(folder, names, monkeypatch, settings=key)
    shown = " ".join(f'"{one}"' for one in strings)

    assert 0 == result.code
    assert [
        ("dkim record", "ok", f"{NAME}. IN TXT {shown}"),
        ("dkim", "ok", f"{NAME} is published and matches"),
        ("spf", "ok", "example.org has v=spf1 mx -all"),
        ("dmarc", "ok", "_dmarc.example.org asks for p=quarantine"),
    ] == lines(result, "dkim key", "dkim record", "dkim", "spf", "dmarc")


@pytest.mark.parametrize(
    ("published", "said"),
    [
        pytest.param({}, "has no record", id="missing"),
        pytest.param({NAME: []}, "has no record", id="another type of record"),
        pytest.param({NAME: [["v=DKIM1; k=rsa; p=AAAA"]]}, "another key", id="differs"),
    ],
)
def test_a_key_that_receivers_cannot_find_is_a_fault(
    folder: Folder,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    published: Mapping[str, Sequence[Sequence[str]]],
    said: str,
) -> None:
    """Signatures would fail: `doctor` does too, and shows the record to publish."""
    with name_server({**published, **SENDER}) as names:
        result = examined(folder, names, monkeypatch, settings=key)
    ((_, mark, detail),) = lines(result, "dkim")

    assert (1, "FAIL") == (result.code, mark)
    assert said in detail
    assert len(lines(result, "dkim record")) == 1


def test_silence_is_a_warning_and_asked_once(
    folder: Folder, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without DNS nobody waits for each name, and nothing fails."""
    monkeypatch.setattr(senders, "PATIENCE_S", 0.2)
    with name_server({"*silent*": []}) as names:
        result = examined(folder, names, monkeypatch, settings=key)
    found = lines(result, "dkim", "spf", "dmarc")

    assert 0 == result.code
    assert {"warn"} == {mark for _, mark, _ in found}
    assert all("cannot be asked from here" in detail for _, _, detail in found)
    assert {NAME} == set(names.asked)


def test_warnings_are_marked(
    folder: Folder, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that others may read, and a sender without records, are worth a look."""
    (folder.path / "keys/s1.pem").chmod(0o644)
    with name_server({NAME: [txt_strings(SIGNER.record)]}) as names:
        result = examined(folder, names, monkeypatch, settings=key, as_text=True)
    warned = [line for line in result.out.splitlines() if line.startswith("warn ")]

    assert 0 == result.code
    assert [
        (
            f"warn lettre: dkim key: others may read {folder.path}/keys/s1.pem:"
            f" run chmod 600 {folder.path}/keys/s1.pem"
        ),
        "warn lettre: spf: example.org has no SPF record; name your server in one",
        (
            "warn lettre: dmarc: there is no DMARC record at _dmarc.example.org;"
            " begin with v=DMARC1; p=none"
        ),
    ] == warned


def test_another_organisations_signature_does_not_count(
    folder: Folder, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DMARC wants the domain that readers see."""
    settings = key.replace("example.org", "relay.example.com")
    with name_server(SENDER) as names:
        result = examined(folder, names, monkeypatch, settings=settings)

    assert (
        "dmarc",
        "warn",
        "a signature of relay.example.com does not count for mail from example.org",
    ) in lines(result, "dmarc")


def test_a_missing_key_is_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other checks are made all the same."""
    settings = "dkim: {domain: example.org, selector: s1, key: keys/none.pem}"
    with name_server(SENDER) as names:
        result = examined(folder, names, monkeypatch, settings=settings)
    ((_, mark, detail),) = lines(result, "dkim key")

    assert (1, "FAIL") == (result.code, mark)
    assert "keys/none.pem: No such file" in detail
    assert [] == lines(result, "dkim")
    assert ["ok", "ok"] == [mark for _, mark, _ in lines(result, "spf", "dmarc")]


@pytest.mark.parametrize(("timeout", "seconds"), [("60s", 10), ("3s", 3)])
def test_nobody_waits_long_for_a_silent_server(timeout: str, seconds: int) -> None:
    """What is right for sending would be a minute of silence on a terminal."""
    settings = SmtpChannel.model_validate(
        {
            "type": "smtp",
            "host": "localhost",
            "from": "a@example.org",
            "timeout": timeout,
        }
    )

    probed = hurried(settings)

    assert isinstance(probed, SmtpChannel)
    assert seconds == probed.timeout.total_seconds()
