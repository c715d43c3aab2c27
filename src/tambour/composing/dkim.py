"""
DKIM signatures on mail: which headers they cover, and over which octets.

What an edition's messages share is brought into canonical form, and hashed as far as
that goes, when the edition is prepared; per recipient only values are added, the body
hashed, and each key signs. Two keys make two signatures, for receivers that know only
one kind. Knows no files, no clock and no DNS.
Source: RFC 6376 (§3.4.2 and §3.4.4 relaxed, §3.5 tags, §3.7 hashes, §5.4 and §8.15 what
to cover, and again where it could be added), RFC 8463, RFC 8058 §4.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from tambour.composing.headers import LINE
from tambour.composing.signers import Signer

GUARDED = (
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
)
"""Covered once more than they occur, so that no other can be added."""
COVERED = frozenset(name.lower() for name in GUARDED) | {
    "content-transfer-encoding",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
}
"""Covered where they occur; a relay may add its own of the others."""

_FIELD = re.compile(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
_BLANKS = re.compile(rb"[ \t]+")
_BLANKS_AT_END = re.compile(rb"[ \t]+(?=\r\n)")


class Signing:
    """Signs the messages of one edition."""

    def __init__(
        self,
        signers: Sequence[Signer],
        *,
        fixed: bytes,
        varying: Sequence[str],
        body: Sequence[bytes],
        slots: Iterable[int],
    ) -> None:
        """
        Do what can be done for all messages at once.

        Args:
            fixed: header fields that are the same in all messages.
            varying: names of those that are not, in the order in which `sign` is given
                them; *fixed* has none of these.
            body: all after the headers' empty line, in chunks of whole lines.
            slots: which of them differ from message to message.

        """
        shared = [one for one in _FIELD.findall(fixed) if _name(one).lower() in COVERED]
        names = [*map(_name, shared), *varying, *GUARDED]
        self._headers = hashlib.sha256(b"".join(map(relaxed_field, shared)))
        self._stamps = [_Stamp(signer, names) for signer in signers]
        self._body = [relaxed_lines(chunk) for chunk in body]
        self._slots = sorted(slots)
        self._shared = self._slots[0] if self._slots else len(body)
        self._begun = hashlib.sha256(b"".join(self._body[: self._shared]))

    def sign(
        self, fields: Iterable[bytes], body: Sequence[bytes], *, now: datetime
    ) -> bytes:
        """Return the DKIM-Signature fields of a message, one for each key."""
        digest = base64.b64encode(self._body_hash(body))
        headers = self._headers.copy()
        headers.update(b"".join(map(relaxed_field, fields)))
        at = b"%d" % now.timestamp()
        return b"".join([one.field(headers.copy(), digest, at) for one in self._stamps])

    def _body_hash(self, body: Sequence[bytes]) -> bytes:
        lines = self._body.copy()
        for number in self._slots:
            lines[number] = relaxed_lines(body[number])
        rest = b"".join(lines[self._shared :])
        if rest.endswith(b"\r\n\r\n") or not rest.strip(b"\r\n"):
            # Empty lines at the end do not count, wherever they begin.
            return hashlib.sha256(without_empty_end(b"".join(lines))).digest()
        whole = self._begun.copy()
        whole.update(rest)
        return whole.digest()


class _Stamp:
    """One key's DKIM-Signature, all but what each message changes."""

    def __init__(self, signer: Signer, names: Sequence[str]) -> None:
        tags = (
            "v=1;",
            f"a={signer.algorithm};",
            "c=relaxed/relaxed;",
            f"d={signer.domain};",
            f"s={signer.selector};",
        )
        first = _folded(tags, gap=" ", room=LINE - len("DKIM-Signature: "))
        covered = _folded([f"{name}:" for name in names], gap="", room=LINE - 3)
        self._signer = signer
        self._parts = tuple(
            part.encode()
            for part in (
                f"DKIM-Signature: {first}\r\n t=",
                f";\r\n h={covered.removesuffix(':')};\r\n bh=",
                ";\r\n b=",
            )
        )
        start, middle, end = self._parts
        relaxed = start.replace(b"DKIM-Signature: ", b"dkim-signature:")
        self._relaxed = tuple(
            part.replace(b"\r\n", b"") for part in (relaxed, middle, end)
        )

    def field(self, headers: hashlib._Hash, body: bytes, at: bytes) -> bytes:
        """Return the field over *headers*, of which no more is needed."""
        headers.update(_joined(self._relaxed, at, body))
        signature = base64.b64encode(self._signer.sign(headers.digest())).decode()
        room = LINE - 3
        rest = range(room, len(signature), LINE - 1)
        lines = [signature[:room], *(signature[i : i + LINE - 1] for i in rest)]
        return _joined(self._parts, at, body) + "\r\n ".join(lines).encode() + b"\r\n"


def relaxed_field(field: bytes) -> bytes:
    """Return a header field in relaxed form; it holds no blanks but those of lines."""
    name, _, value = field.partition(b":")
    return b"%s:%s\r\n" % (name.rstrip().lower(), b" ".join(value.split()))


def relaxed_lines(lines: bytes) -> bytes:
    """Return whole lines of a body in relaxed form, empty ones at its end included."""
    if b"  " in lines or b"\t" in lines or b" \r\n" in lines:
        return _BLANKS.sub(b" ", _BLANKS_AT_END.sub(b"", lines))
    return lines


def without_empty_end(body: bytes) -> bytes:
    """Return *body* without its last empty lines, which is nothing if all are."""
    end = body.rstrip(b"\r\n")
    return end + b"\r\n" if end else b""


def _name(field: bytes) -> str:
    return field.partition(b":")[0].decode()


def _joined(parts: Sequence[bytes], at: bytes, body: bytes) -> bytes:
    start, middle, end = parts
    return b"".join((start, at, middle, body, end))


def _folded(words: Iterable[str], *, gap: str, room: int) -> str:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(gap) + len(word) > room:
            lines.append("")
            room = LINE - 1
        lines[-1] += f"{gap}{word}" if lines[-1] else word
    return "\r\n ".join(lines)
