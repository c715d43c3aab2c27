"""
Run the benchmarks that are named, or all, and print a table of what they found.

Every line is the median of rounds that run in turn (A B A B); ratios say more than
figures, which belong to one machine. `sending` has options and tables of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

import composing
import delivery
import ledger
import loading
import planning
import rendering
import sending
import starting
from measuring import Row, table

BENCHMARKS: Mapping[str, Callable[[], Iterable[Row]]] = {
    "starting": starting.measure,
    "loading": loading.measure,
    "planning": planning.measure,
    "rendering": rendering.measure,
    "composing": composing.measure,
    "ledger": ledger.measure,
    "delivery": delivery.measure,
}


def main(names: list[str]) -> int:
    """Run the benchmarks *names*; return 2 for a name there is not."""
    if names[:1] == ["sending"]:
        return sending.main(names[1:])
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        known = ", ".join((*BENCHMARKS, "sending"))
        print(f"no benchmark {unknown[0]!r}; there are {known}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        rows += BENCHMARKS[name]()
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
