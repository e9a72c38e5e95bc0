"""Messages and answers."""

import sqlalchemy as sa
from alembic import op

from bot.store.types import serial, word

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("client_reference", word(128), nullable=False),
        sa.Column("view_id", word(255), nullable=False),
        sa.Column("team_id", word(32), nullable=False),
        sa.Column("user_id", word(32), nullable=False),
        sa.Column("state", word(16), nullable=False),
        sa.Column("kind", word(8), nullable=False),
        sa.Column("recipient_count", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("digest", word(64), nullable=False),
        sa.Column("channel_id", word(32), nullable=True),
        sa.Column("response_url", sa.Text(), nullable=True),
        sa.Column("response_url_expires_at", sa.Double(), nullable=True),
        sa.Column("response_url_uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("progress_due_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_attempt_at", sa.Double(), nullable=True),
        sa.Column("attempt_started_at", sa.Double(), nullable=True),
        sa.Column("rate_limited", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unavailable", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("waiting_told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lookups", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lookup_due_at", sa.Double(), nullable=True),
        sa.Column("unknown_told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_owner", word(64), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("batch_id", word(128), nullable=True),
        sa.Column("cause", word(64), nullable=True),
        sa.Column("vendor_code", word(128), nullable=True),
        sa.Column("vendor_text", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("client_reference"),
        sa.UniqueConstraint("view_id"),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(
            "message_by_batch",
            ["batch_id"],
            unique=False,
            sqlite_where=sa.text("batch_id IS NOT NULL"),
            postgresql_where=sa.text("batch_id IS NOT NULL"),
        )
        batch_op.create_index("message_by_user", ["user_id", "created_at"], unique=False)
        batch_op.create_index(
            "message_lookup",
            ["lookup_due_at"],
            unique=False,
            sqlite_where=sa.text("lookup_due_at IS NOT NULL"),
            postgresql_where=sa.text("lookup_due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "message_progress",
            ["progress_due_at"],
            unique=False,
            sqlite_where=sa.text("progress_due_at IS NOT NULL"),
            postgresql_where=sa.text("progress_due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "message_queued",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "message_sending",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )

    op.create_table(
        "answer",
        sa.Column("answer_id", serial(), autoincrement=True, nullable=False),
        sa.Column("client_reference", word(128), nullable=False),
        sa.Column("user_id", word(32), nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("until_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.Column("lease_owner", word(64), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_reference"],
            ["message.client_reference"],
        ),
        sa.PrimaryKeyConstraint("answer_id"),
    )
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.create_index(
            "answer_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "answer_of_message",
            ["client_reference"],
            unique=False,
            sqlite_where=sa.text("told_at IS NULL"),
            postgresql_where=sa.text("told_at IS NULL"),
        )
        batch_op.create_index(
            "answer_untold",
            ["user_id"],
            unique=False,
            sqlite_where=sa.text("told_at IS NULL"),
            postgresql_where=sa.text("told_at IS NULL"),
        )
