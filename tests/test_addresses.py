"""What an address is."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tambour.audience import require_address
from tambour.audience.addresses import read_address
from tambour.errors import UsageError

PARTS = st.text("aBz09_+-'é", min_size=0, max_size=5)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(".".join)
ENDS = st.sampled_from(["fr", "FR", "test", "local", "onion", "arpa", "example", "c0"])
ADDRESSES = st.builds("{}@{}.{}".format, NAMES, NAMES, ENDS)


def by_the_grammar(text: str) -> str | None:
    """Return what the whole grammar makes of a text."""
    try:
        return validate_email(
            text, check_deliverability=False, test_environment=True
        ).normalized
    except EmailNotValidError:
        return None


@settings(deadline=None)
@given(ADDRESSES)
@example("Info@Example.org")
@example("A.B@Example.ORG")
@example(f"{'a' * 70}@example.org")
@example(f"a@{'b' * 64}.org")
@example("a@ab--cd.fr")
@example("a@xn--exmple-cua.fr")
@example("a@-example.org")
@example("a@example.org\n")
@example("a@example.test")
@example("a@mail.local")
def test_the_short_way_agrees_with_the_grammar(text: str) -> None:
    """Plain addresses are told by one pattern; it never says what the rules do not."""
    try:
        found = read_address(text)
    except EmailNotValidError:
        found = None

    assert by_the_grammar(text) == found


@pytest.mark.parametrize("text", ["", "zoé", "a b@example.org", "a@example"])
def test_a_typed_address_is_required(text: str) -> None:
    """What is none is an argument that cannot be used."""
    with pytest.raises(UsageError, match="is not an address"):
        require_address(text)
