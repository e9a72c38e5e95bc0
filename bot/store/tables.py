"""The tables, as SQLAlchemy sees them. The migrations make them; a test compares the two.

Times are seconds since 1970 in UTC as double precision, the same on every database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    text,
)

from bot.store.types import serial, word

metadata = MetaData()

# Alembic's own: the one row that is always there.
alembic_version = Table("alembic_version", MetaData(), Column("version_num", word(32), primary_key=True))

message = Table(
    "message",
    metadata,
    Column("client_reference", word(128), primary_key=True),
    Column("view_id", word(255), nullable=False, unique=True),
    Column("team_id", word(32), nullable=False),
    Column("user_id", word(32), nullable=False),
    Column("state", word(16), nullable=False),
    Column("kind", word(8), nullable=False),
    Column("recipient_count", Integer, nullable=False),
    Column("content", Text),  # JSON; null once numbers and texts were purged
    Column("digest", word(64), nullable=False),
    Column("channel_id", word(32)),
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
    Column("lease_owner", word(64)),
    Column("lease_until", Double),
    Column("batch_id", word(128)),
    Column("cause", word(64)),
    Column("vendor_code", word(128)),
    Column("vendor_text", Text),
    Column("finished_at", Double),
    Column("poll_due_at", Double),  # when Sinch is asked for the delivery report next; null: not any more
    Column("polls", Integer, nullable=False, server_default=text("0")),
)

# Work that is still to be done is a small part of the rows; each look-up for it has an index of just that part.
_QUEUED = message.c.state == "queued"
_SENDING = message.c.state == "sending"
Index("message_queued", message.c.due_at, sqlite_where=_QUEUED, postgresql_where=_QUEUED)
Index("message_sending", message.c.lease_until, sqlite_where=_SENDING, postgresql_where=_SENDING)
_UNKNOWN = message.c.state == "unknown"
Index("message_unknown", message.c.created_at, sqlite_where=_UNKNOWN, postgresql_where=_UNKNOWN)
_LOOKUP = message.c.lookup_due_at.is_not(None)
Index("message_lookup", message.c.lookup_due_at, sqlite_where=_LOOKUP, postgresql_where=_LOOKUP)
_PROGRESS = message.c.progress_due_at.is_not(None)
Index("message_progress", message.c.progress_due_at, sqlite_where=_PROGRESS, postgresql_where=_PROGRESS)
_POLL = message.c.poll_due_at.is_not(None)
Index("message_poll", message.c.poll_due_at, sqlite_where=_POLL, postgresql_where=_POLL)
Index("message_by_time", message.c.created_at)
Index("message_by_user", message.c.user_id, message.c.created_at)
_KEPT = message.c.content.is_not(None)
Index("message_kept", message.c.created_at, sqlite_where=_KEPT, postgresql_where=_KEPT)
_BATCH = message.c.batch_id.is_not(None)
Index("message_by_batch", message.c.batch_id, sqlite_where=_BATCH, postgresql_where=_BATCH)

answer = Table(
    "answer",
    metadata,
    Column("answer_id", serial(), primary_key=True, autoincrement=True),
    Column("client_reference", word(128), ForeignKey("message.client_reference"), nullable=False),
    Column("user_id", word(32), nullable=False),
    Column("kind", word(16), nullable=False),
    Column("until_at", Double),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double),  # null: told, or given up until the person's next command
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("told_at", Double),
    Column("lease_owner", word(64)),
    Column("lease_until", Double),
)
_DUE = answer.c.due_at.is_not(None)
_UNTOLD = answer.c.told_at.is_(None)
Index("answer_due", answer.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
Index("answer_untold", answer.c.user_id, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)
Index("answer_of_message", answer.c.client_reference, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)

# What became of a message at each recipient, once Sinch has it. The words are Sinch's own.
recipient = Table(
    "recipient",
    metadata,
    Column("client_reference", word(128), ForeignKey("message.client_reference"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("e164", word(16)),  # null once numbers were purged
    Column("state", word(32), nullable=False),
    Column("code", BigInteger),
    Column("at", Double),
    Column("dispatched_at", Double),
    Column("final_at", Double),
)

# The one answer about a message's delivery, that grows.
delivery_news = Table(
    "delivery_news",
    metadata,
    Column("client_reference", word(128), ForeignKey("message.client_reference"), primary_key=True),
    Column("user_id", word(32), nullable=False),
    Column("since_at", Double, nullable=False),  # since when there is this to tell
    Column("due_at", Double),  # null: nothing to tell, or given up
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("told_at", Double),
    Column("shown", word(32)),
    Column("channel_id", word(32)),
    Column("ts", word(32)),
    Column("unfolded", Boolean, nullable=False, server_default=false()),
    Column("lease_owner", word(64)),
    Column("lease_until", Double),
)
_NEWS_DUE = delivery_news.c.due_at.is_not(None)
Index("delivery_news_due", delivery_news.c.due_at, sqlite_where=_NEWS_DUE, postgresql_where=_NEWS_DUE)

# The unguessable part of the address that Sinch calls back.
callback_key = Table(
    "callback_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("key", word(64), nullable=False),
)

# Who may send, as admins decide it. One row counts the changes; whoever changes anything here locks it first.
access_state = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: the migration has a check
    Column("version", Integer, nullable=False),
)

access_member = Table(
    "access_member",
    metadata,
    Column("member_id", word(32), primary_key=True),
    Column("role", word(8), primary_key=True),
    Column("added_by", word(255), nullable=False),
    Column("added_at", Double, nullable=False),
    Column("door", word(16), nullable=False),
)

# The log of all changes. Rows are only ever added: triggers refuse everything else.
access_change = Table(
    "access_change",
    metadata,
    Column("change_id", serial(), primary_key=True, autoincrement=True),
    Column("version", Integer, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", word(255), nullable=False),
    Column("door", word(16), nullable=False),
    Column("action", word(16), nullable=False),
    Column("role", word(8), nullable=False),
    Column("member_id", word(32), nullable=False),
)
Index("access_change_version", access_change.c.version)

access_request = Table(
    "access_request",
    metadata,
    Column("request_id", serial(), primary_key=True, autoincrement=True),
    Column("user_id", word(32), nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("decision", word(16)),  # null: open
    Column("decided_by", word(255)),
    Column("decided_at", Double),
)
_OPEN = access_request.c.decision.is_(None)
Index("access_request_by_user", access_request.c.user_id, access_request.c.request_id)
Index("access_request_open", access_request.c.user_id, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

access_notice = Table(
    "access_notice",
    metadata,
    Column("notice_id", serial(), primary_key=True, autoincrement=True),
    Column("kind", word(16), nullable=False),
    Column("to_user_id", word(32), nullable=False),
    Column("request_id", serial(), ForeignKey("access_request.request_id")),
    Column("group_id", word(32)),
    Column("channel_id", word(32)),
    Column("ts", word(32)),
    Column("since_at", Double, nullable=False),  # since when there is this to tell
    Column("due_at", Double),  # null: nothing to tell, or given up
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("told_at", Double),
    Column("lease_owner", word(64)),
    Column("lease_until", Double),
)
_NOTICE_DUE = access_notice.c.due_at.is_not(None)
_OF_REQUEST = access_notice.c.request_id.is_not(None)
_OF_GROUP = access_notice.c.group_id.is_not(None)
Index("access_notice_due", access_notice.c.due_at, sqlite_where=_NOTICE_DUE, postgresql_where=_NOTICE_DUE)
Index("access_notice_of_request", access_notice.c.request_id, sqlite_where=_OF_REQUEST, postgresql_where=_OF_REQUEST)
Index("access_notice_of_group", access_notice.c.group_id, sqlite_where=_OF_GROUP, postgresql_where=_OF_GROUP)

# Requests of Slack's that were handled: the same one again changes nothing.
handled = Table(
    "handled",
    metadata,
    Column("origin", word(64), primary_key=True),  # a SHA-256 digest: what it is made from may be a secret
    Column("handled_at", Double, nullable=False),
)
