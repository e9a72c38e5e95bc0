"""Access: the list that admins keep, the log of its changes, requests, and notices about them."""

import sqlalchemy as sa
from alembic import op

from bot.store.types import serial, word

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What is written to the log stays as it was written. SQLite's third is for INSERT OR REPLACE, which deletes without
# asking the second. (A change of this table by batch_alter_table makes it anew: it has to make the triggers anew, too.)
_ON_SQLITE = (
    "CREATE TRIGGER access_change_no_update BEFORE UPDATE ON access_change "
    "BEGIN SELECT RAISE(ABORT, 'the log of changes is never altered'); END",
    "CREATE TRIGGER access_change_no_delete BEFORE DELETE ON access_change "
    "BEGIN SELECT RAISE(ABORT, 'the log of changes is never altered'); END",
    "CREATE TRIGGER access_change_no_replace BEFORE INSERT ON access_change "
    "WHEN EXISTS (SELECT 1 FROM access_change WHERE change_id = NEW.change_id) "
    "BEGIN SELECT RAISE(ABORT, 'the log of changes is never altered'); END",
)
_ON_POSTGRESQL = (
    "CREATE FUNCTION access_change_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION 'the log of changes is never altered' USING ERRCODE = 'integrity_constraint_violation'; "
    "END $$",
    "CREATE TRIGGER access_change_no_update BEFORE UPDATE ON access_change "
    "FOR EACH ROW EXECUTE FUNCTION access_change_is_kept()",
    "CREATE TRIGGER access_change_no_delete BEFORE DELETE ON access_change "
    "FOR EACH ROW EXECUTE FUNCTION access_change_is_kept()",
    "CREATE TRIGGER access_change_no_truncate BEFORE TRUNCATE ON access_change "
    "FOR EACH STATEMENT EXECUTE FUNCTION access_change_is_kept()",
)


def upgrade() -> None:
    state = op.create_table(
        "access_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(state, [{"id": 1, "version": 0}])

    op.create_table(
        "access_member",
        sa.Column("member_id", word(32), nullable=False),
        sa.Column("role", word(8), nullable=False),
        sa.Column("added_by", word(255), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.Column("door", word(16), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "role"),
    )

    op.create_table(
        "access_change",
        sa.Column("change_id", serial(), autoincrement=True, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_by", word(255), nullable=False),
        sa.Column("door", word(16), nullable=False),
        sa.Column("action", word(16), nullable=False),
        sa.Column("role", word(8), nullable=False),
        sa.Column("member_id", word(32), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("access_change_version", "access_change", ["version"], unique=False)
    for statement in _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL:
        op.execute(statement)

    op.create_table(
        "access_request",
        sa.Column("request_id", serial(), autoincrement=True, nullable=False),
        sa.Column("user_id", word(32), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("decision", word(16), nullable=True),
        sa.Column("decided_by", word(255), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index("access_request_by_user", "access_request", ["user_id", "request_id"], unique=False)
    op.create_index(
        "access_request_open",
        "access_request",
        ["user_id"],
        unique=True,
        sqlite_where=sa.text("decision IS NULL"),
        postgresql_where=sa.text("decision IS NULL"),
    )

    op.create_table(
        "access_notice",
        sa.Column("notice_id", serial(), autoincrement=True, nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("to_user_id", word(32), nullable=False),
        sa.Column("request_id", serial(), nullable=True),
        sa.Column("group_id", word(32), nullable=True),
        sa.Column("channel_id", word(32), nullable=True),
        sa.Column("ts", word(32), nullable=True),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.Column("lease_owner", word(64), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["access_request.request_id"]),
        sa.PrimaryKeyConstraint("notice_id"),
    )
    for name, column in (
        ("access_notice_due", "due_at"),
        ("access_notice_of_request", "request_id"),
        ("access_notice_of_group", "group_id"),
    ):
        only = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "access_notice", [column], unique=False, sqlite_where=only, postgresql_where=only)

    op.create_table(
        "handled",
        sa.Column("origin", word(64), nullable=False),
        sa.Column("handled_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
