"""
The embedded default: a folder of what would have been sent, and a page to read it.

Mail becomes `.eml`, byte for byte, with its HTML and text set beside under `views/`; a
post becomes its `.json` payload and a readable `.txt`. Files appear whole or not at
all (written aside, then renamed), and are named after edition, recipient and key, so
that a retry replaces instead of doubling. Nothing is forced to the disk's platter: a
power cut may cost the last files, a killed process costs none.
Knows neither network nor ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import threading
import unicodedata
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.parser import BytesHeaderParser
from pathlib import Path

from tambour.channels.outbox_page import VIEWS, Page
from tambour.channels.protocol import Check, Wave, each
from tambour.channels.replies import tidy
from tambour.config import OutboxChannel
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

EDITION_HEADER = "X-Tambour-Edition"
LOW_SPACE_BYTES = 50_000_000
_NAME_CHARS = 80
_UNSAFE = re.compile(r"[^a-z0-9@._-]+")
_HEAD = re.compile(r"<(head|html|!doctype)(?:\s[^>]*)?>", re.IGNORECASE)
_HEAD_WITHIN_CHARS = 2000
# A message opened from disk must not run anything, whoever wrote it.
_VIEW_HEAD = (
    '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="'
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'\">"
)


class Outbox:
    """The channel of type `outbox`."""

    def __init__(self, name: str, settings: OutboxChannel, root: Path) -> None:
        self._name = name
        self.folder = root / settings.path
        self._page = Page(self.folder)

    def __repr__(self) -> str:
        return f"<Outbox {self._name}: {self.folder}>"

    async def open(self) -> Outcome | None:
        """Make the folder; deferred when it cannot be written."""
        return await asyncio.to_thread(self._refusal)

    async def close(self) -> None:
        """Bring the index page up to date."""
        await asyncio.to_thread(self._index)

    async def probe(self) -> tuple[Check, ...]:
        """Whether the folder can be written, and how much room there is."""
        return await asyncio.to_thread(self._checks)

    async def transmit(self, wave: Wave) -> AsyncIterator[tuple[DeliveryId, Outcome]]:
        """File each message; stop when the folder as a whole is out of use."""
        async for message in each(wave):
            outcome = await asyncio.to_thread(self._file, message)
            yield message.delivery, outcome
            if outcome.kind is not OutcomeKind.ACCEPTED and await self.open():
                return

    def _file(self, message: Message) -> Outcome:
        try:
            file = file_mail if message.sender else file_post
            path = file(
                self.folder,
                message.content,
                recipient=message.recipient,
                key=message.key,
            )
        except OSError as error:
            return self._deferred(error)
        return Outcome(kind=OutcomeKind.ACCEPTED, code="filed", reply=path.name)

    def _refusal(self) -> Outcome | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / ".writable", b"?")
            # Another channel may try the same folder at the same moment.
            (self.folder / ".writable").unlink(missing_ok=True)
        except OSError as error:
            return self._deferred(error)
        return None

    def _deferred(self, error: OSError) -> Outcome:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        mend = "free some space" if full else "check its path and permissions"
        return Outcome(
            kind=OutcomeKind.DEFERRED,
            code="disk-full" if full else "unwritable",
            reply=tidy(f"{self.folder}: {error.strerror or error}; {mend}"),
        )

    def _index(self) -> None:
        # The page can be made again at any time; what was filed is what counts.
        with contextlib.suppress(OSError):
            if self.folder.is_dir():
                _write(self.folder / "index.html", self._page.html())

    def _checks(self) -> tuple[Check, ...]:
        refusal = self._refusal()
        if refusal is not None:
            return (Check(name="folder", ok=False, detail=refusal.reply),)
        free = shutil.disk_usage(self.folder).free
        return (
            Check(name="folder", ok=True, detail=f"{self.folder} can be written"),
            Check(
                name="free space",
                ok=free > LOW_SPACE_BYTES,
                detail=f"{free / 1_000_000:,.0f} MB free",
            ),
        )


def file_mail(folder: Path, content: bytes, *, recipient: str, key: str = "") -> Path:
    """
    File one RFC 5322 message into the outbox *folder*, with its views.

    Without *key* its Message-ID tells a repeated message from a new one, so that
    whatever receives mail can file it here. Call `refresh_index` afterwards.

    Raises:
        OSError: the folder cannot be written; nothing half-written stays.

    """
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(content)
    identity = key or headers["Message-ID"] or hashlib.sha256(content).hexdigest()
    edition = headers[EDITION_HEADER] or "mail"
    stem = _stem(str(edition), recipient=recipient, key=str(identity))
    for suffix, view in _views(content):
        _write(folder / VIEWS / f"{stem}{suffix}", view)
    path = folder / f"{stem}.eml"
    _write(path, content)
    return path


def file_post(folder: Path, content: bytes, *, recipient: str, key: str) -> Path:
    """
    File a post's JSON *content* into the outbox *folder*, with its words beside.

    Raises:
        OSError: the folder cannot be written; nothing half-written stays.

    """
    try:
        data = json.loads(content)["data"]
        edition, text = str(data["edition"]), str(data["text"])
    except (ValueError, KeyError, TypeError):
        # A template of the editor's own may shape the payload as it likes.
        edition, text = "post", content.decode(errors="replace")
    stem = _stem(edition, recipient=recipient, key=key)
    _write(folder / f"{stem}.txt", text.encode(errors="replace"))
    path = folder / f"{stem}.json"
    _write(path, content)
    return path


def refresh_index(folder: Path) -> None:
    """
    Make the folder's `index.html` again from what is in it.

    Raises:
        OSError: the folder cannot be read or written.

    """
    _write(folder / "index.html", Page(folder).html())


def _views(content: bytes) -> list[tuple[str, bytes]]:
    """The parts a person can read, as files; none from mail too odd to be parsed."""
    views = []
    # The parser raises all of these on bytes that strangers made.
    with contextlib.suppress(LookupError, ValueError, AttributeError, TypeError):
        mail = message_from_bytes(content, policy=policy.default)
        html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
        if html is not None:
            tamed = _tame(str(html.get_content()))
            views.append((".html", tamed.encode(errors="replace")))
        if plain is not None:
            text = str(plain.get_content())
            views.append((".txt", text.encode(errors="replace")))
    return views


def _tame(html: str) -> str:
    openings = {
        tag[1].lower(): tag for tag in _HEAD.finditer(html[:_HEAD_WITHIN_CHARS])
    }
    tag = openings.get("head") or openings.get("html") or openings.get("!doctype")
    cut = tag.end() if tag else 0
    return html[:cut] + _VIEW_HEAD + html[cut:]


def _stem(edition: str, *, recipient: str, key: str) -> str:
    mark = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{_slug(edition)}--{_slug(recipient)}--{mark}"


def _slug(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("-", ascii_text.lower()).strip("-.")[:_NAME_CHARS] or "unnamed"


def _write(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
