"""
The parts that mail and posts are made of: context, subject, body, HTML and text.

Knows no recipients' values, channels or addresses. Source: design §10, Rendering.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from markupsafe import Markup

from tambour.content.markdown import to_html, to_text
from tambour.model import Campaign, EditionId, EditionKind, Event, Facts, Site, Target
from tambour.rendering.changes import (
    ChangeView,
    as_known,
    changes,
    new_facts,
    news,
    notice,
)
from tambour.rendering.filters import (
    capitalize_first,
    plain_spaces,
    shorten,
    without_absent,
)
from tambour.rendering.fitting import fitting
from tambour.rendering.inlining import inline
from tambour.rendering.templates import Snippet, Templates
from tambour.rendering.views import EventView, Reader, edition_view
from tambour.rendering.words import catalogue

STYLES = "email/styles.css"
FORESEEN = frozenset({EditionKind.DIGEST, EditionKind.REMINDER})
"""What an editor wrote for these would be wrong beside a correction or cancellation."""

PREHEADER_CHARS_MIN, PREHEADER_CHARS = 40, 130
"""Shorter, and inboxes show the first words of the mail after it; longer is cut."""

HTML_CHARS = 5_000_000
"""Far beyond what mail programs show; the parser behind the inliner ends at ten."""

_PREHEADER = re.compile(r'<div class="preheader"[^>]*>(.*?)</div>', re.DOTALL)
_FILLER = "\u2007\ufeff\u034f\u200c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    Everything an edition's words depend on, for one target and language.

    A correction says how its event differs from what was *told* of it; a corrected post
    also *corrects* those with these idempotency keys.
    """

    campaign: Campaign
    target: Target
    kind: EditionKind
    edition: EditionId
    due: datetime
    events: Sequence[Event]
    site: Site
    language: str
    told: Sequence[Facts] = ()
    corrects: tuple[str, ...] = ()

    @property
    def is_foreseen(self) -> bool:
        """Whether it is what its campaign announced."""
        return self.kind in FORESEEN

    @property
    def reader(self) -> Reader:
        """Whom the words are for."""
        year = self.due.astimezone(self.site.zone).year
        return Reader(language=self.language, site=self.site, year=year)


def make_context(job: Job) -> dict[str, Any]:
    """Return what every template of *job* may name, but for the recipient."""
    reader = job.reader
    events = tuple(EventView(as_known(event, job.told), reader) for event in job.events)
    edition = edition_view(
        job.events, edition=job.edition, kind=job.kind, due=job.due, reader=reader
    )
    context: dict[str, Any] = {
        "events": events,
        "site": job.site,
        "campaign": job.campaign,
        "edition": edition,
        "preheader": "",
    }
    if job.kind is not EditionKind.DIGEST and events:
        change = changes(job.events[0], job.told, reader)
        context |= {"event": events[0], "change": change}
        if not job.is_foreseen:
            said = notice(job.kind, events[0], change, reader)
            context["edition"] = replace(edition, notice=said, corrects=job.corrects)
    return context


def subject_of(templates: Templates, job: Job, context: Mapping[str, Any]) -> str:
    """
    Return the editor's subject, or one that suits the edition's kind, in one line.

    Raises:
        TemplateError: the editor's subject fails.

    """
    if job.target.subject is None or not job.is_foreseen:
        return _default_subject(job, context)
    snippet = subject_snippet(templates, job.campaign, job.target.subject)
    said = templates.render_snippet(snippet, language=job.language, context=context)
    return " ".join(said.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The campaign's own words, as HTML and as text."""

    html: str = ""
    text: str = ""


def body_of(templates: Templates, job: Job, context: Mapping[str, Any]) -> Body:
    """
    Return the campaign's words, with variables filled in and Markdown applied.

    Raises:
        TemplateError: they name something there is not.

    """
    if not job.campaign.body.strip() or not job.is_foreseen:
        return Body()
    markdown = without_absent(
        templates.render_snippet(
            body_snippet(job.campaign), language=job.language, context=context
        )
    )
    base = f"{job.site.url}/"
    html, text = to_html(markdown, base_url=base), to_text(markdown, base_url=base)
    given: Mapping[str, str] = getattr(context.get("recipient"), "given", {})
    for sentinel in given:
        # A sentinel that stands for a whole address looked relative to Markdown.
        html = html.replace(urljoin(base, sentinel), sentinel)
        text = text.replace(urljoin(base, sentinel), sentinel)
    return Body(html=html, text=text)


def html_of(
    templates: Templates,
    name: str,
    job: Job,
    *,
    context: Mapping[str, Any],
    body: Body,
) -> str:
    """
    Return the mail's HTML with its styles inlined.

    Raises:
        TemplateError: the template is missing or fails.

    """
    if not job.is_foreseen:
        templates = fitting(templates, name)
    values = {
        **context,
        "body": Markup(body.html),  # noqa: S704 - to_html sanitises
        "preheader": _default_preheader(job, context),
    }
    html = templates.render(name, language=job.language, context=values)
    if not html.strip():
        templates.refuse(name, "it makes an empty mail")
    if len(html) > HTML_CHARS:
        templates.refuse(name, f"it makes a mail of {len(html):,} characters")
    if not templates.is_styled:
        return html
    return inline(html, templates.stylesheet(STYLES))


def text_of(
    templates: Templates,
    name: str,
    job: Job,
    *,
    context: Mapping[str, Any],
    body: Body,
) -> str:
    """
    Return a plain text: ordinary spaces, no blank lines in a row, one at the end.

    Raises:
        TemplateError: the template is missing or fails.

    """
    if not job.is_foreseen:
        templates = fitting(templates, name)
    values = {**context, "body": body.text}
    text = plain_spaces(templates.render(name, language=job.language, context=values))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def preheader_of(html: str) -> str:
    """Return the line that inboxes show after the subject, as the HTML hides it."""
    found = _PREHEADER.search(html)
    if found is None:
        return ""
    text = entities.unescape(re.sub(r"<[^>]*>", "", found[1]))
    return " ".join(text.translate(dict.fromkeys(map(ord, _FILLER))).split())


def mail_templates(
    templates: Templates, campaign: Campaign, target: Target
) -> tuple[str, str]:
    """
    Return the names of the HTML and the text template of a mail.

    Where there is no text template of that name, the one of the campaign's kind does.

    Raises:
        TemplateError: there is no such HTML template.

    """
    name = f"email/{target.template}"
    if templates.find(f"{name}.html.j2") is None:
        line = line_of(templates, campaign, f"template: {target.template}")
        templates.missing(f"{name}.html.j2", path=campaign.path, line=line)
    text = templates.first(f"{name}.txt.j2") or f"email/{campaign.kind.value}.txt.j2"
    return f"{name}.html.j2", text


def body_snippet(campaign: Campaign) -> Snippet:
    """Return the campaign's words as an editor's snippet."""
    return Snippet(
        text=campaign.body,
        path=campaign.path,
        line=campaign.body_line,
        is_markdown=True,
    )


def subject_snippet(templates: Templates, campaign: Campaign, subject: str) -> Snippet:
    """Return the subject as an editor's snippet, with its line in the campaign."""
    line = line_of(templates, campaign, subject)
    return Snippet(text=subject, path=campaign.path, line=line)


def snippets(
    templates: Templates, campaign: Campaign, target: Target
) -> tuple[Snippet, ...]:
    """Return the words that the editor wrote for *target*."""
    body = (body_snippet(campaign),) if campaign.body.strip() else ()
    if target.subject is None:
        return body
    return (subject_snippet(templates, campaign, target.subject), *body)


def line_of(templates: Templates, campaign: Campaign, words: str) -> int:
    """Return the line of the campaign's file that says *words*, or its first."""
    path = templates.root / campaign.path
    if not path.is_file():
        return 1
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = words.split("\n", 1)[0][:24]
    found = (number for number, line in enumerate(lines, 1) if start in line)
    return next(found, 1)


def _default_subject(job: Job, context: Mapping[str, Any]) -> str:
    words, events = catalogue(job.language), context["events"]
    if not events:
        return words.text("subject_digest_empty")
    first: EventView = events[0]
    if job.kind is EditionKind.DIGEST:
        said = words.text(
            "subject_digest",
            count=len(events),
            title=first.title,
            span=context["edition"].span,
        )
    else:
        change: Sequence[ChangeView] = context["change"]
        said = words.text(
            f"subject_{job.kind.value}",
            title=first.title,
            when=first.when_short,
            news=news(change, job.reader),
        )
    return capitalize_first(" ".join(said.split()))


def _default_preheader(job: Job, context: Mapping[str, Any]) -> str:
    events: Sequence[EventView] = context["events"]
    if job.kind is EditionKind.DIGEST and len(events) > 1:
        said = " · ".join(one.title for one in events[:6])
        more = [context["edition"].span, job.site.name, job.site.url]
    elif job.is_foreseen:
        facts = [part for one in events[:1] for part in (one.when, one.where) if part]
        said = capitalize_first(" · ".join(facts))
        more = [*(one.summary for one in events[:1]), job.site.name, job.site.url]
    else:
        new = new_facts(events[0], context["change"], job.reader)
        said = capitalize_first(" · ".join(filter(None, new)))
        if events[0].is_off:
            said = f"{context['edition'].notice} {said}"
        more = [job.site.name, job.site.url]
    for part in filter(None, more):
        if len(said) < PREHEADER_CHARS_MIN:
            said = f"{said} · {part}" if said else part
    return shorten(said, PREHEADER_CHARS)
