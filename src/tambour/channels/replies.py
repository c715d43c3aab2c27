"""
What a peer said, made fit for one line of the ledger.

Knows no protocol. Peers are not trusted: they may send control characters, say too
much, or echo a secret back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REPLY_CHARS = 400
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e]+")
_SHORTEST_SECRET = 4


def tidy(text: str, *, hide: Iterable[str] = ()) -> str:
    """
    Return *text* on one line, no longer than REPLY_CHARS, without the secrets *hide*.

    Secrets of fewer than four characters are left alone: hiding them would blot out
    ordinary words.
    """
    for secret in sorted(set(hide), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    line = _INVISIBLE.sub(" ", text).strip()
    return line if len(line) <= REPLY_CHARS else line[: REPLY_CHARS - 1] + "…"
