"""
Styles put on each element, for mail clients that drop style sheets.

The only caller of premailer, once per edition and language: it sees finished HTML and
one style sheet, loads nothing, and leaves `<style data-premailer="ignore">` alone,
where the rules live that cannot be inlined (dark, narrow screens, hover).

Which style an element gets depends on elements, never on words. So words that are
plain text are left out, and put back: what is rendered for each recipient, and differs
in words alone, is inlined once too.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

from premailer import Premailer

Rules = tuple[list[Any], list[Any]]

_FRAMES = 16
"""Of how many mails without their words the styles are kept."""
_MARKUP = re.compile(
    r"(<!--.*?-->|<(?P<raw>style|script|title|textarea)\b.*?</(?P=raw)\s*>|<[^>]*>)",
    re.DOTALL | re.IGNORECASE,
)
# No entity, which would be written anew, and no mark of ours.
_PLAIN_WORDS = re.compile(
    r"[^<>&\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufffe\uffff]+"
)
_GAP = re.compile("\ue010([0-9]+)\ue011")


class _Inliner(Premailer):  # type: ignore[misc]
    """Premailer that reads a style sheet once, not once per message."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> Rules:
        return _rules(css_body, ruleset_index)


@lru_cache(maxsize=8)
def _rules(css: str, index: int) -> Rules:
    reader = Premailer(
        disable_validation=True,
        strip_important=False,
        allow_network=False,
        cssutils_logging_level=logging.CRITICAL,
    )
    rules: Rules = reader._parse_style_rules(css, index)  # noqa: SLF001 - premailer offers no cache of its own here
    return rules


def inline(html: str, css: str) -> str:
    """Return *html* with the rules of *css* on its elements; MSO comments stay."""
    if "\ue010" in html:
        return inline_whole(html, css)
    words: list[str] = []
    parts = _MARKUP.split(html)
    # Of three parts, one is text, one markup, and one the name of a raw element.
    for number in range(0, len(parts), 3):
        # Blanks around words may be moved elsewhere, so they stay.
        said = parts[number].strip()
        if _PLAIN_WORDS.fullmatch(said):
            parts[number] = parts[number].replace(said, f"\ue010{len(words)}\ue011")
            words.append(said)
    del parts[2::3]
    framed = inline_whole("".join(parts), css)
    return _GAP.sub(lambda gap: words[int(gap[1])], framed)


@lru_cache(maxsize=_FRAMES)
def inline_whole(html: str, css: str) -> str:
    """Return what `inline` does, by way of premailer, words and all."""
    inliner = _Inliner(
        html,
        css_text=[css],
        allow_network=False,
        allow_loading_external_files=False,
        disable_basic_attributes=["width", "height", "bgcolor", "align", "valign"],
        disable_validation=True,
        disable_leftover_css=True,
        align_floating_images=False,
        strip_important=False,
        cssutils_logging_level=logging.CRITICAL,
    )
    inlined: str = inliner.transform(pretty_print=False)
    return inlined
