from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from git_folder import Repository, repository
from tambour.content import git_renames
from tambour.content.git_renames import Renames

LINES = [f"line {number} of the page\n" for number in range(12)]
PAGE = "---\ntitle: Forum\nstart: 2027-03-18 18:00\n---\n" + "".join(LINES)
EDITED = PAGE.replace("18:00", "19:30")
OTHER = "---\ntitle: Bal\n---\n" + "".join(f"Tout autre chose, {n}\n" for n in range(9))


@pytest.fixture
def work(tmp_path: Path) -> Repository:
    """A repository whose project is a folder below, with one committed event."""
    made = repository(tmp_path / "site")
    made.write("projet/events/a.md", PAGE)
    made.write("projet/events/other.md", OTHER)
    made.commit()
    return made


def found(work: Repository, *new: str, gone: str = "events/a.md") -> dict[str, str]:
    """Ask as a project in a folder of the repository does."""
    return dict(
        Renames().find(
            work.path / "projet",
            ["events"],
            gone=frozenset({gone}),
            new=frozenset(new or {"events/b.md"}),
        )
    )


def move_committed(work: Repository) -> None:
    """Rename, and commit that."""
    work.git("mv", "projet/events/a.md", "projet/events/b.md")
    work.commit()


def move_staged(work: Repository) -> None:
    """Rename in the index only."""
    work.git("mv", "projet/events/a.md", "projet/events/b.md")


def move_by_hand(work: Repository) -> None:
    """Rename without a word to git."""
    (work.path / "projet/events/a.md").rename(work.path / "projet/events/b.md")


def move_twice(work: Repository) -> None:
    """Rename in one commit, and again by hand."""
    work.git("mv", "projet/events/a.md", "projet/events/step.md")
    work.commit()
    (work.path / "projet/events/step.md").rename(work.path / "projet/events/b.md")


def move_in_two_commits(work: Repository) -> None:
    """Rename in one commit, and again in the next but one."""
    work.git("mv", "projet/events/a.md", "projet/events/step.md")
    work.commit()
    work.commit("Something else")
    work.git("mv", "projet/events/step.md", "projet/events/b.md")
    work.commit()


def move_on_a_branch(work: Repository) -> None:
    """Rename on a branch that is merged with another."""
    work.git("checkout", "--quiet", "-b", "idea")
    move_committed(work)
    work.git("checkout", "--quiet", "main")
    work.write("projet/events/new.md", OTHER + "!\n")
    work.commit()
    work.git("merge", "--quiet", "--no-edit", "idea")


MOVES = [
    move_committed,
    move_staged,
    move_by_hand,
    move_twice,
    move_in_two_commits,
    move_on_a_branch,
]


@pytest.mark.parametrize("is_edited", [False, True], ids=["untouched", "edited"])
@pytest.mark.parametrize("move", MOVES)
def test_follows_a_file_to_its_new_name(
    work: Repository, move: Callable[[Repository], None], is_edited: bool
) -> None:
    """Committed, staged or only in the working tree, and edited on the way or not."""
    if is_edited:
        work.write("projet/events/a.md", EDITED)
    move(work)

    assert {"events/b.md": "events/a.md"} == found(work)


def test_a_deleted_file_was_not_renamed(work: Repository) -> None:
    """Another file that came with the same commit is another file."""
    (work.path / "projet/events/a.md").unlink()
    work.write("projet/events/b.md", OTHER.replace("Bal", "Fête"))
    work.commit()

    assert {} == found(work)


def test_an_earlier_file_of_that_name_does_not_count(work: Repository) -> None:
    """A path that was renamed long ago, made anew and then deleted, was deleted."""
    move_committed(work)
    work.write("projet/events/a.md", OTHER.replace("Bal", "Fête"))
    work.commit()
    work.git("rm", "--quiet", "projet/events/a.md")
    work.commit()

    assert {} == found(work)


def test_what_was_renamed_and_then_deleted_is_gone(work: Repository) -> None:
    """Whatever somebody writes at its last path now."""
    move_committed(work)
    work.git("rm", "--quiet", "projet/events/b.md")
    work.commit()
    work.write("projet/events/b.md", OTHER.replace("Bal", "Fête"))

    assert {} == found(work)


def test_of_two_moves_from_one_name_the_last_counts(work: Repository) -> None:
    """The first is another event's by now."""
    move_committed(work)
    work.write("projet/events/a.md", OTHER.replace("Bal", "Fête"))
    work.commit()
    work.git("mv", "projet/events/a.md", "projet/events/c.md")
    work.commit()

    assert {"events/c.md": "events/a.md"} == found(work, "events/b.md", "events/c.md")


@pytest.mark.parametrize(
    "name",
    ["-rf.md", "--output=x.md", ":(top)a.md", "*.md", 'q"uote.md', "é\n.md", "a:b.md"],
)
def test_a_path_is_never_taken_for_an_option(tmp_path: Path, name: str) -> None:
    """Nor for a pattern; it is followed like any other."""
    work = repository(tmp_path / f"dépôt:{name}")
    work.write(f"--all/{name}", PAGE)
    work.commit()
    (work.path / "--all" / name).rename(work.path / "--all" / "-n.md")
    renamed = Renames().find(
        work.path,
        ["--all"],
        gone=frozenset({f"--all/{name}"}),
        new=frozenset({"--all/-n.md"}),
    )

    assert {"--all/-n.md": f"--all/{name}"} == renamed
    assert {"--all", ".git"} == {file.name for file in work.path.iterdir()}


def test_follows_into_another_folder_outside_of_the_project(tmp_path: Path) -> None:
    """A source may be a repository beside the project, reached through a link."""
    site = repository(tmp_path / "site")
    site.write("_posts/a.md", PAGE)
    site.write("_events/x.md", OTHER)
    site.commit()
    site.git("mv", "_posts/a.md", "_events/a.md")
    project = tmp_path / "project"
    project.mkdir()
    (project / "posts").symlink_to("../site/_posts")
    gone, new = "posts/a.md", str(site.path / "_events/a.md")
    renamed = Renames().find(
        project,
        ["posts", "../site/_events"],
        gone=frozenset({gone}),
        new=frozenset({new}),
    )

    assert {new: gone} == renamed


def test_leaves_the_repository_as_it_is(work: Repository) -> None:
    """No index, object or lock of it is touched, and no hook runs."""
    hook = work.write(".git/hooks/post-index-change", "#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    move_by_hand(work)
    work.write("projet/events/b.md", EDITED)
    before = {
        file: file.read_bytes() for file in work.path.rglob("*") if file.is_file()
    }
    found(work)

    assert before == {
        file: file.read_bytes() for file in work.path.rglob("*") if file.is_file()
    }


def test_a_hook_of_another_repository_does_not_mislead(
    work: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git tells its hooks of their repository is not handed on."""
    other = repository(tmp_path / "other")
    other.commit()
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / "index"))
    move_committed(work)

    assert {"events/b.md": "events/a.md"} == found(work)


@pytest.mark.parametrize("kind", ["no repository", "no commit", "no git", "too slow"])
def test_without_an_answer_there_are_no_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing is wrong then; other rules decide."""
    folder = tmp_path / "projet/events"
    folder.mkdir(parents=True)
    (folder / "b.md").write_text(PAGE, encoding="utf-8")
    if kind != "no repository":
        work = repository(tmp_path)
    if kind in {"no git", "too slow"}:
        work.commit()
    if kind == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    if kind == "too slow":
        monkeypatch.setattr(git_renames, "TIMEOUT_S", 0.0)

    assert {} == found(Repository(tmp_path))


def test_asks_again_only_when_something_changed(work: Repository) -> None:
    """The answer is kept for the same question at the same commit."""
    renames = Renames()
    gone, new = frozenset({"events/a.md"}), frozenset({"events/b.md"})
    root = work.path / "projet"
    move_by_hand(work)
    first = renames.find(root, ["events"], gone=gone, new=new)
    again = renames.find(root, ["events"], gone=gone, new=new)
    work.commit()
    after = renames.find(root, ["events"], gone=gone, new=new)

    assert first is again
    assert first is not after
    assert {"events/b.md": "events/a.md"} == first == after


def test_no_question_is_asked_in_vain(tmp_path: Path) -> None:
    """Without a lost path, or without a new one, nothing can have been renamed."""
    for gone, new in (("", "events/b.md"), ("events/a.md", "")):
        named = {"gone": frozenset(gone.split()), "new": frozenset(new.split())}

        assert {} == Renames().find(tmp_path / "nowhere", ["events"], **named)
