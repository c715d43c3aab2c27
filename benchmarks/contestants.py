"""
Who sends: Tambour as a whole, its channel alone, and what others send with.

Each run is a process of its own and returns what it took. What is not installed says so
and sends nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from letters import Letters
from peers import BUILD, HERE

NODEMAILER = "10.6.0"
_PATIENCE_S = 120
_SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took; nan for what is not known."""

    accepted: int
    seconds: float
    cpu_s: float
    peak_mb: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """
    Something that sends *count* messages to host and port.

    `trial` is how many warm it up; `missing` says what has to be installed first.
    `is_distinct` where each message has a recipient of its own.
    """

    name: str
    send: Callable[[str, int, int], Run]
    trial: int
    missing: str = ""
    is_distinct: bool = True


def whole(letters: Letters, name: str, **channel: object) -> Sender:
    """Return Tambour's whole way, with a channel's settings of its own."""

    def send(host: str, port: int, count: int) -> Run:
        given = json.dumps({"host": host, "port": port, **channel})
        return _python("whole", str(letters.frozen(count)), given)

    return Sender(name=name, send=send, trial=1_000)


def engine(name: str, **channel: object) -> Sender:
    """Return Tambour's channel without ledger, flow and composing."""

    def send(host: str, port: int, count: int) -> Run:
        given = json.dumps({"host": host, "port": port, **channel})
        return _python("engine", str(count), given)

    return Sender(name=name, send=send, trial=1_000, is_distinct=False)


def library() -> Sender:
    """Return EmailMessage and smtplib, one connection."""

    def send(_host: str, port: int, count: int) -> Run:
        return _python("library", str(count), str(port))

    return Sender(name="smtplib and EmailMessage", send=send, trial=40)


def smtp_source(letters: Letters, sessions: int) -> Sender:
    """Return Postfix's load generator, which sends the same octets to everybody."""
    program = shutil.which("smtp-source", path=_SBIN)

    def send(host: str, port: int, count: int) -> Run:
        counts = ["-s", str(min(sessions, count)), "-m", str(count)]
        people = ["-f", "lettre@example.org", "-t", "lectrice@example.org"]
        file = ["-F", str(letters.file())]
        command = [program or "", "-d", *counts, *people, *file, f"{host}:{port}"]
        return _timed(command, count)

    return Sender(
        name=f"smtp-source -d, {sessions}",
        send=send,
        trial=200,
        missing="" if program else "not installed (Debian: postfix)",
        is_distinct=False,
    )


def nodemailer(letters: Letters, connections: int) -> Sender:
    """Return nodemailer's pool."""

    def send(host: str, port: int, count: int) -> Run:
        script = str(HERE / "nodemailer.mjs")
        given = [str(BUILD), str(letters.words()), host, str(port)]
        return _reporting(["node", script, *given, str(connections), str(count)])

    return Sender(
        name=f"nodemailer {NODEMAILER}, pool of {connections}",
        send=send,
        trial=100,
        missing=_install_nodemailer(),
    )


@cache
def _install_nodemailer() -> str:
    """Install it into the ignored folder; return why it cannot be."""
    if not all(map(shutil.which, ("node", "npm"))):
        return "not installed (node, npm)"
    package = BUILD / "node_modules" / "nodemailer" / "package.json"
    if package.exists() and json.loads(package.read_text())["version"] == NODEMAILER:
        return ""
    BUILD.mkdir(exist_ok=True)
    command = ["npm", "install", "--silent", "--no-save", "--no-package-lock"]
    where = ["--prefix", str(BUILD), f"nodemailer@{NODEMAILER}"]
    done = subprocess.run([*command, *where], check=False, capture_output=True)
    return "" if done.returncode == 0 else "npm could not install it"


def _python(*arguments: str) -> Run:
    return _reporting([sys.executable, str(HERE / "sender.py"), *arguments])


def _reporting(command: Sequence[str]) -> Run:
    """Run a program that prints what it took."""
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE_S
    )
    took: Mapping[str, float] = json.loads(done.stdout)
    return Run(
        accepted=int(took["accepted"]),
        seconds=took["seconds"],
        cpu_s=took["cpu_s"],
        peak_mb=took["peak_mb"],
    )


def _timed(command: Sequence[str], count: int) -> Run:
    """Run a program that succeeds when everything was accepted."""
    start = time.perf_counter()
    with subprocess.Popen(command) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(accepted=count, seconds=seconds, cpu_s=used.ru_utime + used.ru_stime)
