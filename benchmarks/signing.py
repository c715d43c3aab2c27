"""What DKIM costs a message, beside the bare signature."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from comparing import Case, Pace, goals, measure, table, verdict
from contestants import whole
from letters import Letters
from peers import far

_MOST = 1.5
_MOST_ED25519_S = 120e-6
_SIGNATURES = 300
_OCTETS = b"h" * 32
_RSA, _ED25519 = "RSA-2048", "Ed25519"


def compare_signed(letters: Letters, pace: Pace) -> str:
    """Return the table of unsigned and signed deliveries, with the goal."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    bare_s = _seconds(lambda: rsa_key.sign(_OCTETS, padding.PKCS1v15(), SHA256()))
    keys: Mapping[str, PrivateKeyTypes] = {_RSA: rsa_key, _ED25519: ed_key}
    signed = (
        whole(letters, name, dkim=_settings(letters.folder, name, key))
        for name, key in keys.items()
    )
    case = Case(
        title="DKIM",
        far=partial(far, 0.0),
        senders=(whole(letters, "unsigned"), *signed),
    )
    measured = measure(case, pace)
    cpu_s = {line.sender.name: line.cpu_s for line in measured.lines}
    added = {name: cpu_s[name] - cpu_s["unsigned"] for name in keys}
    rows = [
        verdict(
            f"{_RSA}: what it adds, beside the bare signature",
            wanted=f"≤ {_MOST:g} ×",
            measured=f"{added[_RSA] / bare_s:.2f} × ({added[_RSA] * 1e6:.0f} and"
            f" {bare_s * 1e6:.0f} µs)",
            is_met=added[_RSA] <= _MOST * bare_s,
        ),
        verdict(
            f"{_ED25519}: what it adds",
            wanted=f"≤ {_MOST_ED25519_S * 1e6:.0f} µs",
            measured=f"{added[_ED25519] * 1e6:.0f} µs",
            is_met=added[_ED25519] <= _MOST_ED25519_S,
        ),
    ]
    return "\n".join((*table(measured), *goals(rows)))


def _seconds(sign: Callable[[], bytes]) -> float:
    """Return what a signature takes."""

    def once() -> float:
        start = time.perf_counter()
        sign()
        return time.perf_counter() - start

    return median(once() for _ in range(_SIGNATURES))


def _settings(folder: Path, name: str, key: PrivateKeyTypes) -> dict[str, str]:
    """Return the channel's `dkim:`, its key written into *folder*."""
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    path.chmod(0o600)
    return {"domain": "example.org", "selector": "bench", "key": str(path)}
