"""What a simulation found: the messages that would have gone out, and what not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tambour.ledger.records import Record
from tambour.model import DeliveryState, EditionId, EditionKind, FrozenEdition


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """
    One edition on one channel, as it went out.

    `at` is when the first message left; *subjects* are as often as their messages, the
    most frequent first.
    """

    at: datetime
    edition: EditionId
    kind: EditionKind
    channel: str
    subjects: tuple[str, ...]
    recipients: tuple[tuple[datetime, str], ...]


@dataclass(slots=True, kw_only=True)
class Held:
    """What would have been due, but waited: since when, why, and perhaps until when."""

    at: datetime
    edition: EditionId
    channel: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a daemon would have logged for a person to read."""

    at: datetime
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    All that happened in a simulated time.

    `states` counts every recipient of every edition, where it stood at the end;
    `origins` says of each part of the project where it came from.
    """

    begin: datetime
    end: datetime
    posted: tuple[Posted, ...]
    held: tuple[Held, ...]
    alerts: tuple[Alert, ...]
    states: Mapping[DeliveryState, int]
    origins: Mapping[str, str]
    commits: int
    moments: int

    @property
    def messages(self) -> int:
        """How many messages went out."""
        return sum(len(one.recipients) for one in self.posted)

    @property
    def kinds(self) -> dict[EditionKind, int]:
        """How many messages of each kind went out."""
        counted: Counter[EditionKind] = Counter()
        for one in self.posted:
            counted[one.kind] += len(one.recipients)
        return dict(counted)


def posted(
    records: Iterable[Record],
    editions: Mapping[EditionId, FrozenEdition],
    subjects: Mapping[str, str],
) -> Iterator[Posted]:
    """Yield what was sent, each edition and channel once, in no certain order."""
    sent: dict[tuple[EditionId, str], list[Record]] = {}
    for record in records:
        if record.state is DeliveryState.SENT:
            sent.setdefault((record.edition, record.channel), []).append(record)
    for (edition, channel), rows in sent.items():
        counted = Counter(subjects.get(row.message_id, "") for row in rows)
        yield Posted(
            at=min(row.at for row in rows),
            edition=edition,
            kind=editions[edition].kind,
            channel=channel,
            subjects=tuple(subject for subject, _ in counted.most_common()),
            recipients=tuple(sorted((row.at, row.recipient) for row in rows)),
        )
