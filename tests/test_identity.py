import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.composing.identity import (
    Leaving,
    idempotency_key,
    message_ids,
    read_unsubscribe_token,
    unsubscribe_urls,
)

SECRET = b"drum" * 8
NAMES = {"edition": "hebdo/2026-11-23/1", "channel": "lettre", "address": "z@b.org"}
LEAVING = Leaving(audience="agents", campaign="hebdo", address="zoé@b.org")
BASE = "https://lettre.example.org"


def message_id(*, edition: str, channel: str, address: str) -> str:
    """Return a Message-ID on b.org."""
    names = message_ids(SECRET, edition=edition, channel=channel, domain="b.org")
    return names(address)


def url(leaving: Leaving, secret: bytes = SECRET, base: str = BASE) -> str:
    """Return the page on which somebody leaves."""
    urls = unsubscribe_urls(
        secret, base=base, audience=leaving.audience, campaign=leaving.campaign
    )
    return urls(leaving.address)


def token(leaving: Leaving = LEAVING, secret: bytes = SECRET) -> str:
    """Return the last part of the address to leave by."""
    return url(leaving, secret).rpartition("/")[2]


def test_message_id_is_the_same_at_every_attempt() -> None:
    """A retry carries the name of the first attempt, on the sender's domain."""
    first = message_id(**NAMES)

    assert first == message_id(**NAMES)
    assert first.startswith("<")
    assert first.endswith("@b.org>")


@pytest.mark.parametrize(
    "other",
    [
        {"edition": "hebdo/2026-11-23/2"},
        {"channel": "autre"},
        {"address": "y@b.org"},
        {"edition": "hebdo/2026-11-23/1l", "channel": "ettre"},
    ],
    ids=["edition", "channel", "address", "shifted-boundary"],
)
def test_message_id_depends_on_all_that_makes_a_delivery(other: dict[str, str]) -> None:
    """Two deliveries never share a name."""
    first = message_id(**NAMES)

    assert first != message_id(**(NAMES | other))


def test_names_need_the_secret() -> None:
    """Another project makes other names for the same delivery."""
    same = {"edition": "e", "channel": "c", "account": "a"}

    assert idempotency_key(SECRET, **same) != idempotency_key(b"other", **same)


def test_names_serve_one_purpose_each() -> None:
    """A key seen by a service says nothing of a Message-ID."""
    key = idempotency_key(SECRET, edition="e", channel="c", account="a")
    identity = message_id(edition="e", channel="c", address="a")

    assert key not in identity


def test_unsubscribe_url_is_below_the_public_pages() -> None:
    """The address is plain ASCII, with or without a slash at the base's end."""
    page = url(LEAVING, base=f"{BASE}/")

    assert page.startswith(f"{BASE}/unsubscribe/")
    assert page.isascii()


@given(
    audience=st.from_regex(r"[a-z]{0,9}", fullmatch=True),
    campaign=st.from_regex(r"[a-z-]{1,9}", fullmatch=True),
    address=st.emails() | st.just("zoé@exämple.fr"),
)
def test_unsubscribe_token_is_read_back(
    audience: str, campaign: str, address: str
) -> None:
    """Whoever has the secret, even a retired one, knows who wants to leave what."""
    leaving = Leaving(audience=audience, campaign=campaign, address=address)

    assert leaving == read_unsubscribe_token(token(leaving), [b"newer", SECRET])


@pytest.mark.parametrize(
    "forged",
    [
        "",
        ".",
        token(secret=b"other"),
        token().partition(".")[0],
        token()[:-1],
        token() + "A",
        "A" + token(),
        token().replace(".", ".é"),
        "this-is-a-test",
    ],
)
def test_unsubscribe_token_cannot_be_forged(forged: str) -> None:
    """A token cut, changed, or made with another secret is nobody's."""
    assert read_unsubscribe_token(forged, [SECRET]) is None


def test_unsubscribe_token_needs_a_secret() -> None:
    """Without any secret no token is valid."""
    assert read_unsubscribe_token(token(), []) is None


@given(st.binary(max_size=150), st.text(max_size=40), st.text(max_size=40))
def test_names_are_those_of_the_standard_library(
    secret: bytes, edition: str, address: str
) -> None:
    """Hashing what recipients share only once changes no name."""
    values = ["message-id", edition, "lettre", address]
    message = "".join(f"{len(value)}:{value}" for value in values)
    mac = hmac.digest(secret, message.encode("utf-8", "replace"), "sha256")
    names = message_ids(secret, edition=edition, channel="lettre", domain="b.org")

    assert f"<{mac[:16].hex()}@b.org>" == names(address) == names(address)
