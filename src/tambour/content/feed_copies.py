"""
The last good copy of each feed on the disk, and what is known of it besides.

Readers take it as it lies there; who fetches writes it, all at once or not at all.
Opens no connection and never sees an address.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from tambour.content.findings import Findings

_WHILE_FAILING = "until it can be, the copy of {:%Y-%m-%d %H:%M} UTC counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """
    What is known of a feed: when it was asked and last good, and what went wrong since.

    `address` is a digest of the one that was asked; `etag` and `last_modified` let the
    server say that nothing is new; `shrunk` tells why a good answer is not believed
    yet.
    """

    address: str = ""
    etag: str = ""
    last_modified: str = ""
    asked_at: str = ""
    good_at: str = ""
    failure: str = ""
    shrunk: str = ""

    @property
    def asked(self) -> datetime | None:
        """When the server was last asked."""
        return _instant(self.asked_at)

    @property
    def good(self) -> datetime | None:
        """When it last said what the copy says."""
        return _instant(self.good_at)


def copy_path(folder: Path, source: str) -> Path:
    """Return where the copy of a feed is kept."""
    return folder / f"{source}.ics"


def load_state(folder: Path, source: str) -> FeedState:
    """Return what is known of a feed; of a damaged note, nothing."""
    try:
        data = json.loads((folder / f"{source}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return FeedState()
    names = {field.name for field in fields(FeedState)}
    if not isinstance(data, dict):
        return FeedState()
    known = {k: v for k, v in data.items() if k in names and isinstance(v, str)}
    return FeedState(**known)


def save_state(folder: Path, source: str, state: FeedState) -> None:
    """
    Remember what is known of a feed.

    Raises:
        OSError: it cannot be written.

    """
    text = json.dumps(asdict(state), indent=1)
    write_whole(folder / f"{source}.json", text.encode())


def write_whole(path: Path, content: bytes) -> None:
    """
    Put *content* at *path*; whoever reads finds the old or the new, never a part.

    Raises:
        OSError: it cannot be written; the old one is still there.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def complain_of(state: FeedState, findings: Findings, *, has_copy: bool) -> None:
    """Say what keeps a feed from being as fresh as it ought to be."""
    good = state.good
    if not has_copy and state.failure:
        mend = "check its url in config.yaml"
        message = f"the feed was never read: {state.failure}"
        findings.add("E217", 0, message, mend=mend)
    elif not has_copy:
        mend = "`tambour send` and `tambour run` fetch it"
        findings.add("W211", 0, "the feed was not fetched yet", mend=mend)
    elif state.failure:
        mend = (
            _WHILE_FAILING.format(good) if good else "until it can be, its copy counts"
        )
        message = f"the feed cannot be fetched: {state.failure}"
        findings.add("W211", 0, message, mend=mend)
    elif state.shrunk:
        mend = "what it said before counts until a second fetch says the same"
        findings.add("W212", 0, state.shrunk, mend=mend)


def written(moment: datetime) -> str:
    """Return an instant as a note has it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
