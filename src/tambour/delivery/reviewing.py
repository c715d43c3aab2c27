"""
What an edition would say, and to whom, as prints that two runs have in common.

Made by the same `Press` as freezing. Random marks are taken for the attributes that
they stand for; addresses leave here only as a print of all of them together. Of words
that are made for each reader anew, those of one reader a language are looked at, and
beside them all that they are made from. Decides nothing, and knows neither plans' files
nor SQL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from tambour.config import Config
from tambour.delivery.press import Material, Press
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.ledger.frozen import dump_facts
from tambour.ledger.records import Content, normalise
from tambour.model import EditionId, Entry, EntryState, ReasonCode, Recipient
from tambour.rendering.templates import FOLDER, Templates
from tambour.rendering.theme import FILE as THEME_FILE

Key = tuple[str, str, str | None]
"""Edition, channel, audience."""

PARTS = (
    "subject",
    "words",
    "readers",
    "events",
    "deadline",
    "template",
    "sources",
    "channel",
)
"""What a review looks at, in the order in which differences are told."""

_COMING = {EntryState.DUE, EntryState.PLANNED, EntryState.HELD}
_DIGEST_BYTES = 32
_SHELVES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """
    One entry as a person may have looked at it.

    `parts` has a print of each of PARTS; where the edition cannot be made there are
    none, and `error` says why. `subject` is what people read in their list of mails.
    """

    key: Key
    due: datetime
    state: EntryState
    recipients: int
    subject: str | None = None
    parts: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def print(self) -> str | None:
        """Everything in one, None where the edition cannot be made."""
        return print_of([*self.key, self.parts]) if self.parts else None


def print_of(value: object) -> str:
    """Return the print of a JSON value, the same on every machine."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def could_leave(entries: Iterable[Entry], frozen: Iterable[EditionId]) -> list[Entry]:
    """Return the entries that are not frozen, and leave if nobody stops them."""
    known = set(frozen)
    return [
        entry
        for entry in entries
        if entry.state in _COMING
        and entry.edition not in known
        and (entry.reason is None or entry.reason.code is not ReasonCode.NO_RECIPIENTS)
    ]


def review(
    entries: Sequence[Entry], material: Material, ledger: Ledger, config: Config
) -> list[Reviewed]:
    """
    Return how *entries*, none of which is frozen, would leave.

    Raises:
        LedgerError: the ledger cannot be read.

    """
    sources = _Sources(material.templates)
    found: list[Reviewed] = []
    ordered = sorted(entries, key=attrgetter("due", "edition"))
    for _, group in groupby(ordered, key=attrgetter("edition")):
        edition = list(group)
        try:
            press = _press(edition, material, ledger)
            found += [
                _reviewed(entry, press, sources, material, config) for entry in edition
            ]
        except UserError as error:
            found += [_broken(entry, str(error)) for entry in edition]
    return found


def edition_prints(reviewed: Iterable[Reviewed]) -> dict[EditionId, str]:
    """Return one print of each edition, of all its channels and audiences together."""
    together: dict[EditionId, list[str]] = {}
    for one in reviewed:
        together.setdefault(EditionId(one.key[0]), []).append(one.print or "")
    return {edition: print_of(sorted(ones)) for edition, ones in together.items()}


def by_key(reviewed: Iterable[Reviewed]) -> dict[Key, Reviewed]:
    """Return them by their keys; the first of two has all the readers of both."""
    found: dict[Key, Reviewed] = {}
    for one in reviewed:
        found.setdefault(one.key, one)
    return found


def _press(edition: list[Entry], material: Material, ledger: Ledger) -> Press:
    # Neither the moment nor the ledger's key may show: only what is said is compared.
    return Press(
        edition,
        material,
        edition[0].due,
        secret=b"",
        last_told=ledger.telling.last_told,
    )


def _broken(entry: Entry, why: str) -> Reviewed:
    return Reviewed(
        key=key_of(entry),
        due=entry.due,
        state=entry.state,
        recipients=entry.recipients,
        error=why,
    )


def key_of(entry: Entry) -> Key:
    """Return by what an entry is found again in another plan."""
    return entry.edition, entry.target.channel, entry.target.audience


def _reviewed(
    entry: Entry, press: Press, sources: _Sources, material: Material, config: Config
) -> Reviewed:
    readers = _Shelves()
    firsts: dict[tuple[str, str], tuple[str, Recipient, int]] = {}
    told = _Told(press, entry)
    for person, variant in press.copies(entry):
        name = normalise(person.address)
        readers.add([name, *person[:3], dict(person.fields), told[variant]])
        kind = (told[variant], person.language)
        if kind not in firsts or name < firsts[kind][0]:
            firsts[kind] = (name, person, variant)
    contents = {
        kind: press.content_for(entry, person, variant)
        for kind, (_, person, variant) in sorted(firsts.items())
    }
    is_personal = press.is_personal(entry)
    subjects = [
        _unmarked(one, one.rendered.subject)
        for one in contents.values()
        if one.rendered
    ]
    shown = entry.target.subject if is_personal else " / ".join(dict.fromkeys(subjects))
    words = [[*kind, *_words(content)] for kind, content in contents.items()]
    return Reviewed(
        key=key_of(entry),
        due=entry.due,
        state=entry.state,
        recipients=readers.count,
        subject=shown or None,
        parts={
            "subject": print_of(subjects),
            "words": print_of(words),
            "readers": readers.print(),
            "events": print_of([dump_facts(one) for one in press.edition.facts]),
            "deadline": entry.deadline.isoformat() if entry.deadline else "",
            "template": f"{entry.kind.value} {entry.target.template}",
            "sources": sources.print(entry, material) if is_personal else "",
            "channel": _channel(entry, config),
        },
    )


class _Told(dict[int, str]):
    """Prints of what the readers of each variant were told before."""

    def __init__(self, press: Press, entry: Entry) -> None:
        super().__init__()
        self._press, self._entry = press, entry

    def __missing__(self, variant: int) -> str:
        told = self._press.told(self._entry, variant)
        self[variant] = print_of([dump_facts(one) for one in told])
        return self[variant]


def _words(content: Content) -> Iterator[str]:
    """Yield everything in *content* that its readers have in common."""
    rendered = content.rendered
    if rendered is None:
        yield content.payload or ""
        return
    yield content.audience
    for text in (rendered.preheader, rendered.html, rendered.text, rendered.payload):
        yield _unmarked(content, text)


def _unmarked(content: Content, text: str) -> str:
    """Name the attributes for which random marks stand."""
    tokens = content.rendered.tokens if content.rendered else {}
    for mark, attribute in tokens.items():
        text = text.replace(mark, f"{{{attribute}}}")
    return text


def _channel(entry: Entry, config: Config) -> str:
    """Return a print of where it goes and of what its headers say of the sender."""
    settings = config.channels[entry.target.channel]
    looked_at = {"type", "sender", "reply_to", "unsubscribe"}
    url = getattr(settings, "url", None)
    return print_of(
        {
            **settings.model_dump(mode="json", include=looked_at),
            "url": url.get_secret_value() if url else None,
            "pages": str(config.serve.url) if config.serve else None,
        }
    )


class _Sources:
    """What words that are personal are made from: the editor's, and all mail's."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._files: str | None = None

    def print(self, entry: Entry, material: Material) -> str:
        if self._files is None:
            self._files = print_of(list(self._read()))
        campaign = material.campaigns.get(entry.campaign)
        body = campaign.body if campaign else ""
        return print_of([self._files, body, entry.target.subject])

    def _read(self) -> Iterator[tuple[str, str]]:
        for folder in self._templates.folders:
            files = (*folder.glob("email/**/*"), folder / THEME_FILE)
            for file in sorted(file for file in files if file.is_file()):
                name = f"{FOLDER}/{file.relative_to(folder).as_posix()}"
                yield name, hashlib.sha256(file.read_bytes()).hexdigest()


class _Shelves:
    """Prints of all readers in one, whatever their order: 32 bytes are kept of each."""

    def __init__(self) -> None:
        self.count = 0
        self._shelves = [bytearray() for _ in range(_SHELVES)]

    def add(self, row: object) -> None:
        text = json.dumps(row, ensure_ascii=True, sort_keys=True)
        digest = hashlib.sha256(text.encode()).digest()
        self._shelves[digest[0]] += digest
        self.count += 1

    def print(self) -> str:
        total = hashlib.sha256()
        for shelf in self._shelves:
            starts = range(0, len(shelf), _DIGEST_BYTES)
            ones = (bytes(shelf[start : start + _DIGEST_BYTES]) for start in starts)
            for digest in sorted(ones):
                total.update(digest)
        return f"sha256:{total.hexdigest()}"
