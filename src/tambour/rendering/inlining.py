"""
Styles put on each element, for mail clients that drop style sheets.

The only caller of premailer, once per edition and language: it sees finished HTML and
one style sheet, loads nothing, and leaves `<style data-premailer="ignore">` alone,
where the rules live that cannot be inlined (dark, narrow screens, hover).
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from premailer import Premailer

Rules = tuple[list[Any], list[Any]]


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
