"""
The editors' Markdown, as their site would show it, made fit for a message.

Two forms of the same words: HTML that is safe in a mail (no script, form or handler;
links and images absolute) and plain text. The text is read off the sanitised HTML, so
that both parts of a message say the same, raw HTML in a file included. Nothing of Hugo,
Liquid or kramdown stays visible. `:emoji:` codes stay as they are: to tell them from a
word between colons would take GitHub's whole table.
Source: https://spec.commonmark.org/0.31.2/, https://github.github.com/gfm/; what mail
clients accept: design, §9 and §10.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from urllib.parse import urljoin, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from tambour.content.kramdown import kramdown
from tambour.content.plaintext import (
    BLOCKS,
    HEADINGS,
    collapse,
    html_to_line,
    html_to_text,
)
from tambour.content.shortcodes import without_shortcodes

_TAGS = BLOCKS.union(
    ("a", "abbr", "b", "big", "br", "caption", "cite", "code", "del", "em", "i", "img"),
    ("ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong"),
    ("sub", "sup", "time", "u", "var", "wbr"),
)
_DROPPED_WHOLE = frozenset().union(
    ("applet", "audio", "button", "canvas", "dialog", "embed", "fieldset", "form"),
    ("frame", "frameset", "head", "iframe", "input", "map", "math", "noscript"),
    ("object", "option", "script", "select", "style", "svg", "template", "textarea"),
    ("title", "video"),
)
_ALIGNED = {tag: {"align"} for tag in (*HEADINGS, "div", "p", "tr")}
_CELL = {"align", "valign", "colspan", "rowspan", "scope"}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"class", "dir", "lang", "role", "style", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "type"},
    "td": _CELL,
    "th": _CELL,
    "time": {"datetime"},
    **_ALIGNED,
}
_SCHEMES = {"href": {"http", "https", "mailto", "tel"}, "src": {"http", "https"}}
_MAIL_BY_HTTP = re.compile(r"^https?://(?=mailto:)", re.IGNORECASE)
MAX_DEPTH = 100
_VOID = frozenset({"br", "hr", "img", "wbr"})
_TAG = re.compile(r"""<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?:[^>"]|"[^"]*")*>""")
_MARKUP = re.compile(r"[*_`~<>&\[\]{}\\#|\n\r]|^\s*(?:[-+=]|\d+[.)]|\s{4})")


def to_html(source: str, *, base_url: str) -> str:
    """
    Return *source* as sanitised HTML.

    Relative links and images are resolved against *base_url*; an address that is then
    not http, https, mailto or tel goes, its label stays.
    """
    html = _parser().render(without_shortcodes(source))
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_ATTRIBUTES,
        attribute_filter=_filter(base_url),
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    return _without_depths(cleaned).strip()


def to_text(source: str, *, base_url: str) -> str:
    """
    Return *source* as plain text, in lines of at most 78 columns.

    Headings are underlined, items begin with "- " or their number, quotes and code are
    indented, links are `label (address)`. An address is never broken, so that a line
    which holds one may be longer.
    """
    return html_to_text(to_html(source, base_url=base_url))


def to_line(source: str) -> str:
    """Return *source* as one line of plain text: no markup, no addresses."""
    if not _MARKUP.search(source):
        return collapse(source)
    return html_to_line(to_html(source, base_url=""))


# ── HTML ────────────────────────────────────────────────────────────────────────


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    md.use(kramdown)
    md.core.ruler.push("unlink", _unlink)
    # markdown-it shows a forbidden link's source; the sanitiser keeps its label.
    md.validateLink = _any_link  # type: ignore[method-assign]
    return md


def _any_link(url: str) -> bool:
    del url
    return True


def _unlink(state: StateCore) -> None:
    """Drop links to nowhere: their target was a shortcode."""
    for token in state.tokens:
        is_open = True
        for child in token.children or ():
            if child.type == "link_open":
                is_open = bool(child.attrGet("href"))
            if child.type in ("link_open", "link_close"):
                child.hidden = not is_open


def _without_depths(html: str) -> str:
    """
    Return sanitised *html* without the tags that are nested absurdly deep.

    What comes after 255 levels the inliner's parser would drop, a mail's foot included.
    """
    if html.count("</") < MAX_DEPTH:
        return html
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        if match["name"] in _VOID:
            return match[0]
        depth += not match["end"]
        kept = match[0] if depth <= MAX_DEPTH else ""
        depth -= bool(match["end"])
        return kept

    return _TAG.sub(keep, html)


def _filter(base_url: str) -> Callable[[str, str, str], str | None]:
    def keep(_tag: str, name: str, value: str) -> str | None:
        if name in _SCHEMES:
            return _absolute(value, base_url, _SCHEMES[name])
        return value

    return keep


def _absolute(url: str, base_url: str, schemes: set[str]) -> str | None:
    url = _MAIL_BY_HTTP.sub("", url.strip())
    if not url:
        return None
    if url.lower().startswith("www."):
        url = f"https://{url}"
    try:
        absolute = urljoin(base_url, url)
        return absolute if urlsplit(absolute).scheme.lower() in schemes else None
    except ValueError:  # brackets that are no IPv6 address
        return None
