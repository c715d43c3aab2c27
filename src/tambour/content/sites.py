"""
What a Jekyll or Hugo site says of itself: name, address, zone, language, event files.

Reads only the site's own settings and the first lines of its Markdown; used to begin a
project. Sources: jekyllrb.com/docs/configuration, gohugo.io/configuration (2026-07).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tambour.yamltext import YamlError, parse

SETTINGS = {
    "_config.yml": "jekyll",
    "_config.yaml": "jekyll",
    "hugo.yaml": "hugo",
    "hugo.yml": "hugo",
    "hugo.toml": "hugo",
    "config.toml": "hugo",
    "config/_default/hugo.yaml": "hugo",
    "config/_default/hugo.toml": "hugo",
    "config/_default/config.toml": "hugo",
}
_EVENT_KEYS = re.compile(
    r"^(event_start_date|event_start|start_date|start|event_date|end_date|dateEvent)\s*[:=]",
    re.MULTILINE,
)
_DIALECTS = {"event_start_date:": "numerique", "event_organizer:": "digitalgov"}
_SKIPPED = {"node_modules", "_site", "public", "vendor", "themes"}
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSource:
    """A folder of event files: its path within the site, dialect, address, count."""

    path: str
    dialect: str
    permalink: str | None
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSite:
    """What could be read; None for what the site does not say."""

    generator: str
    settings: str
    name: str | None
    url: str | None
    timezone: str | None
    language: str | None
    sources: tuple[FoundSource, ...]


def detect_site(folder: Path) -> FoundSite | None:
    """Return what the site in *folder* says of itself, None when it is none we know."""
    for name, generator in SETTINGS.items():
        file = folder / name
        if file.is_file():
            said = _settings(file)
            return FoundSite(
                generator=generator,
                settings=name,
                name=_text(said, "title") or _text(said, "name"),
                url=_url(said),
                timezone=_text(said, "timezone") or _text(said, "timeZone"),
                language=_language(said),
                sources=_sources(folder, generator, said),
            )
    return None


def _settings(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
        data = tomllib.loads(text) if file.suffix == ".toml" else parse(text).data
    except (OSError, tomllib.TOMLDecodeError, YamlError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(said: Mapping[str, Any], key: str) -> str | None:
    value = said.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _url(said: Mapping[str, Any]) -> str | None:
    url = _text(said, "url") or _text(said, "baseURL") or _text(said, "baseurl")
    if url is None or not url.startswith(("http://", "https://")):
        return None
    path = _text(said, "baseurl") or ""
    joined = url.rstrip("/") + (path if path.startswith("/") else "")
    return joined.rstrip("/")


def _language(said: Mapping[str, Any]) -> str | None:
    keys = ("lang", "language", "locale", "defaultContentLanguage", "languageCode")
    found = next(filter(None, (_text(said, key) for key in keys)), None)
    return re.split("[-_]", found)[0].lower() if found else None


def _sources(
    folder: Path, generator: str, said: Mapping[str, Any]
) -> tuple[FoundSource, ...]:
    counts: Counter[Path] = Counter()
    dialects: dict[Path, str] = {}
    for file in sorted((*folder.rglob("*.md"), *folder.rglob("*.markdown"))):
        parts = file.relative_to(folder).parts
        if _SKIPPED.intersection(parts) or any(p.startswith(".") for p in parts):
            continue
        head = _head(file)
        if not _EVENT_KEYS.search(head):
            continue
        top = _collection(folder, parts)
        counts[top] += 1
        marks = (name for mark, name in _DIALECTS.items() if mark in head)
        dialects.setdefault(top, next(marks, generator))
    return tuple(
        FoundSource(
            path=top.relative_to(folder).as_posix(),
            dialect=dialects[top],
            permalink=_permalink(top.name, said),
            files=count,
        )
        for top, count in counts.most_common()
    )


def _head(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _collection(folder: Path, parts: tuple[str, ...]) -> Path:
    """Return the folder that events are kept in: below `content/`, else the first."""
    depth = 2 if parts[0] == "content" and len(parts) > 2 else 1  # noqa: PLR2004 - a folder of it, a file
    return folder.joinpath(*parts[: min(depth, len(parts) - 1)])


def _permalink(folder: str, said: Mapping[str, Any]) -> str | None:
    collections = said.get("collections")
    if not isinstance(collections, dict):
        return None
    own = collections.get(folder.removeprefix("_"))
    return _text(own, "permalink") if isinstance(own, dict) else None
