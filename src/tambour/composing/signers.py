"""
The keys that sign mail, and the DNS records that let receivers check them.

RSA and Ed25519, from PEM. Knows neither files nor DNS nor messages; a key is never
shown, not even in an error. Source: RFC 6376 §3.3 and §3.6.1, RFC 8301 (sizes of RSA
keys), RFC 8463 (Ed25519), RFC 1035 §3.3 (strings of TXT records).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

LEAST_BITS = 1024
"""Receivers take shorter RSA keys for no signature (RFC 8301 §3.2)."""
GOOD_BITS = 2048
TXT_OCTETS = 255
"""The longest string of a TXT record; longer texts are several strings."""

_PADDING = PKCS1v15()
_DIGESTED = Prehashed(SHA256())


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key, and where its public half is published."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """What `a=` says."""
        is_rsa = isinstance(self.key, RSAPrivateKey)
        return "rsa-sha256" if is_rsa else "ed25519-sha256"

    @property
    def record_name(self) -> str:
        """The name of the TXT record."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of the TXT record."""
        kind, _, _ = self.algorithm.partition("-")
        return f"v=DKIM1; k={kind}; p={base64.b64encode(self.public_key).decode()}"

    @property
    def public_key(self) -> bytes:
        """The public half as `p=` holds it: all but RSA without any wrapping."""
        public = self.key.public_key()
        if isinstance(self.key, RSAPrivateKey):
            return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, digest: bytes) -> bytes:
        """Return the signature of a SHA-256 *digest*."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(digest, _PADDING, _DIGESTED)
        return self.key.sign(digest)


def read_private_key(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    """
    Return the key in *pem*.

    Raises:
        ValueError: it holds no key that can sign mail; the message says why.

    """
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        msg = "is locked by a passphrase; write the key without one"
        raise ValueError(msg) from None
    except (ValueError, UnsupportedAlgorithm):
        # The cause is left out: parsers quote what they read.
        msg = "holds no private key; put one there as PEM"
        raise ValueError(msg) from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        msg = "holds neither an RSA nor an Ed25519 key; put one of these there"
        raise ValueError(msg)  # noqa: TRY004 - the type is the file's, not a caller's
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_BITS:
        msg = f"has {key.key_size} bits, which receivers ignore; make {GOOD_BITS}"
        raise ValueError(msg)
    return key


def is_short(signer: Signer) -> bool:
    """Whether the key is accepted, but shorter than is wise."""
    return isinstance(signer.key, RSAPrivateKey) and signer.key.key_size < GOOD_BITS


def txt_strings(text: str) -> tuple[str, ...]:
    """Return a TXT record's text as the strings that DNS carries it in."""
    return tuple(
        text[start : start + TXT_OCTETS] for start in range(0, len(text), TXT_OCTETS)
    )
