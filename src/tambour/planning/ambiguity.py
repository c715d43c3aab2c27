"""
What is said where it is not clear which event a file tells.

Words only; who is doubted, `identity` decides.
"""

from __future__ import annotations

from tambour.model import Event, EventId, KnownEvent
from tambour.problems import Problem

_SETTINGS = "config.yaml"


def unclear(file: Event, mistaken: list[KnownEvent]) -> Problem:
    """It may be one of these, or a new one."""
    names = " or ".join(f"{one.id} ({one.path})" for one in mistaken)
    return Problem(
        path=file.path,
        line=0,
        code="E213",
        message=f"this may be a new event, or what was {names}",
        help=f"add `id: {mistaken[0].id}` to the file if it is that event, an id of "
        "its own if it is another; until then this one is held, the other as it was",
    )


def taken(file: Event, event: KnownEvent) -> Problem:
    """It names an event whose own file is in its place."""
    return Problem(
        path=file.path,
        line=0,
        code="E209",
        message=f"the id {file.id!r} is already that of {event.path}",
        help="give one of them an id of its own; until then only the other counts",
    )


def named_late(file: Event, event: EventId) -> Problem:
    """It names itself otherwise than it is known."""
    return Problem(
        path=file.path,
        line=0,
        code="W210",
        message=f"the event keeps the id {event!r} under which it is already known",
        help=f"write `id: {event}`, or leave it; readers never see it",
    )


def stands(source: str, count: int) -> Problem:
    """So many events were not found, and not for good reason."""
    events = "1 event of it stands" if count == 1 else f"{count} events of it stand"
    return Problem(
        path=_SETTINGS,
        line=0,
        code="E214",
        message=f"the source {source!r} cannot be relied on: {events} as last read",
        help="bring its files back; what does not take place says `cancelled: true`",
    )


def many_gone(source: str, count: int) -> Problem:
    """So many events vanished together that a person should look."""
    return Problem(
        path=_SETTINGS,
        line=0,
        code="E218",
        message=f"{count} events to come are gone from the source {source!r} at once",
        help="bring their files back; `cancelled: true` calls an event off, and "
        "`tambour plan` lists what waits for `tambour approve`",
    )
