"""
Reads a mail server's replies off a stream of bytes, however it is cut.

Servers are not trusted: lines and replies are bounded, and what is no reply ends the
reading with `GARBLED`, a value like the others, so that nothing before it is lost.
Knows no commands.
Source: RFC 5321 §4.2 (replies), §4.5.3.1.5 (their length), RFC 2034 and 3463
(enhanced status codes).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MAX_LINE_BYTES = 8192
"""RFC 5321 has 512; smtplib reads 8192, and servers have come to rely on such."""
MAX_LINES = 128
CLOSING = 421
"""The server is about to close the connection; may come at any time."""

_CODES = {b"%d" % code: code for code in range(200, 600)}
_STATUS = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")


class Reply(NamedTuple):
    """A whole reply: its code, and each line without the code."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """All lines, as far as they can be read."""
        return b"\n".join(self.lines).decode(errors="replace")

    @property
    def status(self) -> str:
        """The enhanced status code (`5.1.1`), where there is one that fits the code."""
        found = _STATUS.match(self.lines[0])
        if found is None or self.code // 100 != self.lines[0][0] - ord("0"):
            return ""
        return found[1].decode("ascii")


GARBLED = Reply(0, (b"",))
"""In place of what is no reply; nothing is read after it."""


class ReplyReader:
    """Collects bytes until they are replies."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what has come in: what precedes TLS may be anybody's."""
        self._rest = b""
        self._code = 0
        self._lines: list[bytes] = []
        self._is_garbled = False

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that *data* completes."""
        if self._is_garbled:
            return []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        replies: list[Reply] = []
        for line in lines:
            fits = len(line) <= MAX_LINE_BYTES
            whole = _whole(line) if fits and not self._lines else None
            if whole is not None:
                replies.append(whole)
            elif not fits or not self._is_continued(line, replies):
                self._is_garbled = True
                return [*replies, GARBLED]
        if len(self._rest) > MAX_LINE_BYTES:
            self._is_garbled = True
            replies.append(GARBLED)
        return replies

    def _is_continued(self, line: bytes, replies: list[Reply]) -> bool:
        """Take in a line of a longer reply; False when it cannot be one."""
        code, mark = _CODES.get(line[:3]), line[3:4]
        fits = code is not None and code == (self._code or code)
        if not fits or mark not in b" \r-":
            return False
        self._lines.append(line[4:].rstrip(b"\r"))
        if mark == b"-":
            self._code = code or 0
            return len(self._lines) < MAX_LINES
        replies.append(Reply(code or 0, tuple(self._lines)))
        self._code, self._lines = 0, []
        return True


# A server says the same few things over and over.
@lru_cache(maxsize=64)
def _whole(line: bytes) -> Reply | None:
    """Return the reply that consists of *line* alone."""
    code = _CODES.get(line[:3])
    if code is None or line[3:4] not in b" \r":
        return None
    return Reply(code, (line[4:].rstrip(b"\r"),))
