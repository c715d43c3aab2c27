"""Feeds fetched from a real HTTP server on loopback, and what is kept of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest

from command_line import run
from peers import dead_port
from tambour.config import Config, load_config
from tambour.content.events import Loaded, load_events
from tambour.content.feed_copies import FeedState, load_state, save_state
from tambour.content.recurrence import Window
from tambour.feeds import Patience, refresh_feeds
from tambour.feeds.fetching import MOST_BYTES, web_address

NOW = datetime(2027, 3, 20, 8, 0, tzinfo=UTC)
LATER = timedelta(minutes=15)
SECRET = "s3cret-token"


def calendar(*days: int) -> bytes:
    """Write a calendar with an event on each of these days of April 2027."""
    each = "".join(
        f"BEGIN:VEVENT\r\nUID:e{day}\r\nDTSTART:202704{day:02}T170000Z\r\n"
        f"SUMMARY:Fête {day}\r\nEND:VEVENT\r\n"
        for day in days
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{each}END:VCALENDAR\r\n".encode()


TEN = calendar(*range(1, 11))


@dataclass(slots=True)
class Server:
    """What the server says next, and what it was asked."""

    status: int = 200
    body: bytes = TEN
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    """So many bytes less than announced are sent."""
    is_silent: bool = False
    is_dripping: bool = False
    etag: str = ""
    asked: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(dict(self.headers.items()))
            server.paths.append(self.path)
            if server.is_silent:
                server.ended.wait()
                return
            is_known = server.etag and self.headers["If-None-Match"] == server.etag
            self.send_response(304 if is_known else server.status)
            if server.etag:
                self.send_header("ETag", server.etag)
            for name, value in server.headers.items():
                self.send_header(name, value)
            if is_known:
                self.end_headers()
                return
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            if server.is_dripping:
                self.wfile.write(server.body[:20])
                server.ended.wait()
                return
            self.wfile.write(server.body[: len(server.body) - server.cut])

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server on a free port."""
    peer = Server()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(peer))
    server.daemon_threads = True
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield peer
    finally:
        peer.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server that has ten events."""
    with serving() as peer:
        yield peer


@dataclass(frozen=True, slots=True)
class Project:
    """A project with one feed."""

    config: Config

    def refresh(self, at: datetime = NOW, *, step_s: float = 5) -> None:
        """Fetch what is due, with little patience."""
        patience = Patience(step_s=step_s, whole_s=50, monotonic=time.monotonic)
        assert refresh_feeds(self.config, now=at, patience=patience) == ()

    def load(self) -> Loaded:
        """Read the project's events as every reader does."""
        config = self.config
        return load_events(
            config.root, config.sources, config.site_facts(),
            window=Window.around(NOW), feeds=config.feeds,
        )  # fmt: skip

    def days(self) -> list[int]:
        """Return the days of April on which something takes place."""
        return [event.start.day for event in self.load().events if event.start]

    def codes(self) -> list[str]:
        """Return what is wrong."""
        return [problem.code for problem in self.load().problems]


def project(
    folder: Path, port: int, *, scheme: str = "http", more: str = ""
) -> Project:
    """Write the settings of a project whose feed is on this machine."""
    url = f"{scheme}://zoe:{SECRET}@127.0.0.1:{port}/agenda.ics?key={SECRET}"
    (folder / "config.yaml").write_text(
        "version: 1\nsite: {name: Agenda, url: https://www.example.org}\n"
        f'sources:\n  - {{id: ville, url: "{url}"{more}}}\n',
        encoding="utf-8",
    )
    return Project(load_config(folder, environ={}))


def test_keeps_a_copy_that_every_reader_finds(tmp_path: Path, server: Server) -> None:
    """What was fetched lies beside the ledger, and is read from there."""
    feed = project(tmp_path, server.port)
    before = feed.codes()
    feed.refresh()

    assert ["W211"] == before
    assert ([], list(range(1, 11))) == (feed.codes(), feed.days())
    assert TEN == (tmp_path / "var" / "feeds" / "ville.ics").read_bytes()
    assert frozenset() == feed.load().unread
    assert "Basic" in server.asked[0]["Authorization"]


def test_a_feed_never_fetched_is_not_empty(tmp_path: Path, server: Server) -> None:
    """Its source counts as unread; a server that fails is named with its answer."""
    feed = project(tmp_path, server.port)
    unread = feed.load().unread
    server.status = 503
    feed.refresh()
    (problem,) = feed.load().problems

    assert frozenset({"ville"}) == unread == feed.load().unread
    assert "E217" == problem.code
    assert "HTTP 503" in problem.message


def test_asks_no_more_often_than_told(tmp_path: Path, server: Server) -> None:
    """Between two requests `refresh` goes by, also where the first failed."""
    feed = project(tmp_path, server.port, more=", refresh: 1h")
    server.status = 500
    for minutes in (0, 15, 59, 60, 61):
        feed.refresh(NOW + timedelta(minutes=minutes))

    assert 2 == len(server.asked)


def test_asks_at_once_after_the_clock_went_back(tmp_path: Path, server: Server) -> None:
    """A request in the future keeps nobody waiting."""
    feed = project(tmp_path, server.port)
    feed.refresh(NOW + timedelta(days=400))
    feed.refresh()

    assert 2 == len(server.asked)


def test_lets_the_server_say_that_nothing_is_new(
    tmp_path: Path, server: Server
) -> None:
    """Validators come back as they were given; 304 keeps the copy and its freshness."""
    feed = project(tmp_path, server.port)
    server.etag, changed = '"v1"', "Sat, 20 Mar 2027 07:00:00 GMT"
    server.headers = {"Last-Modified": changed}
    feed.refresh()
    feed.refresh(NOW + LATER)
    second = server.asked[1]

    assert ('"v1"', changed) == (second["If-None-Match"], second["If-Modified-Since"])
    assert list(range(1, 11)) == feed.days()
    assert NOW + LATER == load_state(feed.config.feeds, "ville").good


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ({"status": 500}, "HTTP 500"),
        ({"status": 404}, "HTTP 404"),
        ({"status": 204, "body": b""}, "HTTP 204"),
        ({"status": 304, "body": b""}, ""),
        ({"status": 302, "headers": {"Location": f"https://elsewhere.example.org/{SECRET}"}}, "elsewhere.example.org"),
        ({"status": 301, "headers": {"Location": "https://127.0.0.1/agenda.ics"}}, "redirects"),
        ({"body": b"<!DOCTYPE html><title>Sign in</title>"}, "no whole calendar"),
        ({"body": b""}, "no whole calendar"),
        ({"body": b"\x00\xff" * 50}, "no whole calendar"),
        ({"body": TEN[: len(TEN) // 2]}, "no whole calendar"),
        ({"cut": 100}, "127.0.0.1"),
        ({"is_silent": True}, "fell silent"),
        ({"is_dripping": True}, "fell silent"),
        ({"body": b"BEGIN:VCALENDAR\r\n" + b"X" * MOST_BYTES}, "more than 10 MB"),
    ],
    ids=["500", "404", "204", "304 unasked", "elsewhere", "to https", "HTML", "empty", "noise", "half", "cut off", "silent", "dripping", "huge"],
)  # fmt: skip
def test_the_last_good_copy_outlives_a_bad_answer(
    tmp_path: Path, server: Server, failing: Mapping[str, object], said: str
) -> None:
    """Events stand, the problem says why, and nothing of the address is in it."""
    feed = project(tmp_path, server.port)
    feed.refresh()
    for name, value in failing.items():
        setattr(server, name, value)
    feed.refresh(NOW + LATER, step_s=0.3)
    problems = feed.load().problems
    shown = repr(problems) + repr(feed.config) + repr(load_state(feed.config.feeds, "ville"))  # fmt: skip

    assert list(range(1, 11)) == feed.days()
    assert TEN == (feed.config.feeds / "ville.ics").read_bytes()
    assert ["W211"] == [problem.code for problem in problems]
    assert said in problems[0].message
    assert SECRET not in shown


def test_a_slow_answer_is_given_up(tmp_path: Path, server: Server) -> None:
    """Patience has an end also where each byte comes in time."""
    feed = project(tmp_path, server.port)
    ticks = count(0, 40)
    patience = Patience(whole_s=60, monotonic=lambda: next(ticks))
    server.body = TEN + b" " * 400_000
    refresh_feeds(feed.config, now=NOW, patience=patience)

    assert "too slow" in feed.load().problems[0].message


def test_send_says_that_a_feed_is_stale(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who sends by a timer looks at nothing else; nothing is held, so all is done."""
    project(tmp_path, server.port).refresh()
    server.status = 500

    result = run(capsys, "-C", str(tmp_path), "send", "--yes")

    assert 0 == result.code
    assert "W211" in result.err
    assert "answered HTTP 500" in result.err


def test_nobody_there_is_a_problem_of_the_feed_alone(tmp_path: Path) -> None:
    """A server that is down stops nothing."""
    with dead_port() as port:
        feed = project(tmp_path, port)
        feed.refresh()

    assert ["E217"] == feed.codes()


def test_a_good_answer_ends_the_problem(tmp_path: Path, server: Server) -> None:
    """The note is gone with its cause."""
    feed = project(tmp_path, server.port)
    feed.refresh()
    server.status = 500
    feed.refresh(NOW + LATER)
    server.status = 200
    failed = feed.codes()
    feed.refresh(NOW + 2 * LATER)

    assert (["W211"], []) == (failed, feed.codes())


@pytest.mark.parametrize("days", [(), (1, 2, 3, 4)], ids=["nothing", "less than half"])
def test_a_feed_that_loses_most_must_say_so_twice(
    tmp_path: Path, server: Server, days: tuple[int, ...]
) -> None:
    """After the second good fetch the rest counts, and is no problem any more."""
    feed = project(tmp_path, server.port)
    server.etag = '"v1"'
    feed.refresh()
    server.body, server.etag = calendar(*days), '"v2"'
    feed.refresh(NOW + LATER)
    kept = feed.days(), feed.codes()
    feed.refresh(NOW + 2 * LATER)

    assert (list(range(1, 11)), ["W212"]) == kept
    assert "If-None-Match" not in server.asked[2]
    assert list(days) == feed.days()
    assert [] == [code for code in feed.codes() if code != "W201"]
    assert frozenset() == feed.load().unread


def test_a_failure_in_between_is_no_second_time(tmp_path: Path, server: Server) -> None:
    """Only good answers tell; one that is whole again ends the doubt."""
    feed = project(tmp_path, server.port)
    feed.refresh()
    server.body = calendar()
    feed.refresh(NOW + LATER)
    server.status = 500
    feed.refresh(NOW + 2 * LATER)
    doubted = feed.days()
    server.status, server.body = 200, TEN
    feed.refresh(NOW + 3 * LATER)

    assert list(range(1, 11)) == doubted == feed.days()
    assert [] == feed.codes()


@pytest.mark.parametrize("days", [range(1, 6), range(1, 16), (*range(2, 11), 20)])
def test_a_feed_that_changes_as_feeds_do_is_believed(
    tmp_path: Path, server: Server, days: range
) -> None:
    """Half of the events may go at once, and any number come."""
    feed = project(tmp_path, server.port)
    feed.refresh()
    server.body = calendar(*days)
    feed.refresh(NOW + LATER)

    assert (list(days), []) == (feed.days(), feed.codes())


def test_what_is_past_may_leave_a_feed(tmp_path: Path, server: Server) -> None:
    """Only what is to come is missed."""
    feed = project(tmp_path, server.port)
    feed.refresh()
    server.body = calendar(10)
    late = datetime(2027, 4, 9, 20, tzinfo=UTC)
    feed.refresh(late)

    assert [10] == feed.days()


def test_another_address_is_asked_at_once_and_without_the_others_words(
    tmp_path: Path, server: Server
) -> None:
    """Validators belong to the address that gave them."""
    server.etag = '"v1"'
    project(tmp_path, server.port).refresh()
    project(tmp_path, server.port, more=", refresh: 2h").refresh()
    feed = project(tmp_path, server.port, scheme="HTTP", more=", refresh: 2h")
    feed.refresh()

    assert 2 == len(server.asked)
    assert "If-None-Match" not in server.asked[1]


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    """What cannot be read is as if it were not there."""
    state = FeedState(etag="x", asked_at="2027-03-20T08:00:00+00:00")
    save_state(tmp_path, "ville", state)
    whole = load_state(tmp_path, "ville")
    found = []
    for text in ("", "{", "[]", '{"etag": 1}', '{"asked_at": "never"}', "\x00"):
        (tmp_path / "ville.json").write_text(text)
        found.append(load_state(tmp_path, "ville"))

    assert state == whole
    assert {None} == {one.asked for one in found}
    assert {""} == {one.etag for one in found}


def test_a_disk_that_takes_nothing_leaves_the_old_copy(
    tmp_path: Path, server: Server
) -> None:
    """What cannot be kept is said, and nothing stops."""
    feed = project(tmp_path, server.port)
    (tmp_path / "var").write_text("in the way")
    patience = Patience(monotonic=time.monotonic)
    (problem,) = refresh_feeds(feed.config, now=NOW, patience=patience)

    assert "W211" == problem.code


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("webcal://example.org/a.ics", "https://example.org/a.ics"),
        ("webcals://example.org/a.ics", "https://example.org/a.ics"),
        ("HTTP://example.org/a.ics", "http://example.org/a.ics"),
        ("https://example.org/a.ics?x=1", "https://example.org/a.ics?x=1"),
    ],
)
def test_webcal_is_asked_over_https(url: str, asked: str) -> None:
    """The scheme that calendars hand on is one of the web."""
    assert asked == web_address(url)
