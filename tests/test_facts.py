"""What of an event's facts readers would have to be corrected about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from planning_cases import at, event
from tambour.model import Change, EventStatus, Facts

TOLD = event(
    "2027-04-01 19:00",
    venue="Mediatheque",
    address="1 rue Haute",
    url="https://example.org/concert",
    registration_url="https://example.org/join",
).facts()
HOUR = timedelta(hours=1)


def changed(**now: Any) -> set[Change]:
    """Return what differs from TOLD."""
    return set(TOLD.changes(replace(TOLD, **now)))


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        pytest.param({}, set(), id="nothing"),
        pytest.param({"start": TOLD.start + HOUR}, {Change.MOVED}, id="later"),
        pytest.param({"end": TOLD.start + HOUR}, {Change.MOVED}, id="an end"),
        pytest.param({"all_day": True}, {Change.MOVED}, id="no time of day any more"),
        pytest.param({"venue": "Town hall"}, {Change.PLACE}, id="another venue"),
        pytest.param({"address": None}, {Change.PLACE}, id="no address any more"),
        pytest.param({"venue": " MEDIATHEQUE "}, set(), id="the same venue, spelled"),
        pytest.param({"title": "Recital"}, set(), id="a title"),
        pytest.param({"url": "https://example.org/x"}, set(), id="its page"),
        pytest.param({"registration_url": None}, {Change.LINK}, id="no registration"),
        pytest.param(
            {"status": EventStatus.CANCELLED, "venue": "Town hall"},
            {Change.CANCELLED},
            id="cancelled, whatever else",
        ),
        pytest.param(
            {"status": EventStatus.POSTPONED}, {Change.POSTPONED}, id="postponed"
        ),
    ],
)
def test_only_what_readers_go_by_is_a_change(
    now: dict[str, Any], changes: set[Change]
) -> None:
    """Times, place, link and status count; spelling, title and page do not."""
    assert changes == changed(**now)


def test_the_page_of_an_online_event_is_where_it_takes_place() -> None:
    """Without a registration of its own, its page's address is the link."""
    told = replace(TOLD, online=True, registration_url=None)

    assert {Change.LINK} == told.changes(replace(told, url="https://example.org/x"))


def test_the_same_instant_in_another_zone_is_no_move() -> None:
    """Clocks differ from place to place, the instant does not."""
    elsewhere = TOLD.start.astimezone(ZoneInfo("Europe/London"))

    assert set() == changed(start=elsewhere, timezone="Europe/London")


def test_a_date_is_the_same_day_in_any_zone() -> None:
    """An all-day event has a date and no instant."""
    told = replace(TOLD, all_day=True, start=at("2027-04-01 00:00"))
    there = at("2027-04-01 00:00", "America/New_York")

    assert not told.changes(replace(told, start=there, timezone="America/New_York"))


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.POSTPONED])
def test_what_was_called_off_and_is_on_again_is_reinstated(status: EventStatus) -> None:
    """It may have moved as well; while it is off, nothing else counts."""
    told = replace(TOLD, status=status)
    moved = replace(TOLD, start=TOLD.start + HOUR)

    assert {Change.REINSTATED, Change.MOVED} == told.changes(moved)
    assert not told.changes(replace(moved, status=status))


def test_facts_kept_before_a_field_was_known_read_as_its_default() -> None:
    """A ledger of an earlier version has neither of the two."""
    from_before = Facts(
        event=TOLD.event,
        title=TOLD.title,
        start=TOLD.start,
        end=TOLD.end,
        timezone=TOLD.timezone,
        venue=TOLD.venue,
        address=TOLD.address,
        url=TOLD.url,
        registration_url=TOLD.registration_url,
        status=TOLD.status,
    )

    assert not from_before.changes(TOLD)
