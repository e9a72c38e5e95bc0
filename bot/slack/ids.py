"""The names that Slack gives back to us: in views, payloads, the manifest and tests the same constants."""

from __future__ import annotations

COMPOSE = "mms_compose"

# Each input of the compose dialog has block_id = action_id.
TO = "to"
MESSAGE = "message"
SUBJECT = "subject"
MEDIA_URL = "media_url"

OPEN_AGAIN = "mms_open_again"
