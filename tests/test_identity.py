import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambour.composing.identity import (
    Leaving,
    idempotency_key,
    message_id,
    read_unsubscribe_token,
    unsubscribe_url,
)

SECRET = b"drum" * 8
NAMES = {"edition": "hebdo/2026-11-23/1", "channel": "lettre", "address": "z@b.org"}
LEAVING = Leaving(audience="agents", campaign="hebdo", address="zoé@b.org")
BASE = "https://lettre.example.org"


def token(leaving: Leaving = LEAVING, secret: bytes = SECRET) -> str:
    """Return the last part of the address to leave by."""
    return unsubscribe_url(secret, base=BASE, leaving=leaving).rpartition("/")[2]


def test_message_id_is_the_same_at_every_attempt() -> None:
    """A retry carries the name of the first attempt, on the sender's domain."""
    first = message_id(SECRET, domain="b.org", **NAMES)

    assert first == message_id(SECRET, domain="b.org", **NAMES)
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
    first = message_id(SECRET, domain="b.org", **NAMES)

    assert first != message_id(SECRET, domain="b.org", **(NAMES | other))


def test_names_need_the_secret() -> None:
    """Another project makes other names for the same delivery."""
    same = {"edition": "e", "channel": "c", "account": "a"}

    assert idempotency_key(SECRET, **same) != idempotency_key(b"other", **same)


def test_names_serve_one_purpose_each() -> None:
    """A key seen by a service says nothing of a Message-ID."""
    key = idempotency_key(SECRET, edition="e", channel="c", account="a")
    identity = message_id(SECRET, edition="e", channel="c", address="a", domain="d")

    assert key not in identity


def test_unsubscribe_url_is_below_the_public_pages() -> None:
    """The address is plain ASCII, with or without a slash at the base's end."""
    url = unsubscribe_url(SECRET, base=f"{BASE}/", leaving=LEAVING)

    assert url.startswith(f"{BASE}/unsubscribe/")
    assert url.isascii()


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
