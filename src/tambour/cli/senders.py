"""
What `doctor` says of a channel's sender: its keys, and what DNS holds about it.

The only one that asks DNS. Knows neither how records are written nor how they are
judged. Source: design §7; facts on receivers, 2026-11.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import dns.exception
import dns.resolver

from tambour.channels import Check
from tambour.composing.headers import address_spec, split_mailbox
from tambour.composing.published import Grade, find_dmarc, find_key, find_spf
from tambour.composing.signers import txt_strings
from tambour.delivery.keys import read_key
from tambour.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tambour.composing.published import Ask, Finding
    from tambour.composing.signers import Signer
    from tambour.config import Config, SmtpChannel

PATIENCE_S = 3.0
"""How long DNS may take for one answer."""


def asker() -> Ask:
    """Return what asks DNS, each name once; after a silence it asks no more."""
    is_silent = False

    @cache
    def ask(name: str) -> tuple[str, ...] | None:
        nonlocal is_silent
        try:
            found = None if is_silent else _texts(name)
        except (dns.exception.DNSException, OSError):
            found = None
        is_silent = found is None
        return found

    return ask


def _texts(name: str) -> tuple[str, ...]:
    resolver = dns.resolver.get_default_resolver()
    try:
        answer = resolver.resolve(name, "TXT", lifetime=PATIENCE_S, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in answer)


def sender_checks(
    settings: SmtpChannel, config: Config, *, ask: Ask
) -> Iterator[Check]:
    """Yield what is to be known of a channel's keys, and of its sender's domain."""
    signing = []
    for setting in settings.dkim:
        try:
            read = read_key(setting, config.root)
        except ConfigError as error:
            yield Check(name="dkim key", ok=False, detail=str(error))
            continue
        signing.append(read.signer.domain.lower())
        for worry in read.worries:
            yield Check(name="dkim key", ok=True, detail=worry, warning=True)
        yield Check(name="dkim record", ok=True, detail=zone_line(read.signer))
        yield _check("dkim", find_key(read.signer, ask))
    domain = address_spec(split_mailbox(settings.sender)[1]).rpartition("@")[2]
    if not domain:
        return
    yield _check("spf", find_spf(domain, ask))
    for finding in find_dmarc(domain.lower(), signing, ask):
        yield _check("dmarc", finding)


def zone_line(signer: Signer) -> str:
    """Return the record to publish, as zone files have it."""
    strings = " ".join(f'"{one}"' for one in txt_strings(signer.record))
    return f"{signer.record_name}. IN TXT {strings}"


def _check(name: str, finding: Finding) -> Check:
    return Check(
        name=name,
        ok=finding.grade is not Grade.WRONG,
        detail=finding.said,
        warning=finding.grade is Grade.WORRYING,
    )
