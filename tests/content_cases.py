"""Event files in short, for the tests of content."""

from __future__ import annotations

from pathlib import Path

from tambour.config import SourceSettings
from tambour.content.dialects import load_dialect
from tambour.content.event_file import Origin, read_event
from tambour.content.findings import Findings
from tambour.content.happenings import EventFile
from tambour.model import Event, Site

PARIS = Site(
    name="Agenda",
    url="https://www.example.org",
    timezone="Europe/Paris",
    language="fr",
)
NEW_YORK = Site(
    name="Events",
    url="https://www.example.org",
    timezone="America/New_York",
    language="en",
)


def origin(
    dialect: str = "auto",
    *,
    site: Site = PARIS,
    permalink: str | None = None,
    root: Path = Path(),
) -> Origin:
    """Return a source named `agenda` that speaks *dialect*."""
    findings = Findings("config.yaml")
    found, problems = load_dialect(dialect, root=root, findings=findings, line=1)
    if found is None:
        raise AssertionError(problems or findings.problems)
    source = SourceSettings(
        id="agenda", path="events", dialect=dialect, permalink=permalink
    )
    return Origin(source=source, site=site, dialect=found)


def read(
    front: str,
    *,
    body: str = "",
    name: str = "fete.md",
    of: Origin | None = None,
) -> EventFile:
    """Read a file of this YAML; its front matter begins in line 2."""
    raw = f"---\n{front.strip()}\n---\n{body}".encode()
    return read_event(raw, path=f"events/{name}", name=name, origin=of or origin())


def event(front: str, *, of: Origin | None = None, name: str = "fete.md") -> Event:
    """Return the event of a file that must have no problem."""
    file = read(front, of=of, name=name)
    assert file.problems == ()
    return file.event


def codes(file: EventFile) -> list[tuple[int, str]]:
    """Return the line and code of each problem."""
    return [(problem.line, problem.code) for problem in file.problems]
