"""Styles put on elements, whatever words stand there."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tambour.rendering.inlining import inline, inline_whole

CSS = "p, td, b { color: red } .a { margin: 0 } p:first-child { padding: 0 } td:empty { width: 0 }"
PAGE = """<!DOCTYPE html>
<html lang="fr"><head><title>{0}</title><style data-premailer="ignore">p > b {{ top: 0 }} /* {1} */</style></head>
<body><!--[if mso]><p>{2}</p><![endif]--><!-- {3} -->
<p class="a" title="{4}">{5}</p>{6}<p>{7}<b>{8}</b> {9}</p>
<table><tr><td>{10}</td><td></td></tr></table><pre>{11}</pre><ul>{12}<li>{13}</ul></body></html>
"""
WORDS = st.text(
    st.sampled_from("aé \t\n'\"<>&;#=/!-😀\x00\x0b\u00a0\u2028\ue010\ue011\ufeff\r0")
    | st.characters(exclude_categories=["Cs"]),
    max_size=20,
) | st.sampled_from(["", " ", "&amp;", "&#39;", "&nbsp;", "<br>", "</p>", "<b>x</b>", "-->", "\ue0100\ue011", "</style>", "<table>x", "a > b"])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=14, max_size=14))
@example(["x"] * 14)
@example(["\ue0100\ue011"] * 14)
@example(["a'b\"c"] * 14)
@example(["a > b"] * 14)
@example(["<style>p { top: 1px }</style>"] * 14)
@example([" \u00a0 é\n"] * 14)
def test_leaving_words_out_changes_nothing(words: list[str]) -> None:
    """Put back, the words stand where they stood, as the inliner itself leaves them."""
    html = PAGE.format(*words)

    assert inline_whole.__wrapped__(html, CSS) == inline(html, CSS)


def test_mails_that_differ_in_words_are_inlined_once() -> None:
    """Thousands of personal mails cost the inliner one."""
    inline_whole.cache_clear()
    for number in range(20):
        greeting = f"Bonjour {number}, l'agenda\n « du » jour : "
        inline(PAGE.format(*"abcde", *[greeting] * 9), CSS)

    assert 1 == inline_whole.cache_info().misses


def test_elements_are_told_apart_from_words() -> None:
    """Another element is another page."""
    css = "p { color: red }"

    assert '<p style="color:red">a</p>' in inline("<body><p>a</p></body>", css)
    assert '<p style="color:red">b</p><p style="color:red">a</p>' in inline(
        "<body><p>b</p><p>a</p></body>", css
    )
