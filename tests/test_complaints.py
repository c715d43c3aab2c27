"""What is wrong with an audience file, as long as somebody would read it."""

from __future__ import annotations

import random

from tambour.audience.complaints import MAX_SHOWN, Complaints


def test_a_few_are_shown_in_the_order_of_the_file() -> None:
    """They may be found in any order."""
    complaints = Complaints("readers.csv")
    complaints.add(4, "W501", "again", "delete it")
    complaints.add(2, "E503", "no address", "correct it")

    assert [(2, "E503"), (4, "W501")] == [
        (one.line, one.code) for one in complaints.all()
    ]
    assert complaints.has_error


def test_of_many_the_first_are_shown_and_the_others_counted() -> None:
    """A last one stands for all that are left out, as grave as the gravest of them."""
    lines = list(range(1, 5 * MAX_SHOWN + 1))
    random.Random(1).shuffle(lines)
    complaints = Complaints("readers.csv")
    for line in lines:
        complaints.add(line, "E504" if line == MAX_SHOWN + 7 else "W501", "x", "")
    *first, last = complaints.all()

    assert list(range(1, MAX_SHOWN + 1)) == [one.line for one in first]
    assert (MAX_SHOWN + 1, "E504") == (last.line, last.code)
    assert "4,000 more problems from this line on" == last.message


def test_exactly_as_many_as_are_shown_need_no_last_word() -> None:
    """Nothing is left out."""
    complaints = Complaints("readers.csv")
    for line in range(MAX_SHOWN):
        complaints.add(line, "W501", "x", "")

    assert MAX_SHOWN == len(complaints.all())
    assert not complaints.has_error
