from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tambour.config import SourceSettings
from tambour.content.events import Loaded, load_events
from tambour.model import Detail, Event, Site

REAL = Path(__file__).parents[2] / "shared" / "real-events"
SITES = {
    "numerique": Site(
        name="numerique.gouv.fr",
        url="https://www.numerique.gouv.fr",
        timezone="Europe/Paris",
        language="fr",
    ),
    "digitalgov": Site(
        name="Digital.gov",
        url="https://digital.gov",
        timezone="America/New_York",
        language="en",
    ),
}
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real event files are not beside the repository"
)


def load(folder: str, dialect: str | None = None) -> Loaded:
    """Load a site's files as its own dialect, or another."""
    source = SourceSettings(id=folder, path=folder, dialect=dialect or folder)
    return load_events(REAL, [source], SITES[folder])


def one(loaded: Loaded, start_of_name: str) -> Event:
    """Return the one event whose file's name starts so."""
    (found,) = (
        e for e in loaded.events if e.path.rpartition("/")[2].startswith(start_of_name)
    )
    return found


@pytest.mark.parametrize("dialect", ["numerique", "auto", "jekyll"])
def test_every_french_file_is_right_held_or_hidden(dialect: str) -> None:
    """20 can be announced, 3 are not published, 1 has a year nobody can mean."""
    counts = Counter(event.status.value for event in load("numerique", dialect).events)

    assert {"scheduled": 20, "hidden": 3, "held": 1} == counts


def test_every_french_problem_stands_at_its_line() -> None:
    """Nothing else is wrong with them."""
    problems = [(p.path[10:25], p.line, p.code) for p in load("numerique").problems]

    assert [
        ("5eme-anniversai", 19, "W203"),
        ("accessibilite-n", 11, "W209"),
        ("annotathon-piaf", 28, "W205"),
        ("creer-un-pdf-ac", 2, "W209"),
        ("franceconnect-a", 17, "E206"),
        ("franceconnect-a", 18, "E206"),
        ("garagethon-numb", 18, "W204"),
        ("impacter-les-ci", 27, "W203"),
    ] == problems


@pytest.mark.parametrize("dialect", ["numerique", "auto"])
def test_the_open_government_conference(dialect: str) -> None:
    """Midnight and "18h00 - 21h00" together are an evening in Paris."""
    event = one(load("numerique", dialect), "le-gouvernement-ouvert")

    assert ("2019-05-23T18:00:00+02:00", "2019-05-23T21:00:00+02:00", False) == (
        event.start and event.start.isoformat(),
        event.end and event.end.isoformat(),
        event.all_day,
    )
    assert (
        "Forum de Grenelle",
        "5 rue de la Croix Nivert , 75015 Paris",
        "https://bit.ly/2v75crQ",
        "https://www.numerique.gouv.fr/uploads/microphone-704255_1920.jpg",
        ("Conférence",),
    ) == (
        event.venue,
        event.address,
        event.registration_url,
        event.image,
        event.tags,
    )
    assert (
        Detail(label="Horaires", text="18h00 - 21h00"),
        Detail(
            label="Modalités",
            text="Inscription en ligne",
            url="https://bit.ly/2v75crQ",
        ),
    ) == event.details


@pytest.mark.parametrize(
    ("name", "url"),
    [
        (
            "le-gouvernement-ouvert",
            "le-gouvernement-ouvert-vers-une-participation-des-citoyens-a-laction-publique",
        ),
        (
            "guichet-",
            "guichet-adoption-du-cloud-computing-webinaire-dinformation",
        ),
    ],
)
def test_french_pages_are_where_jekyll_puts_them(name: str, url: str) -> None:
    """Signs that an address cannot hold become hyphens."""
    event = one(load("numerique"), name)

    assert f"https://www.numerique.gouv.fr/agenda/{url}/" == event.url


@pytest.mark.parametrize(
    ("name", "start", "end", "all_day"),
    [
        (
            "annotathon-",
            "2019-11-29T12:00:00+01:00",
            "2019-11-29T13:30:00+01:00",
            False,
        ),
        ("atelier-", "2019-11-29T16:00:00+01:00", "2019-11-29T18:00:00+01:00", False),
        ("festival-", "2019-06-13T09:30:00+02:00", "2019-06-14T19:00:00+02:00", False),
        ("formation-", "2024-10-08T09:00:00+02:00", "2024-10-08T12:30:00+02:00", False),
        ("guichet-", "2023-03-28T11:45:00+02:00", "2023-03-28T12:30:00+02:00", False),
        ("impacter-", "2024-04-10T09:00:00+02:00", "2024-04-10T17:00:00+02:00", False),
        ("hackathon-f", "2018-11-11T00:00:00+01:00", "2018-11-13T00:00:00+01:00", True),
        ("hackathon-d", "2019-04-24T00:00:00+02:00", None, True),
        ("5eme-", "2023-03-13T09:00:00+01:00", None, False),
        ("creer-", None, None, False),
    ],
)
def test_french_times(
    name: str, *, start: str | None, end: str | None, all_day: bool
) -> None:
    """Hours in words fill a midnight or a missing end, and nothing else."""
    event = one(load("numerique"), name)

    assert (start, end, all_day) == (
        event.start and event.start.isoformat(),
        event.end and event.end.isoformat(),
        event.all_day,
    )


@pytest.mark.parametrize(
    ("name", "registration", "online"),
    [
        ("guichet-", "mailto:infonuage.dinum@modernisation.gouv.fr", True),
        ("annotathon-", "https://edite-piaf-sip.eventbrite.com", False),
        ("forum-emploi-tech-etat-2020", "https://app.seekube.com/forum-emploi-tech-Etat2020",
         False),
        ("demo-day-", "https://www.eventbrite.fr/e/billets-demoday-final-eig-4-156916299877",
         True),
        ("garagethon-", None, False),
        ("impacter-", None, False),
    ],
)  # fmt: skip
def test_french_registration(
    name: str, *, registration: str | None, online: bool
) -> None:
    """The link of the entry that speaks of registering, made whole; else none."""
    event = one(load("numerique"), name)

    assert (registration, online) == (event.registration_url, event.online)


def test_french_words_are_clean() -> None:
    """Summaries lose their markup, 'null' entries and trailing colons vanish."""
    event = one(load("numerique"), "hackathon-f")

    assert ["Métro", "Modalités"] == [detail.label for detail in event.details]
    assert "Forum de Paris sur la Paix. Pendant" in (event.summary or "")
    assert event.image_alt is not None
    assert "\n" not in event.image_alt


@pytest.mark.parametrize("dialect", ["digitalgov", "auto"])
def test_every_american_file_is_right_or_hidden(dialect: str) -> None:
    """All but one draft can be announced; most offsets are wrong in summer."""
    loaded = load("digitalgov", dialect)

    assert {"scheduled": 135, "hidden": 1} == Counter(
        event.status.value for event in loaded.events
    )
    assert {"W202": 102, "W206": 80} == Counter(p.code for p in loaded.problems)


def test_an_american_clock_is_right_where_its_offset_is_wrong() -> None:
    """`15:00 -0500` in June is three o'clock in New York."""
    loaded = load("digitalgov")
    event = one(loaded, "2018-06-14")
    (problem,) = (
        p for p in loaded.problems if p.path == event.path and p.code == "W202"
    )

    assert ("2018-06-14T15:00:00-04:00", "2018-06-14T16:30:00-04:00") == (
        event.start and event.start.isoformat(),
        event.end and event.end.isoformat(),
    )
    assert (14, "by the clock 15:00, by the offset 16:00") == (
        problem.line,
        problem.note,
    )
    assert (
        "https://digital.gov/event/2018/06/14/usability-testing-with-steve-krug/"
        == event.url
    )
    assert (None, "DigitalGov University", ("usability", "user-experience")) == (
        event.image,
        event.organizer,
        event.tags,
    )


def test_american_places_and_entities() -> None:
    """Structured venues become two lines, `&#46;` a full stop."""
    event = one(load("digitalgov"), "2019-03-27")

    assert (
        "U.S. General Services Administration, 3211",
        "1800 F Street NW, Washington, D.C. 20006, USA",
        True,
    ) == (event.venue, event.address, event.online)
    assert not any(
        "&#" in (e.title + (e.summary or "")) for e in load("digitalgov").events
    )
