from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambour.cli.app import hoisted
from tambour.cli.invocation import harmless, horizon, in_zone, moment, short
from tambour.errors import UsageError
from tambour.model import Site

PARIS = Site(
    name="A", url="https://a.example.org", timezone="Europe/Paris", language="fr"
)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2027-01-14", "2027-01-13T23:00", id="a date is its midnight"),
        pytest.param("2027-01-14T08:00", "2027-01-14T07:00", id="winter"),
        pytest.param("2027-07-14 08:00", "2027-07-14T06:00", id="summer, with a space"),
        pytest.param("2027-03-28T02:30", "2027-03-28T01:30", id="in the gap"),
        pytest.param("2027-10-31T02:30", "2027-10-31T00:30", id="the first of two"),
        pytest.param("2027-01-14T08:00Z", "2027-01-14T08:00", id="UTC"),
        pytest.param("2027-01-14T08:00-05:00", "2027-01-14T13:00", id="an offset"),
        pytest.param(" 2027-01-14 ", "2027-01-13T23:00", id="spaces around"),
    ],
)
def test_a_time_is_read_on_the_sites_clocks(text: str, expected: str) -> None:
    """`--at` without an offset means what clocks on the wall show."""
    assert utc(expected) == moment(text, PARIS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30d", "2027-03-31T12:00", id="a length from the start"),
        pytest.param("90m", "2027-03-01T13:30", id="minutes"),
        pytest.param("2027-03-14", "2027-03-14T23:00", id="the end of that day"),
        pytest.param("2027-03-28", "2027-03-28T22:00", id="a day of 23 hours"),
        pytest.param("2027-10-31", "2027-10-31T23:00", id="a day of 25 hours"),
        pytest.param("2027-03-14T08:00", "2027-03-14T07:00", id="a time"),
    ],
)
def test_a_horizon_is_a_length_or_a_time(text: str, expected: str) -> None:
    """`--until` a date includes that day, however long it is."""
    assert utc(expected) == horizon(text, NOW, PARIS)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2027-13-01", "2027-02-30", "25:00", "0001-01-01", "1969-12-31", "9999-12-31", "2200-01-01", "9" * 400],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    """Nonsense, and years in which calendars overflow, are usage errors."""
    with pytest.raises(UsageError, match="--at"):
        moment(text, PARIS)
    with pytest.raises(UsageError, match="--until"):
        horizon(text, NOW, PARIS)


def test_a_length_beyond_all_calendars_is_refused() -> None:
    """`--until 999999w` is a typing error, not a crash."""
    with pytest.raises(UsageError, match="out of reach"):
        horizon("999999w", NOW, PARIS)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param(["check", "--json"], ["--json", "check"], id="flag"),
        pytest.param(["check", "-C", "x", "--quiet"], ["-C", "x", "--quiet", "check"], id="value"),
        pytest.param(["check", "--env=prod"], ["--env=prod", "check"], id="joined"),
        pytest.param(["check", "-C"], ["-C", "check"], id="value forgotten"),
        pytest.param(["send", "--", "--json"], ["send", "--", "--json"], id="after --"),
        pytest.param(["plan", "--at", "2027-01-14"], ["plan", "--at", "2027-01-14"], id="others stay"),
    ],
)  # fmt: skip
def test_global_options_may_stand_anywhere(
    typed: list[str], expected: list[str]
) -> None:
    """They are moved before the command; what follows `--` is left alone."""
    assert expected == hoisted(typed)


def test_what_a_terminal_would_obey_is_replaced() -> None:
    """Escapes and reversed text go; French spaces and line ends stay."""
    said = harmless("a\x1b[31m\x9b0m\r\u202eb\ud800 c\u00a0: \u202f!\nd")

    assert said == "a�[31m�0m��b� c\u00a0: \u202f!\nd"


def test_times_are_shown_on_the_sites_clocks() -> None:
    """JSON has the offset; tables leave out a midnight."""
    midnight = utc("2027-01-13T23:00")

    assert in_zone(midnight, PARIS) == "2027-01-14T00:00:00+01:00"
    assert (in_zone(None, PARIS), short(None, PARIS)) == (None, "")
    assert short(midnight, PARIS) == "Thu 14 Jan 2027"
    assert short(midnight + timedelta(hours=8), PARIS) == "Thu 14 Jan 2027 08:00"
