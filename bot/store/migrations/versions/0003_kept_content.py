"""An index of the messages whose numbers and texts are still kept: whoever erases them looks at just those."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    kept = sa.text("content IS NOT NULL")
    op.create_index("message_kept", "message", ["created_at"], sqlite_where=kept, postgresql_where=kept)
