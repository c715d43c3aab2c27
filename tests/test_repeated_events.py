"""The times of a repeated event under their lasting names, whatever happens to it."""

from __future__ import annotations

from dataclasses import replace

from tambour.model import Event, EventId, EventStatus
from test_recognition import A, file, known, look, told

DAYS = range(3)


def course(day: int, *, later_h: int = 0) -> Event:
    """Make one time of the course in `a.md`, which is on several days in a row."""
    name = f"2027040{1 + day}T{19 + later_h}00"
    one = file("a", "Cours", days=day + later_h / 24, id=EventId(f"agenda/a@{name}"))
    return replace(one, path=f"{A}@{name}")


def test_a_broken_file_leaves_all_its_times_as_they_were() -> None:
    """A file that is held is no deletion of what it told before."""
    before = known(*map(course, DAYS))
    found = look(before, file("a", "", status=EventStatus.HELD))

    assert ((), ()) == (found.vanished, found.missing)
    assert set(before) == set(found.standing)


def test_a_course_that_begins_at_another_hour_keeps_its_names() -> None:
    """Each day's only time is the one it was, also where each day has one."""
    before = [course(day) for day in DAYS]
    found = look(known(*before), *(course(day, later_h=1) for day in DAYS))

    assert [one.id for one in before] == list(told(found).values())
    assert ((), ()) == (found.vanished, found.missing)


def test_a_time_that_is_taken_out_vanishes_alone() -> None:
    """The other times stay what they are."""
    before = [course(day) for day in DAYS]
    found = look(known(*before), before[0], before[2])

    assert (before[1].id,) == found.missing == found.vanished
    assert [before[0].id, before[2].id] == list(told(found).values())
