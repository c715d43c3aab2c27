"""
Problems: what is wrong in a file, where, and how to mend it.

A problem is a value that is collected, never raised by the reader that finds it; all
of them are shown at once. Codes are a contract: `E…` hold something back, `W…` do not.
The hundreds say where: 1 settings, 2 events, 3 campaigns, 4 templates, 5 audiences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """An error holds its file back; a warning only speaks."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """
    Something wrong in a file.

    `path` is relative to the project, `line` counts from 1 (0: the file as a whole),
    `note` says what the line clashes with, `help` how to mend it.
    """

    path: str
    line: int
    code: str
    message: str
    help: str = ""
    note: str = ""

    @property
    def severity(self) -> Severity:
        """Told by the code's letter."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return what a mistyped *word* may have meant, and what is known in its place."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    there = f"known here: {', '.join(names)}"
    return f"did you mean {close[0]}? {there}" if close else there


CODES: dict[str, str] = {
    # 1 settings (config.yaml)
    "E101": "config.yaml cannot be read",
    "E102": "config.yaml is not valid YAML",
    "E103": "a setting is unknown",
    "E104": "a setting has a wrong value",
    "E105": "a required setting is missing",
    "E106": "an environment variable is not set",
    "E107": "a setting is given twice",
    # 2 events
    "E201": "an event file cannot be read",
    "E202": "the front matter is missing or not valid",
    "E203": "the end is before the start",
    "E204": "the start is missing",
    "E205": "a date cannot be understood",
    "E206": "a year is not plausible",
    "E207": "a time zone is unknown",
    "E208": "a time needs an offset, or the right one",
    "E209": "two files have the same event id",
    "E210": "the title is missing",
    "E211": "a dialect is unknown or not valid",
    "E212": "an events folder is missing",
    "E213": "an event may be one that is known, or a new one",
    "E214": "a source lost its events",
    "E215": "a recurrence cannot be followed",
    "E216": "a calendar is not valid",
    "E217": "a feed was never read",
    "E218": "many events vanished at once",
    "W201": "an events folder holds no event",
    "W202": "an offset disagrees with the time zone",
    "W203": "two times of one event disagree",
    "W204": "a date told in words does not fit",
    "W205": "a link was completed or is not usable",
    "W206": "a shortcode in the body is not run",
    "W207": "a key is given twice",
    "W208": "a value was not understood and is left out",
    "W209": "a hidden event has an error",
    "W210": "an event keeps the id under which it is known",
    "W211": "a feed is not up to date",
    "W212": "a feed lost many events at once",
    # 3 campaigns
    "E301": "a campaign file cannot be read",
    "E302": "a campaign has an unknown key",
    "E303": "a campaign has a wrong value",
    "E304": "a campaign lacks a required key",
    "E305": "a campaign names something config.yaml does not have",
    "E306": "two settings of a campaign contradict each other",
    "W301": "a campaign has a key twice",
    "W302": "there are no campaigns",
    # 4 templates
    "E400": "an edition cannot be made",
    "E401": "a template is missing",
    "E402": "a template has a syntax error",
    "E403": "a template names something there is not",
    "E404": "a template fails",
    "E405": "a template does what templates may not",
    "E406": "a webhook template does not make JSON",
    "E407": "the theme or a style sheet names something there is not",
    # 5 audiences
    "E501": "an audience file cannot be read",
    "E502": "an audience file has no email column",
    "E503": "an address is not valid",
    "E504": "a row has more fields than there are columns",
    "E505": "a language is not valid",
    "E506": "an audience file changed while it was read",
    "W501": "an address is given twice",
    "W502": "an audience has no addresses",
}
"""Every code with its one-line title; `problems.md` beside this file explains each."""

_EXPLANATIONS = Path(__file__).with_suffix(".md")


def explanation(code: str) -> str:
    """
    Return what *code* means, with an example and its mend, as Markdown.

    Raises:
        KeyError: there is no such code.

    """
    sections = _EXPLANATIONS.read_text(encoding="utf-8").split("\n## ")[1:]
    return dict(section.split("\n\n", 1) for section in sections)[code].strip()
