from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_cases import NEW_YORK, PARIS, codes, event, origin, read
from tambour.config import SourceSettings
from tambour.content.event_file import read_event
from tambour.content.events import EventCache, Loaded, load_events
from tambour.model import Event, EventStatus

AGENDA = SourceSettings(id="agenda", path="events")


def load(
    folder: Path,
    *sources: SourceSettings,
    cache: EventCache | None = None,
    **files: str,
) -> Loaded:
    """Load `events/` after writing *files*, each a front matter."""
    (folder / "events").mkdir(exist_ok=True)
    for name, front in files.items():
        (folder / "events" / f"{name}.md").write_text(f"---\n{front}\n---\n")
    return load_events(folder, sources or (AGENDA,), PARIS, cache)


def span(found: Event) -> tuple[str | None, str | None, bool]:
    """Return an event's start, end and whether it has no hours."""
    start = found.start.isoformat() if found.start else None
    return start, found.end.isoformat() if found.end else None, found.all_day


# ── times ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param(
            "start: 2024-05-31",
            ("2024-05-31T00:00:00+02:00", None, True),
            id="a-date-is-a-day",
        ),
        pytest.param(
            "start: 2024-05-31 00:00:00 +02:00\nend: 2024-06-02 00:00:00 +02:00",
            ("2024-05-31T00:00:00+02:00", "2024-06-02T00:00:00+02:00", True),
            id="midnights-are-days",
        ),
        pytest.param(
            "start: 2024-05-31\nend: 2024-05-31",
            ("2024-05-31T00:00:00+02:00", None, True),
            id="one-day-has-no-end",
        ),
        pytest.param(
            "start: 2024-05-31 00:00\nhours: 18h - 21h",
            ("2024-05-31T18:00:00+02:00", "2024-05-31T21:00:00+02:00", False),
            id="hours-refine-midnight",
        ),
        pytest.param(
            "start: 2024-05-31 18:00\nhours: 18h - 21h",
            ("2024-05-31T18:00:00+02:00", "2024-05-31T21:00:00+02:00", False),
            id="hours-add-an-end",
        ),
        pytest.param(
            "start: 2024-05-31 20:00\nhours: 20h-2h",
            ("2024-05-31T20:00:00+02:00", "2024-06-01T02:00:00+02:00", False),
            id="hours-pass-midnight",
        ),
        pytest.param(
            "start: 2024-05-31\nend: 2024-06-02\nhours: 9h-18h",
            ("2024-05-31T09:00:00+02:00", "2024-06-02T18:00:00+02:00", False),
            id="hours-of-several-days",
        ),
        pytest.param(
            "start: 2024-05-31 18:00\nend: 2024-05-31 00:00",
            ("2024-05-31T18:00:00+02:00", None, False),
            id="midnight-end-is-only-a-date",
        ),
        pytest.param(
            "start: 2024-05-31 20:00\nend: 2024-06-01 00:00",
            ("2024-05-31T20:00:00+02:00", "2024-06-01T00:00:00+02:00", False),
            id="an-evening-may-end-at-midnight",
        ),
        pytest.param(
            "start: 2024-05-31 20:00\nend: 2024-05-31 20:00",
            ("2024-05-31T20:00:00+02:00", None, False),
            id="an-end-that-repeats-the-start",
        ),
        pytest.param(
            "start: 2024-05-31 09:00\nend_time: 5pm",
            ("2024-05-31T09:00:00+02:00", "2024-05-31T17:00:00+02:00", False),
            id="an-end-time-alone",
        ),
        pytest.param(
            "start: 2024-05-31 09:00\nall_day: true",
            ("2024-05-31T00:00:00+02:00", None, True),
            id="all-day-is-said",
        ),
        pytest.param(
            "start: 2024-05-31 00:00\nall_day: false",
            ("2024-05-31T00:00:00+02:00", None, False),
            id="midnight-is-meant",
        ),
        pytest.param(
            "start: '2024-05-30T22:00:00Z'",
            ("2024-05-31T00:00:00+02:00", None, True),
            id="midnight-in-utc",
        ),
        pytest.param(
            "start: 2024-03-31 00:00 +01:00\nhours: 18h",
            ("2024-03-31T18:00:00+02:00", None, False),
            id="hours-after-the-clocks-changed",
        ),
        pytest.param(
            "start: 2024-03-31 02:30",
            ("2024-03-31T03:30:00+02:00", None, False),
            id="an-hour-that-is-skipped",
        ),
        pytest.param(
            "start: 2024-10-27 02:30 +01:00",
            ("2024-10-27T02:30:00+01:00", None, False),
            id="an-hour-that-comes-twice",
        ),
    ],
)
def test_settles_when_an_event_takes_place(
    front: str, expected: tuple[str, str | None, bool]
) -> None:
    """Dates, hours in words and midnights come together without a problem."""
    assert expected == span(event(f"title: x\n{front}"))


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param("", [(2, "E204")], id="no-start"),
        pytest.param("start: 2024-02-30", [(3, "E205")], id="impossible"),
        pytest.param("start: bientôt", [(3, "E205")], id="no-date"),
        pytest.param("start: 0007-08-31 23:09:21 +00:09", [(3, "E206")], id="year"),
        pytest.param(
            "start: 2024-05-31 18:30\nend: 2024-05-31 00:30",
            [(4, "E203")],
            id="end-before-start",
        ),
        pytest.param(
            "start: 2024-05-31\nend: 2024-05-30", [(4, "E203")], id="day-before"
        ),
        pytest.param(
            "start: 2024-05-31\nend: 2024-05-32\ntimezone: Mars/Phobos",
            [(4, "E205"), (5, "E207")],
            id="several-at-once",
        ),
    ],
)
def test_holds_what_cannot_be_announced(
    front: str, expected: list[tuple[int, str]]
) -> None:
    """Each error stands at its line, and the event is held."""
    file = read(f"title: x\n{front}")

    assert expected == codes(file)
    assert EventStatus.HELD is file.event.status


def test_an_end_before_the_start_tells_how_to_mend_it() -> None:
    """The start stays known, and the note names its line."""
    file = read("title: x\nstart: 2024-05-31 18:30\nend: 2024-05-30 18:30")
    problem = file.problems[0]

    assert "start is 2024-05-31 18:30 (line 3)" == problem.note
    assert problem.help.startswith("delete the line if unknown")
    assert ("2024-05-31T18:30:00+02:00", None, False) == span(file.event)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param(
            "start: 2024-05-31 09:00\nhours: 9h30-17h", [(4, "W203")], id="other-hour"
        ),
        pytest.param(
            "start: 2024-05-31 09:00\nend: 2024-05-31 16:00\nhours: 9h-17h",
            [(5, "W203")],
            id="other-end",
        ),
        pytest.param(
            "start: 2024-05-31 20:00\nend: 2024-06-01 00:00\nhours: 20h-23h",
            [(5, "W203")],
            id="an-evening-that-ends-at-midnight",
        ),
        pytest.param(
            "start: 2024-05-31\nhours: mardi 4 juin de 9h à 12h",
            [(4, "W203")],
            id="other-day",
        ),
        pytest.param(
            "start: 2024-05-31\nhours: 18h CET", [(4, "W208")], id="not-understood"
        ),
        pytest.param(
            "start: mardi 31 mai 2024 18:30", [(3, "W204")], id="weekday-of-the-date"
        ),
        pytest.param(
            "start: 2024-05-31 18:30\nsummary: Le mardi 31 mai.",
            [(4, "W204")],
            id="weekday-in-words",
        ),
        pytest.param(
            "start: 2024-05-31 18:30\nsummary: On May 31, 2025.",
            [(4, "W204")],
            id="year-in-words",
        ),
        pytest.param(
            "start: '2024-05-31T00:00:00Z'",
            [(3, "W202")],
            id="midnight-of-another-zone",
        ),
    ],
)
def test_warns_of_what_contradicts_the_dates(
    front: str, expected: list[tuple[int, str]]
) -> None:
    """The dates count, the event is announced, and somebody is told."""
    file = read(f"title: x\n{front}")

    assert expected == codes(file)
    assert EventStatus.SCHEDULED is file.event.status


@pytest.mark.parametrize(
    ("rule", "start", "code"),
    [
        ("trust", "2024-06-14T10:00:00-04:00", "W202"),
        ("wall_clock", "2024-06-14T09:00:00-04:00", "W202"),
        ("error", None, "E208"),
    ],
)
def test_a_wrong_offset_is_handled_as_the_dialect_says(
    tmp_path: Path, rule: str, start: str | None, code: str
) -> None:
    """The problem shows what the clock and what the offset would give."""
    (tmp_path / "ours.yaml").write_text(f"rules: {{offset: {rule}}}")
    file = read(
        "title: x\ndate: 2024-06-14 9:00:00 -0500\nend: 2024-06-14 11:00:00 -0500",
        of=origin("ours.yaml", site=NEW_YORK, root=tmp_path),
    )

    assert start == span(file.event)[0]
    assert [(3, code)] == codes(file)
    assert "by the clock 09:00, by the offset 10:00" == file.problems[0].note


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("site_zone", "2024-06-14T09:00:00-04:00"),
        ("utc", "2024-06-14T05:00:00-04:00"),
        ("error", None),
    ],
)
def test_a_time_without_offset_is_read_as_the_dialect_says(
    tmp_path: Path, rule: str, start: str | None
) -> None:
    """Site time, UTC, or not at all."""
    (tmp_path / "ours.yaml").write_text(f"rules: {{naive_time: {rule}}}")
    file = read(
        "title: x\ndate: 2024-06-14 09:00",
        of=origin("ours.yaml", site=NEW_YORK, root=tmp_path),
    )

    assert start == span(file.event)[0]
    assert ([] if start else [(3, "E208")]) == codes(file)


# ── links ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("link", "absolute", "warns"),
    [
        ("https://a.example/x?y=1&amp;z=2", "https://a.example/x?y=1&z=2", False),
        ("/inscription/", "https://www.example.org/inscription/", False),
        ("inscription.html", "https://www.example.org/inscription.html", False),
        ("//a.example/x", "https://a.example/x", False),
        ("a.b-c.example.com", "https://a.b-c.example.com", True),
        ("www.example.com/x y", "https://www.example.org/www.example.com/x%20y", False),
        ("equipe@example.org", "mailto:equipe@example.org", False),
        ("http://mailto:equipe@example.org", "mailto:equipe@example.org", False),
        ("javascript:alert(1)", None, True),
        ("sur place", None, True),
        ("http://[x", None, True),
    ],
)
def test_makes_links_whole(link: str, absolute: str | None, *, warns: bool) -> None:
    """What can be followed becomes absolute, the rest is left out with a warning."""
    file = read(f"title: x\nstart: 2024-05-31\nregistration_url: '{link}'")

    assert absolute == file.event.registration_url
    assert ([(4, "W205")] if warns else []) == codes(file)


@pytest.mark.parametrize(
    ("name", "front", "permalink", "url"),
    [
        ("a-<<-b->>-c.md", "", "/agenda/:title/", "/agenda/a-b-c/"),
        ("x/index.md", "", "/agenda/:slug/", "/agenda/x/"),
        ("2024-05-01-fete.md", "", "/:year/:month/:day/:name/", "/2024/05/01/fete/"),
        ("f.md", "date: 2024-06-02\nslug: ete", "/:year/:i_day/:slug", "/2024/2/ete"),
        ("x/Été.md", "", "/:path.html", "/x/%C3%89t%C3%A9.html"),
        ("f.md", "permalink: /ailleurs/", "/agenda/:title/", "/ailleurs/"),
        ("f.md", "permalink: '/e/:title'", None, "/e/f"),
        ("f.md", "", "/:year/:title/", None),
    ],
)
def test_finds_the_page_of_an_event(
    name: str, front: str, permalink: str | None, url: str | None
) -> None:
    """The file's own link, else the source's permalink; none without its date."""
    found = event(
        f"title: x\nstart: 2024-05-31\n{front}",
        of=origin(permalink=permalink),
        name=name,
    )

    assert (url and f"https://www.example.org{url}") == found.url


@pytest.mark.parametrize("path", ["/uploads/a.png", "/blog/uploads/a.png"])
def test_a_site_in_a_folder_keeps_its_folder_once(path: str) -> None:
    """Whether the file repeats the folder or not."""
    site = replace(PARIS, url="https://example.org/blog")
    found = event(f"title: x\nstart: 2024-05-31\nimage: {path}", of=origin(site=site))

    assert "https://example.org/blog/uploads/a.png" == found.image


# ── files ───────────────────────────────────────────────────────────────────────


def test_a_broken_file_stops_no_other(tmp_path: Path) -> None:
    """It is held, so that it is not taken for a deleted one."""
    loaded = load(tmp_path, a="title: x\nstart: 2024-05-31", b="title: [x", c="x")
    (tmp_path / "events" / "gone.md").symlink_to("nowhere")
    again = load(tmp_path)

    assert ["agenda/a", "agenda/b", "agenda/c"] == [e.id for e in loaded.events]
    assert ["scheduled", "held", "held"] == [e.status for e in loaded.events]
    assert [
        ("events/b.md", 2, "E202"),
        ("events/c.md", 2, "E202"),
        ("events/gone.md", 0, "E201"),
    ] == [(p.path, p.line, p.code) for p in again.problems]


def test_odd_files_stop_no_other(tmp_path: Path) -> None:
    """A link to itself is held; a pipe, which would block, is passed over."""
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "loop.md").symlink_to("loop.md")
    os.mkfifo(folder / "pipe.md")
    loaded = load(tmp_path, a="title: x\nstart: 2024-05-31")

    assert ["agenda/a", "agenda/loop"] == [found.id for found in loaded.events]
    assert [("events/loop.md", "E201")] == [(p.path, p.code) for p in loaded.problems]


def test_a_page_of_unclosed_links_is_searched_once() -> None:
    """Looking for a link in the body takes no time that anybody notices."""
    body = "<a href='" * 12_000 + "[x](" * 20_000 + "<a href='/ici'>S'inscrire</a>"
    front = "title: x\nevent_start_date: 2024-05-31 10:00:00 +02:00"
    file = read(front, body=body, of=origin("numerique"))

    assert "https://www.example.org/ici" == file.event.registration_url


def test_reads_folders_below_but_not_what_is_no_event(tmp_path: Path) -> None:
    """Drafts of the editor, listing pages and README files are passed over."""
    front = "---\ntitle: x\nstart: 2024-05-31\n---\n"
    for name in (
        "2024/a.markdown",
        "2024/mai/b.md",
        ".git/c.md",
        "2024/.d.md",
        "README.md",
        "2024/_index.md",
        "e.txt",
    ):
        path = tmp_path / "events" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(front)

    assert ["agenda/2024/a", "agenda/2024/mai/b"] == [
        found.id for found in load(tmp_path).events
    ]


def test_orders_by_start_then_id_and_unknown_starts_last(tmp_path: Path) -> None:
    """The order is the same on every machine."""
    loaded = load(
        tmp_path,
        a="title: x",
        b="title: x\nstart: 2024-06-01",
        c="title: x\nstart: 2024-05-31",
        d="title: x\nstart: 2024-05-31",
    )

    assert ["agenda/c", "agenda/d", "agenda/b", "agenda/a"] == [
        found.id for found in loaded.events
    ]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("title: First\nuid: fete\nstart: 2024-05-31", ["scheduled", "held"]),
        ("title: Second\nuid: fete\nstart: 2024-05-31", ["held", "held"]),
        ("title: First\nuid: fete\nstart: 2024-06-01", ["held", "held"]),
        ("title: First\nuid: fete\nstart: bientôt", ["held", "held"]),
        ("title: First\nuid: fete\nstart: 2024-05-31\ndraft: 1", ["held", "hidden"]),
    ],
    ids=["alike", "other-title", "other-start", "broken", "draft"],
)
def test_two_files_with_one_id_are_a_problem(
    tmp_path: Path, second: str, expected: list[str]
) -> None:
    """The first counts if they agree, else neither; the second is told of it."""
    loaded = load(tmp_path, a="id: fete\ntitle: First\nstart: 2024-05-31", b=second)

    found = sorted((one.path, one.status.value) for one in loaded.events)
    assert expected == [status for _, status in found]
    assert ("events/b.md", 3, "E209") in [
        (p.path, p.line, p.code) for p in loaded.problems
    ]
    assert {"events/a.md", "events/b.md"} == loaded.named


def test_tells_when_each_file_was_changed(tmp_path: Path) -> None:
    """Also when the cache has read it before."""
    cache = EventCache()
    load(tmp_path, cache=cache, a="title: x\nstart: 2024-05-31")
    path = tmp_path / "events" / "a.md"
    seen = []
    for mtime_s in (1_700_000_000, 1_700_000_000, 1_800_000_000):
        os.utime(path, (mtime_s, mtime_s))
        (found,) = load(tmp_path, cache=cache).events
        seen.append(found.modified)

    first = datetime.fromtimestamp(1_700_000_000, UTC)
    assert [first, first, datetime.fromtimestamp(1_800_000_000, UTC)] == seen


@pytest.mark.parametrize("kind", ["gone", "empty", "a file", "dialect", "part"])
def test_tells_which_source_was_not_read_well(tmp_path: Path, kind: str) -> None:
    """What such a source does not show may be there all the same."""
    load(tmp_path, a="title: x\nstart: 2024-05-31")
    other = SourceSettings(
        id="autre", path="autre", dialect="jekyl" if kind == "dialect" else "auto"
    )
    folder = tmp_path / "autre"
    if kind == "a file":
        folder.write_text("")
    elif kind != "gone":
        folder.mkdir()
    if kind in {"dialect", "part"}:
        (folder / "b.md").write_text("---\ntitle: b\nstart: 2024-05-31\n---\n")
    with unreadable(folder) if kind == "part" else nullcontext():
        loaded = load(tmp_path, AGENDA, other)

    assert {"autre"} == loaded.unread
    assert {"agenda/a"} | ({"autre/b"} if kind == "part" else set()) == {
        one.id for one in loaded.events
    }
    assert loaded.problems


def test_a_file_that_is_left_for_later_leaves_its_source_unread(tmp_path: Path) -> None:
    """It may be what another file was called a moment ago."""
    load(tmp_path, a="title: x\nstart: 2024-05-31")
    before = datetime.now(UTC) - timedelta(minutes=1)
    loaded = load_events(tmp_path, [AGENDA], PARIS, settled_before=before)

    assert ((), {"agenda"}) == (loaded.events, loaded.unread)


@contextmanager
def unreadable(folder: Path) -> Iterator[None]:
    """Have a folder inside that cannot be listed, not even by root: too deep."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(20):
            Path("n" * 250).mkdir()
            os.chdir("n" * 250)
    finally:
        os.chdir(here)
    yield


@pytest.mark.parametrize(("folder", "code"), [("events", "W201"), ("event", "E212")])
def test_a_folder_without_events_is_a_problem_in_the_settings(
    tmp_path: Path, folder: str, code: str
) -> None:
    """The problem names the line of config.yaml that leads there."""
    (tmp_path / "config.yaml").write_text(
        f"version: 1\nsources:\n  - id: agenda\n    path: {folder}\n"
    )
    loaded = load(tmp_path, SourceSettings(id="agenda", path=folder))
    problem = loaded.problems[0]

    assert ("config.yaml", 4, code) == (problem.path, problem.line, problem.code)
    assert "agenda" in problem.help


def test_an_unknown_dialect_gives_no_events(tmp_path: Path) -> None:
    """Reading a site by the wrong rules would be worse."""
    loaded = load(
        tmp_path,
        SourceSettings(id="agenda", path="events", dialect="jekyl"),
        a="title: x\nstart: 2024-05-31",
    )

    assert ((), ["E211"]) == (loaded.events, [p.code for p in loaded.problems])


def test_reads_only_files_that_changed(tmp_path: Path) -> None:
    """A change of time or size is noticed; other settings forget everything."""
    cache = EventCache()
    first = load(tmp_path, cache=cache, a="title: x\nstart: 2024-05-31")
    path = tmp_path / "events" / "a.md"
    before = path.stat()
    path.write_text("---\ntitle: y\nstart: 2024-05-31\n---\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    same = load(tmp_path, cache=cache)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = load(tmp_path, cache=cache)
    other = SourceSettings(id="agenda", path="events", permalink="/:title/")
    moved = load(tmp_path, other, cache=cache)

    assert ["x", "x", "y"] == [each.events[0].title for each in (first, same, changed)]
    assert "https://www.example.org/a/" == moved.events[0].url


def test_a_vanished_file_leaves_the_cache(tmp_path: Path) -> None:
    """What is gone is not told again."""
    cache = EventCache()
    load(tmp_path, cache=cache, a="title: x\nstart: 2024-05-31")
    (tmp_path / "events" / "a.md").unlink()

    assert () == load(tmp_path, cache=cache).events


def test_a_hidden_events_errors_only_warn() -> None:
    """A draft may be unfinished without failing the check."""
    file = read("title: x\ndraft: true\nstart: 2024-02-30")

    assert EventStatus.HIDDEN is file.event.status
    assert [(4, "W209")] == codes(file)


def test_warns_of_double_keys_and_shortcodes() -> None:
    """Both stand at their line of the file."""
    file = read(
        "title: x\nstart: 2024-05-30\nstart: 2024-05-31",
        body="\nHello\n\n{{< youtube abc >}}\n",
    )

    assert [(4, "W207"), (9, "W206")] == codes(file)
    assert "youtube" in file.problems[1].message


def test_an_event_needs_a_title() -> None:
    """None is made up."""
    file = read("start: 2024-05-31")

    assert [(2, "E210")] == codes(file)
    assert "" == file.event.title


def test_a_strange_language_is_the_sites() -> None:
    """With a warning."""
    file = read("title: x\nstart: 2024-05-31\nlang: français de France")

    assert ("fr", [(4, "W208")]) == (file.event.language, codes(file))


@given(st.text(), st.sampled_from(["auto", "numerique", "digitalgov"]))
def test_any_front_matter_gives_an_event(text: str, dialect: str) -> None:
    """No file raises, and an event without a start is never announced."""
    keys = ("title", "event_start_date", "date", "end", "lieu", "url", "time", "lang")
    raw = "\n".join(["---", *(f"{key}: {text}" for key in keys), "---", text])
    found = read_event(
        raw.encode("utf-8", "ignore"),
        path="e/x.md",
        name="x.md",
        origin=origin(dialect),
    ).event

    assert found.start or found.status in (EventStatus.HELD, EventStatus.HIDDEN)
