"""The documents say what is: every name of the program, and nothing it has not."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from content_cases import PARIS
from reference_pages import ROOT, every_command, options_of, pages
from tambour.cli import starting
from tambour.cli.app import app, hoisted
from tambour.config import SourceSettings, load_config
from tambour.config.settings import NESTED, SECTIONS, ChannelSettings, Config
from tambour.content.campaign_front import PARTS, CampaignFront
from tambour.content.campaigns import load_campaigns
from tambour.content.dialects import preset_names
from tambour.content.events import load_events
from tambour.content.listing import event_record
from tambour.content.terms import FIELDS, Rules
from tambour.errors import Exit
from tambour.memory import Memory
from tambour.model import DeliveryState, EntryState, EventStatus, ReasonCode, Snapshot
from tambour.problems import CODES, explanation
from tambour.project import load_project
from tambour.rendering.checking import NAMES
from tambour.rendering.readers import ALIASES, ATTRIBUTES
from tambour.rendering.templates import Templates
from tambour.rendering.views import EventView
from tambour.rendering.words import catalogue
from test_architecture import ROOMS

REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
HOSTS = re.compile(r"(.+\.)?(example\.(org|com)|localhost|127\.0\.0\.1)")
COMMANDS = dict(every_command())
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(path: Path) -> str:
    """Return a document's name for test ids."""
    return path.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    """Return a reference page."""
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return what stands below a heading, up to the next."""
    _, _, rest = page.partition(f"\n## {title}\n")

    assert rest, f"there is no section {title!r}"
    return rest.split("\n## ")[0]


def listed(text: str) -> set[str]:
    """Return the code spans in the first column of the tables of *text*."""
    firsts = re.findall(r"^\|((?:\\\||[^|])*)\|", text, re.MULTILINE)
    return {name for cell in firsts for name in re.findall(r"`([^`]+)`", cell)}


def keys(model: Any) -> set[str]:
    """Return the keys that a settings model takes in YAML."""
    return {field.alias or name for name, field in model.model_fields.items()}


# ── Written from the program ────────────────────────────────────────────────────


@pytest.mark.parametrize("place", pages())
def test_written_pages_are_up_to_date(place: str) -> None:
    """`scripts/reference` would change nothing."""
    assert pages()[place] == (ROOT / place).read_text(encoding="utf-8")


def test_explain_says_what_the_page_says() -> None:
    """A code is explained in the terminal, however it is typed."""
    result = CliRunner().invoke(app, ["explain", "e203"])

    assert explanation("E203") in result.stdout


def test_codes_in_the_source_are_known() -> None:
    """No problem is made with a code that nobody explains."""
    files = (ROOT / "src").rglob("*.py")
    used = {
        c for f in files for c in re.findall(r'"([EW]\d{3})"', f.read_text("utf-8"))
    }

    assert used == set(CODES)


def test_a_new_project_names_the_schema_to_complete_from(tmp_path: Path) -> None:
    """`init` copies the schemas, and points the settings' first line at them."""
    starting.begin(tmp_path, today=None)
    first = (tmp_path / "config.yaml").read_text("utf-8").splitlines()[0]
    schema = json.loads((tmp_path / first.partition("=")[2]).read_text("utf-8"))

    assert set(schema["properties"]) == keys(Config)
    assert (tmp_path / ".tambour" / "campaign.schema.json").is_file()
    assert load_config(tmp_path, environ={}).version == 1


# ── Nothing is missing ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("title", "models"),
    [
        ("Top level", (Config,)),
        ("site", (SECTIONS["site"],)),
        ("sources", (SECTIONS["sources"],)),
        ("audiences", (SECTIONS["audiences"],)),
        ("channels", get_args(get_args(ChannelSettings)[0])),
        *((name, (SECTIONS[name],)) for name in NESTED),
        ("safety", (SECTIONS["safety"],)),
        ("serve", (SECTIONS["serve"],)),
    ],
)
def test_every_setting_is_described(title: str, models: tuple[Any, ...]) -> None:
    """Each section of the page lists the keys that the program takes."""
    expected = set().union(*map(keys, models))

    assert expected == listed(section(read("settings"), title))


@pytest.mark.parametrize("part", ["", *PARTS])
def test_every_campaign_key_is_described(part: str) -> None:
    """The page lists a campaign's keys, and those below each."""
    page = read("campaigns")
    if part == "window":
        assert all(f"`{key}`" in section(page, part) for key in keys(PARTS[part]))
        return
    text = section(page, part) if part else page.split("\n## ")[0]

    assert keys(PARTS.get(part, CampaignFront)) == listed(text)


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("Editions in a plan", EntryState),
        ("Reasons", ReasonCode),
        ("Deliveries", DeliveryState),
    ],
)
def test_every_state_and_reason_is_described(title: str, known: Any) -> None:
    """The page lists each value, and no other."""
    assert set(known) == listed(section(read("states"), title))


def test_every_exit_code_is_described() -> None:
    """The table has each number."""
    rows = re.findall(
        r"^\| (\d+) \|", section(read("json"), "Exit codes"), re.MULTILINE
    )

    assert [str(int(code)) for code in Exit] == rows


def test_every_key_of_an_event_is_described() -> None:
    """The JSON of `events` is explained key by key, its states included."""
    page = section(read("json"), "events[]")
    project = load_project(ROOT)
    told = {name.removesuffix("[]") for name in listed(page)}

    assert set(event_record(project.events[0])) == told
    assert all(f"`{status}`" in page for status in EventStatus)


def test_every_key_of_the_theme_is_described() -> None:
    """The page lists the theme's keys, fonts and colours."""
    page = section(read("templates"), "theme.yaml")
    theme = Templates(ROOT).theme()
    inner = {*theme.fonts, *theme.light, *theme.dark}

    assert set(theme.__dataclass_fields__) == listed(page)
    assert all(f"`{name}`" in page for name in inner)


def test_every_name_in_templates_is_described() -> None:
    """Variables, attributes, macros, filters and words are all on the page."""
    page = read("templates")
    bare = {name.split("(")[0] for name in listed(page)}
    view = EventView(load_project(ROOT).events[0], reader=None)  # type: ignore[arg-type]
    attributes = {name for name in dir(view) if not name.startswith("_")}
    macros = (ROOT / "templates/email/_macros.html.j2").read_text("utf-8")
    filters = (ROOT / "src/tambour/rendering/templates.py").read_text("utf-8")
    own = set(re.findall(r"^        (\w+)=filters\.", filters, re.MULTILINE))

    assert bare >= NAMES
    assert listed(section(page, "event")) == attributes
    assert listed(section(page, "recipient")) == set(ATTRIBUTES)
    assert all(alias in section(page, "recipient") for alias in ALIASES)
    assert bare >= set(re.findall(r"{% macro (\w+)", macros))
    assert {name.split("(")[0] for name in listed(section(page, "Filters"))} == {
        *own,
        "typeset",
    }
    words = section(page, "Fixed words")
    assert set(catalogue("en").words) <= set(re.findall(r"`(\w+)`", words))


def test_every_part_of_a_dialect_is_described() -> None:
    """Presets, fields and rules are all on the page."""
    page = read("dialects")

    assert set(preset_names()) <= listed(page.split("\n## ")[0])
    assert listed(section(page, "map")) >= FIELDS
    assert listed(section(page, "rules")) == set(Rules.__dataclass_fields__)


# ── Nothing is untrue ───────────────────────────────────────────────────────────


def test_the_example_of_a_dialect_is_true(tmp_path: Path) -> None:
    """The example's page, read by the example's dialect, gives the example's event."""
    blocks = [text for _, text in BLOCK.findall(read("dialects"))]
    page, dialect, settings, expected = blocks[:4]
    (tmp_path / "dialects").mkdir()
    (tmp_path / "dialects/agenda.yaml").write_text(dialect, encoding="utf-8")
    (tmp_path / "cafe.md").write_text(page, encoding="utf-8")
    source = SourceSettings(id="agenda", path=".", dialect="dialects/agenda.yaml")
    (event,) = load_events(tmp_path, [source], PARIS).events
    record = event_record(event)
    wanted = json.loads(expected)

    assert wanted == {key: record[key] for key in wanted}
    assert "dialects/agenda.yaml" in settings


@pytest.mark.parametrize(
    "code", [code for code in CODES if "```markdown" in explanation(code)]
)
def test_the_example_of_a_problem_has_it(code: str, tmp_path: Path) -> None:
    """The bad lines that explain a code really give it."""
    (bad,) = (text for kind, text in BLOCK.findall(explanation(code)) if kind)
    if code[1] == "3":
        (tmp_path / "campaigns").mkdir()
        (tmp_path / "campaigns/one.md").write_text(bad, encoding="utf-8")
        site = {"name": "Agenda", "url": "https://www.example.org"}
        channels = {"outbox": {"type": "outbox"}}
        settings = {"version": 1, "site": site, "channels": channels}
        config = Config.model_validate(settings)
        _, problems = load_campaigns(tmp_path, config)
    else:
        for name in ("one.md", "two.md")[: 2 if code == "E209" else 1]:
            (tmp_path / name).write_text(bad, encoding="utf-8")
        source = SourceSettings(id="agenda", path=".", dialect="auto")
        problems = load_events(tmp_path, [source], PARIS).problems

    assert {code} == {problem.code for problem in problems}


def command_lines() -> Iterator[tuple[str, str]]:
    """Yield each command line that a document shows, with the document's name."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for kind, block in BLOCK.findall(text):
            if kind == "sh":
                lines = block.replace("\\\n", " ").splitlines()
                for line in lines:
                    found = re.match(r"(?:\S*/bin/)?(tambour\b.*)", line)
                    if found:
                        yield shown(document), found[1]
        for span in re.findall(r"`(tambour\s[^`]+)`", BLOCK.sub("", text)):
            yield shown(document), " ".join(span.split())


@pytest.mark.parametrize(("document", "line"), sorted(set(command_lines())))
def test_commands_in_documents_exist(document: str, line: str) -> None:
    """Each command line names a command there is, with options it takes."""
    words = [w for w in shlex.split(line, comments=True) if not w.startswith("[")]
    path, rest = "tambour", hoisted(words[1:])
    known = options_by_name(path)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            name, _, value = word.partition("=")
            assert name in known, f"{document}: {line}"
            if not known[name].is_flag and not value:
                rest.pop(0)
        elif hasattr(COMMANDS[path], "commands") and word != "COMMAND":
            path = f"{path} {word}"
            assert path in COMMANDS, f"{document}: {line}"
            known |= options_by_name(path)


def options_by_name(path: str) -> dict[str, Any]:
    """Return a command's options, and the one that all have."""
    options = options_of(COMMANDS[path], hidden=frozenset())
    return {name: option for names, option in options for name in names}


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    titles = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=shown)
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link names a file there is, and a heading in it."""
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=shown)
def test_documents_name_no_stranger(document: Path) -> None:
    """Addresses in documents are examples, or this machine."""
    text = document.read_text(encoding="utf-8")
    hosts = re.findall(r"https?://([\w.-]+)", text)

    assert [] == [host for host in hosts if not HOSTS.fullmatch(host)]


def test_the_documents_stay_short() -> None:
    """What is read first is read whole."""
    readme = (ROOT / "README.md").read_text("utf-8").splitlines()
    architecture = (ROOT / "docs/architecture.md").read_text("utf-8").splitlines()

    assert len(readme) <= 100
    assert len(architecture) <= 40


def test_the_architecture_names_every_room() -> None:
    """The table has the rooms in the order in which they may import."""
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    firsts = re.findall(r"^\| (`.+?`) \|", page, re.MULTILINE)
    rooms = [n.strip("/") for cell in firsts for n in re.findall(r"`(.+?)`", cell)]

    assert [room for room in ROOMS if room != "__main__"] == rooms


def test_the_event_in_the_readme_becomes_what_it_says() -> None:
    """The lines are those of a sample event, and its editions are due as told."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (example,) = (text for kind, text in BLOCK.findall(readme) if kind == "markdown")
    file = ROOT / "campaigns/events/atelier-premier-site.md"
    project = load_project(ROOT)
    now = datetime(2027, 1, 4, 12, tzinfo=UTC)
    memory = Memory(project=project, snapshot=Snapshot())
    plan = memory.plan(now=now, until=now + timedelta(days=21))
    due = {
        entry.due.astimezone(project.site.zone)
        for entry in plan.entries
        if "agenda/atelier-premier-site" in entry.events
    }

    assert set(example.splitlines()) <= set(file.read_text("utf-8").splitlines())
    assert [f"{at:%d %H:%M}" for at in sorted(due)] == [
        "11 08:00",
        "16 09:00",
        "18 08:00",
        "22 17:00",
        "23 08:00",
    ]
