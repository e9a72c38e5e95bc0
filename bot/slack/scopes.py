"""What the app asks Slack for, each with its reason. The manifest and whoever checks a token read it here."""

from __future__ import annotations

# Slack, "Permission scopes". A test compares them with the calls that the bot makes.
BOT_SCOPES = {
    "commands": "the command and its dialog",
    "chat:write": "private answers",
    "usergroups:read": "user groups on the list of people who may send",
    "users:read": "who is deactivated, a bot, a guest or of another workspace",
}
APP_SCOPES = {"connections:write": "Socket Mode"}  # of the app-level token; a manifest can't ask for it
BOT_EVENTS = {"app_home_opened": "somebody looks at the Home tab; needs no scope"}
