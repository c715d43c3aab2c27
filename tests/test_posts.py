import json
from datetime import datetime, timedelta, timezone
from typing import Any

from tambour.composing.posts import post_payload
from tambour.model import EditionId, EditionKind, Rendered

AT = datetime(2026, 11, 23, 8, 0, 5, 999, tzinfo=timezone(timedelta(hours=1)))


def payload(rendered: Rendered, events: tuple[dict[str, Any], ...] = ()) -> bytes:
    """Return what a webhook receives."""
    return post_payload(
        rendered,
        edition=EditionId("hebdo/2026-11-23/1"),
        campaign="hebdo",
        kind=EditionKind.DIGEST,
        events=events,
        at=AT,
    )


def test_payload_is_the_contracts_object() -> None:
    """Type, time and data, with the events as `tambour events` lists them."""
    rendered = Rendered(language="fr", text="é", html="<p>é</p>")

    assert {
        "type": "edition.digest",
        "timestamp": "2026-11-23T07:00:05+00:00",
        "data": {
            "edition": "hebdo/2026-11-23/1",
            "campaign": "hebdo",
            "kind": "digest",
            "text": "é",
            "html": "<p>é</p>",
            "events": [{"id": "a"}],
        },
    } == json.loads(payload(rendered, ({"id": "a"},)))


def test_payload_is_utf8_and_the_same_each_time() -> None:
    """A signature over the bytes holds for every retry."""
    rendered = Rendered(language="fr", text="é")

    assert "é".encode() in payload(rendered)
    assert payload(rendered) == payload(rendered)


def test_a_templates_own_payload_goes_out_as_it_is() -> None:
    """Who writes a payload template decides on every byte of the object."""
    own = Rendered(language="fr", text="x", payload='\n{"text": "é",  "n": 1}\n')

    assert payload(own) == '{"text": "é",  "n": 1}'.encode()
