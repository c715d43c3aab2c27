"""A project that mails its readers through one of the real servers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from command_line import CONFIG, REMINDER, Folder
from real_peers.mail_servers import Port, channel_settings

EDITION = "rappel/agenda/atelier/6h/1"
_SETTINGS = CONFIG.split("  lettre: ")[1].split("\n")[0]
_POSTS = "  - {channel: equipe, template: reminder}\n"


@dataclass(frozen=True, slots=True)
class Newsletter:
    """One edition, due now, to *readers* (addresses)."""

    folder: Folder
    readers: tuple[str, ...]

    def send(self) -> int:
        """Run `send` and return its exit code."""
        return self.folder.run("send", "--yes").code

    def retry(self) -> int:
        """Make due what was put off, and send again."""
        assert self.folder.run("retry", EDITION).code == 0
        return self.send()

    def records(self) -> dict[str, dict[str, Any]]:
        """Return what the ledger says of each reader."""
        return {row["recipient"]: row for row in self.folder.deliveries()}

    def states(self) -> Counter[str]:
        """Count the readers in each state."""
        return Counter(row["state"] for row in self.folder.deliveries())

    def message_ids(self, *, state: str = "sent") -> dict[str, str]:
        """Return the Message-ID that the ledger has for each reader."""
        return {
            reader: row["message_id"]
            for reader, row in self.records().items()
            if row["state"] == state
        }

    def suppressed(self) -> dict[str, str]:
        """Return the addresses that must not be mailed, and why."""
        listed = self.folder.run("suppress", "list", "--json").json["suppressions"]
        return {one["address"]: one["reason"] for one in listed}


def newsletter(
    folder: Folder, readers: Iterable[str], port: Port, **settings: Any
) -> Newsletter:
    """Write a project with one reminder for *readers*, who all have a name."""
    addresses = tuple(readers)
    rows = [f"{address},Zoé Numéro {n},fr\n" for n, address in enumerate(addresses)]
    folder.write("lecteurs.csv", "email,name,language\n" + "".join(rows))
    folder.write("campaigns/rappel.md", REMINDER.replace(_POSTS, ""))
    folder.configure(_SETTINGS, json.dumps(channel_settings(port, **settings)))
    return Newsletter(folder, addresses)


def numbered(count: int, domain: str, *, name: str = "zoe+") -> tuple[str, ...]:
    """Return *count* addresses in *domain*, each with a tag."""
    return tuple(f"{name}{number}@{domain}" for number in range(count))
