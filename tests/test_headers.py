import re
from email import message_from_bytes, policy
from email.header import decode_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tambour.composing.headers import (
    address_spec,
    ascii_token,
    clean,
    list_field,
    list_id_field,
    mailbox_field,
    split_mailbox,
    text_field,
)

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
NASTY = st.text(
    st.sampled_from('a b\r\n\t\x00\x0b\x85\u2028é😀ßע=?_"\\<>@,;:.()'), max_size=120
)
WORDS = ANYTHING | NASTY | st.text("azé ", min_size=60, max_size=400)
ENCODED_WORD = re.compile(r"=\?utf-8\?[bq]\?[^? ]*\?=")


def parsed(field: bytes) -> str:
    """Return what another program reads in the only header of a message."""
    message = message_from_bytes(field + b"\r\n", policy=policy.default)

    assert len(message.keys()) == 1
    assert message.get_payload() == ""
    return str(message.values()[0])


def decoded(field: bytes) -> str:
    """Return a header as the older, plainer decoder reads it."""
    value = re.sub(rb"\r\n(?=[ \t])", b"", field).decode().partition(": ")[2].rstrip()
    return "".join(
        part if isinstance(part, str) else part.decode(charset or "ascii")
        for part, charset in decode_header(value)
    )


def check_lines(field: bytes, longest: int = 76) -> None:
    """Assert what RFC 5322 and 2047 demand of a header's lines."""
    assert field.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", field)
    lines = field.decode().removesuffix("\r\n").split("\r\n")
    for number, line in enumerate(lines):
        assert len(line) <= longest
        assert line.strip()
        assert not number or line.startswith(" ")
        for word in re.findall(r"=\?utf-8.*?\?[bq]\?.*?\?=", line):
            assert len(word) <= 75
    assert not re.search(r"\?==\?", field.decode())


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param("Hello", "Subject: Hello", id="ascii"),
        pytest.param(" a \r\n b\t", "Subject: a b", id="spaces"),
        pytest.param("Zoé", "Subject: =?utf-8?q?Zo=C3=A9?=", id="accent"),
        pytest.param("a=b? (c)", "Subject: a=b? (c)", id="signs"),
        pytest.param("=?x", "Subject: =?utf-8?b?PT94?=", id="looks-encoded"),
        pytest.param("日本語", "Subject: =?utf-8?b?5pel5pys6Kqe?=", id="base64"),
        pytest.param("a\u2028b\x85c\x0bd\x00e", "Subject: a b c d e", id="line-ends"),
        pytest.param("a\r\nBcc: b@c.d", "Subject: a Bcc: b@c.d", id="injection"),
        pytest.param("", "Subject: ", id="empty"),
    ],
)
def test_text_field_says_the_value_in_one_header(value: str, field: str) -> None:
    """Words become one header line, encoded only where they must be."""
    assert f"{field}\r\n".encode() == text_field("Subject", value)


@given(WORDS)
@example("x" * 2000)
@example("mot " * 200)
@example("é" * 500)
@example("😀" * 100)
@example("e\u0301" * 100)
@example("a\u00a0:")
def test_text_field_is_read_back_by_others(value: str) -> None:
    """Any words survive folding and encoding, and never reach a second header."""
    field = text_field("Subject", value)

    if clean(value):
        check_lines(field)
        assert clean(value) == decoded(field)
    if "=?" not in clean(value):
        parsed(field)


@pytest.mark.parametrize(
    ("name", "address", "field"),
    [
        pytest.param("", "a@b.org", "To: a@b.org", id="no-name"),
        pytest.param("Zoe Martin", "a@b.org", "To: Zoe Martin <a@b.org>", id="atoms"),
        pytest.param("Martin, Z.", "a@b.org", 'To: "Martin, Z." <a@b.org>', id="quoted"),
        pytest.param('Z "Z" \\', "a@b.org", r'To: "Z \"Z\" \\" <a@b.org>', id="escaped"),
        pytest.param("Zoé", "a@b.org", "To: =?utf-8?q?Zo=C3=A9?= <a@b.org>", id="accent"),
        pytest.param("Z", "a@exämple.fr", "To: Z <a@xn--exmple-cua.fr>", id="idn"),
        pytest.param("Z", "a@straße.de", "To: Z <a@xn--strae-oqa.de>", id="idna-2008"),
        pytest.param("Z", "zoé@b.org", "To: Z <zoé@b.org>", id="smtputf8"),
        pytest.param("Z", '"a b"@b.org', 'To: Z <"a b"@b.org>', id="quoted-local-part"),
        pytest.param("Z", "a..b@b.org", 'To: Z <"a..b"@b.org>', id="odd-local-part"),
        pytest.param("a@b.org", "a@b.org", 'To: "a@b.org" <a@b.org>', id="name-is-address"),
        pytest.param("\r\nBcc: x@y.z\r\n", "a@b.org", 'To: "Bcc: x@y.z" <a@b.org>', id="name-injection"),
        pytest.param("Z", "a@b.org>,\r\n <c@d.org", 'To: Z <"a@b.org>, <c"@d.org>', id="address-injection"),
        pytest.param("Z", "a@b.org\r\nBcc:c", "To: Z <a@b.orgBcc:c>", id="domain-injection"),
    ],
)  # fmt: skip
def test_mailbox_field_names_one_person(name: str, address: str, field: str) -> None:
    """Names are quoted or encoded, domains made ASCII; nobody can be added."""
    assert f"{field}\r\n".encode() == mailbox_field("To", name, address_spec(address))


@given(WORDS)
@example("x" * 300)
@example("mot " * 60)
@example('"' * 80)
@example("a, b")
def test_mailbox_field_is_read_back_by_others(name: str) -> None:
    """Any name is one person's name, and the address stays what it was."""
    spec = address_spec("zoe.martin@example.org")
    field = mailbox_field("To", name, spec)

    check_lines(field)
    message = message_from_bytes(field + b"\r\n", policy=policy.default)
    assert ["zoe.martin@example.org"] == [a.addr_spec for a in message["To"].addresses]
    # Python's newer parser shows a space between encoded words; RFC 2047 §6.2 has none.
    shown = decoded(field)
    if b"=?utf-8" in field:
        assert clean(name) == shown.rpartition("<")[0].strip(" ")
    else:
        assert clean(name) == split_mailbox(shown)[0]


@given(NASTY)
def test_addresses_never_make_a_second_recipient(address: str) -> None:
    """Whatever an address holds, To remains one header about one mailbox."""
    field = mailbox_field("To", "Z", address_spec(address))
    message = message_from_bytes(field + b"\r\n", policy=policy.compat32)

    assert ["To"] == message.keys()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", field)
    assert address_spec(address) == address_spec(address_spec(address))


def test_list_field_breaks_between_items_only() -> None:
    """Long addresses stay raw ASCII in one piece, or one click would not work."""
    url, mail = f"<https://b.org/{'x' * 200}>", "<mailto:c@b.org?subject=d>"

    assert (
        f"List-Unsubscribe: {url},\r\n {mail}\r\n".encode()
        == list_field("List-Unsubscribe", [url, mail])
    )  # fmt: skip


@given(st.lists(WORDS, min_size=1, max_size=3))
def test_list_field_is_one_ascii_header(items: list[str]) -> None:
    """No item ends the header or is encoded."""
    field = list_field("List-Unsubscribe", items)

    assert field.isascii()
    assert len(items) == field.count(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", field)


@pytest.mark.parametrize(
    ("description", "identifier", "field"),
    [
        pytest.param("Agenda", "a.b.org", "List-Id: Agenda <a.b.org>", id="plain"),
        pytest.param("Été", "a.b.org", "List-Id: Ete <a.b.org>", id="accents"),
        pytest.param("A, B", "a.b.org", 'List-Id: "A, B" <a.b.org>', id="quoted"),
        pytest.param("日本", "a.b.org", "List-Id: <a.b.org>", id="nothing-left"),
        pytest.param("a\r\nb", "c\r\nd e>", "List-Id: a b <c--d-e->", id="injection"),
    ],
)
def test_list_id_is_plain_ascii(description: str, identifier: str, field: str) -> None:
    """Filters compare List-Id byte by byte, so nothing in it is encoded."""
    assert f"{field}\r\n".encode() == list_id_field(description, identifier)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoé <a@b.org>", ("Zoé", "a@b.org")),
        ('"Martin, Z" <a@b.org>', ("Martin, Z", "a@b.org")),
        ("Martin, Z <a@b.org>", ("Martin, Z", "a@b.org")),
        (r'"a \"b\"" <a@b.org>', ('a "b"', "a@b.org")),
        ("<a@b.org>", ("", "a@b.org")),
        (" a@b.org ", ("", "a@b.org")),
        ("nobody", ("", "nobody")),
    ],
)
def test_split_mailbox_reads_what_people_write(
    text: str, expected: tuple[str, str]
) -> None:
    """Name and address are told apart, quotes or not."""
    assert expected == split_mailbox(text)


def test_ascii_token_keeps_letters_digits_and_dots() -> None:
    """Feedback-ID's fields hold nothing that could be taken for a separator."""
    assert "a.b-c-d-e" == ascii_token("a.b:c d\r\né:e").replace("---", "-")
