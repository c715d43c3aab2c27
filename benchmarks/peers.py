"""
The other end: a sink that counts, and a link with a round trip in front of it.

Each is a process of its own, so that what it costs is not the sender's: in C where
there is a compiler, else in Python. Knows nothing of Tambour.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "build"
"""Where programs are compiled and installed to; git ignores it."""
BOUND = 0.95
"""From this share of a core on, it is the sink that is measured."""
_LOOPBACK = "127.0.0.1"
_COMPILE = ("cc", "-O2", "-pthread")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """
    What came to a sink since it was asked before.

    *distinct* recipients, by the first number in their addresses; `first` and `last`
    are the instants of the monotonic clock at which messages had come.
    """

    messages: int
    distinct: int
    broken: int
    refused: int
    bytes: int
    first: float
    last: float
    cpu_s: float

    @property
    def is_sound(self) -> bool:
        """Whether every message was whole, and every command in order."""
        return not self.broken and not self.refused

    @property
    def share(self) -> float:
        """The share of a core that it took while messages came."""
        return self.cpu_s / max(self.last - self.first, 1e-3)


class Peer:
    """A program that prints its port, and an answer for each line it is given."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._read())

    def ask(self) -> dict[str, float]:
        """
        Return what happened since this was asked before.

        Raises:
            RuntimeError: the program has ended.

        """
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        answer: dict[str, float] = json.loads(self._read())
        return answer

    def _read(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            msg = f"{self._process.args!r} has ended"
            raise RuntimeError(msg)
        return line


class Sink(Peer):
    """A sink; `language` is what it is written in."""

    def __init__(self, process: subprocess.Popen[str], language: str) -> None:
        super().__init__(process)
        self.language = language

    def take(self) -> Taken:
        """Return what came since this was asked before."""
        answer = self.ask()
        return Taken(
            messages=int(answer["messages"]),
            distinct=int(answer["distinct"]),
            broken=int(answer["broken"]),
            refused=int(answer["refused"]),
            bytes=int(answer["bytes"]),
            first=answer["first"],
            last=answer["last"],
            cpu_s=answer["cpu_s"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """Where to send to; `sink` is None for a server that is not ours to ask."""

    host: str
    port: int
    sink: Sink | None
    language: str
    link: str = ""


@contextmanager
def sink(
    *,
    without: Sequence[str] = (),
    delay_s: float = 0.0,
    certificate: Path | None = None,
) -> Iterator[Sink]:
    """
    Run a sink.

    Args:
        without: extensions that it does not offer, PIPELINING or CHUNKING.
        delay_s: how late it answers; as *certificate*, it makes it one in Python.
        certificate: a file with certificate and key, for TLS from the first octet.

    """
    letters = [f"-{name[0]}" for name in without]
    program = None if delay_s or certificate else compiled("sink")
    if program is not None:
        with _running([str(program), *letters]) as process:
            yield Sink(process, "C")
        return
    more = ["-t", str(certificate)] if certificate else []
    command = [sys.executable, str(HERE / "sink.py"), *letters, "-d", str(delay_s)]
    with _running([*command, *more]) as process:
        yield Sink(process, "Python")


@contextmanager
def far(round_trip_s: float, *, without: Sequence[str] = ()) -> Iterator[Far]:
    """Run a sink that is *round_trip_s* away."""
    with ExitStack() as stack:
        is_linked = round_trip_s > 0 and compiled("delay") is not None
        late_s = 0.0 if is_linked else round_trip_s
        end = stack.enter_context(sink(without=without, delay_s=late_s))
        port, link = end.port, "in its answers" if late_s else ""
        if is_linked:
            port = stack.enter_context(delay(_LOOPBACK, port, round_trip_s)).port
            link = "a proxy's"
        yield Far(host=_LOOPBACK, port=port, sink=end, language=end.language, link=link)


@contextmanager
def server(place: str, round_trip_s: float) -> Iterator[Far]:
    """Lead to a server that runs already, *place* being its numeric host:port."""
    host, _, port = place.rpartition(":")
    with ExitStack() as stack:
        near = Far(host=host, port=int(port), sink=None, language="a real server")
        if round_trip_s:
            proxy = stack.enter_context(delay(host, near.port, round_trip_s))
            near = replace(near, host=_LOOPBACK, port=proxy.port, link="a proxy's")
        yield near


@contextmanager
def delay(host: str, port: int, round_trip_s: float) -> Iterator[Peer]:
    """
    Run a link to *port* of the numeric *host*.

    Raises:
        RuntimeError: there is no compiler to build it.

    """
    program = compiled("delay")
    if program is None:
        msg = "a link to a server needs a C compiler"
        raise RuntimeError(msg)
    one_way_ms = round_trip_s * 1000 / 2
    with _running([str(program), host, str(port), str(one_way_ms)]) as process:
        yield Peer(process)


def compiled(name: str) -> Path | None:
    """Return the program made of *name*.c; None where no compiler makes it."""
    source, program = HERE / f"{name}.c", BUILD / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    if shutil.which(_COMPILE[0]) is None:
        return None
    BUILD.mkdir(exist_ok=True)
    command = [*_COMPILE, "-o", str(program), str(source)]
    done = subprocess.run(command, check=False, capture_output=True)
    return program if done.returncode == 0 else None


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
