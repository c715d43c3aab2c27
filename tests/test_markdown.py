import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.content.markdown import to_html, to_line, to_text
from tambour.content.shortcodes import shortcodes

BASE = "https://b.org/agenda/x/"
REAL = Path(__file__).parents[2] / "shared" / "real-events"
EVENT_FILES = [p for p in sorted(REAL.rglob("*.m*")) if p.name != "README.md"]
MARKUP = st.text(
    st.sampled_from("ab *_`[](){}<>:.#%!\"'/|-~\\\n&;= é\u2028")
    | st.characters(codec="utf-8"),
    max_size=200,
)


def html(source: str) -> str:
    """Return the HTML of *source* on the test site."""
    return to_html(source, base_url=BASE)


def text(source: str) -> str:
    """Return the text of *source* on the test site."""
    return to_text(source, base_url=BASE)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("a<br>b<br/>c", "<p>a<br>b<br>c</p>", id="br"),
        pytest.param("<p align=center>a</p>", '<p align="center">a</p>', id="align"),
        pytest.param('<h2 class="c">a</h2>', '<h2 class="c">a</h2>', id="class"),
        pytest.param(
            '<div class="encadre" onclick="x()">a</div>',
            '<div class="encadre">a</div>',
            id="handler",
        ),
        pytest.param("a<script>b</script>c", "<p>ac</p>", id="script"),
        pytest.param("<style>\na {}\n</style>\n\nb", "<p>b</p>", id="style"),
        pytest.param("<form>a<input></form>b", "b", id="form"),
        pytest.param('<iframe src="/a">b</iframe>\n\nc', "<p>c</p>", id="iframe"),
        pytest.param(
            '<p style="text-align:center;position:fixed">a</p>',
            '<p style="text-align:center">a</p>',
            id="style-attribute",
        ),
        pytest.param("~~a~~", "<p><s>a</s></p>", id="strikethrough"),
        pytest.param("# a {#b}", "<h1>a</h1>", id="ids-would-clash-in-a-mail"),
        pytest.param("> a\n{: .b}", '<blockquote class="b">\n<p>a</p>\n</blockquote>', id="quote"),
        pytest.param(">#### a\n>b", "<blockquote>\n<h4>a</h4>\n<p>b</p>\n</blockquote>", id="heading-in-quote"),
        pytest.param("&#58; &eacute;", "<p>: é</p>", id="entities"),
        pytest.param("'a' -- \"b\"...", "<p>'a' -- \"b\"...</p>", id="nothing-smart"),
    ],
)  # fmt: skip
def test_html_keeps_words_and_drops_danger(source: str, expected: str) -> None:
    """Formatting and classes survive; scripts, forms, handlers and ids do not."""
    assert expected == html(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("[a](/b)", '<a href="https://b.org/b">a</a>', id="site-relative"),
        pytest.param("[a](b)", '<a href="https://b.org/agenda/x/b">a</a>', id="relative"),
        pytest.param("[a](#b)", '<a href="https://b.org/agenda/x/#b">a</a>', id="fragment"),
        pytest.param("[a](//c.d)", '<a href="https://c.d">a</a>', id="no-scheme"),
        pytest.param("[a](www.c.d)", '<a href="https://www.c.d">a</a>', id="www"),
        pytest.param('<a href="/b">a</a>', '<a href="https://b.org/b">a</a>', id="raw"),
        pytest.param("[a](mailto:b@c.d)", '<a href="mailto:b@c.d">a</a>', id="mailto"),
        pytest.param("[a](http://mailto:b@c.d)", '<a href="mailto:b@c.d">a</a>', id="mail-by-http"),
        pytest.param("![a](/b%20c)", '<img src="https://b.org/b%20c" alt="a">', id="image"),
        pytest.param('[a](/b){:target="blank"}', '<a href="https://b.org/b">a</a>', id="target"),
        pytest.param("[a](javascript:b)", "<a>a</a>", id="javascript"),
        pytest.param("[a](JaVaScRiPt:b)", "<a>a</a>", id="javascript-in-capitals"),
        pytest.param("![a](data:b)", '<img alt="a">', id="data"),
        pytest.param("![a](mailto:b@c.d)", '<img alt="a">', id="image-by-mail"),
        pytest.param("[a](file:///b)", "<a>a</a>", id="file"),
        pytest.param("[a](http://[b)", "<a>a</a>", id="not-an-address"),
        pytest.param("[a]()", "a", id="nowhere"),
    ],
)  # fmt: skip
def test_addresses_are_absolute_and_harmless(source: str, expected: str) -> None:
    """Links and images leave as http, https, mailto or tel, or not at all."""
    assert f"<p>{expected}</p>" == html(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('{{< youtube id="abc-12_x" title="A [b]" >}}', "A [b] (https://www.youtube.com/watch?v=abc-12_x)", id="youtube"),
        pytest.param("{{< youtube abc-12_x >}}", "https://www.youtube.com/watch?v=abc-12_x", id="youtube-positional"),
        pytest.param('{{< youtube "https://y.be/a" >}}', "https://y.be/a", id="youtube-address"),
        pytest.param('{{< youtube "a b" >}}', "", id="youtube-odd"),
        pytest.param('{{< asset-static file="a.pdf" label="A_b (PDF)" >}}', "A_b (PDF)", id="asset"),
        pytest.param('{{< button href="https://a.b/c?d&e" text="Go" >}}', "Go (https://a.b/c?d&e)", id="button"),
        pytest.param('{{< link url="/a" label="Go" >}}', "Go", id="relative-link"),
        pytest.param('a {{< img src="b" alt="c" >}} d', "a d", id="image"),
        pytest.param('{{< img-right src="b" text="c" >}}', "", id="image-right"),
        pytest.param('[a]({{< ref "b.md" >}}) c', "a c", id="ref"),
        pytest.param('[a]({{< link "/b/" >}})', "a (https://b.org/b/)", id="link-as-target"),
        pytest.param("{{< box >}}a *b*{{< /box >}}", "a b", id="pair"),
        pytest.param("{{% note %}}a{{% /note %}}", "a", id="percent-pair"),
        pytest.param('{{< accordion title="A" >}}b{{< /accordion >}}', "A\n\nb", id="titled-pair"),
        pytest.param('{{< quote-block text="A" cite="B" >}}', "A — B", id="quotation"),
        pytest.param("{{</* a */>}}b", "b", id="escaped"),
        pytest.param("a {% include b.html c=1 %} d", "a d", id="liquid-tag"),
        pytest.param("{% comment %}a{% endcomment %}b", "b", id="liquid-comment"),
        pytest.param("{% if a %}b{% endif %}", "b", id="liquid-pair"),
        pytest.param("[a]({% post_url b %})", "a", id="liquid-target"),
        pytest.param("[a]({{ site.baseurl }}/b)", "a (https://b.org/b)", id="liquid-prefix"),
        pytest.param("[a]({{ '/b' | relative_url }})", "a (https://b.org/b)", id="liquid-literal"),
        pytest.param("a {{ b | c: '}' }}", "a {{ b | c: '}' }}", id="beyond-us"),
        pytest.param(":tickets: 10:30", ":tickets: 10:30", id="emoji-code-stays"),
    ],
)  # fmt: skip
def test_shortcodes_leave_what_a_reader_can_use(source: str, expected: str) -> None:
    """A label, a video's link or a pair's inside remains; the rest goes."""
    assert expected == text(source)


@pytest.mark.parametrize("tag", ["<div>", "<b>", "<ul><li>", "<blockquote>"])
def test_tags_never_closed_cost_no_words(tag: str) -> None:
    """However many there are, what follows stays, within what a parser bears."""
    html = to_html(f"{tag * 1000} fin <br> *x*", base_url=BASE)

    assert "fin <br>" in html
    assert html.count("</") < 110


def test_shortcodes_are_named_with_their_lines() -> None:
    """The loader can warn of each code, once per pair."""
    source = 'a\n{{< youtube id="b" >}}\n{% include c %}{{ site.url }}\n{{< box >}}\nd\n{{< /box >}}'

    assert [
        (2, "youtube"),
        (3, "include"),
        (3, "site.url"),
        (4, "box"),
    ] == shortcodes(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("# A\nb", "A\n=\n\nb", id="title"),
        pytest.param("### Été", "Été\n---", id="heading"),
        pytest.param("- a\n- b\n  - c\n\nd", "- a\n- b\n  - c\n\nd", id="list"),
        pytest.param("9. a\n10. b\n\n    c", "9. a\n10. b\n    c", id="numbers"),
        pytest.param("> a\n>\n> b", "    a\n\n    b", id="quote"),
        pytest.param("```\na\n  b\n```", "    a\n      b", id="code"),
        pytest.param("a<br>b\nc", "a\nb c", id="break"),
        pytest.param("a\n\n---\n\nb", "a\n\n* * *\n\nb", id="rule"),
        pytest.param("| a | b |\n|-|-|\n| 1 | |", "a | b\n1 |", id="table"),
        pytest.param("<table><tr><td>a<br>b</td><td><p>c</p></td></tr></table>", "a b | c", id="raw-table"),
        pytest.param("[a](https://b.c)", "a (https://b.c)", id="link"),
        pytest.param("[b.c](https://www.b.c/)", "b.c", id="link-that-says-itself"),
        pytest.param("<a@b.c>", "a@b.c", id="mail"),
        pytest.param("[a](mailto:a@b.c)", "a (a@b.c)", id="labelled-mail"),
        pytest.param("[![a](/b)](https://c.d)", "a (https://c.d)", id="linked-image"),
        pytest.param("![a](/b)", "[a]", id="image"),
        pytest.param("![](/b)", "", id="decoration"),
        pytest.param("a\u00a0: «\u00a0b\u00a0»", "a\u00a0: «\u00a0b\u00a0»", id="no-break-space"),
    ],
)  # fmt: skip
def test_text_reads_well(source: str, expected: str) -> None:
    """Structure survives as people type it in plain mails."""
    assert expected == text(source)


def test_text_wraps_but_never_breaks_addresses() -> None:
    """Lines keep to 78 columns unless a single word is longer."""
    url = "https://b.org/" + "c" * 90
    result = text(f"> {'mot ' * 40}[a]({url})")

    assert f"({url})" in result
    assert all(len(line) <= 78 or url in line for line in result.split("\n"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("Plain words,  twice\tspaced ", "Plain words, twice spaced", id="plain"),
        pytest.param("a **b** [c](d) <br> e", "a b c e", id="markup"),
        pytest.param("a&#46; b &amp; c", "a. b & c", id="entities"),
        pytest.param("a\n\n- b\n- c", "a b c", id="blocks"),
        pytest.param("2026. A year", "2026. A year", id="year-is-no-list"),
        pytest.param("Meetup #4 : a_b", "Meetup #4 : a_b", id="no-markup-after-all"),
        pytest.param("a < b > c", "a < b > c", id="comparison"),
        pytest.param('[a](b){:target="blank"}.', "a.", id="kramdown"),
        pytest.param("a {{< ref b >}} c", "a c", id="shortcode"),
        pytest.param("a\u2028b\x0bc\x00d", "a b c d", id="controls"),
        pytest.param("a\u00a0!", "a\u00a0!", id="no-break-space"),
        pytest.param("", "", id="nothing"),
    ],
)  # fmt: skip
def test_line_is_one_plain_line(source: str, expected: str) -> None:
    """A summary loses its markup and nothing else."""
    assert expected == to_line(source)


@given(MARKUP)
def test_any_source_becomes_safe_html_and_text(source: str) -> None:
    """Nothing typed makes the renderers fail, run code or break out of a line."""
    result = html(source)

    assert not re.search(r"<(script|style|form|iframe)|<[^>]*\son\w+\s*=", result)
    assert isinstance(text(source), str)
    assert "\n" not in to_line(source)


@pytest.mark.skipif(not EVENT_FILES, reason="the folder of real event files is absent")
@pytest.mark.parametrize("path", EVENT_FILES, ids=lambda path: path.stem[:40])
def test_no_machinery_shows_in_real_bodies(path: Path) -> None:
    """No attribute list, shortcode or entity of a real page reaches a reader."""
    source = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n").lstrip()
    body = re.sub(r"\A---\n.*?\n---[ \t]*(\n|\Z)", "", source, flags=re.DOTALL)
    for result in (html(body), text(body), to_line(body)):
        assert not re.search(r"\{:|\{\{|\{%|%\}|&#\d|&amp;#", result)
