"""
A plan in a file: the contract's rows, and prints of what a person could review.

Reads and writes text; whoever opens the file names it. A file that was changed by hand,
that is of another project, or of a format this Tambour does not know, is refused. Knows
no clock and decides nothing about editions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tambour.delivery.reviewing import Key, Reviewed, by_key, key_of, print_of
from tambour.errors import UserError
from tambour.model import EditionId, Entry, EntryState, Site

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """
    What was reviewed, and *written* when; `name` is what people call the file.

    `frozen` has the editions that were frozen by then and not finished, and since when.
    """

    name: str
    written: datetime
    reviewed: Mapping[Key, Reviewed]
    frozen: Mapping[EditionId, datetime]
    campaigns: Mapping[Key, str]


def plan_record(
    record: Mapping[str, Any],
    entries: Iterable[Entry],
    reviewed: Iterable[Reviewed],
    *,
    site: Site,
    written: datetime,
    frozen: Mapping[EditionId, datetime],
) -> dict[str, Any]:
    """
    Return the JSON object of a plan's file.

    Args:
        record: what `plan --json` says, its `entries` in the order of *entries*.
        reviewed: those of *entries* that could leave.
        frozen: as in `PlanFile`.

    """
    known = by_key(reviewed)
    rows = [
        {**row, **_review_record(known.get(key_of(entry)))}
        for row, entry in zip(record["entries"], entries, strict=True)
    ]
    whole = {
        "version": FORMAT,
        **record,
        "entries": rows,
        "project": _project(site),
        "written": written.isoformat(),
        "frozen": {edition: at.isoformat() for edition, at in frozen.items()},
    }
    return {**whole, "checksum": print_of(whole)}


def _review_record(one: Reviewed | None) -> dict[str, Any]:
    if one is None:
        return {"hash": None}
    said = {"hash": one.print, "subject": one.subject, "parts": one.parts}
    counts = {"recipients": one.recipients} if one.parts else {}
    return said | counts | ({"error": one.error} if one.error else {})


def read_plan(text: str, name: str, site: Site) -> PlanFile:
    """
    Return the plan in *text*, which stands in the file *name*.

    Raises:
        UserError: it is not what `tambour plan --out` wrote for this project.

    """
    whole = _parsed(text, name)
    if whole.get("version") != FORMAT:
        theirs = whole.get("version")
        msg = f"{name} is of version {theirs!r}; this Tambour reads {FORMAT}"
        raise UserError(msg)
    kept = {key: value for key, value in whole.items() if key != "checksum"}
    if whole.get("checksum") != print_of(kept):
        raise UserError(_damaged(name))
    if whole["project"] != _project(site):
        theirs = whole["project"]
        msg = (
            f"{name} is of another project, {theirs['name']} ({theirs['url']}); this"
            f" one is {site.name} ({site.url})"
        )
        raise UserError(msg)
    # A second row of the same audience by the same channel has nobody left to write to.
    rows = {_key(row): row for row in reversed(whole["entries"])}
    return PlanFile(
        name=name,
        written=datetime.fromisoformat(whole["written"]),
        reviewed={
            key: _reviewed(key, row) for key, row in rows.items() if "parts" in row
        },
        frozen={
            EditionId(edition): datetime.fromisoformat(at)
            for edition, at in whole["frozen"].items()
        },
        campaigns={key: row["campaign"] for key, row in rows.items()},
    )


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise UserError(_damaged(name)) from None
    if not isinstance(found, dict):
        raise UserError(_damaged(name))
    return found


def _damaged(name: str) -> str:
    return (
        f"{name} is damaged: it is not as `tambour plan --out` wrote it; write it again"
    )


def _project(site: Site) -> dict[str, str]:
    return {"name": site.name, "url": site.url}


def _key(row: Mapping[str, Any]) -> Key:
    return row["edition"], row["channel"], row["audience"]


def _reviewed(key: Key, row: Mapping[str, Any]) -> Reviewed:
    return Reviewed(
        key=key,
        due=datetime.fromisoformat(row["due"]),
        state=EntryState(row["state"]),
        recipients=row["recipients"],
        subject=row["subject"],
        parts=row["parts"],
        error=row.get("error"),
    )
