"""
Write the golden files anew: `.venv/bin/python tests/update_golden.py`.

Run it after a change to the look or the words is meant; read the diff before you
commit it, for it is what subscribers will see.
"""

from __future__ import annotations

from rendering_goldens import GOLDEN, goldens

if __name__ == "__main__":
    for name, content in goldens():
        (GOLDEN / name).write_text(content, encoding="utf-8")
