"""
The keys that sign a channel's mail, read from their files.

The only reader of private keys. What is wrong names the file and the mend, and never
what stands in it.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from tambour.composing.headers import domain_labels
from tambour.composing.signers import (
    GOOD_BITS,
    Signer,
    is_short,
    read_private_key,
)
from tambour.config import ChannelSettings, Config, DkimKey, SmtpChannel
from tambour.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key that can sign, and what a person should better mend about its file."""

    signer: Signer
    path: Path
    worries: tuple[str, ...]


def read_key(setting: DkimKey, root: Path) -> KeyFile:
    """
    Return the key that *setting* names, its path taken from *root*.

    Raises:
        ConfigError: there is no such file, or no key in it that could sign.

    """
    path = root / setting.key
    try:
        pem = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        why = error.strerror or "cannot be read"
        msg = f"dkim: {path}: {why}; make a key with: openssl genrsa -out {path} 2048"
        raise ConfigError(msg) from None
    try:
        key = read_private_key(pem)
    except ValueError as error:
        msg = f"dkim: {path} {error}"
        raise ConfigError(msg) from None
    domain = domain_labels(setting.domain)
    if not domain.isascii():
        msg = f"dkim: {setting.domain!r} is no domain"
        raise ConfigError(msg)
    signer = Signer(domain=domain, selector=setting.selector, key=key)
    return KeyFile(
        signer=signer, path=path, worries=tuple(_worries(signer, path, mode))
    )


def read_signers(settings: ChannelSettings, root: Path) -> tuple[Signer, ...]:
    """
    Return what signs the mail of a channel: nothing, where no keys are set.

    Raises:
        ConfigError: as for `read_key`.

    """
    if not isinstance(settings, SmtpChannel):
        return ()
    return tuple(read_key(one, root).signer for one in settings.dkim)


def unusable_keys(config: Config) -> dict[str, str]:
    """Return the channels whose keys cannot be used, and why; they send nothing."""
    found = {}
    for name, settings in config.channels.items():
        try:
            read_signers(settings, config.root)
        except ConfigError as error:
            found[name] = str(error)
    return found


def _worries(signer: Signer, path: Path, mode: int) -> list[str]:
    worries = []
    if mode & stat.S_IROTH:
        worries.append(f"others may read {path}: run chmod 600 {path}")
    if is_short(signer):
        worries.append(f"{path} is a short RSA key: {GOOD_BITS} bits are usual")
    return worries
