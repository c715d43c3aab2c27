"""Why an edition is held, what budgets gave, where rows lie, and which of them wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_IS_WAITING = sa.text(
    "next_try IS NOT NULL AND state IN ('planned', 'deferred', 'uncertain')"
)


def upgrade() -> None:
    """Add what is new, and find what waits without stepping over what is leased."""
    op.add_column(
        "decision", sa.Column("reason", sa.Text, nullable=False, server_default="")
    )
    op.create_table(
        "spent",
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("channel", "at", "lane", name="spent_pk"),
    )
    op.add_column("part", sa.Column("first", _SERIAL))
    op.add_column("part", sa.Column("last", _SERIAL))
    op.execute(
        "UPDATE part SET"
        " first = (SELECT min(id) FROM delivery WHERE delivery.part = part.id),"
        " last = (SELECT max(id) FROM delivery WHERE delivery.part = part.id)"
    )
    op.drop_index("delivery_open", "delivery")
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["part", "next_try"],
        sqlite_where=_IS_WAITING,
        postgresql_where=_IS_WAITING,
    )
