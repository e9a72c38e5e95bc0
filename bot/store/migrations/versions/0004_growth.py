"""For tables that have grown: an index of what is unknown, and PostgreSQL tidies up before much has come together."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Each message leaves some dead rows behind, and entries for them in the small indexes by which work is found: until a
# VACUUM, whoever looks for work reads through those. By default they may be a fifth of the table, and a VACUUM that
# finds few of them leaves the indexes as they are (PostgreSQL, "Automatic Vacuuming" and "CREATE TABLE").
_BUSY = ("message", "answer", "access_notice")
_TIDY = "autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.002, vacuum_index_cleanup = on"


def upgrade() -> None:
    unknown = sa.text("state = 'unknown'")
    op.create_index("message_unknown", "message", ["created_at"], sqlite_where=unknown, postgresql_where=unknown)
    if op.get_bind().dialect.name == "postgresql":
        for table in _BUSY:
            op.execute(f"ALTER TABLE {table} SET ({_TIDY})")
