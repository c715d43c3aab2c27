"""From a plan's entries to frozen editions, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_files import open_for_writing
from ledger_samples import claim, person, result, states
from rendering_samples import DUE, SITE, make_campaign, make_event
from tambour.audience import Audience
from tambour.delivery.freezing import choose_due, freeze_entries
from tambour.delivery.press import Material
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Leased
from tambour.ledger.states import Step
from tambour.model import (
    Campaign,
    Decision,
    EditionId,
    EditionKind,
    Entry,
    EntryState,
    Limits,
    Plan,
    Reason,
    ReasonCode,
    Recipient,
    Revision,
    Snapshot,
    Target,
)
from tambour.rendering.templates import Templates

EVENT = make_event()
MAIL = Target(channel="lettre", audience="agents", template="digest")
POST = Target(channel="equipe", template="digest")
FOUR = (
    person("a@example.org"),
    person("b@example.org"),
    person("c@example.org", language="en"),
    person("A@example.org"),
)


def entry(target: Target = MAIL, **changes: Any) -> Entry:
    """Return a digest's entry that is due now."""
    values: dict[str, Any] = {
        "edition": EditionId("agenda/2019-05-20/1"),
        "campaign": "agenda",
        "kind": EditionKind.DIGEST,
        "events": (EVENT.id,),
        "target": target,
        "due": DUE,
        "deadline": DUE + timedelta(days=3),
        "state": EntryState.DUE,
    }
    return Entry(**(values | changes))


def audience(people: Sequence[Recipient]) -> Audience:
    """Return people who are held, as an audience."""
    return Audience(
        size=len(people),
        languages=tuple(sorted({person.language for person in people})),
        columns=tuple(people[0].fields),
        walk=lambda: iter(people),
    )


def material(
    root: Path,
    *,
    campaign: Campaign | None = None,
    people: Sequence[Recipient] = FOUR,
) -> Material:
    """Return what the entries are made of."""
    return Material(
        site=SITE,
        templates=Templates(root),
        campaigns={"agenda": campaign or make_campaign()},
        events={EVENT.id: EVENT},
        standing={EVENT.id: EVENT},
        audiences={"agents": audience(people)},
        channel_types={"lettre": "smtp", "equipe": "webhook"},
        snapshot=Snapshot(),
        limits=Limits(margin=timedelta(minutes=10), late=timedelta(hours=24)),
    )


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Open a ledger in memory."""
    ledger = open_for_writing("sqlite://", root=Path())
    yield ledger
    ledger.close()


def leased(ledger: Ledger, channel: str) -> list[tuple[Leased, Content]]:
    """Return what is due on a channel, with its words."""
    rows = ledger.lease(channel, by=DUE, now=DUE, limit=100)
    contents = ledger.contents({row.content for row in rows})
    return [(row, contents[row.content]) for row in rows]


def test_one_edition_spans_its_targets(ledger: Ledger, tmp_path: Path) -> None:
    """Mails per person, a post per channel, words per language, facts and sizes."""
    entries = [entry(), entry(POST, deadline=DUE + timedelta(days=1))]
    frozen = freeze_entries(ledger, entries, material(tmp_path), now=DUE)
    mails, posts = leased(ledger, "lettre"), leased(ledger, "equipe")

    assert (("agenda/2019-05-20/1",), {}) == (frozen.editions, frozen.failures)
    assert ["a@example.org", "b@example.org", "c@example.org"] == [
        row.recipient.address for row, _ in mails
    ]
    assert ["fr", "fr", "en"] == [content.language for _, content in mails]
    assert 2 == len({row.content for row, _ in mails})
    assert ["equipe"] == [row.recipient.address for row, _ in posts]
    assert "agenda" == json.loads(posts[0][1].payload or "")["data"]["campaign"]
    snapshot = ledger.snapshot()
    assert {"agents": 4} == snapshot.audience_sizes
    edition = snapshot.editions[frozen.editions[0]]
    assert DUE + timedelta(days=1) == edition.deadline
    assert (EVENT.facts(),) == edition.facts


def test_personal_words_are_frozen_for_each(ledger: Ledger, tmp_path: Path) -> None:
    """Words that look deeper into the recipient are rendered for each of them."""
    campaign = make_campaign(body="{{ recipient.address | upper }}")
    made = material(tmp_path, campaign=campaign, people=FOUR[:2])
    freeze_entries(ledger, [entry()], made, now=DUE)

    texts = [content.rendered.text for _, content in leased(ledger, "lettre")]  # type: ignore[union-attr]

    assert ["A@EXAMPLE.ORG" in texts[0], "B@EXAMPLE.ORG" in texts[1]] == [True, True]


@pytest.mark.parametrize(
    ("campaign", "words"),
    [
        (make_campaign(body="{{ nobody.knows }}"), "nobody"),
        (make_campaign(body="{{ recipient.city }}", targets=(MAIL,)), "city"),
    ],
    ids=["an unknown variable", "a column nobody has"],
)
def test_what_fails_is_sent_to_nobody(
    ledger: Ledger, tmp_path: Path, campaign: Campaign, words: str
) -> None:
    """An edition that cannot be rendered for one is frozen for none; others are."""
    sound = entry(edition=EditionId("other/2019-05-20/1"), campaign="other")
    made = material(tmp_path, campaign=campaign)
    campaigns = {**made.campaigns, "other": make_campaign(name="other")}
    made = Material(
        **{name: getattr(made, name) for name in Material.__slots__}
        | {"campaigns": campaigns}
    )
    frozen = freeze_entries(ledger, [entry(POST), entry(), sound], made, now=DUE)

    assert (sound.edition,) == frozen.editions
    failure = frozen.failures[entry().edition]
    assert words in str(failure)
    assert ["campaigns/agenda.md"] == [place.path for place in failure.problems]
    assert 3 == len(states(ledger))


class Changing:
    """An audience whose file is exchanged under its reader, the first time only."""

    def __init__(self) -> None:
        self.walks = 0

    def __call__(self) -> Iterator[Recipient]:
        """Give all people, then say that they were not those that were counted."""
        self.walks += 1
        yield from FOUR
        if self.walks == 1:
            msg = "agents.csv: the file changed while it was read"
            raise UserError(msg)


def test_people_who_changed_while_they_were_read_get_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    """No mixture of two lists is frozen; the next round freezes the edition."""
    made = material(tmp_path)
    changing = replace(made.audiences["agents"], walk=Changing())
    made = replace(made, audiences={"agents": changing})
    failed = freeze_entries(ledger, [entry(), entry(POST)], made, now=DUE)
    left = states(ledger)
    done = freeze_entries(ledger, [entry(), entry(POST)], made, now=DUE)

    assert ((), [entry().edition]) == (failed.editions, list(failed.failures))
    assert {} == left
    assert ((entry().edition,), {}) == (done.editions, done.failures)


def test_an_audience_is_walked_once_for_each_entry(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Its size, languages and columns are known without."""
    walks = Changing()
    walks.walks = 1
    made = material(tmp_path)
    counted = replace(made.audiences["agents"], walk=walks)
    freeze_entries(
        ledger, [entry()], replace(made, audiences={"agents": counted}), now=DUE
    )

    assert 2 == walks.walks


def test_freezes_once(ledger: Ledger, tmp_path: Path) -> None:
    """An edition that is frozen already is not reported as new."""
    made = material(tmp_path)
    freeze_entries(ledger, [entry()], made, now=DUE)

    assert () == freeze_entries(ledger, [entry()], made, now=DUE).editions


def test_the_next_revision_is_for_those_not_reached(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Who had the first has what they need; on another channel it is for everybody."""
    made = material(tmp_path)
    freeze_entries(ledger, [entry()], made, now=DUE)
    (first,) = claim(ledger, now=DUE, limit=1)
    ledger.settle([result(first, Step.ACCEPT)], (), now=DUE)
    (old,) = (entry().edition,)
    stop = Revision(edition=old, deadline=None, stop=Decision.SUPERSEDE)
    ledger.revise(stop, DUE)
    new = EditionId("agenda/2019-05-20/2")
    after = [entry(edition=new, after=(old,)), entry(POST, edition=new, after=(old,))]
    frozen = freeze_entries(ledger, after, made, now=DUE)

    assert (new,) == frozen.editions
    assert ["b@example.org", "c@example.org"] == [
        row.recipient.address for row, _ in leased(ledger, "lettre")
    ]
    assert 1 == len(leased(ledger, "equipe"))


LATER = DUE + timedelta(minutes=10)


def reminder(due: datetime, target: Target = MAIL, **changes: Any) -> Entry:
    """Return a reminder's entry, one of several about the same event."""
    edition = EditionId(f"rappels/{EVENT.id}/{due:%H%M}/1")
    kind = EditionKind.REMINDER
    return entry(target, edition=edition, kind=kind, due=due, **changes)


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        pytest.param([entry()], 1, id="due"),
        pytest.param([entry(state=EntryState.PLANNED, due=LATER)], 1, id="due by then"),
        pytest.param(
            [entry(state=EntryState.PLANNED, due=LATER + timedelta(seconds=1))],
            0,
            id="due later",
        ),
        pytest.param([entry(state=EntryState.MISSED)], 0, id="missed"),
        pytest.param(
            [entry(), entry(POST, state=EntryState.HELD)], 0, id="held in part"
        ),
        pytest.param(
            [
                entry(
                    state=EntryState.PLANNED,
                    reason=Reason(code=ReasonCode.SETTLING, text="fresh"),
                ),
                entry(POST),
            ],
            0,
            id="settling in part",
        ),
        pytest.param(
            [entry(), entry(POST, state=EntryState.SKIPPED)], 1, id="skipped in part"
        ),
        pytest.param(
            [
                entry(
                    state=EntryState.HELD,
                    reason=Reason(code=ReasonCode.NO_RECIPIENTS, text="nobody"),
                ),
                entry(POST),
            ],
            1,
            id="nobody in the audience",
        ),
        pytest.param(
            [reminder(DUE), reminder(LATER, state=EntryState.PLANNED)],
            1,
            id="a late reminder and the next",
        ),
        pytest.param(
            [reminder(DUE), reminder(LATER, POST, state=EntryState.PLANNED)],
            2,
            id="on another channel",
        ),
    ],
)
def test_chooses_what_is_due(entries: list[Entry], count: int) -> None:
    """What is due is frozen; an edition of which a part is held waits as a whole."""
    plan = Plan(now=DUE, entries=tuple(entries))

    assert count == len(choose_due(plan, by=LATER))
