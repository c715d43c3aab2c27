"""
What `render` and `send-preview` look through, and the files that `render` writes.

The ledger is only read.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
from typing import TYPE_CHECKING

from tambour.cli.world import real_world
from tambour.delivery.previewing import Preview
from tambour.ledger import ledger_path, open_for_reading
from tambour.ledger.key import key_path, read_key
from tambour.memory import recall
from tambour.rendering.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from tambour.delivery.previewing import Sample
    from tambour.project import Project

_STEM_BYTES = 150
"""File systems take names of 255 bytes; channel, language and suffix come after."""


def open_preview(project: Project, *, at: datetime) -> Preview:
    """
    Return the project's preview as of *at*.

    Raises:
        LedgerError: there is a ledger that cannot be read.

    """
    config = project.config
    ledger = open_for_reading(config.ledger, root=project.root)
    memory = recall(project, ledger)
    ledger.close()
    path = ledger_path(config.ledger, project.root)
    kept = read_key(key_path(path)) if path else None
    given = config.secret.get_secret_value().encode() if config.secret else None
    return Preview(
        memory=memory,
        templates=Templates(project.root),
        secret=given or kept or b"no key yet",
        at=at,
        world=real_world(),
    )


def write_samples(samples: Iterable[Sample], folder: Path) -> list[Path]:
    """Write each sample's .eml, .html and .txt, or a post's .json and .txt."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for sample in samples:
        for suffix, content in _files(sample):
            file = folder / f"{_stem(sample)}{suffix}"
            file.write_bytes(content)
            written.append(file)
    return written


def _files(sample: Sample) -> Iterator[tuple[str, bytes]]:
    content = sample.message.content
    if not sample.is_mail:
        yield ".json", content
        said = json.loads(content)
        data = said.get("data") if isinstance(said, dict) else None
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            yield ".txt", data["text"].encode()
        return
    yield ".eml", content
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    for subtype, suffix in (("html", ".html"), ("plain", ".txt")):
        part = parsed.get_body((subtype,))
        if part is not None:
            yield suffix, part.get_content().encode()


def _stem(sample: Sample) -> str:
    """Name a sample's files by edition, channel and language."""
    stem = sample.entry.edition.replace("/", "--").replace("\0", "")
    if len(stem.encode()) > _STEM_BYTES:
        mark = hashlib.sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem.encode()[:_STEM_BYTES].decode(errors='ignore')}~{mark}"
    language = f".{sample.recipient.language}" if sample.is_mail else ""
    return f"{stem}--{sample.entry.target.channel}{language}"
