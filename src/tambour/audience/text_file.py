"""
A text file that is read several times over, and must be the same each time.

It is read as a stream: its size does not matter. Knows encodings, and no format.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 256 * 1024


class FileChanged(Exception):  # noqa: N818 - a state, not a fault
    """The file is not any more what it was when it was first looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A file as it was found: in UTF-8, or else in Windows-1252."""

    path: Path
    encoding: str
    digest: bytes

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """
        Give the text, its line ends as they are written.

        Raises:
            FileChanged: at the end, once all was read and it was not the same.
            UnicodeDecodeError: earlier, for the same reason.
            OSError: the file cannot be read.

        """
        with _Watched(self.path) as raw:
            text = io.TextIOWrapper(
                io.BufferedReader(raw, CHUNK_BYTES),
                encoding=self.encoding,
                errors="strict" if self.encoding.startswith("utf") else "replace",
                newline="",
            )
            with text:
                yield text
                if raw.digest.digest() != self.digest:
                    raise FileChanged


def look_at(path: Path) -> TextFile:
    """
    Return the file at *path* as it is now.

    Raises:
        OSError: it cannot be read.

    """
    digest = hashlib.blake2b()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8-sig"
    with path.open("rb") as file:
        chunk = b"-"
        while chunk:
            chunk = file.read(CHUNK_BYTES)
            digest.update(chunk)
            if encoding == "utf-8-sig" and not _decodes(decoder, chunk):
                encoding = "cp1252"
    return TextFile(path=path, encoding=encoding, digest=digest.digest())


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError:
        return False
    return True


class _Watched(io.FileIO):
    """A file that digests what is read from it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.digest = hashlib.blake2b()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = super().readinto(buffer) or 0
        self.digest.update(memoryview(buffer)[:count])
        return count
