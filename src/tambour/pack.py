"""
Where the default pack is: the templates, campaigns and settings Tambour comes with.

A wheel carries them beside the code; a source checkout has them at its root, which is
the one copy. Knows only places, never what the files say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tambour.errors import UserError


@cache
def default_pack() -> Path:
    """
    Return the folder that holds the pack's `templates`, `campaigns` and `config.yaml`.

    Raises:
        UserError: neither place has templates, so the installation is incomplete.

    """
    package = Path(__file__).resolve().parent
    for folder in (package / "default", package.parents[1]):
        if (folder / "templates" / "email").is_dir():
            return folder
    msg = "the default templates are missing; install tambour again"
    raise UserError(msg)
