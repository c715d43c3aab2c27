"""
How a project begins: the sample project, or one that points at an existing site.

Sample events are moved by whole weeks so that the first is a week ahead. Nothing that
an editor may have written is written over.
"""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tambour.config import CONFIG_FILE
from tambour.errors import UserError
from tambour.pack import default_pack

if TYPE_CHECKING:
    from tambour.content.sites import FoundSite

DATE_LINE = re.compile(
    r"^(event_(?:start|end)_date: )(\d{4}-\d{2}-\d{2})", re.MULTILINE
)
AHEAD = timedelta(days=7)
IGNORED = "keys/\nvar/\noutbox/\n"
SCHEMAS = Path(__file__).parents[1] / "schemas"
"""What editors complete settings and campaigns from; `scripts/reference` makes them."""
OWN = ".tambour"
MODELINE = f"# yaml-language-server: $schema={OWN}/config.schema.json\n"


def begin(folder: Path, *, today: date | None) -> list[str]:
    """
    Write the sample project into *folder*; return the files written.

    Args:
        today: sample events are moved to follow it; None leaves their dates.

    Raises:
        UserError: there is a project already.

    """
    _refuse_existing(folder)
    written = _copy(folder, ("templates", "campaigns", CONFIG_FILE))
    if today is not None:
        _move_events(folder / "campaigns" / "events", today)
    sample = (folder / CONFIG_FILE).read_text(encoding="utf-8")
    (folder / CONFIG_FILE).write_text(MODELINE + sample, encoding="utf-8")
    return written + _schemas(folder) + _ignore(folder)


def begin_for_site(folder: Path, site: FoundSite, location: Path) -> list[str]:
    """
    Write a project whose events are those of the site at *location*.

    Raises:
        UserError: there is a project already.

    """
    _refuse_existing(folder)
    written = _copy(folder, ("templates", "campaigns"), without="events")
    settings = MODELINE + _settings(site, location)
    (folder / CONFIG_FILE).write_text(settings, encoding="utf-8")
    return [*written, CONFIG_FILE, *_schemas(folder), *_ignore(folder)]


def _refuse_existing(folder: Path) -> None:
    if (folder / CONFIG_FILE).exists():
        msg = f"{folder / CONFIG_FILE} exists already; nothing was written"
        raise UserError(msg)


def _copy(folder: Path, names: tuple[str, ...], without: str = "") -> list[str]:
    pack = default_pack()
    written = []
    for name in names:
        top = pack / name
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        for file in files:
            relative = file.relative_to(pack)
            hidden = any(part.startswith((".", "__")) for part in relative.parts)
            if not file.is_file() or hidden or (without and without in relative.parts):
                continue
            target = folder / relative
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            written.append(relative.as_posix())
    return written


def _move_events(folder: Path, today: date) -> None:
    files = {file: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    dates = [
        date.fromisoformat(found[1])
        for text in files.values()
        for found in DATE_LINE.findall(text)
    ]
    weeks = -((min(dates) - today - AHEAD).days // 7)
    for file, text in files.items():
        file.write_text(
            DATE_LINE.sub(lambda found: _moved(found, weeks), text), encoding="utf-8"
        )


def _moved(found: re.Match[str], weeks: int) -> str:
    return found[1] + str(date.fromisoformat(found[2]) + timedelta(weeks=weeks))


def _schemas(folder: Path) -> list[str]:
    """Copy the schemas; older ones are replaced, for nobody writes them by hand."""
    (folder / OWN).mkdir(exist_ok=True)
    for file in sorted(SCHEMAS.glob("*.json")):
        shutil.copyfile(file, folder / OWN / file.name)
    return sorted(f"{OWN}/{file.name}" for file in SCHEMAS.glob("*.json"))


def _ignore(folder: Path) -> list[str]:
    file = folder / ".gitignore"
    if file.exists():
        return []
    file.write_text(IGNORED, encoding="utf-8")
    return [file.name]


def _settings(site: FoundSite, location: Path) -> str:
    """Return a config.yaml; what the site does not say is marked to be filled in."""

    def quoted(text: str | None, otherwise: str) -> str:
        value = (text or otherwise).replace("\\", "\\\\").replace('"', '\\"')
        note = "" if text else "   # the site does not say; correct this"
        return f'"{value}"{note}'

    lines = [
        "version: 1",
        "",
        "site:",
        f"  name: {quoted(site.name, 'Agenda')}",
        f"  url: {quoted(site.url, 'https://www.example.org')}",
        f"  timezone: {quoted(site.timezone, 'UTC')}",
        f"  language: {quoted(site.language, 'en')}",
        "",
        "sources:" if site.sources else "sources: []   # no event files were found",
    ]
    for source in site.sources:
        name = re.sub(r"[^a-z0-9]+", "-", source.path.lower()).strip("-") or "agenda"
        lines += [
            f"  - id: {name}",
            f"    path: {quoted((location / source.path).as_posix(), '')}",
            f"    dialect: {source.dialect}",
        ]
        if source.permalink:
            lines.append(f"    permalink: {quoted(source.permalink, '')}")
    sample = (default_pack() / CONFIG_FILE).read_text(encoding="utf-8")
    rest = sample[sample.index("audiences:") :]
    rest = rest.replace("Agenda de Rivemont", (site.name or "Agenda").replace('"', ""))
    return "\n".join(lines) + "\n\n" + rest
