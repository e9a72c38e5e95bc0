"""The tables, as SQLAlchemy sees them. The migrations make them; a test compares the two.

Times are seconds since 1970 in UTC as double precision, the same on every database.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

message = Table(
    "message",
    metadata,
    Column("client_reference", String(128), primary_key=True),
    Column("view_id", String(255), nullable=False, unique=True),
    Column("team_id", String(32), nullable=False),
    Column("user_id", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("recipient_count", Integer, nullable=False),
    Column("content", Text),  # JSON; null once numbers and texts were purged
    Column("digest", String(64), nullable=False),
    Column("channel_id", String(32)),
    Column("response_url", Text),
    Column("response_url_expires_at", Double),
    Column("response_url_uses", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double),  # the next attempt, while queued
    Column("progress_due_at", Double),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt_at", Double),
    Column("attempt_started_at", Double),
    Column("rate_limited", Integer, nullable=False, server_default=text("0")),
    Column("unavailable", Integer, nullable=False, server_default=text("0")),
    Column("waiting_told", Boolean, nullable=False, server_default=false()),
    Column("lookups", Integer, nullable=False, server_default=text("0")),
    Column("lookup_due_at", Double),
    Column("unknown_told", Boolean, nullable=False, server_default=false()),
    Column("lease_owner", String(64)),
    Column("lease_until", Double),
    Column("batch_id", String(128)),
    Column("cause", String(64)),
    Column("vendor_code", String(128)),
    Column("vendor_text", Text),
    Column("finished_at", Double),
)

# Work that is still to be done is a small part of the rows; each look-up for it has an index of just that part.
_QUEUED = message.c.state == "queued"
_SENDING = message.c.state == "sending"
Index("message_queued", message.c.due_at, sqlite_where=_QUEUED, postgresql_where=_QUEUED)
Index("message_sending", message.c.lease_until, sqlite_where=_SENDING, postgresql_where=_SENDING)
_LOOKUP = message.c.lookup_due_at.is_not(None)
Index("message_lookup", message.c.lookup_due_at, sqlite_where=_LOOKUP, postgresql_where=_LOOKUP)
_PROGRESS = message.c.progress_due_at.is_not(None)
Index("message_progress", message.c.progress_due_at, sqlite_where=_PROGRESS, postgresql_where=_PROGRESS)
Index("message_by_user", message.c.user_id, message.c.created_at)
_BATCH = message.c.batch_id.is_not(None)
Index("message_by_batch", message.c.batch_id, sqlite_where=_BATCH, postgresql_where=_BATCH)

answer = Table(
    "answer",
    metadata,
    Column("answer_id", Integer, primary_key=True, autoincrement=True),
    Column("client_reference", String(128), ForeignKey("message.client_reference"), nullable=False),
    Column("user_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("until_at", Double),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double),  # null: told, or given up until the person's next command
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("told_at", Double),
    Column("lease_owner", String(64)),
    Column("lease_until", Double),
)
_DUE = answer.c.due_at.is_not(None)
_UNTOLD = answer.c.told_at.is_(None)
Index("answer_due", answer.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
Index("answer_untold", answer.c.user_id, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)
Index("answer_of_message", answer.c.client_reference, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)
