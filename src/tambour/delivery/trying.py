"""
Sending test messages through their real channels, at their real rate.

Nothing enters the history, and the ledger is not even opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from tambour.channels import Batch, make_channel
from tambour.config import OutboxChannel
from tambour.delivery.budget import Budget
from tambour.delivery.loop import run_loop
from tambour.delivery.previewing import Sample
from tambour.delivery.world import World
from tambour.model import (
    DeliveryId,
    Outcome,
    OutcomeKind,
)
from tambour.project import Project

_LOST = Outcome(kind=OutcomeKind.DEFERRED, code="lost", reply="the channel was lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A test message, and what became of it."""

    sample: Sample
    outcome: Outcome


def transmit_tests(
    project: Project, samples: Iterable[Sample], world: World
) -> list[Tried]:
    """Send test messages through their real channels; nothing enters the history."""

    async def work() -> list[Tried]:
        tried: list[Tried] = []
        ordered = sorted(samples, key=lambda one: one.entry.target.channel)
        for name, group in groupby(ordered, lambda one: one.entry.target.channel):
            tried += await _transmit(project, name, list(group), world)
        return tried

    return run_loop(work())


async def _transmit(
    project: Project, name: str, samples: list[Sample], world: World
) -> list[Tried]:
    settings = project.config.channels[name]
    channel = make_channel(name, settings, project.root, clock=world.clock)
    refusal = await channel.open()
    if refusal is not None:
        return [Tried(sample=sample, outcome=refusal) for sample in samples]
    wave = [
        sample.message._replace(delivery=DeliveryId(number))
        for number, sample in enumerate(samples)
    ]
    budget = Budget(() if isinstance(settings, OutboxChannel) else settings.rate)
    answers: dict[DeliveryId, Outcome] = {}
    begun = 0
    try:
        while len(answers) == begun < len(wave):  # fewer answers: the channel is lost
            now = world.clock()
            portion = wave[begun : begun + budget.free(now)]
            if not portion:
                await world.sleep((budget.free_at(now) - now).total_seconds())
                continue
            budget.spend(len(portion), now)
            begun += len(portion)
            answered = channel.transmit(Batch(portion))
            answers |= {delivery: outcome async for delivery, outcome in answered}
    finally:
        await channel.close()
    return [
        Tried(sample=sample, outcome=answers.get(DeliveryId(number), _LOST))
        for number, sample in enumerate(samples)
    ]
