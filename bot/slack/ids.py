"""The names that Slack gives back to us: in views, payloads, the manifest and tests the same constants."""

from __future__ import annotations

COMPOSE = "mms_compose"

# Each input of the compose dialog has block_id = action_id.
TO = "to"
MESSAGE = "message"
SUBJECT = "subject"
MEDIA_URL = "media_url"

OPEN_AGAIN = "mms_open_again"

# The dialog in which admins decide who may send; its inputs, too, have block_id = action_id.
ADMIN = "mms_admin"
SENDERS = "senders"
ADMINS = "admins"
SENDER_GROUPS = "sender_groups"
ADMIN_GROUPS = "admin_groups"

ASK_ACCESS = "mms_ask_access"  # of somebody who was denied
ALLOW_REQUEST = "mms_allow_request"  # of an admin who is asked; the value is the request's ID
DECLINE_REQUEST = "mms_decline_request"
ASK_BLOCK = "ask_access"  # the block with the button, in a dialog: it is replaced once it was pressed

# One message's buttons; the value is its client_reference.
UNFOLD = "mms_unfold"  # show those whom it did not reach
FOLD = "mms_fold"
CANCEL = "mms_cancel"
CANCEL_ANSWER = "cancel_answer"  # the block that says in a dialog what came of it
DETAILS = "mms_details"  # opens the dialog about it

# The Home tab.
HOME_OPENED = "app_home_opened"  # Slack's name of the event
HOME = "mms_home"
HOME_PAGE = "mms_home_page"  # an older page; the value is the cursor: the reference to go on behind
HOME_NEWER = "mms_home_newer"  # back; the value is the cursor of that page, or NEWEST
NEWEST = "newest"
REFRESH = "mms_refresh"  # in the dialog about one message
