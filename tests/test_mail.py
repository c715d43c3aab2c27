import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tambour.composing.body import (
    Place,
    Stem,
    quoted_printable,
    quoted_printable_open,
)
from tambour.composing.headers import clean
from tambour.composing.identity import DEAD_END, Leaving, read_unsubscribe_token
from tambour.composing.mail import MailHead, prepare
from tambour.errors import ConfigError, UserError
from tambour.model import EditionId, EditionKind, Recipient, Rendered

SECRET = b"drum" * 8
NOW = datetime(2026, 11, 23, 8, 0, 5, tzinfo=timezone(timedelta(hours=1)))
HEAD = MailHead(
    sender="Numérique public <lettre@example.org>",
    site_name="Numérique public",
    campaign="hebdo",
    audience="agents",
    kind=EditionKind.DIGEST,
    edition=EditionId("hebdo/2026-11-23/1"),
    channel="lettre",
)
ZOE = Recipient(
    address="zoe@example.org",
    name="Zoé",
    language="fr",
    fields={"ville": "Aix & <Arles>", "vide": ""},
)
ATTRIBUTES = ("name", "address", "language", "greeting", "ville", "vide")
TOKENS = {f"TK{number}Z": name for number, name in enumerate(ATTRIBUTES)}
LITERALS = st.text(
    st.sampled_from("aZ=.é😀\t\x00\u2028<&> \u00a0\n\r") | st.just(" "), max_size=90
) | st.sampled_from(
    ["From ", "\nFrom me", ".", "\n.", "..", "a" * 76, "é" * 40, " ", "\r\n"]
)
VALUES = st.text(st.sampled_from("aé=.<&>\"' \n\r,\x00"), max_size=90)
FRAGMENTS = st.lists(LITERALS | st.sampled_from(sorted(TOKENS)), max_size=9)


def fill(
    rendered: Rendered,
    *,
    head: MailHead = HEAD,
    recipient: Recipient = ZOE,
    message_id: str | None = None,
) -> bytes:
    """Return the message that *recipient* gets."""
    mail = prepare(rendered, head, secret=SECRET)
    stable = message_id or mail.message_id(recipient)
    return mail.fill(recipient, message_id=stable, now=NOW)


def read(message: bytes) -> EmailMessage:
    """Return a message as another program reads it."""
    result = message_from_bytes(message, policy=policy.default)
    assert isinstance(result, EmailMessage)
    assert not result.defects
    return result


def part(message: EmailMessage, kind: str) -> str:
    """Return one body of a message, decoded."""
    body = message.get_body((kind,))
    assert body is not None
    payload = body.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def check_wire(message: bytes, longest: int = 76) -> None:
    """Assert what every server demands of a message's lines."""
    assert message.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", message)
    head, _, body = message.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    for line in body.split(b"\r\n"):
        assert len(line) <= longest
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
    assert body.isascii()


def one_kind_of_line_ends(text: str) -> str:
    """Return *text* as a mail can say it."""
    return re.sub("\r\n?", "\n", text)


def expected(template: str, values: dict[str, str], *, in_html: bool) -> str:
    """Return the template with values in place, as a plain replacement gives it."""

    def value(match: re.Match[str]) -> str:
        text = one_kind_of_line_ends(values[TOKENS[match[2]]])
        return match[1] + (escape(text) if in_html else text) if text else ""

    template = one_kind_of_line_ends(template)
    return re.sub("([ \u00a0]?)(TK[0-9]Z)", value, template)


def test_message_is_alternative_text_first() -> None:
    """Readers that show HTML take the last part, others the first."""
    message = read(
        fill(Rendered(language="fr", subject="S", html="<p>é</p>", text="é\n"))
    )

    assert message.get_content_type() == "multipart/alternative"
    assert ["text/plain", "text/html"] == [
        p.get_content_type() for p in message.iter_parts()
    ]
    assert all(
        p["Content-Transfer-Encoding"] == "quoted-printable"
        for p in message.iter_parts()
    )
    assert all(p.get_content_charset() == "utf-8" for p in message.iter_parts())
    assert ("é\n", "<p>é</p>") == (part(message, "plain"), part(message, "html"))


def test_message_without_html_is_plain_text() -> None:
    """Where there is no HTML there is nothing to choose from."""
    message = read(fill(Rendered(language="fr", subject="S", text="é\n")))

    assert message.get_content_type() == "text/plain"
    assert part(message, "plain").startswith("é\n")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("From", "Numérique public <lettre@example.org>"),
        ("To", "Zoé <zoe@example.org>"),
        ("Subject", "Été"),
        ("Date", "Mon, 23 Nov 2026 07:00:05 +0000"),
        ("MIME-Version", "1.0"),
        ("List-Id", "Numerique public <hebdo.example.org>"),
        (
            "List-Unsubscribe",
            "<mailto:lettre@example.org?subject=unsubscribe%20hebdo%20zoe@example.org>",
        ),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("Feedback-ID", "hebdo:digest:tambour:example.org"),
        ("Content-Language", "fr"),
        ("X-Tambour-Edition", "hebdo/2026-11-23/1"),
    ],
)
def test_every_header_is_there_once(header: str, value: str) -> None:
    """Receivers find exactly one of each header that they ask for."""
    message = read(fill(Rendered(language="fr", subject="Été", html="h", text="t")))

    assert [value] == [str(one) for one in message.get_all(header, [])]


def test_no_header_is_there_without_need() -> None:
    """No reply address, no one-click and no test mark unless asked for."""
    message = read(fill(Rendered(language="fr", subject="S", text="t")))

    assert {"Reply-To", "List-Unsubscribe-Post", "X-Tambour-Test"}.isdisjoint(
        message.keys()
    )


def test_message_id_is_stable_and_on_the_senders_domain() -> None:
    """A retry is recognised; another recipient's message is another one."""
    rendered = Rendered(language="fr", subject="S", text="t")
    again = ZOE._replace(name="Zoé M.")
    other = ZOE._replace(address="ann@example.org")
    first, retry, third = (
        read(fill(rendered, recipient=one))["Message-ID"] for one in (ZOE, again, other)
    )

    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", first)
    assert first == retry != third


def test_one_click_is_offered_where_there_are_public_pages() -> None:
    """HTTPS comes with List-Unsubscribe-Post, mailto stays, and the token is ours."""
    head = replace(HEAD, unsubscribe_base="https://lettre.example.org")
    rendered = Rendered(
        language="fr", subject="S", html='<a href="TK9Z">x</a>', text="TK9Z",
        tokens={"TK9Z": "unsubscribe_url"},
    )  # fmt: skip
    message = read(fill(rendered, head=head))
    web, mail = re.findall("<([^>]*)>", message["List-Unsubscribe"])

    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert web == part(message, "plain")
    assert part(message, "html") == f'<a href="{web}">x</a>'
    assert mail.startswith("mailto:lettre@example.org?")
    assert read_unsubscribe_token(web.rpartition("/")[2], [SECRET]) == Leaving(
        audience="agents", campaign="hebdo", address="zoe@example.org"
    )


def test_unsubscribe_mail_goes_where_it_is_read() -> None:
    """Another address may answer; reader and campaign are named for whoever does."""
    head = replace(HEAD, unsubscribe_address="Bye <bye+x@exämple.org>")
    recipient = ZOE._replace(address="a+b&c@example.org")
    rendered = Rendered(
        language="fr", html="TK9Z", text="TK9Z", tokens={"TK9Z": "unsubscribe_url"}
    )
    message = read(fill(rendered, head=head, recipient=recipient))
    link = (
        "mailto:bye%2Bx@xn--exmple-cua.org"
        "?subject=unsubscribe%20hebdo%20a%2Bb%26c@example.org"
    )

    assert link == part(message, "plain") == part(message, "html")
    assert f"<{link}>" == message["List-Unsubscribe"]


@given(st.emails() | st.text())
@example("a+b&c@example.org")
@example("a_b-c.d~e@example.org")
def test_unsubscribe_mail_names_any_address(address: str) -> None:
    """Ordinary addresses stay as they are, and others are quoted as URLs want it."""
    mail = prepare(Rendered(language="fr", text="t"), HEAD, secret=SECRET)
    field, link = mail.ways.of(address)

    assert link.endswith("?subject=unsubscribe%20hebdo%20" + quote(address, safe="@"))
    assert f"List-Unsubscribe: <{link}>\r\n".encode() == field


def test_a_test_says_so_and_unsubscribes_nobody() -> None:
    """A test is marked in subject and header, and its link leads nowhere."""
    head = replace(HEAD, unsubscribe_base="https://lettre.example.org", test=True)
    rendered = Rendered(
        language="fr", subject="Été TK0Z", text="TK9Z",
        tokens={"TK0Z": "name", "TK9Z": "unsubscribe_url"},
    )  # fmt: skip
    message = read(fill(rendered, head=head, message_id="<random@example.org>"))

    assert message["Subject"] == "[TEST] Été Zoé"
    assert message["X-Tambour-Test"] == "yes"
    assert message["Message-ID"] == "<random@example.org>"
    assert message["List-Unsubscribe"] == f"<{DEAD_END}>"
    assert message["List-Unsubscribe-Post"] is None
    assert part(message, "plain").strip() == DEAD_END


def test_a_test_needs_a_message_id_of_its_own() -> None:
    """With the stable one, receivers would drop the edition itself as a repetition."""
    with pytest.raises(ValueError, match="of its own"):
        fill(Rendered(language="fr", text="t"), head=replace(HEAD, test=True))


def test_domains_are_ascii_in_header_and_envelope() -> None:
    """Sender, recipient and Message-ID carry A-labels."""
    head = replace(HEAD, sender="L <lettre@exämple.fr>", reply_to="R <r@exämple.fr>")
    recipient = ZOE._replace(address="zoe@exämple.fr")
    prepared = prepare(Rendered(language="fr", text="t"), head, secret=SECRET)
    message = read(
        fill(Rendered(language="fr", text="t"), head=head, recipient=recipient)
    )

    assert prepared.sender == "lettre@xn--exmple-cua.fr"
    assert message["From"] == "L <lettre@xn--exmple-cua.fr>"
    assert message["Reply-To"] == "R <r@xn--exmple-cua.fr>"
    assert message["To"] == "Zoé <zoe@xn--exmple-cua.fr>"
    assert message["Message-ID"].endswith("@xn--exmple-cua.fr>")


@pytest.mark.parametrize("sender", ["", "Lettre", "Lettre <>", "@example.org", "a@"])
def test_sender_must_be_an_address(sender: str) -> None:
    """A sender that nobody could answer is a fault of the settings."""
    with pytest.raises(ConfigError, match="no sender"):
        prepare(Rendered(language="fr"), replace(HEAD, sender=sender), secret=SECRET)


def test_missing_column_is_named() -> None:
    """Words that name a column which a recipient lacks are not sent half-filled."""
    rendered = Rendered(language="fr", text="TK9Z", tokens={"TK9Z": "prenom"})

    with pytest.raises(UserError, match=r"zoe@example\.org has no 'prenom'"):
        fill(rendered)


@pytest.mark.parametrize(
    ("language", "name", "expected"),
    [
        ("fr", "Zoé", "Bonjour Zoé,"),
        ("fr", "", "Bonjour,"),
        ("en", "Zoé", "Hello Zoé,"),
        ("en", "", "Hello,"),
    ],
)
def test_greeting_is_in_the_language_of_the_words(
    language: str, name: str, expected: str
) -> None:
    """A greeting follows the message, with or without a name."""
    rendered = Rendered(language=language, text="TK3Z", tokens=TOKENS)
    message = read(fill(rendered, recipient=ZOE._replace(name=name)))

    assert expected == part(message, "plain").strip()


def test_values_are_escaped_in_html_alone() -> None:
    """A value is text wherever it stands, never markup."""
    rendered = Rendered(language="fr", html="<b>TK4Z</b>", text="TK4Z", tokens=TOKENS)
    message = read(fill(rendered))

    assert part(message, "html") == "<b>Aix &amp; &lt;Arles&gt;</b>"
    assert part(message, "plain") == "Aix & <Arles>"


def test_empty_value_takes_its_space_with_it() -> None:
    """Nobody reads "Bonjour , voici"."""
    rendered = Rendered(
        language="fr", subject="Pour TK0Z, ici", html="A TK0Z, b", text="A TK0Z, b",
        tokens=TOKENS,
    )  # fmt: skip
    message = read(fill(rendered, recipient=ZOE._replace(name="")))

    assert message["Subject"] == "Pour, ici"
    assert ("A, b", "A, b") == (part(message, "html"), part(message, "plain"))


@given(FRAGMENTS, VALUES, VALUES, st.sampled_from(["fr", "en"]))
@example(["a" * 73, "TK0Z"], "", "", "fr")
@example(["a" * 75 + "é", "TK0Z", "."], ".", "", "fr")
@example(["." * 200, "TK0Z", "From "], "From " * 30, "", "fr")
@example(["a ", "TK5Z", "TK0Z", " \n"], " ", "", "fr")
def test_filling_equals_replacing_before_encoding(
    fragments: list[str], name: str, ville: str, language: str
) -> None:
    """Cut, encoded and joined, the words are those that a simple replacement gives."""
    template = "".join(fragments)
    html = f"<p>{template}"
    rendered = Rendered(language=language, html=html, text=template, tokens=TOKENS)
    recipient = ZOE._replace(name=name, fields={"ville": ville, "vide": ""})
    values = {"name": name, "address": ZOE.address, "language": "fr", "ville": ville}
    values |= {"vide": "", "greeting": _greeting(name, language)}
    message = fill(rendered, recipient=recipient)

    check_wire(message)
    parts = read(message)
    assert expected(template, values, in_html=False) == part(parts, "plain")
    assert expected(html, values, in_html=True) == part(parts, "html")


def _greeting(name: str, language: str) -> str:
    word = "Bonjour" if language == "fr" else "Hello"
    return f"{word} {name.strip()}," if name.strip() else f"{word},"


@given(VALUES, VALUES, st.text(max_size=60))
def test_no_value_can_add_a_header(name: str, ville: str, subject: str) -> None:
    """Whatever names, columns and titles hold, the headers are those we wrote."""
    plain = fill(Rendered(language="fr", subject="S", text="t"))
    rendered = Rendered(
        language="fr", subject=f"{subject} TK0Z TK4Z", text="t", tokens=TOKENS
    )
    recipient = ZOE._replace(name=name, fields={"ville": ville})
    head = replace(
        HEAD, site_name=name, campaign=ville or "c", sender=f"{name} <a@b.org>"
    )
    message = fill(rendered, head=head, recipient=recipient)

    check_wire(message)
    assert sorted(message_from_bytes(plain)) == sorted(message_from_bytes(message))


@given(st.text(max_size=80), VALUES)
def test_subject_is_read_back(subject: str, name: str) -> None:
    """A subject with a value in it is encoded as a whole."""
    rendered = Rendered(
        language="fr", subject=f"aé {subject}TK0Z", text="t", tokens=TOKENS
    )
    message = read(fill(rendered, recipient=ZOE._replace(name=name)))
    values = {"name": name}
    words = expected(clean(f"aé {subject}TK0Z"), values, in_html=False)

    assert clean(words) == clean(str(message["Subject"]))


@given(
    st.text(
        st.sampled_from("a=.é \t\n") | st.characters(exclude_categories=["Cs"]),
        max_size=300,
    )
)
def test_quoted_printable_survives_both_ends(text: str) -> None:
    """Any text is decoded to itself, its line ends made one kind."""
    encoded = quoted_printable(text)

    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    message = message_from_bytes(
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    )
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert re.sub("\r\n?", "\n", text) == payload.decode().replace("\r\n", "\n")


def test_date_counts_in_utc() -> None:
    """The zone of the machine that sends is nobody's business."""
    rendered = Rendered(language="fr", text="t")
    summer = prepare(rendered, HEAD, secret=SECRET).fill(
        ZOE, message_id="<1@example.org>", now=datetime(2026, 7, 1, tzinfo=UTC)
    )

    assert read(summer)["Date"] == "Wed, 01 Jul 2026 00:00:00 +0000"


ENDS = st.text(st.sampled_from("aZ09-_.=: Fromé\t\n&<'"), max_size=160) | st.text()


@settings(max_examples=400)
@given(ENDS, ENDS, st.booleans())
@example("", "", True)
@example("", "." + "a" * 80, True)
@example("", "From " + "a" * 70, True)
@example("a" * 70 + "Fro", "m you", True)
@example("Fro", "m you", True)
@example("." * 3, "a" * 80, True)
@example("é" * 12 + "F", "rom me", True)
@example("a" * 75, "b", True)
@example("a" * 75, "", True)
@example("a" * 75, ".b", True)
@example("a", "b" * 74, True)
@example("a", "b" * 75, True)
@example("", "b" * 150, True)
@example("", "b" * 151, True)
@example("a" * 74, " .", True)
@example("https://", "elsewhere", False)
@example("https://b.org/?a&", "b", True)
@example("", "d'Arc & <Jeanne>", True)
@example(" ", "", True)
def test_plain_values_take_a_shorter_way_to_the_same_octets(
    start: str, end: str, has_stem: bool
) -> None:
    """Leaving out the encoder where there is nothing to encode changes nothing."""
    text = start + end if has_stem else end

    place = Place(attribute="a", lead="", texts=(0,), htmls=(1,), stem=Stem(start))
    chunks = [b"", b""]
    place.put(text, chunks)

    assert [quoted_printable_open(text), quoted_printable_open(escape(text))] == chunks


@given(FRAGMENTS, VALUES, VALUES, st.booleans(), st.booleans())
@example(["TK4Z"], "", ".a", False, False)
@example(["TK0Z"], "." * 100, "", True, True)
def test_plain_messages_keep_their_promise(
    fragments: list[str], name: str, ville: str, has_html: bool, is_test: bool
) -> None:
    """Whatever recipients are called, nobody has to look at the lines again."""
    template = "".join(fragments)
    rendered = Rendered(
        language="fr", subject=template, html="<p>" + template if has_html else "",
        text=template, tokens=TOKENS,
    )  # fmt: skip
    recipient = ZOE._replace(name=name, fields={"ville": ville, "vide": ""})
    head = replace(HEAD, test=is_test)
    mail = prepare(rendered, head, secret=SECRET)
    message = mail.fill(recipient, message_id="<1@example.org>", now=NOW)

    assert mail.is_plain
    assert message.isascii()
    assert message.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|^\.", message, re.MULTILINE)


@pytest.mark.parametrize(
    "beyond",
    [
        pytest.param({"sender": "L <zoé@example.org>"}, id="sender"),
        pytest.param({"sender": "L <lettre@xn--é.org>"}, id="its domain"),
        pytest.param({"reply_to": "L <zoé@example.org>"}, id="reply address"),
    ],
)
def test_senders_beyond_ascii_promise_nothing(beyond: dict[str, str]) -> None:
    """An address that needs SMTPUTF8 stands in every message's headers."""
    head = replace(HEAD, **beyond)
    mail = prepare(Rendered(language="fr", text="t"), head, secret=SECRET)

    assert not mail.is_plain
