"""Calendars as Google, Outlook and RFC 5545 write them, read into events."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_cases import PARIS, origin
from tambour.config import SourceSettings
from tambour.content.events import EventCache, Loaded, load_events
from tambour.content.ics_file import CalendarFile, read_calendar
from tambour.content.ics_words import plain_to_markdown
from tambour.content.markdown import to_line
from tambour.content.recurrence import Window
from tambour.model import Event

AROUND = Window.around(datetime(2027, 3, 20, tzinfo=UTC))

GOOGLE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Atelier
X-WR-TIMEZONE:Europe/Paris
BEGIN:VTIMEZONE
TZID:Europe/Paris
X-LIC-LOCATION:Europe/Paris
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Europe/Paris:20270318T190000
DTEND;TZID=Europe/Paris:20270318T210000
RRULE:FREQ=WEEKLY;COUNT=5
EXDATE;TZID=Europe/Paris:20270401T190000
DTSTAMP:20261101T000000Z
UID:cours@google.com
LAST-MODIFIED:20261030T101112Z
LOCATION:Halle du Marché\\, 2 place du Marché
SEQUENCE:1
STATUS:CONFIRMED
SUMMARY:Cours de couture
X-GOOGLE-CONFERENCE:https://meet.example.org/abc
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is not the event's
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Paris:20270409T200000
DTEND;TZID=Europe/Paris:20270409T220000
UID:cours@google.com
RECURRENCE-ID;TZID=Europe/Paris:20270408T190000
SUMMARY:Cours de couture
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Paris:20270415T190000
UID:cours@google.com
RECURRENCE-ID:20270415T170000Z
STATUS:CANCELLED
SUMMARY:Cours de couture
END:VEVENT
BEGIN:VEVENT
DTSTART:20270501T170000Z
DTEND:20270501T183000Z
UID:seul@google.com
SUMMARY:Concert
END:VEVENT
END:VCALENDAR
"""

OUTLOOK = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
BEGIN:VTIMEZONE
TZID:(UTC+01:00) Brussels\\, Copenhagen\\, Madrid\\, Paris
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
CLASS:PUBLIC
DTSTART;TZID="(UTC+01:00) Brussels, Copenhagen, Madrid, Paris":20270401T190000
DTEND;TZID="(UTC+01:00) Brussels, Copenhagen, Madrid, Paris":20270401T200000
SUMMARY;LANGUAGE=fr:Réunion
UID:040000008200E00074C5B7101A82E00800000000
X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.example.org/l/1
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Romance Standard Time:20270402T000000
DTEND;TZID=Romance Standard Time:20270404T000000
SUMMARY:Salon
UID:salon
X-MICROSOFT-CDO-ALLDAYEVENT:TRUE
END:VEVENT
BEGIN:VEVENT
CLASS:PRIVATE
DTSTART;TZID=Romance Standard Time:20270405T080000
SUMMARY:Dentiste
UID:prive
END:VEVENT
END:VCALENDAR
"""


def calendar(*events: str, head: str = "") -> bytes:
    """Write a calendar of these VEVENTs, each with a UID and a title of its own."""
    lines = []
    for number, one in enumerate(events):
        own = [] if "UID:" in one else [f"UID:e{number}"]
        own += [] if "SUMMARY" in one else ["SUMMARY:Fête"]
        lines += ["BEGIN:VEVENT", *own, one.strip(), "END:VEVENT"]
    each = "".join(f"{line}\r\n" for line in lines)
    return f"BEGIN:VCALENDAR\r\n{head}{each}END:VCALENDAR\r\n".encode()


def look(raw: bytes) -> CalendarFile:
    """Read a calendar of the site in Paris."""
    return read_calendar(raw, path="agenda.ics", origin=origin())


def events(raw: bytes) -> list[Event]:
    """Return all that takes place in a calendar."""
    found = look(raw).files
    return [event for file in found for event in file.takes_place(AROUND)[0]]


def problems(raw: bytes) -> list[tuple[str, int]]:
    """Return code and line of what is wrong with a calendar."""
    found = look(raw)
    each = (*found.problems, *(p for file in found.files for p in file.problems))
    return [(problem.code, problem.line) for problem in each]


def only(*lines: str, head: str = "") -> Event:
    """Return the event of these lines."""
    (found,) = events(calendar("\r\n".join(lines), head=head))
    return found


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_reads_what_google_writes(breaks: str) -> None:
    """Moved and cancelled times keep their names; 19:00 stays 19:00."""
    raw = GOOGLE.replace("\n", breaks).encode()

    assert problems(raw) == []
    assert [
        ("cours@google.com@20270318T1900", "2027-03-18T19:00:00+01:00", "scheduled"),
        ("cours@google.com@20270325T1900", "2027-03-25T19:00:00+01:00", "scheduled"),
        ("cours@google.com@20270408T1900", "2027-04-09T20:00:00+02:00", "scheduled"),
        ("cours@google.com@20270415T1900", "2027-04-15T19:00:00+02:00", "cancelled"),
        ("seul@google.com", "2027-05-01T19:00:00+02:00", "scheduled"),
    ] == [(e.id, e.start and e.start.isoformat(), e.status) for e in events(raw)]


def test_reads_the_words_of_an_event() -> None:
    """Place, link and the time of the last change are those of the calendar."""
    course, *_ = events(GOOGLE.encode())

    assert "Halle du Marché, 2 place du Marché" == course.venue
    assert "https://meet.example.org/abc" == course.url
    assert course.online
    assert "" == course.body
    assert datetime(2026, 10, 30, 10, 11, 12, tzinfo=UTC) == course.modified
    assert "agenda.ics#cours@google.com@20270318T1900" == course.path


def test_reads_what_outlook_writes() -> None:
    """Its zones are found by their rules or their Windows names, whole days as such."""
    meeting, salon, private = events(OUTLOOK.encode())

    assert problems(OUTLOOK.encode()) == []
    assert ("Europe/Paris", "2027-04-01T19:00:00+02:00") == (
        meeting.timezone,
        meeting.start and meeting.start.isoformat(),
    )
    assert meeting.online
    assert (True, "2027-04-02", "2027-04-03") == (
        salon.all_day,
        str(salon.start and salon.start.date()),
        str(salon.end and salon.end.date()),
    )
    assert "hidden" == private.status


@pytest.mark.parametrize("at", range(1, 12))
def test_a_fold_may_stand_in_the_middle_of_a_character(at: int) -> None:
    """Octets are folded, not characters (RFC 5545 §3.1)."""
    title = "SUMMARY:Fête à Évry".encode()
    cut = len(b"SUMMARY:F") + at - 1
    folded = title[:cut] + b"\r\n " + title[cut:]
    raw = calendar("SUMMARY:X\r\nDTSTART:20270401T190000").replace(b"SUMMARY:X", folded)

    assert ["Fête à Évry"] == [event.title for event in events(raw)]


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        (["DTSTART:20270401T190000"], "2027-04-01T19:00:00+02:00", None),
        (["DTSTART:20270401T170000Z"], "2027-04-01T19:00:00+02:00", None),
        (["DTSTART;TZID=America/New_York:20270401T190000"], "2027-04-01T19:00:00-04:00", None),
        (["DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20270401T190000"], "2027-04-01T19:00:00+02:00", None),
        (["DTSTART:20270401T190000", "DURATION:PT1H30M"], "2027-04-01T19:00:00+02:00", "2027-04-01T20:30:00+02:00"),
        (["DTSTART:20270327T190000", "DURATION:P1D"], "2027-03-27T19:00:00+01:00", "2027-03-28T19:00:00+02:00"),
        (["DTSTART:20270327T190000", "DURATION:PT12H"], "2027-03-27T19:00:00+01:00", "2027-03-28T08:00:00+02:00"),
        (["DTSTART:20270401T190000", "DTEND;TZID=Europe/London:20270401T190000"], "2027-04-01T19:00:00+02:00", "2027-04-01T20:00:00+02:00"),
        (["DTSTART:20270401T190000", "DTEND:20270401T190000"], "2027-04-01T19:00:00+02:00", None),
        (["DTSTART;VALUE=DATE:20270401"], "2027-04-01T00:00:00+02:00", None),
        (["DTSTART;VALUE=DATE:20270401", "DTEND;VALUE=DATE:20270402"], "2027-04-01T00:00:00+02:00", None),
        (["DTSTART;VALUE=DATE:20270401", "DTEND;VALUE=DATE:20270401"], "2027-04-01T00:00:00+02:00", None),
        (["DTSTART;VALUE=DATE:20270401", "DTEND;VALUE=DATE:20270404"], "2027-04-01T00:00:00+02:00", "2027-04-03T00:00:00+02:00"),
        (["DTSTART;VALUE=DATE:20270401", "DURATION:P2D"], "2027-04-01T00:00:00+02:00", "2027-04-02T00:00:00+02:00"),
        (["DTSTART:20270328T023000"], "2027-03-28T03:30:00+02:00", None),
    ],
)  # fmt: skip
def test_settles_when_an_event_takes_place(
    lines: list[str], start: str, end: str | None
) -> None:
    """Zones, days, durations, and the day after the last."""
    event = only(*lines)

    assert (start, end) == (
        event.start and event.start.isoformat(),
        event.end.isoformat() if event.end else None,
    )
    assert event.all_day == ("VALUE=DATE:" in lines[0])


def test_times_without_a_zone_are_in_the_calendars() -> None:
    """Its own zone is the one it names, unless that is UTC, where nobody lives."""
    line = "DTSTART:20270401T190000"
    zones = [
        only(line, head=f"X-WR-TIMEZONE:{name}\r\n").timezone
        for name in ("America/New_York", "UTC", "Mars/Base", "Tokyo Standard Time")
    ]

    assert ["America/New_York", "Europe/Paris", "Europe/Paris", "Asia/Tokyo"] == zones


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["SUMMARY:X"], "E204"),
        (["DTSTART:tomorrow"], "E205"),
        (["DTSTART:20270230T190000"], "E205"),
        (["DTSTART:20270401T190000", "DURATION:long"], "E205"),
        (["DTSTART:10270401T190000"], "E206"),
        (["DTSTART;TZID=Mars/Base:20270401T190000"], "E207"),
        (["DTSTART:20270401T190000", "DTEND:20270401T180000"], "E203"),
        (["DTSTART:20270401T190000", "SUMMARY:"], "E210"),
        (["DTSTART:20270401T190000", "UID: "], "E216"),
        (["DTSTART:20270401T190000", "RRULE:FREQ=SECONDLY"], "E215"),
        (["DTSTART:20270401T190000", "RRULE:FREQ=DAILY", "EXDATE:never"], "E205"),
        (["DTSTART:20270401T190000", "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"], "E215"),
        (["DTSTART:20270401T190000", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "E215"),
        (["DTSTART:20270401T190000", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270401T190000"], "E215"),
        (["DTSTART:20270401T190000", "EXDATE 20270408T190000"], "E216"),
    ],
)  # fmt: skip
def test_holds_what_cannot_be_announced_and_nothing_else(
    lines: list[str], code: str
) -> None:
    """A bad event stops no other, and its problem is told at its line."""
    raw = calendar("\r\n".join(lines), "DTSTART:20270402T190000")
    found = problems(raw)
    bad, good = events(raw)

    assert code in {code for code, _ in found}
    assert ("held", "scheduled") == (bad.status, good.status)
    assert all(1 < line < 2 + len(lines) + 4 for _, line in found)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", 1),
        (b"<!DOCTYPE html><html></html>", 1),
        (b"\x00\xff\xfe", 1),
        (GOOGLE.encode()[: len(GOOGLE) // 2], 33),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", 1),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", 3),
        (b"BEGIN:VCALENDAR\r\n" * 40, 12),
    ],
    ids=["empty", "HTML", "noise", "half", "no calendar", "crossed", "deep"],
)
def test_what_is_no_calendar_is_told_from_an_empty_one(raw: bytes, line: int) -> None:
    """Of a broken calendar nobody knows the events; of an empty one everybody."""
    broken, empty = look(raw), look(calendar())

    assert (False, ()) == (broken.is_read, broken.files)
    assert [("E216", line)] == problems(raw)
    assert (True, ()) == (empty.is_read, empty.files)


def test_a_line_that_is_not_utf_8_holds_its_event() -> None:
    """Nobody is sent signs that stand for others."""
    raw = calendar("DTSTART:20270401T190000\r\nLOCATION:?")
    raw = raw.replace(b"?", "Évry".encode("latin-1"))

    assert [("E216", 6)] == problems(raw)
    assert ["held"] == [event.status for event in events(raw)]


def test_the_later_revision_of_an_event_counts() -> None:
    """SEQUENCE tells, then the time of the last change."""
    old = "UID:a\r\nDTSTART:20270401T190000\r\nSEQUENCE:1"
    new = "UID:a\r\nDTSTART:20270402T190000\r\nSEQUENCE:2"

    assert problems(calendar(new, old)) == []
    assert ["2027-04-02"] == [f"{e.start:%F}" for e in events(calendar(new, old))]
    assert ["2027-04-02"] == [f"{e.start:%F}" for e in events(calendar(old, new))]


def test_two_events_under_one_uid_are_held() -> None:
    """Nobody can tell which is meant, so nobody is told either."""
    one, other = "UID:a\r\nDTSTART:20270401T190000", "UID:a\r\nDTSTART:20270402T190000"
    raw = calendar(one, other)

    assert ["E209"] == [code for code, _ in problems(raw)]
    assert [("a", "held")] == [(event.id, event.status) for event in events(raw)]
    assert problems(calendar(one, one)) == []


def test_a_time_of_its_own_without_its_whole_has_the_name_it_would_have() -> None:
    """Calendars that are cut off at a date keep the moved times only."""
    event = only("UID:a", "DTSTART:20270402T190000", "RECURRENCE-ID:20270401T180000")

    assert "a@20270401T1800" == event.id


@pytest.mark.parametrize(
    ("start", "meant", "moved"),
    [
        ("DTSTART;VALUE=DATE:20270401", "RECURRENCE-ID:20270402T000000Z", "20270420"),
        ("DTSTART;VALUE=DATE:20270401", "RECURRENCE-ID:20270401T220000Z", "20270420"),
        ("DTSTART:20270401T190000", "RECURRENCE-ID;VALUE=DATE:20270402", "20270420T190000"),
    ],
    ids=["a day by midnight UTC", "a day by midnight here", "an hour by its day"],
)  # fmt: skip
def test_a_moved_time_named_by_its_day_replaces_that_day(
    start: str, meant: str, moved: str
) -> None:
    """Where one side is a day and the other an hour, the day tells which is meant."""
    whole = f"UID:a\r\n{start}\r\nRRULE:FREQ=DAILY;COUNT=3"
    change = f"UID:a\r\n{meant}\r\n{start.partition(':')[0]}:{moved}"
    found = events(calendar(whole, change))

    assert [1, 3, 20] == sorted(event.start.day for event in found if event.start)
    assert 3 == len({event.id for event in found})


def test_rules_in_utc_are_followed_in_utc() -> None:
    """What a machine repeats by UTC moves on the clocks of people."""
    line = "DTSTART:20270325T180000Z\r\nRRULE:FREQ=WEEKLY;COUNT=2"
    found = events(calendar(line))

    assert ["19:00", "20:00"] == [f"{event.start:%H:%M}" for event in found]


def test_a_feast_may_be_older_than_its_calendar() -> None:
    """What comes every year may have begun long ago."""
    found = events(calendar("DTSTART;VALUE=DATE:19700714\r\nRRULE:FREQ=YEARLY"))

    assert ["e0@20270714"] == [event.id for event in found]


def test_a_title_calls_an_event_off_as_the_dialect_says() -> None:
    """The words that count in front matter count in calendars."""
    line = "DTSTART:20270401T190000"
    statuses = [
        only(line, f"SUMMARY:{title}").status
        for title in ("Annulé : fête", "[Reporté] fête", "Fête")
    ]

    assert ["cancelled", "postponed", "scheduled"] == statuses
    assert "cancelled" == only(line, head="METHOD:CANCEL\r\n").status


def test_lists_of_words_end_at_commas_that_are_not_escaped() -> None:
    """Categories may be several properties, and each may be several."""
    lines = ("DTSTART:20270401T190000", "CATEGORIES:a\\,b,c", "CATEGORIES;X=1:c,d")

    assert ("a,b", "c", "d") == only(*lines).tags


def test_a_description_is_shown_as_it_was_typed() -> None:
    """Signs that Markdown would take for its own stand for themselves."""
    text = "Bonjour *à tous*\\n# 1. Entrée\\nhttps://example.org/a_b_c.\\n\\n<b>fin</b>"
    event = only("DTSTART:20270401T190000", f"DESCRIPTION:{text[:-10]}fin")

    assert event.summary == "Bonjour *à tous* # 1. Entrée https://example.org/a_b_c."
    assert "<https://example.org/a_b_c>" in event.body
    assert "Bonjour *à tous* # 1. Entrée https://example.org/a_b_c. fin" == to_line(
        event.body.replace("<https", "https").replace("c>", "c")
    )


def test_a_description_in_html_becomes_text() -> None:
    """As Google writes it; nothing of it stays as code."""
    event = only(
        "DTSTART:20270401T190000",
        'DESCRIPTION:<b>Bonjour</b><br>Voir <a href="https://example.org/x">ici</a>',
    )

    assert "<b>" not in event.body
    assert "https://example.org/x" in event.body


@given(text=st.text(max_size=60))
def test_plain_text_survives_markdown(text: str) -> None:
    """No word is lost or gained on the way."""
    plain = "".join(c for c in text if c.isalnum() or c in " *_#<>[]()`~-+.!|\\&:")
    shown = to_line(plain_to_markdown(plain))

    assert "".join(plain.split()) == "".join(shown.split())


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_calendar_or_refused(raw: bytes) -> None:
    """Nothing a file may hold raises."""
    for content in (raw, calendar().replace(b"END", raw + b"\nEND", 1)):
        look(content)


@given(
    name=st.sampled_from(("DTSTART", "DTEND", "RRULE", "EXDATE", "RDATE", "DURATION", "LOCATION", "URL", "STATUS", "CATEGORIES", "RECURRENCE-ID", "SEQUENCE", "X-WR-TIMEZONE")),
    value=st.text(max_size=30) | st.from_regex(r"\d{8}(T\d{6}Z?)?", fullmatch=True),
    zone=st.sampled_from(("", ";TZID=Europe/Paris", ";TZID=x", ";VALUE=DATE")),
)  # fmt: skip
def test_any_value_gives_an_event(name: str, value: str, zone: str) -> None:
    """It may be held, and it is always there."""
    raw = calendar(f"DTSTART:20270401T190000\r\n{name}{zone}:{value}")
    found = look(raw)
    for file in found.files:
        file.takes_place(AROUND)

    assert not found.is_read or found.files


# ── As a source ─────────────────────────────────────────────────────────────────


def load(folder: Path, cache: EventCache | None = None) -> Loaded:
    """Load the calendar `agenda.ics` of a folder."""
    source = SourceSettings(id="agenda", path="agenda.ics")
    return load_events(folder, [source], PARIS, cache, window=AROUND)


def test_a_calendar_is_a_source(tmp_path: Path) -> None:
    """Its events are among the others, under their own names."""
    (tmp_path / "agenda.ics").write_bytes(GOOGLE.encode())
    loaded = load(tmp_path)

    assert 5 == len(loaded.events)
    assert loaded.problems == ()
    assert frozenset() == loaded.unread
    assert frozenset({"agenda.ics#seul@google.com"}) == loaded.named


@pytest.mark.parametrize("content", [None, GOOGLE.encode()[:900]])
def test_a_calendar_that_cannot_be_read_deletes_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    """Its source counts as unread, so that what is known of it stands."""
    if content:
        (tmp_path / "agenda.ics").write_bytes(content)
    loaded = load(tmp_path)

    assert ((), frozenset({"agenda"})) == (loaded.events, loaded.unread)
    assert 1 == len(loaded.problems)


def test_an_unchanged_calendar_is_read_once(tmp_path: Path) -> None:
    """The same events come from the cache, and others once it changed."""
    file, cache = tmp_path / "agenda.ics", EventCache()
    file.write_bytes(GOOGLE.encode())
    first, again = load(tmp_path, cache), load(tmp_path, cache)
    file.write_bytes(OUTLOOK.encode())
    changed = load(tmp_path, cache)

    assert first.events[-1] is again.events[-1]
    assert 3 == len(changed.events)
