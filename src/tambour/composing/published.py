"""
What DNS says of a sender: DKIM keys, SPF and DMARC, read and judged.

Knows how records are written, not how they are asked for: whoever asks gives the texts.
Source: RFC 6376 §3.6.1 and §3.6.2.2 (one key, `p=` empty when revoked), RFC 7208 §4.5,
RFC 9989 §4.10 (the walk up the tree, which replaced lists of public suffixes).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tambour.composing.signers import Signer

Ask = Callable[[str], Sequence[str] | None]
"""Returns the TXT records at a name, each in one piece; None when nobody answers."""

_MOST_LABELS = 8
"""Of longer names, the walk looks at the last seven labels (RFC 9989 §4.10)."""


class Grade(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WORRYING = "worrying"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in a sentence that names the mend."""

    grade: Grade
    said: str


UNASKED = Finding(Grade.WORRYING, "DNS cannot be asked from here: look from elsewhere")


def find_key(signer: Signer, ask: Ask) -> Finding:
    """Compare the published key with the one that signs."""
    name, texts = signer.record_name, ask(signer.record_name)
    if texts is None:
        return UNASKED
    if len(texts) != 1:
        found = f"has {len(texts)} records" if texts else "has no record"
        return Finding(Grade.WRONG, f"{name} {found}; publish the one above")
    grade, said = _judged(signer, _tags(texts[0]))
    return Finding(grade, f"{name} {said}")


def _judged(signer: Signer, tags: Mapping[str, str]) -> tuple[Grade, str]:
    kind, _, _ = signer.algorithm.partition("-")
    if tags.get("p") == "":
        return Grade.WRONG, "says that the key is revoked"
    if tags.get("k", "rsa") != kind or _octets(tags.get("p", "")) != signer.public_key:
        return Grade.WRONG, "has another key; publish the record above"
    if "y" in tags.get("t", "").split(":"):
        return Grade.WORRYING, "matches, but says by t=y that it is only a test"
    return Grade.GOOD, "is published and matches"


def find_spf(domain: str, ask: Ask) -> Finding:
    """Look for the record that says which servers may send for *domain*."""
    texts = ask(domain)
    if texts is None:
        return UNASKED
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        said = f"{domain} has no SPF record; name your server in one"
        return Finding(Grade.WORRYING, said)
    if len(found) > 1:
        said = f"{domain} has {len(found)} SPF records; receivers then use none"
        return Finding(Grade.WRONG, said)
    return Finding(Grade.GOOD, f"{domain} has {found[0]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The DMARC record that holds for a domain, and the organisation's own domain."""

    name: str
    tags: Mapping[str, str]
    organisation: str

    def is_aligned(self, sender: str, signing: str) -> bool:
        """Whether a signature by *signing* lets a sender at *sender* pass."""
        if self.tags.get("adkim") == "s":
            return sender == signing
        return signing == self.organisation or signing.endswith(f".{self.organisation}")


def find_policy(domain: str, ask: Ask) -> Policy | Finding:
    """Return what DMARC says of mail from *domain*, or why nothing can be said."""
    found: list[tuple[str, Mapping[str, str]]] = []
    for name in _upwards(domain):
        texts = ask(f"_dmarc.{name}")
        if texts is None:
            return UNASKED
        records = [text for text in texts if _tags(text).get("v") == "DMARC1"]
        if len(records) == 1:
            found.append((name, _tags(records[0])))
            if found[-1][1].get("psd") in ("y", "n"):
                break
    if not found:
        said = (
            f"there is no DMARC record at _dmarc.{domain}; begin with v=DMARC1; p=none"
        )
        return Finding(Grade.WORRYING, said)
    organisation, tags = found[-1]
    if tags.get("psd") == "y" and organisation != domain:
        labels = organisation.count(".") + 2
        organisation = ".".join(domain.split(".")[-labels:])
    name, tags = found[0] if found[0][0] == domain else found[-1]
    return Policy(name=f"_dmarc.{name}", tags=tags, organisation=organisation)


def find_dmarc(domain: str, signing: Sequence[str], ask: Ask) -> Iterator[Finding]:
    """Yield what DMARC asks of *domain*, and which signatures do not help with it."""
    policy = find_policy(domain, ask)
    if isinstance(policy, Finding):
        yield policy
        return
    asked = policy.tags.get("p", "none")
    yield Finding(Grade.GOOD, f"{policy.name} asks for p={asked}")
    for other in signing:
        if not policy.is_aligned(domain, other):
            said = f"a signature of {other} does not count for mail from {domain}"
            yield Finding(Grade.WORRYING, said)


def _upwards(domain: str) -> Iterator[str]:
    """Yield *domain* and those above it, as far as DMARC looks."""
    labels = domain.split(".")
    yield domain
    rest = labels[1:] if len(labels) < _MOST_LABELS else labels[1 - _MOST_LABELS :]
    for start in range(len(rest)):
        yield ".".join(rest[start:])


def _tags(text: str) -> dict[str, str]:
    """Return the `tag=value` pairs of a record; none of a text that is no such list."""
    pairs = [pair.partition("=") for pair in text.split(";") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        return {}
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _octets(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
