"""
Header lines of a message, as bytes: folded, encoded, and closed to injection.

Written by hand because the standard library's `EmailMessage` encodes long addresses of
List-Unsubscribe, puts encoded words next to each other without a space, and encodes
domains as if they were words (facts of 2026-11, Python 3.6 to 3.13). A value may hold
anything: what could end a line becomes a space first.
Source: RFC 5322 §2.2.3 and §3.4, RFC 2047 §2 and §5, RFC 2369 §2, RFC 5890 (A-labels).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from typing import NewType

import idna

Spec = NewType("Spec", str)
"""An address in the form that headers and the envelope carry."""

LINE = 76
"""Longest line of folded words (RFC 2047 §2); an address may be longer, up to 998."""

_FOLD = "\r\n "
_WORD_OVERHEAD = len("=?utf-8?q??=")
_BLANK = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_ATOMS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_DOT_ATOM = re.compile(
    r"[^\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"\u2028\u2029]+(?:\.[^\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"\u2028\u2029]+)*"
)
_NOT_IN_DOMAIN = re.compile(r"[^\w.:\[\]-]+")
_MAILBOX = re.compile(r"\s*(.*?)\s*<([^<>]*)>\s*", re.DOTALL)
# What RFC 2047 §5 (3) lets stand in a phrase; good enough for a subject too.
_Q_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
)
_Q = [
    chr(b) if b in _Q_SAFE else "_" if b == ord(" ") else f"={b:02X}"
    for b in range(256)
]


def clean(value: str) -> str:
    """Return *value* in one line: each run of spaces and controls is one space."""
    if value.isprintable() and "  " not in value:  # nearly always, and ten times faster
        return value.strip(" ")
    return _BLANK.sub(" ", value).strip(" ").encode("utf-8", "replace").decode()


# ── Fields ──────────────────────────────────────────────────────────────────────


def text_field(name: str, value: str) -> bytes:
    """Return a header of free words, such as Subject."""
    value = clean(value)
    room = LINE - len(name) - 2
    if _needs_encoding(value, room):
        return _field(name, _FOLD.join(_encoded_words(value, room)))
    return _field(name, _folded(value.split(" "), room))


def mailbox_field(name: str, display_name: str, spec: Spec) -> bytes:
    """Return a header that names one person: `To: Zoé <zoe@example.org>`."""
    shown = clean(display_name)
    if not shown:
        return _field(name, spec)
    room = LINE - len(name) - 2
    lines = _phrase(shown, room)
    last = room if len(lines) == 1 else LINE - 1
    gap = " " if len(lines[-1]) + len(spec) + 3 <= last else _FOLD
    return _field(name, f"{_FOLD.join(lines)}{gap}<{spec}>")


def list_field(name: str, items: Iterable[str]) -> bytes:
    """Return a header of ASCII items, one a line, never encoded."""
    return _field(name, ",\r\n ".join([_ascii(clean(item)) for item in items]))


def list_id_field(description: str, identifier: str) -> bytes:
    """
    Return List-Id; accents of *description* go, since filters compare it as it is.

    Source: RFC 2919 §3.
    """
    words = _ascii(unicodedata.normalize("NFKD", clean(description)))
    plain = re.sub(r"[^A-Za-z0-9 .,:'&/+-]", "", words)
    shown = _quoted(plain[:60].strip(" "))
    label = re.sub(r"[^A-Za-z0-9._-]", "-", _ascii(identifier))
    return _field("List-Id", f"{shown} <{label}>" if shown else f"<{label}>")


def ascii_token(value: str) -> str:
    """Return *value* with everything but letters, digits, `.`, `_`, `-` as `-`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", value) or "-"


# ── Addresses ───────────────────────────────────────────────────────────────────


def split_mailbox(text: str) -> tuple[str, str]:
    """Return name and address of `Name <a@b>`, `"Name" <a@b>` or `a@b`."""
    match = _MAILBOX.fullmatch(text)
    if match is None:
        return "", text.strip()
    name = match[1]
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, match[2].strip()


def address_spec(address: str) -> Spec:
    """
    Return *address* as headers and the envelope carry it.

    The domain becomes A-labels. A local part beyond ASCII stays, and needs SMTPUTF8: a
    channel sees it by the envelope's address not being ASCII, and refuses it for good
    where the server offers none (RFC 6531).
    """
    if address.isascii() and _DOT_ATOM.fullmatch(address.replace("@", "", 1)):
        return Spec(address)
    local, _, domain = clean(address).rpartition("@")
    if not _DOT_ATOM.fullmatch(local):
        inside = local[1:-1] if re.fullmatch(r'".*"', local) else local
        local = _in_quotes(clean(re.sub(r"\\(.)", r"\1", inside)))
    return Spec(f"{local}@{domain_labels(domain)}")


def domain_labels(domain: str) -> str:
    """Return *domain* in A-labels, without anything that no domain may hold."""
    domain = _NOT_IN_DOMAIN.sub("", domain)
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:  # no such domain can exist: the server will say so
        return domain


# ── Words ───────────────────────────────────────────────────────────────────────


def _field(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode()


def _ascii(text: str) -> str:
    return text if text.isascii() else text.encode("ascii", "ignore").decode()


def _needs_encoding(text: str, room: int) -> bool:
    return (
        not text.isascii()
        or "=?" in text
        or (len(text) > room and max(map(len, text.split(" "))) > room - 1)
    )


def _folded(words: list[str], room: int) -> str:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
            room = LINE - 1
        lines[-1] += f" {word}" if lines[-1] else word
    return _FOLD.join(lines)


def _phrase(text: str, room: int) -> list[str]:
    if _needs_encoding(text, room) or len(text) > room - 4:
        return _encoded_words(text, room)
    return [_quoted(text)]


def _quoted(text: str) -> str:
    return text if not text or _ATOMS.fullmatch(text) else _in_quotes(text)


def _in_quotes(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded_words(text: str, room: int) -> list[str]:
    """Return encoded words, the first at most *room* long, split between characters."""
    data = text.encode()
    whole = "".join([_Q[byte] for byte in data])
    in_base64 = len(whole) > 4 * -(-len(data) // 3)
    used, limit = 0, room - _WORD_OVERHEAD
    if not in_base64 and len(whole) <= limit:
        return [f"=?utf-8?q?{whole}?="]
    words: list[str] = []
    chunk: list[str] = []
    for character in text:
        encoded = "".join(_Q[byte] for byte in character.encode())
        cost = len(character.encode()) if in_base64 else len(encoded)
        if used + cost > (limit // 4 * 3 if in_base64 else limit):
            words.append(_encoded_word(chunk, in_base64=in_base64))
            chunk, used, limit = [], 0, LINE - 1 - _WORD_OVERHEAD
        chunk.append(character if in_base64 else encoded)
        used += cost
    return [*words, _encoded_word(chunk, in_base64=in_base64)]


def _encoded_word(chunk: list[str], *, in_base64: bool) -> str:
    if in_base64:
        return f"=?utf-8?b?{base64.b64encode(''.join(chunk).encode()).decode()}?="
    return f"=?utf-8?q?{''.join(chunk)}?="
