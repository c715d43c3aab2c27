"""
Why an edition does not simply go out: every sentence that planning says to people.

Decides nothing; the rules decide and ask for the words here. Times are shown in the
zone that the rule reasoned in, without the machine's language settings.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tambour.model import Decision, EditionId, EventStatus, Offset, Reason, ReasonCode
from tambour.planning.estimates import Limit, Outlook
from tambour.planning.vanishing import Absence

_STATUS = {
    EventStatus.HELD: Reason(
        code=ReasonCode.EVENT_HELD, text="The event's file has an error to mend first."
    ),
    EventStatus.HIDDEN: Reason(
        code=ReasonCode.EVENT_HIDDEN, text="The site does not show this event."
    ),
    EventStatus.CANCELLED: Reason(
        code=ReasonCode.EVENT_CANCELLED, text="The event is cancelled."
    ),
    EventStatus.POSTPONED: Reason(
        code=ReasonCode.EVENT_POSTPONED,
        text="The event is postponed and has no new date yet.",
    ),
}


_GONE = {
    Absence.GONE: (ReasonCode.EVENT_VANISHED, "The event's file is gone"),
    Absence.HIDDEN: (ReasonCode.EVENT_HIDDEN, "The site does not show the event"),
    Absence.MANY: (ReasonCode.MANY_VANISHED, "Many events vanished at once"),
}
_MINUTE = timedelta(minutes=1)


def shown(at: datetime, zone: ZoneInfo) -> str:
    """Return *at* as `2027-03-25 09:00 CET`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def spelled(length: timedelta) -> str:
    """Return a length of time as `2 d`, `1 h 30 min` or `45 s`."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def of_status(status: EventStatus) -> Reason | None:
    """Return why an event of this status is not announced; None when it is."""
    return _STATUS.get(status)


def no_time_of_day(offset: Offset) -> Reason:
    """Hours cannot be counted back from a date."""
    return Reason(
        code=ReasonCode.NO_TIME_OF_DAY,
        text="The event has a date, but no time of day to count "
        f"{offset.key} back from.",
    )


def too_close(due: datetime, deadline: datetime, *, zone: ZoneInfo) -> Reason:
    """The reminder falls on or after the last moment to speak."""
    return Reason(
        code=ReasonCode.TOO_CLOSE,
        text=f"Due {shown(due, zone)}, but nothing may leave from "
        f"{shown(deadline, zone)} on, so close to the start.",
    )


def late(since: datetime, limit: timedelta, *, zone: ZoneInfo) -> Reason:
    """Nobody was there to send it, and by now it says the wrong thing."""
    return Reason(
        code=ReasonCode.LATE,
        text=f"It could have left from {shown(since, zone)} on, but nothing was sent "
        f"within {spelled(limit)}; later than that it stays unsent.",
    )


def deadline_passed(deadline: datetime, *, zone: ZoneInfo) -> Reason:
    """Nobody was there to send it in time."""
    return Reason(
        code=ReasonCode.LATE,
        text=f"Nothing was sent before its deadline, {shown(deadline, zone)}.",
    )


def cut_off(deadline: datetime, *, zone: ZoneInfo) -> Reason:
    """It was frozen, and not finished in time."""
    return Reason(
        code=ReasonCode.LATE,
        text=f"Its deadline, {shown(deadline, zone)}, passed before it was finished; "
        "what had not left stays unsent.",
    )


def seen_past_deadline(seen: datetime, deadline: datetime, *, zone: ZoneInfo) -> Reason:
    """The event came too late to be announced at all."""
    return Reason(
        code=ReasonCode.ADDED_LATE,
        text=f"The event was first seen {shown(seen, zone)}, when the deadline, "
        f"{shown(deadline, zone)}, had passed.",
    )


def added_late(seen: datetime, due: datetime, *, zone: ZoneInfo) -> Reason:
    """The campaign does not make up for what was due before an event was added."""
    return Reason(
        code=ReasonCode.ADDED_LATE,
        text=f"Due {shown(due, zone)}, before the event was first seen "
        f"({shown(seen, zone)}), and the campaign skips late additions.",
    )


def later_one_speaks(later: EditionId) -> Reason:
    """Readers get one message instead of several at once."""
    return Reason(
        code=ReasonCode.LATER_ONE_SPEAKS,
        text=f"The later edition {later} takes its place.",
    )


def day_has_spoken(before: EditionId) -> Reason:
    """An editor who moves a schedule does not ask for a second digest."""
    return Reason(
        code=ReasonCode.LATER_ONE_SPEAKS,
        text=f"The day has had its edition, {before}, by the schedule as it was then.",
    )


def before_campaign(due: datetime, seen: datetime, *, zone: ZoneInfo) -> Reason:
    """A new campaign does not start with its past."""
    return Reason(
        code=ReasonCode.BEFORE_CAMPAIGN,
        text=f"Due {shown(due, zone)}, before the campaign was first seen "
        f"({shown(seen, zone)}).",
    )


def no_events(begin: datetime, end: datetime, *, zone: ZoneInfo) -> Reason:
    """There is nothing to gather."""
    return Reason(
        code=ReasonCode.NO_EVENTS,
        text=f"No event to announce starts between {shown(begin, zone)} and "
        f"{shown(end, zone)}.",
    )


def no_recipients(audience: str) -> Reason:
    """Nobody would get it."""
    return Reason(
        code=ReasonCode.NO_RECIPIENTS, text=f"The audience {audience} has nobody in it."
    )


def audience_emptied(audience: str, *, before: int) -> Reason:
    """A person should look before the audience is taken at its word."""
    return Reason(
        code=ReasonCode.AUDIENCE_EMPTIED,
        text=f"The audience {audience} had {before} people at its last edition and has "
        "nobody now; mend its source, or approve the edition.",
    )


def audience_tripled(audience: str, *, before: int, now: int) -> Reason:
    """A person should look before so many strangers are written to."""
    return Reason(
        code=ReasonCode.AUDIENCE_TRIPLED,
        text=f"The audience {audience} grew from {before} to {now} people since its "
        "last edition; approve the edition if that is right.",
    )


def awaits_approval(edition: EditionId) -> Reason:
    """The campaign says `approve: manual`."""
    return Reason(
        code=ReasonCode.AWAITS_APPROVAL,
        text=f"It waits for a person: tambour approve {edition}",
    )


def already_frozen(frozen_at: datetime, *, zone: ZoneInfo) -> Reason:
    """Its words no longer change."""
    return Reason(
        code=ReasonCode.ALREADY_FROZEN,
        text=f"Its words and recipients were frozen {shown(frozen_at, zone)}.",
    )


def decided(decision: Decision) -> Reason:
    """A person stopped it."""
    verb = "cancelled" if decision is Decision.CANCEL else "held"
    return Reason(code=ReasonCode.DECIDED, text=f"A person {verb} this edition.")


def held(edition: EditionId, *, because: str | None) -> Reason:
    """A person held it, or a server's words about its sender did."""
    if because is None:
        return decided(Decision.HOLD)
    return Reason(
        code=ReasonCode.SENDER_REFUSED,
        text=f"The server refuses its sender ({because}); mend that, then: "
        f"tambour approve {edition}",
    )


def too_slow(
    channel: str,
    outlook: Outlook,
    *,
    limit: Limit,
    count: int,
    start: datetime,
    deadline: datetime,
    zone: ZoneInfo,
) -> Reason:
    """There are too many readers for so little time."""
    needs = takes(channel, outlook.ends - start, limit=limit, count=count)
    return Reason(
        code=ReasonCode.TOO_SLOW,
        text=f"{needs}, until {shown(outlook.ends, zone)}, but nothing may leave from "
        f"{shown(deadline, zone)} on; what has not left by then stays unsent. "
        f"{limit.mend}, or send earlier.",
    )


def takes(channel: str, length: timedelta, *, limit: Limit, count: int) -> str:
    """Return how long a channel needs, and what for."""
    about = spelled(_whole_minutes(length))
    return (
        f"{limit.name} the channel {channel} needs about {about} for {count} messages"
    )


def _whole_minutes(length: timedelta) -> timedelta:
    """Round it: an estimate is no measurement."""
    return max(1, round(length / _MINUTE)) * _MINUTE


def used_up(
    channel: str,
    outlook: Outlook,
    *,
    limit: Limit,
    deadline: datetime,
    zone: ZoneInfo,
) -> Reason:
    """Nothing at all would leave."""
    return Reason(
        code=ReasonCode.TOO_SLOW,
        text=f"{limit.name} the channel {channel} has no room before "
        f"{shown(outlook.begins, zone)}, and nothing may leave from "
        f"{shown(deadline, zone)} on. {limit.mend}.",
    )


def cancelled() -> Reason:
    """The ledger says so, and no longer who asked."""
    return Reason(code=ReasonCode.DECIDED, text="This edition was cancelled.")


def vanished() -> Reason:
    """Two good scans did not find it."""
    return Reason(
        code=ReasonCode.EVENT_VANISHED,
        text="The event's file is gone; put it back to announce the event.",
    )


def unsure() -> Reason:
    """One scan did not find it, which may have met a folder being rewritten."""
    return Reason(
        code=ReasonCode.EVENT_VANISHED,
        text="An event's file was there and is not. The next scan (by the daemon, or "
        "with `tambour send`) finds it, or takes it as gone.",
    )


def many_vanished(source: str, edition: EditionId) -> Reason:
    """A disk or a feed is likelier gone than they."""
    return Reason(
        code=ReasonCode.MANY_VANISHED,
        text=f"Many events of the source {source} vanished at once, so none counts as "
        "gone. Bring them back; if they are meant to be gone: "
        f"tambour cancel {edition}",
    )


def digest_without(count: int, edition: EditionId) -> Reason:
    """A person may send it without them."""
    return Reason(
        code=ReasonCode.MANY_VANISHED,
        text=f"Many events vanished at once, {count} of them from this edition. Bring "
        f"them back; to send it without them: tambour approve {edition}",
    )


def gone_though_told(edition: EditionId, absence: Absence) -> Reason:
    """Only a person knows whether it is cancelled, or its file was deleted."""
    code, what = _GONE[absence]
    return Reason(
        code=code,
        text=f"{what}, but readers were told of it. Put it back, and nothing is said; "
        f"or tell them that it is cancelled: tambour approve {edition}",
    )


def many_changed(count: int, edition: EditionId) -> Reason:
    """A slip in a script is likelier than so many moves."""
    return Reason(
        code=ReasonCode.MANY_CHANGED,
        text=f"{count} events changed at once. Mend the files; or if that is right: "
        f"tambour approve {edition}",
    )


def settling(until: datetime, *, zone: ZoneInfo) -> Reason:
    """Whoever edits a file often edits it again."""
    return Reason(
        code=ReasonCode.SETTLING,
        text="The change is fresh and may still be undone; readers are told from "
        f"{shown(until, zone)} on.",
    )


def correction_first(correction: EditionId) -> Reason:
    """Nobody gets two messages about one event at once."""
    return Reason(
        code=ReasonCode.SETTLING,
        text=f"The correction {correction} leaves first; then this goes to the others.",
    )


def corrected_instead(other: EditionId) -> Reason:
    """A correction, or a digest, has just said when the event is."""
    return Reason(
        code=ReasonCode.CORRECTED_INSTEAD,
        text=f"It was due when the event was moved, and {other} says when it is now.",
    )


def facts_changed() -> Reason:
    """Nobody else gets the old facts."""
    return Reason(
        code=ReasonCode.FACTS_CHANGED,
        text="What it says is no longer so, and it stopped. Those whom it reached are "
        "corrected; the others get the next revision.",
    )


def too_late_to_correct(deadline: datetime, *, zone: ZoneInfo) -> Reason:
    """They know something else, and nobody told them in time."""
    return Reason(
        code=ReasonCode.LATE,
        text="These readers were told what is no longer so, and nothing may leave from "
        f"{shown(deadline, zone)} on; reach them by other means.",
    )


def nobody_corrects(campaign: str) -> Reason:
    """The words and the channel of a correction are its campaign's."""
    return Reason(
        code=ReasonCode.FACTS_CHANGED,
        text=f"The campaign {campaign} told these readers what is no longer so, and is "
        "gone: put its file back, or reach them by other means.",
    )
