"""
What a mail server does wrong, to whom and when: values, some drawn from a seed.

Whether a fault strikes depends on the seed, the phase, the recipient and how often both
have met, not on which connection was quicker, so that a printed value can be tried again.
Knows no sockets; `faulty_smtp` does what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from random import Random
from typing import Literal

EXTENSIONS = (
    *("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE"),
    *("ENHANCEDSTATUSCODES", "STARTTLS", "AUTH"),
)
FOREVER = 10**9


class Phase(StrEnum):
    """Where in a conversation something can go wrong."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    HANDSHAKE = "handshake"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    """In the middle of the message's octets."""
    BDAT = "BDAT"
    """The reply to a chunk that is not the last."""
    FINAL = "final"
    """The reply that tells who has the message now."""
    RSET = "RSET"


class Act(StrEnum):
    """What the server does where its own reply was due."""

    OWN = "gives its own reply"
    LATE = "gives its own reply, later"
    DRIP = "gives its own reply, octet by octet"
    INSTEAD = "says something else"
    FLOOD = "says something else without end"
    STALL = "says nothing any more"
    CLOSE = "closes the connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    What happens instead of a reply.

    `takes`: the command has its effect all the same, as when a server takes a message
    on and is gone before it can say so. `with_reset`: closes by RST, not by FIN.
    """

    act: Act
    text: str = ""
    seconds: float = 0.0
    takes: bool = False
    with_reset: bool = False


SOUND = Fault(act=Act.OWN, takes=True)
DRIP = Fault(act=Act.DRIP, takes=True)
STALL = Fault(act=Act.STALL)
STALL_TAKEN = Fault(act=Act.STALL, takes=True)
DROP = Fault(act=Act.CLOSE)
DROP_TAKEN = Fault(act=Act.CLOSE, takes=True)
RESET = Fault(act=Act.CLOSE, with_reset=True)
RESET_TAKEN = Fault(act=Act.CLOSE, with_reset=True, takes=True)
ENDLESS_LINE = Fault(act=Act.FLOOD, text="250 " + "x" * 4000)
ENDLESS_REPLY = Fault(act=Act.FLOOD, text="250-and so on\r\n" * 300)


def say(text: str, *, takes: bool = False) -> Fault:
    """Return a fault that is a reply: a refusal, or what is no reply at all."""
    return Fault(act=Act.INSTEAD, text=text, takes=takes)


def late(seconds: float) -> Fault:
    """Return a fault that is no more than a delay."""
    return Fault(act=Act.LATE, seconds=seconds, takes=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    Where a fault strikes: at a phase, and with a recipient at that one's messages only.

    Visits are counted for each recipient, or over the whole server where none is named
    yet (up to MAIL, and RSET); `after` so many it strikes `times`, by `chance`.
    """

    phase: Phase
    fault: Fault
    recipient: str = ""
    after: int = 0
    times: int = 1
    chance: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """
    All that is wrong with a server; the first rule that strikes counts.

    `without` are extensions it does not have; `size` what it advertises by SIZE and
    refuses above; pipelined input is thrown away or refused unless `kept`. The limits
    are on connections at once and on messages in one of them; 0 is none.
    """

    seed: int = 0
    rules: tuple[Rule, ...] = ()
    without: frozenset[str] = frozenset()
    pipelined: Literal["kept", "discarded", "refused"] = "kept"
    size: int = 0
    most_connections: int = 0
    most_messages: int = 0

    def choose(self, phase: Phase, recipient: str, visit: int) -> Fault:
        """Return what goes wrong at the *visit*-th time, counted from 0."""
        for number, rule in enumerate(self.rules):
            if rule.phase is not phase or rule.recipient not in ("", recipient):
                continue
            if not rule.after <= visit < rule.after + rule.times:
                continue
            met = f"{self.seed}/{number}/{phase}/{recipient}/{visit}"
            if rule.chance >= 1 or _throw(met) < rule.chance:
                return rule.fault
        return SOUND


def _throw(met: str) -> float:
    """Throw dice in [0, 1) that always fall alike; `Random` takes long to seed."""
    digest = blake2b(met.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


_REFUSALS = (
    *("421 4.3.2 going down", "450 4.2.1 not now", "451 4.7.1 greylisted"),
    *("452 4.3.1 disk full", "454 4.3.0 later"),
)
_GARBAGE = ("what?", "\0\0\0", "999 no such code", "25", "250-begun\r\n354 not")
_TRANSACTION = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.FINAL)
_LOSSES = (DROP, RESET, DROP_TAKEN, RESET_TAKEN)


def mixed(seed: int, *, stall_for: float = 0.0) -> Faults:
    """
    Draw a server that is difficult for a while, and sound in the end.

    Nothing in it is final for a recipient: whoever goes on trying gets through. With
    *stall_for* it may fall silent so long, or for good.
    """
    dice = Random(f"mixed/{seed}")
    without = [name for name in EXTENSIONS[:7] if dice.random() < 0.2]
    rules = [_drawn_rule(dice) for _ in range(dice.randint(1, 5))]
    if stall_for and dice.random() < 0.3:
        fault = dice.choice([late(stall_for), STALL, STALL_TAKEN])
        where = dice.choice(_TRANSACTION)
        chance = 1.0 if where is Phase.MAIL else 0.05
        rules.append(Rule(phase=where, fault=fault, chance=chance))
    return Faults(
        seed=seed,
        rules=tuple(rules),
        without=frozenset(without),
        pipelined=dice.choice(["kept"] * 8 + ["refused"]),
        most_connections=dice.choice([0, 0, 1, 2]),
        most_messages=dice.choice([0, 0, 0, 3, 10]),
    )


def _drawn_rule(dice: Random) -> Rule:
    phase = dice.choice((*_TRANSACTION, *_TRANSACTION, Phase.GREETING, Phase.EHLO))
    kind = dice.choice(["refusal", "refusal", "loss", "loss", "garbage", "slow"])
    fault = {
        "refusal": say(dice.choice(_REFUSALS)),
        "loss": dice.choice(_LOSSES),
        "garbage": say(dice.choice(_GARBAGE), takes=dice.random() < 0.5),
        "slow": dice.choice([DRIP, late(0.002)]),
    }[kind]
    ends = kind in ("loss", "garbage") or fault.text.startswith("421")
    is_everybodys = phase in _TRANSACTION[1:] and ends
    return Rule(
        phase=phase,
        fault=fault,
        after=dice.choice([0, 0, 1]),
        times=dice.choice([1, 1, 2, 3]),
        # What ends a connection for each recipient in turn is no server any more.
        chance=dice.choice([0.02, 0.1] if is_everybodys else [0.1, 0.5, 1.0]),
    )
