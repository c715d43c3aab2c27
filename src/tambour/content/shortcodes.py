"""
What Hugo and Jekyll would have computed inside a page, replaced by what can be read.

Shortcodes `{{< … >}}` and `{{% … %}}`, Liquid tags `{% … %}` and outputs `{{ … }}` run
on the site only. Tambour runs none of them: a label stays a label, a video a link, the
inside of a pair stays, the rest goes. Works on source text, before Markdown sees it.
Source: https://gohugo.io/content-management/shortcodes/ (2026-11),
https://jekyllrb.com/docs/liquid/tags/ (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CODE = re.compile(
    r"\{\{[<%](?P<hugo>.{0,4000}?)[>%]\}\}"
    r"|\{%-?(?P<liquid>.{0,4000}?)-?%\}"
    r"|\{\{-?(?P<output>[^{}]{0,4000}?)-?\}\}",
    re.DOTALL,
)
_COMMENT = re.compile(
    r"\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}", re.DOTALL
)
_ARGUMENT = re.compile(
    r"""(?:(?P<key>[\w-]+)\s*=\s*)?(?:"(?P<double>(?:\\.|[^"\\])*)"
    |`(?P<back>[^`]*)`|(?P<bare>[^\s"`=]+))""",
    re.VERBOSE,
)
_LITERAL = re.compile(r"""\s*["']([^"']*)["']\s*\|\s*(?:relative|absolute)_url\b""")
_VIDEO_ID = re.compile(r"[\w-]{6,20}")
_VIDEOS = {
    "youtube": "https://www.youtube.com/watch?v=",
    "vimeo": "https://vimeo.com/",
}
_PICTURES = frozenset({"figure", "gist", "img", "image", "instagram", "tweet", "x"})
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|])")


@dataclass(frozen=True, slots=True)
class _Call:
    """One shortcode's name and arguments."""

    name: str
    named: Mapping[str, str]
    positional: Sequence[str]

    def get(self, *keys: str) -> str:
        """Return the first argument of these names that says something."""
        return next((self.named[k] for k in keys if self.named.get(k)), "")


def shortcodes(source: str) -> list[tuple[int, str]]:
    """Return the line, counted from 1, and the name of each code in *source*."""
    found = []
    for match in _CODE.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        text = (match["hugo"] or match["liquid"] or match["output"] or "").strip()
        if match["output"] is not None:
            found.append((line, text))
        elif not text.startswith(("/", "end")):
            found.append((line, text.split(maxsplit=1)[0] if text else ""))
    return found


def without_shortcodes(source: str) -> str:
    """Return *source* with each code replaced by what a reader can use of it."""
    if "{{" not in source and "{%" not in source:
        return source
    source = _COMMENT.sub("", source)
    closed = frozenset(re.findall(r"\{\{[<%]\s*/\s*([\w./-]+)", source))
    return _CODE.sub(lambda match: _remainder(match, closed), source)


def _remainder(match: re.Match[str], closed: frozenset[str]) -> str:
    if match["output"] is not None:
        literal = _LITERAL.match(match["output"])
        return literal[1] if literal else ""
    text = (match["hugo"] or "").strip()
    if not text or text.startswith("/"):
        return ""
    call = _parse(text)
    if match.string[: match.start()].endswith("]("):
        return _target(call)
    if call.name in closed:
        title = call.get("title", "heading", "summary")
        return f"\n\n**{_escaped(title)}**\n\n" if title else ""
    return _readable(call)


def _parse(text: str) -> _Call:
    name, *rest = text.split(maxsplit=1)
    named: dict[str, str] = {}
    positional: list[str] = []
    for match in _ARGUMENT.finditer(rest[0] if rest else ""):
        value = next(v for v in match.group("double", "back", "bare") if v is not None)
        value = re.sub(r'\\(["\\])', r"\1", value)
        if match["key"]:
            named[match["key"].lower()] = value
        else:
            positional.append(value)
    return _Call(name.rstrip("/"), named, positional)


def _target(call: _Call) -> str:
    """Return the address a Markdown link can use, or nothing: `ref` names a file."""
    url = call.get("url", "href", "link") or next(iter(call.positional), "")
    is_address = _is_absolute(url) or (call.name != "ref" and url.startswith("/"))
    return url if is_address and not url.endswith(".md") and " " not in url else ""


def _readable(call: _Call) -> str:
    if call.name in _VIDEOS:
        return _video(call)
    if call.name in _PICTURES or call.name.startswith("img"):
        return ""
    label = _escaped(call.get("label", "text"))
    url = call.get("url", "href", "link")
    if label and _is_absolute(url):
        return f"[{label}](<{url}>)"
    cite = call.get("cite")
    return f"{label} — {_escaped(cite)}" if label and cite else label


def _video(call: _Call) -> str:
    video = call.get("id", "url", "src") or next(iter(call.positional), "")
    if not _is_absolute(video):
        if not _VIDEO_ID.fullmatch(video):
            return ""
        video = _VIDEOS[call.name] + video
    title = call.get("title", "label", "caption")
    return f"[{_escaped(title)}](<{video}>)" if title else f"<{video}>"


def _is_absolute(url: str) -> bool:
    return url.startswith(("https://", "http://")) and not re.search(r"[\s<>]", url)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
