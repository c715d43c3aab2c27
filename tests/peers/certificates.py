"""Certificates made at run time, most with the `openssl` command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A server's self-signed certificate, its own authority."""

    file: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """What a server needs to show it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make_certificate(
    folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 60
) -> Certificate:
    """Make a certificate for *names*, good for *days* from now."""
    file, key = folder / "server.pem", folder / "server.key"
    command = [
        *("openssl", "req", "-x509", "-nodes", "-days", str(days), "-subj", "/CN=x"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(file)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return Certificate(file=file, key=key)


def make_expired_certificate(folder: Path) -> Certificate:
    """Make a certificate for 127.0.0.1 that was good until a while ago."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([])
    place = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), serial_number=1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(place, critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "expired.pem", folder / "expired.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Certificate(file=file, key=key_file)
