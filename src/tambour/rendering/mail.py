"""
An edition as mail: Jinja over the editor's Markdown, HTML, text, styles inlined.

Rendered once for all who read a language, or once per recipient where the words depend
on one. Knows no MIME, headers or addresses: composing does. Source: design §10.
"""

from __future__ import annotations

from tambour.model import (
    Campaign,
    Recipient,
    Rendered,
    Target,
)
from tambour.rendering.parts import (
    Job,
    body_of,
    html_of,
    mail_templates,
    make_context,
    preheader_of,
    snippets,
    subject_of,
    text_of,
)
from tambour.rendering.personal import looks_deeper, reachable
from tambour.rendering.readers import AnyRecipient, OneRecipient
from tambour.rendering.templates import Templates


def render_mail(
    templates: Templates, job: Job, *, recipient: Recipient | None = None
) -> Rendered:
    """
    Return the edition's words for *recipient*, or for all who read its language.

    A correction says how the event differs from what was told of it.

    Raises:
        TemplateError: a template, the subject or the campaign's words fail.
        ValueError: the words are personal, and there is no recipient.

    """
    who = _reader(templates, job, recipient)
    context = make_context(job) | {"recipient": who}
    subject = subject_of(templates, job, context)
    body = body_of(templates, job, context)
    context |= {"subject": subject}
    html_name, text_name = mail_templates(templates, job.campaign, job.target)
    html = html_of(templates, html_name, job, context=context, body=body)
    text = text_of(templates, text_name, job, context=context, body=body)
    return Rendered(
        language=job.language,
        subject=subject,
        preheader=preheader_of(html),
        html=html,
        text=text,
        tokens={
            sentinel: attribute
            for sentinel, attribute in who.given.items()
            if any(sentinel in part for part in (subject, html, text))
        },
    )


def is_personal(templates: Templates, *, campaign: Campaign, target: Target) -> bool:
    """
    Return whether the words depend on more of a recipient than can be filled in.

    Raises:
        TemplateError: a template cannot be parsed.

    """
    names = mail_templates(templates, campaign, target)
    roots = [tree for name in names if (tree := templates.syntax(name)) is not None]
    roots += [
        templates.snippet_syntax(one) for one in snippets(templates, campaign, target)
    ]
    trees, is_dynamic = reachable(roots, templates.syntax)
    return is_dynamic or any(looks_deeper(tree) for tree in trees)


def _reader(
    templates: Templates, job: Job, recipient: Recipient | None
) -> AnyRecipient | OneRecipient:
    if recipient is not None:
        return OneRecipient(recipient=recipient, sentinels=templates.sentinels)
    if is_personal(templates, campaign=job.campaign, target=job.target):
        msg = f"{job.campaign.name} is personal: it must be rendered for a recipient"
        raise ValueError(msg)
    return AnyRecipient(language=job.language, sentinels=templates.sentinels)
