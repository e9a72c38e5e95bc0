"""Which Web API methods the sandbox serves, with their arguments, scopes and kind of token. A table, no code.

Source: docs.slack.dev, reference/methods, first half of 2026, and slack_sdk's signatures. Scope None: any token.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYWHERE = frozenset({"team_id"})  # Slack's SDK, as Bolt makes it, adds it to each call; harmless where unused


@dataclass(frozen=True, slots=True)
class Method:
    """``required`` and ``optional`` are argument names; ``kind`` of token: ``bot`` or ``app``."""

    scope: str | None
    required: frozenset[str]
    optional: frozenset[str]
    kind: str = "bot"

    @property
    def known(self) -> frozenset[str]:
        return self.required | self.optional | EVERYWHERE


def _method(scope: str | None, required: str = "", optional: str = "", *, kind: str = "bot") -> Method:
    return Method(scope, frozenset(required.split()), frozenset(optional.split()), kind)


METHODS: dict[str, Method] = {
    "auth.test": _method(None),
    "apps.connections.open": _method("connections:write", kind="app"),
    "views.open": _method(None, "view", "trigger_id interactivity_pointer"),
    "views.push": _method(None, "view", "trigger_id interactivity_pointer"),
    "views.update": _method(None, "view", "view_id external_id hash"),
    "views.publish": _method(None, "view user_id", "hash"),
    "chat.postMessage": _method(
        "chat:write",
        "channel",
        "text blocks attachments markdown_text as_user icon_emoji icon_url link_names metadata mrkdwn parse "
        "reply_broadcast thread_ts unfurl_links unfurl_media username",
    ),
    "chat.postEphemeral": _method(
        "chat:write",
        "channel user",
        "text blocks attachments markdown_text as_user icon_emoji icon_url link_names parse thread_ts username",
    ),
    "chat.update": _method(
        "chat:write",
        "channel ts",
        "text blocks attachments markdown_text as_user file_ids link_names metadata parse reply_broadcast",
    ),
    "conversations.open": _method("im:write", "", "channel users return_im prevent_creation"),
    "users.info": _method("users:read", "user", "include_locale"),
    "usergroups.list": _method("usergroups:read", "", "include_count include_disabled include_users team_id"),
    "usergroups.users.list": _method("usergroups:read", "usergroup", "include_disabled team_id"),
}

JSON_ARGUMENTS = frozenset({"view", "blocks", "attachments", "metadata"})  # JSON in a string when sent as a form

# Errors that only a mistake in the program can bring about, at whatever time; all others may happen to anybody.
MISTAKES = frozenset(
    {
        "unknown_method",
        "invalid_arguments",
        "invalid_blocks",
        "invalid_json",
        "json_not_object",
        "invalid_form_data",
        "view_too_large",
        "no_text",
        "msg_too_long",
        "too_many_attachments",
        "markdown_text_conflict",
        "duplicate_external_id",
        "not_allowed_token_type",
        "push_limit_reached",
    }
)
