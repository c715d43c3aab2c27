"""
What would have been received: the subjects, by the keys that the ledger knows.

Reads messages as their recipients would, and keeps none. Source: RFC 5322 §2.2.3,
RFC 2047.
"""

from __future__ import annotations

import json
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache

from tambour.model import Message, Outcome, OutcomeKind

TAKEN = Outcome(kind=OutcomeKind.ACCEPTED, code="250", reply="simulated")

_SUBJECT = re.compile(
    rb"^subject:[ \t]*((?:.*\r?\n[ \t])*.*?)\r?$", re.IGNORECASE | re.MULTILINE
)


class Listener:
    """Takes every message; `subjects` are those of mails, or a post's first line."""

    def __init__(self) -> None:
        self.subjects: dict[str, str] = {}

    def take(self, message: Message) -> Outcome:
        """Note the subject."""
        subject = _subject if message.sender else _first_line
        self.subjects[message.key] = subject(message.content)
        return TAKEN


def _subject(content: bytes) -> str:
    found = _SUBJECT.search(content, 0, content.find(b"\r\n\r\n"))
    return _decoded(found[1]) if found else ""


@lru_cache(maxsize=1024)
def _decoded(raw: bytes) -> str:
    text = " ".join(raw.decode("utf-8", "replace").split())
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text


@lru_cache(maxsize=64)
def _first_line(content: bytes) -> str:
    """Return how a post begins; one of a project's own making may have no text."""
    try:
        said = json.loads(content)["data"]["text"]
    except (ValueError, LookupError, TypeError):
        return ""
    lines = str(said).strip().splitlines()
    return lines[0] if lines else ""
