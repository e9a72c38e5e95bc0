"""Hands verified payloads to Bolt, and Bolt's answers back; the same for HTTP and for Socket Mode.

Bolt gets a dict, never a request: its own HTTP path parses before it verifies, loses commands that contain the word
"payload", and looks for an ack only every 10 ms. With ``process_before_response`` a listener's return is the answer,
and what it wants done afterwards is a task of ours.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.causes import Catalogue
from bot.clock import Clock
from bot.slack import ids, messages, payloads
from bot.slack.doors import AccessCheck, Doors, Reply
from bot.slack.listeners import Rules, word_of
from bot.slack.replays import Replays
from bot.slack.shape import as_documented
from bot.tasks import Tasks
from bot.telemetry import Payload, Telemetry

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack gets back: HTTP status, content type and body; in Socket Mode the body is the ack's payload."""

    status: int
    body: str
    content_type: str = "application/json;charset=utf-8"


class Dispatcher:
    """One for the process; ``dispatch`` is called for every verified payload."""

    def __init__(
        self,
        *,
        doors: Doors,
        access: AccessCheck,
        rules: Rules,
        causes: Catalogue,
        clock: Clock,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.doors = doors
        self._causes = causes
        self._access = access
        self._clock = clock
        self._rules = rules
        self._replays = Replays(clock)
        self._after = Tasks()
        self._telemetry = telemetry or Telemetry()

        async def authorize() -> AuthorizeResult:
            """Who the bot is, without asking. Only for what knocks at no door of ours: those have their own check."""
            workspace = access.workspace
            return AuthorizeResult(
                enterprise_id=workspace.enterprise_id if workspace else None,
                team_id=workspace.team_id if workspace else None,
                bot_user_id=workspace.bot_user_id if workspace else None,
            )

        self.app = AsyncApp(
            logger=logging.getLogger("slack_bolt"),  # or Bolt makes loggers with a level of their own
            client=AsyncWebClient(),  # without a token: nothing that Bolt does on its own can reach Slack
            before_authorize=Doorway(self._enter),
            authorize=authorize,
            request_verification_enabled=False,  # done on the raw bytes before anything is parsed
            process_before_response=True,
        )
        self.app.error(self._failed)

    async def dispatch(self, body: Mapping[str, Any]) -> Answer:
        """Answer one payload. Never raises; what nobody listens to is answered with an empty 200."""
        started = time.perf_counter()
        answer = await self._answer_to(body)
        took_s = time.perf_counter() - started
        self._telemetry.acked(_counted_as(body), took_s)
        _log.debug("acked", type=_kind(body), ms=round(took_s * 1000, 1))
        return answer

    async def _answer_to(self, body: Mapping[str, Any]) -> Answer:
        known = as_documented(body)
        if known is None:
            _log.info("payload_unknown", type=_kind(body))
            return self._without_result(body)
        try:
            response = await self.app.async_dispatch(AsyncBoltRequest(body=known, mode="socket_mode"))
        except Exception as error:  # whatever Bolt makes of a payload: Slack must not get a 500 for it
            _log.error("dispatch_fault", type=_kind(body), error=type(error).__name__, exc_info=error)
            return self._without_result(body)
        if response.status != 200:
            _log.info("payload_unknown", type=_kind(body))
            return Answer(200, "")
        content_type = response.headers.get("content-type", [""])[0]
        return Answer(200, response.body, content_type) if response.body else Answer(200, "")

    async def drain(self, within_s: float) -> None:
        """Wait for what listeners still have to do after their acks."""
        await self._after.drain(within_s)

    # -- which door it is

    async def _enter(self, body: dict[str, Any]) -> BoltResponse | None:
        """The answer of the door that this payload knocks at; None if it is none of ours."""
        match body.get("type"):
            case "view_submission":
                reply = await self._on_submit(body)
            case "block_actions":
                reply = await self._on_click(body)
            case "event_callback":
                reply = await self._on_event(body)
            case None:
                reply = await self._on_command(body)
            case _:
                return None
        if reply is None:
            return None
        if reply.after is not None:
            self._after.start(reply.after())
        return BoltResponse(status=200, body="" if reply.ack is None else dict(reply.ack))

    async def _on_command(self, body: dict[str, Any]) -> Reply | None:
        if body.get("command") != self._rules.command:
            return None
        command = payloads.command(body, now=self._clock.now(), default_region=self._rules.default_region)
        if self._is_repeat(command.trigger_id, command.text):
            return Reply()
        door = self.doors.words[word_of(command)]
        return await self._access.enter(door, command, command.person)

    async def _on_submit(self, body: dict[str, Any]) -> Reply | None:
        door = self.doors.submits.get(str(body["view"].get("callback_id")))
        if door is None:
            return None
        submit = door.read(body)
        return await self._access.enter(door, submit, submit.person)

    async def _on_click(self, body: dict[str, Any]) -> Reply | None:
        click = payloads.click(body, now=self._clock.now())
        door = self.doors.clicks.get(click.action_id)
        if door is None:
            return None
        if self._is_repeat(click.trigger_id, click.value):
            return Reply()
        return await self._access.enter(door, click, click.person)

    async def _on_event(self, body: dict[str, Any]) -> Reply | None:
        door = self.doors.events.get(str(body["event"].get("type")))
        if door is None:
            return None
        opened = payloads.home_opened(body)
        if opened is None or self._is_repeat(opened.event_id, "event"):
            return Reply()
        return await self._access.enter(door, opened, opened.person)

    async def _failed(self, error: Exception, body: dict[str, Any]) -> BoltResponse:
        """A fault of ours before the ack: the person still reads a sentence, and Slack still gets a 200."""
        _log.error("listener_fault", type=_kind(body), error=type(error).__name__, exc_info=error)
        answer = self._without_result(body)
        return BoltResponse(status=200, body=answer.body, headers={"content-type": [answer.content_type]})

    def _without_result(self, body: Mapping[str, Any]) -> Answer:
        """What Slack hears when nothing could be made of a payload.

        An empty 200 would close a dialog as if it had been taken, and leave a command without a word.
        """
        if body.get("type") == "view_submission":
            view = body.get("view")
            compose = isinstance(view, Mapping) and view.get("callback_id") == ids.COMPOSE
            said = self._causes.own("internal-dialog" if compose else "internal")
            return Answer(200, json.dumps({"response_action": "errors", "errors": {_first_input(body): said}}))
        if body.get("command"):
            message = messages.own("internal", causes=self._causes)
            return Answer(200, json.dumps({"response_type": "ephemeral", **message}))
        return Answer(200, "")

    # -- replay

    def _is_repeat(self, trigger_id: str, what: str) -> bool:
        """True if this very payload was here before: a captured request that is played again changes nothing.

        A submit needs no such memory: its view ID makes it one row for ever.
        """
        return bool(trigger_id) and self._replays.is_repeat(trigger_id, what)


class Doorway(AsyncMiddleware):
    """The first of Bolt's middleware that decides: what knocks at a door is answered, and Bolt looks no further.

    A listener for each door would be asked in turn whether the payload is for it, with all that a listener can be given
    made anew for each: that is most of what Bolt costs.
    """

    def __init__(self, enter: Callable[[dict[str, Any]], Awaitable[BoltResponse | None]]) -> None:
        self._enter = enter

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  Bolt's name
    ) -> BoltResponse | None:
        return await self._enter(req.body) or await next()


def _counted_as(body: Mapping[str, Any]) -> Payload:
    match body.get("type"):
        case "view_submission":
            return Payload.SUBMIT
        case "block_actions":
            return Payload.CLICK
        case None if body.get("command"):
            return Payload.COMMAND
        case _:
            return Payload.OTHER


def _kind(body: Mapping[str, Any]) -> str:
    """What sort of payload it is, in words that Slack defines; nothing that a person typed."""
    kind = body.get("type")
    if kind == "event_callback":
        event = body.get("event")
        inner = event.get("type") if isinstance(event, Mapping) else None
        return f"event {inner}"[:60]
    return "command" if body.get("command") else str(kind)[:60]


def _first_input(body: Mapping[str, Any]) -> str:
    """The block_id under which an error of the whole dialog can stand."""
    view = body.get("view")
    blocks = view.get("blocks") if isinstance(view, Mapping) else None
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, Mapping) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            return str(block["block_id"])
    return ids.TO
