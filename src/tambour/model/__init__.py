"""
The vocabulary of Tambour: immutable values that every other module speaks in.

Knows nothing of files, databases, networks or clocks, and imports nothing of ours.
Every instant is an aware `datetime`; the words are defined in `docs/glossary.md`.
"""

from tambour.model.campaigns import (
    Campaign,
    CampaignKind,
    Cron,
    Every,
    Limits,
    Offset,
    Selection,
    Site,
    Target,
    Window,
)
from tambour.model.events import (
    Detail,
    Event,
    EventId,
    EventStatus,
    Facts,
    instant,
)
from tambour.model.messages import (
    Cause,
    DeliveryId,
    DeliveryState,
    Message,
    Outcome,
    OutcomeKind,
    Recipient,
    Rendered,
)
from tambour.model.plans import (
    Decision,
    EditionId,
    EditionKind,
    EditionState,
    Entry,
    EntryState,
    FrozenEdition,
    Plan,
    Reason,
    ReasonCode,
    Revision,
    Snapshot,
)
from tambour.model.speeds import (
    RATE_UNITS,
    UNLIMITED,
    Rate,
    Speed,
    WarmingUp,
    allowance,
)

__all__ = [
    "RATE_UNITS",
    "UNLIMITED",
    "Campaign",
    "CampaignKind",
    "Cause",
    "Cron",
    "Decision",
    "DeliveryId",
    "DeliveryState",
    "Detail",
    "EditionId",
    "EditionKind",
    "EditionState",
    "Entry",
    "EntryState",
    "Event",
    "EventId",
    "EventStatus",
    "Every",
    "Facts",
    "FrozenEdition",
    "Limits",
    "Message",
    "Offset",
    "Outcome",
    "OutcomeKind",
    "Plan",
    "Rate",
    "Reason",
    "ReasonCode",
    "Recipient",
    "Rendered",
    "Revision",
    "Selection",
    "Site",
    "Snapshot",
    "Speed",
    "Target",
    "WarmingUp",
    "Window",
    "allowance",
    "instant",
]
