"""Messages of the bot: by the Web API, a ``response_url`` or an ack, with Slack's rules about who may post where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.slack.block_kit import check_blocks
from sandbox.slack.people import APP_ID, BOT_ID, BOT_USER, TEAM_ID, Channel, People
from sandbox.slack.state import (
    RESPONSE_URL_LIFE_S,
    RESPONSE_URL_USES,
    JsonObject,
    Message,
    ResponseUrl,
    SlackError,
    State,
)

MAX_TEXT = 40_000  # chat.postMessage truncates beyond; the sandbox refuses, as chat.postEphemeral may
MAX_ATTACHMENTS = 100
# Source: docs.slack.dev, "Handling user interaction": message responses
RESPONSE_KEYS = frozenset(
    {
        "text",
        "blocks",
        "attachments",
        "response_type",
        "replace_original",
        "delete_original",
        "thread_ts",
        "mrkdwn",
        "parse",
        "link_names",
        "unfurl_links",
        "unfurl_media",
        "metadata",
    }
)
ACK_KEYS = RESPONSE_KEYS - {"replace_original", "delete_original", "thread_ts"}
RESPONSE_TYPES = ("ephemeral", "in_channel")


class Posting:
    """Takes messages and keeps them in the state."""

    def __init__(self, state: State, people: People) -> None:
        self._state = state
        self._people = people
        self.messages_tab_enabled = True

    def post_message(self, args: Mapping[str, Any]) -> JsonObject:
        text, blocks = self._content(args)
        channel = self._channel_for_bot(args["channel"])
        message = Message(
            ts=self._state.next_ts(),
            channel_id=channel.id,
            route="chat.postMessage",
            text=text,
            blocks=blocks,
            thread_ts=args.get("thread_ts"),
        )
        self._state.post(message)
        return {"channel": channel.id, "ts": message.ts, "message": message_payload(message)}

    def post_ephemeral(self, args: Mapping[str, Any]) -> JsonObject:
        text, blocks = self._content(args)
        channel = self._people.find_channel(args["channel"])
        user = self._people.find_person(args["user"])
        # In a private conversation without the bot Slack does not even admit that the channel exists.
        if channel is None or (BOT_USER not in channel.members and channel.kind != "public"):
            raise SlackError("channel_not_found")
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        if user is None or user.deleted or user.id not in channel.members:
            raise SlackError("user_not_in_channel")
        message = Message(
            ts=self._state.next_ts(),
            channel_id=channel.id,
            route="chat.postEphemeral",
            text=text,
            blocks=blocks,
            ephemeral_to=user.id,
            thread_ts=args.get("thread_ts"),
        )
        self._state.post(message)
        return {"message_ts": message.ts}

    def update(self, args: Mapping[str, Any]) -> JsonObject:
        """Source: docs.slack.dev, chat.update, which takes the ID of a conversation, never a user's."""
        text, blocks = self._content(args)
        channel = self._people.find_channel(args["channel"])
        if channel is None or channel.id != args["channel"]:
            raise SlackError("channel_not_found")
        old = self._state.find_message(args["ts"])
        # An ephemeral message's ts is of no use here.
        if old is None or old.channel_id != channel.id or old.ephemeral_to is not None:
            raise SlackError("message_not_found")
        if old.author is not None:
            raise SlackError("cant_update_message")
        if args.get("blocks") is None:
            blocks = old.blocks  # left out, they stay; an empty array takes them away
        new = replace(old, text=text, blocks=blocks, edits=old.edits + 1)
        self._state.replace_message(old, new)
        return {"channel": new.channel_id, "ts": new.ts, "text": text, "message": message_payload(new)}

    def open_dm(self, user_id: str) -> Channel:
        person = self._people.find_person(user_id)
        if person is None or person.id != user_id:
            raise SlackError("user_not_found")
        if person.deleted:
            raise SlackError("user_disabled")
        if person.is_bot:
            raise SlackError("cannot_dm_bot")
        return self._people.app_dm(user_id)

    def from_ack(self, body: object, *, user_id: str, channel_id: str) -> tuple[Message | None, list[str]]:
        """The message that a command's ack shows, and what is wrong with it (then nothing is shown)."""
        content: Mapping[str, Any] = {"text": body} if isinstance(body, str) else body if isinstance(body, dict) else {}
        problems = [] if isinstance(body, (str, dict)) else ["the body must be text or a JSON object"]
        problems += [f"unknown key: {key}" for key in sorted(set(content) - ACK_KEYS)]
        problems += self._response_problems(content)
        if problems:
            return None, problems
        return self._respond(content, "ack", user_id, channel_id), []

    def from_response_url(self, url: ResponseUrl, body: object) -> None:
        """One use of a ``response_url``.

        Raises:
            SlackError: expired_url, used_url, or what is wrong with the body (recorded as a refusal).
        """
        if self._state.clock() - url.made_at > RESPONSE_URL_LIFE_S:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            self._state.refuse("response_url", "used more than 5 times")
            raise SlackError("used_url")
        content: Mapping[str, Any] = body if isinstance(body, dict) else {}
        problems = [] if isinstance(body, dict) else ["the body must be a JSON object"]
        problems += [f"unknown key: {key}" for key in sorted(set(content) - RESPONSE_KEYS)]
        changes_original = bool(content.get("replace_original") or content.get("delete_original"))
        if changes_original and url.message_ts is None:
            problems.append("replace_original and delete_original are for messages of the app, not for a typed command")
        deletes = bool(content.get("delete_original"))
        if deletes and set(content) != {"delete_original"}:
            problems.append("delete_original stands alone in the body")
        if not deletes:
            problems += self._response_problems(content)
        if problems:
            self._state.refuse("response_url", "invalid body", *problems)
            raise SlackError("invalid_payload", tuple(problems))
        url.uses += 1
        original = self._state.find_message(url.message_ts) if url.message_ts and changes_original else None
        if original and deletes:
            self._state.replace_message(original, None)
        elif original:
            text, blocks = content.get("text") or "", tuple(content.get("blocks") or ())
            self._state.replace_message(original, replace(original, text=text, blocks=blocks, edits=original.edits + 1))
        elif not deletes:
            self._state.post(self._respond(content, "response_url", url.user_id, url.channel_id))

    def _respond(self, content: Mapping[str, Any], route: str, user_id: str, channel_id: str) -> Message:
        return Message(
            ts=self._state.next_ts(),
            channel_id=channel_id,
            route=route,
            text=content.get("text") or "",
            blocks=tuple(content.get("blocks") or ()),
            ephemeral_to=None if content.get("response_type") == "in_channel" else user_id,
            thread_ts=content.get("thread_ts"),
        )

    def _response_problems(self, content: Mapping[str, Any]) -> list[str]:
        problems = []
        if content.get("response_type", "ephemeral") not in RESPONSE_TYPES:
            problems.append(f"response_type must be one of {', '.join(RESPONSE_TYPES)}")
        for key in ("replace_original", "delete_original", "unfurl_links", "unfurl_media", "mrkdwn", "link_names"):
            if not isinstance(content.get(key, False), bool):
                problems.append(f"{key} must be true or false")
        try:
            self._content(content)
        except SlackError as refused:
            problems += [refused.error, *refused.messages]
        return problems

    def _content(self, args: Mapping[str, Any]) -> tuple[str, tuple[JsonObject, ...]]:
        """Text and blocks, checked. Raises ``SlackError``, such as no_text, msg_too_long or invalid_blocks."""
        text, blocks = args.get("text"), args.get("blocks")
        markdown, attachments = args.get("markdown_text"), args.get("attachments") or []
        if text is not None and not isinstance(text, str):
            raise SlackError("invalid_arguments", ("[ERROR] must be a string [json-pointer:/text]",))
        if blocks is not None and (problems := check_blocks(blocks)):
            raise SlackError("invalid_blocks", tuple(problems))
        if not isinstance(attachments, list) or len(attachments) > MAX_ATTACHMENTS:
            raise SlackError("too_many_attachments")
        if markdown is not None and (text is not None or blocks is not None):
            raise SlackError("markdown_text_conflict")
        shown = text or markdown or ""
        if not shown.strip() and not blocks and not attachments:
            raise SlackError("no_text")
        if len(shown) > MAX_TEXT:
            raise SlackError("msg_too_long")
        return shown, tuple(blocks or ())

    def _channel_for_bot(self, channel_id: str) -> Channel:
        """Where chat.postMessage posts: a user ID stands for the app's DM with that person."""
        if channel_id.startswith(("U", "W")):
            try:
                channel = self.open_dm(channel_id)
            except SlackError as refused:
                raise SlackError("channel_not_found") from refused
        else:
            found = self._people.find_channel(channel_id)
            if found is None or (BOT_USER not in found.members and found.kind != "public"):
                raise SlackError("channel_not_found")
            if BOT_USER not in found.members:
                raise SlackError("not_in_channel")
            channel = found
        if channel.kind == "im" and not self.messages_tab_enabled:
            raise SlackError("messages_tab_disabled")
        return channel


def message_payload(message: Message) -> JsonObject:
    """A message as answers and click payloads show it."""
    payload: JsonObject = {
        "user": message.author or BOT_USER,
        "type": "message",
        "ts": message.ts,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "text": message.text,
        "team": TEAM_ID,
        "blocks": list(message.blocks),
    }
    if message.thread_ts:
        payload["thread_ts"] = message.thread_ts
    return payload
