"""
`tambour demo`: a quarter of the sample project, lived through in seconds.

Real servers on loopback receive what leaves: mail by aiosmtpd, posts by http.server.
Only the clock is simulated; it jumps from one due moment to the next. One event's file
appears late, one morning the mail server asks to come back later, and for one night the
machine is off: the timeline shows what became of each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tambour.cli import starting
from tambour.cli.invocation import short
from tambour.cli.ledgers import open_ledger
from tambour.cli.receivers import MailServer, Webhook, receivers
from tambour.cli.world import real_world
from tambour.delivery.delivering import deliver_once
from tambour.errors import UserError
from tambour.ledger import instance_lock, ledger_path
from tambour.model import DeliveryState, EntryState, instant
from tambour.project import ProjectCache, load_project
from tambour.rendering.templates import Templates
from tambour.simulation.stepping import Course

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tambour.cli.invocation import Invocation
    from tambour.config import Config
    from tambour.ledger import Ledger
    from tambour.model import EditionId, Entry, FrozenEdition, Site

ENV = "demo"
BEGIN = datetime(2027, 1, 4)  # noqa: DTZ001 - local time, put into the site's zone
END = datetime(2027, 4, 1)  # noqa: DTZ001 - the same
LATE_FILE = "campaigns/events/reparer-son-velo.md"
LATE_AT = datetime(2027, 3, 19, 14)  # noqa: DTZ001 - the same
BUSY = (datetime(2027, 2, 1, 8), datetime(2027, 2, 1, 8, 20))  # noqa: DTZ001 - the same
OFF = (datetime(2027, 1, 22, 12), datetime(2027, 1, 23, 8, 15))  # noqa: DTZ001 - the same
MANIFEST = "var/demo.json"
"""What the demo copied here, so that it deletes nothing else when it runs again."""
QUIET = {EntryState.SKIPPED, EntryState.MISSED, EntryState.SUPERSEDED, EntryState.HELD}
CONFIG = """\
# Loopback servers that existed while the demo ran; see ../config.yaml for your own.
channels:
  lettre: {{type: smtp, host: 127.0.0.1, port: {smtp}, security: none,
           from: "Agenda de Rivemont <lettre@example.org>"}}
  equipe: {{type: webhook, url: "http://127.0.0.1:{http}/hook", secret: {secret}}}
"""


def demonstrate(shared: Invocation, folder: Path) -> None:
    """
    Run the demo in *folder*, and print its timeline.

    Raises:
        UserError: the folder holds something that is not a demo's.

    """
    _prepare(folder)
    with receivers(folder / "outbox") as (mail, hook):
        text = CONFIG.format(smtp=mail.port, http=hook.port, secret=hook.secret)
        (folder / f"config.{ENV}.yaml").write_text(text, encoding="utf-8")
        project = load_project(folder, env=ENV)
        with instance_lock(ledger_path(project.config.ledger, folder)):
            ledger = open_ledger(project.config)
            story = Story(
                folder=folder, ledger=ledger, mail=mail, hook=hook, site=project.site
            )
            _live(story, shared)
            _tell(shared, story)
            ledger.close()
    shared.say(f"\nLook at {(folder / 'outbox' / 'index.html').resolve()}")


def _prepare(folder: Path) -> None:
    if folder.exists():
        _empty(folder)
    starting.begin(folder, today=None)
    made = _contents(folder)
    (folder / MANIFEST).parent.mkdir()
    (folder / MANIFEST).write_text(json.dumps(made), encoding="utf-8")
    late = folder / LATE_FILE
    late.rename(late.with_suffix(".later"))


def _empty(folder: Path) -> None:
    """Take away an earlier demo; what somebody added or changed is never touched."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        made = json.loads(manifest.read_text("utf-8"))
        found = _contents(folder).items()
        own = sorted(name for name, mark in found if made.get(name) != mark)
    else:
        own = sorted(path.name for path in folder.iterdir())
    if own:
        msg = (
            f"{folder} holds what no demo put there ({own[0]}); name another folder,"
            " or delete it yourself"
        )
        raise UserError(msg)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _contents(folder: Path) -> dict[str, str]:
    """Return a hash of each file but those that the demo itself sends and keeps."""
    made = ("outbox", "var", f"config.{ENV}.yaml")
    files = {
        path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()
    }
    return {
        name.with_suffix(
            ".md" if name.suffix == ".later" else name.suffix
        ).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if name.parts[0] not in made
    }


@dataclass(slots=True)
class Story:
    """The demo on its way: the simulated now, and what was said so far."""

    folder: Path
    ledger: Ledger
    mail: MailServer
    hook: Webhook
    site: Site
    cache: ProjectCache = field(default_factory=ProjectCache)
    reasons: dict[tuple[EditionId, str], Entry] = field(default_factory=dict)
    incidents: list[tuple[datetime, str]] = field(default_factory=list)

    def at(self, local: datetime) -> datetime:
        """Return the instant at which the site's clocks show *local*."""
        return instant(local, self.site.zone).astimezone(UTC)


def _live(story: Story, shared: Invocation) -> None:
    """Jump from one moment at which something can happen to the next."""
    now, end = story.at(BEGIN), story.at(END)
    course = Course(
        ledger=story.ledger,
        templates=Templates(story.folder),
        deliver=partial(_deliver, story.ledger),
    )
    with shared.progress("A quarter", (end - now).total_seconds()) as advance:
        while now < end:
            _happen(story, now)
            project = load_project(story.folder, env=ENV, cache=story.cache, around=now)
            stepped = course.step(project, now=now, end=_next_incident(story, now))
            done = stepped.rounded
            for entry in done.plan.entries if done else ():
                if entry.state in QUIET:
                    key = (entry.edition, entry.target.channel)
                    story.reasons.setdefault(key, entry)
            later = _unless_off(story, stepped.later)
            advance((later - now).total_seconds())
            now = later


def _deliver(ledger: Ledger, config: Config, now: datetime, _until: datetime) -> None:
    """Deliver to the real servers, while the simulated clock stands still."""
    world = replace(real_world(), clock=lambda: now, chance=lambda: 0.5)
    deliver_once(config, ledger, world)


def _happen(story: Story, now: datetime) -> None:
    """Let the incidents of the quarter happen, each once."""
    late = story.folder / LATE_FILE
    if now >= story.at(LATE_AT) and not late.exists():
        late.with_suffix(".later").rename(late)
        story.incidents.append((now, f"{late.name} appears, the day before its event"))
    busy = story.at(BUSY[0]) <= now < story.at(BUSY[1])
    if busy and not story.mail.is_busy:
        story.incidents.append((now, "the mail server answers 451, come back later"))
    story.mail.is_busy = busy


def _next_incident(story: Story, now: datetime) -> datetime:
    """Return when something happens that is not of Tambour's doing."""
    moments = map(story.at, (LATE_AT, *BUSY, END))
    return min(moment for moment in moments if moment > now)


def _unless_off(story: Story, later: datetime) -> datetime:
    """Return the next moment at which the machine is on."""
    off, on = map(story.at, OFF)
    if off <= later < on:
        story.incidents.append(
            (off, f"the machine is off until {short(on, story.site)}")
        )
        return on
    return later


def _tell(shared: Invocation, story: Story) -> None:
    """Print what left when, and why the rest did not."""
    editions = story.ledger.snapshot().editions.values()
    rows = [_edition_row(story, edition) for edition in editions]
    rows += [(when, "", "", text) for when, text in story.incidents]
    left = [
        (short(when, story.site), edition, what, became)
        for when, edition, what, became in sorted(rows)
    ]
    shared.table("What left", ("when", "edition", "about", "what became of it"), left)
    shared.say("")
    columns = ("due", "edition", "to", "state", "why")
    shared.table("What did not, and why", columns, _unsent_rows(story))
    counts = story.ledger.history.counts()
    sent = sum(count.how_many(DeliveryState.SENT) for count in counts)
    shared.say(
        f"\n{len(editions)} editions, {sent} deliveries sent; the mail server took"
        f" {story.mail.received}, the webhook {story.hook.received}."
    )
    shared.record(
        editions=[row[1] for row in sorted(rows) if row[1]],
        sent=sent,
        outbox=str((story.folder / "outbox" / "index.html").resolve()),
    )


def _unsent_rows(story: Story) -> Iterator[tuple[str, ...]]:
    """Yield what did not leave, the channels of one edition together."""
    counts = story.ledger.history.counts()
    left = {(count.edition, count.channel) for count in counts}
    begin = story.at(BEGIN)
    entries = sorted(
        (e for key, e in story.reasons.items() if key not in left and e.due >= begin),
        key=lambda entry: (entry.due, entry.edition, entry.state),
    )
    for (due, edition, state, reason), group in groupby(
        entries, key=lambda e: (e.due, e.edition, e.state, e.reason)
    ):
        channels = ", ".join(entry.target.channel for entry in group)
        why = reason.text if reason else ""
        yield short(due, story.site), edition, channels, state, why


def _edition_row(
    story: Story, edition: FrozenEdition
) -> tuple[datetime, str, str, str]:
    about = [told.title for told in edition.facts]
    shown = about[0] if len(about) == 1 else f"{len(about)} events"
    parts = []
    for count in story.ledger.history.counts([edition.id]):
        states = ", ".join(f"{n} {state}" for state, n in count.states.items() if n)
        tries = [
            row.attempts
            for row in story.ledger.history.deliveries(edition=edition.id)
            if row.channel == count.channel
        ]
        again = f" after {max(tries)} tries" if max(tries, default=1) > 1 else ""
        parts.append(f"{count.channel}: {states}{again}")
    return edition.frozen_at, edition.id, shown, "; ".join(parts)
