"""The composition root: builds every object once, starts and stops them in order. Only the command line imports it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
import uvicorn

import sinch
from bot.access import Policy
from bot.causes import Catalogue
from bot.clock import SystemClock
from bot.compose import Fields, check
from bot.delivery.worker import Worker
from bot.delivery.xms import XmsSender
from bot.identity import SlackWatch, TokenRefusedError, find_out
from bot.settings import Settings, is_loopback
from bot.slack.dispatch import Dispatcher
from bot.slack.doors import AccessCheck
from bot.slack.gateway import TOKEN_REFUSED, SlackError, SlackGateway, open_gateway
from bot.slack.groups import Groups
from bot.slack.listeners import Listeners, Rules
from bot.slack.notify import Notifier
from bot.slack.socket_mode import SocketMode
from bot.store import Store, StoreUnavailableError
from bot.web import SlackEvents, web_app

# SIGTERM: out within 15 s, whatever is locked or away. Requests end first, then the sends under way, then the answers
# about them, then the store (`bot.store.writer.CLOSE_WITHIN_S`).
REQUESTS_END_WITHIN_S = 2
SENDS_END_WITHIN_S = 8.0
LAST_ROWS_WITHIN_S = 1.5
ANSWERS_END_WITHIN_S = 1.5
AFTER_ACKS_END_WITHIN_S = 1.0

PING_LIMIT_S = 3.0
PING_EVERY_S = 1.0  # anybody may ask /readyz, as often as they like; the database is asked this often
MAX_SINCH_CALLS = 400  # sends and look-ups together
_BACKLOG = 2048

NO_ADMIN = "No admin is named. Put user IDs into SLACK_ADMIN_USERS; `whoami` after the command tells people theirs."

_log = structlog.get_logger(__name__)


class Bot:
    """One running process of the bot."""

    def __init__(self, settings: Settings, *, store: Store, slack: SlackGateway, xms: sinch.Sinch) -> None:
        clock = SystemClock()
        causes = Catalogue.load()
        owner = uuid4().hex
        self._settings = settings
        self._store = store
        self._slack = slack
        self._clock = clock
        policy = Policy(allowed=settings.allowed, admins=settings.admins)
        self._groups = Groups(policy.groups, read=slack.group_members, clock=clock)
        self._access = AccessCheck(policy, members=self._groups.members)
        self._notifier = Notifier(store=store, slack=slack, causes=causes, clock=clock, owner=owner)
        self._worker = Worker(
            store=store,
            sender=XmsSender(xms, number=settings.sinch_number, causes=causes),
            clock=clock,
            owner=owner,
            give_up_after_s=settings.give_up_after_s,
            on_answer=self._notifier.wake,
        )
        rules = Rules(settings.command, settings.default_region, settings.mms_countries)
        listeners = Listeners(
            store=store,
            slack=slack,
            access=self._access,
            rules=rules,
            causes=causes,
            clock=clock,
            on_queued=self._worker.wake,
        )
        self._dispatcher = Dispatcher(listeners=listeners, access=self._access, rules=rules, clock=clock)
        self._socket: SocketMode | None = None
        events: SlackEvents | None = None
        if settings.slack_app_token is not None:
            self._socket = SocketMode(
                slack=slack,
                app_token=settings.slack_app_token,
                dispatch=self._dispatcher.dispatch,
                clock=clock,
            )
        elif settings.slack_signing_secret is not None:
            events = SlackEvents(secret=settings.slack_signing_secret, dispatch=self._dispatcher.dispatch, clock=clock)
        self._server = _Server(
            uvicorn.Config(
                web_app(events=events, readiness=self._readiness),
                access_log=False,  # half of the throughput, and it would log addresses
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=REQUESTS_END_WITHIN_S,
            )
        )
        self._watch = SlackWatch(slack.identify, clock=clock)
        self._pinged: tuple[float, bool] | None = None

    async def run(self, listening: socket.socket) -> None:
        """Serve on ``listening`` until SIGTERM or SIGINT.

        Raises:
            TokenRefusedError: Slack refuses a token.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if not self._settings.admins:
            _log.warning("no_admin", what_to_do=NO_ADMIN)
        _warm_up(self._settings)
        self._worker.start()
        self._notifier.start()
        http = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        slack = asyncio.create_task(self._connect(), name="slack")
        told_to = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({http, slack, told_to}, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            told_to.cancel()
            await self._stop(http, slack)

    async def _connect(self) -> None:
        """Everything that Slack has to be asked for, kept up until cancelled."""
        try:
            self._access.workspace = await find_out(self._slack.identify, clock=self._clock)
        except TokenRefusedError as refused:
            raise TokenRefusedError(*refused.args, *await self._app_token_faults()) from refused
        kept_up = [
            asyncio.create_task(self._groups.keep_fresh()),
            asyncio.create_task(self._watch.run()),
        ]
        if self._socket is not None:
            kept_up.append(asyncio.create_task(self._keep_socket(self._socket)))
        try:
            done, _ = await asyncio.wait(kept_up, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in kept_up:
                task.cancel()
            await asyncio.wait(kept_up)

    async def _app_token_faults(self) -> list[str]:
        """What is wrong with the app token, so that both tokens are told at once."""
        if self._settings.slack_app_token is None:
            return []
        try:
            await self._slack.socket_url(self._settings.slack_app_token)
        except SlackError as error:
            return [_app_token_refused(error)] if error.error in TOKEN_REFUSED else []
        return []

    @staticmethod
    async def _keep_socket(socket: SocketMode) -> None:
        try:
            await socket.run()
        except SlackError as error:
            raise TokenRefusedError(_app_token_refused(error)) from error

    async def _stop(self, http: asyncio.Task[None], slack: asyncio.Task[None]) -> None:
        _log.info("stopping", in_flight=self._worker.in_flight)
        self._server.should_exit = True
        slack.cancel()
        sends = asyncio.create_task(self._worker.stop(within_s=SENDS_END_WITHIN_S))
        await asyncio.wait([http, slack])
        await self._dispatcher.drain(AFTER_ACKS_END_WITHIN_S)
        await asyncio.wait([sends], timeout=SENDS_END_WITHIN_S + LAST_ROWS_WITHIN_S)
        answers = asyncio.create_task(self._notifier.stop(within_s=ANSWERS_END_WITHIN_S))
        await asyncio.wait([answers], timeout=ANSWERS_END_WITHIN_S + LAST_ROWS_WITHIN_S)
        _log.info("stopped")

    async def _database_usable(self) -> bool:
        now = self._clock.monotonic()
        if self._pinged is None or now - self._pinged[0] >= PING_EVERY_S:
            try:
                async with asyncio.timeout(PING_LIMIT_S):
                    await self._store.ping()
                self._pinged = now, True
            except (StoreUnavailableError, TimeoutError):
                self._pinged = now, False
        return self._pinged[1]

    async def _readiness(self) -> Mapping[str, Any]:
        """What ``/readyz`` says; no names, numbers or texts in it."""
        database = await self._database_usable()
        slack = self._access.workspace is not None and self._groups.tried and self._watch.usable
        if self._socket is not None:
            slack = slack and self._socket.connected
        state: dict[str, Any] = {"ready": database and slack, "database": database, "slack": slack}
        if not self._settings.admins:
            state["admin"] = NO_ADMIN
        return state


def _app_token_refused(error: SlackError) -> str:
    return (
        f"SLACK_APP_TOKEN: Slack refuses it ({error.error}). Make an app-level token with the scope connections:write "
        "on your app's Basic Information page, and switch Socket Mode on."
    )


def _warm_up(settings: Settings) -> None:
    """Read a form once: phonenumbers loads its tables at first use, and the first person should not wait for that."""
    check(
        Fields(to="+12015550123", message="warm-up"),
        default_region=settings.default_region,
        mms_countries=settings.mms_countries,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: one place decides when the process ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class CannotStartError(Exception):
    """Something of this machine is in the way; the text names the setting and what to do."""


def _listen(settings: Settings) -> socket.socket:
    try:
        listening = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise CannotStartError(
            f"HOST, PORT: cannot listen on {settings.host}, port {settings.port} ({error.strerror or error}). "
            "Is another program there? Name another port with PORT or --port."
        ) from error
    host, port = listening.getsockname()[:2]
    _log.info("listening", host=host, port=port, mode="socket" if settings.socket_mode else "http")
    return listening


def _sinch(settings: Settings) -> sinch.Sinch:
    try:
        return sinch.Sinch(
            service_plan_id=settings.sinch_service_plan_id,
            api_token=settings.sinch_api_token.reveal(),
            base_url=settings.sinch_api_base_url,
            max_in_flight=MAX_SINCH_CALLS,
            # A proxy that the shell names is for the internet, never for this machine itself.
            trust_env=not is_loopback(urlsplit(settings.sinch_api_base_url).hostname or ""),
        )
    except OSError as error:
        raise CannotStartError(
            f"SSL_CERT_FILE, SSL_CERT_DIR: the certificates can't be read ({error.strerror or error})."
        ) from error


async def run(settings: Settings, store: Store) -> None:
    """Run the bot until it is told to stop. Closes the store.

    Raises:
        CannotStartError: the address can't be listened on, or the certificates can't be read.
        TokenRefusedError: Slack refuses a token.
    """
    try:
        async with (
            open_gateway(bot_token=settings.slack_bot_token, base_url=settings.slack_api_base_url) as slack,
            _sinch(settings) as xms,
        ):
            await Bot(settings, store=store, slack=slack, xms=xms).run(_listen(settings))
    finally:
        await store.close()
