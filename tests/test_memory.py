"""How much a round holds, measured in a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import CONFIG, REMINDER, SOURCE

CHILD = Path(__file__).parent / "round_child.py"
EVENT = "---\ntitle: Forum\nstart: 2027-03-18 18:00\nvenue: Salle\n---\nUn forum.\n"
MOMENT = "2027-03-18T12:30:00+00:00"
FEW, MANY = 20_000, 200_000


def freeze_for(root: Path, count: int) -> tuple[int, int]:
    """Return how many deliveries a round froze for so many people, and its peak."""
    for name, text in (
        ("config.yaml", CONFIG),
        ("campaigns/rappel.md", REMINDER),
        ("events/forum.md", EVENT),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    with (root / "lecteurs.csv").open("w", encoding="utf-8") as file:
        file.write("email,nom,langue,service\n")
        file.writelines(
            f"p{number}@d{number % 99}.example.org,Zoé {number},{'fr' if number % 9 else 'en'},S\n"
            for number in range(count)
        )
    done = subprocess.run(
        [sys.executable, CHILD, root, MOMENT],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        check=True,
        timeout=300,
    )
    frozen, peak_kib = map(int, done.stdout.split())
    return frozen, peak_kib


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's VmHWM to measure"
)
def test_ten_times_the_people_need_no_more_memory(tmp_path: Path) -> None:
    """Reading, planning and freezing hold nobody."""
    few, little = freeze_for(tmp_path / "few", FEW)
    many, much = freeze_for(tmp_path / "many", MANY)

    assert (FEW + 1, MANY + 1) == (few, many)
    assert much <= 1.1 * little
