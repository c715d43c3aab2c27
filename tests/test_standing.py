"""Old backups and copies of a ledger are noticed, on real files, killed or not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line import environment
from ledger_files import open_for_writing
from tambour.errors import LedgerError
from tambour.ledger import open_for_reading
from tambour.ledger.home import Home
from tambour.ledger.journal import journal_path, read_journal, write_journal
from tambour.model import Reading, ReasonCode

NOW = datetime(2027, 3, 18, 8, tzinfo=UTC)
URL = "sqlite:///tambour.db"
OUTDATED, COPIED = ReasonCode.LEDGER_OUTDATED, ReasonCode.LEDGER_COPIED


def mark(root: Path, *, times: int = 1) -> None:
    """Send with the ledger, as far as its marks know."""
    with closing(open_for_writing(URL, root=root)) as ledger:
        for number in range(times):
            ledger.standing.mark(NOW + timedelta(minutes=number))


def doubt(root: Path, *, machine: str | None = None) -> ReasonCode | None:
    """Return why the ledger is in doubt."""
    with closing(open_for_reading(URL, root=root)) as ledger:
        found = ledger.standing.doubt(machine=machine)
    return found and found.code


def settle_in(root: Path, *, machine: str | None = None) -> None:
    """Send from a place for the first time."""
    with closing(open_for_writing(URL, root=root)) as ledger:
        ledger.standing.settle_in(machine=machine)


def back_up(root: Path, name: str) -> Path:
    """Copy the ledger's file alone, and return the copy."""
    copy = root.parent / f"{root.name}-{name}.db"
    shutil.copy(root / "tambour.db", copy)
    return copy


def put_back(root: Path, copy: Path) -> None:
    """Restore the ledger's file alone."""
    shutil.copy(copy, root / "tambour.db")


def cut_off(journal: Path) -> None:
    """Take the last mark back, as if the sender had died before it was written here."""
    mark = read_journal(journal)
    assert mark is not None
    write_journal(journal, replace(mark, number=mark.number - 1))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a ledger that has sent."""
    root = tmp_path / "here"
    root.mkdir()
    mark(root, times=3)
    return root


# ── Old backups ─────────────────────────────────────────────────────────────────


def test_a_ledger_that_goes_on_is_the_latest(root: Path) -> None:
    """So is one that never sent, and one from before there were journals."""
    new = root.parent / "new"
    new.mkdir()

    assert (doubt(root), doubt(new)) == (None, None)


def test_an_old_backup_is_noticed(root: Path) -> None:
    """It says from when to when something is unknown, and what to do."""
    copy = back_up(root, "old")
    mark(root, times=2)
    put_back(root, copy)

    with closing(open_for_reading(URL, root=root)) as ledger:
        stop = ledger.standing.stop()
    assert stop is not None
    assert stop.code is OUTDATED
    assert "last used 2027-03-18 08:02 UTC" in stop.text
    assert "sent until 2027-03-18 08:01 UTC" in stop.text
    assert "tambour db accept" in stop.text


def test_a_fresh_ledger_in_place_of_a_lost_one_is_noticed(root: Path) -> None:
    """Everything would be announced again."""
    (root / "tambour.db").unlink()
    (root / "tambour.db.key").unlink()
    with closing(open_for_writing(URL, root=root)):
        pass

    assert doubt(root) is OUTDATED


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda journal: journal.write_text(""),
        lambda journal: journal.write_bytes(b"\xff\xfe{"),
        lambda journal: journal.write_text('{"mark": 1, "at": "2027-03-18T08:00"}'),
        lambda journal: journal.write_text(
            '{"mark": 1, "at": "2027-03-18T08:00:00+00:00"}'
        ),
    ],
    ids=["missing", "empty", "no text", "without a zone", "of another"],
)
def test_a_ledger_without_its_journal_is_in_doubt(
    spoil: Callable[[Path], object], root: Path
) -> None:
    """A backup of the ledger alone, put into an empty folder, has none."""
    spoil(journal_path(root / "tambour.db"))

    assert doubt(root) is OUTDATED


def test_what_cannot_be_noticed(root: Path) -> None:
    """Where the whole folder is put back, both files are of one age."""
    copy = root.parent / "copy"
    shutil.copytree(root, copy)
    mark(root, times=2)
    shutil.rmtree(root)
    copy.rename(root)

    assert doubt(root) is None


def test_accepting_goes_on_from_the_journal(root: Path) -> None:
    """From then on it is the latest one, and what is older is noticed again."""
    copy = back_up(root, "old")
    mark(root, times=2)
    put_back(root, copy)
    with closing(open_for_writing(URL, root=root)) as ledger:
        ledger.standing.accept(NOW)
    accepted = doubt(root)
    put_back(root, copy)

    assert (accepted, doubt(root)) == (None, OUTDATED)


def test_accepting_makes_a_journal_anew(root: Path) -> None:
    """Even where a folder's rights were all that was wrong."""
    journal_path(root / "tambour.db").unlink()
    with closing(open_for_writing(URL, root=root)) as ledger:
        ledger.standing.accept(NOW)

    assert doubt(root) is None


def test_a_journal_that_cannot_be_written_ends_the_command(root: Path) -> None:
    """Nothing leaves that could be forgotten; nothing is in doubt for it."""
    journal = journal_path(root / "tambour.db")
    (journal.with_name(journal.name + ".new")).mkdir()
    with (
        closing(open_for_writing(URL, root=root)) as ledger,
        pytest.raises(LedgerError, match="make its folder writable"),
    ):
        ledger.standing.mark(NOW)

    assert doubt(root) is None


def test_the_journal_holds_no_address(root: Path) -> None:
    """It is a number and a moment."""
    text = journal_path(root / "tambour.db").read_text("utf-8")

    assert '{"mark": 3, "at": "2027-03-18T08:02:00+00:00"}\n' == text


@pytest.mark.parametrize(
    ("point", "since_latest"),
    [("open", None), ("rename", None), ("folder", OUTDATED), ("end", OUTDATED)],
)
def test_a_kill_on_the_way_is_no_age(
    point: str, since_latest: ReasonCode | None, root: Path
) -> None:
    """The ledger goes on wherever it was killed; older copies are noticed as before."""
    older = back_up(root, "older")
    mark(root)
    latest = back_up(root, "latest")
    command = [sys.executable, "tests/standing_child.py", str(root)]
    for _ in range(2):
        killed = subprocess.run(
            [*command, NOW.isoformat(), point],
            cwd=Path(__file__).parent.parent,
            env=environment(),
            check=False,
        )
        assert -signal.SIGKILL == killed.returncode
        assert doubt(root) is None
    shutil.copytree(root, root.parent / "then")

    put_back(root, older)
    assert doubt(root) is OUTDATED
    put_back(root, latest)
    # What is killed before the journal has let nothing leave since that copy.
    assert since_latest is doubt(root)
    mark(root.parent / "then")
    assert doubt(root.parent / "then") is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a ledger that has sent, to be copied."""
    made = tmp_path_factory.mktemp("made")
    mark(made)
    return made


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(["mark", "copy", "cut", "restore"]), max_size=10),
    st.data(),
)
def test_a_copy_is_noticed_if_something_left_since(
    made: Path, story: list[str], data: st.DataObject
) -> None:
    """Whatever was copied, restored and cut off between the two files before."""
    root = made.parent / "here"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(made, root)
    sent, tried = 1, 1
    copies = [(back_up(root, "0"), sent, tried)]
    journal = journal_path(root / "tambour.db")
    for number, what in enumerate(story, 1):
        if what == "copy":
            copies.append((back_up(root, str(number)), sent, tried))
        elif what == "restore":
            copy, known_sent, known_tried = data.draw(st.sampled_from(copies))
            put_back(root, copy)
            found = doubt(root)
            assert found is OUTDATED or known_sent == sent
            assert found is None or known_tried < tried
            with closing(open_for_writing(URL, root=root)) as ledger:
                ledger.standing.accept(NOW)
            sent, tried = sent + 1, tried + 1
        else:
            mark(root)
            tried += 1
            if what == "cut":
                cut_off(journal)
            else:
                sent += 1
            assert doubt(root) is None


# ── Copies ──────────────────────────────────────────────────────────────────────


def test_a_copy_beside_the_first_is_noticed(root: Path) -> None:
    """Both would send to the same people."""
    settle_in(root, machine="a")
    shutil.copytree(root, root.parent / "there")

    assert doubt(root, machine="a") is None
    assert doubt(root.parent / "there", machine="a") is COPIED


def test_a_moved_folder_is_no_copy(root: Path) -> None:
    """On the same machine, where nothing is left behind."""
    settle_in(root, machine="a")
    root.rename(root.parent / "there")

    assert doubt(root.parent / "there", machine="a") is None


def test_another_path_to_the_same_file_is_no_copy(root: Path) -> None:
    """As a symbolic link or a second name."""
    settle_in(root, machine="a")
    other = root.parent / "other"
    other.mkdir()
    os.link(root / "tambour.db", other / "tambour.db")
    os.link(root / "tambour.db.journal", other / "tambour.db.journal")
    link = root.parent / "link"
    link.symlink_to(root)

    assert (doubt(other, machine="a"), doubt(link, machine="a")) == (None, None)


def test_another_machine_is_noticed_under_the_same_path(root: Path) -> None:
    """As after a restore on a new server, while the old one still runs."""
    settle_in(root, machine="a")

    assert doubt(root, machine="b") is COPIED


@pytest.mark.parametrize(
    ("machines", "hosts", "path", "is_elsewhere"),
    [
        (("", ""), ("f3a1", "9c20"), "here", False),
        (("", ""), ("f3a1", "9c20"), "there", True),
        (("", ""), ("mac", "mac"), "there", False),
        (("", "a"), ("f3a1", "server"), "here", False),
        (("a", "a"), ("old name", "new name"), "there", False),
        (("a", "b"), ("web", "web"), "here", True),
    ],
    ids=[
        "a container started again",
        "a container with another path",
        "a folder moved on a machine without an id",
        "a container, seen from its host",
        "a folder moved on a machine that was renamed",
        "another machine of the same name",
    ],
)
def test_a_place_is_told_by_what_there_is_to_tell(
    machines: tuple[str, str], hosts: tuple[str, str], path: str, *, is_elsewhere: bool
) -> None:
    """Of a machine's id, its name and the path, where no file is left behind."""
    made = Home(machine=machines[0], host=hosts[0], path="/nowhere/here")
    here = Home(machine=machines[1], host=hosts[1], path=f"/nowhere/{path}")

    assert is_elsewhere == made.is_elsewhere(here)


def test_accepting_makes_a_copy_at_home(root: Path) -> None:
    """And the first place is where it was not."""
    settle_in(root, machine="a")
    with closing(open_for_writing(URL, root=root)) as ledger:
        ledger.standing.accept(NOW, machine="b")

    assert (doubt(root, machine="b"), doubt(root, machine="a")) == (None, COPIED)


def test_a_machine_is_not_told_by_name(root: Path) -> None:
    """The ledger has a hash of its id, which backups may carry anywhere."""
    settle_in(root, machine="very secret name")
    with closing(open_for_reading(URL, root=root)) as ledger:
        stop = ledger.standing.doubt(machine="another")

    assert stop is not None
    assert str(root / "tambour.db") in stop.text


# ── The clock's notes ───────────────────────────────────────────────────────────


def test_what_was_seen_of_the_clock_is_kept(root: Path) -> None:
    """A doubt as well, which every reader sees from then on."""
    first = Reading(wall=NOW, boot="b", elapsed=1.5)
    jumped = Reading(wall=NOW + timedelta(days=3), boot="b", elapsed=61.5)
    with closing(open_for_writing(URL, root=root)) as ledger:
        ledger.standing.judge_clock(first)
        ledger.standing.judge_clock(jumped)
    with closing(open_for_reading(URL, root=root)) as ledger:
        memory, stop = ledger.standing.clock(), ledger.standing.stop()

    assert (first, first, jumped) == (memory.highest, memory.last, memory.doubted)
    assert stop is not None
    assert stop.code is ReasonCode.CLOCK_JUMPED
    assert "from 2027-03-18 08:00 UTC to 2027-03-21 08:00 UTC within 1 min" in stop.text


def test_a_ledger_in_memory_is_at_home(root: Path) -> None:
    """It has no file to be copied or put back."""
    with closing(open_for_writing("sqlite://", root=root)) as ledger:
        ledger.standing.mark(NOW)
        ledger.standing.settle_in()

        assert ledger.standing.stop() is None
