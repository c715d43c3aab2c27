"""What is known of events besides their first sight, and how often a part closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add room for it; the next scan fills it."""
    for column in (
        sa.Column("source", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("facts", sa.Text),
        sa.Column("starts_at", _INSTANT),
        sa.Column("changed_at", _INSTANT),
        sa.Column("missing", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("event_seen", column)
    op.create_table(
        "event_good",
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("good", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event", name="event_good_pk"),
    )
    op.add_column(
        "part", sa.Column("closings", sa.Integer, nullable=False, server_default="0")
    )
