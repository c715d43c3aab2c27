"""When what is frozen leaves: at once, at its time, or after a person had time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger_samples import DEADLINE, NOW, edition
from tambour.delivery.freezing import leaves_at
from tambour.model import EditionKind, FrozenEdition

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("frozen", "after"),
    [
        pytest.param(edition(due=NOW + 5 * MINUTE), 5 * MINUTE, id="ahead"),
        pytest.param(edition(due=NOW - MINUTE), 10 * MINUTE, id="late"),
        pytest.param(
            edition(due=NOW - MINUTE, deadline=NOW + 9 * MINUTE), -MINUTE, id="too late"
        ),
        pytest.param(
            edition(due=NOW, kind=EditionKind.CORRECTION), 0 * MINUTE, id="correction"
        ),
        pytest.param(
            edition(due=NOW, kind=EditionKind.CANCELLATION), 0 * MINUTE, id="called off"
        ),
    ],
)
def test_what_is_late_gives_a_person_time(
    frozen: FrozenEdition, after: timedelta
) -> None:
    """A late edition waits, unless its deadline forbids, or it corrects readers."""
    assert frozen.deadline is None or frozen.deadline <= DEADLINE

    assert leaves_at(frozen, now=NOW, hold=10 * MINUTE) == NOW + after
