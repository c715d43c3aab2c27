"""
The messages that would be sent: as samples to look at, or as tests to oneself.

Goes through the same rendering and composing as sending; the ledger is only read. Picks
the campaign's next due edition, or the one about a given event.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tambour.audience import require_address
from tambour.composing.mail import TEST_MARK
from tambour.composing.signers import Signer
from tambour.delivery.keys import read_signers
from tambour.delivery.press import Press
from tambour.delivery.rounds import material_of
from tambour.delivery.routes import Composer
from tambour.delivery.world import World
from tambour.errors import UserError
from tambour.ledger.records import Content, ContentId, Leased
from tambour.memory import Memory
from tambour.model import (
    DeliveryId,
    Entry,
    EntryState,
    Message,
    Plan,
    Recipient,
    Target,
)
from tambour.project import HORIZON, require_campaigns
from tambour.rendering.templates import Templates

_COMING = {EntryState.DUE, EntryState.PLANNED, EntryState.HELD}
_SPOKEN = ("text", "content", "message", "body")
"""Where chat programs look for a post's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One message of an edition as one recipient gets it; `is_mail` or a post."""

    entry: Entry
    recipient: Recipient
    message: Message
    is_mail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """
    What previews are made of.

    `secret` is the ledger's key, if it has one yet; `at` the moment that is pretended,
    by which editions are chosen and files dated. Tests leave now, by `world`'s clock.
    """

    memory: Memory
    templates: Templates
    secret: bytes
    at: datetime
    world: World
    signers: dict[str, tuple[Signer, ...]] = field(default_factory=dict, repr=False)

    def samples(self, campaign: str, *, event: str | None) -> Iterator[Sample]:
        """
        Yield the next due edition: a recipient of each language, and each post.

        Raises:
            ConfigError: a key that should sign cannot be used.
            UserError: there is no such campaign, or nothing to show.

        """
        entries = self._entries(campaign, event)
        press = self._press(entries)
        for entry in entries:
            for person in self._readers(entry.target):
                yield self._sample(press, entry, person, test_id="")

    def tests(
        self,
        campaign: str,
        *,
        event: str | None,
        channel: str | None,
        addresses: Sequence[str],
    ) -> Iterator[Sample]:
        """
        Yield the next due edition as test messages to *addresses*.

        A post is among them only when its *channel* is named.

        Raises:
            ConfigError: a key that should sign cannot be used.
            UserError: an address is not allowed, or there is nothing to show.

        """
        self._refuse_strangers(addresses)
        entries = self._entries(campaign, event)
        wanted = [e for e in entries if channel in (None, e.target.channel)]
        if channel is None:
            wanted = [entry for entry in wanted if entry.target.audience is not None]
        if not wanted:
            there = ", ".join(sorted({e.target.channel for e in entries}))
            msg = f"{campaign} has no mail for that channel; it sends to {there}"
            raise UserError(msg)
        press = self._press(entries)
        for entry in wanted:
            for number, person in enumerate(self._testers(entry.target, addresses)):
                chance = int(self.world.chance() * 2**64)
                test_id = f"{chance:016x}.{number}"
                yield self._sample(press, entry, person, test_id=test_id)

    # ── which edition ───────────────────────────────────────────────────────────

    def _entries(self, campaign: str, event: str | None) -> list[Entry]:
        require_campaigns(self.memory.project, [campaign])
        until = self.at + HORIZON
        plan = self.memory.plan(now=self.at, until=until)
        entries = [
            entry
            for entry in plan.entries
            if entry.campaign == campaign
            and (event is None or any(_is_meant(event, one) for one in entry.events))
        ]
        coming = [e for e in entries if e.state in _COMING and e.events]
        shown = coming or [entry for entry in reversed(entries) if entry.events]
        if not shown:
            raise UserError(self._nothing(plan, campaign, event))
        edition = shown[0].edition
        return [entry for entry in entries if entry.edition == edition]

    def _nothing(self, plan: Plan, campaign: str, event: str | None) -> str:
        about = f" about {event!r}" if event else ""
        reasons = [
            entry.reason.text
            for entry in plan.entries
            if entry.campaign == campaign and entry.reason
        ]
        why = f": {reasons[0]}" if reasons else "; try another day with --at"
        return f"{campaign} has no edition to come{about}{why}"

    # ── for whom ────────────────────────────────────────────────────────────────

    def _readers(self, target: Target) -> list[Recipient]:
        if target.audience is None:
            return [self._account(target)]
        audience = self.memory.project.audiences.get(target.audience)
        firsts = audience.firsts() if audience else []
        return firsts or [self._stranger(target, "reader@example.org")]

    def _testers(self, target: Target, addresses: Sequence[str]) -> list[Recipient]:
        if target.audience is None:
            return [self._account(target)]
        audience = self.memory.project.audiences.get(target.audience)
        known = audience.find(addresses) if audience else {}
        return [known.get(a) or self._stranger(target, a) for a in addresses]

    def _account(self, target: Target) -> Recipient:
        return Recipient(
            address=target.channel, language=self.memory.project.site.language
        )

    def _stranger(self, target: Target, address: str) -> Recipient:
        """Return somebody with every column of the audience, filled with its name."""
        audience = self.memory.project.audiences.get(target.audience or "")
        columns = audience.columns if audience else ()
        return Recipient(
            address=address,
            language=self.memory.project.site.language,
            fields={name: f"[{name}]" for name in columns},
        )

    def _refuse_strangers(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            require_address(address)
        allowed = self.memory.project.config.safety.test_recipients
        refused = [
            address
            for address in addresses
            if allowed and not any(_matches(address, one) for one in allowed)
        ]
        if refused:
            msg = (
                f"{', '.join(refused)} may not get tests; safety.test_recipients in"
                f" config.yaml allows {', '.join(allowed)}"
            )
            raise UserError(msg)

    # ── what ────────────────────────────────────────────────────────────────────

    def _press(self, entries: list[Entry]) -> Press:
        material = material_of(self.memory, self.templates)
        return Press(entries, material, self.at, secret=self.secret, last_told=None)

    def _sample(
        self, press: Press, entry: Entry, person: Recipient, *, test_id: str
    ) -> Sample:
        content = press.content_for(entry, person)
        settings = self.memory.project.config.channels[entry.target.channel]
        composer = Composer(
            self.memory.project.config,
            settings,
            secret=self.secret,
            signers=self._signers(entry.target.channel),
            clock=self.world.clock if test_id else lambda: self.at,
            test_id=test_id,
        )
        if test_id and content.payload is not None:
            content = replace(content, payload=_marked(content.payload))
        message = composer(_as_leased(entry, person, content), content).write()
        is_mail = content.rendered is not None
        if test_id and not is_mail:
            # Under the real key a receiver would take the real post for a repetition.
            message = message._replace(key=f"test.{test_id}")
        return Sample(entry=entry, recipient=person, message=message, is_mail=is_mail)

    def _signers(self, channel: str) -> tuple[Signer, ...]:
        """Return the keys of a channel, read once."""
        if channel not in self.signers:
            config = self.memory.project.config
            found = read_signers(config.channels[channel], config.root)
            self.signers[channel] = found
        return self.signers[channel]


def _as_leased(entry: Entry, person: Recipient, content: Content) -> Leased:
    return Leased(
        id=DeliveryId(0),
        edition=entry.edition,
        campaign=entry.campaign,
        kind=entry.kind,
        channel=entry.target.channel,
        audience=content.audience,
        recipient=person,
        content=ContentId(0),
        deadline=entry.deadline,
        attempts=0,
    )


def _is_meant(asked: str, event: str) -> bool:
    return event == asked or event.endswith(f"/{asked}")


def _matches(address: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(address.casefold(), pattern.casefold())


def _marked(payload: str) -> str:
    """Mark a post's own words as a test, where it has some."""
    said = json.loads(payload)
    outer = said if isinstance(said, dict) else {}
    data = outer.get("data")
    for words in (data if isinstance(data, dict) else {}, outer):
        for key in _SPOKEN:
            if isinstance(words.get(key), str):
                words[key] = TEST_MARK + words[key]
                return json.dumps(said, ensure_ascii=False)
    return json.dumps(said, ensure_ascii=False)
