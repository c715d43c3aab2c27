"""Rule 10: which clocks are believed, over histories of steps, suspends and reboots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.model import ClockMemory, Reading
from tambour.planning.clocks import ClockState, Judgement, believed, judge

START = datetime(2027, 3, 18, 8, tzinfo=UTC)
RIGHT, BEHIND, DOUBTFUL = ClockState.RIGHT, ClockState.BEHIND, ClockState.DOUBTFUL


@dataclass(slots=True)
class Machine:
    """A machine: true time, how wrong its clock is, its boot, and what is remembered."""

    true: datetime = START
    error: timedelta = timedelta()
    boot: int = 1
    elapsed: float = 1000.0
    memory: ClockMemory = field(default_factory=ClockMemory)

    def read(self) -> Reading:
        """Read its clocks."""
        wall = self.true + self.error
        return Reading(wall=wall, boot=f"boot {self.boot}", elapsed=self.elapsed)

    def tick(self) -> Judgement:
        """Judge the clock, and remember it."""
        judged = judge(self.memory, self.read())
        self.memory = judged.memory
        return judged

    def let_pass(self, seconds: float) -> None:
        """Let time pass, awake or suspended: the boot's clock counts both."""
        self.true += timedelta(seconds=seconds)
        self.elapsed += seconds

    def step(self, seconds: float) -> None:
        """Set the clock."""
        self.error += timedelta(seconds=seconds)

    def reboot(self, seconds: float) -> None:
        """Be off for a while."""
        self.true += timedelta(seconds=seconds)
        self.boot, self.elapsed = self.boot + 1, 20.0


def states(machine: Machine, *story: tuple[str, float]) -> list[ClockState]:
    """Return what is thought of the clock at first, and after each part of a story."""
    found = [machine.tick().state]
    for what, seconds in story:
        getattr(machine, what)(seconds)
        found.append(machine.tick().state)
    return found


HOUR = 3600.0


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param([("let_pass", 15)], [RIGHT], id="time passes"),
        pytest.param([("let_pass", 9 * HOUR)], [RIGHT], id="a suspend"),
        pytest.param([("reboot", 90 * HOUR)], [RIGHT], id="a weekend off"),
        pytest.param([("step", 3600)], [RIGHT], id="an hour ahead"),
        pytest.param([("step", 3601)], [DOUBTFUL], id="more than an hour ahead"),
        pytest.param(
            [("step", 2 * HOUR), ("let_pass", HOUR), ("step", -2 * HOUR)],
            [DOUBTFUL, DOUBTFUL, RIGHT],
            id="ahead, and put right",
        ),
        pytest.param(
            [("step", 9 * HOUR), ("reboot", 60), ("let_pass", HOUR)],
            [DOUBTFUL, DOUBTFUL, DOUBTFUL],
            id="ahead, and no better for a reboot",
        ),
        pytest.param(
            [("step", 9 * HOUR), ("reboot", 60), ("step", -9 * HOUR)],
            [DOUBTFUL, DOUBTFUL, RIGHT],
            id="ahead, and put right after a reboot",
        ),
        pytest.param([("step", -5)], [RIGHT], id="a few seconds back"),
        pytest.param(
            [("step", -6), ("let_pass", 7)], [BEHIND, RIGHT], id="more seconds back"
        ),
        pytest.param(
            [("step", -3 * HOUR), ("let_pass", HOUR), ("step", 3 * HOUR)],
            [BEHIND, BEHIND, RIGHT],
            id="back, and where it was",
        ),
        pytest.param(
            [("step", -3 * HOUR), ("step", 9 * HOUR)],
            [BEHIND, DOUBTFUL],
            id="back, and too far ahead",
        ),
        pytest.param(
            [("reboot", 60), ("step", -500_000 * HOUR), ("step", 500_000 * HOUR)],
            [RIGHT, BEHIND, RIGHT],
            id="back in 1970, and put right",
        ),
    ],
)
def test_a_clock_is_believed(
    story: list[tuple[str, float]], expected: list[ClockState]
) -> None:
    """Back is believed and told, a little ahead is believed, far ahead is not."""
    assert [RIGHT, *expected] == states(Machine(), *story)


def test_a_new_boot_that_woke_up_in_the_past_is_corrected() -> None:
    """A machine without a clock of its own starts in 1970; that is no witness."""
    machine = Machine()
    machine.tick()
    machine.reboot(60)
    machine.error = datetime(1970, 1, 1, tzinfo=UTC) - machine.true
    woken = machine.tick().state
    machine.let_pass(30)
    machine.error = timedelta()

    assert (woken, machine.tick().state) == (BEHIND, RIGHT)


def test_without_a_boot_to_count_from_only_the_latest_moment_counts() -> None:
    """A gap could be downtime, a step back is seen all the same."""
    first = judge(ClockMemory(), Reading(wall=START))
    later = judge(first.memory, Reading(wall=START + timedelta(days=3)))
    back = judge(later.memory, Reading(wall=START))

    assert (later.state, back.state) == (RIGHT, BEHIND)


def test_news_is_told_once() -> None:
    """Each change of mind is news the first time."""
    machine = Machine()
    story = [0.0, 2 * HOUR, 0, -2 * HOUR, 0, -HOUR, 0, HOUR, 0]
    news = []
    for seconds in story:
        machine.step(seconds)
        machine.let_pass(15)
        news.append(machine.tick().is_news)

    assert [False, True, False, True, False, True, False, True, False] == news


def test_what_is_doubted_is_not_remembered_as_seen() -> None:
    """The latest moment stays, so that nothing is past that is not."""
    machine = Machine()
    before = machine.tick().memory
    machine.step(9 * HOUR)
    after = machine.tick().memory

    assert before == replace(after, doubted=None)


def test_a_person_ends_a_doubt() -> None:
    """From then on the clock runs on from there."""
    machine = Machine()
    states(machine, ("step", 9 * HOUR))
    machine.memory = believed(machine.read())

    assert [RIGHT, RIGHT, DOUBTFUL] == states(
        machine, ("let_pass", 60), ("step", 2 * HOUR)
    )


# ── Any history ─────────────────────────────────────────────────────────────────

_while = st.tuples(st.just("let_pass"), st.floats(0, 40 * HOUR))
_off = st.tuples(st.just("reboot"), st.floats(1, 400 * HOUR))
_set = st.tuples(st.just("step"), st.floats(-30 * HOUR, 30 * HOUR))
_corrected = st.tuples(st.just("set_error"), st.floats(-1790, 1790))


@given(st.lists(_while | _off | _corrected, max_size=30))
def test_an_honest_clock_is_never_doubted(story: list[tuple[str, float]]) -> None:
    """One that is never wrong by half an hour, whatever the machine does."""
    machine = Machine()
    machine.tick()
    for what, seconds in story:
        if what == "set_error":
            machine.error = timedelta(seconds=seconds)
        else:
            getattr(machine, what)(seconds)
        assert machine.tick().state is not DOUBTFUL


@given(
    st.lists(_while | _off | _set, max_size=20),
    st.floats(HOUR + 1, 9000 * HOUR),
    st.lists(st.floats(0, 40 * HOUR) | st.none(), max_size=8),
)
def test_a_jump_is_doubted_until_it_is_undone(
    before: list[tuple[str, float]], jump: float, after: list[float | None]
) -> None:
    """After any history that is believed; time, suspends and reboots end no doubt."""
    machine = Machine()
    machine.tick()
    for what, seconds in before:
        getattr(machine, what)(seconds)
        machine.memory = believed(machine.read())
    known = machine.tick().memory
    machine.step(jump)
    for seconds in (0.0, *after):
        machine.reboot(30) if seconds is None else machine.let_pass(seconds)
        judged = machine.tick()
        assert judged.state is DOUBTFUL
        assert (judged.memory.highest, judged.memory.last) == (
            known.highest,
            known.last,
        )
    if None not in after:
        machine.step(-jump)
        assert machine.tick().state is not DOUBTFUL


@given(st.lists(_while | _set, max_size=30))
def test_no_jump_slips_through(story: list[tuple[str, float]]) -> None:
    """Within a boot no clock is believed that is an hour ahead of all that was."""
    machine = Machine()
    machine.tick()
    errors = [machine.error]
    for what, seconds in story:
        getattr(machine, what)(seconds)
        if machine.tick().state is not DOUBTFUL:
            errors.append(machine.error)

    gains = [now - max(errors[: n + 1]) for n, now in enumerate(errors[1:])]
    assert all(gain <= timedelta(hours=1, seconds=1) for gain in gains)
