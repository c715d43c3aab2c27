"""
How a conversation with a mail server goes: one table, and the diagram drawn from it.

Everything that affects a state lives here. A state is where the client may speak; a
command is what it says; an answer is the class of the reply. Commands may be written
ahead of their turn (RFC 2920): replies come in the order of the commands, so each is
read in the state that the ones before it have made, as if they had come one by one.

Three rules are not visible in the table. A reply 421 ends the conversation wherever it
comes. So does an answer that has no arrow: the server breaks the protocol. And a
message refused while more of its commands are under way leaves a `VOID` transaction,
in which 354 is answered by a lone dot and nothing but RSET (or a farewell) helps.
Source: RFC 5321 §4.1.4 and §4.3.2, RFC 3030, RFC 3207, RFC 4954.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a conversation stands when the client may speak."""

    CONNECTED = "connected"
    GREETED = "greeted"
    SECURING = "securing"
    """STARTTLS is agreed: what was learnt before is forgotten."""
    READY = "ready"
    ASKED = "asked"
    """The login has further questions."""
    STARTED = "started"
    """There is a sender."""
    ADDRESSED = "addressed"
    """There is a recipient."""
    INVITED = "invited"
    """The content may come."""
    VOID = "void"
    """The message was refused; its transaction stands open."""
    CLOSED = "closed"


class Command(StrEnum):
    """What the client says; the first waits for the greeting."""

    CONNECT = "connect"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    HANDSHAKE = "handshake"
    AUTH = "AUTH"
    ANSWER = "answer"
    """To what the login asks."""
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "dot"
    """The content and the final dot."""
    BDAT = "BDAT"
    """The content as one last chunk."""
    RSET = "RSET"
    QUIT = "QUIT"


class Answer(StrEnum):
    """What a reply comes to, by its first digit."""

    AGREE = "2yz"
    GO_ON = "3yz"
    REFUSE = "4yz, 5yz"


_YES, _MORE, _NO = Answer.AGREE, Answer.GO_ON, Answer.REFUSE

TABLE: Mapping[State, Mapping[Command, Mapping[Answer, State]]] = {
    State.CONNECTED: {
        Command.CONNECT: {_YES: State.GREETED, _NO: State.CLOSED},
    },
    State.GREETED: {
        Command.EHLO: {_YES: State.READY, _NO: State.GREETED},
        Command.HELO: {_YES: State.READY, _NO: State.CLOSED},
    },
    State.SECURING: {
        Command.HANDSHAKE: {_YES: State.GREETED, _NO: State.CLOSED},
    },
    State.READY: {
        Command.STARTTLS: {_YES: State.SECURING, _NO: State.CLOSED},
        Command.AUTH: {_YES: State.READY, _MORE: State.ASKED, _NO: State.CLOSED},
        Command.MAIL: {_YES: State.STARTED, _NO: State.VOID},
        Command.RSET: {_YES: State.READY},
        Command.QUIT: {_YES: State.CLOSED, _NO: State.CLOSED},
    },
    State.ASKED: {
        Command.ANSWER: {_YES: State.READY, _MORE: State.ASKED, _NO: State.CLOSED},
    },
    State.STARTED: {
        Command.RCPT: {_YES: State.ADDRESSED, _NO: State.VOID},
    },
    State.ADDRESSED: {
        Command.DATA: {_MORE: State.INVITED, _NO: State.VOID},
        Command.BDAT: {_YES: State.READY, _NO: State.VOID},
    },
    State.INVITED: {
        Command.DOT: {_YES: State.READY, _NO: State.READY},
    },
    State.VOID: {
        Command.RCPT: {_YES: State.VOID, _NO: State.VOID},
        Command.DATA: {_MORE: State.VOID, _NO: State.VOID},
        Command.DOT: {_YES: State.VOID, _NO: State.VOID},
        Command.BDAT: {_YES: State.VOID, _NO: State.VOID},
        Command.RSET: {_YES: State.READY},
        Command.QUIT: {_YES: State.CLOSED, _NO: State.CLOSED},
    },
    State.CLOSED: {},
}

ANSWERS: Mapping[int, Answer] = {
    code: {2: _YES, 3: _MORE, 4: _NO, 5: _NO}[code // 100] for code in range(200, 600)
}
"""The answer that each reply code gives; 1yz is not used in SMTP."""


def draw_mermaid() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CONNECTED}"]
    for state, commands in TABLE.items():
        targets: dict[State, list[str]] = {}
        for command, answers in commands.items():
            for answer, target in answers.items():
                targets.setdefault(target, []).append(f"{command} {answer}")
        lines.extend(
            f"    {state} --> {target}: {'; '.join(labels)}"
            for target, labels in targets.items()
        )
    lines.append(f"    {State.CLOSED} --> [*]")
    return "\n".join(lines) + "\n"


def draw_page() -> str:
    """Return `docs/smtp-states.md`."""
    return (
        "# The states of a conversation with a mail server\n\n"
        "Drawn from the table in `src/tambour/channels/smtp/states.py` by its"
        " `draw_page`; a test compares the two.\n\n"
        f"```mermaid\n{draw_mermaid()}```\n\n"
        "An arrow is a command and the first digit of the reply to it. Commands may be"
        " written ahead of their turn; their replies are read in order, each in the"
        " state that those before it have made.\n\n"
        "A reply 421 ends the conversation wherever it comes, and so does an answer"
        " without an arrow. In `void` a reply 354 is answered by a lone dot.\n"
    )
