"""
How fast whole editions leave, beside what others send with, on the same sink.

Rounds run A B A B after a warm-up that also finds out how many messages fill the
seconds. A run whose sink counts otherwise than its sender fails the whole benchmark.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import signing
from comparing import Case, Goal, Pace, compare
from contestants import Sender, engine, library, nodemailer, smtp_source, whole
from letters import Letters
from million import send_many
from peers import far, server

_ROUND_TRIP_S = 0.02
_CONNECTIONS = 10
_MILLION = 1_000_000
_SOURCE = Goal(ours="tambour", theirs="smtp-source", least=0.6)
_NODEMAILER = Goal(ours="tambour", theirs="nodemailer", least=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    cases: tuple[str, ...]
    pace: Pace
    recipients: int
    server: str


def _loopback(letters: Letters) -> Case:
    return Case(
        title="Loopback",
        far=partial(far, 0.0),
        senders=(
            whole(letters, "tambour, as set by default"),
            whole(letters, "tambour, 10 connections", connections=10),
            whole(letters, "tambour, 16 connections", connections=16),
            engine("its channel alone, as set by default"),
            *(smtp_source(letters, sessions) for sessions in (1, 4, 16, 64)),
            nodemailer(letters, 16),
            library(),
        ),
        goals=(_SOURCE, _NODEMAILER),
    )


def _far_senders(letters: Letters) -> tuple[Sender, ...]:
    return (
        whole(letters, "tambour", connections=_CONNECTIONS),
        smtp_source(letters, _CONNECTIONS),
        nodemailer(letters, _CONNECTIONS),
    )


def _pipelining(letters: Letters) -> Case:
    return Case(
        title="A round trip of 20 ms, 10 connections, PIPELINING only",
        far=partial(far, _ROUND_TRIP_S, without=("CHUNKING",)),
        senders=_far_senders(letters),
        goals=(Goal(ours="tambour", theirs="smtp-source", least=3.5),),
    )


def _chunking(letters: Letters) -> Case:
    return Case(
        title="A round trip of 20 ms, 10 connections, PIPELINING and CHUNKING",
        far=partial(far, _ROUND_TRIP_S),
        senders=_far_senders(letters),
        goals=(Goal(ours="tambour", theirs="smtp-source", least=25),),
    )


def _lock_step(letters: Letters) -> Case:
    return Case(
        title="A round trip of 20 ms, 10 connections, no extensions",
        far=partial(far, _ROUND_TRIP_S, without=("PIPELINING", "CHUNKING")),
        senders=_far_senders(letters),
    )


CASES: Mapping[str, Callable[[Letters], Case]] = {
    "loopback": _loopback,
    "pipelining": _pipelining,
    "chunking": _chunking,
    "lock-step": _lock_step,
}
_OTHERS = ("dkim", "million")


def tables(options: Options, letters: Letters) -> Iterator[str]:
    """Yield what came out of each case."""
    for name in options.cases:
        if name in CASES:
            yield compare(CASES[name](letters), options.pace)
    if "dkim" in options.cases:
        yield signing.compare_signed(letters, options.pace)
    if "million" in options.cases:
        yield send_many(letters, options.recipients)
    if options.server:
        for round_trip_s in (0.0, _ROUND_TRIP_S):
            case = Case(
                title=f"A real server, {round_trip_s * 1000:.0f} ms away",
                far=partial(server, options.server, round_trip_s),
                senders=_far_senders(letters),
            )
            yield compare(case, options.pace)


def main(arguments: Sequence[str]) -> int:
    """Measure the cases that are named, or all, and print their tables."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for table in tables(options, Letters(Path(folder))):
            print(table, flush=True)
            print()
    return 0


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="scripts/bench sending")
    known = [*CASES, *_OTHERS]
    parser.add_argument("case", nargs="*", choices=[*known, []], help=", ".join(known))
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipients", type=int, default=_MILLION)
    parser.add_argument("--server", default="", help="host:port that takes all mail")
    given = parser.parse_args(arguments)
    return Options(
        cases=tuple(given.case or ([] if given.server else known)),
        pace=Pace(rounds=given.rounds, seconds=given.seconds),
        recipients=given.recipients,
        server=given.server,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
