from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rendering_goldens import PACK, WORKSHOP
from rendering_samples import make_event, make_post, many_events, open_government
from tambour.errors import TemplateError
from tambour.model import EditionKind, EventStatus, Rendered
from tambour.rendering.posts import render_post
from tambour.rendering.templates import Templates

REMINDER = EditionKind.REMINDER
TEMPLATES = Templates(PACK / "nowhere", pack=PACK, seed="tests")


def render(*events: Any, **fields: Any) -> Rendered:
    """Return the post of *events* from the default pack."""
    return render_post(TEMPLATES, **make_post(*events, **fields))


def write(root: Path, name: str, text: str) -> None:
    """Put a template into the project."""
    path = root / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_open_government_conference_as_a_post() -> None:
    """Title, time, place and link, nothing else."""
    assert render(open_government(), kind=REMINDER).text == (
        "Le gouvernement ouvert : vers une participation des citoyens à l'action "
        "publique ?\n"
        "Jeudi 23 mai 2019, de 18 h à 21 h\n"
        "Forum de Grenelle, 5 rue de la Croix Nivert, 75015 Paris\n"
        "https://bit.ly/2v75crQ\n"
    )


@settings(max_examples=60, deadline=None)
@given(
    title=st.text(st.characters(categories=["L", "P", "Z"]), min_size=1, max_size=400),
    venue=st.text(st.characters(categories=["L", "P", "Z"]), max_size=300),
)
def test_a_post_about_one_event_fits_everywhere(title: str, venue: str) -> None:
    """Whatever the title and the place, 300 characters with the link."""
    post = render(
        make_event(title=title, venue=venue, url="https://www.example.org/agenda/x/"),
        kind=REMINDER,
    )

    assert len(post.text.strip()) <= 300
    assert post.text.endswith("https://www.example.org/agenda/x/\n")


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
def test_a_post_about_many_fits_five_hundred_characters(count: int) -> None:
    """As many events as there is room for; the rest are counted."""
    text = render(*many_events(count)).text
    shown = text.count("Rendez-vous n°")

    assert len(text) <= 500
    assert shown >= min(count, 4)
    if count - shown > 1:
        assert f"Et {count - shown} autres rendez-vous" in text


def test_a_cancelled_event_is_announced_without_registration() -> None:
    """The link leads to the page, where the reason is."""
    post = render(
        replace(WORKSHOP, status=EventStatus.CANCELLED), kind=EditionKind.CANCELLATION
    )

    assert post.text.startswith("Annulé : Réparer son vélo")
    assert WORKSHOP.registration_url is not None
    assert WORKSHOP.registration_url not in post.text
    assert post.text.endswith(f"{WORKSHOP.url}\n")


def test_a_post_has_html_without_a_way_to_leave() -> None:
    """The mail's template serves the web, where nobody is subscribed."""
    post = render(WORKSHOP, kind=REMINDER, body="{{ recipient.greeting }} Venez.")

    assert "Bonjour, Venez." in post.html
    assert "Ne plus recevoir" not in post.html
    assert not post.tokens
    assert "TK" not in post.html + post.text


def test_a_name_in_the_editors_words_vanishes_from_a_post() -> None:
    """Who has no name is greeted without one, and without a hole."""
    post = render(WORKSHOP, body="Bonjour {{ recipient.name }}, voici l'agenda.")

    assert "Bonjour, voici l'agenda." in post.html


def test_the_channels_own_template_comes_first(tmp_path: Path) -> None:
    """A network may have its own words; the others share the general ones."""
    write(tmp_path, "social/digest.txt.j2", "general")
    write(tmp_path, "social/digest.mastodon.txt.j2", "mastodon")
    templates = Templates(tmp_path)

    said = {
        kind: render_post(templates, **make_post(make_event(), channel_type=kind)).text
        for kind in ("mastodon", "webhook")
    }

    assert said == {"mastodon": "mastodon\n", "webhook": "general\n"}


def test_a_payload_is_the_templates_own_json(tmp_path: Path) -> None:
    """Values pass through tojson, whatever signs they hold."""
    write(
        tmp_path,
        "webhook/digest.json.j2",
        '{"titles": {{ events|map(attribute="title")|list|tojson }}}',
    )
    title = 'A "b" <c> & \\ é\u2028'

    post = render_post(Templates(tmp_path), **make_post(make_event(title=title)))

    assert json.loads(post.payload) == {"titles": [title]}


def test_a_payload_alone_is_enough(tmp_path: Path) -> None:
    """A webhook with a template of its own needs no text."""
    write(tmp_path, "webhook/ping.json.j2", '{"n": {{ events|length }}}')

    post = render_post(Templates(tmp_path), **make_post(make_event(), template="ping"))

    assert (post.payload, post.text, post.html) == ('{"n": 1}', "", "")


def test_a_post_without_any_template_is_a_problem(tmp_path: Path) -> None:
    """Neither text nor payload: there is nothing to say."""
    with pytest.raises(TemplateError) as caught:
        render_post(Templates(tmp_path), **make_post(make_event(), template="remindr"))

    assert caught.value.problems[0].code == "E401"
    assert "social/reminder.txt.j2" in caught.value.problems[0].help
