"""
The planner broken on purpose, one way after another, and whether anybody notices.

Run as a script (`scripts/mutants`). Each mutant is a copy of `src` with one change, in a
temporary folder; `test_announcements` is run on it, as on a copy without a change, which
must pass. Nothing is written to the tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).resolve().parent
SOURCE = TESTS.parent / "src"
LIMIT_S = 240.0
SURVIVED = 0
KILLED = 3
CHILD = """
from hypothesis import Phase, settings

phases = (Phase.explicit, Phase.generate)
settings.register_profile("mutants", phases=phases, derandomize=True, database=None)
settings.load_profile("mutants")
import test_announcements as tests

try:
    tests.test_no_history_leaves_anybody_with_an_old_fact()
    tests.test_the_whole_way_keeps_to_the_rules()
except AssertionError as error:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    print(frames[-1])
    raise SystemExit(3)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change to one file; *old* must be in it exactly once."""

    what: str
    path: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        what="corrections go to the whole audience",
        path="delivery/correcting.py",
        old="        if last is None or last.campaign != self.entry.campaign:\n",
        new="        if last is None and self.numbers:\n            return 0\n"
        "        if last is None or last.campaign != self.entry.campaign:\n",
    ),
    Mutant(
        what="changes need not settle",
        path="planning/situation.py",
        old="return changed_at + self.limits.settle if is_past else self.now",
        new="return changed_at if is_past else self.now",
    ),
    Mutant(
        what="a correction's deadline goes by the new start only",
        path="planning/corrections.py",
        old="        starts.append(begins_at(now))",
        new="        starts = [begins_at(now)]",
    ),
    Mutant(
        what="what is on its way goes on, whatever changes",
        path="planning/revisions.py",
        old="return Decision.SUPERSEDE if changes else None",
        new="return None",
    ),
    Mutant(
        what="reminders are armed again at any move",
        path="planning/reminders.py",
        old="was_cut_short or is_day_later(last.facts[0], case.event.facts())",
        new="was_cut_short or last.facts[0].start != case.event.start",
    ),
    Mutant(
        what="one scan is enough to be gone",
        path="planning/vanishing.py",
        old="GOOD_SCANS = 2",
        new="GOOD_SCANS = 1",
    ),
    Mutant(
        what="a broken file cancels its event",
        path="memory.py",
        old="replace(last[event.id], source=event.source, path=event.path)",
        new="replace(last[event.id], status=EventStatus.CANCELLED)",
    ),
    Mutant(
        what="all overdue reminders leave at once",
        path="planning/collapse.py",
        old="    if not leaders:\n",
        new="    if leaders or not leaders:\n",
    ),
    Mutant(
        what="who is in doubt was told nothing",
        path="ledger/queries/steps.py",
        old="return sa.or_(row.c.state.in_(states), row.c.doubts > 0)",
        new="return row.c.state.in_(states[:2])",
    ),
    Mutant(
        what="a change is as old as its event",
        path="ledger/sightings.py",
        old="        if not load_facts(known.facts).changes(event.facts()):\n"
        "            return stands_since\n",
        new="        return stands_since\n",
    ),
    Mutant(
        what="reminders do not wait for corrections",
        path="planning/precedence.py",
        old="            first = self._goes_first(entry)\n",
        new="            first = None\n",
    ),
    Mutant(
        what="a correction that was stopped counts as said",
        path="planning/corrections.py",
        old="if not before or was_stopped(before[-1], situation.snapshot):",
        new="if not before:",
    ),
)


def main() -> int:
    """Print a table; 1 when a mutant survives, 2 when the original does not."""
    sys.stdout.write("|broken|noticed by|after|\n|-|-|-|\n")
    survivors = 0
    for mutant in (None, *MUTANTS):
        begun = time.monotonic()
        with copied(mutant) as source:
            code, noticed = tried(source)
        what = mutant.what if mutant else "nothing"
        said = noticed if code == KILLED else "nobody"
        took = time.monotonic() - begun
        sys.stdout.write(f"|{what}|{said}|{took:.0f} s|\n")
        sys.stdout.flush()
        if mutant is None and code != SURVIVED:
            return 2
        survivors += mutant is not None and code == SURVIVED
    sys.stdout.write(f"\n{len(MUTANTS) - survivors} of {len(MUTANTS)} were noticed\n")
    return min(1, survivors)


@contextmanager
def copied(mutant: Mutant | None) -> Iterator[Path]:
    """Copy the source, with a mutant's change in it."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        (Path(folder) / "templates").symlink_to(SOURCE.parent / "templates")
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            file = source / "tambour" / mutant.path
            text = file.read_text(encoding="utf-8")
            if text.count(mutant.old) != 1:
                msg = f"{mutant.path}: {mutant.old!r} is not there once; mend MUTANTS"
                raise SystemExit(msg)
            file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        yield source


def tried(source: Path) -> tuple[int, str]:
    """Run the properties on a copy; return how that ended, and what noticed."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env={**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{TESTS}"},
        cwd=source,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=LIMIT_S,
    )
    if done.returncode not in (SURVIVED, KILLED):
        last = done.stderr.strip().splitlines()[-1:]
        return KILLED, f"an error ({''.join(last)[:60]})"
    return done.returncode, f"`{done.stdout.strip()}`"


if __name__ == "__main__":
    sys.exit(main())
