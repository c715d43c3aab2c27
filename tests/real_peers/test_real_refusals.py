"""What Postfix refuses, now or for good, and what becomes of it and of all others."""

from __future__ import annotations

from collections import Counter

import pytest

from command_line import Folder
from real_peers.mail_servers import Port, Servers
from real_peers.newsletters import EDITION, Newsletter, newsletter, numbered

PORTS = (Port.FULL, Port.WITHOUT_CHUNKING, Port.WITHOUT_PIPELINING)
HELD, TEMPORARY = 6, 75


def mixed(good: int, bad: tuple[str, ...], domain: str) -> tuple[str, ...]:
    """Return addresses of which each bad name stands between two good ones."""
    names = [f"zoe{number}" for number in range(good)]
    for place, name in enumerate(bad):
        names.insert(1 + 2 * place, f"{name}{place}")
    return tuple(f"{name}@{domain}" for name in names)


def arrived(servers: Servers, domain: str) -> Counter[str]:
    """Return how often each reader in *domain* got something."""
    return Counter(mail.recipient for mail in servers.delivered(domain))


def good_ones(letter: Newsletter) -> Counter[str]:
    """Return the readers whose name Postfix does not object to."""
    return Counter(reader for reader in letter.readers if reader.startswith("zoe"))


@pytest.mark.parametrize("port", PORTS)
def test_refused_readers_do_not_hurt_their_neighbours(
    port: Port, servers: Servers, folder: Folder
) -> None:
    """Between good readers stand unknown and full ones; each has its own answer."""
    domain = f"mixed-{port}.test"
    letter = newsletter(folder, mixed(60, ("gone", "full") * 15, domain), port)

    code = letter.send()

    said = {name.rstrip("0123456789"): row["code"] for address, row in letter.records().items() for name in [address.partition("@")[0]]}  # fmt: skip
    assert TEMPORARY == code
    assert {"sent": 60, "failed": 15, "deferred": 15} == letter.states()
    assert good_ones(letter) == arrived(servers, domain)
    assert {"zoe": "250", "gone": "550", "full": "452"} == said


@pytest.mark.parametrize("port", PORTS)
def test_what_is_greylisted_arrives_later(
    port: Port, servers: Servers, folder: Folder
) -> None:
    """A 4xx puts off; the next try gets through, and nobody has it twice."""
    domain = f"grey-{port}.test"
    letter = newsletter(folder, mixed(10, ("grey",) * 5, domain), port)

    first = letter.send(), letter.states()
    with servers.accepting("/^grey/"):
        second = letter.retry()

    assert (TEMPORARY, {"sent": 10, "deferred": 5}) == first
    assert (0, {"sent": 15}) == (second, letter.states())
    assert Counter(letter.readers) == arrived(servers, domain)
    assert not letter.suppressed()


def test_an_address_that_does_not_exist_is_not_mailed_again(
    servers: Servers, folder: Folder
) -> None:
    """550 5.1.1 is final, and suppresses the address in every audience."""
    letter = newsletter(folder, mixed(4, ("gone",), "gone.test"), Port.FULL)

    letter.send()

    assert {"sent": 4, "failed": 1} == letter.states()
    assert {"gone0@gone.test": "550 5.1.1"} == letter.suppressed()
    assert "No such user here" in letter.records()["gone0@gone.test"]["reply"]
    assert good_ones(letter) == arrived(servers, "gone.test")


def test_a_refused_sender_stops_the_edition_and_blames_no_reader(
    servers: Servers, folder: Folder
) -> None:
    """554 5.7.1 holds the edition for a person; once mended, all get it once."""
    letter = newsletter(folder, mixed(600, ("blocked",), "blocked.test"), Port.FULL)

    first = letter.send()
    so_far = arrived(servers, "blocked.test")
    stopped = letter.send()
    meanwhile = arrived(servers, "blocked.test")
    with servers.accepting("/^blocked/"):
        assert 0 == letter.folder.run("approve", EDITION).code
        mended = letter.retry()

    assert (HELD, HELD) == (first, stopped)
    assert 0 < so_far.total() < 600
    assert so_far == meanwhile
    assert not letter.suppressed()
    assert (0, {"sent": 601}) == (mended, letter.states())
    assert Counter(letter.readers) == arrived(servers, "blocked.test")


def test_a_server_that_hangs_up_after_errors_loses_nobody(
    servers: Servers, folder: Folder, figures: list[str]
) -> None:
    """
    421 after three unknown readers in a row: the others go over new connections.

    Postfix hangs up on what it has not read, which resets the connection and may drop
    its last replies: what was written ahead is then in doubt, and named so.
    """
    names = (
        f"{name}{n}" for n in range(50) for name in ["gone" if n % 10 > 5 else "zoe"]
    )
    readers = [f"{name}@impatient.test" for name in names]
    letter = newsletter(folder, readers, Port.IMPATIENT, connections=1)

    letter.send()
    in_doubt = letter.states()["uncertain"]
    for _ in range(5):
        if letter.states()["sent"] < 30:
            letter.retry()

    got, records = arrived(servers, "impatient.test"), letter.records()
    states = {who: row["state"] for who, row in records.items()}
    figures.append(f"Hung up on after errors: {in_doubt} of 50 messages in doubt")
    assert servers.log_lines("too many errors after")
    assert dict.fromkeys(got, "sent") == {
        who: state for who, state in states.items() if state == "sent"
    }
    assert set(good_ones(letter)) == set(got)
    assert all(records[who]["attempts"] > 1 for who, count in got.items() if count > 1)
    assert all(who.startswith("gone") for who in letter.suppressed())


def test_a_server_that_takes_few_connections_is_used_with_few(
    servers: Servers, folder: Folder
) -> None:
    """Two connections of five are let in: everything goes over those, once."""
    domain = "narrow.test"
    letter = newsletter(folder, numbered(200, domain), Port.NARROW, connections=5)

    code = letter.send()

    assert (0, {"sent": 200}) == (code, letter.states())
    assert Counter(letter.readers) == arrived(servers, domain)
    assert servers.log_lines("Connection concurrency limit exceeded")


def test_a_bounce_says_which_mail_came_back(servers: Servers, folder: Folder) -> None:
    """Postfix's bounce of an accepted mail names our envelope, and the reader asked for."""
    reader = "zoe+lettre=juin@later.test"
    letter = newsletter(folder, [reader], Port.FULL)

    letter.send()
    bounces = [one for one in servers.delivered("example.org") if reader.encode() in one.raw]  # fmt: skip

    (report,) = (
        part
        for bounce in bounces
        for part in bounce.parsed.walk()
        if part.get_content_type() == "message/delivery-status"
    )
    message, recipient = report.get_payload()
    assert message["Original-Envelope-Id"] == letter.message_ids()[reader]
    assert f"rfc822;{reader}" == recipient["Original-Recipient"].replace(" ", "")
    assert "5.1.1" == recipient["Status"]
