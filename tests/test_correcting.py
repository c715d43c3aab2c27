"""Whom a correction goes to, and what each of them reads."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from command_line import Folder
from ledger_files import open_for_writing
from ledger_samples import person
from rendering_samples import DUE, SITE, make_campaign, make_event
from tambour.audience import Audience
from tambour.composing.identity import idempotency_key
from tambour.delivery.correcting import Misled
from tambour.delivery.press import Material, Press
from tambour.errors import UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Draft, LastTold
from tambour.model import (
    EditionId,
    EditionKind,
    Entry,
    EntryState,
    Event,
    EventId,
    EventStatus,
    FrozenEdition,
    Limits,
    Recipient,
    Snapshot,
    Target,
    Told,
)
from tambour.rendering.templates import Templates

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = Limits(margin=timedelta(minutes=10), late=DAY)
NOW = make_event(venue="Médiathèque", url="https://www.example.org/agenda/rencontre/")
assert NOW.start is not None
START = NOW.start
EARLIER = replace(NOW, start=START - DAY)
ELSEWHERE = replace(NOW, venue="Mairie")
CORRECTION = EditionId(f"agenda/{NOW.id}/correction/1")
MAIL = Target(channel="lettre", audience="agents", template="correction")
POST = Target(channel="equipe", template="correction")
SECRET = b"secret"


def frozen(number: int, event: Event) -> FrozenEdition:
    """Return an edition that told of *event*."""
    return FrozenEdition(
        id=EditionId(f"agenda/{number}/1"),
        campaign="agenda",
        kind=EditionKind.DIGEST,
        due=DUE,
        deadline=None,
        facts=(make_event(id=EventId("other")).facts(), event.facts()),
        frozen_at=DUE,
    )


EDITIONS = {
    one.id: one for one in (frozen(1, EARLIER), frozen(2, ELSEWHERE), frozen(3, NOW))
}
FIRST, SECOND, THIRD = EDITIONS


def last(edition: EditionId, *, campaign: str = "agenda") -> LastTold:
    """Return what the last edition told somebody."""
    facts = EDITIONS[edition].facts[1]
    return LastTold(edition=edition, campaign=campaign, audience=None, facts=facts)


def told(*pairs: tuple[str, EditionId | LastTold]) -> Any:
    """Return who was told by which edition, as the ledger says it."""
    known = {
        address: one if isinstance(one, LastTold) else last(one)
        for address, one in pairs
    }

    def memory(event: EventId, channel: str, addresses: Sequence[str]) -> Any:
        assert NOW.id == event
        assert channel in ("lettre", "equipe")
        return {one: known[one] for one in addresses if one in known}

    return memory


def entry(target: Target = MAIL, **changes: Any) -> Entry:
    """Return a correction's entry that is due."""
    values: dict[str, Any] = {
        "edition": CORRECTION,
        "campaign": "agenda",
        "kind": EditionKind.CORRECTION,
        "events": (NOW.id,),
        "target": target,
        "due": DUE,
        "deadline": START - DAY,
        "state": EntryState.DUE,
    }
    return Entry(**(values | changes))


def material(*people: Recipient, now: Event = NOW, **changes: Any) -> Material:
    """Return what corrections are made of, for those of *people* who are left."""
    audience = Audience(
        size=len(people),
        languages=tuple(sorted({one.language for one in people})),
        columns=(),
        walk=lambda: iter(people),
    )
    values: dict[str, Any] = {
        "site": SITE,
        "templates": Templates(Path(__file__).parents[1]),
        "campaigns": {
            "agenda": make_campaign(body="{% if recipient.name %}!{% endif %}")
        },
        "events": {},
        "standing": {now.id: now},
        "audiences": {"agents": audience},
        "channel_types": {"lettre": "smtp", "equipe": "webhook"},
        "snapshot": Snapshot(),
        "limits": LIMITS,
    }
    return Material(**(values | changes))


def drafts(made: Material, readers: Any, *entries: Entry) -> list[Draft]:
    """Return what would be frozen."""
    press = Press(
        list(entries) or [entry()], made, DUE, secret=SECRET, last_told=readers
    )
    return list(press.drafts())


def words(draft: Draft) -> str:
    """Return what somebody reads, in ordinary spaces."""
    rendered = draft.content.rendered
    assert rendered is not None
    return f"{rendered.subject}\n{rendered.text}".replace("\u00a0", " ")


ANN, BOB = person("ann@example.org"), person("bob@example.org")
CID = person("cid@example.org", language="en")


def test_each_reads_what_was_so_for_them() -> None:
    """Old facts differ from reader to reader; each pair of facts is rendered once."""
    dora = person("Dora@Example.org")
    readers = told(
        ("ann@example.org", FIRST),
        ("bob@example.org", SECOND),
        ("cid@example.org", SECOND),
        ("Dora@Example.org", last(FIRST)._replace(edition=EditionId("agenda/9/1"))),
    )
    made = drafts(material(ANN, BOB, CID, dora), readers)

    assert [ANN, BOB, CID, dora] == [draft.recipient for draft in made]
    assert "Nouvelle date" in words(made[0])
    assert "Avant : mercredi 22 mai" in words(made[0])
    assert "Nouveau lieu" in words(made[1])
    assert "Mairie" in words(made[1])
    assert "Before: Mairie" in words(made[2])
    assert made[0].content is made[3].content
    assert 3 == len({draft.content.key for draft in made})


@pytest.mark.parametrize(
    ("people", "readers", "now"),
    [
        pytest.param((ANN,), told(), NOW, id="was not told"),
        pytest.param((), told(("ann@example.org", FIRST)), NOW, id="has left"),
        pytest.param((ANN,), told(("ann@example.org", THIRD)), NOW, id="knows it"),
        pytest.param(
            (ANN,),
            told(("ann@example.org", last(FIRST, campaign="other"))),
            NOW,
            id="another campaign told it last",
        ),
        pytest.param(
            (ANN,),
            told(("ann@example.org", FIRST)),
            replace(NOW, start=DUE + LIMITS.margin),
            id="too late",
        ),
    ],
)
def test_nobody_else_is_written_to(
    people: tuple[Recipient, ...], readers: Any, now: Event
) -> None:
    """Only those who were told something else, are still there, and are in time."""
    assert [] == drafts(material(*people, now=now), readers)


def test_those_who_can_still_be_told_are_though_others_cannot() -> None:
    """Of two groups the one whose old start is past is left alone."""
    past = frozen(4, replace(NOW, start=DUE))
    late = last(FIRST)._replace(facts=past.facts[1])
    readers = told(("ann@example.org", late), ("bob@example.org", FIRST))
    made = drafts(material(ANN, BOB), readers)

    assert [BOB] == [draft.recipient for draft in made]


def test_a_post_names_the_one_that_it_corrects() -> None:
    """By its idempotency key, with old and new beside each other."""
    readers = told(("equipe", SECOND))
    (draft,) = drafts(material(), readers, entry(POST))
    said = json.loads(draft.content.payload or "")
    key = idempotency_key(SECRET, edition=SECOND, channel="equipe", account="equipe")

    assert "edition.correction" == said["type"]
    assert [{"label": "Où", "before": "Mairie", "after": "Médiathèque"}] == said[
        "data"
    ]["changes"]
    assert [key] == said["data"]["corrects"]
    assert said["data"]["text"].startswith("Nouveau lieu")


def test_a_post_that_was_not_sent_is_not_corrected() -> None:
    """There is nothing to put right."""
    assert [] == drafts(material(), told(), entry(POST))


def test_a_gone_campaign_is_stood_in_for() -> None:
    """Its readers are corrected all the same; it has no words that could fail."""
    made = drafts(material(ANN, campaigns={}), told(("ann@example.org", FIRST)))

    assert "Nouvelle date" in words(made[0])


def test_an_event_that_is_gone_is_cancelled() -> None:
    """What stands is frozen: words and facts say that it is called off."""
    off = replace(NOW, status=EventStatus.CANCELLED)
    row = entry(replace(MAIL, template="cancellation"), kind=EditionKind.CANCELLATION)
    press = Press(
        [row],
        material(ANN, now=off),
        DUE,
        secret=SECRET,
        last_told=told(("ann@example.org", THIRD)),
    )

    assert EventStatus.CANCELLED is press.edition.facts[0].status
    assert ["Annulé : Rencontre"] == [
        words(draft).split("\n")[0] for draft in press.drafts()
    ]


def test_a_preview_shows_what_most_were_told() -> None:
    """Nobody need have been told to look at it."""
    groups = tuple(
        Told(
            facts=event.facts(),
            campaign="agenda",
            channel="lettre",
            audience="agents",
            edition=edition,
            recipients=count,
        )
        for event, edition, count in ((EARLIER, FIRST, 2), (ELSEWHERE, SECOND, 3))
    )
    snapshot = Snapshot(told={NOW.id: groups})
    made = material(ANN, snapshot=snapshot)
    press = Press([entry()], made, DUE, secret=b"", last_told=None)
    content = press.content_for(entry(), person("somebody@example.org"))

    assert content.rendered is not None
    assert "Mairie" in content.rendered.text


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Open a ledger in memory."""
    ledger = open_for_writing("sqlite://", root=Path())
    yield ledger
    ledger.close()


def test_a_correction_is_frozen_like_any_edition(ledger: Ledger) -> None:
    """Its facts are those that hold now, so that nobody is corrected twice."""
    press = Press(
        [entry(), entry(POST)],
        material(ANN, BOB),
        DUE,
        secret=SECRET,
        last_told=told(("ann@example.org", FIRST), ("equipe", FIRST)),
    )
    ledger.freeze(press.edition, press.drafts(), audiences=press.sizes())
    rows = [
        row.recipient.address
        for channel in ("lettre", "equipe")
        for row in ledger.lease(channel, by=DUE, now=DUE, limit=10)
    ]

    assert ["ann@example.org", "equipe"] == rows
    assert (NOW.facts(),) == ledger.snapshot().editions[CORRECTION].facts


def test_a_correction_says_nothing_about_the_size_of_an_audience(
    ledger: Ledger,
) -> None:
    """An audience that tripled holds the next edition after it as well."""
    readers = told(("ann@example.org", FIRST))
    strangers = (person(f"{number}@example.org") for number in range(9))
    press = Press(
        [entry()], material(ANN, *strangers), DUE, secret=SECRET, last_told=readers
    )
    ledger.freeze(press.edition, press.drafts(), audiences=press.sizes())

    assert {} == ledger.snapshot().audience_sizes


def test_everybody_is_asked_about_once_in_flat_memory() -> None:
    """Of a hundred thousand people some bytes are kept each, and no list of them."""
    count = 100_000
    people = (person(f"reader{number}@example.org") for number in range(count))
    asked: list[int] = []

    def memory(_event: EventId, _channel: str, addresses: Sequence[str]) -> Any:
        asked.append(len(addresses))
        return {one: last(SECOND) for one in addresses if "7@" in one}

    found = Misled(entry=entry(), now=NOW.facts(), limits=LIMITS, at=DUE)
    tracemalloc.start()
    choice = found.choose(people, memory)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == sum(asked)
    assert most < 2_000_000 + 8 * count
    assert 1 == len(choice.variants)
    assert count / 10 == sum(number == 0 for number in choice.numbers or ())


def test_an_event_that_nobody_knows_any_more_stops_its_correction() -> None:
    """That is told, not raised: other editions leave."""
    with pytest.raises(UserError, match="not there any more"):
        drafts(material(ANN, standing={}), told())


# ── from end to end ─────────────────────────────────────────────────────────────


def headers(folder: Folder, kind: str) -> dict[str, str]:
    """Return the subject of each mail of a kind that was filed, by its reader."""
    mails = [
        message_from_bytes(file.read_bytes(), policy=default)
        for file in folder.filed()
        if file.suffix == ".eml" and f"-{kind}-" in file.name
    ]
    return {mail["To"].addresses[0].addr_spec: mail["Subject"] for mail in mails}


def test_those_who_were_told_are_corrected_and_nobody_else(folder: Folder) -> None:
    """Mail and post, each once; who left or came in between hears nothing."""
    folder.write("config.yaml", (folder.path / "config.yaml").read_text("utf-8") + "safety: {settle: 0s}\n")  # fmt: skip
    folder.run("send", "--yes")
    folder.write("lecteurs.csv", "email,name,language\nzoe@example.org,Zoé,fr\nnew@example.org,New,fr\n")  # fmt: skip
    folder.event("atelier", hours=30)
    shown = folder.run("render", "rappel", "--out", str(folder.path / "seen"))
    seen = [file.name for file in (folder.path / "seen").iterdir()]
    sent = folder.run("send", "--yes")
    again = folder.run("send", "--yes")
    posts = [json.loads(file.read_text("utf-8")) for file in folder.filed() if file.suffix == ".json"]  # fmt: skip
    (post,) = (one["data"] for one in posts if one["data"]["kind"] == "correction")

    assert (0, 0, 0) == (shown.code, sent.code, again.code)
    assert all("correction" in name for name in seen), seen
    assert {"zoe@example.org": "Nouvelle date : Atelier"} == headers(
        folder, "correction"
    )
    assert [["Quand"], 1] == [
        [one["label"] for one in post["changes"]],
        len(post["corrects"]),
    ]
    assert "nothing" in again.out.lower()
