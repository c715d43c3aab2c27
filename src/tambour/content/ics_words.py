"""
The words of a calendar's event: what it is called, where, which links, and its text.

A description is plain text, or HTML where a calendar's makers put it there; either way
it becomes Markdown that shows the same words. Knows no time.
Source: RFC 5545 §3.8.1, RFC 7986 §5 (CONFERENCE, IMAGE); Google's and Microsoft's own
properties as their exports have them (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from icalendar.parser import split_on_unescaped_comma

from tambour.content.coercion import clean_line
from tambour.content.findings import Findings
from tambour.content.ics_lines import Component, Property
from tambour.content.links import LinkError, absolute_link
from tambour.content.plaintext import html_to_text
from tambour.model import Detail

CONFERENCES = (
    "CONFERENCE",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
)
"""Where calendars say how to take part from afar."""

SUMMARY_CHARS = 300
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:a|b|br|div|em|i|li|ol|p|span|strong|u|ul)\b[^<>]*>", re.IGNORECASE
)
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&:$^=\"'])")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_TRAILING = ".,;:!?)]'\""


class IcsWords:
    """One VEVENT's words; what cannot be used is said and left out."""

    def __init__(self, event: Component, site_url: str, findings: Findings) -> None:
        self._event = event
        self._site_url = site_url
        self._findings = findings

    def line(self, *names: str) -> str | None:
        """Return the first of these properties, on one line."""
        found = self._event.first(*names)
        return (clean_line(found.value) or None) if found else None

    def tags(self) -> tuple[str, ...]:
        """Return the categories, each once."""
        words = (
            clean_line(word)
            for one in self._event.all("CATEGORIES")
            if not one.error
            for word in split_on_unescaped_comma(one.raw.partition(":")[2])
        )
        return tuple(dict.fromkeys(word for word in words if word))

    def body(self) -> str:
        """Return the description as Markdown."""
        return plain_to_markdown(self._description())

    def summary(self) -> str | None:
        """Return the description's first paragraph, cut where it is long."""
        first = self._description().strip().partition("\n\n")[0]
        text = clean_line(first)
        if len(text) > SUMMARY_CHARS:
            text = text[:SUMMARY_CHARS].rpartition(" ")[0].rstrip(_TRAILING) + " …"
        return text or None

    def organizer(self) -> str | None:
        """Return the organiser's name; an address alone is nobody's business."""
        found = self._event.first("ORGANIZER")
        name = clean_line(found.parameters.get("CN", "")) if found else ""
        return None if "@" in name else name or None

    def page(self) -> str | None:
        """Return the event's page."""
        return self._link(self._event.first("URL"))

    def conference(self) -> tuple[str, str] | None:
        """Return how to take part from afar: a label, and the address."""
        found = self._event.first(*CONFERENCES)
        link = self._link(found)
        if link is None or found is None:
            return None
        return clean_line(found.parameters.get("LABEL", "")) or "Online", link

    def place(self) -> tuple[str | None, str | None]:
        """Return where it is, or else the address that stands there."""
        found = self._event.first("LOCATION")
        place = clean_line(found.value) if found else ""
        if found is not None and _URL.fullmatch(place):
            return None, self._link(found)
        return place or None, None

    def image(self) -> str | None:
        """Return a picture that is linked, not enclosed."""
        pictures = (
            one
            for one in (*self._event.all("IMAGE"), *self._event.all("ATTACH"))
            if one.parameters.get("ENCODING", "").upper() != "BASE64"
            and (
                one.name == "IMAGE"
                or one.parameters.get("FMTTYPE", "").lower().startswith("image/")
            )
        )
        return self._link(next(pictures, None))

    def details(self) -> tuple[Detail, ...]:
        """Return how to take part, where the event's page is told as well."""
        conference = self.conference()
        if conference is None or self.page() is None:
            return ()
        label, link = conference
        return (Detail(label=label, text="", url=link),)

    def _description(self) -> str:
        found = self._event.first("DESCRIPTION")
        text = found.value if found and not found.error else ""
        text = text.replace("\r\n", "\n").replace("\xa0", " ")
        return html_to_text(text.replace("\n", "<br>")) if _HTML.search(text) else text

    def _link(self, found: Property | None) -> str | None:
        if found is None or found.error:
            return None
        try:
            return absolute_link(clean_line(found.value), site_url=self._site_url)
        except LinkError as error:
            message = f"{error}; the link is left out"
            self._findings.add("W205", found.line, message)
            return None


def plain_to_markdown(text: str) -> str:
    """Return Markdown that shows *text* as it is: its lines, its signs, its links."""
    return "\n".join(_lines(_INDENT.sub("", text.strip())))


def _lines(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        marked = _marked(line.rstrip())
        yield marked + "\\" if marked and after.strip() else marked


def _marked(line: str) -> str:
    parts, begin = [], 0
    for match in _URL.finditer(line):
        link = match[0].rstrip(_TRAILING)
        parts += [_MARKS.sub(r"\\\1", line[begin : match.start()]), f"<{link}>"]
        begin = match.start() + len(link)
    return "".join([*parts, _MARKS.sub(r"\\\1", line[begin:])])
