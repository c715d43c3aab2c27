from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.content.front_matter import FrontMatterError, read_page
from tambour.yamltext import MAX_DEPTH, YamlError, parse


@pytest.mark.parametrize(
    ("raw", "data", "line", "body_line"),
    [
        pytest.param(b"---\na: x\n---\nBody\n", {"a": "x"}, 2, 4, id="plain"),
        pytest.param(b"---\na: x\n...\nBody\n", {"a": "x"}, 2, 4, id="dots"),
        pytest.param(
            b"\xef\xbb\xbf---\na: x\n---\nBody", {"a": "x"}, 2, 4, id="byte-order-mark"
        ),
        pytest.param(b"---\r\na: x\r\n---\r\nBody", {"a": "x"}, 2, 4, id="crlf"),
        pytest.param(b"---\ra: x\r---\rBody", {"a": "x"}, 2, 4, id="old-mac"),
        pytest.param(
            b"\n \n---\n\na: x\n---\n\n\nBody", {"a": "x"}, 5, 9, id="blank-lines"
        ),
        pytest.param(b"--- \na: x\n---\t\nBody", {"a": "x"}, 2, 4, id="trailing-space"),
        pytest.param(
            b"+++\n[params]\na = 'x'\n+++\nBody",
            {"params": {"a": "x"}},
            2,
            5,
            id="toml",
        ),
    ],
)
def test_cuts_where_sites_cut(
    raw: bytes, data: dict[str, object], line: int, body_line: int
) -> None:
    """Every way to save a file gives the same values, with the lines of the file."""
    page = read_page(raw)

    assert (data, "Body", body_line) == (page.data, page.body, page.body_line)
    assert line == page.document.line((next(iter(data)),))


@pytest.mark.parametrize(
    "scalar", ["18:30", "01000", "no", "-0500", "1e3", "2024-02-30", "0x1F", "~a"]
)
def test_keeps_every_scalar_as_typed(scalar: str) -> None:
    """YAML gives no value a meaning of its own."""
    page = read_page(f"---\na: {scalar}\n---\n".encode())

    assert {"a": scalar} == page.data


def test_python_frontmatters_arguments_are_no_metadata() -> None:
    """Nothing but the file's own keys is in the data."""
    assert {} == read_page(b"---\n---\nBody").data


def test_toml_values_become_text_with_lines() -> None:
    """Typed TOML reads like the YAML of the same page."""
    page = read_page(
        b"+++\ntitle = 'Hugo'\ndate = 2024-05-01T10:00:00-05:00\ndraft = false\n"
        b"room = 12\n[[links]]\nurl = 'a'\n[[links]]\nurl = 'b'\n+++\n"
    )

    assert {
        "title": "Hugo",
        "date": "2024-05-01T10:00:00-05:00",
        "draft": "false",
        "room": "12",
        "links": [{"url": "a"}, {"url": "b"}],
    } == page.data
    assert [3, 9] == [
        page.document.line(("date",)),
        page.document.line(("links", 1, "url")),
    ]


def test_unseen_characters_neither_break_nor_count_as_lines() -> None:
    """NUL, NEL and LINE SEPARATOR become spaces; the next key keeps its line."""
    page = read_page("---\na: x\u2028y\x85z\x00\ufeff!\nb: w\n---\n".encode())

    assert {"a": "x y z  !", "b": "w"} == page.data
    assert 3 == page.document.line(("b",))


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        pytest.param(b"", 1, "no front matter", id="empty"),
        pytest.param(b"# A page\n", 1, "no front matter", id="none"),
        pytest.param(b"\n\n---\na: x\n", 3, "never closed", id="unclosed"),
        pytest.param(b"---\na: x\nb: [\n---\n", 3, "did not find", id="yaml"),
        pytest.param(b"---\na: x\n  b: y\n---\n", 3, "mapping values", id="indent"),
        pytest.param(b"---\na: Formation : x\n---\n", 2, "mapping", id="colon"),
        pytest.param(b"+++\na = 1\nb = \n+++\n", 3, "Invalid value", id="toml"),
        pytest.param(b"+++\na = %b\n+++\n" % (b"9" * 5000), 2, "digits", id="digits"),
        pytest.param(b"---\n- a\n---\n", 2, "not made of", id="list"),
        pytest.param(b"---\nx\n---\n", 2, "not made of", id="scalar"),
        pytest.param(b"---\na: caf\xe9\n---\n", 2, "not UTF-8", id="latin-1"),
        pytest.param(b"\xff\xfe-\0-\0-\0", 1, "not UTF-8", id="utf-16"),
    ],
)
def test_says_what_is_wrong_and_where(raw: bytes, line: int, words: str) -> None:
    """What cannot be read names the line of the file."""
    with pytest.raises(FrontMatterError, match=words) as caught:
        read_page(raw)

    assert line == caught.value.line


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- " * 200_000, id="compact-lists"),
        pytest.param("[" * 200_000, id="flow"),
        pytest.param("\n".join(f"{' ' * i}a:" for i in range(60)), id="indentation"),
        pytest.param("a: &x [*x]", id="a-list-that-holds-itself"),
    ],
)
def test_refuses_depths_that_would_end_the_process(text: str) -> None:
    """Deep nesting is a problem of the file, not of the program."""
    with pytest.raises(YamlError, match=f"more than {MAX_DEPTH} levels"):
        parse(text)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_page_or_an_error_with_a_line(raw: bytes) -> None:
    """No file can do more than be refused."""
    for data in (raw, b"---\n" + raw + b"\n---\n", b"+++\n" + raw + b"\n+++\n"):
        with contextlib.suppress(FrontMatterError):
            assert 1 <= read_page(data).body_line
