from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_line import child, run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demo that ran by its default name, and its timeline."""
    home = tmp_path_factory.mktemp("home")
    ended = child("demo", cwd=home, check=True)
    return home / "tambour-demo", ended.stdout


def test_the_demo_leaves_mail_posts_and_a_page(lived: tuple[Path, str]) -> None:
    """`tambour demo` fills tambour-demo/outbox with what really left."""
    outbox = lived[0] / "outbox"

    assert (outbox / "index.html").is_file()
    assert len(list(outbox.glob("*.eml"))) >= 100
    assert len(list(outbox.glob("*.json"))) >= 20


def test_the_demo_prints_its_timeline(lived: tuple[Path, str]) -> None:
    """The timeline names the incidents, what left, and why the rest did not."""
    said = lived[1]

    assert "the mail server answers 451, come back later" in said
    assert "the machine is off until" in said
    assert "appears, the day before its event" in said
    assert re.search(r"lettre: 5 sent after \d tries", said)
    assert "What did not, and why" in said
    assert str(lived[0] / "outbox" / "index.html") in said


def test_an_earlier_demo_is_lived_again(lived: tuple[Path, str]) -> None:
    """A second run replaces the first; with --json it prints one object."""
    (lived[0] / "outbox" / "old.eml").write_text("old")

    again = json.loads(child("--json", "demo", str(lived[0]), check=True).stdout)

    assert not (lived[0] / "outbox" / "old.eml").exists()
    assert again["version"] == 1
    assert f"{again['sent']} deliveries sent" in lived[1]
    assert again["outbox"] == str(lived[0] / "outbox" / "index.html")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(["notes.txt"], id="a stranger's folder"),
        pytest.param(["config.demo.yaml", "config.yaml"], id="a project of that env"),
        pytest.param(["var/tambour.db"], id="a ledger"),
    ],
)
def test_a_folder_with_other_things_is_refused(
    files: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """The demo deletes nothing that it did not make."""
    for name in files:
        (tmp_path / "home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / name).write_text("precious")

    refused = run(capsys, "demo", str(tmp_path / "home"))

    assert refused.code == 1
    assert "name another folder" in refused.err
    assert all((tmp_path / "home" / name).read_text() == "precious" for name in files)


def test_a_changed_demo_is_kept(lived: tuple[Path, str], capsys: Capture) -> None:
    """Who began to edit the demo's files does not lose them to a second run."""
    edited = lived[0] / "campaigns" / "agenda.md"
    before = edited.read_text(encoding="utf-8")
    edited.write_text(before + "Mine.", encoding="utf-8")

    refused = run(capsys, "demo", str(lived[0]))
    kept = edited.read_text(encoding="utf-8")
    edited.write_text(before, encoding="utf-8")

    assert refused.code == 1
    assert "campaigns/agenda.md" in refused.err
    assert before + "Mine." == kept
