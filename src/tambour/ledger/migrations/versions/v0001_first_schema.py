"""The first schema: editions, the facts they told, deliveries, suppressions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    _create_memory()
    _create_editions()
    _create_deliveries()


def _create_memory() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="meta_pk"),
    )
    op.create_table(
        "event_seen",
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("first_seen", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("event", name="event_seen_pk"),
    )
    op.create_table(
        "campaign_seen",
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("first_seen", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("campaign", name="campaign_seen_pk"),
    )
    op.create_table(
        "audience_size",
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("audience", name="audience_size_pk"),
    )
    op.create_table(
        "decision",
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("edition", name="decision_pk"),
    )
    op.create_table(
        "suppression",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("address", "audience", name="suppression_pk"),
    )


def _create_editions() -> None:
    op.create_table(
        "edition",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("due", _INSTANT, nullable=False),
        sa.Column("deadline", _INSTANT),
        sa.Column("frozen_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="edition_pk"),
    )
    op.create_table(
        "told",
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("edition", "event", name="told_pk"),
        sa.ForeignKeyConstraint(
            ["edition"], ["edition.id"], name="told_edition_edition"
        ),
    )
    op.create_index("told_event", "told", ["event"])
    op.create_table(
        "part",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recipients", sa.Integer, nullable=False),
        sa.Column("open", sa.Boolean(create_constraint=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name="part_pk"),
        sa.UniqueConstraint("edition", "channel", name="part_edition_channel"),
        sa.ForeignKeyConstraint(
            ["edition"], ["edition.id"], name="part_edition_edition"
        ),
    )
    op.create_index(
        "part_open",
        "part",
        ["channel"],
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "content",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("part", _SERIAL, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("rendered", sa.Text),
        sa.Column("payload", sa.Text),
        sa.PrimaryKeyConstraint("id", name="content_pk"),
        sa.ForeignKeyConstraint(["part"], ["part.id"], name="content_part_part"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("part", _SERIAL, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("content", _SERIAL, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("next_try", _INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("doubts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("code", sa.Text, nullable=False, server_default=""),
        sa.Column("reply", sa.Text, nullable=False, server_default=""),
        sa.Column("message_id", sa.Text, nullable=False, server_default=""),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="delivery_pk"),
        sa.UniqueConstraint("part", "address", name="delivery_part_address"),
        sa.ForeignKeyConstraint(["part"], ["part.id"], name="delivery_part_part"),
        sa.ForeignKeyConstraint(
            ["content"], ["content.id"], name="delivery_content_content"
        ),
    )
    op.create_index("delivery_address", "delivery", ["address"])
    _create_index_where(
        "delivery_open", "delivery", ["part", "next_try"], "next_try IS NOT NULL"
    )
    _create_index_where(
        "delivery_busy", "delivery", ["part"], "state IN ('leased', 'in_flight')"
    )


def _create_index_where(name: str, table: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=clause, postgresql_where=clause)
