"""Deliveries to mail servers at their worst: nobody is lost, every doubt has a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fault_trials import NOW, Trial, assert_true, open_new_ledger, trial, trial_in
from peers.certificates import (
    Certificate,
    make_certificate,
    make_expired_certificate,
)
from peers.faults import (
    DRIP,
    DROP,
    DROP_TAKEN,
    ENDLESS_LINE,
    ENDLESS_REPLY,
    FOREVER,
    RESET,
    RESET_TAKEN,
    STALL,
    STALL_TAKEN,
    Fault,
    Faults,
    Phase,
    Rule,
    late,
    mixed,
    say,
)
from tambour.ledger import Ledger

ONE = "p2@example.org"
SPEAKS = {
    "lock-step": frozenset({"PIPELINING", "CHUNKING"}),
    "pipelining": frozenset({"CHUNKING"}),
    "chunking": frozenset[str](),
}
BRIEF: dict[str, Any] = {"timeout": timedelta(seconds=0.05)}


def strike(phase: Phase, fault: Fault, speaks: str, *, times: int = 1) -> Faults:
    """A server that goes wrong once: with one recipient, or where none is named."""
    named = phase in (Phase.RCPT, Phase.DATA, Phase.CONTENT, Phase.FINAL)
    rule = Rule(phase=phase, fault=fault, recipient=ONE if named else "", times=times)
    return Faults(rules=(rule,), without=SPEAKS[speaks])


def states(case: Trial) -> Counter[str]:
    """Return how many are in which state."""
    return Counter(row.state for row in case.rows())


# ── Faults that pass ────────────────────────────────────────────────────────────

LOUD = {
    "451": say("451 4.7.1 not now"),
    "421": say("421 4.3.2 going down"),
    "drop": DROP,
    "reset": RESET,
    "drip": DRIP,
    "late": late(0.01),
    "no code": say("what?"),
    "NULs": say("\0\0\0"),
    "endless line": ENDLESS_LINE,
    "endless reply": ENDLESS_REPLY,
}


def taking_turns(faults: Iterable[str]) -> Iterator[tuple[Phase, str, str]]:
    """Yield each fault at each phase, and the ways of speaking by turns."""
    for place, phase in enumerate(dict.fromkeys(phase for phase, _ in WHERE)):
        ways = [speaks for where, speaks in WHERE if where is phase]
        for turn, fault in enumerate(faults):
            yield phase, fault, ways[(place + turn) % len(ways)]


TAKEN = {
    "dropped": DROP_TAKEN,
    "reset": RESET_TAKEN,
    "garbage": say("taken!", takes=True),
    "endless": replace(ENDLESS_REPLY, takes=True),
}
WHERE = [
    *((phase, "chunking") for phase in (Phase.GREETING, Phase.EHLO)),
    *((phase, speaks) for phase in (Phase.MAIL, Phase.RCPT) for speaks in SPEAKS),
    *((Phase.FINAL, speaks) for speaks in SPEAKS),
    *((Phase.DATA, speaks) for speaks in ("lock-step", "pipelining")),
]
"""Each phase, in each way of speaking that has it."""
everywhere = pytest.mark.parametrize(("phase", "speaks"), WHERE)
in_a_transaction = pytest.mark.parametrize(("phase", "speaks"), WHERE[2:])


@pytest.mark.parametrize(("phase", "fault", "speaks"), [*taking_turns(LOUD)])
def test_a_fault_that_passes_costs_nobody_the_message(
    tmp_path: Path, phase: Phase, fault: str, speaks: str
) -> None:
    """Once refused, dropped or confused: in the end everybody has it."""
    with trial(tmp_path, strike(phase, LOUD[fault], speaks)) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)


@pytest.mark.parametrize("speaks", SPEAKS)
@pytest.mark.parametrize("fault", TAKEN)
def test_a_lost_reply_is_a_doubt_with_a_name(
    tmp_path: Path, fault: str, speaks: str
) -> None:
    """Taken on without a reply: it is sent again, and its row says why."""
    with trial(tmp_path, strike(Phase.FINAL, TAKEN[fault], speaks)) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)
    assert 2 == case.sink.recipients()[ONE]
    assert 1 == case.row(ONE).doubts


@pytest.mark.parametrize(
    ("fault", "speaks"), [*zip(TAKEN, [*SPEAKS] * 2, strict=False)]
)
def test_on_hold_nothing_is_doubled(tmp_path: Path, fault: str, speaks: str) -> None:
    """Where doubt waits for a person, one copy has left and no second follows."""
    faults = strike(Phase.FINAL, TAKEN[fault], speaks)
    with trial(tmp_path, faults, on_uncertain="hold") as case:
        case.run()

        assert_true(case)
        assert {"sent": 5, "uncertain": 1} == states(case)
        assert {1} == {*case.sink.recipients().values()}
        case.ledger.retry(case.edition, case.now)
        case.run()

    assert {"sent": 6} == states(case)
    assert 2 == case.sink.recipients()[ONE]


@everywhere
def test_silence_ends(tmp_path: Path, phase: Phase, speaks: str) -> None:
    """A server that says nothing more is given up, and tried again later."""
    with trial(tmp_path, strike(phase, STALL, speaks), **BRIEF) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)


@pytest.mark.parametrize("speaks", SPEAKS)
@pytest.mark.parametrize(
    ("phase", "fault"),
    [(Phase.CONTENT, STALL), (Phase.FINAL, STALL_TAKEN), (Phase.FINAL, late(0.2))],
    ids=["content", "taken", "late"],
)
def test_silence_with_a_message_on_its_way_ends(
    tmp_path: Path, phase: Phase, fault: Fault, speaks: str
) -> None:
    """Silence in the middle of a message, or after it, is given up as well."""
    with trial(tmp_path, strike(phase, fault, speaks), **BRIEF) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)


@pytest.mark.parametrize("speaks", SPEAKS)
def test_greylisting_is_waited_for(tmp_path: Path, speaks: str) -> None:
    """Everybody is refused at first, and has it at the second try."""
    grey = Rule(phase=Phase.RCPT, fault=say("451 4.7.1 greylisted"))
    faults = Faults(rules=(grey,), without=SPEAKS[speaks])
    with trial(tmp_path, faults, count=20) as case:
        case.run()

    assert_true(case)
    assert {"sent": 20} == states(case)
    assert {2} == {row.attempts for row in case.rows()}


# ── Limits, and promises that are not kept ──────────────────────────────────────


@pytest.mark.parametrize("speaks", SPEAKS)
@pytest.mark.parametrize(
    "limits",
    [
        {"most_connections": 1},
        {"most_messages": 3},
        {"most_connections": 2, "most_messages": 1},
    ],
    ids=str,
)
def test_limits_of_a_server_are_lived_with(
    tmp_path: Path, limits: dict[str, int], speaks: str
) -> None:
    """Too many connections or messages is no reason to lose anybody."""
    faults = Faults(without=SPEAKS[speaks], **limits)  # type: ignore[arg-type] - from a table
    with trial(tmp_path, faults, count=20, connections=4) as case:
        case.run()

    assert_true(case)
    assert {"sent": 20} == states(case)
    assert {1} == {*case.sink.recipients().values()}


@pytest.mark.parametrize("speaks", ["pipelining", "chunking"])
@pytest.mark.parametrize("pipelined", ["discarded", "refused"])
def test_pipelining_that_does_not_work_is_left(
    tmp_path: Path, pipelined: str, speaks: str
) -> None:
    """Offered, but thrown away or refused: lock-step gets everybody through."""
    faults = Faults(pipelined=pipelined, without=SPEAKS[speaks])  # type: ignore[arg-type] - from a table
    with trial(tmp_path, faults, count=12, **BRIEF) as case:
        case.run()

    assert_true(case)
    assert {"sent": 12} == states(case)


@pytest.mark.parametrize("speaks", SPEAKS)
def test_what_is_too_big_fails_alone(tmp_path: Path, speaks: str) -> None:
    """A limit that SIZE tells refuses the long messages, for good, and no other."""
    faults = Faults(size=2000, without=SPEAKS[speaks])
    with trial(tmp_path, faults, count=20) as case:
        case.run()

    assert_true(case)
    assert {"sent", "failed"} == {*states(case)}
    assert all(len(taken.content) < 2000 for taken in case.sink.taken)
    assert set() == case.suppressed()


@pytest.mark.parametrize(
    "missing", ["8BITMIME", "SMTPUTF8", "DSN", "SIZE", "ENHANCEDSTATUSCODES"]
)
def test_what_is_not_offered_is_not_used(tmp_path: Path, missing: str) -> None:
    """A server without an extension is spoken to without it."""
    with trial(tmp_path, Faults(without=frozenset({missing}))) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)


# ── Refusals for good ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("speaks", SPEAKS)
def test_who_does_not_exist_is_suppressed(tmp_path: Path, speaks: str) -> None:
    """A 5.1.1 ends one delivery and suppresses one address; the others have it."""
    faults = strike(Phase.RCPT, say("550 5.1.1 no such user"), speaks, times=FOREVER)
    with trial(tmp_path, faults, count=20) as case:
        case.run()

    assert_true(case)
    assert {"sent": 19, "failed": 1} == states(case)
    assert {ONE} == case.suppressed()


@in_a_transaction
def test_who_sends_is_refused(tmp_path: Path, phase: Phase, speaks: str) -> None:
    """A 5.7.1 holds the edition for a person; nobody is suppressed for it."""
    no = Rule(phase=phase, fault=say("550 5.7.1 you are on a list"), after=3, times=9)
    everybody = Rule(phase=phase, fault=no.fault, times=FOREVER)
    rule = no if phase is Phase.MAIL else everybody
    with trial(
        tmp_path, Faults(rules=(rule,), without=SPEAKS[speaks]), count=40
    ) as case:
        case.run_once()

        assert case.is_held()
        assert set() == case.suppressed()
        assert [] == case.sink.violations


@in_a_transaction
def test_a_refusal_for_now_ends_at_the_deadline(
    tmp_path: Path, phase: Phase, speaks: str
) -> None:
    """A 451 is tried again and again until no try fits before the deadline."""
    faults = strike(phase, say("451 4.3.0 never"), speaks, times=FOREVER)
    with trial(tmp_path, faults, within=timedelta(hours=3)) as case:
        case.run()

    assert_true(case)
    expired = {"expired": 6} if phase is Phase.MAIL else {"sent": 5, "expired": 1}
    assert expired == states(case)
    assert 4 <= case.row(ONE).attempts <= 12
    assert "451" == case.row(ONE).code


def test_nothing_leaves_after_the_deadline(tmp_path: Path) -> None:
    """At a minute for each message, those of ten minutes have it, the others expire."""
    faults, within = Faults(without=SPEAKS["lock-step"]), timedelta(minutes=10)
    with trial(tmp_path, faults, count=30, within=within, connections=1) as case:
        case.takes = timedelta(minutes=1)
        case.run()

    assert_true(case)
    assert {"sent": 10, "expired": 20} == states(case)


def test_nothing_goes_again_after_the_deadline(tmp_path: Path) -> None:
    """What a broken connection gives back is not too late by accident."""
    hour = timedelta(hours=1)
    broken = Rule(phase=Phase.MAIL, fault=DROP, after=2)
    faults = Faults(without=SPEAKS["pipelining"], rules=(broken,))
    with trial(tmp_path, faults, count=4, within=1.5 * hour, connections=1) as case:
        case.takes = hour
        case.run()

    assert [NOW, NOW + hour] == case.taken_at
    assert {"sent": 2, "expired": 2} == states(case)


@pytest.mark.parametrize("speaks", SPEAKS)
@pytest.mark.parametrize("fault", [DROP, DROP_TAKEN], ids=["lost", "taken"])
def test_a_server_that_never_answers_is_not_tried_on_everybody(
    tmp_path: Path, fault: Fault, speaks: str
) -> None:
    """Whoever it breaks off on is in doubt: a few of them, and the rest is put off."""
    rule = Rule(phase=Phase.FINAL, fault=fault, times=FOREVER)
    faults = Faults(rules=(rule,), without=SPEAKS[speaks])
    with trial(tmp_path, faults, count=400) as case:
        case.run_once()
    doubts = [row for row in case.rows() if row.doubts]

    assert 0 < len(doubts) <= 64
    assert {"uncertain", "deferred"} == set(states(case))


# ── Encryption and login ────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost and 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


LOGIN = ("lettre", "gloria-é")


def encrypted(certificate: Certificate, **changes: Any) -> dict[str, Any]:
    """Settings that ask for STARTTLS and a login."""
    return {
        "security": "starttls",
        "ca_file": str(certificate.file),
        "username": LOGIN[0],
        "password": LOGIN[1],
    } | changes


@pytest.mark.parametrize("auth", ["auto", "plain", "login", "xoauth2"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_and_logged_in(
    tmp_path: Path, certificate: Certificate, security: str, auth: str
) -> None:
    """TLS and each way to log in carry everything."""
    server = {
        "tls": certificate.server_context(),
        "is_tls_implicit": security == "tls",
        "login": LOGIN,
    }
    wanted = encrypted(certificate, security=security, auth=auth)
    with trial(tmp_path, Faults(), server=server, **wanted) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)
    assert {LOGIN} == {login[1:] for login in case.sink.logins}


@pytest.mark.parametrize(
    "fault",
    [
        Rule(phase=Phase.STARTTLS, fault=say("454 4.7.0 not now")),
        Rule(phase=Phase.STARTTLS, fault=say("502 5.5.1 what?")),
        Rule(phase=Phase.STARTTLS, fault=DROP),
        Rule(phase=Phase.STARTTLS, fault=say("220 go\r\n250 evil", takes=True)),
        Rule(
            phase=Phase.STARTTLS,
            fault=say("220 go\r\n250-a\r\n250 AUTH PLAIN", takes=True),
        ),
        Rule(phase=Phase.HANDSHAKE, fault=DROP),
        Rule(phase=Phase.HANDSHAKE, fault=RESET),
        Rule(phase=Phase.HANDSHAKE, fault=say("220 in the clear")),
        Rule(phase=Phase.AUTH, fault=say("454 4.7.0 later")),
        Rule(phase=Phase.AUTH, fault=say("535 5.7.8 no")),
        Rule(phase=Phase.AUTH, fault=DROP),
        Rule(phase=Phase.AUTH, fault=ENDLESS_REPLY),
    ],
    ids=lambda rule: f"{rule.phase} {rule.fault.act} {rule.fault.text[:12]!r}",
)
def test_encryption_that_fails_once_is_tried_again(
    tmp_path: Path, certificate: Certificate, fault: Rule
) -> None:
    """No mail and no password in the clear; later all of it, encrypted."""
    server = {"tls": certificate.server_context(), "login": LOGIN}
    faults = Faults(rules=(replace(fault, times=4),))
    with trial(tmp_path, faults, server=server, **encrypted(certificate)) as case:
        case.run()

    assert_true(case)
    assert {"sent": 6} == states(case)
    assert all(user == LOGIN[0] for _, user, _ in case.sink.logins)


@pytest.mark.parametrize("wrong", ["host", "date", "authority"])
def test_a_certificate_that_is_wrong_gets_nothing(
    tmp_path: Path, certificate: Certificate, wrong: str
) -> None:
    """Neither mail nor password goes to a server that cannot show who it is."""
    if wrong == "host":
        shown = trusted = make_certificate(tmp_path, names="DNS:elsewhere.example")
    elif wrong == "date":
        shown = trusted = make_expired_certificate(tmp_path)
    else:
        shown, trusted = make_certificate(tmp_path), certificate
    server = {"tls": shown.server_context(), "login": LOGIN}
    hour = timedelta(hours=1)
    with trial(
        tmp_path, Faults(), server=server, within=hour, **encrypted(trusted)
    ) as case:
        case.run()

    assert [] == case.sink.taken
    assert [] == case.sink.logins
    assert {"expired": 6} == states(case)
    assert {"certificate"} == {row.code for row in case.rows()}


# ── All at once ─────────────────────────────────────────────────────────────────

MIXES = 200


@pytest.mark.parametrize("lot", range(10))
def test_mixed_faults(tmp_path: Path, lot: int) -> None:
    """Twenty servers, each difficult in its own way: everybody has it in the end."""
    with closing(open_new_ledger(tmp_path)) as ledger:
        for seed in range(lot * MIXES // 10, (lot + 1) * MIXES // 10):
            try_mix(ledger, tmp_path, seed)


def try_mix(ledger: Ledger, root: Path, seed: int) -> None:
    """Send one edition to one difficult server; its seed tells which."""
    dice = Random(f"mix/{seed}")
    count, first = dice.choice([20, 20, 25, 30, 60]), 100 * seed
    lost = {f"p{first + dice.randrange(count)}@example.org" for _ in range(seed % 4)}
    gone = say("550 5.1.1 no such user")
    rules = tuple(
        Rule(phase=Phase.RCPT, fault=gone, recipient=who, times=FOREVER)
        for who in sorted(lost)
    )
    faults = mixed(seed, stall_for=0.02)
    faults = replace(faults, rules=rules + faults.rules)
    policy = dice.choice(["resend", "resend", "hold"])
    print(f"seed {seed}: {count} people, {policy}, {faults}")  # noqa: T201 - to run it again
    with trial_in(
        ledger, root, faults, count=count, first=first, on_uncertain=policy, **BRIEF
    ) as case:
        case.run()
        assert_true(case)
        rows = {row.recipient: row for row in case.rows()}
        good = [row for who, row in rows.items() if who not in lost]
        ends = {"sent", "uncertain"} if policy == "hold" else {"sent"}
        assert {row.state for row in good} <= ends, good
        assert case.suppressed() & rows.keys() <= lost
        if policy == "hold":
            assert {*case.sink.recipients().values()} <= {1}
