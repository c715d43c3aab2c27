"""
An edition as a post: plain text, HTML where there is a template, or a webhook's JSON.

A post is public: no recipient, no way to leave. Lengths are what the templates aim at;
composing measures them for each network. Source: design §4; facts on networks' limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from tambour.errors import TemplateError
from tambour.model import (
    Campaign,
    Rendered,
    Target,
)
from tambour.problems import Problem
from tambour.rendering.parts import (
    Body,
    Job,
    body_of,
    html_of,
    line_of,
    make_context,
    preheader_of,
    subject_of,
    text_of,
)
from tambour.rendering.readers import NoRecipient
from tambour.rendering.templates import Templates


def render_post(templates: Templates, job: Job, *, channel_type: str) -> Rendered:
    """
    Return the edition's words for a channel of *channel_type*.

    Raises:
        TemplateError: there is neither a text nor a payload template, or one fails.

    """
    context = make_context(job)
    public = {**context, "recipient": NoRecipient(language=job.language)}
    body = body_of(templates, job, public)
    context |= {"subject": subject_of(templates, job, public)}
    text, html, payload = post_templates(
        templates, job.campaign, job.target, channel_type=channel_type
    )
    words: dict[str, Any] = {"context": context, "body": body}
    mailed = html_of(templates, html, job, **words) if html else ""
    return Rendered(
        language=job.language,
        subject=context["subject"],
        preheader=preheader_of(mailed),
        html=mailed,
        text=text_of(templates, text, job, **words) if text else "",
        payload=_payload(templates, payload, job, **words) if payload else "",
    )


def post_templates(
    templates: Templates, campaign: Campaign, target: Target, *, channel_type: str
) -> tuple[str | None, str | None, str | None]:
    """
    Return the names of the text, HTML and payload templates, None where there is none.

    Raises:
        TemplateError: there is neither a text nor a payload template.

    """
    name = target.template
    text = templates.first(
        f"social/{name}.{channel_type}.txt.j2", f"social/{name}.txt.j2"
    )
    payload = templates.first(f"webhook/{name}.json.j2")
    if text is None and payload is None:
        line = line_of(templates, campaign, f"template: {name}")
        templates.missing(f"social/{name}.txt.j2", path=campaign.path, line=line)
    return text, templates.first(f"email/{name}.html.j2"), payload


def _payload(
    templates: Templates,
    name: str,
    job: Job,
    *,
    context: Mapping[str, Any],
    body: Body,
) -> str:
    values = {**context, "body": body.text}
    said = templates.render(name, language=job.language, context=values).strip()
    try:
        json.loads(said, parse_constant=lambda name: _refuse_constant(name, said))
    except json.JSONDecodeError as error:
        path = templates.find(name)
        problem = Problem(
            path=templates.show(path) if path else name,
            line=0,
            code="E406",
            message=f"what it makes is not JSON: {error.msg}",
            help=f"line {error.lineno} of the result: {_line(said, error.lineno)!r}; "
            "values need the filter tojson",
        )
        raise TemplateError(problem.message, (problem,)) from None
    return said


def _refuse_constant(name: str, text: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and RFC 8259 does not know."""
    msg = f"{name} is no JSON value"
    raise json.JSONDecodeError(msg, text, text.find(name))


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip()[:60] if 0 < number <= len(lines) else ""
