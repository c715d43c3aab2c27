from __future__ import annotations

import json
import os
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.config import Config
from tambour.content.campaign_front import campaign_schema
from tambour.content.campaigns import load_campaigns
from tambour.content.schedules import read_cron, read_days, read_every, read_offset
from tambour.model import (
    Campaign,
    CampaignKind,
    Cron,
    Every,
    Offset,
    Selection,
    Target,
    Window,
)
from tambour.problems import Problem

CONFIG = Config.model_validate(
    {
        "version": 1,
        "site": {"name": "Agenda", "url": "https://www.example.org"},
        "sources": [{"id": "agenda", "path": "events"}],
        "audiences": {"agents": {"type": "csv", "path": "agents.csv"}},
        "channels": {
            "lettre": {"type": "smtp", "host": "localhost", "from": "a@example.org"},
            "equipe": {"type": "webhook", "url": "https://example.org/hook"},
            "outbox": {"type": "outbox"},
        },
    }
)
DIGEST = """\
kind: digest
send: {every: monday 08:00}
to:
  - {channel: lettre, audience: agents, template: digest}
"""


def load(folder: Path, **fronts: str) -> tuple[tuple[Campaign, ...], list[Problem]]:
    """Load campaigns after writing each with a body of one line."""
    (folder / "campaigns").mkdir(exist_ok=True)
    for name, front in fronts.items():
        text = f"---\n{front.strip()}\n---\nBonjour.\n"
        (folder / "campaigns" / f"{name}.md").write_text(text)
    campaigns, problems = load_campaigns(folder, CONFIG)
    return campaigns, list(problems)


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    """It would be the name of editions, which the ledger could not keep."""
    folder = tmp_path / "campaigns"
    folder.mkdir()
    raw = os.fsencode(folder) + b"/caf\xe9.md"
    Path(os.fsdecode(raw)).write_text(f"---\n{DIGEST}---\n")
    campaigns, problems = load(tmp_path, agenda=DIGEST)

    assert ["agenda"] == [campaign.name for campaign in campaigns]
    assert [("campaigns/caf\ufffd.md", "E301")] == [(p.path, p.code) for p in problems]


def test_reads_a_digest_with_everything(tmp_path: Path) -> None:
    """Every key of the contract lands where planning looks for it."""
    campaigns, problems = load(
        tmp_path,
        agenda="""\
kind: digest
send: {cron: "0 8 * * 1"}
window: {from: 1w, for: 14d}
where: {tags: [webinaire, atelier], sources: agenda, languages: [fr], online: yes}
to:
  - {channel: lettre, audience: agents, template: digest, subject: Lundi}
  - {channel: equipe, template: digest}
empty: send
approve: manual
late_added: skip
""",
    )

    assert [] == problems
    assert (
        Campaign(
            name="agenda",
            path="campaigns/agenda.md",
            kind=CampaignKind.DIGEST,
            targets=(
                Target(
                    channel="lettre",
                    template="digest",
                    audience="agents",
                    subject="Lundi",
                ),
                Target(channel="equipe", template="digest"),
            ),
            schedule=Cron(expression="0 8 * * 1"),
            window=Window(days=14, skip_days=7),
            where=Selection(
                tags=frozenset({"webinaire", "atelier"}),
                sources=frozenset({"agenda"}),
                languages=frozenset({"fr"}),
                online=True,
            ),
            send_empty=True,
            approve_manually=True,
            announce_late=False,
            body="Bonjour.",
            body_line=13,
        ),
    ) == campaigns


def test_reads_a_reminder_and_the_defaults(tmp_path: Path) -> None:
    """What is not said, or left empty, is the default."""
    campaigns, problems = load(
        tmp_path,
        rappels="kind: reminder\nsend: {before: [7d at 09:00, 1d, 2h]}\nwhere:\nempty:\n"
        "to: [{channel: outbox, audience: agents, template: reminder}]",
    )

    assert [] == problems
    assert (
        Offset(key="7d-0900", days=7, at=time(9)),
        Offset(key="1d", days=1),
        Offset(key="2h", elapsed=timedelta(hours=2)),
    ) == campaigns[0].offsets
    assert (None, Selection(), False, False, True) == (
        campaigns[0].schedule,
        campaigns[0].where,
        campaigns[0].send_empty,
        campaigns[0].approve_manually,
        campaigns[0].announce_late,
    )


@pytest.mark.parametrize(
    ("text", "weekdays", "at"),
    [
        ("monday 08:00", {0}, time(8)),
        ("Monday at 8:00", {0}, time(8)),
        ("lundi 8h30", {0}, time(8, 30)),
        ("monday, thursday 08:00", {0, 3}, time(8)),
        ("monday and friday 18:00", {0, 4}, time(18)),
        ("weekday 08:00", {0, 1, 2, 3, 4}, time(8)),
        ("day 08:00", set(), time(8)),
        ("weekday saturday sunday 07:05", set(), time(7, 5)),
    ],
)
def test_reads_weekly_and_daily_schedules(
    text: str, weekdays: set[int], at: time
) -> None:
    """All seven days are every day."""
    assert Every(at=at, weekdays=frozenset(weekdays)) == read_every(text)


@pytest.mark.parametrize("text", ["", "08:00", "monday", "mondy 08:00", "day 25:00"])
def test_refuses_other_schedules(text: str) -> None:
    """With a sentence that shows how to write one."""
    with pytest.raises(ValueError, match="write one like"):
        read_every(text)


@pytest.mark.parametrize("text", ["0 8 * *", "* * * * * *", "61 * * * *", "0 8 31 2 *"])
def test_refuses_cron_expressions_that_never_come(text: str) -> None:
    """Five fields, all of them possible."""
    with pytest.raises(ValueError, match=r"is not minute|bad "):
        read_cron(text)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("1w at 18:30", Offset(key="7d-1830", days=7, at=time(18, 30))),
        ("0d at 07:00", Offset(key="0d-0700", days=0, at=time(7))),
        ("30d", Offset(key="30d", days=30)),
        ("60m", Offset(key="1h", elapsed=timedelta(hours=1))),
        ("90m", Offset(key="90m", elapsed=timedelta(minutes=90))),
        ("24h", Offset(key="24h", elapsed=timedelta(days=1))),
    ],
)
def test_reads_how_long_before_a_start(text: str, offset: Offset) -> None:
    """Days are calendar days, hours elapsed time; a key names the length only."""
    assert offset == read_offset(text)


@pytest.mark.parametrize(
    "text", ["", "0d", "0h", "30s", "2h at 09:00", "1d at 25:00", "9999d", "7 days"]
)
def test_refuses_other_offsets(text: str) -> None:
    """A reminder at the start itself would leave too late."""
    with pytest.raises(ValueError, match=r".+"):
        read_offset(text)


@pytest.mark.parametrize("text", ["36h", "400d", "soon"])
def test_refuses_windows_that_are_not_days(text: str) -> None:
    """A window is whole days of the site's calendar."""
    with pytest.raises(ValueError, match=r".+"):
        read_days(text)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param("", [(1, "E304")] * 3, id="empty"),
        pytest.param(
            f"{DIGEST}widow: {{for: 14d}}\nempty: maybe",
            [(6, "E302"), (7, "E303")],
            id="unknown-and-wrong",
        ),
        pytest.param(
            "kind: digest\nsend: {every: mondy 08:00}\nto:\n"
            "  - {channel: letre, audience: agent}\nwhere: {sources: [agend]}",
            [(3, "E303"), (5, "E304"), (5, "E305"), (5, "E305"), (6, "E305")],
            id="names-and-values-at-once",
        ),
        pytest.param(
            "kind: digest\nsend: {before: [2h]}\n"
            "to: [{channel: equipe, template: digest}]",
            [(3, "E306"), (3, "E306")],
            id="a-digest-without-schedule",
        ),
        pytest.param(
            "kind: reminder\nsend:\n  every: day 08:00\nwindow: {for: 14d}\n"
            "to: [{channel: equipe, template: reminder}]",
            [(3, "E306"), (4, "E306"), (5, "E306")],
            id="a-reminder-without-before",
        ),
        pytest.param(
            "kind: reminder\nsend:\n  before:\n  - 1h\n  - 60m\n"
            "to: [{channel: equipe, template: reminder}]",
            [(6, "E306")],
            id="the-same-offset-twice",
        ),
        pytest.param(
            f"{DIGEST}  - {{channel: lettre, audience: agents, template: other}}",
            [(6, "E306")],
            id="the-same-people-twice",
        ),
        pytest.param(
            "kind: digest\nsend: {every: day 08:00}\nto:\n"
            "  - {channel: lettre, template: digest}\n"
            "  - {channel: equipe, audience: agents, template: digest}",
            [(5, "E306"), (6, "E306")],
            id="mail-to-nobody-and-a-post-to-people",
        ),
        pytest.param(
            "kind: digest\nsend: [x]\nto: {channel: equipe}\nwindow: {for: 0d}",
            [(3, "E303"), (3, "E306"), (4, "E303"), (5, "E303")],
            id="wrong-shapes",
        ),
        pytest.param("kind: [", [(2, "E301")], id="not-yaml"),
    ],
)
def test_says_all_that_is_wrong_at_its_line(
    tmp_path: Path, front: str, expected: list[tuple[int, str]]
) -> None:
    """A campaign with an error is left out."""
    campaigns, problems = load(tmp_path, agenda=front)

    assert () == campaigns
    assert expected == sorted((p.line, p.code) for p in problems)
    assert {"campaigns/agenda.md"} == {p.path for p in problems}


def test_suggests_what_was_meant(tmp_path: Path) -> None:
    """Nested keys are suggested from where they stand, names from config.yaml."""
    _, problems = load(
        tmp_path,
        agenda=DIGEST.replace("template", "templat").replace("lettre", "letre"),
    )

    assert {"did you mean lettre?", "did you mean template?", "add to.0.template"} == {
        p.help.partition(" known here")[0] for p in problems
    }


def test_a_key_given_twice_only_warns(tmp_path: Path) -> None:
    """The campaign still speaks."""
    campaigns, problems = load(tmp_path, agenda=f"{DIGEST}kind: digest")

    assert (["agenda"], [(6, "W301")]) == (
        [campaign.name for campaign in campaigns],
        [(p.line, p.code) for p in problems],
    )


def test_one_bad_campaign_stops_no_other(tmp_path: Path) -> None:
    """Files below the folder, README files and pipes are no campaigns."""
    (tmp_path / "campaigns" / "events").mkdir(parents=True)
    os.mkfifo(tmp_path / "campaigns" / "pipe.md")
    (tmp_path / "campaigns" / "events" / "x.md").write_text("x")
    campaigns, problems = load(tmp_path, a=DIGEST, b="kind: x", README="x")

    assert ["a"] == [campaign.name for campaign in campaigns]
    assert {"campaigns/b.md"} == {p.path for p in problems}


def test_a_project_without_campaigns_is_told_so(tmp_path: Path) -> None:
    """Silence would look like success."""
    assert (0, "W302") == (
        (problem := load_campaigns(tmp_path, CONFIG)[1][0]).line,
        problem.code,
    )


def test_the_schema_knows_every_key() -> None:
    """Editors complete what the reader accepts."""
    schema = json.loads(json.dumps(campaign_schema()))

    assert {
        *("kind", "send", "to", "window", "where"),
        *("empty", "approve", "late_added"),
    } == set(schema["properties"])
    assert {"from", "for"} == set(schema["$defs"]["WindowFront"]["properties"])
    assert schema["additionalProperties"] is False


@given(st.text())
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    """Nothing else is raised by what an editor types."""
    for read in (read_every, read_cron, read_offset, read_days):
        try:
            read(text)
        except ValueError:
            continue
