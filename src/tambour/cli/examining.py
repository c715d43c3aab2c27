"""What `doctor` tries: zone, ledger, audiences, keys, DNS, and each channel."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from tambour.channels import Check, make_channel
from tambour.cli.invocation import now as clock
from tambour.cli.invocation import short
from tambour.cli.senders import asker, sender_checks
from tambour.cli.world import real_world
from tambour.config import OutboxChannel, SmtpChannel
from tambour.errors import LedgerError
from tambour.ledger import ledger_path, open_for_reading
from tambour.planning import stops
from tambour.planning.clocks import ClockState, judge
from tambour.problems import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tambour.config import ChannelSettings
    from tambour.ledger import Ledger
    from tambour.project import Project

MIN_FREE_BYTES = 100 * 1024 * 1024
PATIENCE = timedelta(seconds=10)
"""How long somebody who looks on waits for an answer; sending waits longer."""


def examine(project: Project, *, now: datetime) -> list[tuple[str, Check]]:
    """Return what was tried, in the order in which a person would mend it."""
    checks = [("project", check) for check in _project_checks(project, now)]
    checks += [("ledger", check) for check in _ledger_checks(project)]
    probed = asyncio.run(_probe_all(project))
    checks += [(name, check) for name, found in probed for check in found]
    ask = asker()
    for name, settings in project.config.channels.items():
        if isinstance(settings, SmtpChannel):
            found = sender_checks(settings, project.config, ask=ask)
            checks += [(name, check) for check in found]
    return checks


def _project_checks(project: Project, now: datetime) -> Iterator[Check]:
    zone = project.site.timezone
    yield Check(name="zone", ok=True, detail=f"{zone}: {short(now, project.site)}")
    errors = sum(p.severity is Severity.ERROR for p in project.problems)
    said = f"{errors} errors; see `tambour check`" if errors else "no errors"
    yield Check(name="files", ok=errors == 0, detail=said)
    for name, people in project.audiences.items():
        said = f"{name}: {len(people)} addresses"
        yield Check(name="audience", ok=bool(people), detail=said)


def _ledger_checks(project: Project) -> Iterator[Check]:
    path = ledger_path(project.config.ledger, project.root)
    try:
        with closing(
            open_for_reading(project.config.ledger, root=project.root)
        ) as ledger:
            standing = [*_standing_checks(ledger, project.config.machine)]
    except LedgerError as error:
        yield Check(name="ledger", ok=False, detail=str(error))
        return
    yield from standing
    if path is None:
        return
    exists = (
        f"{path} is there" if path.exists() else f"{path} is made at the first send"
    )
    yield Check(name="ledger", ok=True, detail=exists)
    folder = next(one for one in path.absolute().parents if one.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free // 1024**2} MiB free in {folder}"
    yield Check(name="disk", ok=free >= MIN_FREE_BYTES, detail=said)


def _standing_checks(ledger: Ledger, machine: str | None) -> Iterator[Check]:
    doubt = ledger.standing.doubt(machine=machine)
    if doubt is not None:
        yield Check(name="standing", ok=False, detail=doubt.text)
    judged = judge(ledger.standing.clock(), real_world().reading())
    jumped = stops.clock_jumped(judged.memory)
    if jumped is not None:
        yield Check(name="clock", ok=False, detail=jumped.text)
    elif judged.state is ClockState.BEHIND and judged.memory.highest:
        said = stops.clock_behind(judged.memory.highest.wall)
        yield Check(name="clock", ok=True, detail=said, warning=True)
    else:
        yield Check(name="clock", ok=True, detail="it runs on as it did")


def hurried(settings: ChannelSettings) -> ChannelSettings:
    """Return the settings with a timeout that suits somebody who looks on."""
    if isinstance(settings, OutboxChannel) or settings.timeout <= PATIENCE:
        return settings
    return settings.model_copy(update={"timeout": PATIENCE})


async def _probe_all(project: Project) -> list[tuple[str, tuple[Check, ...]]]:
    channels = {
        name: make_channel(name, hurried(settings), project.root, clock=clock)
        for name, settings in project.config.channels.items()
    }
    probes = (channel.probe() for channel in channels.values())
    return list(zip(channels, await asyncio.gather(*probes), strict=True))
