"""
Links as people type them, made absolute, and where a site shows a file.

Opens no connection. Knows the site's address, not the event.
Source: Jekyll's permalink placeholders and `Utils.slugify` in its "pretty" mode;
Hugo's permalink tokens (https://gohugo.io/content-management/urls/, 2026-11).
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

PLACEHOLDERS = (
    *("title", "slug", "name", "basename", "filename", "path"),
    *("year", "month", "day", "i_month", "i_day"),
)
"""What may stand after a colon in a permalink."""

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}(?::\d+)?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"\.(?:html?|md|markdown|pdf|png|jpe?g|gif|webp|svg|avif|ics|php)$", re.IGNORECASE
)
_PLACEHOLDER = re.compile(r":([a-z_]+)")
_NOT_PRETTY = re.compile(r"[^\w.~!$&'()+,;=@]+")
_DATED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-(?=.)")
_SAFE = "/:?#[]@!$&'()*+,;=~%"
_BUNDLES = frozenset({"index"})


class LinkError(ValueError):
    """The text cannot be followed by anybody."""


def absolute_link(text: str, *, site_url: str) -> str:
    """
    Return *text* as an address with its scheme.

    Raises:
        LinkError: not an address, or of a scheme that a mail cannot use.

    """
    text = re.sub(r"^https?://(?=mailto:)", "", text.replace("&amp;", "&"))
    scheme = _SCHEME.match(text)
    if scheme and scheme[0].casefold() in ("http:", "https:"):
        return _checked(text)
    if scheme and scheme[0].casefold() in ("mailto:", "tel:"):
        return quote(text, safe=_SAFE)
    if _MAIL.fullmatch(text):
        return f"mailto:{text}"
    if text.startswith("//"):
        return _checked(f"https:{text}")
    if is_bare_host(text):
        return _checked(f"https://{text}")
    if scheme and not re.match(r"[\w.-]+:\d", text):
        msg = f"{text!r} is not a web or mail address"
        raise LinkError(msg)
    if "/" not in text and not _FILE.search(text):
        msg = f"{text!r} is not an address"
        raise LinkError(msg)
    return on_site(text, site_url=site_url)


def is_bare_host(text: str) -> bool:
    """Return whether *text* is an address that only lacks its `https://`."""
    if not _HOST.fullmatch(text):
        return False
    return "/" in text or text.startswith("www.") or not _FILE.search(text)


def on_site(path: str, *, site_url: str) -> str:
    """Return where the site has *path*, which may repeat the site's own folder."""
    folder = urlsplit(site_url).path.rstrip("/")
    path = "/" + path.removeprefix("./").lstrip("/")
    if folder and (path == folder or path.startswith(f"{folder}/")):
        path = path[len(folder) :] or "/"
    return _checked(site_url.rstrip("/") + quote(path, safe=_SAFE))


def _checked(url: str) -> str:
    url = quote(url, safe=_SAFE)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.hostname or port == 0:
        msg = f"{url!r} is not an address"
        raise LinkError(msg)
    return url


def unknown_placeholders(permalink: str) -> list[str]:
    """Return the placeholders of *permalink* that Tambour cannot fill."""
    return [p for p in _PLACEHOLDER.findall(permalink) if p not in PLACEHOLDERS]


def file_date(path: str) -> date | None:
    """Return the date that a file's name begins with, as Jekyll's posts do."""
    match = _DATED.match(PurePosixPath(path).name)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def page_link(
    permalink: str, *, path: str, slug: str | None, day: date | None, site_url: str
) -> str | None:
    """
    Return where the site shows the file at *path*, relative to its source.

    None if *permalink* needs a date and the page has none.
    """
    file = PurePosixPath(path)
    stem = file.parent.name if file.stem in _BUNDLES and file.parent.name else file.stem
    name = _DATED.sub("", stem, count=1)
    values = {
        "title": _pretty(slug or name),
        "slug": _pretty(slug or name).casefold(),
        "name": _pretty(name).casefold(),
        "basename": name,
        "filename": stem,
        "path": str(file.with_suffix("")),
    }
    if day is not None:
        values |= {
            "year": f"{day:%Y}",
            "month": f"{day:%m}",
            "day": f"{day:%d}",
            "i_month": str(day.month),
            "i_day": str(day.day),
        }
    needed = _PLACEHOLDER.findall(permalink)
    if any(name not in values for name in needed):
        return None
    filled = _PLACEHOLDER.sub(lambda match: values[match[1]], permalink)
    return on_site(filled, site_url=site_url)


def _pretty(text: str) -> str:
    return re.sub(r"-{2,}", "-", _NOT_PRETTY.sub("-", text)).strip("-")
