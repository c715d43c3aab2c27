"""
What every channel promises, tried on a real destination on loopback.

A channel's test file subclasses `ChannelContract` and gives a `destination`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol

from peers import run
from tambour.channels import Batch, Channel, Check, Wave
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

ACCEPTED = OutcomeKind.ACCEPTED


class Destination(Protocol):
    """A real receiver, and the channel that leads to it."""

    @property
    def channel(self) -> Channel:
        """The channel under test."""

    def received(self) -> list[tuple[str, bytes]]:
        """Identity (by which repeats are told) and content of all that was taken on."""

    def refuse(self, message: Message) -> None:
        """From now on, refuse *message* and no other."""

    def vanish(self) -> None:
        """From now on, be unreachable."""


class Tracked(Batch):
    """A wave that remembers how far it was taken."""

    def __init__(self, messages: Iterable[Message]) -> None:
        super().__init__(messages)
        self.ids: list[DeliveryId] = []

    def take(self, lane: str = "") -> Message | None:
        """Remember what is taken."""
        message = super().take(lane)
        if message is not None:
            self.ids.append(message.delivery)
        return message


async def transmit(channel: Channel, wave: Wave | Iterable[Message]) -> list[Outcome]:
    """Send *wave* to its end and return the outcomes."""
    wave = Batch(wave) if isinstance(wave, Iterable) else wave
    return [outcome async for _, outcome in channel.transmit(wave)]


def kinds(outcomes: Iterable[Outcome]) -> list[OutcomeKind]:
    """Reduce outcomes to what was decided."""
    return [outcome.kind for outcome in outcomes]


class ChannelContract:
    """The suite; subclasses say what a message is and where it goes."""

    secret: ClassVar[str] = "no secret is set"
    most_in_flight: ClassVar[int] = 1

    def destination(self, tmp_path: Path) -> AbstractAsyncContextManager[Destination]:
        """Start a destination that accepts everything."""
        raise NotImplementedError

    def dead(self, tmp_path: Path) -> AbstractContextManager[Channel]:
        """Return a channel whose destination does not exist."""
        raise NotImplementedError

    def message(self, number: int) -> Message:
        """Return a message with everything that could be mangled on its way."""
        raise NotImplementedError

    def wave(self, count: int) -> Tracked:
        """Return messages 1 to *count*."""
        return Tracked(self.message(number) for number in range(1, count + 1))

    def test_answers_for_each_message(self, tmp_path: Path) -> None:
        """Every message taken has exactly one outcome, under its own delivery."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                wave = self.wave(5)
                answered = [pair async for pair in to.channel.transmit(wave)]
                await to.channel.close()

                assert wave.ids == [delivery for delivery, _ in answered]
                assert [ACCEPTED] * 5 == kinds(outcome for _, outcome in answered)

        run(main())

    def test_carries_bytes_unchanged(self, tmp_path: Path) -> None:
        """What arrives equals what was given, byte for byte."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                await transmit(to.channel, self.wave(3))
                await to.channel.close()
                contents = sorted(content for _, content in to.received())

                assert sorted(self.message(n).content for n in (1, 2, 3)) == contents

        run(main())

    def test_pulls_lazily(self, tmp_path: Path) -> None:
        """A message is taken when the one before is answered or on the wire."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                wave, ahead, answered = self.wave(4), [], 0
                async for _ in to.channel.transmit(wave):
                    ahead.append(len(wave.ids) - answered)
                    answered += 1
                await to.channel.close()

                assert max(ahead) <= self.most_in_flight

        run(main())

    def test_leaves_the_rest_when_stopped(self, tmp_path: Path) -> None:
        """A wave abandoned after its first outcome is not taken from any further."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                wave = self.wave(9)
                async for _ in to.channel.transmit(wave):
                    break
                await to.channel.close()

                assert len(wave.ids) <= self.most_in_flight
                assert len(wave.ids) >= len(to.received())

        run(main())

    def test_refusal_touches_no_other(self, tmp_path: Path) -> None:
        """The message after a refused one goes out as if nothing had been."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                to.refuse(self.message(2))
                outcomes = await transmit(to.channel, self.wave(3))
                await to.channel.close()
                contents = sorted(content for _, content in to.received())

                assert [True, False, True] == [o.kind is ACCEPTED for o in outcomes]
                assert outcomes[1].code
                assert outcomes[1].reply
                assert sorted(self.message(n).content for n in (1, 3)) == contents

        run(main())

    def test_repeats_can_be_told(self, tmp_path: Path) -> None:
        """A message sent twice is recognisably one, two messages are two."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                await transmit(to.channel, self.wave(2))
                await transmit(to.channel, self.wave(1))
                await to.channel.close()
                identities = {identity for identity, _ in to.received()}

                assert len(identities) == 2

        run(main())

    def test_dead_destination_is_a_value(self, tmp_path: Path) -> None:
        """Nothing there: opening and sending say so, and raise nothing."""

        async def main() -> None:
            with self.dead(tmp_path) as channel:
                refusal = await channel.open()
                wave = self.wave(3)
                outcomes = await transmit(channel, wave)
                await channel.close()

                assert len(wave.ids) == len(outcomes)
                assert len(outcomes) <= 1
                assert refusal or outcomes
                for outcome in filter(None, (refusal, *outcomes)):
                    assert outcome.kind is OutcomeKind.DEFERRED
                    assert outcome.reply

        run(main())

    def test_stops_when_the_destination_vanishes(self, tmp_path: Path) -> None:
        """A lost destination costs one message its attempt; the rest is untouched."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                wave, outcomes = self.wave(9), []
                async for _, outcome in to.channel.transmit(wave):
                    outcomes.append(outcome)
                    to.vanish()
                await to.channel.close()

                assert len(wave.ids) == len(outcomes)
                assert len(outcomes) <= 1 + self.most_in_flight
                assert kinds(outcomes[:1]) == [ACCEPTED]
                assert OutcomeKind.REJECTED not in kinds(outcomes)

        run(main())

    def test_opens_and_closes_freely(self, tmp_path: Path) -> None:
        """Closing twice or unopened is fine, and so is going on afterwards."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                await to.channel.close()
                opened = [await to.channel.open(), await to.channel.open()]
                await to.channel.close()
                await to.channel.close()
                outcomes = await transmit(to.channel, self.wave(1))
                await to.channel.close()

                assert opened == [None, None]
                assert kinds(outcomes) == [ACCEPTED]

        run(main())

    def test_empty_wave_sends_nothing(self, tmp_path: Path) -> None:
        """Without messages there are neither outcomes nor mail."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                outcomes = await transmit(to.channel, ())
                await to.channel.close()

                assert outcomes == []
                assert to.received() == []

        run(main())

    def test_probe_sends_nothing(self, tmp_path: Path) -> None:
        """A sound destination passes all checks and receives nothing."""

        async def main() -> None:
            async with self.destination(tmp_path) as to:
                checks = await to.channel.probe()
                await to.channel.close()

                assert [check for check in checks if not check.ok] == []
                assert checks
                assert to.received() == []

        run(main())

    def test_probe_names_what_is_wrong(self, tmp_path: Path) -> None:
        """A dead destination fails a check, with words."""

        async def main() -> tuple[Check, ...]:
            with self.dead(tmp_path) as channel:
                return await channel.probe()

        wrong = [check for check in run(main()) if not check.ok]

        assert wrong
        assert all(check.detail for check in wrong)

    def test_says_no_secret(self, tmp_path: Path) -> None:
        """Neither a channel's repr nor anything it answers holds its secret."""

        async def main() -> str:
            async with self.destination(tmp_path) as to:
                to.refuse(self.message(2))
                outcomes = await transmit(to.channel, self.wave(3))
                shown = f"{to.channel!r} {outcomes} {await to.channel.probe()}"
                await to.channel.close()
            with self.dead(tmp_path) as channel:
                outcome = await channel.open()
                shown += f"{channel!r} {outcome} {await channel.probe()}"
                outcomes = await transmit(channel, self.wave(1))
                return f"{shown} {outcomes}"

        assert self.secret not in run(main())


def mail(number: int, *, recipient: str | None = None) -> Message:
    """Return mail with leading dots, an empty line's dot and no bare line ends."""
    body = f".hidden\r\n..two\r\n.\r\nno. {number}\r\n"
    head = (
        f"From: lettre@example.org\r\nSubject: =?utf-8?q?No=2E_{number}?=\r\n"
        f"Message-ID: <{number}@example.org>\r\n"
        "X-Tambour-Edition: agenda/2026-11-30/1\r\n\r\n"
    )
    return Message(
        delivery=DeliveryId(number),
        recipient=recipient or f"reader{number}@example.org",
        key=f"key-{number}",
        content=f"{head}{body}".encode(),
        sender="lettre@example.org",
    )


def post(number: int) -> Message:
    """Return a post whose JSON holds what is easily mangled."""
    content = f'{{"timestamp": "2026-11-30T08:00:00+01:00", "data": {{"edition": "agenda/2026-11-30/{number}", "text": "N° {number} – 😀\\nà bientôt", "events": []}}}}\n'
    return mail(number)._replace(
        recipient="equipe", content=content.encode(), sender=""
    )
