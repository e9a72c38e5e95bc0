"""FakeSlack: a Slack workspace on a loopback port, strict where Slack is strict."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.slack import payloads
from sandbox.slack.actor import Actor, send_event
from sandbox.slack.control import Control
from sandbox.slack.delivery import FORM, Ack, Delivery
from sandbox.slack.faults import RESPONSE_URL, Fault, Faults
from sandbox.slack.modals import Modals
from sandbox.slack.people import APP_ID, BOT_ID, BOT_USER, TEAM_ID, People
from sandbox.slack.posting import Posting
from sandbox.slack.rates import RateLimits
from sandbox.slack.sockets import SocketMode
from sandbox.slack.state import Call, JsonObject, Refusal, SlackError, State
from sandbox.slack.web_api import RETRY_AFTER, Tokens, WebApi
from sandbox.slack.workspace import Workspace

BOT_TOKEN = "xoxb-0000-0000-sandbox"
APP_TOKEN = "xapp-1-A0MMSBOT-0000-sandbox"
SIGNING_SECRET = "sandbox-signing-secret"
MAX_BODY_BYTES = 2 * 1024 * 1024
SHUTDOWN_S = 0.2  # handlers that a fault keeps busy do not hold the stop up
_RESPONSE_URL_STATUS = {"expired_url": 404, "used_url": 404}


class FakeSlack:
    """One workspace with one app, the bot's.

    Args:
        clock: Unix seconds for everything that Slack dates and lets expire (triggers, response_urls, ts). The time
            stamp of a signed request is always the real time, because the bot compares it with its own clock.
    """

    team_id = TEAM_ID
    app_id = APP_ID
    bot_id = BOT_ID
    bot_user_id = BOT_USER

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        signing_secret: str = SIGNING_SECRET,
    ) -> None:
        self.bot_token = bot_token
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.state = State(clock)
        self.people = People()
        self.modals = Modals(self.state)
        self.posting = Posting(self.state, self.people)
        self.faults = Faults()
        self.clock_off_s = 0.0  # how far Slack's clock, as its answers tell it, is ahead of this machine's
        self.tells_scopes = True  # in the header of each answer
        self.rate_limits = RateLimits(clock)
        self.tokens = Tokens(bot_token, app_token)
        self.sockets = SocketMode(self.state)
        self.delivery = Delivery(self.sockets, signing_secret=signing_secret, wall_clock=time.time)
        self._workspace = Workspace(self.state, self.people, self.modals, self.posting, self.delivery)
        self._api = WebApi(
            self.state, self.people, self.modals, self.posting, self.tokens, self.rate_limits, self._socket_url
        )
        self.absences = 0  # times that it went away
        self._runner: web.AppRunner | None = None
        self._host = "127.0.0.1"
        self._port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self._host, self._port = host, port
        await self.come_back()

    async def stop(self) -> None:
        await self.go_away()
        await self.delivery.stop()

    async def go_away(self) -> None:
        """Stop listening and cut every connection; what happened so far is kept."""
        if self._runner is None:
            return
        self.absences += 1
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        self.sockets.drop()
        await runner.cleanup()

    async def come_back(self) -> None:
        """Listen again, on the same port as before."""
        if self._runner is not None:
            return
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._on_api),
                web.post("/response/{number}/{secret}", self._on_response_url),
                web.get("/link/", self.sockets.handle),
                *Control(self).routes(),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._port).start()
        self._port = runner.addresses[0][1]
        self._runner = runner
        self._workspace.origin = f"http://{self._host}:{self._port}"

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:PORT``"""
        return self._workspace.origin

    @property
    def api_base_url(self) -> str:
        return f"{self.origin}/api/"

    def http_settings(self) -> dict[str, str]:
        """The bot's environment for HTTP mode."""
        return {
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_BASE_URL": self.api_base_url,
        }

    def socket_settings(self) -> dict[str, str]:
        """The bot's environment for Socket Mode."""
        return {**self.http_settings(), "SLACK_APP_TOKEN": self.app_token}

    def deliver_by_http(self, events_url: str) -> None:
        """Send payloads to this address, until the bot asks for a socket."""
        self.delivery.events_url = events_url
        self.sockets.is_on = False

    def person(self, name_or_id: str) -> Actor:
        """Act as this person. Raises ``LookupError`` when there is none."""
        return Actor(self._workspace, self.people.person(name_or_id))

    @property
    def calls(self) -> list[Call]:
        """Every call of the bot, in order."""
        return self.state.calls

    @property
    def refusals(self) -> list[Refusal]:
        """Every real mistake of the bot's."""
        return self.state.refusals

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.state.calls if call.method == method]

    async def wait_for_call(
        self, method: str, predicate: Callable[[Call], bool] = lambda _: True, *, timeout_s: float = 5.0
    ) -> Call:
        """The first call of a method, past or to come. Raises ``NothingSeenError``."""
        return await self.state.changes.wait_for(
            lambda: next((call for call in self.calls_of(method) if predicate(call)), None),
            timeout_s=timeout_s,
            what=f"a call of {method}",
        )

    @property
    def scopes(self) -> set[str]:
        """What the bot token may do; a test may narrow it in place."""
        return self.tokens.scopes

    @property
    def messages_tab_enabled(self) -> bool:
        return self.posting.messages_tab_enabled

    @messages_tab_enabled.setter
    def messages_tab_enabled(self, enabled: bool) -> None:
        self.posting.messages_tab_enabled = enabled

    @property
    def home_tab_enabled(self) -> bool:
        return self.modals.home_tab_enabled

    @home_tab_enabled.setter
    def home_tab_enabled(self, enabled: bool) -> None:
        self.modals.home_tab_enabled = enabled

    @property
    def ack_timeout_s(self) -> float:
        """How long Slack waits for an ack, in real seconds."""
        return self.delivery.ack_timeout_s

    @ack_timeout_s.setter
    def ack_timeout_s(self, seconds: float) -> None:
        self.delivery.ack_timeout_s = seconds

    def revoke_bot_token(self) -> None:
        self.tokens.revoked.add(self.bot_token)

    def revoke_app_token(self) -> None:
        self.tokens.revoked.add(self.app_token)

    def repeat_next_delivery(self, times: int = 1) -> None:
        """The next payload goes to the bot ``times`` times more: the same envelope, or the same bytes."""
        self.delivery.repeat_next(times)

    async def send_event(self, inner: JsonObject, *, retry_num: int = 0, event_id: str | None = None) -> Ack:
        """Any event, also one that the bot does not know."""
        return await send_event(self._workspace, inner, retry_num=retry_num, event_id=event_id)

    async def send_interactive(self, payload: JsonObject) -> Ack:
        """Any interactive payload as it is, also of a kind that the bot does not know."""
        return await self.delivery.interactive(payload)

    async def verify_url(self, challenge: str = "sandbox-challenge") -> Ack:
        """What Slack does when the events address is saved; the ack's body must give the challenge back."""
        return await self.delivery.event(payloads.url_verification(challenge))

    def signed_headers(
        self,
        body: bytes,
        timestamp: int | str | None = None,
        secret: str | None = None,
        *,
        content_type: str = FORM,
    ) -> dict[str, str]:
        """Slack's headers for raw bytes: for requests that a test makes by hand."""
        return self.delivery.signed_headers(body, timestamp=timestamp, secret=secret, content_type=content_type)

    def command_body(
        self, person: str = "ann", command: str = "/mms", text: str = "", *, channel: str = "general", **fields: str
    ) -> bytes:
        """The raw form body of a command, not sent; ``fields`` replace those of the payload (``team_id="T0OTHER"``)."""
        actor, place = self.person(person), self.people.channel(channel)
        payload = actor.command_payload(command, text, place, escape=True)
        return payloads.command_form({**payload, **fields})

    async def post_raw(self, body: bytes, headers: Mapping[str, str]) -> Ack:
        """Raw bytes to the bot's events address."""
        return await self.delivery.post(body, headers)

    def _socket_url(self) -> str:
        return f"ws://{self._host}:{self._port}/link/?{self.sockets.new_ticket()}"

    async def _on_api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = self.faults.take(name)
        self.state.changes.notify()
        if fault is not None and not fault.after:
            await asyncio.sleep(fault.delay_s)
            if fault.drop or fault.answers:
                self._api.record(name, {}, fault.name)
                return _faulty(request, fault)
        token, arguments, problem = await _arguments(request)
        answer = self._api.refusal(name, {}, problem) if problem else self._api.call(name, token, arguments)
        if fault is not None and fault.after:
            await asyncio.sleep(fault.delay_s)
            if fault.drop or fault.answers:
                return _faulty(request, fault)
        headers = {"x-slack-req-id": self.state.next_id("req")}
        if self.clock_off_s:
            headers["Date"] = format_datetime(datetime.now(UTC) + timedelta(seconds=self.clock_off_s), usegmt=True)
        if self.tells_scopes and (answer["ok"] or answer["error"] == "missing_scope"):
            headers["x-oauth-scopes"] = ",".join(sorted(self.tokens.granted(token)))
        if (wait_s := answer.pop(RETRY_AFTER, None)) is not None:
            return web.json_response(answer, status=429, headers={**headers, "Retry-After": wait_s})
        return web.json_response(answer, headers=headers)

    async def _on_response_url(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take(RESPONSE_URL)
        if fault is not None and not fault.after:
            await asyncio.sleep(fault.delay_s)
            if fault.drop or fault.answers:
                self._api.record(RESPONSE_URL, {}, fault.name)
                return _faulty(request, fault)
        url = self.state.response_urls.get(f"{request.match_info['number']}/{request.match_info['secret']}")
        body: Any = None
        try:
            body = json.loads(await request.read())
            if url is None:
                raise SlackError("expired_url")
            self.posting.from_response_url(url, body)
            outcome = "ok"
        except SlackError as refused:
            outcome = refused.error
        except ValueError:
            self.state.refuse(RESPONSE_URL, "invalid JSON")
            outcome = "invalid_payload"
        self._api.record(RESPONSE_URL, body if isinstance(body, dict) else {}, outcome)
        if fault is not None and fault.after:
            await asyncio.sleep(fault.delay_s)
            if fault.drop or fault.answers:
                return _faulty(request, fault)
        if outcome == "ok":
            return web.json_response({"ok": True})
        return web.json_response({"ok": False, "error": outcome}, status=_RESPONSE_URL_STATUS.get(outcome, 400))


async def _arguments(request: web.Request) -> tuple[str | None, dict[str, Any], SlackError | None]:
    """Token and arguments, from the query, a form or JSON; or what is wrong with the request."""
    arguments: dict[str, Any] = dict(request.query)
    problem: SlackError | None = None
    if request.method not in ("GET", "POST"):
        problem = SlackError("invalid_post_type")
    elif request.content_type == "application/json":
        try:
            body = json.loads(await request.read())
            if isinstance(body, dict):
                arguments |= body
            else:
                problem = SlackError("json_not_object")
        except ValueError:
            problem = SlackError("invalid_json")
    elif request.content_type in (FORM, "multipart/form-data"):
        arguments |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    elif await request.read():
        problem = SlackError("invalid_form_data")
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    in_body = arguments.pop("token", None) if request.content_type != "application/json" else None
    token = bearer.strip() if scheme.lower() == "bearer" else in_body
    return token, arguments, problem


def _faulty(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.drop:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # never arrives
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.status == 429:
        return web.json_response({"ok": False, "error": fault.error or "ratelimited"}, status=429, headers=headers)
    if fault.error is not None:
        answer = {"ok": False, "error": fault.error}
        return web.json_response(answer, status=fault.status or 200, headers=headers)
    page = "<html><head><title>Server Error | Slack</title></head><body>Server Error</body></html>"
    return web.Response(status=fault.status or 500, text=page, content_type="text/html", headers=headers)
