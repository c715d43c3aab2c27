from __future__ import annotations

from pathlib import Path

import pytest

from content_cases import codes, event, origin, read
from tambour.content.dialects import load_dialect, preset_names
from tambour.content.findings import Findings
from tambour.model import Detail, EventStatus


def load(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """Return the line, message and help of each problem of a project's dialect."""
    (folder / "ours.yaml").write_text(text)
    findings = Findings("config.yaml")
    dialect, problems = load_dialect(
        "ours.yaml", root=folder, findings=findings, line=1
    )

    assert (dialect is None) == bool(problems)
    return [(p.line, p.message, p.help) for p in problems]


def test_ships_the_presets_that_the_design_names() -> None:
    """Each of them loads without a problem."""
    names = ["auto", "digitalgov", "eleventy", "hugo", "jekyll", "numerique"]

    assert names == preset_names()
    for name in names:
        origin(name)


def test_an_unknown_dialect_is_a_problem_with_a_suggestion(tmp_path: Path) -> None:
    """The problem stands where the dialect is named."""
    findings = Findings("config.yaml")
    dialect, _ = load_dialect("numerik", root=tmp_path, findings=findings, line=7)
    problem = findings.problems[0]

    assert dialect is None
    assert ("config.yaml", 7, "E211") == (problem.path, problem.line, problem.code)
    assert "numerique" in problem.help


def test_a_missing_dialect_file_is_a_problem(tmp_path: Path) -> None:
    """It says which file, and why."""
    findings = Findings("config.yaml")
    load_dialect("ours.yaml", root=tmp_path, findings=findings, line=3)

    assert "No such file" in findings.problems[0].message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("mapp: {}", 1, "unknown key 'mapp'"),
        ("extends: jekyl", 1, "no preset 'jekyl'"),
        ("map:\n  strat: date", 2, "unknown key 'strat'"),
        ("map:\n  start:\n    - date\n    - {kex: a}", 4, "must be a key's name"),
        ("map:\n  start: {key: date, als: x}", 2, "unknown key 'als'"),
        ("map:\n  start: a[x]", 2, "'a[x]' is not a path"),
        ("map:\n  url: {list: a}", 2, "'take' is missing"),
        ("map:\n  url: {list: a, take: b, where: {c: '('}}", 2, "regular expression"),
        ("map:\n  summary: {key: a, as: html}", 2, "'html' is not text"),
        ("rules:\n  offset: trusted", 2, "'trusted' is not one of: trust"),
        ("rules:\n  plausible_years: [7, 9]", 2, "two years"),
        ("rules:\n  online_if: {venu: x}", 2, "unknown key 'venu'"),
        ("rules:\n  null_words: x", 2, "list of words"),
        ("map: [", 1, "not valid YAML"),
        ("- a", 1, "must be made of"),
    ],
)
def test_a_dialects_fault_is_shown_at_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    """A dialect with a fault is not used at all."""
    problems = load(tmp_path, text)

    assert [line] == [found for found, _, _ in problems]
    assert words in problems[0][1]


def test_shows_all_faults_of_a_dialect_at_once(tmp_path: Path) -> None:
    """A suggestion comes with what is nearly right."""
    problems = load(tmp_path, "map:\n  tittle: a\nrules:\n  ofset: trust\n")

    assert ["known: title", "known: offset"] == [mend for _, _, mend in problems]


def test_a_projects_dialect_extends_a_preset(tmp_path: Path) -> None:
    """Fields it maps replace the preset's, a null maps nothing, the rest stays."""
    (tmp_path / "ours.yaml").write_text(
        "extends: numerique\n"
        "map:\n"
        "  start: quand\n"
        "  image: null\n"
        "  venue: {join: [salle, 'lieux[0].nom', 'lieux[].etage'], with: ' / '}\n"
        "  tags: {all: [themes, tags]}\n"
        "rules:\n"
        "  permalink: /:year/:slug.html\n"
    )
    found = event(
        "title: Fête\nquand: 2024-05-31 18:30\ndate: 2024-04-01\nsalle: A\n"
        "lieux: [{nom: B, etage: 1}, {etage: 2}]\nthemes: [x]\ntags: y, x\n"
        "une-ou-diaporama: [{image: /a.png}]\n"
        "champs_informations: [{intitule: 'Tarif : ', contenu: 5 €}]",
        of=origin("ours.yaml", root=tmp_path),
    )

    assert "A / B / 1, 2" == found.venue
    assert ("x", "y") == found.tags
    assert found.image is None
    assert "https://www.example.org/2024/fete.html" == found.url
    assert (Detail(label="Tarif", text="5 €"),) == found.details


@pytest.mark.parametrize(
    "front",
    [
        "event_start_date: 2024-05-31 18:30\ndate: 2024-01-01",
        "start: 2024-05-31 18:30",
        "startDate: 2024-05-31T18:30",
        "Start-Date: 2024-05-31 18:30:00",
        "date_debut: 2024-05-31 18h30",
        "date: 2024-05-31\ntime: 18:30",
        "date: 2024-05-31\nstart_time: 6:30 pm",
        "date: 2024-05-31 00:00:00 +02:00\nheure: à partir de 18h30",
        "date: '2024-05-31T16:30:00.000Z'",
        "date: May 31, 2024 6:30 PM",
        "dateEvent: 2024-05-31 12:30:00 -0400\ntimezone: Europe/Paris\nlang: fr",
    ],
)
def test_auto_finds_the_start_of_many_sites(front: str) -> None:
    """The same moment, whatever a site calls it."""
    found = read(f"title: Fête\n{front}").event

    assert found.start is not None
    assert "2024-05-31T18:30:00+02:00" == found.start.isoformat()
    assert not found.all_day


def test_auto_takes_no_publication_date_for_a_start() -> None:
    """On a site that has its own key for the start, `date` is the page's."""
    file = read("title: Fête\ndate: 2024-05-31\nevent_end_date: 2024-06-02")

    assert [(2, "E204")] == codes(file)


def test_auto_reads_what_describes_an_event() -> None:
    """Places, people, links and words are found under their usual names."""
    found = event(
        "title: Fête\nstart: 2024-05-31 18:30\nend: 2024-05-31 20:00\n"
        "timezone: Europe/London\nvenue: {name: Hall, address: 1 High St, city: Ely}\n"
        "organizer: {name: Us}\nlink: /fete/\nregister: www.example.com/x\n"
        "image: {src: img/a b.png, alt: A drum}\nlang: en_GB\n"
        "description: '**Big** [party](/x) &amp; more'\n"
        "tags: drum, party\ncategories: [Music, drum]\n".replace(
            "www.example.com", "https://www.example.com"
        ),
    )

    assert ("Hall", "1 High St, Ely", "Us") == (
        found.venue,
        found.address,
        found.organizer,
    )
    assert "https://www.example.org/fete/" == found.url
    assert "https://www.example.com/x" == found.registration_url
    assert "https://www.example.org/img/a%20b.png" == found.image
    assert ("A drum", "en-GB", "Europe/London") == (
        found.image_alt,
        found.language,
        found.timezone,
    )
    assert "Big party & more" == found.summary
    assert ("drum", "party", "Music") == found.tags


@pytest.mark.parametrize(
    ("front", "status"),
    [
        ("title: 'ANNULÉ : la fête'", EventStatus.CANCELLED),
        ("title: '[Cancelled] Party'", EventStatus.CANCELLED),
        ("title: 'CANCELED – Party'", EventStatus.CANCELLED),
        ("title: Annuler une démarche", EventStatus.SCHEDULED),
        ("title: '[POSTPONED] Party'", EventStatus.POSTPONED),
        ("title: Reportée – la fête", EventStatus.POSTPONED),
        ("title: Reporters sans frontières", EventStatus.SCHEDULED),
        ("title: x\nstatus: cancelled", EventStatus.CANCELLED),
        ("title: x\nevent_status: https://schema.org/EventPostponed",
         EventStatus.POSTPONED),
        ("title: x\ncanceled: yes", EventStatus.CANCELLED),
        ("title: x\ndraft: true", EventStatus.HIDDEN),
        ("title: x\npublished: false", EventStatus.HIDDEN),
        ("title: x\npublished: 2024-01-01", EventStatus.SCHEDULED),
    ],
)  # fmt: skip
def test_tells_what_becomes_of_an_event(front: str, status: EventStatus) -> None:
    """Titles keep their words; whole participles count, not what resembles them."""
    found = event(f"{front}\nstart: 2024-05-31 18:30")

    assert status is found.status
    assert found.title in front


def test_online_is_told_by_the_venue_or_a_platform() -> None:
    """A town hall is not online, a webinar is."""
    start = "title: x\nstart: 2024-05-31 18:30\n"

    assert event(f"{start}lieu: Webinaire 100% en ligne").online
    assert event(f"{start}event_platform: zoom").online
    assert event(f"{start}online: oui").online
    assert not event(f"{start}lieu: Mairie, rue de la Ligne").online


@pytest.mark.parametrize("word", ["null", "'null'", "'-'", "N/A", "TBD", "''", "'  '"])
def test_null_words_say_nothing(word: str) -> None:
    """What people type to fill a form is as good as nothing."""
    found = event(
        f"title: x\nstart: 2024-05-31\nend: {word}\nlieu: {word}\nurl: {word}\n"
        f"champs_informations: [{{intitule: {word}, contenu: {word}}}]"
    )

    assert (None, None, None, ()) == (found.end, found.venue, found.url, found.details)
