"""Signatures, as other programs verify them."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tambour.composing.dkim import (
    GUARDED,
    relaxed_field,
    relaxed_lines,
    without_empty_end,
)
from tambour.composing.mail import MailHead, prepare
from tambour.composing.signers import Signer, txt_strings
from tambour.model import EditionId, EditionKind, Recipient, Rendered

SECRET = b"drum" * 8
NOW = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
HEAD = MailHead(
    sender="Numérique public <lettre@example.org>",
    reply_to="contact@example.org",
    site_name="Numérique public",
    unsubscribe_base="https://lettre.example.org",
    campaign="hebdo",
    audience="agents",
    kind=EditionKind.DIGEST,
    edition=EditionId("hebdo/2026-11-23/1"),
    channel="lettre",
)
ZOE = Recipient(
    address="zoe@example.org", name="Zoé", language="fr", fields={"ville": "Aix  et\tc"}
)
TOKENS = {
    "TK0Z": "name",
    "TK1Z": "greeting",
    "TK2Z": "unsubscribe_url",
    "TK3Z": "ville",
}
LETTER = Rendered(
    language="fr",
    subject="Été : TK0Z",
    html="<p>TK1Z\n  <b>TK3Z</b>\t <a href='TK2Z'>partir</a></p>",
    text="TK1Z voici  TK3Z\n\n\tTK2Z\n",
    tokens=TOKENS,
)
FRAGMENTS = st.lists(
    st.text(st.sampled_from("aé. \t\n="), max_size=20)
    | st.sampled_from([*TOKENS, " ", "\n", "\n\n", "  \n"]),
    max_size=9,
)
VALUES = st.text(st.sampled_from("aé. \t\n\r=<"), max_size=90)


@cache
def signer(kind: str = "rsa", bits: int = 2048) -> Signer:
    """Return a key made for these tests."""
    key = (
        Ed25519PrivateKey.generate()
        if kind == "ed"
        else generate_private_key(public_exponent=65537, key_size=bits)
    )
    return Signer(domain="example.org", selector=f"{kind}{bits}", key=key)


BOTH = (signer("rsa"), signer("ed"))


def signed(
    rendered: Rendered = LETTER,
    *,
    signers: tuple[Signer, ...] = BOTH,
    head: MailHead = HEAD,
    recipient: Recipient = ZOE,
    now: datetime = NOW,
) -> bytes:
    """Return a message as it leaves."""
    mail = prepare(rendered, head, secret=SECRET, signers=signers)
    return mail.fill(recipient, message_id="<1@example.org>", now=now)


def verdicts(message: bytes, signers: tuple[Signer, ...] = BOTH) -> list[bool]:
    """Return what dkimpy says of each signature, from the top."""
    answers = {f"{one.record_name}.".encode(): one.record.encode() for one in signers}
    count = message.lower().count(b"dkim-signature:")
    return [_is_verified(message, number, answers) for number in range(count)]


def _is_verified(message: bytes, number: int, answers: dict[bytes, bytes]) -> bool:
    try:
        return dkim.DKIM(message).verify(
            idx=number, dnsfunc=lambda name, **_kept: answers.get(name)
        )
    except dkim.ValidationError:  # another body
        return False


def tags(message: bytes) -> list[dict[str, str]]:
    """Return the tags of each signature, without any blanks."""
    head = message.partition(b"\r\n\r\n")[0].decode()
    fields = re.findall(r"^DKIM-Signature:((?:[^\r\n]|\r\n[ \t])*)", head, re.MULTILINE)
    return [
        dict(tag.split("=", 1) for tag in re.sub(r"\s", "", one).split(";"))
        for one in fields
    ]


# ── Others agree ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "signers",
    [
        pytest.param((signer("rsa"),), id="RSA"),
        pytest.param((signer("ed"),), id="Ed25519"),
        pytest.param(BOTH, id="both"),
        pytest.param((signer("rsa", 1024),), id="short RSA"),
        pytest.param((signer("rsa", 4096),), id="long RSA"),
    ],
)
def test_signatures_verify(signers: tuple[Signer, ...]) -> None:
    """Receivers accept each signature of a message."""
    message = signed(signers=signers)

    assert [True] * len(signers) == verdicts(message, signers)
    assert [one.algorithm for one in signers] == [one["a"] for one in tags(message)]


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        pytest.param(b"lettre@example.org>\r\nTo", b"lettre@example.com>\r\nTo", id="From"),
        pytest.param(b"<zoe@", b"<ann@", id="To"),
        pytest.param(b"Message-ID: <1@", b"Message-ID: <2@", id="Message-ID"),
        pytest.param(b"contact@", b"kontact@", id="Reply-To"),
        pytest.param(b"=One-Click", b"=Two-Click", id="one click"),
        pytest.param(b"<https://lettre.example.org", b"<https://lettre.example.com", id="List-Unsubscribe"),
        pytest.param(b"Feedback-ID: hebdo", b"Feedback-ID: mensuel", id="Feedback-ID"),
        pytest.param(b"List-Id: Num", b"List-Id: Nun", id="List-Id"),
        pytest.param(b"MIME-Version: 1.0", b"MIME-Version: 1.1", id="MIME-Version"),
        pytest.param(b"multipart/alternative", b"multipart/mixed", id="Content-Type"),
        pytest.param(b"07:00", b"09:00", id="nothing"),
        pytest.param(b"08:00:05", b"08:00:06", id="Date"),
        pytest.param(b"voici", b"voila", id="body"),
        pytest.param(b"partir", b"rester", id="end of the body"),
    ],
)  # fmt: skip
def test_what_is_changed_on_the_way_is_noticed(what: bytes, instead: bytes) -> None:
    """No covered header and no word can be changed."""
    message = signed()
    changed = message.replace(what, instead)

    assert [changed == message] * 2 == verdicts(changed)


@pytest.mark.parametrize("name", GUARDED)
def test_no_guarded_header_can_be_added(name: str) -> None:
    """One put above ours, where readers would see it, breaks the signatures."""
    assert [False, False] == verdicts(f"{name}: x\r\n".encode() + signed())


def test_relays_may_add_what_is_theirs() -> None:
    """A trace header on the way leaves the signatures whole."""
    assert [True, True] == verdicts(b"Received: from a by b\r\n" + signed())


@settings(max_examples=50)
@given(FRAGMENTS, FRAGMENTS, VALUES, VALUES, st.booleans())
@example(["a", "TK3Z"], [], "", "", False)
@example(["\n\n"], [], "", "", False)
@example(["TK0Z"], ["TK0Z"], "", "\n\n", False)
@example(["TK3Z", "\n \n"], [], "", "  \n\t", False)
@example([], [], "", "", False)
def test_any_message_verifies(
    text: list[str], subject: list[str], name: str, ville: str, has_html: bool
) -> None:
    """Hashed in pieces, a message has the hashes of the whole."""
    rendered = Rendered(
        language="fr", subject="".join(subject), text="".join(text),
        html="<p>  " + "".join(text) if has_html else "", tokens=TOKENS,
    )  # fmt: skip
    recipient = ZOE._replace(name=name, fields={"ville": ville})
    message = signed(rendered, recipient=recipient, signers=(signer("ed"),))
    _, _, body = message.partition(b"\r\n\r\n")
    relaxed = without_empty_end(relaxed_lines(body))
    digest = base64.b64encode(hashlib.sha256(relaxed).digest()).decode()

    assert digest == tags(message)[0]["bh"]
    assert verdicts(message) == [True]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"A: X\r\n", b"a:X\r\n"),
        (b"B : Y\t\r\n\tZ  \r\n", b"b:Y Z\r\n"),
    ],
    ids=["plain", "folded"],
)
def test_headers_are_relaxed_as_the_standard_shows(
    field: bytes, expected: bytes
) -> None:
    """The example of RFC 6376 §3.4.5."""
    assert expected == relaxed_field(field)


def test_bodies_are_relaxed_as_the_standard_shows() -> None:
    """The example of RFC 6376 §3.4.5."""
    body = b" C \r\nD \t E\r\n\r\n\r\n"

    assert without_empty_end(relaxed_lines(body)) == b" C\r\nD E\r\n"
    assert without_empty_end(b"\r\n\r\n") == b""


def test_perl_agrees(tmp_path: Path) -> None:
    """A second program, written by others, verifies the RSA signature."""
    perl = shutil.which("perl")
    if perl is None or subprocess.run([perl, "-MMail::DKIM", "-e", "1"], capture_output=True, check=False).returncode:  # fmt: skip
        pytest.skip("Perl's Mail::DKIM is not installed")
    message = signed(signers=(signer("rsa"),))
    (tmp_path / "message").write_bytes(message)
    script = r"""
        use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey;
        my $key = Mail::DKIM::PublicKey->parse($ARGV[1]);
        { no warnings "redefine"; *Mail::DKIM::PublicKey::fetch = sub { $key };
          *Mail::DKIM::PublicKey::fetch_async = sub { my ($class, %given) = @_;
            $given{Callbacks}{Success}->($key) if $given{Callbacks}; sub { $key } }; }
        my $verifier = Mail::DKIM::Verifier->new;
        open my $file, "<:raw", $ARGV[0]; local $/; $verifier->PRINT(<$file>);
        $verifier->CLOSE; print $verifier->result;
    """
    record = signer("rsa").record
    done = subprocess.run([perl, "-e", script, str(tmp_path / "message"), record], capture_output=True, check=False)  # fmt: skip

    assert (b"pass", b"") == (done.stdout, done.stderr)


# ── The field itself ────────────────────────────────────────────────────────────


def test_tags_are_those_that_were_chosen() -> None:
    """Relaxed twice, no length, the time of sending, and no tag that nobody needs."""
    message = signed()

    for one, key in zip(tags(message), BOTH, strict=True):
        assert {"v", "a", "c", "d", "s", "t", "h", "bh", "b"} == set(one)
        assert ("1", "relaxed/relaxed", "example.org", key.selector) == (
            one["v"], one["c"], one["d"], one["s"],
        )  # fmt: skip
        assert str(int(NOW.timestamp())) == one["t"]


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "personal subject"])
def test_what_receivers_ask_for_is_covered(is_shared: bool) -> None:
    """Both List-Unsubscribe headers are in `h=`, the guarded once too often."""
    rendered = replace(LETTER, subject="Été") if is_shared else LETTER
    covered = tags(signed(rendered))[0]["h"].lower().split(":")
    present = set(GUARDED) - {"Cc"}

    assert {"list-unsubscribe", "list-unsubscribe-post", "list-id"} <= set(covered)
    assert all(covered.count(name.lower()) == 2 for name in present)
    assert covered.count("cc") == 1


def test_a_plain_message_covers_its_encoding() -> None:
    """Where the body is one part, how it is encoded is told at the top."""
    covered = tags(signed(replace(LETTER, html="")))[0]["h"].lower().split(":")

    assert "content-transfer-encoding" in covered


@pytest.mark.parametrize("selector", ["s", "selector" * 7], ids=["short", "long"])
def test_lines_are_short_and_folded_legally(selector: str) -> None:
    """No line is beyond 78, or empty but for blanks."""
    signers = tuple(
        replace(one, selector=f"{selector}{number}") for number, one in enumerate(BOTH)
    )
    head, _, _ = signed(signers=signers).partition(b"\r\nFrom: ")

    for line in head.split(b"\r\n"):
        assert len(line) <= 78
        assert line.strip()
        assert line.startswith((b"DKIM-Signature: ", b" "))
    assert [True, True] == verdicts(signed(signers=signers), signers)


def test_unsigned_messages_are_the_same_octets() -> None:
    """Signing adds its fields at the top and touches nothing."""
    bare, message = signed(signers=()), signed()

    assert message.endswith(bare)
    assert b"DKIM" not in bare
    assert message.removesuffix(bare).startswith(b"DKIM-Signature: v=1;")


def test_signed_messages_are_still_plain() -> None:
    """What was promised of the lines holds with signatures too."""
    mail = prepare(LETTER, HEAD, secret=SECRET, signers=BOTH)
    message = mail.fill(ZOE, message_id="<1@example.org>", now=NOW)

    assert mail.is_plain
    assert message.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|^\.", message, re.MULTILINE)


def test_addresses_beyond_ascii_are_signed_as_they_are() -> None:
    """SMTPUTF8 messages verify too."""
    assert [True, True] == verdicts(
        signed(recipient=ZOE._replace(address="zoé@example.org"))
    )


def test_keys_are_never_shown() -> None:
    """Neither a signer nor what is prepared with it says anything of its key."""
    mail = prepare(LETTER, HEAD, secret=SECRET, signers=BOTH)

    assert "key" not in repr(BOTH).lower()
    assert "Signing" not in repr(mail)
    assert "TK" not in repr(mail)


@pytest.mark.parametrize(
    ("text", "sizes"), [("a" * 255, [255]), ("a" * 600, [255, 255, 90]), ("", [])]
)
def test_records_are_cut_as_dns_wants(text: str, sizes: list[int]) -> None:
    """No string of a TXT record is longer than 255 octets."""
    cut = txt_strings(text)

    assert text == "".join(cut)
    assert sizes == [len(one) for one in cut]
