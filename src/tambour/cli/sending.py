"""What `send` does: under the instance lock, freeze what is due and try it once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tambour.cli.ledgers import open_ledger
from tambour.cli.world import real_world
from tambour.config import load_config
from tambour.delivery.agreeing import Agreement
from tambour.delivery.delivering import deliver_once
from tambour.delivery.guard import Guard
from tambour.delivery.keys import unusable_keys
from tambour.delivery.rounds import (
    Bounds,
    Check,
    Round,
    choose_fresh,
    freeze_due,
    unchecked,
)
from tambour.delivery.world import CrashPoint
from tambour.errors import Exit, Stopped
from tambour.feeds import Patience, refresh_feeds
from tambour.ledger import (
    Ledger,
    instance_lock,
    ledger_path,
    open_for_reading,
)
from tambour.memory import recall
from tambour.model import (
    CORRECTIONS,
    Decision,
    DeliveryState,
    EditionId,
    EntryState,
)
from tambour.planning import reasons
from tambour.planning.timely import lengths
from tambour.project import channel_speeds
from tambour.rendering.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from tambour.cli.invocation import Invocation
    from tambour.delivery.agreeing import NotAsReviewed
    from tambour.delivery.plan_file import PlanFile
    from tambour.ledger.records import Count
    from tambour.model import Entry, Reason
    from tambour.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one `send` came to."""

    rounded: Round
    counts: tuple[Count, ...]
    is_incomplete: bool
    """Some campaign is left out, so nobody knows what it would have sent."""
    stranded: tuple[tuple[EditionId, str], ...]
    """Editions with what waits for a channel that the settings do not have."""
    stopped: Mapping[EditionId, str]
    """Editions that a person must let go before the rest of them leaves, and why."""
    why_put_off: Mapping[EditionId, str]
    """What put most of an edition off, where anything did."""
    on_hold: frozenset[str]
    """Channels by which nothing that is in doubt goes again by itself."""
    shut: Mapping[str, str]
    """Channels that something waits for, but whose keys cannot be used, and why."""

    def put_off(self) -> list[EditionId]:
        """Return the editions of which something waits for a try."""
        states = (DeliveryState.DEFERRED, DeliveryState.PLANNED)
        waiting = (c.edition for c in self.counts if c.how_many(*states))
        return [one for one in dict.fromkeys(waiting) if one not in self.stopped]

    def losses(self, count: Count) -> Iterator[str]:
        """Say what of an edition did not arrive for certain, and what can be done."""
        edition, lost = count.edition, count.how_many(DeliveryState.FAILED)
        if lost:
            yield f"{lost} of {edition} failed: `tambour history --deliveries` says why"
        doubts = count.how_many(DeliveryState.UNCERTAIN)
        if doubts:
            command = "retry " + edition if count.channel in self.on_hold else "send"
            yield (
                f"{doubts} of {edition} may have arrived or not:"
                f" `tambour {command}` sends them again"
            )

    def uncorrected(self) -> dict[EditionId, str]:
        """Return the corrections that come too late, and what is to be done."""
        return {
            entry.edition: f"was missed: {entry.reason.text}"
            for entry in self.rounded.missed
            if entry.kind in CORRECTIONS and entry.reason
        }

    def exit_code(self) -> Exit:
        """Return the contract's code: what stays to be done weighs most."""
        free = [one for one in self.counts if one.edition not in self.stopped]

        def how_many(*states: DeliveryState) -> int:
            return sum(count.how_many(*states) for count in free)

        if self.shut:
            return Exit.CONFIGURATION
        if how_many(DeliveryState.DEFERRED, DeliveryState.PLANNED):
            return Exit.TEMPORARY
        if self.stopped:
            return Exit.HELD
        lost = how_many(
            DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.EXPIRED
        )
        if lost or self.rounded.frozen.failures:
            sent = how_many(DeliveryState.SENT)
            return Exit.PARTLY_SENT if sent else Exit.FAILURE
        if self.rounded.held:
            return Exit.HELD
        return Exit.CONFIGURATION if self.is_incomplete else Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What would be frozen and sent now, and what of it time is too short for."""

    entries: tuple[Entry, ...]
    too_slow: tuple[Entry, ...]
    """Also what is not begun, because nothing of it could leave."""
    lengths: Mapping[str, str]
    """What the channels that need long need, waiting messages included."""
    stop: Reason | None
    """Why nothing at all may leave."""
    refusal: NotAsReviewed | None
    """What differs from the file that was reviewed, where there is one."""


def fetch_feeds(invocation: Invocation) -> None:
    """Make the copies of feeds fresh, before the project is read with them."""
    config = load_config(invocation.root, env=invocation.env)
    world = real_world()
    patience = Patience(monotonic=world.monotonic)
    for problem in refresh_feeds(config, now=world.clock(), patience=patience):
        invocation.warn(f"{problem.path}: {problem.message}")


def due_now(
    project: Project,
    campaigns: Collection[str],
    *,
    now: datetime,
    file: PlanFile | None = None,
) -> Due:
    """Return what would be frozen and sent now; changes nothing."""
    ledger = open_for_reading(project.config.ledger, root=project.root)
    memory = recall(project, ledger)
    guard = Guard(ledger, real_world(), machine=project.config.machine)
    stop = guard.look().stop
    snapshot = replace(memory.snapshot, stop=stop)
    memory = replace(memory, snapshot=snapshot)
    plan = memory.plan(now=now, until=now)
    wanted = [e for e in plan.entries if not campaigns or e.campaign in campaigns]
    refusal = None
    if file is not None and stop is None:
        fresh = choose_fresh(memory, wanted, now=now, by=now)
        agreement = Agreement(file, campaigns, ledger, Templates(project.root))
        refusal = agreement.refusal(memory, plan, fresh)
    ledger.close()
    entries = tuple(e for e in wanted if e.state is EntryState.DUE)
    counts = Counter(snapshot.waiting)
    for entry in entries:
        if entry.edition not in snapshot.editions:
            counts[entry.target.channel] += entry.recipients
    return Due(
        entries=entries,
        too_slow=tuple(e for e in wanted if e.is_too_slow and e.due <= now),
        lengths=lengths(
            counts, channel_speeds(project.config), spent=snapshot.spent, now=now
        ),
        stop=stop,
        refusal=refusal,
    )


def send_due(
    project: Project,
    campaigns: Collection[str],
    *,
    on_answer: Callable[[], None],
    on_stop: Callable[[], None],
    on_warning: Callable[[str], None],
    file: PlanFile | None = None,
) -> Done:
    """
    Freeze and try once what is due.

    Args:
        on_answer: called once for each message that has its outcome.
        on_stop: called when a signal ends it, before what is on the wire is finished.
        on_warning: called with what somebody should know about the clock.
        file: what was reviewed; nothing else leaves.

    Raises:
        NotAsReviewed: what would leave is not as in *file*; nothing was frozen.
        Stopped: the clock or the ledger is in doubt; nothing left.
        LedgerLocked: another Tambour is sending with this ledger.
        LedgerError: the ledger cannot be used.

    """

    def count(point: CrashPoint) -> None:
        if point is CrashPoint.ANSWERED:
            on_answer()

    path = ledger_path(project.config.ledger, project.root)
    with instance_lock(path):
        ledger = open_ledger(project.config)
        guard = Guard(ledger, real_world(), machine=project.config.machine)
        _pass(guard, on_warning)
        moment = guard.now()
        templates = Templates(project.root)
        rounded = freeze_due(
            project,
            ledger,
            templates,
            Bounds(now=moment, campaigns=campaigns),
            on_freeze=guard.mark,
            check=_check(file, campaigns, ledger, templates),
        )
        counts = _try(project, ledger, guard, on_point=count, on_stop=on_stop)
        tried = {count.edition for count in counts}
        fresh = set(rounded.frozen.editions)  # perhaps everybody in one is suppressed
        counts += ledger.history.counts((fresh | _put_off(ledger)) - tried)
        stranded = _stranded(ledger, project.config.channels)
        stopped = _stopped(ledger, tried | {count.edition for count in counts})
        shut = _shut(project, counts)
        why_put_off = ledger.history.put_off({count.edition for count in counts})
        ledger.close()
    return Done(
        rounded=rounded,
        counts=counts,
        is_incomplete=project.has_broken_campaigns(),
        stranded=stranded,
        stopped=stopped,
        why_put_off=why_put_off,
        on_hold=frozenset(
            name
            for name, settings in project.config.channels.items()
            if settings.on_uncertain == "hold"
        ),
        shut=shut,
    )


def _check(
    file: PlanFile | None,
    campaigns: Collection[str],
    ledger: Ledger,
    templates: Templates,
) -> Check:
    if file is None:
        return unchecked
    return Agreement(file, campaigns, ledger, templates).check


def _pass(guard: Guard, on_warning: Callable[[str], None]) -> None:
    verdict = guard.examine()
    if verdict.warning:
        on_warning(verdict.warning)
    if verdict.stop is not None:
        raise Stopped(verdict.stop.text)


def _try(
    project: Project,
    ledger: Ledger,
    guard: Guard,
    *,
    on_point: Callable[[CrashPoint], None],
    on_stop: Callable[[], None],
) -> tuple[Count, ...]:
    """Deliver, and mark before and after that something leaves."""
    world = replace(real_world(), clock=guard.now, checkpoint=on_point)
    guard.keep_marking(busy=bool(ledger.history.due_editions(guard.now())))
    counts = deliver_once(project.config, ledger, world, on_stop=on_stop)
    guard.keep_marking(busy=bool(counts))
    return counts


def _shut(project: Project, counts: Iterable[Count]) -> dict[str, str]:
    waiting = {c.channel for c in counts if c.how_many(DeliveryState.DEFERRED)}
    found = unusable_keys(project.config).items()
    return {name: why for name, why in found if name in waiting}


def _stopped(ledger: Ledger, tried: Iterable[EditionId]) -> dict[EditionId, str]:
    snapshot = ledger.snapshot()
    return {
        edition: reasons.held(edition, because=snapshot.held_because.get(edition)).text
        for edition in tried
        if snapshot.decisions.get(edition) is Decision.HOLD
    }


def _unfinished(ledger: Ledger) -> list[EditionId]:
    return [edition.id for edition in ledger.snapshot().open_editions]


def _put_off(ledger: Ledger) -> set[EditionId]:
    """Return the editions with something deferred, whether or not it was due now."""
    counts = ledger.history.counts(_unfinished(ledger))
    return {c.edition for c in counts if c.how_many(DeliveryState.DEFERRED)}


def _stranded(
    ledger: Ledger, channels: Collection[str]
) -> tuple[tuple[EditionId, str], ...]:
    waiting = (DeliveryState.PLANNED, DeliveryState.DEFERRED, DeliveryState.UNCERTAIN)
    return tuple(
        (count.edition, count.channel)
        for count in ledger.history.counts(_unfinished(ledger))
        if count.channel not in channels and count.how_many(*waiting)
    )
