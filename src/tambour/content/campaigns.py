"""
The campaigns of a project, each checked against the settings it names.

All that is wrong in a file is said at once, and a campaign with an error is left out.
Plans nothing and renders nothing: the body stays the editor's Markdown.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tambour.config import Config, SmtpChannel, WebhookChannel
from tambour.content.campaign_front import PARTS, CampaignFront
from tambour.content.coercion import read_words
from tambour.content.findings import Findings
from tambour.content.front_matter import FrontMatterError, Page, read_page
from tambour.content.schedules import read_cron, read_days, read_every, read_offset
from tambour.model import Campaign, CampaignKind, Cron, Every, Selection, Target, Window
from tambour.problems import Problem, suggestion
from tambour.yamltext import Path as Place

CAMPAIGNS = "campaigns"
"""The folder, below the project's."""

_PLAIN = {
    "too_short": "at least one is needed",
    "tuple_type": "this must be a list",
    "model_type": "this must be made of `key: value` lines",
    "string_type": "this must be a text",
}


def load_campaigns(
    root: Path, config: Config
) -> tuple[tuple[Campaign, ...], tuple[Problem, ...]]:
    """Return the campaigns of the project at *root* by name, and what is wrong."""
    campaigns: list[Campaign] = []
    problems: list[Problem] = []
    paths = sorted(
        path
        for path in (root / CAMPAIGNS).glob("*.md")
        if path.stem.casefold() != "readme"
        and not path.name.startswith(".")
        and not path.is_fifo()  # a pipe would keep its reader waiting
    )
    for path in paths:
        name = os.fsencode(path.name).decode("utf-8", "replace")
        findings = Findings(f"{CAMPAIGNS}/{name}")
        if name != path.name:
            said = "the file's name, which is the campaign's, is not UTF-8"
            findings.add("E301", 0, said, mend="rename the file")
            problems += findings.problems
            continue
        campaign = _read_file(path, config, findings)
        if campaign is not None and not findings.has_error:
            campaigns.append(campaign)
        problems += findings.problems
    if not paths:
        findings = Findings(CAMPAIGNS)
        mend = f"write {CAMPAIGNS}/<name>.md, or start from `tambour init`"
        findings.add("W302", 0, "there is no campaign, so nothing is sent", mend=mend)
        problems += findings.problems
    return tuple(campaigns), tuple(problems)


def _read_file(path: Path, config: Config, findings: Findings) -> Campaign | None:
    try:
        page = read_page(path.read_bytes())
    except OSError as error:
        findings.add("E301", 0, f"the file cannot be read: {error.strerror}")
        return None
    except FrontMatterError as error:
        findings.add("E301", error.line, str(error))
        return None
    checks = _Checks(page, config, findings)
    checks.duplicates()
    checks.names()
    checks.contradictions()
    try:
        front = CampaignFront.model_validate(_without_nulls(page.data))
    except ValidationError as error:
        checks.add_validation(error)
        return None
    return None if findings.has_error else _campaign(path.stem, front, page, findings)


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - front matter is a tree of anything
    """Return *value* without keys that were left empty, so that defaults apply."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _campaign(
    name: str, front: CampaignFront, page: Page, findings: Findings
) -> Campaign:
    return Campaign(
        name=name,
        path=findings.path,
        kind=front.kind,
        targets=tuple(Target(**target.model_dump()) for target in front.to),
        schedule=_schedule(front),
        offsets=tuple(read_offset(text) for text in front.send.before or ()),
        window=Window(
            days=read_days(front.window.length), skip_days=read_days(front.window.since)
        ),
        where=Selection(
            tags=frozenset(front.where.tags),
            sources=frozenset(front.where.sources),
            languages=frozenset(front.where.languages),
            online=front.where.online,
        ),
        send_empty=front.empty == "send",
        approve_manually=front.approve == "manual",
        announce_late=front.late_added == "send",
        body=page.body,
        body_line=page.body_line,
    )


def _schedule(front: CampaignFront) -> Every | Cron | None:
    if front.send.every is not None:
        return read_every(front.send.every)
    return read_cron(front.send.cron) if front.send.cron is not None else None


class _Checks:
    """What the shape alone cannot tell; looks at the front matter as it was typed."""

    def __init__(self, page: Page, config: Config, findings: Findings) -> None:
        self.data = page.data
        self.document = page.document
        self.config = config
        self.findings = findings

    def complain(self, code: str, place: Place, message: str, mend: str = "") -> None:
        self.findings.add(code, self.document.line(place), message, mend=mend)

    def duplicates(self) -> None:
        """Find keys that are given twice."""
        for place, line in self.document.duplicates:
            message = f"{place[-1]!r} is given twice; the last one counts"
            self.findings.add("W301", line, message)

    def names(self) -> None:
        """Find channels, audiences and sources that config.yaml does not have."""
        channels, audiences = self.config.channels, self.config.audiences
        for place, target in self._targets():
            self._known("channel", (*place, "channel"), target, channels)
            self._known("audience", (*place, "audience"), target, audiences)
        where = self.data.get("where")
        sources = read_words(where.get("sources") if isinstance(where, dict) else None)
        known = [source.id for source in self.config.sources]
        for name in sources:
            self._known("source", ("where", "sources"), {"sources": name}, known)

    def contradictions(self) -> None:
        """Find settings that cannot both be meant."""
        self._check_schedule()
        self._check_offsets()
        seen: set[tuple[object, object]] = set()
        for place, target in self._targets():
            channel, audience = target.get("channel"), target.get("audience")
            if (channel, audience) in seen:
                message = f"{channel} appears twice for the same audience"
                self.complain("E306", place, message, "delete one of the two")
            seen.add((channel, audience))
            settings = self.config.channels.get(str(channel))
            if isinstance(settings, SmtpChannel) and audience is None:
                message = f"{channel} sends mail, and nobody is named to get it"
                self.complain("E306", place, message, "add an audience")
            if isinstance(settings, WebhookChannel) and audience is not None:
                message = f"{channel} posts once, for whoever reads there"
                self.complain("E306", place, message, "delete the audience")

    def add_validation(self, error: ValidationError) -> None:
        """Say what pydantic found, in our words and at its line."""
        found = error.errors(include_url=False, include_input=False)
        for one in found:
            place = tuple(one["loc"])
            if one["type"] == "too_short" and any(
                other["loc"][: len(place)] == place and other is not one
                for other in found
            ):
                continue  # pydantic does not count the items that it refused
            key = ".".join(map(str, place))
            if one["type"] == "extra_forbidden":
                mend = suggestion(str(place[-1]), _names_at(place))
                self.complain("E302", place, f"unknown key {key}", mend)
            elif one["type"] == "missing":
                self.complain("E304", place, f"{key} is missing", f"add {key}")
            else:
                text = one["msg"].removeprefix("Value error, ")
                text = _PLAIN.get(one["type"], text)
                self.complain("E303", place, f"{key}: {text}")

    def _targets(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        targets = self.data.get("to")
        for i, target in enumerate(targets if isinstance(targets, list) else []):
            if isinstance(target, dict):
                yield ("to", i), target

    def _known(
        self, noun: str, place: Place, given: dict[str, Any], known: Iterable[str]
    ) -> None:
        name, names = given.get(str(place[-1])), list(known)
        if isinstance(name, str) and name not in names:
            message = f"config.yaml has no {noun} {name!r}"
            mend = suggestion(name, names) if names else "config.yaml has none yet"
            self.complain("E305", place, message, mend)

    def _check_schedule(self) -> None:
        send, kind = self.data.get("send"), self.data.get("kind")
        given = set(send) if isinstance(send, dict) else set()
        if kind == CampaignKind.DIGEST:
            if len(given & {"every", "cron"}) != 1:
                message = "a digest is sent on one schedule"
                mend = "give send either every or cron: {every: monday 08:00}"
                self.complain("E306", ("send",), message, mend)
            if "before" in given:
                message = "a digest is not sent before each event"
                mend = "delete before, or make it a reminder"
                self.complain("E306", ("send", "before"), message, mend)
        elif kind == CampaignKind.REMINDER:
            if "before" not in given:
                message = "a reminder needs to know how long before the start"
                mend = "write send: {before: [7d at 09:00, 2h]}"
                self.complain("E306", ("send",), message, mend)
            for key in sorted(given & {"every", "cron"}):
                message = f"a reminder follows its events, not {key}"
                mend = f"delete {key}, or make it a digest"
                self.complain("E306", ("send", key), message, mend)
            if "window" in self.data:
                message = "a reminder speaks of one event at a time"
                self.complain("E306", ("window",), message, "delete window")

    def _check_offsets(self) -> None:
        send = self.data.get("send")
        before = send.get("before") if isinstance(send, dict) else None
        seen: dict[object, str] = {}
        for i, text in enumerate(before if isinstance(before, list) else []):
            try:
                key = read_offset(str(text)).key
            except ValueError:  # said by the shape
                continue
            if key in seen:
                message = f"{text} is given twice"
                self.complain("E306", ("send", "before", i), message, "delete one")
            seen[key] = text


def _names_at(place: Place) -> list[str]:
    shape = PARTS.get(str(place[0]), CampaignFront) if place[1:] else CampaignFront
    return [field.alias or name for name, field in shape.model_fields.items()]
