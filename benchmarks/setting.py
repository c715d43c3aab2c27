"""
The settings under which the sending benchmark sends, and the loop that it runs in.

Apart from what is sent, so that a measured process loads no more than `tambour send`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tambour.config import Config

CHANNEL = "lettre"
LEDGER = "sqlite:///ledger.db"
SENDER = "Agenda de Rivemont <lettre@example.org>"


def settings(root: Path, channel: Mapping[str, object]) -> Config:
    """Return settings whose mail *channel* has these of its own."""
    smtp = {"type": "smtp", "security": "none", "from": SENDER, **channel}
    return Config.model_validate(
        {
            "version": 1,
            "site": {
                "name": "Agenda de Rivemont",
                "url": "https://agenda.example.org",
                "timezone": "Europe/Paris",
            },
            "serve": {"url": "https://lettre.example.org"},
            "channels": {CHANNEL: smtp},
            "ledger": LEDGER,
        },
        context={"root": root, "secret": None, "machine": None},
    )
