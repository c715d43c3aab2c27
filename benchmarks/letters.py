"""
What the senders send: a rendered digest of 38 kB, frozen for so many readers.

The words come out of the real templates. The ledger is frozen beforehand, and copied
for each round, so that all rounds start alike.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from samples import (
    make_edition,
    make_events,
    make_recipients,
    make_templates,
    render_digest,
)
from setting import CHANNEL, LEDGER, SENDER
from tambour.composing.mail import MailHead, prepare
from tambour.ledger import open_for_writing
from tambour.ledger.records import Content, Draft
from tambour.ledger.upgrading import upgrade
from tambour.model import EditionKind, Rendered

_EVENTS = 9
_SECRET = b"a secret of 32 bytes, for tests.."


def render() -> Rendered:
    """Return the words of the digest: 29 kB of inlined HTML and 3 kB of text."""
    return render_digest(make_templates(), make_events(_EVENTS))


def compose(rendered: Rendered) -> bytes:
    """Return the message of one reader, as it goes on the wire."""
    head = MailHead(
        sender=SENDER,
        site_name="Agenda de Rivemont",
        unsubscribe_base="https://lettre.example.org",
        campaign="agenda",
        audience="lecteurs",
        kind=EditionKind.DIGEST,
        edition=make_edition().id,
        channel=CHANNEL,
    )
    mail = prepare(rendered, head, secret=_SECRET)
    (reader,) = make_recipients(1)
    name = mail.message_id(reader)
    return mail.fill(reader, message_id=name, now=datetime.now(UTC))


@dataclass(slots=True)
class Letters:
    """The digest in all the forms in which senders want it, in a *folder*."""

    folder: Path
    rendered: Rendered = field(default_factory=render)

    def frozen(self, count: int) -> Path:
        """Return a fresh folder with a ledger frozen for *count* readers."""
        kept = self.folder / f"frozen-{count}"
        if not kept.exists():
            kept.mkdir()
            self._freeze(kept, count)
        fresh = self.folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(kept, fresh)
        return fresh

    def file(self) -> Path:
        """Return a file with one message, its lines ending in LF."""
        path = self.folder / "message.eml"
        path.write_bytes(compose(self.rendered).replace(b"\r\n", b"\n"))
        return path

    def words(self) -> Path:
        """Return a file with the words and the places left in them, as JSON."""
        path = self.folder / "words.json"
        rendered = self.rendered
        words: Mapping[str, object] = {
            "from": SENDER,
            "subject": rendered.subject,
            "html": rendered.html,
            "text": rendered.text,
            "tokens": dict(rendered.tokens),
        }
        path.write_text(json.dumps(words), encoding="utf-8")
        return path

    def _freeze(self, folder: Path, count: int) -> None:
        now = datetime.now(UTC)
        edition = replace(
            make_edition(), due=now, frozen_at=now, deadline=now + timedelta(days=1)
        )
        upgrade(LEDGER, root=folder)
        ledger = open_for_writing(LEDGER, root=folder)
        ledger.freeze(edition, self._drafts(count), audiences={})
        ledger.close()

    def _drafts(self, count: int) -> Iterator[Draft]:
        content = Content(
            key="0/fr", language="fr", audience="lecteurs", rendered=self.rendered
        )
        for reader in make_recipients(count):
            yield Draft(channel=CHANNEL, recipient=reader, content=content)
