"""What becomes of each recipient, what is told of it, and where Sinch calls back."""

import sqlalchemy as sa
from alembic import op

from bot.store.types import word

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("poll_due_at", sa.Double(), nullable=True))
    op.add_column("message", sa.Column("polls", sa.Integer(), server_default=sa.text("0"), nullable=False))
    polled = sa.text("poll_due_at IS NOT NULL")
    op.create_index("message_poll", "message", ["poll_due_at"], sqlite_where=polled, postgresql_where=polled)
    op.create_index("message_by_time", "message", ["created_at"])

    op.create_table(
        "recipient",
        sa.Column("client_reference", word(128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("e164", word(16), nullable=True),
        sa.Column("state", word(32), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.Double(), nullable=True),
        sa.Column("dispatched_at", sa.Double(), nullable=True),
        sa.Column("final_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["client_reference"], ["message.client_reference"]),
        sa.PrimaryKeyConstraint("client_reference", "position"),
    )

    op.create_table(
        "delivery_news",
        sa.Column("client_reference", word(128), nullable=False),
        sa.Column("user_id", word(32), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.Column("shown", word(32), nullable=True),
        sa.Column("channel_id", word(32), nullable=True),
        sa.Column("ts", word(32), nullable=True),
        sa.Column("unfolded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_owner", word(64), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["client_reference"], ["message.client_reference"]),
        sa.PrimaryKeyConstraint("client_reference"),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("delivery_news_due", "delivery_news", ["due_at"], sqlite_where=due, postgresql_where=due)

    op.create_table(
        "callback_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", word(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
