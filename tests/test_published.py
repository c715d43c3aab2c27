"""What DNS says of a sender, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tambour.composing.published import (
    UNASKED,
    Ask,
    Finding,
    Grade,
    Policy,
    find_dmarc,
    find_key,
    find_policy,
    find_spf,
)
from tambour.composing.signers import Signer

RSA = Signer(
    domain="example.org",
    selector="s1",
    key=generate_private_key(public_exponent=65537, key_size=2048),
)
ED = replace(RSA, key=Ed25519PrivateKey.generate())
NAME = "s1._domainkey.example.org"


def knowing(records: Mapping[str, Sequence[str]]) -> Ask:
    """Return what answers from *records*."""
    return lambda name: records.get(name, ())


def silent(_name: str) -> None:
    """Answer nothing."""


@pytest.mark.parametrize("signer", [RSA, ED], ids=["RSA", "Ed25519"])
@pytest.mark.parametrize(
    ("texts", "grade", "said"),
    [
        pytest.param(["{record}"], Grade.GOOD, "is published and matches", id="same"),
        pytest.param(["{record};"], Grade.GOOD, "matches", id="a semicolon more"),
        pytest.param(["{record}; t=s; n=key 1"], Grade.GOOD, "matches", id="more tags"),
        pytest.param(["{loose}"], Grade.GOOD, "matches", id="blanks in it"),
        pytest.param(["{record}; t=y:s"], Grade.WORRYING, "only a test", id="testing"),
        pytest.param([], Grade.WRONG, "has no record", id="missing"),
        pytest.param(["{record}"] * 2, Grade.WRONG, "has 2 records", id="twice"),
        pytest.param(["{other}"], Grade.WRONG, "another key", id="another key"),
        pytest.param(["v=DKIM1; k=rsa; p="], Grade.WRONG, "revoked", id="revoked"),
        pytest.param(["v=DKIM1; k=dsa; p=AAAA"], Grade.WRONG, "another key", id="kind"),
        pytest.param(["v=DKIM1; k=rsa; p=é"], Grade.WRONG, "another key", id="no key"),
        pytest.param(["hello"], Grade.WRONG, "another key", id="something else"),
        pytest.param([""], Grade.WRONG, "another key", id="nothing in it"),
    ],
)
def test_a_published_key_is_compared(
    signer: Signer, texts: list[str], grade: Grade, said: str
) -> None:
    """The name is in each sentence, with what is wrong there."""
    other = replace(signer, key=ED.key if signer is RSA else RSA.key)
    record = signer.record
    loose = record.replace("; ", " ;\t").replace("p=", "p = ")
    filled = [
        text.format(
            record=record, other=other.record, loose=loose[:60] + " " + loose[60:]
        )
        for text in texts
    ]
    finding = find_key(signer, knowing({NAME: filled}))

    assert grade == finding.grade
    assert finding.said.startswith(f"{NAME} ")
    assert said in finding.said


def test_an_rsa_key_needs_no_kind() -> None:
    """`k=` is RSA where it is left out."""
    text = RSA.record.replace("k=rsa; ", "")

    assert Grade.GOOD is find_key(RSA, knowing({NAME: [text]})).grade


@pytest.mark.parametrize(
    ("texts", "grade"),
    [
        ([], Grade.WORRYING),
        (["hello", "v=spf10 all"], Grade.WORRYING),
        (["hello", "v=spf1 mx -all"], Grade.GOOD),
        (["v=spf1"], Grade.GOOD),
        (["v=spf1 -all", "V=SPF1 mx"], Grade.WRONG),
    ],
    ids=["none", "others", "one", "an empty one", "two"],
)
def test_a_sender_has_one_spf_record(texts: list[str], grade: Grade) -> None:
    """None is a worry, two are as bad as none and look well."""
    assert grade == find_spf("example.org", knowing({"example.org": texts})).grade


@pytest.mark.parametrize(
    ("domain", "records", "name", "organisation"),
    [
        pytest.param(
            "a.example.org", {"a.example.org": "p=none"},
            "a.example.org", "a.example.org", id="its own",
        ),
        pytest.param(
            "a.example.org", {"example.org": "p=reject"},
            "example.org", "example.org", id="the one above",
        ),
        pytest.param(
            "a.example.org", {"a.example.org": "p=none", "example.org": "p=reject"},
            "a.example.org", "example.org", id="both",
        ),
        pytest.param(
            "a.example.org", {"a.example.org": "p=none; psd=n", "example.org": "p=none"},
            "a.example.org", "a.example.org", id="an organisation of its own",
        ),
        pytest.param(
            "a.b.gouv.example", {"gouv.example": "p=none; psd=y"},
            "gouv.example", "b.gouv.example", id="below a suffix",
        ),
        pytest.param(
            "a.b.c.d.e.f.g.h.i.example.org", {"g.h.i.example.org": "p=none"},
            "g.h.i.example.org", "g.h.i.example.org", id="a long name",
        ),
    ],
)  # fmt: skip
def test_the_policy_is_found_by_walking_up(
    domain: str, records: dict[str, str], name: str, organisation: str
) -> None:
    """The domain's own record holds, else its organisation's."""
    ask = knowing({f"_dmarc.{at}": [f"v=DMARC1; {text}"] for at, text in records.items()})  # fmt: skip
    policy = find_policy(domain, ask)

    assert isinstance(policy, Policy)
    assert (f"_dmarc.{name}", organisation) == (policy.name, policy.organisation)


def test_a_long_name_is_not_walked_label_by_label() -> None:
    """At most eight questions are asked, however long a name is."""
    asked: list[str] = []

    def ask(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    find_policy(".".join("abcdefghijklmnop"), ask)

    assert 8 == len(asked)
    assert asked[1] == "_dmarc.j.k.l.m.n.o.p"


@pytest.mark.parametrize(
    ("record", "signing", "aligned"),
    [
        ("p=none", "example.org", True),
        ("p=none", "news.example.org", True),
        ("p=none", "lettre.example.org", True),
        ("p=none", "notexample.org", False),
        ("p=none", "relay.example.com", False),
        ("p=none; adkim=r", "example.org", True),
        ("p=none; adkim=s", "example.org", False),
        ("p=none; adkim=s", "lettre.example.org", True),
    ],
)
def test_signatures_count_where_they_are_aligned(
    record: str, signing: str, aligned: bool
) -> None:
    """Those of the same organisation, or only the very same domain where it says so."""
    ask = knowing({"_dmarc.example.org": [f"v=DMARC1; {record}"]})
    findings = list(find_dmarc("lettre.example.org", [signing], ask))

    assert [Grade.GOOD, *[Grade.WORRYING] * (not aligned)] == [f.grade for f in findings]  # fmt: skip


@pytest.mark.parametrize(
    "texts",
    [[], ["hello"], ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["v=DMARC2; p=none"]],
    ids=["none", "something else", "two", "another version"],
)
def test_a_missing_policy_is_a_worry(texts: list[str]) -> None:
    """Large receivers ask for one."""
    (finding,) = find_dmarc("example.org", [], knowing({"_dmarc.example.org": texts}))

    assert Grade.WORRYING is finding.grade
    assert "_dmarc.example.org" in finding.said


def test_silence_is_no_fault() -> None:
    """Where DNS cannot be asked, nothing is said to be missing."""
    found: list[Finding] = [find_key(RSA, silent), find_spf("example.org", silent)]
    found += find_dmarc("example.org", [], silent)

    assert [UNASKED] * 3 == found
    assert Grade.WORRYING is UNASKED.grade
