"""
Leasing deliveries, and the wave commit.

Each statement takes a whole wave; `dialect` says how. What must not leave is decided by
one expression, at the lease and again at the intent.
"""

from __future__ import annotations

import sqlalchemy as sa

from tambour.ledger.queries.dialect import as_text, given, listed, upsert
from tambour.ledger.queries.steps import (
    after,
    after_flight,
    after_unsent,
    is_among,
    is_waiting,
    leads_out_of_flight,
    now,
    state,
    word,
)
from tambour.ledger.schema import (
    Instant,
    content,
    decision,
    delivery,
    edition,
    part,
    spent,
    suppression,
)
from tambour.ledger.states import ENDS, Step, sources
from tambour.model import Decision, DeliveryState

_FINAL = [word(one) for one in ENDS]
_by = sa.bindparam("by", type_=Instant)

# ── What is due ─────────────────────────────────────────────────────────────────

_is_due = sa.exists().where(
    delivery.c.part == part.c.id, delivery.c.next_try <= _by, is_waiting
)
_is_on_hold = sa.exists().where(
    decision.c.edition == part.c.edition, decision.c.decision == word(Decision.HOLD)
)

DUE_EDITIONS = (
    sa.select(part.c.edition).where(part.c.open, _is_due, ~_is_on_hold).distinct()
)
"""Every edition that has something to send."""

DUE_PARTS = (
    sa.select(
        part.c.id,
        part.c.edition,
        part.c.channel,
        edition.c.campaign,
        edition.c.kind,
        edition.c.deadline,
    )
    .join(edition, edition.c.id == part.c.edition)
    .where(part.c.channel == sa.bindparam("channel"), part.c.open)
    .where(_is_due, ~_is_on_hold)
    .order_by(
        edition.c.deadline.is_(None), edition.c.deadline, edition.c.due, part.c.id
    )
)
"""A channel's open parts that have something to send, the most urgent first."""

# ── What must not leave ─────────────────────────────────────────────────────────

_has_left = (
    sa.exists()
    .where(
        suppression.c.address == delivery.c.address,
        suppression.c.audience.in_([sa.literal_column("''"), content.c.audience]),
    )
    .correlate(delivery, content)
)
_objection = (
    sa.select(
        sa.case(
            *(
                (decision.c.decision == word(one), word(end))
                for one, end in ENDS.items()
            ),
            (_has_left, word(Step.SUPPRESS)),
            (edition.c.deadline <= now, word(Step.EXPIRE)),
            (decision.c.decision == word(Decision.HOLD), word(Step.RELEASE)),
        )
    )
    .select_from(
        part.join(edition, edition.c.id == part.c.edition)
        .join(content, content.c.id == delivery.c.content)
        .outerjoin(decision, decision.c.edition == edition.c.id)
    )
    .where(part.c.id == delivery.c.part)
    .correlate(delivery)
    .scalar_subquery()
)
"""The step that people or time impose on a delivery; NULL when it may leave."""

OBJECTIONS = as_text(
    sa.select(delivery.c.id, _objection.label("step")).where(
        delivery.c.id.in_(listed("ids")), _objection.is_not(None)
    )
)
"""Which of some deliveries must not leave now, and what becomes of them."""


def end(step: Step) -> sa.Update:
    """End deliveries, or give them back (RELEASE), without a try in this claim."""
    values: dict[str, object] = {"state": after_unsent(step), "at": now}
    if step is not Step.RELEASE:
        values["next_try"] = sa.null()
    return (
        sa.update(delivery)
        .where(delivery.c.id.in_(listed("ids")), is_among(sources(step)))
        .values(values)
    )


# ── Leasing ─────────────────────────────────────────────────────────────────────

PICK = as_text(
    sa.select(
        delivery.c.id,
        _objection.label("step"),
        delivery.c.recipient,
        delivery.c.name,
        delivery.c.language,
        sa.type_coerce(delivery.c.fields, sa.JSON).label("fields"),
        delivery.c.content,
        content.c.audience,
        delivery.c.attempts,
    )
    .join(content, content.c.id == delivery.c.content)
    .where(
        delivery.c.part == sa.bindparam("part"), delivery.c.next_try <= _by, is_waiting
    )
    .order_by(delivery.c.next_try, delivery.c.id)
    .limit(sa.bindparam("limit"))
)
"""The next deliveries of a part, what a message is made of, and what objects to it."""

LEASE = (
    sa.update(delivery)
    .where(delivery.c.id.in_(listed("ids")), is_among(sources(Step.LEASE)))
    .values(state=after(Step.LEASE))
)
"""Lease deliveries for the next wave; their due time stays, should they be released."""

RELEASE = (
    sa.update(delivery)
    .where(delivery.c.id.in_(listed("ids")), state == word(DeliveryState.LEASED))
    .values(state=after_unsent(Step.RELEASE))
)
"""Give leased deliveries back."""

CONTENTS = sa.select(content).where(content.c.id.in_(listed("ids")))
"""Frozen words by number."""

# ── The wave commit ─────────────────────────────────────────────────────────────

_intents = given("intents", id=sa.Integer(), message_id=sa.Text())
INTEND = (
    sa.update(delivery)
    .where(
        delivery.c.id == _intents.c.id,
        is_among(sources(Step.INTEND)),
        _objection.is_(None),
    )
    .values(
        state=after(Step.INTEND),
        attempts=delivery.c.attempts + 1,
        message_id=_intents.c.message_id,
        at=now,
    )
)
"""Commit the intents to transmit leased deliveries; this is their next attempt."""

GRANTED = as_text(
    sa.select(delivery.c.id).where(
        delivery.c.id.in_(listed("ids")), state == word(DeliveryState.IN_FLIGHT)
    )
)
"""Which intents were committed."""

_results = given(
    "results",
    id=sa.Integer(),
    step=sa.Text(),
    code=sa.Text(),
    reply=sa.Text(),
    next_try=Instant(),
)
RECORD = (
    sa.update(delivery)
    .where(delivery.c.id == _results.c.id, leads_out_of_flight(_results.c.step))
    .values(
        state=after_flight(_results.c.step),
        doubts=sa.case(
            (_results.c.step == word(Step.LOSE), delivery.c.doubts + 1),
            else_=delivery.c.doubts,
        ),
        code=_results.c.code,
        reply=_results.c.reply,
        next_try=_results.c.next_try,
        at=now,
    )
)
"""Record what became of intents; what is no longer in flight stays as it is."""

_refused = given("refused", id=sa.Integer(), reason=sa.Text())
_refused_deliveries = _refused.join(
    delivery,
    sa.and_(delivery.c.id == _refused.c.id, state == word(DeliveryState.IN_FLIGHT)),
)
SUPPRESS_REFUSED = (
    upsert(suppression)
    .from_select(
        ["address", "audience", "reason", "since"],
        sa.select(delivery.c.address, sa.literal(""), _refused.c.reason, now)
        .select_from(_refused_deliveries)
        # Without a WHERE, SQLite would take ON CONFLICT for part of the join.
        .where(sa.true()),
    )
    .on_conflict_do_nothing()
)
"""Suppress addresses in flight that do not exist, for every audience."""

_held = upsert(decision).from_select(
    ["edition", "decision", "decided_at", "reason"],
    sa.select(
        part.c.edition,
        word(Decision.HOLD),
        now,
        sa.func.min(_refused.c.reason),
    )
    .select_from(_refused_deliveries.join(part, part.c.id == delivery.c.part))
    .group_by(part.c.edition),
)
HOLD_REFUSED = _held.on_conflict_do_update(
    index_elements=["edition"],
    set_={name: _held.excluded[name] for name in ("decision", "decided_at", "reason")},
    where=decision.c.decision.not_in(_FINAL),
)
"""Hold the editions of which some in flight were refused for their sender's sake."""

# ── Budgets ─────────────────────────────────────────────────────────────────────

_spend = upsert(spent)
SPEND = _spend.on_conflict_do_update(
    index_elements=["channel", "at", "lane"],
    set_={"count": spent.c.count + _spend.excluded.count},
)
"""Keep what was taken from a budget; what was taken at the same instant adds up."""

FORGET_SPENT = sa.delete(spent).where(
    spent.c.channel.in_(listed("channels")),
    spent.c.at < sa.bindparam("before", type_=Instant),
)
"""Forget what no budget reaches back to."""

SPENT = (
    sa.select(spent.c.at, spent.c.lane, spent.c.count.label("number"))
    .where(
        spent.c.channel == sa.bindparam("channel"),
        spent.c.at >= sa.bindparam("since", type_=Instant),
    )
    .order_by(spent.c.at, spent.c.lane)
)
"""What was taken from a channel's budgets since then."""

SPENT_LATELY = sa.select(
    spent.c.channel,
    sa.func.max(spent.c.at).label("at"),
    sa.func.sum(spent.c.count).label("number"),
).group_by(spent.c.channel, sa.func.substr(sa.cast(spent.c.at, sa.Text), 1, 15))
"""How much each channel let go, in portions of ten minutes."""

WAITING_BY_CHANNEL = (
    sa.select(part.c.channel, sa.func.count())
    .join(delivery, delivery.c.part == part.c.id)
    .where(part.c.open, is_waiting, ~_is_on_hold)
    .group_by(part.c.channel)
)
"""How much each channel has still to send."""
