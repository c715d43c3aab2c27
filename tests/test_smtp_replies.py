"""Replies read off a stream."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tambour.channels.smtp.replies import (
    GARBLED,
    MAX_LINE_BYTES,
    MAX_LINES,
    Reply,
    ReplyReader,
    _whole,
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"250 ok\r\n", [Reply(250, (b"ok",))]),
        (b"250\r\n", [Reply(250, (b"",))]),
        (b"250 \r\n", [Reply(250, (b"",))]),
        (b"250 ok\n", [Reply(250, (b"ok",))]),
        (b"250-a\r\n250-b\r\n250 c\r\n", [Reply(250, (b"a", b"b", b"c"))]),
        (b"250-a\r\n250\r\n", [Reply(250, (b"a", b""))]),
        (b"250 a\r\n550 b\r\n", [Reply(250, (b"a",)), Reply(550, (b"b",))]),
        (b"250 a\r\n25", [Reply(250, (b"a",))]),
        (b"250-a\r\n", []),
        (b"", []),
        (b"what?\r\n", [GARBLED]),
        (b"150 a\r\n", [GARBLED]),
        (b"600 a\r\n", [GARBLED]),
        (b"2500 a\r\n", [GARBLED]),
        (b"25\r\n", [GARBLED]),
        (b"\r\n", [GARBLED]),
        ("２５０ a\r\n".encode(), [GARBLED]),
        (b"250-a\r\n550 b\r\n", [GARBLED]),
        (b"250 a\r\nwhat?\r\n250 b\r\n", [Reply(250, (b"a",)), GARBLED]),
        (b"250 " + b"x" * MAX_LINE_BYTES + b"\r\n", [GARBLED]),
        (b"250 " + b"x" * MAX_LINE_BYTES, [GARBLED]),
        (b"250-a\r\n" * MAX_LINES, [GARBLED]),
    ],
    ids=lambda value: (
        value[:20].decode(errors="replace") if isinstance(value, bytes) else None
    ),
)
def test_what_is_a_reply_and_what_is_none(data: bytes, expected: list[Reply]) -> None:
    """Codes, multi-line replies, and the limits on what a server may say."""
    assert expected == ReplyReader().feed(data)


def test_nothing_is_read_after_garbage() -> None:
    """Who has lost the thread cannot find it again."""
    reader = ReplyReader()
    reader.feed(b"what?\r\n")

    assert reader.feed(b"250 ok\r\n") == []


def test_what_was_begun_is_forgotten_on_demand() -> None:
    """Nothing that came before TLS is the beginning of what comes in it."""
    reader = ReplyReader()
    reader.feed(b"250-evil\r\n250-AUTH")
    reader.reset()

    assert reader.feed(b"250 ok\r\n") == [Reply(250, (b"ok",))]


@given(
    st.integers(200, 599), st.sampled_from([b" ", b"\r", b""]), st.binary(max_size=9)
)
@example(250, b" ", b"x\r\r")
def test_a_reply_of_one_line_is_read_as_the_end_of_a_longer_one(
    code: int, mark: bytes, rest: bytes
) -> None:
    """What is known from before is what would be read anew, said once or again."""
    text = rest.replace(b"\n", b"") if mark else b""
    line = b"%d%b%b\n" % (code, mark, text)
    (longer,) = ReplyReader().feed(b"%d-first\n%b" % (code, line))
    reader = ReplyReader()

    assert longer.code == code
    assert [Reply(code, longer.lines[1:])] * 3 == [
        *reader.feed(line),
        *reader.feed(line * 2),
    ]


def test_a_line_that_is_too_long_is_not_remembered() -> None:
    """Only lines that a reply may have are kept to be known again."""
    ReplyReader().feed(b"250 " + b"x" * MAX_LINE_BYTES + b"\r\n")
    before = _whole.cache_info()
    ReplyReader().feed(b"250 " + b"y" * MAX_LINE_BYTES + b"\r\n")

    assert before == _whole.cache_info()


LINES = st.lists(
    st.sampled_from(
        [b"250 ok\r\n", b"250-a\r\n", b"550 5.1.1 no\r\n", b"354\r\n", b"x\r\n", b"25"]
    ),
    max_size=8,
)


@given(LINES, st.lists(st.integers(1, 9), min_size=1))
def test_where_the_stream_is_cut_does_not_matter(
    lines: list[bytes], sizes: list[int]
) -> None:
    """In one piece or many, the replies are the same."""
    stream, reader, found = b"".join(lines), ReplyReader(), []
    place, turn = 0, 0
    while place < len(stream):
        size = sizes[turn % len(sizes)]
        found += reader.feed(stream[place : place + size])
        place, turn = place + size, turn + 1

    assert ReplyReader().feed(stream) == found


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_memory_is_bounded(pieces: list[bytes]) -> None:
    """Whatever comes in, no more than one line and one reply is kept."""
    reader = ReplyReader()
    for piece in pieces:
        reader.feed(piece)

    assert len(reader._rest) <= MAX_LINE_BYTES  # noqa: SLF001 - nobody else can tell
    assert len(reader._lines) <= MAX_LINES  # noqa: SLF001 - the same
