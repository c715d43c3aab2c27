"""
The payload of a post: what a webhook receives, as JSON.

Knows neither services nor signatures: a channel sends these bytes as they are, and the
same bytes again at every retry. Source: design §10; Standard Webhooks 1.0 (the envelope
of type, timestamp and data).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tambour.model import EditionId, EditionKind, Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """
    What is not as it was posted, and the idempotency keys of the posts that said so.

    Each of *changes* has `label`, `before` and `after`, in the site's language.
    """

    changes: Sequence[Mapping[str, str]]
    corrects: Sequence[str]


def post_payload(
    rendered: Rendered,
    *,
    edition: EditionId,
    campaign: str,
    kind: EditionKind,
    events: Sequence[Mapping[str, Any]],
    at: datetime,
    correction: Correction | None = None,
) -> bytes:
    """
    Return the JSON object that says *rendered*, or the template's own payload.

    Args:
        events: as in the contract's `events` command.
        at: aware; when the payload was made.
        correction: what it puts right, if that is what it is for.

    """
    if rendered.payload:
        return rendered.payload.strip().encode("utf-8", "replace")
    envelope = {
        "type": f"edition.{kind.value}",
        "timestamp": at.astimezone(UTC).isoformat(timespec="seconds"),
        "data": {
            "edition": edition,
            "campaign": campaign,
            "kind": kind.value,
            "text": rendered.text,
            "html": rendered.html,
            "events": list(events),
            **(asdict(correction) if correction else {}),
        },
    }
    text = json.dumps(envelope, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")
