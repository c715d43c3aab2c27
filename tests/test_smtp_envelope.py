"""What is said before the content, and what cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.channels.smtp.envelope import Envelopes, Offer, Sealed, on_the_wire, xtext
from tambour.channels.smtp.replies import ReplyReader
from tambour.channels.smtp.verdicts import Verdicts
from tambour.model import DeliveryId, Message, Outcome, OutcomeKind

ALL = "PIPELINING SIZE 8BITMIME SMTPUTF8 DSN"


def sealed(offered: str, *, stuffs: bool = True, **changes: Any) -> Sealed | Outcome:
    """Put a message into an envelope for a server with the *offered* extensions."""
    words = dict.fromkeys(offered.split(), "")
    words.update({"SIZE": "1000"} if "SIZE" in words else {})
    given: dict[str, Any] = {
        "delivery": DeliveryId(1),
        "recipient": "r@example.org",
        "key": "k+1",
        "content": b"Subject: x\r\n\r\n.x\r\n",
        "sender": "s@example.org",
    }
    envelopes = Envelopes(
        Offer(words=words), Verdicts(where="mx:25"), has_stuffing=stuffs
    )
    return envelopes.seal(Message(**{**given, **changes}))


def code(result: Sealed | Outcome) -> str:
    """Return why a message cannot go."""
    assert isinstance(result, Outcome)
    assert result.kind is OutcomeKind.REJECTED
    return result.code


def lines(result: Sealed | Outcome) -> tuple[str, str]:
    """Return the command lines."""
    assert isinstance(result, Sealed)
    return result.mail.decode().strip(), result.rcpt.decode().strip()


@pytest.mark.parametrize(
    ("offered", "changes", "mail", "rcpt"),
    [
        ("", {}, "", ""),
        ("SIZE", {}, " SIZE=18", ""),
        ("8BITMIME", {}, "", ""),
        ("8BITMIME", {"content": b"\xc3\xa9\r\n"}, " BODY=8BITMIME", ""),
        ("DSN", {}, " RET=HDRS ENVID=k+2B1", " NOTIFY=FAILURE ORCPT=rfc822;r@example.org"),
        ("DSN", {"key": "x" * 101}, " RET=HDRS", " NOTIFY=FAILURE ORCPT=rfc822;r@example.org"),
        ("DSN", {"key": "x" * 97 + "=="}, " RET=HDRS", " NOTIFY=FAILURE ORCPT=rfc822;r@example.org"),
        ("DSN", {"key": "é"}, " RET=HDRS", " NOTIFY=FAILURE ORCPT=rfc822;r@example.org"),
    ],
    ids=["plain", "size", "ASCII", "8 bit", "DSN", "long key", "long when encoded", "odd key"],
)  # fmt: skip
def test_only_what_is_offered_is_said(
    offered: str, changes: dict[str, Any], mail: str, rcpt: str
) -> None:
    """Each parameter needs its extension."""
    expected = (f"MAIL FROM:<s@example.org>{mail}", f"RCPT TO:<r@example.org>{rcpt}")

    assert expected == lines(sealed(offered, **changes))


def test_addresses_beyond_ascii_have_no_original_recipient() -> None:
    """ORCPT of type rfc822 is ASCII; SMTPUTF8 says that the address is not."""
    mail, rcpt = lines(sealed(ALL, recipient="zoé@example.org"))

    assert " SMTPUTF8" in mail
    assert rcpt == "RCPT TO:<zoé@example.org> NOTIFY=FAILURE"


@pytest.mark.parametrize(
    ("offered", "changes", "expected"),
    [
        ("SIZE", {"content": b"x" * 999 + b"\r\n"}, "too-large"),
        ("", {"content": b"\xc3\xa9\r\n"}, "8bitmime-missing"),
        ("", {"recipient": "zoé@example.org"}, "smtputf8-missing"),
        ("", {"sender": "zoé@example.org"}, "smtputf8-missing"),
        ("", {"content": b"a\nb\r\n"}, "bad-content"),
        ("", {"content": b"a\rb\r\n"}, "bad-content"),
        ("", {"content": b"a"}, "bad-content"),
        ("", {"sender": "nobody"}, "bad-address"),
        ("", {"recipient": "a@b>\r\nRSET"}, "bad-address"),
    ],
)
def test_what_would_have_to_be_changed_is_refused(
    offered: str, changes: dict[str, Any], expected: str
) -> None:
    """Each reason has its code."""
    assert expected == code(sealed(offered, **changes))


def test_dots_are_doubled_for_data_alone() -> None:
    """A chunk carries the content as it is; so does what is known to have no dots."""
    data, chunk = sealed(""), sealed("", stuffs=False)
    plain = sealed("", is_plain=True)

    assert isinstance(data, Sealed)
    assert isinstance(chunk, Sealed)
    assert isinstance(plain, Sealed)
    assert data.content.endswith(b"\r\n..x\r\n")
    assert chunk.content.endswith(b"\r\n.x\r\n")
    assert plain.content.endswith(b"\r\n.x\r\n")


def test_what_a_server_offers_is_read_leniently() -> None:
    """Case, AUTH=…, repeated words and absurd sizes do no harm."""
    said = b"250-mx\r\n250-size 9999999999999999999999\r\n250-AUTH=LOGIN\r\n250-auth PLAIN\r\n250 Chunking\r\n"
    (reply,) = ReplyReader().feed(said)
    offer = Offer.of(reply)

    assert offer.largest_bytes is None
    assert offer.words["AUTH"] == "LOGIN PLAIN"
    assert offer.has("CHUNKING")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_xtext_can_be_read_back(text: str) -> None:
    """Nothing but printable ASCII without blanks, and nothing lost."""
    written = xtext(text)
    parts = written.split("+")
    read = parts[0] + "".join(chr(int(p[:2], 16)) + p[2:] for p in parts[1:])

    assert text == read
    assert all("!" <= char <= "~" and char != "=" for char in written)


@given(st.text(max_size=60))
def test_no_address_can_end_its_line(address: str) -> None:
    """Whatever is written into an address, a command stays one line and one path."""
    wire = on_the_wire(address)

    if wire is not None:
        assert not {"\r", "\n", "<", ">", " ", "\0"} & set(wire)
