"""Which keys come more than once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambour.audience import repeats
from tambour.audience.repeats import Repeats, print_of


@settings(deadline=None)
@given(st.lists(st.text("ab", max_size=3)))
def test_every_repeated_key_is_suspected(keys: list[str]) -> None:
    """None is missed, and without a coincidence nothing else is suspected."""
    seen = Repeats()
    for key in keys:
        seen.add(key)
    found = set().union(*seen.suspects())

    assert {print_of(key) for key, times in Counter(keys).items() if times > 1} == found


def test_suspects_come_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, few are held at once."""
    monkeypatch.setattr(repeats, "GROUP_KEYS", 10)
    seen = Repeats()
    for number in range(100):
        seen.add(str(number))
        seen.add(str(number))
    groups = list(seen.suspects())

    assert 5 < len(groups)
    assert {print_of(str(number)) for number in range(100)} == set().union(*groups)
    assert 100 == sum(map(len, groups))
