"""
How the benchmarks measure: rounds in turn, medians, and a table of what came out.

Things that are compared run A B A B, so that a busy machine slows both alike. Knows
nothing of Tambour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

ROUNDS = 5

Work = Callable[[], float]
"""Does something and returns the seconds that it counts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The seconds of each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """How far slowest and fastest are apart, as part of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median

    def over(self, other: Sample) -> float:
        """Return how many times *other* this took: round by round, then the median."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return median(mine / yours for mine, yours in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table; *ratio* compares, *goal* is what is wanted."""

    what: str
    figure: str
    sample: Sample
    ratio: str = ""
    goal: str = ""
    is_met: bool = True


def timed(work: Callable[[], object]) -> Work:
    """Return *work* with a stop-watch around it."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def alternate(*works: Work, rounds: int = ROUNDS) -> tuple[Sample, ...]:
    """Run *works* in turn, *rounds* times over."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, kept in zip(works, seconds, strict=True):
            kept.append(work())
    return tuple(Sample(tuple(kept)) for kept in seconds)


def duration(seconds: float) -> str:
    """Return *seconds* in the unit that suits it, three digits."""
    for size, unit in ((1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def lasting(what: str, sample: Sample, *, goal_s: float | None = None) -> Row:
    """Return a line for something that should take at most *goal_s*."""
    return Row(
        what=what,
        figure=duration(sample.median),
        sample=sample,
        goal="" if goal_s is None else f"≤ {duration(goal_s)}",
        is_met=goal_s is None or sample.median <= goal_s,
    )


def at_rate(what: str, sample: Sample, count: int, *, ratio: str = "") -> Row:
    """Return a line for something that was done *count* times in each round."""
    figure = f"{count / sample.median:,.0f}/s"
    return Row(what=what, figure=figure, sample=sample, ratio=ratio)


def table(rows: Iterable[Row]) -> str:
    """Return *rows* as a Markdown table."""
    lines = [
        "|what|median|spread|ratio|goal|",
        "|-|-|-|-|-|",
        *(
            f"|{row.what}|{row.figure}|{row.sample.spread:.0%}|{row.ratio}"
            f"|{row.goal}{'' if row.is_met else ' **missed**'}|"
            for row in rows
        ),
    ]
    return "\n".join(lines)
