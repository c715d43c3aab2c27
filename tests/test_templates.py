from __future__ import annotations

from pathlib import Path

import pytest

from rendering_samples import SITE, make_campaign, make_event, make_job, make_post
from tambour.errors import TemplateError
from tambour.model import CampaignKind, EditionKind, Target
from tambour.problems import CODES, Problem
from tambour.rendering.checking import check
from tambour.rendering.mail import is_personal, render_mail
from tambour.rendering.posts import render_post
from tambour.rendering.templates import Templates


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a project without files."""
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    """Put a template into the project."""
    path = root / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def failure(root: Path, **job: object) -> Problem:
    """Return the one problem that rendering a mail ends with."""
    kind = EditionKind.REMINDER if "reminder" in job else EditionKind.DIGEST
    job.pop("reminder", None)
    with pytest.raises(TemplateError) as caught:
        render_mail(Templates(root), **make_job(make_event(), kind=kind, **job))
    (problem,) = caught.value.problems
    return problem


def place(problem: Problem) -> tuple[str, int, str]:
    """Return where a problem is, and its code."""
    return problem.path, problem.line, problem.code


def test_a_project_without_templates_uses_the_packs(root: Path) -> None:
    """An empty folder can send a digest and a reminder."""
    names = Templates(root).names()

    assert {"email/digest.html.j2", "email/reminder.txt.j2"} <= set(names)
    assert not any("_" in name for name in names)


def test_a_projects_own_template_hides_the_packs(root: Path) -> None:
    """Templates are found in the project first."""
    write(root, "email/digest.txt.j2", "Mine: {{ events[0].title }}")

    mail = render_mail(Templates(root), **make_job(make_event(title="Fête")))

    assert mail.text == "Mine: Fête\n"


def test_a_changed_template_is_noticed(root: Path) -> None:
    """An open project shows what its files say now."""
    templates = Templates(root)
    write(root, "email/digest.txt.j2", "one")
    before = render_mail(templates, **make_job(make_event())).text
    write(root, "email/digest.txt.j2", "one and two")

    after = render_mail(templates, **make_job(make_event())).text

    assert ("one\n", "one and two\n") == (before, after)


Failure = tuple[str, int, str, str, str]

FAILURES = [
    pytest.param(
        ("Hello\n{{ evnts }}", 2, "E403", "'evnts' is not defined", "events"), id="name"
    ),
    pytest.param(
        (
            "{% for e in events %}\n{{ e.wen }}\n{% endfor %}",
            2,
            "E403",
            "the event has no 'wen'",
            "when",
        ),
        id="attribute",
    ),
    pytest.param(
        (
            "a\n\n{{ t('registr') }}",
            3,
            "E403",
            "there is no word 'registr'",
            "register",
        ),
        id="word",
    ),
    pytest.param(("{% if %}", 1, "E402", "Expected an expression", ""), id="syntax"),
    pytest.param(
        ("a\n{% for x in y %}", 2, "E402", "Unexpected end", ""), id="unclosed"
    ),
    pytest.param(
        ("\n{{ events|nope }}", 2, "E402", "No filter named", ""), id="filter"
    ),
    pytest.param(
        ("\n\n{{ 1 // 0 }}", 3, "E404", "ZeroDivisionError", ""), id="division"
    ),
    pytest.param(("{{ events + 1 }}", 1, "E404", "TypeError", ""), id="types"),
    pytest.param(
        ("{{ ''.__class__.__mro__ }}", 1, "E405", "not allowed", ""), id="sandbox"
    ),
    pytest.param(
        ("a\n{% include 'email/gone.j2' %}", 2, "E401", "email/gone.j2", ""),
        id="include",
    ),
]


@pytest.mark.parametrize("case", FAILURES)
def test_a_broken_template_names_its_line(root: Path, case: Failure) -> None:
    """What fails is told by file and line, with the name that was meant."""
    text, line, code, message, near = case
    write(root, "email/digest.txt.j2", text)

    problem = failure(root)

    assert place(problem) == ("templates/email/digest.txt.j2", line, code)
    assert message in problem.message
    assert (f"did you mean {near!r}?" if near else "") in problem.help
    assert code in CODES


def test_a_failure_in_an_included_file_is_told_there(root: Path) -> None:
    """The line is that of the partial, not of the template that includes it."""
    write(root, "email/_part.j2", "fine\n{{ oops }}")
    write(root, "email/digest.txt.j2", "{% include 'email/_part.j2' %}")

    assert place(failure(root)) == ("templates/email/_part.j2", 2, "E403")


def test_a_failure_in_the_editors_words_is_told_in_the_campaign(root: Path) -> None:
    """The body begins at line 9 of the sample campaign's file."""
    problem = failure(root, body="Bonjour,\n\n{{ evnts|length }} rendez-vous")

    assert place(problem) == ("campaigns/agenda.md", 11, "E403")


def test_a_syntax_error_in_the_editors_words_is_told_in_the_campaign(
    root: Path,
) -> None:
    """The same for what cannot be parsed."""
    problem = failure(root, body="Bonjour\n{% endfor %}")

    assert place(problem) == ("campaigns/agenda.md", 10, "E402")


def test_a_failure_in_the_subject_is_told_on_its_line(root: Path) -> None:
    """The subject's line is looked up in the campaign's file."""
    path = root / "campaigns" / "agenda.md"
    path.parent.mkdir()
    path.write_text('---\nkind: digest\nto:\n  - {subject: "{{ evnts }}"}\n---\n')

    assert place(failure(root, subject="{{ evnts }}")) == (
        "campaigns/agenda.md",
        4,
        "E403",
    )


def test_a_missing_template_lists_what_there_is(root: Path) -> None:
    """A mistyped template name finds its neighbour."""
    problem = failure(root, template="digset")

    assert place(problem) == ("campaigns/agenda.md", 1, "E401")
    assert "did you mean email/digest.html.j2?" in problem.help
    assert "email/reminder.html.j2" in problem.help


def test_events_only_exist_in_reminders(root: Path) -> None:
    """`event` in a digest is a mistake for `events`."""
    write(root, "email/digest.txt.j2", "{{ event.title }}")

    assert "did you mean 'events'?" in failure(root).help


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param('light:\n  inc: "#000000"', 2, "'light.inc'", id="token"),
        pytest.param("colours: {}", 1, "'colours'", id="section"),
        pytest.param("light:\n  ink: black", 2, "not a colour", id="colour"),
        pytest.param("width: wide", 1, "not a number", id="number"),
        pytest.param("light: [", 1, "not readable", id="yaml"),
        pytest.param("- a", 1, "token: value", id="list"),
    ],
)
def test_a_broken_theme_names_its_line(
    root: Path, text: str, line: int, message: str
) -> None:
    """The theme's mistakes are told like a template's."""
    write(root, "theme.yaml", text)

    problem = failure(root)

    assert place(problem) == ("templates/theme.yaml", line, "E407")
    assert message in problem.message


def test_a_theme_of_one_line_changes_one_token(root: Path) -> None:
    """The rest of the look stays the pack's."""
    write(root, "theme.yaml", 'light:\n  red: "#005500"')

    html = render_mail(Templates(root), **make_job(make_event())).html

    assert "#050" in html
    assert "#B3261E" not in html
    assert "#FBF7F0" in html


def test_a_style_sheet_names_only_known_tokens(root: Path) -> None:
    """An unknown `var(--x)` would silently be no colour at all."""
    write(root, "email/styles.css", "p {\n color: var(--inkk);\n}")

    problem = failure(root)

    assert place(problem) == ("templates/email/styles.css", 2, "E407")
    assert "did you mean 'ink'?" in problem.help


def test_webhook_payloads_must_be_json(root: Path) -> None:
    """A payload that is not JSON is refused, with the line that spoils it."""
    write(root, "webhook/digest.json.j2", '{"title": {{ events[0].title }}}')

    with pytest.raises(TemplateError) as caught:
        render_post(Templates(root), **make_post(make_event(title='A "b"')))

    assert caught.value.problems[0].code == "E406"
    assert "tojson" in caught.value.problems[0].help


@pytest.mark.parametrize("own", ["{", "{'a': 1}", '{"a": NaN}', "é", '{"a": 1,}'])
def test_a_payload_that_is_no_json_is_refused(root: Path, own: str) -> None:
    """Nothing is sent from a template that makes no JSON."""
    write(root, "webhook/digest.json.j2", own)

    with pytest.raises(TemplateError, match="not JSON") as caught:
        render_post(Templates(root), **make_post(make_event()))

    assert [one.code for one in caught.value.problems] == ["E406"]


PERSONAL = [
    pytest.param("{{ recipient.name }}", False, id="bare"),
    pytest.param("{{ recipient['first name'] }}", False, id="column"),
    pytest.param("a {{ recipient.name }} b {{ recipient.team }}", False, id="two"),
    pytest.param(
        "{% for e in events %}{{ recipient.name }}{% endfor %}", False, id="loop"
    ),
    pytest.param("{% if events %}{{ recipient.name }}{% endif %}", False, id="branch"),
    pytest.param("{% if recipient is defined %}x{% endif %}", False, id="defined"),
    pytest.param(
        "{% if recipient.language == 'fr' %}x{% endif %}", False, id="language"
    ),
    pytest.param("{{ recipient.unsubscribe_url ~ '?a' }}", False, id="leave"),
    pytest.param("{{ recipient.name|upper }}", True, id="filter"),
    pytest.param("{{ recipient.name or 'you' }}", True, id="or"),
    pytest.param("{% if recipient.name %}x{% endif %}", True, id="condition"),
    pytest.param(
        "{% if recipient.name is defined %}x{% endif %}", True, id="deep-test"
    ),
    pytest.param("{{ t('greeting', name=recipient.name) }}", True, id="argument"),
    pytest.param("{% set r = recipient %}{{ r.name }}", True, id="alias"),
    pytest.param("{% set n %}{{ recipient.name }}{% endset %}", True, id="capture"),
    pytest.param(
        "{% filter upper %}{{ recipient.name }}{% endfilter %}", True, id="block"
    ),
    pytest.param("{% macro m() %}{{ recipient.name }}{% endmacro %}", True, id="macro"),
    pytest.param("{{ recipient[events[0].title] }}", True, id="dynamic-key"),
    pytest.param("{{ recipient }}", True, id="whole"),
    pytest.param("{% include campaign.name %}", True, id="dynamic-include"),
]


@pytest.mark.parametrize(("text", "personal"), PERSONAL)
@pytest.mark.parametrize("where", ["body", "subject", "template", "partial", "parent"])
def test_only_a_bare_attribute_can_be_filled_in_later(
    root: Path, where: str, text: str, *, personal: bool
) -> None:
    """Wherever it stands, any deeper look at a recipient makes the words personal."""
    body, subject = "", None
    match where:
        case "body":
            body = text
        case "subject":
            subject = text
        case "template":
            write(root, "email/digest.html.j2", text)
        case "partial":
            write(root, "email/_part.j2", text)
            write(root, "email/digest.txt.j2", "{% include 'email/_part.j2' %}")
        case "parent":
            write(root, "email/_layout.html.j2", text)
    job = make_job(make_event(), body=body, subject=subject)["job"]

    answer = is_personal(Templates(root), campaign=job.campaign, target=job.target)

    assert personal == answer


def test_a_block_reused_as_a_value_is_personal(root: Path) -> None:
    """`super()` inside an expression may hold a recipient's attribute."""
    write(
        root, "email/_layout.html.j2", "{% block a %}{{ recipient.name }}{% endblock %}"
    )
    text = '{% extends "email/_layout.html.j2" %}{% block a %}{{ super()|upper }}'
    write(root, "email/digest.html.j2", text + "{% endblock %}")
    job = make_job(make_event())["job"]

    assert is_personal(Templates(root), campaign=job.campaign, target=job.target)


def run_check(
    root: Path, *, body: str = "", subject: str | None = None
) -> list[Problem]:
    """Check a digest by mail and post, and a reminder by mail."""
    targets = (
        Target(channel="lettre", audience="agents", template="digest", subject=subject),
        Target(channel="equipe", template="digest"),
    )
    reminder = Target(channel="lettre", audience="agents", template="reminder")
    campaigns = (
        make_campaign(targets=targets, body=body),
        make_campaign(
            name="rappels",
            path="campaigns/rappels.md",
            kind=CampaignKind.REMINDER,
            targets=(reminder,),
        ),
    )
    return list(
        check(
            Templates(root),
            campaigns=campaigns,
            site=SITE,
            channel_types={"lettre": "smtp", "equipe": "webhook"},
            columns={"agents": ("email", "name", "language", "team")},
        )
    )


def test_the_default_pack_has_no_problems(root: Path) -> None:
    """What Tambour comes with passes its own check."""
    body = "{{ recipient.greeting }} {{ recipient.team }} {{ recipient.email }}"

    assert run_check(root, body=body) == []


def test_check_tells_all_problems_at_once(root: Path) -> None:
    """Three mistakes in three files are three problems, each told once."""
    write(root, "social/digest.txt.j2", "{{ evnts }}\n{{ sit.name }}")
    write(root, "email/reminder.txt.j2", "{{ event.whn }}")

    problems = run_check(root, body="{{ recipient.naem }}", subject="{{ 1 // 0 }}")

    assert [place(one) for one in problems] == [
        ("campaigns/agenda.md", 1, "E404"),
        ("campaigns/agenda.md", 9, "E403"),
        ("templates/email/reminder.txt.j2", 1, "E403"),
        ("templates/social/digest.txt.j2", 1, "E403"),
        ("templates/social/digest.txt.j2", 2, "E403"),
    ]


def test_check_knows_the_columns_of_the_audience(root: Path) -> None:
    """A column that the CSV does not have is found before anything is sent."""
    (problem,) = run_check(root, body="{{ recipient.naem }}")

    assert "no column 'naem'" in problem.message
    assert problem.help == "did you mean 'name'?"


def test_check_renders_events_that_lack_almost_everything(root: Path) -> None:
    """A template that needs an address fails on the event that has none."""
    write(
        root,
        "email/digest.txt.j2",
        "{% for e in events %}{{ e.url.upper() }}{% endfor %}",
    )

    (problem,) = run_check(root)

    assert place(problem) == ("templates/email/digest.txt.j2", 1, "E403")
