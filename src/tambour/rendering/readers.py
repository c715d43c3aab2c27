"""
The recipient as templates see one: nobody yet, somebody, or no one at all.

Words are rendered once for all who read a language; each bare `{{ recipient.x }}`
leaves an alphanumeric sentinel there, which survives Markdown, sanitising, addresses
and inlining, and which composing replaces by each recipient's own value.
Source: design §10, Rendering.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from tambour.model import Recipient
from tambour.rendering.words import greeting

UNSUBSCRIBE = "unsubscribe_url"
ADDRESS = "address"
ALIASES = {"email": ADDRESS}
"""A CSV calls the address `email`, and so may an editor."""

ATTRIBUTES = ("name", ADDRESS, "greeting", "language", UNSUBSCRIBE)
"""What every recipient has; the rest are columns of the audience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels:
    """
    Makes one sentinel per attribute: `TK`, 16 hexadecimal digits, `Z`.

    A *seed* nobody can guess keeps them apart from every word of a message.
    """

    seed: str

    def of(self, attribute: str) -> str:
        """Return the sentinel that stands for *attribute*."""
        digest = hashlib.sha256(f"{self.seed}\0{attribute}".encode()).hexdigest()
        return f"TK{digest[:16].upper()}Z"


class Absent(str):
    """A value that nobody has: false and empty, and it takes a space with it."""

    __slots__ = ()
    MARK = "\ue000"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyRecipient:
    """Whoever reads *language*; remembers which sentinels it gave out."""

    language: str
    sentinels: Sentinels
    given: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        if name == "language":
            return self.language
        attribute = ALIASES.get(name, name)
        sentinel = self.sentinels.of(attribute)
        self.given[sentinel] = attribute
        return sentinel


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRecipient:
    """A known recipient; only the unsubscribe address is left to composing."""

    recipient: Recipient
    sentinels: Sentinels
    given: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        match ALIASES.get(name, name):
            case "name":
                return self.recipient.name or Absent()
            case "address":
                return self.recipient.address
            case "language":
                return self.recipient.language
            case "greeting":
                return greeting(self.recipient.name, self.recipient.language)
            case "unsubscribe_url":
                sentinel = self.sentinels.of(UNSUBSCRIBE)
                self.given[sentinel] = UNSUBSCRIBE
                return sentinel
        return self.recipient.fields[name] or Absent()

    def names(self) -> tuple[str, ...]:
        """Return the attributes it has, for suggestions."""
        return (*ATTRIBUTES, *self.recipient.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRecipient:
    """The public that reads a post: it is greeted, and has no name or address."""

    language: str

    def __getitem__(self, name: str) -> str:
        match name:
            case "language":
                return self.language
            case "greeting":
                return greeting("", self.language)
        return Absent()
