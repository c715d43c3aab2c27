"""The outbox: files that appear whole, and a page to read them."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from contracts.channel import ChannelContract, Destination, kinds, mail, post, transmit
from peers import run
from tambour.channels import Channel, make_channel
from tambour.channels.outbox import file_mail, file_post, refresh_index
from tambour.channels.outbox_page import SHOWN
from tambour.config import OutboxChannel
from tambour.model import Message, Outcome, OutcomeKind

NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)


def outbox(root: Path) -> Channel:
    """The channel, in the folder `outbox` of *root*."""
    return make_channel("out", OutboxChannel(type="outbox"), root, clock=lambda: NOW)


def send(root: Path, *messages: Message) -> list[Outcome]:
    """File *messages* and close, as one run of the program does."""

    async def main() -> list[Outcome]:
        channel = outbox(root)
        outcomes = await transmit(channel, messages)
        await channel.close()
        return outcomes

    return run(main())


def files(folder: Path) -> list[str]:
    """Names of all files under *folder*, hidden ones included."""
    found = folder.rglob("*")
    return sorted(str(path.relative_to(folder)) for path in found if path.is_file())


class Folder:
    """The destination of the contract suite."""

    def __init__(self, root: Path) -> None:
        self.channel = outbox(root)
        self._folder = root / "outbox"

    def received(self) -> list[tuple[str, bytes]]:
        """What was filed."""
        found = [*self._folder.glob("*.eml"), *self._folder.glob("*.json")]
        return [(path.name, path.read_bytes()) for path in found if path.is_file()]

    def refuse(self, message: Message) -> None:
        """Put a folder where the message's file would go."""
        file = file_mail if message.sender else file_post
        elsewhere = self._folder.with_name("elsewhere")
        path = file(
            elsewhere, message.content, recipient=message.recipient, key=message.key
        )
        (self._folder / path.name).mkdir(parents=True)

    def vanish(self) -> None:
        """Put a file where the folder was."""
        if self._folder.is_dir():
            self._folder.rename(self._folder.with_name("gone"))
            self._folder.write_text("not a folder")


class TestOutboxContract(ChannelContract):
    """The outbox as a channel for mail."""

    def message(self, number: int) -> Message:
        """Mail."""
        return mail(number)

    @asynccontextmanager
    async def destination(self, tmp_path: Path) -> AsyncIterator[Destination]:
        """A folder that can be written."""
        yield Folder(tmp_path)

    @contextmanager
    def dead(self, tmp_path: Path) -> Iterator[Channel]:
        """A folder that cannot be made, because a file has its name."""
        (tmp_path / "dead").mkdir()
        (tmp_path / "dead" / "outbox").write_text("not a folder")
        yield outbox(tmp_path / "dead")


class TestOutboxContractForPosts(TestOutboxContract):
    """The outbox as a channel for posts."""

    def message(self, number: int) -> Message:
        """Posts."""
        return post(number)


def newsletter(*, subject: str = "L'été à Genève", html: str = "") -> bytes:
    """A message as composing makes it, with both alternatives."""
    message = EmailMessage()
    message["From"] = "Numérique public <lettre@example.org>"
    message["To"] = "Zoé <zoe@example.org>"
    message["Subject"] = subject
    message["Date"] = "Mon, 30 Nov 2026 08:00:00 +0100"
    message["Message-ID"] = "<1@example.org>"
    message["X-Tambour-Edition"] = "agenda/2026-11-30/1"
    message.set_content("Bonjour Zoé")
    message.add_alternative(html or "<!doctype html><p>Bonjour Zoé</p>", subtype="html")
    return message.as_bytes()


def test_names_say_edition_and_recipient(tmp_path: Path) -> None:
    """A file's name tells a person what is in it."""
    send(tmp_path, mail(1, recipient="Zoé+news@example.org"))
    name = next((tmp_path / "outbox").glob("*.eml")).name

    assert name.startswith("agenda-2026-11-30-1--zoe-news@example.org--")


@pytest.mark.parametrize("make", [mail, post])
def test_a_retry_replaces(tmp_path: Path, make: Callable[[int], Message]) -> None:
    """The same key is the same file, with the newest content."""
    first = make(1)
    again = first._replace(content=first.content + b"\r\n")
    send(tmp_path, first)
    before = files(tmp_path)
    send(tmp_path, again)
    contents = [path.read_bytes() for path in (tmp_path / "outbox").glob("agenda*")]

    assert before == files(tmp_path)
    assert again.content in contents


def test_a_file_being_read_is_not_changed(tmp_path: Path) -> None:
    """Whoever has a message open reads it to its end, though a retry replaces it."""
    send(tmp_path, mail(1))
    with next((tmp_path / "outbox").glob("*.eml")).open("rb") as file:
        send(tmp_path, mail(1)._replace(content=mail(1).content + b"new\r\n"))
        content = file.read()

    assert mail(1).content == content


def test_names_that_look_alike_stay_apart(tmp_path: Path) -> None:
    """Two recipients whose names reduce to the same letters have two files."""
    send(
        tmp_path,
        mail(1, recipient="a+b@example.org")._replace(key="one"),
        mail(2, recipient="a-b@example.org")._replace(key="two"),
    )

    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2


@pytest.mark.parametrize(
    "recipient",
    ["../../etc/passwd", "/etc/passwd", "..", "a\0b@x", "x" * 5000, "日本@例え.jp", ""],
    ids=["up", "root", "dots", "nul", "long", "japanese", "empty"],
)
def test_no_name_leaves_the_folder(tmp_path: Path, recipient: str) -> None:
    """Whatever an address holds, its file is in the outbox."""
    message = mail(1)._replace(recipient=recipient)
    outcomes = send(tmp_path, message)

    assert kinds(outcomes) == [OutcomeKind.ACCEPTED]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
    assert {"outbox"} == {path.name for path in tmp_path.iterdir()}


def test_posts_are_readable(tmp_path: Path) -> None:
    """A post's words stand beside its payload."""
    send(tmp_path, post(1))
    text = next((tmp_path / "outbox").glob("*.txt")).read_text()

    assert text == "N° 1 – 😀\nà bientôt"


def test_a_payload_of_any_shape_is_filed(tmp_path: Path) -> None:
    """An editor's own payload template may make what it likes."""
    outcomes = send(tmp_path, post(1)._replace(content=b"[1, 2]"))

    assert kinds(outcomes) == [OutcomeKind.ACCEPTED]
    assert next((tmp_path / "outbox").glob("*.json")).read_bytes() == b"[1, 2]"


@contextmanager
def small_files(limit_bytes: int) -> Iterator[None]:
    """Let this process write no file larger than *limit_bytes*, like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("make", [mail, post])
def test_a_full_disk_defers_and_leaves_nothing_half_written(
    tmp_path: Path, make: Callable[[int], Message]
) -> None:
    """What does not fit is deferred, and no part of it stays."""
    large = make(1)._replace(content=make(1).content + b" " * 100_000)
    with small_files(10_000):
        outcomes = send(tmp_path, large)
    left = [name for name in files(tmp_path) if "index" not in name]

    assert [OutcomeKind.DEFERRED] == kinds(outcomes)
    assert outcomes[0].code == "disk-full"
    assert [name for name in left if name.endswith((".eml", ".json"))] == []
    assert [name for name in left if Path(name).name.startswith(".")] == []


def test_an_unwritable_folder_defers_by_name(tmp_path: Path) -> None:
    """The outcome names the folder and the mend."""
    (tmp_path / "outbox").write_text("not a folder")
    outcomes = send(tmp_path, mail(1))

    assert kinds(outcomes) == [OutcomeKind.DEFERRED]
    assert outcomes[0].code == "unwritable"
    assert str(tmp_path / "outbox") in outcomes[0].reply


def test_channels_share_a_folder(tmp_path: Path) -> None:
    """Channels that open at the same moment do not take it for unwritable."""

    async def main() -> list[Outcome | None]:
        return await asyncio.gather(*(outbox(tmp_path).open() for _ in range(200)))

    assert {None} == set(run(main()))


class Links(HTMLParser):
    """Collects what a page links to, and the tags it is made of."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag and its target."""
        self.tags.append(tag)
        self.targets += [unquote(to or "") for name, to in attrs if name == "href"]


def test_the_page_leads_to_every_message(tmp_path: Path) -> None:
    """Each mail's HTML, text and source, and each post, are one click away."""
    folder = tmp_path / "outbox"
    file_mail(folder, newsletter(), recipient="zoe@example.org", key="k")
    send(tmp_path, post(1))
    links = Links(folder / "index.html").targets
    stem = next(folder.glob("*.eml")).stem
    post_stem = next(folder.glob("*.json")).stem

    assert sorted(
        [
            *(f"./views/{stem}.html", f"./views/{stem}.txt", f"./{stem}.eml"),
            *(f"./{post_stem}.txt", f"./{post_stem}.json"),
        ]
    ) == sorted(links)
    assert [link for link in links if not (folder / link).is_file()] == []


def test_the_page_decodes_headers(tmp_path: Path) -> None:
    """A person reads names and subjects, not encodings."""
    file_mail(tmp_path, newsletter(), recipient="zoe@example.org")
    refresh_index(tmp_path)
    page = (tmp_path / "index.html").read_text()

    assert "L&#x27;été à Genève" in page
    assert "Numérique public &lt;lettre@example.org&gt;" in page
    assert "Monday 30 November 2026" in page
    assert "08:00" in page


def test_the_page_escapes(tmp_path: Path) -> None:
    """Nothing a header says becomes markup."""
    content = newsletter(subject='<script>alert(1)</script> "&amp;')
    file_mail(tmp_path, content, recipient='"><script>@example.org')
    refresh_index(tmp_path)

    assert "script" not in Links(tmp_path / "index.html").tags


def test_the_page_lists_the_newest_first(tmp_path: Path) -> None:
    """Order is by the date written in the message."""
    for day in (29, 30, 28):
        content = newsletter(subject=f"S{day}").replace(b"30 Nov", b"%d Nov" % day)
        file_mail(tmp_path, content, recipient="zoe@example.org", key=str(day))
    refresh_index(tmp_path)
    page = (tmp_path / "index.html").read_text()

    assert page.index("S30") < page.index("S29") < page.index("S28")


def test_the_page_stays_short(tmp_path: Path) -> None:
    """Of very many messages, the newest are listed and all are counted."""
    for number in range(SHOWN + 5):
        (tmp_path / f"{number}.eml").write_bytes(b"Subject: x\r\n\r\n")
    refresh_index(tmp_path)
    page = (tmp_path / "index.html").read_text()

    assert f"{SHOWN + 5:,} messages" in page
    assert page.count("<li>") == SHOWN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?x-unknown?q?=FF?=\r\nDate: 99 Foo\r\nFrom: \xe9\r\n\r\nx",
        b"Content-Type: text/html; charset=x-no\r\n\r\n<p>\xe9",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx",
        b"Message-ID: <\r\nContent-Type: text/plain; charset=\r\n\r\nx",
    ],
    ids=["empty", "binary", "headers", "charset", "cut off", "half"],
)
def test_odd_mail_is_filed_all_the_same(tmp_path: Path, content: bytes) -> None:
    """Whatever arrives is kept as it is, and the page can still be made."""
    path = file_mail(tmp_path, content, recipient="zoe@example.org")
    refresh_index(tmp_path)

    assert content == path.read_bytes()


def test_a_view_keeps_words_and_runs_nothing(tmp_path: Path) -> None:
    """An HTML view is UTF-8, in standards mode, and forbids scripts."""
    html = "<!DOCTYPE html><html><head><title>é</title></head><header>ô</header></html>"
    file_mail(tmp_path, newsletter(html=html), recipient="zoe@example.org")
    view = next((tmp_path / "views").glob("*.html")).read_text()

    assert view.startswith(
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    )
    assert "<title>é</title></head><header>ô</header></html>" in view


def test_the_same_message_id_is_the_same_file(tmp_path: Path) -> None:
    """Whoever files without a key has repeats told by Message-ID."""
    first = file_mail(tmp_path, newsletter(), recipient="zoe@example.org")
    again = file_mail(tmp_path, newsletter(), recipient="zoe@example.org")
    other = file_mail(
        tmp_path, newsletter().replace(b"<1@", b"<2@"), recipient="zoe@example.org"
    )

    assert first == again
    assert first != other


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """The page's memory of a file ends when the file changes."""

    async def main() -> list[bool]:
        channel, found = outbox(tmp_path), []
        for subject in ("before", "afterwards"):
            content = newsletter(subject=subject)
            await transmit(channel, [mail(1)._replace(content=content)])
            await channel.close()
            path = next((tmp_path / "outbox").glob("*.eml"))
            os.utime(path, ns=(1, 1))
            page = (tmp_path / "outbox" / "index.html").read_text()
            found.append(subject in page)
        return found

    assert run(main()) == [True, True]
