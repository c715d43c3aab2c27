"""
Which event is which: what was read, under the names by which the ledger knows it.

Pure: what was read and what is remembered in, events with their lasting ids out. In
doubt an event is held with a problem; a guess could announce it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tambour.model import Event, EventId, KnownEvent
from tambour.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """
    Events under their lasting ids, and those that were there and are not any more.

    Of *vanished* ones the last good state stands.
    """

    events: tuple[Event, ...]
    vanished: tuple[Event, ...] = ()
    problems: tuple[Problem, ...] = ()


def recognise(
    events: Iterable[Event], _known: Mapping[EventId, KnownEvent]
) -> Recognised:
    """Return *events* as those that are *known*, as far as they are."""
    return Recognised(events=tuple(events))
