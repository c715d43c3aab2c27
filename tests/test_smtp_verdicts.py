"""What replies mean, and whose matter they are."""

from __future__ import annotations

import pytest

from tambour.channels.smtp.replies import ReplyReader
from tambour.channels.smtp.states import Command
from tambour.channels.smtp.verdicts import Loss, Verdicts, is_crowded, is_out_of_step
from tambour.model import Cause, Outcome, OutcomeKind

VERDICTS = Verdicts(where="mx.example:25", hide=("hunter2",))
MESSAGE, ADDRESS, SENDER = Cause.MESSAGE, Cause.ADDRESS, Cause.SENDER
RCPT, MAIL, DOT = Command.RCPT, Command.MAIL, Command.DOT


def judged(line: str, to: Command = RCPT) -> Outcome:
    """Return the verdict on a reply."""
    (reply,) = ReplyReader().feed(f"{line}\r\n".encode())
    if to is DOT:
        return VERDICTS.of_final_reply(reply)
    return VERDICTS.of_refusal(reply, to=to)


@pytest.mark.parametrize(
    ("line", "to", "status", "cause"),
    [
        ("550 5.1.1 no such user", RCPT, "5.1.1", ADDRESS),
        ("550 5.1.2 no such domain", RCPT, "5.1.2", ADDRESS),
        ("553 5.1.3 syntax", RCPT, "5.1.3", ADDRESS),
        ("551 5.1.6 moved", RCPT, "5.1.6", ADDRESS),
        ("556 5.1.10 null MX", RCPT, "5.1.10", ADDRESS),
        ("550 5.2.1 disabled", RCPT, "5.2.1", ADDRESS),
        ("550 5.1.1 found out late", DOT, "5.1.1", ADDRESS),
        ("550 5.1.1 invalid recipient. OFR_416 [416]", RCPT, "5.1.1", ADDRESS),
        ("550 no such user", RCPT, "", MESSAGE),
        ("550 5.0.0 no", RCPT, "5.0.0", MESSAGE),
        ("550 4.1.1 mixed up", RCPT, "", MESSAGE),
        ("450 4.1.1 not known yet", RCPT, "4.1.1", MESSAGE),
        ("451 4.7.1 greylisted", RCPT, "4.7.1", MESSAGE),
        ("552 5.2.2 mailbox full", RCPT, "5.2.2", MESSAGE),
        ("550 5.4.4 domain down", RCPT, "5.4.4", MESSAGE),
        ("550 5.7.1 relaying denied", RCPT, "5.7.1", SENDER),
        ("550 5.7.26 not authenticated", DOT, "5.7.26", SENDER),
        ("550 5.7.515 access denied", DOT, "5.7.515", SENDER),
        ("550 5.1.8 bad sender", RCPT, "5.1.8", SENDER),
        ("550 5.2.0 refused OFR_506 [506]", DOT, "5.2.0", SENDER),
        ("550 service refused OFR004_104", RCPT, "", SENDER),
        ("421 service refused OFR004_104 slow down", RCPT, "", MESSAGE),
        ("550 no", MAIL, "", SENDER),
        ("550 5.1.1 you are not known", MAIL, "5.1.1", SENDER),
        ("530 5.7.0 log in", MAIL, "5.7.0", SENDER),
        ("535 login has ended", RCPT, "", SENDER),
        ("451 4.3.0 later", MAIL, "4.3.0", MESSAGE),
        ("552 5.3.4 too big", MAIL, "5.3.4", MESSAGE),
        ("552 too big", MAIL, "", MESSAGE),
        ("550 5.6.0 content", DOT, "5.6.0", MESSAGE),
        ("250 2.0.0 kept", DOT, "2.0.0", MESSAGE),
    ],
)
def test_whose_matter_a_refusal_is(
    line: str, to: Command, status: str, cause: Cause
) -> None:
    """Only what says that the address is no more ends it; 5.7.x blames the sender."""
    outcome = judged(line, to)

    assert (status, cause) == (outcome.status, outcome.cause)
    assert outcome.code == line[:3]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("503 5.5.1 bad sequence", True),
        ("554 SMTP synchronization error", True),
        ("554 5.5.0 synchronisation error", True),
        ("550 pipelining not allowed", True),
        ("554 5.5.1 no valid recipients", False),
        ("550 5.1.1 no", False),
        ("451 pipelining off for now", False),
    ],
)
def test_a_server_says_that_it_cannot_follow(line: str, expected: bool) -> None:
    """503, or words; a temporary answer is taken as it is."""
    (reply,) = ReplyReader().feed(f"{line}\r\n".encode())

    assert expected == is_out_of_step(reply)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("421 4.7.0 too many", True),
        ("421 4.3.2 busy", True),
        ("421 too many connections from you", True),
        ("421 Too many concurrent SMTP connections", False),
        ("421 too many concurrent connections", True),
        ("421 4.4.2 idle for too long", False),
        ("421 bye", False),
    ],
)
def test_a_farewell_for_want_of_room_is_told(line: str, expected: bool) -> None:
    """Only then are there fewer connections afterwards."""
    (reply,) = ReplyReader().feed(f"{line}\r\n".encode())

    assert expected == is_crowded(reply)


def test_replies_show_no_secret() -> None:
    """What a server repeats is not repeated here."""
    assert "hunter2" not in judged("550 5.7.1 hunter2 is no good").reply
    assert "hunter2" not in repr(VERDICTS)


@pytest.mark.parametrize("loss", Loss, ids=str)
def test_losses_name_the_server(loss: Loss) -> None:
    """Before the end of the content a loss is for now, after it in doubt."""
    before = VERDICTS.of_loss(loss, during="RCPT")
    after = VERDICTS.of_final_loss(loss)

    assert (OutcomeKind.DEFERRED, loss) == (before.kind, before.code)
    assert (OutcomeKind.UNCERTAIN, loss) == (after.kind, after.code)
    assert "mx.example:25" in before.reply
    assert "RCPT" in before.reply
