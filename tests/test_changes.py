"""What a correction says: kinds of change in words, subjects, first lines, posts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rendering_goldens import PACK, TOLD, WORKSHOP
from rendering_samples import SITE, make_campaign, make_event, make_job, make_post
from tambour.model import (
    EditionKind,
    Event,
    EventStatus,
    Rendered,
    Target,
)
from tambour.rendering.changes import changes
from tambour.rendering.checking import check
from tambour.rendering.mail import render_mail
from tambour.rendering.posts import render_post
from tambour.rendering.templates import Templates
from tambour.rendering.views import Reader

CORRECTION, CANCELLATION = EditionKind.CORRECTION, EditionKind.CANCELLATION
TEMPLATES = Templates(PACK / "nowhere", pack=PACK, seed="tests")
LINK = "https://www.example.org/inscription?a=1&b=2"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = replace(
    WORKSHOP, title="Réparer son vélo", registration_url=LINK, online=False, end=None
)
assert NOW.start is not None
CANCELLED, POSTPONED = EventStatus.CANCELLED, EventStatus.POSTPONED


def mail(now: Event, was: Event | None, **fields: Any) -> Rendered:
    """Return the correction of those who were told *was*."""
    kind = CANCELLATION if now.status is CANCELLED else CORRECTION
    told = (was.facts(),) if was else ()
    return render_mail(TEMPLATES, **make_job(now, kind=kind, told=told, **fields))


def post(now: Event, was: Event) -> str:
    """Return the post that follows up one that told *was*."""
    kind = CANCELLATION if now.status is CANCELLED else CORRECTION
    made = make_post(now, kind=kind, told=(was.facts(),))
    return render_post(TEMPLATES, **made).text


def plain(text: str) -> str:
    """Return *text* in ordinary spaces."""
    return text.replace("\u00a0", " ")


def rows(now: Event, was: Event) -> list[tuple[str, str, str]]:
    """Return what a French reader is shown: kind, before and after."""
    reader = Reader(language="fr", site=SITE, year=2019)
    found = changes(now, (was.facts(),), reader)
    return [(str(one.kind), plain(one.before), plain(one.after)) for one in found]


KINDS = [
    pytest.param(
        {"start": NOW.start - HOUR},
        {},
        "Nouvel horaire",
        "New time",
        "Samedi 25 mai 2019 à 14 h · Atelier",
        id="another hour",
    ),
    pytest.param(
        {"start": NOW.start - DAY},
        {},
        "Nouvelle date",
        "New date",
        "Samedi 25 mai 2019 à 14 h · Atelier",
        id="another day",
    ),
    pytest.param(
        {"venue": "Ailleurs"},
        {},
        "Nouveau lieu",
        "New place",
        "Atelier du Pont, 3 quai des Tanneurs, 76000 Rivemont · ",
        id="another place",
    ),
    pytest.param(
        {"registration_url": None},
        {},
        "Nouveau lien",
        "New link",
        f"Lien : {LINK} · ",
        id="a link",
    ),
    pytest.param(
        {
            "venue": "Ailleurs",
            "start": NOW.start - DAY,
            "registration_url": "https://x.y",
        },
        {},
        "Nouvelle date, nouveau lieu et nouveau lien",
        "New date, new place, and new link",
        "Samedi 25 mai 2019 à 14 h · Atelier",
        id="several at once",
    ),
    pytest.param(
        {},
        {"status": CANCELLED},
        "Annulé",
        "Cancelled",
        "Ce rendez-vous n’aura pas lieu. Il était prévu : samedi 25 mai 2019 à 14 h",
        id="cancelled",
    ),
    pytest.param(
        {},
        {"status": POSTPONED},
        "Reporté",
        "Postponed",
        "Ce rendez-vous est reporté. La nouvelle date n’est pas encore fixée.",
        id="postponed",
    ),
    pytest.param(
        {"status": CANCELLED},
        {},
        "Finalement maintenu",
        "Going ahead after all",
        "Samedi 25 mai 2019 à 14 h · Atelier",
        id="reinstated",
    ),
    pytest.param(
        {"status": POSTPONED, "start": NOW.start - DAY},
        {},
        "Finalement maintenu et nouvelle date",
        "Going ahead after all and new date",
        "Samedi 25 mai 2019 à 14 h · Atelier",
        id="a date again",
    ),
    pytest.param(
        {},
        {"venue": None, "address": None},
        "Changement",
        "Changed",
        "Non précisé · ",
        id="no place any more",
    ),
]


@pytest.mark.parametrize(("was", "now", "french", "english", "preheader"), KINDS)
def test_a_subject_says_what_changed_and_the_first_line_what_holds(
    was: dict[str, Any], now: dict[str, Any], french: str, english: str, preheader: str
) -> None:
    """Whoever reads no further than the inbox knows both."""
    old, new = replace(NOW, **was), replace(NOW, **now)
    said = mail(new, old)

    assert plain(said.subject) == f"{french} : Réparer son vélo"
    assert mail(new, old, language="en").subject == f"{english}: Réparer son vélo"
    assert plain(said.preheader).startswith(preheader)


@pytest.mark.parametrize(("was", "now", "french", "english", "preheader"), KINDS)
def test_old_and_new_are_said_in_words(
    was: dict[str, Any], now: dict[str, Any], french: str, english: str, preheader: str
) -> None:
    """Each change stands under its label with before and now, in both parts."""
    said = mail(replace(NOW, **now), replace(NOW, **was))
    count = len(rows(replace(NOW, **now), replace(NOW, **was)))

    assert count >= 1
    assert count == said.text.count("\n  Avant : ") == said.text.count("\n  Maintenant")
    assert count == said.html.count(">Avant<") == said.html.count(">Maintenant<")
    assert french, (english, preheader)


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        pytest.param({}, {"body": "x", "summary": "y", "tags": ("z",)}, [], id="words"),
        pytest.param({"title": "Alt"}, {}, [], id="a title alone"),
        pytest.param(
            {"title": "Alt", "venue": None, "address": None},
            {"venue": "A", "address": None},
            [("title", "Alt", "Réparer son vélo"), ("place", "non précisé", "A")],
            id="a title beside a place",
        ),
        pytest.param(
            {"venue": "A", "address": None},
            {"venue": "A", "address": None, "online": True},
            [("place", "A", "A, et en ligne")],
            id="online as well",
        ),
        pytest.param(
            {"end": None}, {"end": NOW.start}, [], id="an end that nobody would read"
        ),
        pytest.param(
            {"status": POSTPONED},
            {"status": CANCELLED, "start": NOW.start + DAY},
            [("cancelled", "Reporté", "Annulé")],
            id="postponed, then cancelled",
        ),
        pytest.param(
            {"status": CANCELLED, "start": NOW.start - DAY},
            {},
            [
                (
                    "reinstated",
                    "Annulé (vendredi 24 mai 2019 à 14 h)",
                    "samedi 25 mai 2019 à 14 h",
                )
            ],
            id="reinstated on another day",
        ),
    ],
)
def test_changes_are_those_of_the_facts(
    was: dict[str, Any], now: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    """What readers go by, and the title only beside it, to know the event again."""
    assert expected == rows(replace(NOW, **now), replace(NOW, **was))


def test_what_is_called_off_shows_the_date_that_readers_know() -> None:
    """A start that was changed in the same breath was never told, and means nothing."""
    assert NOW.start is not None
    new = replace(NOW, status=CANCELLED, start=NOW.start + DAY)
    said = plain(mail(new, NOW).text + mail(new, NOW).preheader + post(new, NOW))

    assert "25 mai" in said
    assert "26 mai" not in said


def test_what_is_postponed_shows_no_date_as_if_it_held() -> None:
    """Neither badge nor button: the old date stands nowhere but under "before"."""
    postponed, moved = replace(NOW, status=POSTPONED), replace(NOW, venue="Ailleurs")

    assert 'class="badge-day"' in mail(moved, NOW).html
    assert 'class="badge-day"' not in mail(postponed, NOW).html
    assert LINK not in mail(postponed, NOW).text + post(postponed, NOW)


@settings(max_examples=40, deadline=None)
@given(
    title=st.text(st.characters(categories=["L", "P", "Z"]), min_size=1, max_size=400),
    venue=st.text(st.characters(categories=["L", "P", "Z"]), max_size=300),
    status=st.sampled_from(
        [EventStatus.SCHEDULED, EventStatus.CANCELLED, EventStatus.POSTPONED]
    ),
)
def test_a_corrected_post_fits_everywhere(
    title: str, venue: str, status: EventStatus
) -> None:
    """Whatever changed, 300 characters with the link."""
    now = make_event(
        title=title, venue=venue, status=status, url="https://www.example.org/agenda/x/"
    )
    assert now.start is not None
    was = replace(
        now,
        title=f"Avant {title}",
        venue=f"Avant {venue}",
        start=now.start - DAY,
        status=EventStatus.SCHEDULED,
    )
    said = post(now, was).strip()

    assert len(said) <= 300
    assert said.endswith("https://www.example.org/agenda/x/")


# ── projects with older parts ───────────────────────────────────────────────────


def write(root: Path, name: str, text: str) -> None:
    """Put a template into the project."""
    path = root / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


OWN = "{% for x in [1] %}<p>own</p>{% endfor %}{% block content %}{% endblock %}"
OLD = "<p>own</p>{% block main %}{% endblock %}"


@pytest.mark.parametrize(
    ("files", "is_own"),
    [
        pytest.param({"email/_layout.html.j2": OWN}, True, id="a layout that fits"),
        pytest.param({"email/_layout.html.j2": OLD}, False, id="another block"),
        pytest.param(
            {
                "email/_layout.html.j2": OWN,
                "email/_macros.html.j2": "{% macro lang(event) %}{% endmacro %}",
            },
            False,
            id="older macros",
        ),
    ],
)
def test_a_layout_that_does_not_fit_is_the_packs(
    files: dict[str, str], *, is_own: bool, tmp_path: Path
) -> None:
    """A project's older parts lose no word of a correction, nor the project's colours."""
    for name, text in files.items():
        write(tmp_path, name, text)
    write(tmp_path, "theme.yaml", 'identity: "Les Roues libres"\n')
    said = render_mail(
        Templates(tmp_path, pack=PACK),
        **make_job(WORKSHOP, kind=CORRECTION, told=(TOLD,)),
    )

    assert is_own == ("own" in said.html)
    assert "Atelier du Quai" in said.html
    assert is_own != ("Les Roues libres" in said.html)


@pytest.mark.parametrize(
    "name",
    [
        "email/correction.html.j2",
        "email/cancellation.txt.j2",
        "social/correction.txt.j2",
    ],
)
def test_a_projects_own_correction_is_checked_before_it_is_due(
    name: str, tmp_path: Path
) -> None:
    """A mistake in it is found by `check`, not when an event moves."""
    write(tmp_path, name, "\n{{ nobody }}")
    campaign = make_campaign(
        body="{{ recipient.greeting }}",
        targets=(
            Target(channel="lettre", template="digest", audience="agents"),
            Target(channel="equipe", template="digest"),
        ),
    )
    problems = check(
        Templates(tmp_path, pack=PACK),
        campaigns=[campaign, replace(campaign, name="again")],
        site=SITE,
        channel_types={"lettre": "smtp", "equipe": "webhook"},
        columns={"agents": ("city",)},
    )

    assert [(f"templates/{name}", 2)] == [(one.path, one.line) for one in problems]
