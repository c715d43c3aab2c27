"""
What an address is, in a file or typed by a person.

Nothing is looked up in the network. Source: email-validator (RFC 5321, 5322, 6531).
"""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from tambour.errors import UsageError

_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+"
    r"@(?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,}"
)
"""
Addresses that the whole grammar allows, told a hundred times faster.

A test compares the two; what does not match here is for the grammar to judge.
"""
_PLAIN_CHARS = 63
"""No part of an address this short is too long."""
_SPECIAL = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test")


def read_address(text: str) -> str:
    """
    Return the address that *text* spells, its domain in small letters.

    Raises:
        EmailNotValidError: saying what is wrong with it.

    """
    if _PLAIN.fullmatch(text) and len(text) <= _PLAIN_CHARS:
        if text.islower():
            if not text.endswith(_SPECIAL):
                return text
        else:
            local, _, domain = text.partition("@")
            domain = domain.lower()
            # `Info@` and the like are one mailbox in any case: the grammar knows which.
            if not local.isalpha() and not domain.endswith(_SPECIAL):
                return f"{local}@{domain}"
    return validate_email(
        text, check_deliverability=False, test_environment=True
    ).normalized


def require_address(text: str) -> None:
    """
    Refuse what a person typed and no message can be sent to.

    Raises:
        UsageError: saying what is wrong with it.

    """
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        msg = f"{text!r} is not an address: {error}"
        raise UsageError(msg) from None
