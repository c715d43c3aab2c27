from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from command_line import CONFIG, PEOPLE, REMINDER
from tambour.audience.text_file import TextFile, look_at
from tambour.content.settling import being_written, git_lock
from tambour.project import ProjectCache, load_project

NOW = datetime(2027, 3, 18, 8, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project without events."""
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "events").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "campaigns" / "rappel.md").write_text(REMINDER, encoding="utf-8")
    (tmp_path / "lecteurs.csv").write_text(PEOPLE, encoding="utf-8")
    return tmp_path


def date(file: Path, when: datetime) -> None:
    """Let a file be of *when*."""
    os.utime(file, (when.timestamp(), when.timestamp()))


def test_a_project_is_read_as_a_whole(root: Path) -> None:
    """Settings, campaigns and people come together, with every problem in order."""
    (root / "events" / "b.md").write_text("nothing", encoding="utf-8")
    (root / "campaigns" / "a.md").write_text("nothing", encoding="utf-8")

    project = load_project(root)

    assert [campaign.name for campaign in project.campaigns] == ["rappel"]
    assert project.sizes() == {"lecteurs": 2}
    paths = [problem.path for problem in project.problems]
    assert paths == sorted(paths)
    assert {"campaigns/a.md", "events/b.md"} <= set(paths)


def test_an_unchanged_audience_is_not_read_again(root: Path) -> None:
    """The same people come from the cache until the file changes."""
    cache = ProjectCache()
    first = load_project(root, cache=cache).audiences["lecteurs"]
    again = load_project(root, cache=cache).audiences["lecteurs"]
    (root / "lecteurs.csv").write_text("email\na@example.org\n", encoding="utf-8")
    changed = load_project(root, cache=cache).audiences["lecteurs"]

    assert first is again
    assert [person.address for person in changed] == ["a@example.org"]


def test_another_language_reads_an_audience_again(root: Path) -> None:
    """Who names no language reads the site's, whatever it was before."""
    cache = ProjectCache()
    (root / "lecteurs.csv").write_text("email\na@example.org\n", encoding="utf-8")
    load_project(root, cache=cache)
    english = CONFIG.replace("language: fr", "language: en")
    (root / "config.yaml").write_text(english, encoding="utf-8")

    (person,) = load_project(root, cache=cache).audiences["lecteurs"]

    assert person.language == "en"


def rewritten(file: Path) -> None:
    """Put another person in the place of one, and the old date."""
    before = file.stat()
    file.write_text(PEOPLE.replace("tom@", "tim@"), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_change_that_keeps_date_and_size_is_seen(root: Path) -> None:
    """A copy may bring its old date along; the people are read anew all the same."""
    cache = ProjectCache()
    load_project(root, cache=cache)
    rewritten(root / "lecteurs.csv")
    people = load_project(root, cache=cache).audiences["lecteurs"]

    assert ["zoe@example.org", "tim@example.org"] == [one.address for one in people]


def test_what_changed_while_it_was_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nobody this time, an error, and not remembered."""
    cache = ProjectCache()
    file = root / "lecteurs.csv"
    seen = look_at(file)
    with monkeypatch.context() as patch:
        patch.setattr("tambour.audience.csv_file.look_at", partial(late, file, seen))
        torn = load_project(root, cache=cache)
    mended = load_project(root, cache=cache)

    assert (0, {"lecteurs"}) == (torn.sizes()["lecteurs"], torn.broken_audiences())
    assert "E506" in [problem.code for problem in torn.problems]
    assert ({"lecteurs": 2}, set()) == (mended.sizes(), mended.broken_audiences())


def late(file: Path, seen: TextFile, _path: Path) -> TextFile:
    """Return the file as it was, once it is another."""
    rewritten(file)
    return seen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, {"lecteurs"}, id="missing"),
        pytest.param("name\nZoé\n", {"lecteurs"}, id="no addresses"),
        pytest.param("email\nnope\n", {"lecteurs"}, id="bad addresses"),
        pytest.param("email\n", set(), id="empty on purpose"),
        pytest.param("email\nnope\na@example.org\n", set(), id="one of two"),
    ],
)
def test_a_broken_audience_is_told_from_an_empty_one(
    text: str | None, expected: set[str], root: Path
) -> None:
    """Only an error that leaves nobody is a reason to wait."""
    file = root / "lecteurs.csv"
    file.unlink()
    if text is not None:
        file.write_text(text, encoding="utf-8")

    assert expected == load_project(root).broken_audiences()


# ── files that are being written ────────────────────────────────────────────────


@pytest.fixture
def settled(root: Path) -> Path:
    """A project whose files are a day old."""
    for file in root.rglob("*"):
        date(file, NOW - timedelta(days=1))
    return root


@pytest.mark.parametrize(
    ("age_s", "is_told"),
    [(3, False), (-1, True), (-59, True), (-61, False), (-86_400, False)],
    ids=["before", "after", "a minute ahead", "more than a minute", "tomorrow"],
)
def test_a_young_file_is_told_by_its_time(
    age_s: int, is_told: bool, settled: Path
) -> None:
    """Up to a minute ahead may be a clock's fault; more is no young file."""
    date(settled / "lecteurs.csv", NOW - timedelta(seconds=age_s))

    found = being_written(load_project(settled).config, since=NOW)

    assert (found == "lecteurs.csv changed a moment ago") == is_told


def test_a_linked_worktree_has_its_own_lock(settled: Path) -> None:
    """`.git` may be a file that names the folder."""
    (settled / "elsewhere").mkdir()
    (settled / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    (settled / "elsewhere" / "index.lock").touch()
    date(settled / "elsewhere" / "index.lock", NOW)

    found = being_written(load_project(settled).config, since=NOW)

    assert git_lock(settled / "events") == settled / "elsewhere" / "index.lock"
    assert found == f"git is at work: {settled / 'elsewhere' / 'index.lock'} exists"


def test_the_sites_repository_counts_too(settled: Path, tmp_path: Path) -> None:
    """Sources may lie in another repository than the project."""
    site = tmp_path / "site"
    (site / ".git").mkdir(parents=True)
    (site / "_evenements").mkdir()
    text = CONFIG.replace("path: events", "path: site/_evenements")
    (settled / "config.yaml").write_text(text, encoding="utf-8")
    date(settled / "config.yaml", NOW - timedelta(days=1))
    (site / ".git" / "index.lock").touch()
    date(site / ".git" / "index.lock", NOW)

    assert "git is at work" in str(being_written(load_project(settled).config, since=NOW))  # fmt: skip
