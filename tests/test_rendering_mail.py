from __future__ import annotations

import html as entities
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from rendering_goldens import GAMES, GOLDEN, PACK, TOLD, WORKSHOP, goldens
from rendering_samples import (
    SITE,
    make_event,
    make_job,
    many_events,
    open_government,
)
from tambour.model import EditionKind, EventId, EventStatus, Facts, Recipient, Rendered
from tambour.rendering.filters import excerpt, shorten, tidy, wrap
from tambour.rendering.mail import render_mail
from tambour.rendering.templates import Templates

REMINDER = EditionKind.REMINDER
TEMPLATES = Templates(PACK / "nowhere", pack=PACK, seed="tests")
TITLES = st.text(min_size=1, max_size=60).filter(lambda text: text.strip() != "")


def render(*events: Any, **fields: Any) -> Rendered:
    """Return the mail of *events* from the default pack."""
    return render_mail(TEMPLATES, **make_job(*events, **fields))


def tree(mail: Rendered) -> Any:
    """Return the mail's HTML as a client reads it."""
    return lxml_html.document_fromstring(mail.html)


def words(element: Any) -> str:
    """Return what *element* says, in ordinary spaces."""
    return " ".join(element.text_content().split())


def fill(text: str, mail: Rendered, recipient: Recipient, *, is_html: bool) -> str:
    """Put a recipient's values where the sentinels are, as composing does."""
    for sentinel, attribute in mail.tokens.items():
        value = {
            "name": recipient.name,
            "address": recipient.address,
            "greeting": f"Bonjour {recipient.name},",
            "unsubscribe_url": sentinel,
        }.get(attribute) or recipient.fields[attribute]
        text = text.replace(sentinel, entities.escape(value) if is_html else value)
    return text


# ── golden files ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content"), [pytest.param(*one, id=one[0]) for one in goldens()]
)
def test_messages_stay_as_they_were_approved(name: str, content: str) -> None:
    """A change of look or words is meant; see tests/update_golden.py."""
    assert (GOLDEN / name).read_text(encoding="utf-8") == content


# ── sentinels ───────────────────────────────────────────────────────────────────

EVERYWHERE = """{{ recipient.name }} et *{{ recipient.team }}*

[partir]({{ recipient.unsubscribe_url }}) `{{ recipient.address }}`
<{{ recipient.unsubscribe_url }}> <a href="{{ recipient.unsubscribe_url }}">ici</a>

> {{ recipient.greeting }}
"""


def test_sentinels_survive_markdown_sanitising_addresses_and_inlining() -> None:
    """Every bare attribute of a recipient can be found and replaced afterwards."""
    mail = render(make_event(), body=EVERYWHERE, subject="{{ recipient.name }}, ici")

    assert set(mail.tokens.values()) == {
        "name",
        "team",
        "address",
        "greeting",
        "unsubscribe_url",
    }
    by_name = {attribute: sentinel for sentinel, attribute in mail.tokens.items()}
    assert mail.subject == f"{by_name['name']}, ici"
    for attribute, sentinel in by_name.items():
        assert re.fullmatch(r"TK[0-9A-F]{16}Z", sentinel)
        assert sentinel in mail.html, attribute
        assert sentinel in mail.text, attribute


def test_an_address_to_leave_is_nothing_but_the_sentinel() -> None:
    """Links made absolute do not swallow the recipient's own address."""
    mail = render(make_event(), body=EVERYWHERE)
    leave = next(s for s, name in mail.tokens.items() if name == "unsubscribe_url")

    targets = [
        a.get("href") for a in tree(mail).iter("a") if leave in a.get("href", "")
    ]

    assert targets == [leave] * 3
    assert f"({leave})" in mail.text


def test_sentinels_differ_from_one_opening_to_the_next() -> None:
    """Nobody can write a sentinel into an event's text."""
    job = make_job(make_event())
    tokens = {
        token
        for _ in range(2)
        for token in render_mail(Templates(PACK / "nowhere", pack=PACK), **job).tokens
    }

    assert len(tokens) == 2


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.text(st.characters(categories=["L", "N"]), min_size=1), title=TITLES)
def test_filling_in_is_the_same_as_rendering_for_one(name: str, title: str) -> None:
    """One rendering for all says what a rendering for each would say."""
    event = make_event(title=title)
    recipient = Recipient(
        address="zoe@example.org", name=name, language="fr", fields={"team": "A & B"}
    )
    body = "{{ recipient.greeting }} {{ recipient.name }}, {{ recipient.team }}."

    shared = render(event, body=body)
    own = render(event, body=body, recipient=recipient)

    assert words(
        lxml_html.document_fromstring(
            fill(shared.html, shared, recipient, is_html=True)
        )
    ) == words(tree(own))
    assert (
        fill(shared.text, shared, recipient, is_html=False).split() == own.text.split()
    )


def test_personal_words_need_a_recipient() -> None:
    """A condition on a recipient cannot be rendered for all."""
    body = "{% if recipient.name %}Cher {{ recipient.name }}{% endif %}"
    with pytest.raises(ValueError, match="personal"):
        render(make_event(), body=body)

    zoe = Recipient(address="z@example.org", name="Zoé", language="fr")
    nobody = zoe._replace(name="")

    assert "Cher Zoé" in render(make_event(), body=body, recipient=zoe).text
    assert "Cher" not in render(make_event(), body=body, recipient=nobody).text


@pytest.mark.parametrize(
    "name",
    ["<b>x</b>", "[x](https://evil.example)", "*x*", "`x`", "{: .x}", "a|b", "1. a"],
)
def test_a_recipients_name_is_never_markup(name: str) -> None:
    """What somebody typed as a name is shown, not obeyed."""
    body = "{% if recipient.name %}Bonjour {{ recipient.name }} !{% endif %}"
    who = Recipient(address="z@example.org", name=name, language="fr")

    mail = render(make_event(), body=body, recipient=who)

    assert f"Bonjour {name} !" in words(tree(mail))
    assert f"Bonjour {name} !" in mail.text
    assert "evil" not in "".join(a.get("href") for a in tree(mail).iter("a"))


def test_a_missing_name_takes_its_space_with_it() -> None:
    """Words before a name that nobody gave are read without a hole."""
    who = Recipient(address="z@example.org", language="fr")
    body = "{% if recipient.address %}Bonjour {{ recipient.name }}, voici.{% endif %}"

    assert "Bonjour, voici." in render(make_event(), body=body, recipient=who).text


# ── what readers see ────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(title=TITLES)
def test_any_title_reaches_both_parts_unharmed(title: str) -> None:
    """Signs that mean something to HTML, Jinja or Markdown are only signs."""
    printable = " ".join("".join(c for c in title if c.isprintable()).split()) or "x"
    mail = render(make_event(title=printable))

    assert words(tree(mail).find(".//h2")) == printable
    assert printable in " ".join(mail.text.split())


@pytest.mark.parametrize(
    "title",
    [
        "{{ 7*7 }}",
        "{% x %}",
        "<script>alert(1)</script>",
        "A & B",
        "*a* [b](c)",
        "'\"`",
    ],
)
def test_a_title_in_the_editors_words_is_only_text(title: str) -> None:
    """An event's title interpolated in Markdown is neither Markdown nor Jinja."""
    mail = render(
        make_event(title=title), body="Avec {{ event.title }}.", kind=REMINDER
    )

    assert f"Avec {title}." in words(tree(mail))
    assert f"Avec {title}." in mail.text
    assert tree(mail).find(".//script") is None


@pytest.mark.parametrize(
    ("events", "kind", "language", "expected"),
    [
        pytest.param(
            (), EditionKind.DIGEST, "fr", "Aucun rendez-vous pour le moment", id="empty"
        ),
        pytest.param(
            (WORKSHOP,),
            EditionKind.DIGEST,
            "fr",
            "Samedi 25 mai 2019 – Réparer son vélo : qui s'y colle ?",
            id="one",
        ),
        pytest.param(
            (GAMES, WORKSHOP),
            EditionKind.DIGEST,
            "fr",
            "2 rendez-vous, du 24 au 25 mai 2019",
            id="two",
        ),
        pytest.param(
            (GAMES, WORKSHOP),
            EditionKind.DIGEST,
            "en",
            "2 events, May 24–25, 2019",
            id="two-in-english",
        ),
        pytest.param(
            (WORKSHOP,),
            REMINDER,
            "fr",
            "Sam. 25 mai, 14 h – Réparer son vélo : qui s'y colle ?",
            id="reminder",
        ),
        pytest.param(
            (WORKSHOP,),
            EditionKind.CORRECTION,
            "fr",
            "Changement : Réparer son vélo : qui s'y colle ?",
            id="correction",
        ),
        pytest.param(
            (WORKSHOP,),
            EditionKind.CANCELLATION,
            "en",
            "Cancelled: Réparer son vélo : qui s'y colle ?",
            id="cancellation",
        ),
    ],
)
def test_a_campaign_without_a_subject_gets_a_fitting_one(
    events: tuple[Any, ...], kind: EditionKind, language: str, expected: str
) -> None:
    """The default subject says what it is about, in the reader's language."""
    mail = render(*events, kind=kind, language=language)

    assert expected == mail.subject.replace("\u00a0", " ")


def test_a_subject_is_one_line_of_text_not_html() -> None:
    """Nothing is escaped, white space collapses, so that no header can be injected."""
    mail = render(
        make_event(title="A & B"), subject="{{ events[0].title }}\r\nBcc: x\u2028 <y>"
    )

    assert mail.subject == "A & B Bcc: x <y>"


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(mail, id=name)
        for name, mail in {
            "empty": render(),
            "one": render(WORKSHOP),
            "three": render(GAMES, WORKSHOP, make_event()),
            "many": render(*many_events(60)),
            "reminder": render(WORKSHOP, kind=REMINDER, body="Bonjour"),
            "english": render(GAMES, kind=REMINDER, language="en"),
            "cancellation": render(WORKSHOP, kind=EditionKind.CANCELLATION),
            "correction": render(
                WORKSHOP, kind=EditionKind.CORRECTION, told=(TOLD,), body="Bonjour"
            ),
        }.items()
    ],
)
class TestAccessibleMail:
    """The checks of the mail linter that can be made by parsing."""

    def test_language_and_direction(self, mail: Rendered) -> None:
        """The document and its one child of body say language and direction."""
        page = tree(mail)
        body = page.find("body")
        assert body is not None

        for element in (page, *body):
            assert (element.get("lang"), element.get("dir")) == (mail.language, "ltr")

    def test_title_charset_and_viewport(self, mail: Rendered) -> None:
        """The head says what a screen reader and a phone need."""
        head = tree(mail).find("head")

        assert head.findtext("title").strip()
        assert head.find("meta[@charset]").get("charset") == "utf-8"
        assert head.xpath("meta[@name='viewport']")

    def test_layout_tables_are_presentation(self, mail: Rendered) -> None:
        """Only an event's own tables are data."""
        tables = tree(mail).xpath("//table[not(ancestor::*[@class='prose'])]")

        assert {one.get("role") for one in tables} == {"presentation"}

    def test_headings_rank(self, mail: Rendered) -> None:
        """One h1, and no level is skipped."""
        levels = [
            int(h.tag[1]) for h in tree(mail).xpath("//h1|//h2|//h3|//h4|//h5|//h6")
        ]

        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_links_go_somewhere_by_a_name(self, mail: Rendered) -> None:
        """Every link has words and an absolute address, or the sentinel of leaving."""
        for link in tree(mail).iter("a"):
            assert words(link) or link.get("aria-label")
            assert re.match(r"https://|mailto:|TK[0-9A-F]{16}Z$", link.get("href"))

    def test_images_have_words(self, mail: Rendered) -> None:
        """An image without words is not shown at all; none is wider than the column."""
        for image in tree(mail).iter("img"):
            assert image.get("alt")
            assert int(image.get("width")) <= 600

    def test_preheader_is_hidden_and_of_good_length(self, mail: Rendered) -> None:
        """Inboxes show 40 to 130 characters of our choice."""
        (element,) = tree(mail).xpath("//*[@class='preheader']")

        assert 40 <= len(mail.preheader) <= 130
        assert "display:none" in element.get("style")
        assert "mso-hide:all" in element.get("style")

    def test_nothing_active_or_external(self, mail: Rendered) -> None:
        """No script, form, frame or style sheet from elsewhere; Gmail's limit holds."""
        assert not tree(mail).xpath("//script|//form|//iframe|//video|//link|//object")
        assert "var(--" not in mail.html
        assert "{{" not in mail.html
        assert len(mail.html.encode()) <= 95_000

    def test_styles_are_on_the_elements(self, mail: Rendered) -> None:
        """Without any style sheet the column, its colours and sizes remain."""
        page = tree(mail)
        for style in page.xpath("//style"):
            style.getparent().remove(style)
        (sheet,) = page.xpath("//*[@class='sheet']")
        (column,) = page.xpath("//*[@class='column']")

        assert "background-color:#FFF" in sheet.get("style")
        assert "max-width:600px" in column.get("style")
        sizes = re.findall(r"font-size:(\d+)px", lxml_html.tostring(page).decode())
        assert {int(size) for size in sizes} - {1} >= {14}
        assert min(int(size) for size in sizes if size != "1") >= 14

    def test_dark_rules_are_kept_as_written(self, mail: Rendered) -> None:
        """The media rules stay in their own style element, `!important` included."""
        (style,) = tree(mail).xpath("//style")

        assert "prefers-color-scheme: dark" in style.text
        assert "!important" in style.text
        assert "data-premailer" not in mail.html

    def test_outlook_gets_a_table_as_wide_as_the_column(self, mail: Rendered) -> None:
        """The ghost table opens and closes within conditional comments."""
        opened = re.findall(r'<!--\[if mso\]><table[^>]* width="(\d+)"', mail.html)

        assert opened == ["600"]
        assert mail.html.count("<!--[if mso]>") == mail.html.count("<![endif]-->")

    def test_a_footer_says_who_why_and_how_to_leave(self, mail: Rendered) -> None:
        """The site's name and the sentinel of leaving are in both parts."""
        (leave,) = (s for s, n in mail.tokens.items() if n == "unsubscribe_url")
        (foot,) = tree(mail).xpath("//*[@class='foot']")

        assert SITE.name in words(foot)
        assert foot.xpath(f".//a[@href='{leave}']")
        assert leave in mail.text

    def test_text_part_is_plain(self, mail: Rendered) -> None:
        """Lines of at most 78 columns but for addresses, no HTML, no stray spaces."""
        for line in mail.text.splitlines():
            assert len(line) <= 78 or re.search(r"https?://\S{20,}", line)
        assert not re.search(
            r"</?(?:p|a|b|br|div|span|strong|table|td)\b[^>]*>", mail.text
        )
        assert "\u00a0" not in mail.text
        assert "\n\n\n" not in mail.text


COLOURS = ("light", "dark")
PAIRS = [
    ("ink", "sheet", 4.5),
    ("muted", "sheet", 4.5),
    ("muted", "paper", 4.5),
    ("red", "sheet", 4.5),
    ("on_red", "red", 4.5),
    ("link", "sheet", 4.5),
    ("link", "paper", 4.5),
    ("ink", "paper", 4.5),
]


def luminance(colour: str) -> float:
    """Return the relative luminance of `#RRGGBB`, as WCAG 2.1 defines it."""

    def channel(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (channel(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", COLOURS)
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_colours_contrast_in_light_and_dark(
    text: str, ground: str, least: float, scheme: str
) -> None:
    """Text and ground differ as WCAG 2.1 AA asks, in both schemes."""
    tokens = getattr(TEMPLATES.theme(), scheme)
    light, dark = sorted(
        (luminance(tokens[text]), luminance(tokens[ground])), reverse=True
    )

    assert (light + 0.05) / (dark + 0.05) >= least


def test_buttons_are_tall_enough_for_a_thumb() -> None:
    """Line, padding and border make at least 44 pixels."""
    css = TEMPLATES.stylesheet("email/styles.css")

    for kind in ("button", "quiet"):
        (rule,) = re.findall(rf"^\.{kind} {{(.*)}}", css, re.MULTILINE)
        padding = int(re.search(r"padding: (\d+)px", rule)[1])  # type: ignore[index]
        line = int(re.search(r"line-height: (\d+)px", rule)[1])  # type: ignore[index]
        assert 2 * padding + line + 4 >= 44


def test_every_event_is_in_the_text_part() -> None:
    """However many, each has its title, its day and its page."""
    events = many_events(60)
    text = render(*events).text

    for event in events:
        assert event.url in text
        assert event.title.split(" au ")[0] in text


def test_a_long_digest_goes_from_cards_to_lines_to_a_number() -> None:
    """The first are shown in full, the next in a line, the rest are counted."""
    page = tree(render(*many_events(60)))

    assert len(page.xpath("//*[@class='card']")) == 12
    assert len(page.xpath("//*[@class='row']")) == 30
    assert "Et 48 autres rendez-vous" in words(page)


def test_a_foreign_event_says_its_language() -> None:
    """An English event in a French digest is read out in English, its date is not."""
    (title,) = tree(render(GAMES)).xpath("//h2")
    (when,) = tree(render(GAMES)).xpath("//*[@class='when']")

    assert title.get("lang") == "en"
    assert when.get("lang") is None
    assert words(when) == "Du 24 au 26 mai 2019"


def test_registration_and_hours_are_said_once() -> None:
    """What the button and the date say is not repeated among the details."""
    mail = render(WORKSHOP, kind=REMINDER)
    links = [a.get("href") for a in tree(mail).iter("a")]

    assert links.count(WORKSHOP.registration_url) == 1
    assert "14h - 17h30" not in mail.text
    assert "Inscription obligatoire, douze places" in mail.text
    assert "Accès : Bus 7" in mail.text


def test_hours_that_add_something_are_kept() -> None:
    """Doors at half past one is news beside a start at two."""
    details = (replace(WORKSHOP.details[0], text="13h30 (accueil) - 17h30"),)
    mail = render(replace(WORKSHOP, details=details), kind=REMINDER)

    assert "Horaires : 13h30 (accueil) - 17h30" in mail.text


def test_an_image_without_words_is_left_out() -> None:
    """A picture that nobody described says nothing."""
    mail = render(replace(WORKSHOP, image_alt=None), kind=REMINDER)

    assert "<img" not in mail.html


def test_a_cancelled_event_offers_no_registration() -> None:
    """The notice replaces the button."""
    off = replace(WORKSHOP, status=EventStatus.CANCELLED)
    mail = render(off, kind=EditionKind.CANCELLATION)

    assert "Ce rendez-vous n’aura pas lieu." in mail.text
    assert "Annulé" in mail.subject
    assert WORKSHOP.registration_url not in mail.html + mail.text


def test_a_correction_says_what_was_told_and_what_holds_now() -> None:
    """Only what changed is listed, old and new said in words beside each other."""
    told = replace(WORKSHOP, venue="Atelier du Quai").facts()
    mail = render(WORKSHOP, kind=EditionKind.CORRECTION, told=(told,))

    struck = [words(one) for one in tree(mail).xpath("//s")]

    assert struck == ["Atelier du Quai, 3 quai des Tanneurs, 76000 Rivemont"]
    assert "\n  Avant : Atelier du Quai, 3 quai" in mail.text
    assert "\n  Maintenant : Atelier du Pont, 3 quai" in mail.text


@pytest.mark.parametrize(
    "kind", [EditionKind.CORRECTION, EditionKind.CANCELLATION], ids=str
)
def test_an_editors_words_are_not_repeated_when_plans_change(
    kind: EditionKind,
) -> None:
    """Words about a fortnight's agenda are wrong above one event that moved."""
    mail = render(WORKSHOP, kind=kind, body="Voici l'agenda.", subject="Deux dates")

    assert "Voici l'agenda" not in mail.html + mail.text
    assert mail.subject.endswith("qui s'y colle ?")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((), id="unknown"),
        pytest.param((WORKSHOP.facts(),), id="same"),
        pytest.param((GAMES.facts(),), id="another-event"),
    ],
)
def test_a_correction_invents_no_change(told: tuple[Facts, ...]) -> None:
    """Without old facts of this event there is nothing to strike out."""
    mail = render(WORKSHOP, kind=EditionKind.CORRECTION, told=told)

    assert "<s " not in mail.html
    assert "Avant" not in mail.text


def test_the_open_government_conference_reads_as_an_editor_wrote_it() -> None:
    """The whole reminder: hours, place, speakers' links, call-out, one registration."""
    mail = render(open_government(), kind=REMINDER, body="{{ recipient.greeting }}")
    page = tree(mail)
    links = [a.get("href") for a in page.iter("a")]
    callouts = page.xpath("//blockquote[contains(@class, 'encadre')]")

    assert "jeudi 23 mai 2019, de 18 h à 21 h" in mail.text
    assert "Où : Forum de Grenelle, 5 rue de la Croix Nivert, 75015 Paris" in mail.text
    assert links.count("https://bit.ly/2v75crQ") == 1
    assert "18h00" not in mail.text
    assert "Inscription en ligne" not in mail.text
    assert len(callouts) == 1
    assert "border-left:4px solid #B3261E" in callouts[0].get("style")
    for speaker in (
        "etalab.gouv.fr",
        "cahiersdelaliberte.org",
        "oecd.org",
        "lemonde.fr",
    ):
        assert any(speaker in link for link in links)
    assert not re.search(
        r"\{:|target=|<br",
        lxml_html.tostring(page.find(".//*[@class='prose']")).decode(),
    )
    assert [words(h) for h in page.xpath("//h1|//h2")] == [
        open_government().title,
        "Qu'est-ce que le gouvernement ouvert ?",
        (
            "Dans quelle mesure le développement des gouvernements ouverts permet-il "
            "de garantir une participation citoyenne efficace ?"
        ),
    ]


def test_a_digest_of_the_conference_has_summary_and_both_links() -> None:
    """The card shows two lines of summary, registration and the page."""
    mail = render(open_government(), make_event(id=EventId("b")))
    links = [a.get("href") for a in tree(mail).iter("a")]

    assert "Venez nombreux" in words(tree(mail))
    assert "https://bit.ly/2v75crQ" in links
    assert "https://www.numerique.gouv.fr/agenda/le-gouvernement-ouvert/" in links


# ── text filters ────────────────────────────────────────────────────────────────


@given(st.text(), st.integers(min_value=2, max_value=100))
def test_shortened_text_fits(text: str, length: int) -> None:
    """Neither filter ever returns more than it was asked for."""
    assert len(shorten(text, length)) <= length
    assert len(excerpt(text, length)) <= length


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("Un deux trois", 20, "Un deux trois"),
        ("Un deux trois", 10, "Un deux…"),
        ("Un, deux trois", 5, "Un…"),
        ("Anticonstitutionnel", 8, "Anticon…"),
    ],
)
def test_shortened_text_ends_with_a_word(text: str, length: int, expected: str) -> None:
    """Cut after a whole word, without the comma that followed it."""
    assert expected == shorten(text, length)


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("Une phrase. Une autre. Et encore une autre.", 25, "Une phrase. Une autre."),
        ("Court. Puis une phrase vraiment très longue.", 30, "Court. Puis une phrase…"),
        ("Avec M. Dupont et Mme Durand à la tribune.", 16, "Avec M. Dupont…"),
    ],
)
def test_an_excerpt_prefers_whole_sentences(
    text: str, length: int, expected: str
) -> None:
    """It ends with a sentence if that leaves half of the room or more."""
    assert expected == excerpt(text, length)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param(
            "<h4>A</h4><h6>B</h6><h4>C</h4>",
            "<h2>A</h2><h3>B</h3><h2>C</h2>",
            id="ranks",
        ),
        pytest.param("<p>A<br><br></p>", "<p>A</p>", id="trailing"),
        pytest.param("<p>A<br>\n<br>\nB</p>", "<p>A</p>\n<p>B</p>", id="split"),
        pytest.param("<p>A<br>B</p>", "<p>A<br>B</p>", id="line-break"),
        pytest.param(
            "<p><b>A<br><br>B</b></p>", "<p><b>A<br><br>B</b></p>", id="inside-bold"
        ),
        pytest.param("<p><br></p>\n<p>A</p>", "<p>A</p>", id="empty"),
        pytest.param('<a href="x">A </a>b', '<a href="x">A</a> b', id="space-in-link"),
    ],
)
def test_an_events_html_is_set_as_an_editor_would(html: str, expected: str) -> None:
    """Blank lines made of breaks become paragraphs; headings rank from h2."""
    assert expected == tidy(html)


def test_wrapping_never_breaks_an_address() -> None:
    """A long address has a line of its own."""
    url = "https://www.example.org/" + "a" * 90

    assert wrap(f"Voir la page : {url}").splitlines()[-1] == url
