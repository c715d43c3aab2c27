"""
The ledger's tables as the code of today sees them; `migrations/` says how they came.

Knows no queries. Texts are stored as they are, instants as UTC, Facts and Rendered as
JSON (`ledger.frozen`). A delivery's row is open exactly while `next_try` is set.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

SCHEMA = "0003"
"""The revision that this code reads and writes; revisions are ordered as text."""


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware instant; SQLite keeps it as naive UTC, which sorts as text."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: sa.Dialect
    ) -> datetime | None:
        """Refuse naive times: they would be read back as another instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "the ledger keeps aware instants only"
            raise ValueError(msg)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self, value: datetime | None, dialect: sa.Dialect
    ) -> datetime | None:
        """Give the zone back."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.replace(tzinfo=UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "%(table_name)s_pk",
    }
)

# SQLite numbers rows by itself only for INTEGER; PostgreSQL needs BIGINT.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# What readers go by is here, apart from the rest of an event, which is rarely read.
# Neither is known of an event that was never well read.
event_seen = sa.Table(
    "event_seen",
    metadata,
    sa.Column("event", sa.Text, primary_key=True),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("path", sa.Text),
    sa.Column("facts", sa.Text),
    sa.Column("starts_at", Instant),
    sa.Column("changed_at", Instant),
    sa.Column("missing", sa.Integer, nullable=False, server_default="0"),
)

event_good = sa.Table(
    "event_good",
    metadata,
    sa.Column("event", sa.Text, primary_key=True),
    sa.Column("good", sa.Text, nullable=False),
)

campaign_seen = sa.Table(
    "campaign_seen",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("first_seen", Instant, nullable=False),
)

audience_size = sa.Table(
    "audience_size",
    metadata,
    sa.Column("audience", sa.Text, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
)

edition = sa.Table(
    "edition",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("due", Instant, nullable=False),
    sa.Column("deadline", Instant),
    sa.Column("frozen_at", Instant, nullable=False),
)

told = sa.Table(
    "told",
    metadata,
    sa.Column("edition", sa.Text, sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("event", sa.Text, primary_key=True, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
)

# What of an edition goes by one channel; its states must add up to `recipients`. Its
# rows lie between `first` and `last`, and are counted in that order: by an index they
# would be fetched one by one, from all over the file. While it is closed none of them
# changes, so that what was counted after so many `closings` still holds.
part = sa.Table(
    "part",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("edition", sa.Text, sa.ForeignKey("edition.id"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("recipients", sa.Integer, nullable=False),
    sa.Column("open", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("first", Serial),
    sa.Column("last", Serial),
    sa.Column("closings", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("edition", "channel"),
)
sa.Index(
    "part_open",
    part.c.channel,
    sqlite_where=sa.text("open = 1"),
    postgresql_where=sa.text("open"),
)

content = sa.Table(
    "content",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("part", Serial, sa.ForeignKey("part.id"), nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("address", sa.Text),
    sa.Column("rendered", sa.Text),
    sa.Column("payload", sa.Text),
)

# `address` is the normalised one, `recipient` as its owner writes it.
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("part", Serial, sa.ForeignKey("part.id"), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("content", Serial, sa.ForeignKey("content.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("next_try", Instant),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("doubts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("code", sa.Text, nullable=False, server_default=""),
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
    sa.Column("message_id", sa.Text, nullable=False, server_default=""),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("part", "address"),
)
sa.Index("delivery_address", delivery.c.address)
_IS_WAITING = sa.text(
    "next_try IS NOT NULL AND state IN ('planned', 'deferred', 'uncertain')"
)
sa.Index(
    "delivery_waiting",
    delivery.c.part,
    delivery.c.next_try,
    sqlite_where=_IS_WAITING,
    postgresql_where=_IS_WAITING,
)
_IS_BUSY = sa.text("state IN ('leased', 'in_flight')")
sa.Index(
    "delivery_busy",
    delivery.c.part,
    sqlite_where=_IS_BUSY,
    postgresql_where=_IS_BUSY,
)

# Where an edition is gathered before it is frozen: temporary, no part of the schema.
staging = sa.MetaData()
staged_content = sa.Table(
    "staged_content",
    staging,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text),
    sa.Column("audience", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("rendered", sa.Text),
    sa.Column("payload", sa.Text),
    prefixes=["TEMPORARY"],
)
staged_delivery = sa.Table(
    "staged_delivery",
    staging,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("content", sa.Integer),
    sa.Column("address", sa.Text),
    sa.Column("recipient", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("fields", sa.Text),
    prefixes=["TEMPORARY"],
)

# A reason is what made the machine hold an edition; a person gives none.
decision = sa.Table(
    "decision",
    metadata,
    sa.Column("edition", sa.Text, primary_key=True),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("decided_at", Instant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
)

# An empty audience means every one of them.
suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("audience", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)

# What was lately taken from a channel's budgets: a restart must not refill them.
spent = sa.Table(
    "spent",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("at", Instant, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
