"""
A digest as mail: the first in a process, the next ones, and what premailer takes.

Run as a program it prints the seconds of a first render, imports left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from unittest.mock import patch

from measuring import Row, Sample, alternate, lasting, timed
from samples import make_events, make_templates, render_digest
from tambour.rendering.inlining import inline

_COUNTS = (10, 100, 1_000)


def measure() -> Iterator[Row]:
    """Yield the lines for the first digest, and for small and large ones."""
    (first,) = alternate(_first_seconds)
    yield lasting("render a digest of 10 events, first", first)
    templates = make_templates()
    for count in _COUNTS:
        events = make_events(count)
        inlining: list[float] = []

        def watched(html: str, css: str, kept: list[float] = inlining) -> str:
            start = time.perf_counter()
            inlined = inline(html, css)
            kept.append(time.perf_counter() - start)
            return inlined

        with patch("tambour.rendering.parts.inline", watched):
            size = len(render_digest(templates, events).html.encode())
            inlining.clear()
            (whole,) = alternate(timed(partial(render_digest, templates, events)))
        share = Sample(tuple(inlining)).over(whole)
        yield replace(
            lasting(
                f"… of {count:,} events ({size // 1000:,} kB of HTML), warm", whole
            ),
            ratio=f"premailer {share:.0%}",
        )


def _first_seconds() -> float:
    done = subprocess.run(
        [sys.executable, __file__], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    ten = make_events(10)
    print(timed(lambda: render_digest(make_templates(), ten))())
