"""
Senders compared on one sink: rounds in turn, a table, and which goals are met.

Knows nothing of Tambour.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median

from contestants import Run, Sender
from measuring import Sample
from peers import BOUND, Far

_HEAD = """\
|sender|messages/s|spread|CPU each|peak|sink|ratio|
|-|-|-|-|-|-|-|"""
_GOALS = """\
|goal|wanted|measured|met|
|-|-|-|-|"""
_MOST = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, and how long, each sender runs."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The best of *ours* is to be *least* times as fast as the best of *theirs*."""

    ours: str
    theirs: str
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Senders to compare, and where they send to."""

    title: str
    far: Callable[[], AbstractContextManager[Far]]
    senders: Sequence[Sender]
    goals: Sequence[Goal] = ()


@dataclass(slots=True)
class Line:
    """A sender, how many messages it sends each round, and what that took."""

    sender: Sender
    count: int
    runs: list[Run] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    @property
    def each(self) -> Sample:
        """The seconds of a message."""
        return Sample(tuple(run.seconds / self.count for run in self.runs))

    @property
    def cpu_s(self) -> float:
        """The processor seconds of a message."""
        return median(run.cpu_s for run in self.runs) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came out of a case: its lines, and what they sent to."""

    case: Case
    lines: Sequence[Line]
    language: str
    link: str


def compare(case: Case, pace: Pace) -> str:
    """Return the table of a case, with its goals."""
    measured = measure(case, pace)
    rows = [_verdict(goal, measured.lines) for goal in case.goals]
    return "\n".join((*table(measured), *(goals(rows) if rows else ())))


def table(measured: Measured) -> Iterator[str]:
    """Yield the lines of a table."""
    case, lines = measured.case, measured.lines
    yardstick = fastest(lines, "smtp-source") or fastest(lines, "nodemailer")
    link = f"; the round trip is {measured.link}" if measured.link else ""
    yield from (f"### {case.title}", "", f"Sink: {measured.language}{link}.", "", _HEAD)
    yield from (_row(line, yardstick) for line in lines)
    yield from (f"|{s.name}|{s.missing}||||||" for s in case.senders if s.missing)


def measure(case: Case, pace: Pace) -> Measured:
    """
    Let the senders of a case run, in turn.

    Raises:
        RuntimeError: some message was lost, doubled or broken.

    """
    lines: list[Line] = []
    with case.far() as far:
        for sender in case.senders:
            if not sender.missing:
                _say(f"{sender.name}: warm-up")
                trial, _ = run_once(sender, far, sender.trial)
                lines.append(Line(sender, fitting(sender, trial, pace.seconds)))
        for number in range(pace.rounds):
            for line in lines:
                _say(f"{line.sender.name}: round {number + 1}, {line.count:,}")
                run, share = run_once(line.sender, far, line.count)
                line.runs.append(run)
                line.shares.append(share)
        return Measured(case=case, lines=lines, language=far.language, link=far.link)


def run_once(sender: Sender, far: Far, count: int) -> tuple[Run, float]:
    """Let *sender* send, and return what it took, and the sink's share of a core."""
    run = sender.send(far.host, far.port, count)
    if run.accepted != count:
        msg = f"{sender.name}: {count} messages, {run.accepted} accepted"
        raise RuntimeError(msg)
    if far.sink is None:
        return run, math.nan
    taken = far.sink.take()
    distinct = count if sender.is_distinct else taken.distinct
    if (taken.messages, taken.distinct) != (count, distinct) or not taken.is_sound:
        msg = f"{sender.name}: {count} messages were accepted, the sink has {taken}"
        raise RuntimeError(msg)
    return run, taken.share


def fitting(sender: Sender, trial: Run, seconds: float) -> int:
    """Return how many messages take so long, as a round number."""
    count = sender.trial / trial.seconds * seconds
    digits: int = 10 ** max(int(math.log10(count)) - 1, 0)
    return max(10, min(int(count / digits) * digits, _MOST))


def fastest(lines: Iterable[Line], name: str) -> Line | None:
    """Return the fastest line whose name begins so."""
    named = [line for line in lines if line.sender.name.startswith(name)]
    return min(named, key=lambda line: line.each.median, default=None)


def verdict(what: str, *, wanted: str, measured: str, is_met: bool) -> str:
    """Return a line of the table of goals."""
    return f"|{what}|{wanted}|{measured}|{'yes' if is_met else '**no**'}|"


def goals(rows: Iterable[str]) -> Iterator[str]:
    """Yield the table of goals."""
    yield from ("", _GOALS, *rows)


def _row(line: Line, yardstick: Line | None) -> str:
    share = median(line.shares)
    bound = " **sink-bound**" if share >= BOUND else ""
    peak = median(run.peak_mb for run in line.runs)
    ratio = yardstick.each.over(line.each) if yardstick else math.nan
    cells = (
        line.sender.name,
        f"{1 / line.each.median:,.0f}",
        f"{line.each.spread:.0%}",
        f"{line.cpu_s * 1e6:,.0f} µs",
        "" if math.isnan(peak) else f"{peak:.0f} MB",
        "" if math.isnan(share) else f"{share:.0%}{bound}",
        "" if math.isnan(ratio) else f"{ratio:.2g}",
    )
    return f"|{'|'.join(cells)}|"


def _verdict(goal: Goal, lines: Sequence[Line]) -> str:
    ours, theirs = fastest(lines, goal.ours), fastest(lines, goal.theirs)
    what = f"{goal.ours} beside the best {goal.theirs}"
    if ours is None or theirs is None:
        return f"|{what}|≥ {goal.least:g}|not measured||"
    ratio = theirs.each.over(ours.each)
    return verdict(
        what,
        wanted=f"≥ {goal.least:g} ×",
        measured=f"{ratio:.2g} ×",
        is_met=ratio >= goal.least,
    )


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
