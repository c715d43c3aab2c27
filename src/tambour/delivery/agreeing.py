"""
Whether what would leave now is what a person reviewed in a plan's file.

Compares prints and names what differs; sends and freezes nothing itself. What only time
took from the plan, an edition that came too late or gave way to a later one, is no
difference; what is in the file and not due yet is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tambour.delivery.plan_file import PlanFile
from tambour.delivery.reviewing import (
    PARTS,
    Key,
    Reviewed,
    by_key,
    edition_prints,
    review,
)
from tambour.delivery.rounds import material_of
from tambour.errors import Stopped
from tambour.ledger import Ledger
from tambour.memory import Memory
from tambour.model import (
    Decision,
    EditionId,
    Entry,
    EntryState,
    Plan,
    ReasonCode,
    Snapshot,
)
from tambour.project import HORIZON
from tambour.rendering.templates import Templates

_TIME_TAKES = {ReasonCode.LATER_ONE_SPEAKS, ReasonCode.LATE, ReasonCode.TOO_CLOSE}
_WRITTEN_TO = timedelta(seconds=1)
"""A file's due times have no fractions."""

_OTHER = {
    "words": "the words differ",
    "events": "what it tells of its events differs",
    "deadline": "its deadline differs",
    "template": "its kind or template differs",
    "sources": "the templates or the campaign's words differ",
    "channel": "the sender or the address of the channel differs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What of an edition is not as it was reviewed; *text* goes on from its name."""

    edition: str
    channel: str
    audience: str | None
    what: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        to = f" to {self.audience}" if self.audience else ""
        return f"{self.edition} by {self.channel}{to}: {self.text}"


class NotAsReviewed(Stopped):
    """Something would leave that nobody reviewed; nothing has been frozen."""

    def __init__(self, file: str, differences: Sequence[Difference]) -> None:
        first, more = differences[0], len(differences) - 1
        others = f" (and {more} more)" if more else ""
        super().__init__(
            f"nothing was sent: it is not as in {file}: {first}{others}; look at it"
            f" and write it again: tambour plan --out {file}"
        )
        self.differences = tuple(differences)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Compares a *file* with what is about to be sent, of *campaigns* or of all."""

    file: PlanFile
    campaigns: Collection[str]
    ledger: Ledger
    templates: Templates

    def check(self, memory: Memory, plan: Plan, fresh: Sequence[Entry]) -> None:
        """
        Refuse what differs; remember that the others are frozen as reviewed.

        Raises:
            NotAsReviewed: naming all that differs.
            LedgerError: the ledger cannot be used.

        """
        reviewed = self._review(memory, fresh)
        found = list(self._compare(memory, plan, reviewed))
        if found:
            raise NotAsReviewed(self.file.name, found)
        self.ledger.reviews.note(
            edition_prints(reviewed),
            frozen_at=plan.now,
            keep=[one.id for one in memory.snapshot.open_editions],
        )

    def refusal(
        self, memory: Memory, plan: Plan, fresh: Sequence[Entry]
    ) -> NotAsReviewed | None:
        """Return what `check` would raise; writes nothing."""
        found = list(self._compare(memory, plan, self._review(memory, fresh)))
        return NotAsReviewed(self.file.name, found) if found else None

    def _review(self, memory: Memory, fresh: Sequence[Entry]) -> list[Reviewed]:
        material = material_of(memory, self.templates)
        return review(fresh, material, self.ledger, memory.project.config)

    def _compare(
        self, memory: Memory, plan: Plan, reviewed: Sequence[Reviewed]
    ) -> Iterator[Difference]:
        now = by_key(reviewed)
        before = {
            key: one
            for key, one in self.file.reviewed.items()
            if not self.campaigns or self.file.campaigns[key] in self.campaigns
        }
        yield from compare(before, now)
        yield from self._overruled(now, memory.snapshot)
        yield from self._frozen_since(memory, plan)
        due = {k: one for k, one in before.items() if one.due + _WRITTEN_TO <= plan.now}
        yield from _gone(due.keys() - now.keys(), before, memory, plan)

    def _overruled(
        self, now: Mapping[Key, Reviewed], snapshot: Snapshot
    ) -> Iterator[Difference]:
        """Yield what a person decided since, but the approval that it waited for."""
        for key, one in self.file.reviewed.items():
            edition, written = EditionId(key[0]), self.file.written
            is_later = snapshot.decided_at.get(edition, written) > written
            is_approved = snapshot.decisions.get(edition) is Decision.APPROVE
            was_awaited = is_approved and one.state is EntryState.HELD
            if key not in now or not is_later or was_awaited:
                continue
            said = "was approved after the file was written"
            yield difference(key, said, "decision")

    def _frozen_since(self, memory: Memory, plan: Plan) -> Iterator[Difference]:
        """Yield what is on its way without being frozen as the file has it."""
        editions = memory.snapshot.editions
        stopped = {
            entry.edition
            for entry in plan.entries
            if entry.state is EntryState.SUPERSEDED
        }
        due = self.ledger.history.due_editions(plan.now) - stopped
        prints = edition_prints(self.file.reviewed.values())
        noted = self.ledger.reviews.prints()
        strange = {
            one
            for one in due
            if self.file.frozen.get(one) != editions[one].frozen_at
            and noted.get(one) != (prints.get(one), editions[one].frozen_at)
        }
        for count in self.ledger.history.counts(sorted(strange)):
            is_known = count.edition in prints or count.edition in self.file.frozen
            said = (
                "is on its way, not as reviewed" if is_known else "is not in the file"
            )
            yield difference((count.edition, count.channel, None), said, "new")


def compare(
    before: Mapping[Key, Reviewed], now: Mapping[Key, Reviewed]
) -> Iterator[Difference]:
    """Yield what of *now* was not there before, or was otherwise."""
    for key, one in now.items():
        old = before.get(key)
        if old is None:
            yield difference(key, "is not in the file", "new")
        elif old.parts != one.parts:
            what = [
                part for part in PARTS if old.parts.get(part) != one.parts.get(part)
            ]
            texts = (_text(part, old, one) for part in what)
            said = "; ".join(texts) if old.parts and one.parts else _unmade(old, one)
            yield difference(
                key, said, *(what if old.parts and one.parts else ["error"])
            )


def changes_since(
    file: PlanFile,
    reviewed: Iterable[Reviewed],
    memory: Memory,
    plan: Plan,
    *,
    until: datetime,
) -> list[Difference]:
    """Return what of a *plan* up to then is to be looked at again, and why."""
    now, before = by_key(reviewed), file.reviewed
    expected = {key for key, one in before.items() if one.due <= until}
    lost = _gone(expected - now.keys(), before, memory, plan)
    return [*compare(before, now), *lost]


def difference(key: Key, text: str, *what: str) -> Difference:
    """Return a difference of what has this *key*."""
    edition, channel, audience = key
    return Difference(
        edition=edition, channel=channel, audience=audience, what=what, text=text
    )


def _text(part: str, old: Reviewed, now: Reviewed) -> str:
    if part == "subject":
        return f"the subject is {now.subject!r}, not {old.subject!r}"
    if part == "readers" and old.recipients == now.recipients:
        return f"as many readers, {now.recipients}, but others, or others' columns"
    if part == "readers":
        return f"readers: {now.recipients} instead of {old.recipients}"
    return _OTHER[part]


def _unmade(old: Reviewed, now: Reviewed) -> str:
    if now.error:
        return f"it cannot be made any more: {now.error}"
    return f"it could not be made when it was reviewed: {old.error}"


def _gone(
    keys: Iterable[Key], before: Mapping[Key, Reviewed], memory: Memory, plan: Plan
) -> Iterator[Difference]:
    """Yield what should leave by the file, and does not."""
    later: Plan | None = None
    for key in sorted(keys, key=str):
        if EditionId(key[0]) in memory.snapshot.editions:
            continue
        later = later or memory.plan(now=plan.now, until=plan.now + HORIZON)
        entry = _find(key, later)
        if entry is None:
            yield difference(key, "is not there any more", "gone")
        elif entry.state is EntryState.HELD and before[key].state is EntryState.HELD:
            continue
        elif not _is_only_late(entry):
            why = f": {entry.reason.text}" if entry.reason else _since(entry, plan.now)
            yield difference(key, f"is {entry.state} now{why}", _what(entry))


def _find(key: Key, plan: Plan) -> Entry | None:
    edition, channel, audience = key
    for entry in plan.entries:
        target = entry.target
        if (entry.edition, target.channel, target.audience) == (
            edition,
            channel,
            audience,
        ):
            return entry
    return None


def _is_only_late(entry: Entry) -> bool:
    return entry.state is EntryState.MISSED or (
        entry.reason is not None and entry.reason.code in _TIME_TAKES
    )


def _since(entry: Entry, now: datetime) -> str:
    if entry.due > now:
        return ", for another time"
    return ", but another part of it waits, or its readers cannot be read"


def _what(entry: Entry) -> str:
    return "held" if entry.state is EntryState.HELD else "gone"
