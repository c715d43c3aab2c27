from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from planning_cases import (
    DAY_AT_9,
    LIMITS,
    LONG_AGO,
    MAIL,
    POST,
    TWO_HOURS,
    WEEK_AT_9,
    at,
    event,
    froze,
    known,
    plan,
    remember,
    reminder,
    rows,
    utc,
)
from tambour.model import (
    Campaign,
    Decision,
    EditionId,
    EditionState,
    Entry,
    EntryState,
    Event,
    EventStatus,
    FrozenEdition,
    Offset,
    Selection,
    Snapshot,
)

WEEK, DAY, HOURS = (
    f"reminders/concert/{key}/1" for key in ("7d-0900", "1d-0900", "2h")
)
REMINDERS = reminder(WEEK_AT_9, DAY_AT_9, TWO_HOURS)
START = "2027-05-15 19:00"


def speaks(made: Sequence[Entry]) -> list[str]:
    """Return the editions that may leave now."""
    return [one.edition for one in made if one.state == "due"]


@pytest.mark.parametrize(
    ("now", "seen", "expected"),
    [
        pytest.param(
            "2027-05-01 12:00",
            LONG_AGO,
            [(WEEK, "planned", None), (DAY, "planned", None), (HOURS, "planned", None)],
            id="two-weeks-before",
        ),
        pytest.param(
            "2027-05-08 08:59:59",
            LONG_AGO,
            [(WEEK, "planned", None), (DAY, "planned", None), (HOURS, "planned", None)],
            id="a-second-before-it-is-due",
        ),
        pytest.param(
            "2027-05-08 09:00",
            LONG_AGO,
            [(WEEK, "due", None), (DAY, "planned", None), (HOURS, "planned", None)],
            id="due",
        ),
        pytest.param(
            "2027-05-09 09:00",
            LONG_AGO,
            [(WEEK, "due", None), (DAY, "planned", None), (HOURS, "planned", None)],
            id="overdue-by-the-limit",
        ),
        pytest.param(
            "2027-05-09 09:00:01",
            LONG_AGO,
            [
                (WEEK, "missed", "late"),
                (DAY, "planned", None),
                (HOURS, "planned", None),
            ],
            id="overdue-by-more",
        ),
        pytest.param(
            "2027-05-14 12:00",
            LONG_AGO,
            [(WEEK, "missed", "late"), (DAY, "due", None), (HOURS, "planned", None)],
            id="daemon-off-for-a-week",
        ),
        pytest.param(
            "2027-05-12 19:00",
            at("2027-05-12 18:00"),
            [(WEEK, "due", None), (DAY, "planned", None), (HOURS, "planned", None)],
            id="added-three-days-before",
        ),
        pytest.param(
            "2027-05-14 23:00",
            at("2027-05-14 23:00"),
            [
                (WEEK, "superseded", "later-one-speaks"),
                (DAY, "due", None),
                (HOURS, "planned", None),
            ],
            id="added-twenty-hours-before",
        ),
        pytest.param(
            "2027-05-15 18:00",
            LONG_AGO,
            [
                (WEEK, "missed", "late"),
                (DAY, "missed", "late"),
                (HOURS, "due", None),
            ],
            id="hours-overdue-by-half",
        ),
        pytest.param(
            "2027-05-15 18:00:01",
            LONG_AGO,
            [
                (WEEK, "missed", "late"),
                (DAY, "missed", "late"),
                (HOURS, "missed", "late"),
            ],
            id="hours-overdue-by-more",
        ),
        pytest.param(
            "2027-05-15 18:49:59",
            at("2027-05-15 18:30"),
            [
                (WEEK, "superseded", "later-one-speaks"),
                (DAY, "superseded", "later-one-speaks"),
                (HOURS, "due", None),
            ],
            id="last-second",
        ),
        pytest.param(
            "2027-05-15 18:50",
            LONG_AGO,
            [
                (WEEK, "missed", "late"),
                (DAY, "missed", "late"),
                (HOURS, "missed", "late"),
            ],
            id="deadline",
        ),
        pytest.param(
            "2027-05-15 18:50",
            at("2027-05-15 18:30"),
            [
                (WEEK, "missed", "late"),
                (DAY, "missed", "late"),
                (HOURS, "missed", "late"),
            ],
            id="not-on-the-deadline-itself",
        ),
        pytest.param(
            "2027-05-15 18:55",
            at("2027-05-15 18:50"),
            [
                (WEEK, "missed", "added-late"),
                (DAY, "missed", "added-late"),
                (HOURS, "missed", "added-late"),
            ],
            id="added-after-the-deadline",
        ),
        pytest.param("2027-05-15 19:00", LONG_AGO, [], id="started"),
        pytest.param("2027-06-15 19:00", LONG_AGO, [], id="long-past"),
    ],
)
def test_a_reminder_speaks_between_its_due_time_and_its_limit(
    now: str, seen: datetime, expected: list[tuple[str, str, str | None]]
) -> None:
    """Late, missed, collapsed and past, as the design's sixth rule says."""
    concert = event(START)
    snapshot = remember(seen={"concert": seen})
    made = plan(now, events=[concert], campaigns=[REMINDERS], snapshot=snapshot)

    assert expected == rows(made)


def test_an_earlier_reminder_speaks_where_the_later_one_is_too_late() -> None:
    """Better the evening's words an hour before than none at all."""
    evening = Offset(key="1d-2000", days=1, at=time(20))
    made = plan(
        "2027-05-15 18:30",
        events=[event(START)],
        campaigns=[reminder(evening, TWO_HOURS)],
    )

    assert [
        ("reminders/concert/1d-2000/1", "due", None),
        (HOURS, "missed", "late"),
    ] == rows(made)


def test_an_event_that_nobody_recorded_is_seen_now() -> None:
    """On the first run the latest reminder of each event speaks at once."""
    made = plan(
        "2027-05-15 10:00",
        events=[event(START)],
        campaigns=[REMINDERS],
        snapshot=Snapshot(),
    )

    assert [DAY] == speaks(made.entries)


def test_rows_say_when_until_when_and_to_how_many() -> None:
    """Instants are UTC; the deadline is ten minutes before the start."""
    made = plan("2027-05-08 10:00", events=[event(START)], campaigns=[REMINDERS])
    first = made.entries[0]

    assert utc("2027-05-08 07:00") == first.due
    assert utc("2027-05-15 16:50") == first.deadline
    assert 10 == first.recipients
    assert ("concert",) == first.events


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(EventStatus.HELD, "event-held", id="held"),
        pytest.param(EventStatus.HIDDEN, "event-hidden", id="hidden"),
        pytest.param(EventStatus.CANCELLED, "event-cancelled", id="cancelled"),
        pytest.param(EventStatus.POSTPONED, "event-postponed", id="postponed"),
    ],
)
@pytest.mark.parametrize("now", ["2027-05-14 12:00", "2027-05-01 12:00"])
def test_only_scheduled_events_are_announced(
    status: EventStatus, code: str, now: str
) -> None:
    """All others are left out, and each row says why."""
    off = event(START, status=status)
    made = plan(now, events=[off], campaigns=[REMINDERS])

    assert [(one, "skipped", code) for one in (WEEK, DAY, HOURS)] == rows(made)


def test_an_event_without_a_start_has_no_rows() -> None:
    """There is nothing to count back from."""
    held = event(None, status=EventStatus.HELD)

    assert () == plan("2027-05-01 12:00", events=[held], campaigns=[REMINDERS]).entries


def test_a_mere_date_has_no_hours_to_count_back() -> None:
    """Its day offsets work; its deadline is before midnight."""
    fair = event("2027-05-15 00:00", name="concert", all_day=True)
    made = plan("2027-05-14 09:00", events=[fair], campaigns=[REMINDERS])

    assert [
        (WEEK, "missed", "late"),
        (DAY, "due", None),
        (HOURS, "skipped", "no-time-of-day"),
    ] == rows(made)
    assert utc("2027-05-14 21:50") == made.entries[1].deadline


@pytest.mark.parametrize(
    ("offset", "margin", "code"),
    [
        pytest.param(
            Offset(key="5m", elapsed=timedelta(minutes=5)),
            timedelta(minutes=10),
            "too-close",
            id="inside-the-margin",
        ),
        pytest.param(
            Offset(key="10m", elapsed=timedelta(minutes=10)),
            timedelta(minutes=10),
            "too-close",
            id="on-the-deadline",
        ),
        pytest.param(
            Offset(key="11m", elapsed=timedelta(minutes=11)),
            timedelta(minutes=10),
            None,
            id="just-before",
        ),
        pytest.param(
            Offset(key="5m", elapsed=timedelta(minutes=5)),
            timedelta(0),
            None,
            id="no-margin",
        ),
    ],
)
def test_what_falls_inside_the_margin_is_skipped(
    offset: Offset, margin: timedelta, code: str | None
) -> None:
    """A reminder that could never leave in time says so beforehand."""
    made = plan(
        "2027-05-15 12:00",
        events=[event(START)],
        campaigns=[reminder(offset)],
        limits=replace(LIMITS, margin=margin),
    )
    state = "planned" if code is None else "skipped"

    assert [(f"reminders/concert/{offset.key}/1", state, code)] == rows(made)


def test_late_additions_can_be_left_out() -> None:
    """`late_added: skip` leaves out what was due before the event was seen."""
    quiet = reminder(WEEK_AT_9, DAY_AT_9, announce_late=False)
    seen = at("2027-05-12 18:00")
    made = plan(
        "2027-05-14 09:30",
        events=[event(START)],
        campaigns=[quiet],
        snapshot=remember(seen={"concert": seen}),
    )

    assert [(WEEK, "skipped", "added-late"), (DAY, "due", None)] == rows(made)


def test_a_late_daemon_is_no_late_addition() -> None:
    """`late_added: skip` does not silence an event that was seen in time."""
    quiet = reminder(DAY_AT_9, announce_late=False)
    made = plan("2027-05-14 12:00", events=[event(START)], campaigns=[quiet])

    assert [DAY] == speaks(made.entries)


def other(name: str, *offsets: Offset, **changes: Any) -> Campaign:
    """Make a second reminder campaign."""
    return reminder(*offsets, name=name, **changes)


@pytest.mark.parametrize(
    ("campaigns", "expected"),
    [
        pytest.param(
            [reminder(WEEK_AT_9), other("urgent", DAY_AT_9)],
            ["urgent/concert/1d-0900/1"],
            id="same-readers",
        ),
        pytest.param(
            [reminder(WEEK_AT_9), other("urgent", DAY_AT_9, targets=(POST,))],
            [WEEK, "urgent/concert/1d-0900/1"],
            id="another-channel",
        ),
        pytest.param(
            [reminder(DAY_AT_9), other("twin", DAY_AT_9)],
            ["twin/concert/1d-0900/1"],
            id="same-time",
        ),
        pytest.param(
            [reminder(DAY_AT_9), other("twin", DAY_AT_9, approve_manually=True)],
            [DAY],
            id="same-time-one-waits",
        ),
        pytest.param(
            [reminder(WEEK_AT_9), other("urgent", DAY_AT_9, approve_manually=True)],
            [],
            id="the-latest-waits",
        ),
        pytest.param(
            [reminder(WEEK_AT_9), other("quiet", DAY_AT_9, announce_late=False)],
            [WEEK],
            id="the-latest-is-skipped",
        ),
    ],
)
def test_campaigns_do_not_talk_over_each_other(
    campaigns: list[Campaign], expected: list[str]
) -> None:
    """Of several overdue ones to the same readers, across campaigns, one speaks."""
    seen = at("2027-05-14 20:00")
    made = plan(
        "2027-05-14 21:00",
        events=[event(START)],
        campaigns=campaigns,
        snapshot=remember(seen={"concert": seen}),
    )

    assert expected == speaks(made.entries)


@pytest.mark.parametrize("now", ["2027-05-13 12:00", "2027-05-14 09:00"])
def test_reminders_due_at_one_instant_speak_once(now: str) -> None:
    """The plan says so beforehand, and who freezes early does not send both."""
    same = Offset(key="34h", elapsed=timedelta(hours=34))
    made = plan(
        now,
        events=[event(START)],
        campaigns=[reminder(DAY_AT_9, same), other("twin", DAY_AT_9)],
    )
    states = {one.edition: one.state for one in made.entries}

    assert 1 == sum(state in ("planned", "due") for state in states.values())
    assert 2 == list(states.values()).count(EntryState.SUPERSEDED)


def test_a_reminder_added_beside_a_frozen_one_gives_way() -> None:
    """What is frozen leaves; another for the same instant would double it."""
    about = event(START)
    frozen = known(DAY, about, due=at("2027-05-14 09:00"), state=EditionState.OPEN)
    made = plan(
        "2027-05-14 08:55",
        events=[about],
        campaigns=[reminder(DAY_AT_9), other("twin", DAY_AT_9)],
        snapshot=remember(about, frozen=[frozen]),
    )

    assert [
        (DAY, "planned", "already-frozen"),
        ("twin/concert/1d-0900/1", "superseded", "later-one-speaks"),
    ] == rows(made)


def test_each_channel_has_its_own_latest() -> None:
    """One edition may be superseded on one channel and speak on another."""
    both = reminder(WEEK_AT_9, targets=(MAIL, POST))
    mail_only = other("urgent", DAY_AT_9)
    made = plan(
        "2027-05-14 21:00",
        events=[event(START)],
        campaigns=[both, mail_only],
        snapshot=remember(seen={"concert": at("2027-05-14 20:00")}),
    )
    actual = [
        (one.edition, one.target.channel, one.state.value) for one in made.entries
    ]

    assert [
        (WEEK, "mail", "superseded"),
        (WEEK, "team", "due"),
        ("urgent/concert/1d-0900/1", "mail", "due"),
    ] == actual


CONCERT = event(START)
DAY_DUE = utc("2027-05-14 07:00")


@pytest.mark.parametrize(
    ("now", "changes", "expected"),
    [
        pytest.param(
            "2027-05-14 12:00",
            {"state": EditionState.DONE},
            (DAY, "sent", None),
            id="sent",
        ),
        pytest.param(
            "2027-05-14 12:00",
            {"state": EditionState.OPEN},
            (DAY, "due", "already-frozen"),
            id="open-and-due",
        ),
        pytest.param(
            "2027-05-14 08:55",
            {"state": EditionState.OPEN},
            (DAY, "planned", "already-frozen"),
            id="open-and-planned",
        ),
        pytest.param(
            "2027-05-14 12:00",
            {"state": EditionState.CANCELLED},
            (DAY, "skipped", "decided"),
            id="cancelled",
        ),
        pytest.param(
            "2027-05-15 18:50",
            {"state": EditionState.OPEN},
            (DAY, "missed", "late"),
            id="open-at-the-deadline",
        ),
        pytest.param(
            "2027-05-14 12:00",
            {"state": EditionState.OPEN, "deadline": utc("2027-05-14 10:00")},
            (DAY, "missed", "late"),
            id="open-past-an-earlier-deadline",
        ),
    ],
)
def test_the_ledger_has_the_last_word(
    now: str, changes: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    """What was frozen or sent is shown as such, and never planned again."""
    frozen = known(DAY, CONCERT, due=DAY_DUE, **changes)
    made = plan(
        now,
        events=[CONCERT],
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(CONCERT, frozen=[frozen]),
    )

    assert [expected] == rows(made)


def test_a_frozen_reminder_stops_when_its_event_is_cancelled() -> None:
    """Freezing does not outlive the happening."""
    off = event(START, status=EventStatus.CANCELLED)
    frozen = known(DAY, CONCERT, due=DAY_DUE, state=EditionState.OPEN)
    made = plan(
        "2027-05-14 12:00",
        events=[off],
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(off, frozen=[frozen]),
    )

    assert [(DAY, "skipped", "event-cancelled")] == rows(made)


def test_a_frozen_reminder_keeps_the_earlier_deadline_of_a_moved_event() -> None:
    """An event moved forward may not be announced after its new start."""
    earlier = event("2027-05-15 09:00")
    frozen = known(
        DAY,
        CONCERT,
        due=DAY_DUE,
        state=EditionState.OPEN,
        deadline=utc("2027-05-15 16:50"),
    )
    made = plan(
        "2027-05-15 08:50",
        events=[earlier],
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(earlier, frozen=[frozen]),
    )

    assert [(DAY, "missed", "late")] == rows(made)


HEARD_BY_POST = known("posts/concert/1d-0900/1", CONCERT, due=DAY_DUE, campaign="posts")
HEARD_UNDER_AN_OLD_NAME = known(
    "old-name/concert/1d-0900/1", CONCERT, due=DAY_DUE, campaign="old-name"
)


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        pytest.param(known(DAY, CONCERT, due=DAY_DUE), "superseded", id="sent"),
        pytest.param(
            known(DAY, CONCERT, due=DAY_DUE, state=EditionState.OPEN),
            "superseded",
            id="frozen",
        ),
        pytest.param(
            known(DAY, CONCERT, due=DAY_DUE, state=EditionState.CANCELLED),
            "due",
            id="cancelled-though-not-in-the-campaign-any-more",
        ),
        pytest.param(HEARD_UNDER_AN_OLD_NAME, "superseded", id="renamed-campaign"),
        pytest.param(HEARD_BY_POST, "due", id="another-channel"),
    ],
)
def test_an_earlier_reminder_never_follows_a_later_one(
    frozen: FrozenEdition, expected: str
) -> None:
    """What the same readers were sent supersedes what was due before it."""
    posts = reminder(name="posts", targets=(POST,))
    made = plan(
        "2027-05-14 09:30",
        events=[CONCERT],
        campaigns=[reminder(WEEK_AT_9), posts],
        snapshot=remember(seen={"concert": at("2027-05-14 08:00")}, frozen=[frozen]),
    )

    assert [(WEEK, expected)] == [(one.edition, one.state) for one in made.entries]


def test_a_renamed_campaign_does_not_repeat_itself() -> None:
    """The same reminder under a new name was heard already."""
    made = plan(
        "2027-05-14 09:30",
        events=[CONCERT],
        campaigns=[reminder(DAY_AT_9)],
        snapshot=remember(CONCERT, frozen=[HEARD_UNDER_AN_OLD_NAME]),
    )

    assert [(DAY, "superseded", "later-one-speaks")] == rows(made)


def test_what_was_superseded_is_not_missed_afterwards() -> None:
    """Being late is judged as of the moment the later one took over."""
    far = event("2027-05-20 19:00")
    month = Offset(key="30d-0900", days=30, at=WEEK_AT_9.at)
    campaign = reminder(month, WEEK_AT_9)
    added = at("2027-05-14 12:00")
    snapshot = remember(seen={"concert": added})
    made = plan(added, events=[far], campaigns=[campaign], snapshot=snapshot)
    sent = [froze(one, far, now=added) for one in made.entries if one.state == "due"]
    later = plan(
        "2027-05-18 12:00",
        events=[far],
        campaigns=[campaign],
        snapshot=remember(seen={"concert": added}, frozen=sent),
    )

    assert [
        ("reminders/concert/30d-0900/1", "superseded", "later-one-speaks"),
        (WEEK, "sent", None),
    ] == rows(later)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(Decision.CANCEL, (DAY, "skipped", "decided"), id="cancel"),
        pytest.param(Decision.HOLD, (DAY, "held", "decided"), id="hold"),
        pytest.param(Decision.APPROVE, (DAY, "due", None), id="approve"),
    ],
)
@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_person_decides(
    decision: Decision, expected: tuple[str, str, str | None], is_frozen: bool
) -> None:
    """Hold and cancel work before freezing and after; nothing speaks instead."""
    frozen = known(DAY, CONCERT, due=DAY_DUE, state=EditionState.OPEN)
    snapshot = remember(
        seen={"concert": at("2027-05-14 08:00")},
        frozen=[frozen] if is_frozen else [],
        decisions={EditionId(DAY): decision},
    )
    made = plan(
        "2027-05-14 09:30",
        events=[CONCERT],
        campaigns=[reminder(WEEK_AT_9, DAY_AT_9)],
        snapshot=snapshot,
    )
    _, state, code = expected
    if decision is Decision.APPROVE and is_frozen:
        code = "already-frozen"

    assert [(WEEK, "superseded", "later-one-speaks"), (DAY, state, code)] == rows(made)


def test_what_a_person_held_until_it_was_late_is_not_replaced() -> None:
    """An earlier reminder does not slip out once the held one is missed."""
    made = plan(
        "2027-05-15 18:30",
        events=[CONCERT],
        campaigns=[reminder(DAY_AT_9, TWO_HOURS)],
        snapshot=remember(
            seen={"concert": at("2027-05-15 17:00")},
            decisions={EditionId(HOURS): Decision.HOLD},
        ),
    )

    assert [
        (DAY, "superseded", "later-one-speaks"),
        (HOURS, "missed", "late"),
    ] == rows(made)


MARKET = event(
    START, name="market", tags=("food", "outdoors"), source="town", language="fr"
)
TALK = event(START, name="talk", tags=("webinar",), online=True)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(Selection(), ["market", "talk"], id="all"),
        pytest.param(Selection(tags=frozenset({"food"})), ["market"], id="tag"),
        pytest.param(
            Selection(tags=frozenset({"food", "webinar"})),
            ["market", "talk"],
            id="any-tag",
        ),
        pytest.param(Selection(sources=frozenset({"town"})), ["market"], id="source"),
        pytest.param(Selection(languages=frozenset({"de"})), ["talk"], id="language"),
        pytest.param(Selection(online=True), ["talk"], id="online"),
        pytest.param(Selection(online=False), ["market"], id="on-site"),
        pytest.param(
            Selection(tags=frozenset({"food"}), online=True), [], id="all-must-hold"
        ),
    ],
)
def test_a_campaign_is_about_the_events_it_selects(
    where: Selection, expected: list[str]
) -> None:
    """Each field that is given must match."""
    made = plan(
        "2027-05-01 12:00",
        events=[TALK, MARKET],
        campaigns=[reminder(WEEK_AT_9, where=where)],
    )

    assert expected == [one.events[0] for one in made.entries]


@pytest.mark.parametrize("until", ["2027-05-08 12:00", "2027-05-20 12:00"])
def test_looking_further_ahead_changes_nothing_now(until: str) -> None:
    """`until` bounds the list, even where it lies in the past."""
    made = plan(
        "2027-05-14 12:00", events=[CONCERT], campaigns=[REMINDERS], until=at(until)
    )

    assert [DAY] == speaks(made.entries)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        pytest.param("2027-05-08 08:59", [], id="before-the-first"),
        pytest.param("2027-05-08 09:00", [WEEK], id="first"),
        pytest.param("2027-05-14 09:00", [WEEK, DAY], id="second"),
    ],
)
def test_only_what_is_due_by_the_horizon_is_listed(
    until: str, expected: list[str]
) -> None:
    """The horizon itself is included."""
    made = plan(
        "2027-05-01 12:00", events=[CONCERT], campaigns=[REMINDERS], until=at(until)
    )

    assert expected == [one.edition for one in made.entries]


def test_rows_are_in_order_of_due_time_edition_channel_and_audience() -> None:
    """The order never depends on the order of files or settings."""
    campaigns = [
        reminder(WEEK_AT_9, name="b", targets=(POST, MAIL)),
        reminder(DAY_AT_9, WEEK_AT_9, name="a"),
    ]
    made = plan("2027-05-01 12:00", events=[TALK, MARKET], campaigns=campaigns)
    back = plan(
        "2027-05-01 12:00", events=[MARKET, TALK], campaigns=list(reversed(campaigns))
    )

    assert made == back
    assert [
        ("a/market/7d-0900/1", "mail"),
        ("a/talk/7d-0900/1", "mail"),
        ("b/market/7d-0900/1", "mail"),
        ("b/market/7d-0900/1", "team"),
        ("b/talk/7d-0900/1", "mail"),
        ("b/talk/7d-0900/1", "team"),
        ("a/market/1d-0900/1", "mail"),
        ("a/talk/1d-0900/1", "mail"),
    ] == [(one.edition, one.target.channel) for one in made.entries]


def test_reasons_are_sentences_with_local_times() -> None:
    """A person reads when, in the event's zone, with its name."""
    made = plan("2027-05-12 12:00", events=[CONCERT], campaigns=[REMINDERS])
    reason = made.entries[0].reason

    assert reason is not None
    assert (
        "It could have left from 2027-05-08 09:00 CEST on, but nothing was sent within "
        "1 d; later than that it stays unsent."
    ) == reason.text


def test_instants_without_a_zone_are_refused() -> None:
    """A naive now would mean the machine's zone."""
    with pytest.raises(ValueError, match="need a zone"):
        plan(at("2027-05-12 12:00").replace(tzinfo=None), events=list[Event]())
