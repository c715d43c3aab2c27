"""Keys that sign, from their files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tambour.config import DkimKey, OutboxChannel
from tambour.delivery.keys import read_key, read_signers
from tambour.errors import ConfigError

# Made with `openssl genrsa 768`, which makes it worthless, and so harmless.
TINY = """\
-----BEGIN RSA PRIVATE KEY-----
MIIBywIBAAJhAJ0RGQhAedQ0tou6LXUtJjL31ZvrAuchwBeT/YcQh6pxgfEv6/1k
NL8w+nJbBNrjmAr/+ArQqRsl1prVdTmJY2UwwpG7wS6DJeNQxf+DdtB/k6jicM9E
xsycvtqLZvv8eQIDAQABAmA/HpzhrQ+IkPp/In2cJl3Ag8prE0GiYvTQRN/QxHrQ
qzbeFzUOKpPr9aHgDOXhlS5mqFYFrnG4RQp42eRVqdqb/cCkyzCgyDCAQZhDIQ0N
dYp3YrjsIixnqBnq/tVb2VECMQDKeYijHoaCTJszHldRFuUGquWt7bZhUYh+U4ru
rlWyGarHlWn6Zs+ZIUi6gVTvsn0CMQDGlpVfMiVUylBpVcR/G6QsJkTBFgaQVm6b
ZFtM7eUDlYeNgt+XtPN14rGXmYviNq0CMEGLDBc5x3Mgl1D57mwajDMXWVhvTg28
1gGGy7+uAaGwu172WCMt6t/4LVHqkfMyBQIxAIufAaQtgHutxn1YlM99Ip77xOkw
UCsY6akNFPfwZkxvzB8dPZDO40ElwhDBHs1L/QIxAJT96VenAq1wzTvBANZEvZZL
FoEiLrHdi9+Hs9rMVLEYaPNnz17em4TKWRTOXYahBw==
-----END RSA PRIVATE KEY-----
"""
SETTING = DkimKey(domain="exämple.org", selector="s1", key="keys/s1.pem")


def pem(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    lock: KeySerializationEncryption | None = None,
) -> bytes:
    """Return a private key as files hold it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption())


def placed(root: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write the key file of a project."""
    file = root / "keys" / "s1.pem"
    file.parent.mkdir()
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_key_is_read_with_its_record(tmp_path: Path) -> None:
    """The record has the public half, below the domain in A-labels."""
    key = ed25519.Ed25519PrivateKey.generate()
    placed(tmp_path, pem(key))
    read = read_key(SETTING, tmp_path)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    assert "s1._domainkey.xn--exmple-cua.org" == read.signer.record_name
    assert f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}" == read.signer.record  # fmt: skip
    assert () == read.worries


def test_an_rsa_key_is_published_whole(tmp_path: Path) -> None:
    """An RSA key's record is the one that `openssl rsa -pubout` gives."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    placed(tmp_path, pem(key))
    lines = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # fmt: skip
    record = "v=DKIM1; k=rsa; p=" + "".join(lines.decode().splitlines()[1:-1])

    assert record == read_key(SETTING, tmp_path).signer.record


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "no private key", id="empty"),
        pytest.param(b"hunter2", "no private key", id="something else"),
        pytest.param(
            ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "no private key", id="the public half",
        ),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor", id="another kind"),
        pytest.param(pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")), "passphrase", id="locked"),
        pytest.param(TINY.encode(), "768 bits", id="too short"),
    ],
)  # fmt: skip
def test_a_file_without_a_usable_key_is_named(
    tmp_path: Path, content: bytes, why: str
) -> None:
    """The path and the mend are told, and nothing of what stands there."""
    file = placed(tmp_path, content)
    with pytest.raises(ConfigError, match=why) as caught:
        read_key(SETTING, tmp_path)

    assert str(file) in str(caught.value)
    assert "hunter2" not in repr(caught.value.__context__)
    assert caught.value.__cause__ is None
    assert content.decode()[40:60] not in str(caught.value) or not content[40:60]


@pytest.mark.parametrize("is_folder", [False, True], ids=["missing", "a folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, is_folder: bool) -> None:
    """How to make a key is told."""
    if is_folder:
        (tmp_path / "keys" / "s1.pem").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"s1\.pem: (No such|Is a dir).*openssl"):
        read_key(SETTING, tmp_path)


def test_what_should_be_mended_is_told(tmp_path: Path) -> None:
    """A short key and one that anybody may read still sign."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    file = placed(tmp_path, pem(key), mode=0o644)
    open_to_all, short = read_key(SETTING, tmp_path).worries

    assert f"chmod 600 {file}" in open_to_all
    assert "short" in short


def test_a_domain_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A signature's domain is ASCII, or there is none."""
    placed(tmp_path, pem(ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(ConfigError, match="no domain"):
        read_key(SETTING.model_copy(update={"domain": "xn--é.org"}), tmp_path)


def test_channels_without_keys_sign_nothing(tmp_path: Path) -> None:
    """An outbox has no keys."""
    assert () == read_signers(OutboxChannel(type="outbox"), tmp_path)
