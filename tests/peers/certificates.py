"""Certificates made at run time with the `openssl` command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


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
