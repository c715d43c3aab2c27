"""When an edition will be through, and what is said when that is too late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_files import open_for_writing
from ledger_samples import NOW, freeze, people
from planning_cases import (
    DAY_AT_9,
    MAIL,
    POST,
    TWO_HOURS,
    at,
    digest,
    event,
    froze,
    plan,
    remember,
    reminder,
    rows,
)
from tambour.config import WarmUp, load_config
from tambour.delivery.budget import Budget
from tambour.ledger.records import Spent
from tambour.model import (
    Decision,
    EditionId,
    EditionState,
    Entry,
    Rate,
    Speed,
    Target,
    Window,
)
from tambour.planning.estimates import ASSUMED, FAR, Queue, finish
from tambour.project import channel_speeds

START = datetime(2027, 3, 22, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SMTP = "{type: smtp, host: localhost, from: 'a@example.org'"
WARM_UP = WarmUp(since=date(2027, 3, 22), first_day=100, growth=2)


def speed(*rates: Rate, **changes: Any) -> Speed:
    """Make a channel's speed."""
    return Speed(rates=rates, **changes)


@pytest.mark.parametrize(
    ("count", "made", "expected"),
    [
        pytest.param(1_000_000, speed(), START, id="nothing holds it up"),
        pytest.param(0, speed(Rate(1, HOUR)), START, id="nobody"),
        pytest.param(600, speed(Rate(10, SECOND)), START + MINUTE, id="a pace"),
        pytest.param(
            600, speed(assumed=Rate(10, SECOND)), START + MINUTE, id="a guess"
        ),
        pytest.param(
            60,
            speed(Rate(10, SECOND), Rate(60, MINUTE)),
            START + MINUTE,
            id="two paces",
        ),
        pytest.param(50, speed(Rate(50, HOUR)), START, id="within the quota"),
        pytest.param(51, speed(Rate(50, HOUR)), START + HOUR, id="one too many"),
        pytest.param(151, speed(Rate(50, HOUR)), START + 3 * HOUR, id="hours"),
        pytest.param(100, speed(warm_up=WARM_UP), START, id="the first day"),
        pytest.param(
            101,
            speed(warm_up=WARM_UP),
            datetime(2027, 3, 23, tzinfo=UTC),
            id="the next",
        ),
        pytest.param(
            700,
            speed(warm_up=WARM_UP),
            datetime(2027, 3, 24, tzinfo=UTC),
            id="the third",
        ),
        pytest.param(10**6, speed(Rate(1, DAY)), START + FAR, id="for ever"),
    ],
)
def test_tells_when_it_is_through(count: int, made: Speed, expected: datetime) -> None:
    """Paces take time, quotas make it wait."""
    assert expected == finish(count, made, start=START)


def test_a_quota_that_takes_most_of_a_day_opens_bit_by_bit() -> None:
    """What left in the morning may leave again the next morning."""
    made = speed(Rate(10, SECOND), Rate(500_000, DAY))

    takes = finish(600_000, made, start=START) - START

    assert DAY + 10_000 * SECOND <= takes <= DAY + 10_000 * SECOND + HOUR / 6


def test_what_is_left_at_the_end_goes() -> None:
    """Also where the end falls between two messages."""
    queue = Queue(speed=speed(Rate(1, SECOND)), now=START)
    queue.join(10, START, until=START + 1.5 * SECOND)

    assert START + 2 * SECOND == queue.now


def test_counts_what_was_spent_and_what_waits() -> None:
    """Those before stand in line, and what has left has used the quota."""
    made = speed(Rate(50, HOUR))
    spent = [(START - 50 * MINUTE, 40)]

    assert START == finish(10, made, start=START, spent=spent)
    assert START + 10 * MINUTE == finish(11, made, start=START, spent=spent)
    assert START + 10 * MINUTE == finish(1, made, start=START, spent=spent, waiting=10)
    assert START + HOUR == finish(1, made, start=START, spent=[(START + DAY, 50)])


@given(
    limits=st.lists(
        st.builds(
            Rate, st.integers(1, 60), st.sampled_from([SECOND, MINUTE, HOUR, DAY])
        ),
        max_size=3,
    ),
    warm_up=st.none() | st.just(WARM_UP),
    count=st.integers(1, 300),
    spent=st.lists(
        st.tuples(st.timedeltas(timedelta(), 2 * DAY), st.integers(1, 60)), max_size=5
    ),
)
def test_agrees_with_the_budget(
    limits: list[Rate],
    warm_up: WarmUp | None,
    count: int,
    spent: list[tuple[timedelta, int]],
) -> None:
    """What delivery then does takes as long, but for a fiftieth and a pace."""
    before = [(START - ago, number) for ago, number in spent]
    budget, now, left = Budget(limits, spent=before, warm_up=warm_up), START, count
    while left:
        now = budget.free_at(now)
        portion = min(left, budget.free(now))
        budget.spend(portion, now)
        left -= portion
    estimate = finish(
        count, Speed(rates=tuple(limits), warm_up=warm_up), start=START, spent=before
    )
    pace = max((one.per for one in limits if one.is_pace), default=SECOND)
    quota = max((one.per for one in limits if not one.is_pace), default=SECOND)

    assert abs(estimate - now) <= (now - START + quota) / 50 + 2 * pace


# ── What it is told ─────────────────────────────────────────────────────────────


def test_the_ledger_tells_what_waits_and_what_left(tmp_path: Path) -> None:
    """By channel; what is on hold, or through, does not wait."""
    ledger = open_for_writing("sqlite:///var/tambour.db", root=tmp_path)
    freeze(ledger, 5)
    freeze(ledger, 7, name="autre/2027-03-22/1")
    freeze(ledger, people(2, channel="equipe"), name="posts/2027-03-22/1")
    ledger.decide(EditionId("autre/2027-03-22/1"), Decision.HOLD, NOW)
    rows = [
        Spent(channel="lettre", lane=lane, at=NOW + after, count=count)
        for lane, after, count in (
            ("", timedelta(), 3),
            ("orange.fr", MINUTE, 4),
            ("", HOUR, 5),
        )
    ]
    ledger.settle((), (), now=NOW, spent=rows)
    snapshot = ledger.snapshot()
    ledger.close()

    assert {"lettre": 5, "equipe": 2} == snapshot.waiting
    assert {"lettre": ((NOW + MINUTE, 7), (NOW + HOUR, 5))} == snapshot.spent


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        pytest.param("{type: outbox}", speed(), id="outbox"),
        pytest.param(
            "{type: webhook, url: 'https://example.org/', rate: 5/m}",
            speed(Rate(5, MINUTE)),
            id="webhook",
        ),
        pytest.param(SMTP + "}", speed(assumed=ASSUMED), id="smtp without a rate"),
        pytest.param(
            SMTP + ", rate: 10/s}", speed(Rate(10, SECOND)), id="smtp with a pace"
        ),
        pytest.param(
            SMTP + ", rate: [50/h, 2000/d]}",
            speed(Rate(50, HOUR), Rate(2000, DAY), assumed=ASSUMED),
            id="smtp with quotas alone",
        ),
        pytest.param(
            SMTP + ", rate: 1/s, warm_up: {since: 2027-03-22, first_day: 100}}",
            speed(Rate(1, SECOND), warm_up=WARM_UP),
            id="smtp that warms up",
        ),
    ],
)
def test_settings_tell_how_fast_a_channel_is(
    tmp_path: Path, channel: str, expected: Speed
) -> None:
    """Of a mail server without a pace one is assumed."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "version: 1\nsite: {name: A, url: 'https://example.org'}\n"
        f"channels: {{c: {channel}}}\n",
        encoding="utf-8",
    )

    assert {"c": expected} == channel_speeds(load_config(tmp_path, environ={}))


# ── What the plan says ──────────────────────────────────────────────────────────

CONCERT = event("2027-04-01 19:00")
REMINDERS = reminder(DAY_AT_9, TWO_HOURS)
DUE = at("2027-04-01 17:00")


def planned(now: datetime = DUE, **changes: Any) -> list[Entry]:
    """Plan a reminder two hours before a concert, for a hundred readers by mail."""
    values: dict[str, Any] = {
        "events": [CONCERT],
        "campaigns": [reminder(TWO_HOURS)],
        "recipients": {"readers": 100},
        "until": now + DAY,
        **changes,
    }
    return list(plan(now, **values).entries)


def reason_of(entry: Entry) -> str:
    """Return the sentence, if there is one."""
    return entry.reason.text if entry.reason else ""


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(speed(Rate(2, MINUTE)), "", id="fast enough"),
        pytest.param(
            speed(Rate(10, SECOND), Rate(20, HOUR)),
            "At 20/h the channel mail needs about 4 h for 100 messages, until "
            "2027-04-01 21:00 CEST, but nothing may leave from 2027-04-01 18:50 CEST on;"
            " what has not left by then stays unsent. Raise its `rate`, or send earlier.",
            id="a quota",
        ),
        pytest.param(
            speed(warm_up=WarmUp(since=date(2027, 4, 1), first_day=60, growth=2)),
            "While it warms up, the channel mail needs about 9 h for 100 messages, until "
            "2027-04-02 02:00 CEST, but nothing may leave from 2027-04-01 18:50 CEST on;"
            " what has not left by then stays unsent. Raise the `first_day` or `growth` of"
            " its `warm_up`, or send earlier.",
            id="a warm-up",
        ),
        pytest.param(
            speed(assumed=Rate(30, HOUR)),
            "At 30/h, which is only assumed, the channel mail needs about 3 h for 100 "
            "messages, until 2027-04-01 20:00 CEST, but nothing may leave from 2027-04-01"
            " 18:50 CEST on; what has not left by then stays unsent. Tell its real `rate` "
            "in config.yaml, or send earlier.",
            id="a guess",
        ),
    ],
)
def test_says_what_is_too_slow(made: Speed, words: str) -> None:
    """With the rate to blame, the time it takes and what would help."""
    (entry,) = planned(speeds={"mail": made})

    assert "due" == entry.state
    assert words == reason_of(entry)


def test_says_so_long_before() -> None:
    """A week ahead there is time to raise a rate."""
    made = {"mail": speed(Rate(20, HOUR))}

    assert ["planned"] == [one.state for one in planned(DUE - 20 * HOUR, speeds=made)]
    assert ["too-slow"] == [
        one.reason.code for one in planned(DUE - 20 * HOUR, speeds=made) if one.reason
    ]


def test_does_not_begin_what_cannot_leave_at_all() -> None:
    """The quota is used up until after the deadline; another channel still speaks."""
    snapshot = remember(CONCERT, spent={"mail": ((DUE - HOUR, 50),)})
    mail, post = planned(
        campaigns=[reminder(TWO_HOURS, targets=(MAIL, POST))],
        speeds={"mail": speed(Rate(50, DAY))},
        snapshot=snapshot,
    )

    assert ["missed", "due"] == [mail.state, post.state]
    early = planned(
        DUE - MINUTE, speeds={"mail": speed(Rate(50, DAY))}, snapshot=snapshot
    )
    assert [("planned", True)] == [(one.state, one.is_too_slow) for one in early]
    assert (
        "At 50/d the channel mail has no room before 2027-04-02 16:00 CEST, and nothing "
        "may leave from 2027-04-01 18:50 CEST on. Raise its `rate`." == reason_of(mail)
    )


def test_what_waits_already_goes_first() -> None:
    """Frozen editions are before it; so are those that are due earlier."""
    made = {"mail": speed(Rate(1, SECOND))}
    waiting = remember(CONCERT, waiting={"mail": 7000})
    crowd = {"readers": 4000}

    assert [""] == [reason_of(one) for one in planned(speeds=made, recipients=crowd)]
    assert "too-slow" in str(planned(speeds=made, recipients=crowd, snapshot=waiting))

    twin = event("2027-04-01 19:00", name="twin")
    first, second = planned(speeds=made, recipients=crowd, events=[CONCERT, twin])

    assert "" == reason_of(first)
    assert "At 1/s the channel mail needs about 2 h 13 min" in reason_of(second)


def test_what_expires_holds_up_nobody() -> None:
    """After the deadline the channel is free for the next edition."""
    later = event("2027-04-01 20:30", name="later")
    made = planned(
        events=[CONCERT, later],
        recipients={"readers": 10_000},
        speeds={"mail": speed(Rate(1, SECOND))},
    )

    assert "needs about 2 h 47 min" in reason_of(made[0])
    assert "needs about 3 h 7 min" in reason_of(made[1])


def test_nothing_may_leave_at_the_deadline_itself() -> None:
    """Not even the last of them."""
    made = {"mail": speed(Rate(1, SECOND))}

    assert "" == reason_of(*planned(speeds=made, recipients={"readers": 6599}))
    assert "" != reason_of(*planned(speeds=made, recipients={"readers": 6600}))


def test_what_is_sent_needs_no_time() -> None:
    """A row that is through has no reason."""
    (entry,) = planned()
    snapshot = remember(CONCERT, frozen=[froze(entry, CONCERT, now=DUE)])
    made = planned(snapshot=snapshot, speeds={"mail": speed(Rate(1, HOUR))})

    assert [("sent", None)] == [(one.state, one.reason) for one in made]


def test_a_frozen_edition_keeps_its_own_reason() -> None:
    """It counts as waiting; nobody can change what it is any more."""
    (entry,) = planned()
    frozen = froze(entry, CONCERT, now=DUE, state=EditionState.OPEN)
    snapshot = remember(CONCERT, frozen=[frozen], waiting={"mail": 100})
    made = plan(
        DUE,
        events=[CONCERT],
        campaigns=[reminder(TWO_HOURS)],
        snapshot=snapshot,
        speeds={"mail": speed(Rate(1, HOUR))},
        until=DUE,
    )

    assert [(entry.edition, "due", "already-frozen")] == rows(made)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(speed(), ["soon", "later", "tomorrow"], id="at once"),
        pytest.param(speed(Rate(1, SECOND)), ["later", "tomorrow"], id="half an hour"),
        pytest.param(speed(Rate(500, HOUR)), ["tomorrow"], id="four hours"),
        pytest.param(
            speed(Rate(10, HOUR)), ["soon", "later", "tomorrow"], id="too long for all"
        ),
    ],
)
def test_a_digest_leaves_out_what_it_would_be_late_for(
    made: Speed, expected: list[str]
) -> None:
    """What starts before it is through would doom the rest; all or nothing is worse."""
    events = [
        event("2027-03-22 08:40", name="soon"),
        event("2027-03-22 09:30", name="later"),
        event("2027-03-23 19:00", name="tomorrow"),
    ]
    (entry,) = plan(
        "2027-03-22 08:00",
        events=events,
        campaigns=[
            digest(
                window=Window(days=7),
                targets=(MAIL, Target(channel="mail", audience="team", template="t")),
            )
        ],
        recipients={"readers": 1000, "team": 1000},
        speeds={"mail": made},
        until=at("2027-03-22 08:00"),
    ).entries[:1]

    assert expected == list(entry.events)
    first = {one.id: one.start for one in events}[entry.events[0]]
    assert first is not None
    assert first - 10 * MINUTE == entry.deadline


def test_assumes_less_than_any_benchmark() -> None:
    """Twenty a second: fifty thousand readers in three quarters of an hour."""
    ends = finish(50_000, speed(assumed=ASSUMED), start=START)

    assert 41 * MINUTE <= ends - START <= 42 * MINUTE
