import re

import pytest
from markdown_it import MarkdownIt

from tambour.content.kramdown import kramdown, parse_attributes

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
PARSER.use(kramdown)


def render(source: str) -> str:
    """Return the HTML of *source* without the line breaks between tags."""
    return re.sub(r"\s*\n\s*", "", PARSER.render(source))


@pytest.mark.parametrize(
    ("source", "html"),
    [
        pytest.param("*a*{:.c} b", '<p><em class="c">a</em> b</p>', id="emphasis"),
        pytest.param("**a**{:.c}", '<p><strong class="c">a</strong></p>', id="strong"),
        pytest.param("`a`{:.c}", '<p><code class="c">a</code></p>', id="code"),
        pytest.param(
            '[a](/b){:target="blank"}',
            '<p><a href="/b" target="blank">a</a></p>',
            id="link",
        ),
        pytest.param(
            "![a](/b){: .c}", '<p><img src="/b" alt="a" class="c" /></p>', id="image"
        ),
        pytest.param(
            "*a*{: .c}{: #d}", '<p><em class="c" id="d">a</em></p>', id="two-lists"
        ),
        pytest.param("a {: .c} b", "<p>a  b</p>", id="owned-by-no-span"),
        pytest.param("`{: .c}`", "<p><code>{: .c}</code></p>", id="inside-code"),
        pytest.param(r"\{: .c}", "<p>{: .c}</p>", id="escaped"),
        pytest.param("a {:b => 1} c", "<p>a {:b =&gt; 1} c</p>", id="ruby-not-a-list"),
        pytest.param("# a *b*{:.c}", '<h1>a <em class="c">b</em></h1>', id="in-title"),
    ],
)
def test_span_lists_belong_to_the_span_before_them(source: str, html: str) -> None:
    """A list right after a span sets its attributes and is never shown."""
    assert html == render(source)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        pytest.param("a\n{: .c}", '<p class="c">a</p>', id="after-paragraph"),
        pytest.param("a\n{: .c}\nb", '<p class="c">a</p><p>b</p>', id="between"),
        pytest.param("{: .c}\na", '<p class="c">a</p>', id="before-paragraph"),
        pytest.param("a\n\n{: .c}\nb", '<p>a</p><p class="c">b</p>', id="nearest"),
        pytest.param("a\n\n{: .c}\n\nb", "<p>a</p><p>b</p>", id="alone"),
        pytest.param("{: .c}", "", id="nothing-else"),
        pytest.param("a\n{: .b}\n{: .c}", '<p class="b c">a</p>', id="several"),
        pytest.param(
            "a\n\n{: .b}\n{: .c}\nd", '<p>a</p><p class="b c">d</p>', id="several-before"
        ),
        pytest.param("# a\n{: .c}", '<h1 class="c">a</h1>', id="heading"),
        pytest.param("# a {#b .c}", '<h1 class="c" id="b">a</h1>', id="heading-marks"),
        pytest.param("a\n===\n{: .c}", '<h1 class="c">a</h1>', id="setext-heading"),
        pytest.param("* a\n* b\n{: .c}", '<ul class="c"><li>a</li><li>b</li></ul>', id="list"),
        pytest.param("* {:.c} a\n* b", '<ul><li class="c"> a</li><li>b</li></ul>', id="item"),
        pytest.param("> a\n{: .c}", '<blockquote class="c"><p>a</p></blockquote>', id="quote"),
        pytest.param(">a\nb\n{: .c}", '<blockquote class="c"><p>ab</p></blockquote>', id="lazy-quote"),
        pytest.param(">a\n>{: .c}", '<blockquote><p class="c">a</p></blockquote>', id="inside-quote"),
        pytest.param("> {: .c}\n>\n> a", "<blockquote><p>a</p></blockquote>", id="alone-in-quote"),
        pytest.param("> {: .c}\n> # a", '<blockquote><h1 class="c">a</h1></blockquote>', id="before-in-quote"),
        pytest.param("```\n{: .b}\n```\n{: .c}", '<pre><code class="c">{: .b}</code></pre>', id="fence"),
        pytest.param("    {: .c}", "<pre><code>{: .c}</code></pre>", id="code-block"),
        pytest.param(
            '> a\n{: .b role="presentation" }',
            '<blockquote class="b" role="presentation"><p>a</p></blockquote>',
            id="several-attributes",
        ),
        pytest.param(
            "> a\n{: .b}\n> c\n{: .d}",
            '<blockquote class="b"><p>a</p></blockquote>'
            '<blockquote class="d"><p>c</p></blockquote>',
            id="quotes-side-by-side",
        ),
    ],
)  # fmt: skip
def test_block_lists_belong_to_the_block_they_touch(source: str, html: str) -> None:
    """A line of attributes serves the block above, else below, else nobody."""
    assert html == render(source)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        pytest.param("{:x: .b #c}\na\n{: x .d}", '<p class="b d" id="c">a</p>', id="definition"),
        pytest.param("a\n{: x}\n\n{:x: .b}", '<p class="b">a</p>', id="defined-later"),
        pytest.param("a\n{: x}", "<p>a</p>", id="undefined"),
        pytest.param("* a\n{:toc}\n\nb", "<p>b</p>", id="table-of-contents"),
        pytest.param("{::comment}\na\n{:/comment}\nb", "<p>b</p>", id="comment"),
        pytest.param("a {::comment}b{:/} c", "<p>a  c</p>", id="comment-in-text"),
        pytest.param("{::nomarkdown}\n<b>*a*</b>\n{:/}", "<b>*a*</b>", id="nomarkdown"),
        pytest.param('{::options toc="1" /}\na', "<p>a</p>", id="options"),
        pytest.param("a\n{:/}\nb", "<p>a</p><p>b</p>", id="stray-end"),
        pytest.param("<br>\n*a*", "<p><br><em>a</em></p>", id="lone-br-is-a-span"),
        pytest.param("a:\n- b", "<p>a:</p><ul><li>b</li></ul>", id="list-without-gap"),
    ],
)  # fmt: skip
def test_extensions_do_what_kramdown_does(source: str, html: str) -> None:
    """Definitions, the table of contents, comments and raw parts leave no trace."""
    assert html == render(source)


@pytest.mark.parametrize(
    ("text", "classes", "pairs", "references", "complete"),
    [
        (" .a .b ", ["a", "b"], {}, [], True),
        (".a.b", ["a", "b"], {}, [], True),
        (".encadré", ["encadré"], {}, [], True),
        (".a#b", ["a"], {"id": "b"}, [], True),
        ("a='1' b=\"2 3\"", [], {"a": "1", "b": "2 3"}, [], True),
        ("x .a", ["a"], {}, ["x"], True),
        (".a b=", ["a"], {}, [], False),
        ("", [], {}, [], True),
    ],
)
def test_attribute_lists_are_read_as_written(
    text: str,
    classes: list[str],
    pairs: dict[str, str],
    references: list[str],
    complete: bool,
) -> None:
    """Classes, ids, pairs and references are told apart; oddities are skipped."""
    result = parse_attributes(text)

    assert (classes, pairs) == (result.classes, result.pairs)
    assert (references, complete) == (result.references, result.complete)


@pytest.mark.parametrize("start", ["{:", 'a\n{: a="', "[a](/b){:"])
def test_unclosed_lists_are_passed_over_at_once(start: str) -> None:
    """A page full of them takes no time that anybody notices."""
    assert "<em>end</em>" in render(start * (200_000 // len(start)) + " *end*")
