from __future__ import annotations

from typing import Any

import pytest

from planning_cases import (
    DAY_AT_9,
    MAIL,
    POST,
    at,
    digest,
    event,
    froze,
    plan,
    remember,
    reminder,
    rows,
)
from tambour.model import Campaign, Decision, EditionId, EditionState, Entry, Target

NOW = at("2027-03-22 08:00")
MONDAY = EditionId("agenda/2027-03-22/1")
FAIR = event("2027-04-03 12:00", name="fair")
AUTO = digest()
MANUAL = digest(approve_manually=True)


def monday(
    campaign: Campaign,
    *,
    size: int,
    before: int | None = None,
    decision: Decision | None = None,
    **changes: Any,
) -> tuple[Entry, ...]:
    """Plan Monday's digest for an audience of a size now and at the last edition."""
    snapshot = remember(
        FAIR,
        audience_sizes={} if before is None else {"readers": before},
        decisions={} if decision is None else {MONDAY: decision},
        **changes,
    )
    return plan(
        NOW,
        events=[FAIR],
        campaigns=[campaign],
        recipients={"readers": size},
        snapshot=snapshot,
        until=NOW,
    ).entries


def verdict(entry: Entry) -> tuple[str, str | None]:
    """Show a row's state and reason."""
    return entry.state.value, entry.reason.code.value if entry.reason else None


@pytest.mark.parametrize(
    ("campaign", "size", "before", "decision", "expected"),
    [
        pytest.param(AUTO, 10, None, None, ("due", None), id="first-edition"),
        pytest.param(AUTO, 10, 10, None, ("due", None), id="as-before"),
        pytest.param(AUTO, 1, 10, None, ("due", None), id="shrunk"),
        pytest.param(AUTO, 29, 10, None, ("due", None), id="nearly-tripled"),
        pytest.param(
            AUTO, 30, 10, None, ("held", "audience-tripled"), id="just-tripled"
        ),
        pytest.param(AUTO, 900, 0, None, ("due", None), id="grew-from-nobody"),
        pytest.param(AUTO, 0, None, None, ("held", "no-recipients"), id="nobody-yet"),
        pytest.param(AUTO, 0, 0, None, ("held", "no-recipients"), id="still-nobody"),
        pytest.param(AUTO, 0, 10, None, ("held", "audience-emptied"), id="emptied"),
        pytest.param(
            AUTO, 30, 10, Decision.APPROVE, ("due", None), id="tripled-approved"
        ),
        pytest.param(
            AUTO,
            0,
            10,
            Decision.APPROVE,
            ("held", "no-recipients"),
            id="emptied-approved",
        ),
        pytest.param(AUTO, 10, 10, Decision.HOLD, ("held", "decided"), id="held"),
        pytest.param(
            AUTO, 0, 10, Decision.CANCEL, ("skipped", "decided"), id="cancelled"
        ),
        pytest.param(MANUAL, 10, 10, None, ("held", "awaits-approval"), id="manual"),
        pytest.param(
            MANUAL, 10, 10, Decision.APPROVE, ("due", None), id="manual-approved"
        ),
        pytest.param(
            MANUAL, 30, 10, None, ("held", "audience-tripled"), id="manual-tripled"
        ),
        pytest.param(
            MANUAL, 0, None, None, ("held", "no-recipients"), id="manual-nobody"
        ),
    ],
)
def test_a_person_looks_at_what_is_unusual(
    *,
    campaign: Campaign,
    size: int,
    before: int | None,
    decision: Decision | None,
    expected: tuple[str, str | None],
) -> None:
    """Nobody, suddenly nobody, suddenly many, or asked for: held until approved."""
    (entry,) = monday(campaign, size=size, before=before, decision=decision)

    assert expected == verdict(entry)
    assert size == entry.recipients


def test_an_audience_that_nobody_counted_is_empty() -> None:
    """A missing audience is held, never taken for a crowd."""
    made = plan(NOW, events=[FAIR], campaigns=[AUTO], recipients={}, until=NOW)

    assert [(MONDAY, "held", "no-recipients")] == rows(made)


def test_a_post_has_one_recipient_whatever_the_audiences() -> None:
    """The channel's account gets it."""
    (entry,) = monday(digest(targets=(POST,)), size=0, before=10)

    assert ("due", None) == verdict(entry)
    assert 1 == entry.recipients


def test_nobody_in_the_audience_does_not_silence_the_team_channel() -> None:
    """A new project may post before it has subscribers."""
    mail, post = monday(digest(targets=(MAIL, POST)), size=0)

    assert ("held", "no-recipients") == verdict(mail)
    assert ("due", None) == verdict(post)


@pytest.mark.parametrize(
    ("size", "code"), [(0, "audience-emptied"), (30, "audience-tripled")]
)
def test_a_sudden_change_holds_the_edition_on_every_channel(
    size: int, code: str
) -> None:
    """What goes out without the held channel could never be completed."""
    staff = Target(channel="mail", audience="staff", template="t")
    made = monday(digest(targets=(POST, staff, MAIL)), size=size, before=10)

    assert [("held", code)] * 3 == [verdict(one) for one in made]


def test_a_hold_is_shown_before_the_edition_is_due() -> None:
    """There is time to look, and nothing is frozen ahead."""
    made = plan(
        at("2027-03-21 12:00"),
        events=[FAIR],
        campaigns=[MANUAL],
        until=at("2027-03-22 08:00"),
    )

    assert (MONDAY, "held", "awaits-approval") == rows(made)[-1]


def test_what_is_frozen_is_not_held_by_its_audience_any_more() -> None:
    """Its recipients are frozen with it."""
    (entry,) = monday(AUTO, size=10, before=10)
    frozen = froze(entry, FAIR, now=NOW, state=EditionState.OPEN)
    (again,) = monday(AUTO, size=0, before=10, frozen=[frozen])

    assert ("due", "already-frozen") == verdict(again)


def test_reminders_are_held_alike() -> None:
    """Rule 9 knows no kinds."""
    made = plan(
        at("2027-04-02 10:00"),
        events=[FAIR],
        campaigns=[reminder(DAY_AT_9)],
        recipients={"readers": 0},
        snapshot=remember(FAIR, audience_sizes={"readers": 10}),
    )

    assert [("reminders/fair/1d-0900/1", "held", "audience-emptied")] == rows(made)


def test_the_reason_names_the_audience_and_its_sizes() -> None:
    """A person can tell a mistake from success."""
    (entry,) = monday(AUTO, size=40, before=10)

    assert entry.reason is not None
    assert (
        "The audience readers grew from 10 to 40 people since its last edition; "
        "approve the edition if that is right."
    ) == entry.reason.text
