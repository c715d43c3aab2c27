"""
Everything that is wrong in templates and in editors' words, before anything is due.

Reads the syntax of each template that a campaign uses, so that all unknown names are
found at once, then renders it dry with sample events, for what only running can tell.
Sends nothing, needs no recipients: their columns are enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from jinja2 import meta, nodes

from tambour.errors import TemplateError
from tambour.model import (
    Campaign,
    Detail,
    EditionId,
    EditionKind,
    Event,
    EventId,
    EventStatus,
    Facts,
    Recipient,
    Site,
    Target,
)
from tambour.problems import Problem
from tambour.rendering.blame import HELPERS, suggestion
from tambour.rendering.mail import render_mail
from tambour.rendering.parts import Job, mail_templates, snippets
from tambour.rendering.personal import attributes, reachable
from tambour.rendering.posts import post_templates, render_post
from tambour.rendering.readers import ALIASES, ATTRIBUTES
from tambour.rendering.templates import Snippet, Templates

DAY = datetime(2027, 3, 18, tzinfo=UTC)
"""When the sample events take place; any day would do."""

NAMES = frozenset(
    [
        "body",
        "campaign",
        "change",
        "direction",
        "edition",
        "event",
        "events",
        "language",
        "preheader",
        "recipient",
        "site",
        "stylesheet",
        "subject",
        "t",
        "theme",
    ]
)
"""What templates may name at their top level, besides Jinja's own helpers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a template: a campaign's target, and what is known of its readers."""

    campaign: Campaign
    target: Target
    kind: EditionKind
    channel_type: str
    columns: Collection[str] | None


def check(
    templates: Templates,
    *,
    campaigns: Iterable[Campaign],
    site: Site,
    channel_types: Mapping[str, str],
    columns: Mapping[str, Collection[str]],
) -> tuple[Problem, ...]:
    """
    Return every problem of the templates, subjects and words of *campaigns*.

    Those of corrections are among them: when one is due, there is no time to mend it.

    Args:
        templates: the project's.
        campaigns: those that could be read.
        site: whose language the dry rendering speaks.
        channel_types: the type of each channel by its name.
        columns: the CSV columns of each audience by its name.

    """
    problems: set[Problem] = set()
    corrected: set[tuple[str, str | None]] = set()
    for campaign in campaigns:
        for target in campaign.targets:
            use = Use(
                campaign=campaign,
                target=target,
                kind=EditionKind(campaign.kind.value),
                channel_type=channel_types.get(target.channel, ""),
                columns=columns.get(target.audience or ""),
            )
            problems |= _problems(templates, use, site)
            readers = (use.channel_type, target.audience)
            if readers not in corrected:
                corrected.add(readers)
                for one in _corrections(use):
                    problems |= _problems(templates, one, site)
    return tuple(sorted(problems))


def _corrections(use: Use) -> Iterator[Use]:
    """Yield what those whom *use* reached get when plans change."""
    for kind in (EditionKind.CORRECTION, EditionKind.CANCELLATION):
        target = replace(use.target, template=kind.value, subject=None)
        campaign = replace(use.campaign, body="")
        yield replace(use, campaign=campaign, target=target, kind=kind)


def _problems(templates: Templates, use: Use, site: Site) -> set[Problem]:
    try:
        found = set(_unknown_names(templates, use))
    except TemplateError as error:
        return set(error.problems)
    said = {(one.path, one.line) for one in found}
    for sample in _samples(site, use.kind):
        try:
            _render(templates, use, site, sample)
        except TemplateError as error:
            found |= {one for one in error.problems if (one.path, one.line) not in said}
    return found


# ── by reading ──────────────────────────────────────────────────────────────────


def _unknown_names(templates: Templates, use: Use) -> Iterator[Problem]:
    for place, tree in _trees(templates, use):
        path, shift = place
        for name, line in _undeclared(tree):
            yield _problem(
                path, line + shift, f"{name!r} is not defined", suggestion(name, NAMES)
            )
        if use.columns is None:
            continue
        known = {*ATTRIBUTES, *ALIASES, *use.columns}
        for name, line in attributes(tree):
            if name not in known:
                message = f"the audience {use.target.audience!r} has no column {name!r}"
                yield _problem(path, line + shift, message, suggestion(name, known))


def _trees(
    templates: Templates, use: Use
) -> Iterator[tuple[tuple[str, int], nodes.Template]]:
    for one in snippets(templates, use.campaign, use.target):
        yield _place(one), templates.snippet_syntax(one)
    seen: dict[str, nodes.Template | None] = {}

    def load(name: str) -> nodes.Template | None:
        seen[name] = templates.syntax(name)
        return seen[name]

    roots = [tree for name in _names(templates, use) if (tree := load(name))]
    reachable(roots, load)
    for name, tree in seen.items():
        path = templates.find(name)
        if tree is not None and path is not None:
            yield (templates.show(path), 0), tree


def _names(templates: Templates, use: Use) -> tuple[str, ...]:
    if use.target.audience is None:
        names = post_templates(
            templates, use.campaign, use.target, channel_type=use.channel_type
        )
        return tuple(name for name in names if name)
    return mail_templates(templates, use.campaign, use.target)


def _undeclared(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    tested = {
        node.node.name
        for node in tree.find_all(nodes.Test)
        if node.name in ("defined", "undefined") and isinstance(node.node, nodes.Name)
    }
    # Jinja does not see that a block knows what its file defined or imported above it.
    known = NAMES | HELPERS | tested | set(_defined(tree))
    unknown = meta.find_undeclared_variables(tree) - known
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in unknown:
            yield node.name, node.lineno


def _defined(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(
        (nodes.Macro, nodes.Import, nodes.FromImport, nodes.Name)
    ):
        match node:
            case nodes.Macro():
                yield node.name
            case nodes.Import():
                yield node.target
            case nodes.FromImport():
                yield from (
                    one if isinstance(one, str) else one[1] for one in node.names
                )
            case nodes.Name(ctx="store"):
                yield node.name


def _place(snippet: Snippet) -> tuple[str, int]:
    return snippet.path, snippet.line - 1


def _problem(path: str, line: int, message: str, advice: str) -> Problem:
    return Problem(path=path, line=line, code="E403", message=message, help=advice)


# ── by running ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Events that an edition speaks of, and what was told of them before."""

    events: Sequence[Event]
    told: Sequence[Facts] = ()


def _render(templates: Templates, use: Use, site: Site, sample: Sample) -> None:
    is_digest = use.kind is EditionKind.DIGEST
    job = Job(
        campaign=use.campaign,
        target=use.target,
        kind=use.kind,
        edition=EditionId(f"{use.campaign.name}/sample/1"),
        due=DAY - timedelta(days=1),
        events=sample.events if is_digest else sample.events[:1],
        site=site,
        language=site.language,
        told=sample.told,
    )
    if use.target.audience is None:
        render_post(templates, job, channel_type=use.channel_type)
        return
    fields = dict.fromkeys(use.columns or _columns_named(templates, use), "sample")
    who = Recipient(
        address="zoe@example.org", name="Zoé", language=site.language, fields=fields
    )
    render_mail(templates, job, recipient=who)


def _columns_named(templates: Templates, use: Use) -> set[str]:
    return {name for _, tree in _trees(templates, use) for name, _ in attributes(tree)}


def _samples(site: Site, kind: EditionKind) -> Iterator[Sample]:
    """Yield events with everything and with next to nothing, in either order."""
    full, bare = _full_event(site), _bare_event(site)
    match kind:
        case EditionKind.CORRECTION:
            other = replace(full, title="Another", start=bare.start, venue=None)
            told = replace(other, registration_url=None).facts()
            yield Sample(events=(full,), told=(told,))
            off = replace(bare, status=EventStatus.POSTPONED)
            yield Sample(events=(off,), told=(bare.facts(),))
        case EditionKind.CANCELLATION:
            for one in (full, bare):
                off = replace(one, status=EventStatus.CANCELLED)
                yield Sample(events=(off,), told=(one.facts(),))
        case EditionKind.DIGEST | EditionKind.REMINDER:
            yield Sample(events=(full, bare))
            yield Sample(events=(bare, replace(full, start=full.end, end=None)))


def _full_event(site: Site) -> Event:
    return Event(
        id=EventId("sample/full"),
        source="sample",
        path="sample.md",
        title="Sample",
        start=datetime.combine(DAY, time(18), site.zone),
        end=datetime.combine(DAY, time(20), site.zone),
        timezone=site.timezone,
        venue="Hall",
        address="1 Main Street",
        url=f"{site.url}/sample/",
        registration_url=f"{site.url}/register/",
        image=f"{site.url}/image.png",
        image_alt="A sample",
        summary="A sample.",
        body="A *sample*.",
        tags=("sample",),
        language=site.language,
        organizer="Somebody",
        details=(Detail(label="Access", text="Line 6", url=f"{site.url}/access/"),),
    )


def _bare_event(site: Site) -> Event:
    return Event(
        id=EventId("sample/bare"),
        source="sample",
        path="bare.md",
        title="Sample",
        start=datetime.combine(DAY, time(), site.zone),
        all_day=True,
        timezone=site.timezone,
        language=site.language,
    )
