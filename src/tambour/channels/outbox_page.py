"""
The outbox's index page: what was filed, newest first, to be opened from disk.

One self-contained file: no script, nothing fetched, works from `file://`. Made from
what is in the folder alone, so it can be thrown away and made again. Files it has read
are remembered by name, time and size, or a large outbox would be read at every wave.
Source: the look is design §9.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

VIEWS = "views"
SHOWN = 1000
_HEADER_BYTES = 32_768
_KILOBYTE = 1000

_STYLE = """
:root{--paper:#FBF7F0;--sheet:#FFFFFF;--ink:#1E1B2E;--red:#B3261E;--link:#1F3A8A;
--soft:#5C576B;--rule:#E8E0D3}
@media (prefers-color-scheme:dark){:root{--paper:#100E16;--sheet:#17151F;--ink:#ECE8F5;
--red:#FF8A7A;--link:#9DB7FF;--soft:#ACA5BD;--rule:#2D2939}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/24px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:760px;margin:40px auto;padding:40px 48px 48px;background:var(--sheet);
border-top:4px solid var(--red)}
h1,h2{font-family:Georgia,"Times New Roman",serif;font-weight:normal;margin:0}
h1{font-size:36px;line-height:44px}
h2{font-size:20px;line-height:28px;margin:40px 0 0;color:var(--red)}
p{margin:4px 0 0}
.soft{color:var(--soft)}
ul{list-style:none;margin:8px 0 0;padding:0}
li{display:grid;grid-template-columns:64px 1fr auto;column-gap:16px;padding:16px 0;
border-top:1px solid var(--rule)}
time,.size{font-variant-numeric:tabular-nums}
.subject{font-weight:600;overflow-wrap:anywhere}
.who,.side{font-size:14px;line-height:22px;color:var(--soft);overflow-wrap:anywhere}
.side{text-align:right;white-space:nowrap}
a{color:var(--link)}
.subject a{text-decoration:none}
.subject a:hover,.subject a:focus{text-decoration:underline}
.side a+a{margin-left:10px}
@media (max-width:600px){main{margin:0;padding:24px 20px}
li{grid-template-columns:1fr}.side{text-align:left}.size{display:inline;
margin-right:10px}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """One filed message, as the page lists it."""

    name: str
    at: datetime
    sender: str
    to: str
    subject: str
    size_bytes: int
    html: str | None
    text: str | None


class Page:
    """The index page of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, int, int], Filed] = {}

    def html(self) -> bytes:
        """
        Return the page, in UTF-8, for what is in the folder now.

        Raises:
            OSError: the folder cannot be read.

        """
        filed = self._filed()
        shown = filed[:SHOWN]
        days = "".join(
            f"<h2>{escape(day)}</h2>\n<ul>\n{''.join(map(_item, group))}</ul>\n"
            for day, group in groupby(shown, key=lambda one: _day(one.at))
        )
        page = _document(_summary(filed, shown=len(shown)), days)
        return page.encode(errors="replace")

    def _filed(self) -> list[Filed]:
        known: dict[tuple[str, int, int], Filed] = {}
        for path in self._folder.iterdir():
            is_filed = path.suffix in (".eml", ".json") and path.is_file()
            if not is_filed or path.name.startswith("."):
                continue
            stat = path.stat()
            key = (path.name, stat.st_mtime_ns, stat.st_size)
            read = _read_mail if path.suffix == ".eml" else _read_post
            known[key] = self._known.get(key) or read(path)
        self._known = known
        by_name = sorted(known.values(), key=lambda one: one.name)
        return sorted(by_name, key=lambda one: one.at, reverse=True)


def _read_mail(path: Path) -> Filed:
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
    views = [f"{VIEWS}/{path.stem}{suffix}" for suffix in (".html", ".txt")]
    html, text = (view if (path.parent / view).exists() else None for view in views)
    return Filed(
        name=path.name,
        at=_date(str(headers["Date"])) or _modified(path),
        sender=_words(headers["From"]),
        to=_words(headers["To"]) or _recipient(path),
        subject=_words(headers["Subject"]) or "(no subject)",
        size_bytes=path.stat().st_size,
        html=html,
        text=text,
    )


def _read_post(path: Path) -> Filed:
    text = path.with_suffix(".txt")
    content = path.read_bytes()
    words = text.read_text(errors="replace") if text.exists() else ""
    return Filed(
        name=path.name,
        at=_timestamp(content) or _modified(path),
        sender="",
        to=f"{_recipient(path)} (post)",
        subject=next(filter(None, map(str.strip, words.splitlines())), path.stem),
        size_bytes=len(content),
        html=None,
        text=text.name if text.exists() else None,
    )


def _recipient(path: Path) -> str:
    return path.stem.split("--")[1] if "--" in path.stem else ""


def _words(value: object) -> str:
    """Decode RFC 2047; bytes that are no such thing are shown as they stand."""
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(str(value))))
    except (HeaderParseError, LookupError, ValueError):
        text = str(value)
    return " ".join(text.split())


def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _timestamp(content: bytes) -> datetime | None:
    try:
        at = datetime.fromisoformat(json.loads(content)["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


def _summary(filed: list[Filed], *, shown: int) -> str:
    if not filed:
        return "Nothing has been filed yet."
    posts = sum(one.name.endswith(".json") for one in filed)
    counts = [(len(filed) - posts, "message"), (posts, "post")]
    words = [f"{n:,} {word}{'s' * (n > 1)}" for n, word in counts if n]
    more = len(filed) - shown
    rest = f" The {shown:,} newest are listed." if more else ""
    said = "kept on this computer, newest first; times are UTC"
    return f"{' and '.join(words)}, {said}.{rest}"


def _item(one: Filed) -> str:
    view = one.html or one.text or one.name
    links = [("Text", one.text), (Path(one.name).suffix, one.name)]
    shown = " ".join(_link(label, to) for label, to in links if to and to != view)
    named = (("To", one.to), ("From", one.sender))
    who = "<br>".join(f"{word} {escape(name)}" for word, name in named if name)
    return (
        f'<li><time datetime="{one.at.isoformat()}">{one.at:%H:%M}</time>'
        f'<div><div class="subject">{_link(one.subject, view)}</div>'
        f'<div class="who">{who}</div></div>'
        f'<div class="side"><div class="size">{_size(one.size_bytes)}</div>'
        f"{shown}</div></li>\n"
    )


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B %Y}"


def _link(label: str, to: str) -> str:
    return f'<a href="./{quote(to)}">{escape(label)}</a>'


def _size(size_bytes: int) -> str:
    if size_bytes < _KILOBYTE:
        return f"{size_bytes} B"
    return f"{size_bytes / _KILOBYTE:,.1f} kB"


def _document(summary: str, days: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Outbox</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>Outbox</h1>\n<p class="soft">{escape(summary)}</p>\n{days}'
        "</main>\n</body>\n</html>\n"
    )
