"""The composition root: builds every object once, starts and stops them in order. Only the command line imports it."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import structlog

import sinch
from bot import foresight
from bot.access import Known, Policy, Role, admins_by_id, everybody_with, is_group
from bot.callbacks import CallbackAddress, SinchCallbacks
from bot.causes import Catalogue, Kind
from bot.clock import SharedClock, SystemClock
from bot.compose import Fields, check
from bot.delivery.poller import Poller
from bot.delivery.worker import Worker
from bot.delivery.xms import XmsSender
from bot.delivery.xms_callbacks import XmsCallbacks
from bot.housekeeping import Housekeeper
from bot.identity import SlackWatch, TokenRefusedError, find_out
from bot.metrics import Metrics
from bot.serving import CannotStartError, listen, server
from bot.settings import Settings, is_loopback
from bot.slack.access.notices import AccessNotifier
from bot.slack.access.watch import AccessWatch
from bot.slack.delivery_news import DeliveryNotifier
from bot.slack.directory import Directory
from bot.slack.dispatch import Dispatcher
from bot.slack.doors import AccessCheck
from bot.slack.every_door import Hooks, every_door
from bot.slack.gateway import TOKEN_REFUSED, SlackError, SlackGateway, open_gateway
from bot.slack.home.screens import HomeScreens
from bot.slack.listeners import Rules
from bot.slack.notify import Notifier
from bot.slack.pace import Pace
from bot.slack.socket_mode import SocketMode
from bot.store import Store, StoreUnavailableError
from bot.web import SlackEvents, web_app

# SIGTERM: out within 15 s, whatever is locked or away. Requests end first (`bot.serving`), then the sends under way,
# then the answers about them, then the store (`bot.store.writer.CLOSE_WITHIN_S`).
SENDS_END_WITHIN_S = 8.0
LAST_ROWS_WITHIN_S = 1.5
ANSWERS_END_WITHIN_S = 1.5
AFTER_ACKS_END_WITHIN_S = 1.0

PING_LIMIT_S = 3.0
PING_EVERY_S = 1.0  # anybody may ask /readyz, as often as they like; the database is asked this often
WHO_IS_LIMIT_S = 2.0  # a request is told to the admins all the same
MAX_SINCH_CALLS = 600  # sends and look-ups together; with Slack's requests below the usual 1024 open files

_log = structlog.get_logger(__name__)


class Bot:
    """One running process of the bot."""

    def __init__(self, settings: Settings, *, store: Store, slack: SlackGateway, xms: sinch.Sinch) -> None:
        clock = SharedClock(store.now)
        causes = Catalogue.load(on_new=_new_code)
        owner = uuid4().hex
        self._metrics = metrics = Metrics(
            store=store,
            clock=clock,
            codes=causes.keys,
            version=_version(),
            mode="socket" if settings.socket_mode else "http",
            database="sqlite" if settings.database_url.reveal().startswith("sqlite") else "postgresql",
            sinch_in_flight=lambda: xms.in_flight,
            sinch_limit=MAX_SINCH_CALLS,
        )
        self._settings = settings
        self._store = store
        self._slack = slack
        self._clock = clock
        self._directory = Directory(
            slack=slack,
            listed=lambda: self._access.policy,
            workspace=lambda: self._access.workspace,
            clock=clock,
            on_group_lost=self._group_lost,
            on_group_found=store.access.group_found,
        )
        self._access = AccessCheck(
            Policy(senders=settings.allowed, admins=settings.admins),
            known=self._directory.known,
            look_up=lambda user_id: self._directory.look_up([user_id]),
            on_change=self._list_changed,
            look=lambda: self._access_watch.look_now(),
            telemetry=metrics,
        )
        self._access_watch = AccessWatch(store.access, take=self._access.take, clock=clock)
        self._notices = AccessNotifier(
            store=store.access,
            slack=slack,
            who_is=self._who_is,
            admins=self._admins,
            command=settings.command,
            clock=clock,
            owner=owner,
        )
        self._screens = HomeScreens(
            reports=store.reports,
            slack=slack,
            access=self._access,
            admins=self._admins,
            causes=causes,
            command=settings.command,
            clock=clock,
        )
        self._notifier = Notifier(store=store, slack=slack, causes=causes, clock=clock, owner=owner, telemetry=metrics)
        self._delivery_news = DeliveryNotifier(store=store, slack=slack, causes=causes, clock=clock, owner=owner)
        address = CallbackAddress(store.reports, public_url=settings.public_url)
        sender = XmsSender(xms, number=settings.sinch_number, causes=causes, callback_url=address.url)
        self._worker = Worker(
            store=store,
            sender=sender,
            clock=clock,
            owner=owner,
            give_up_after_s=settings.give_up_after_s,
            on_answer=self._notifier.wake,
            on_change=self._screens.changed,
            telemetry=metrics,
        )
        self._poller = Poller(
            store=store,
            sender=sender,
            clock=clock,
            owner=owner,
            callbacks=settings.public_url is not None,
            sends=lambda: self._worker.in_flight,
            on_news=self._on_news,
        )
        rules = Rules(settings.command, settings.default_region, settings.mms_countries)
        doors = every_door(
            store=store,
            sender=sender,
            slack=slack,
            access=self._access,
            directory=self._directory,
            screens=self._screens,
            rules=rules,
            causes=causes,
            clock=clock,
            hooks=Hooks(
                queued=self._queued,
                changed=self._screens.changed,
                answer=self._notifier.wake,
                news=self._delivery_news.wake,
                notice=self._notices.wake,
            ),
        )
        self._dispatcher = Dispatcher(
            doors=doors, access=self._access, rules=rules, causes=causes, clock=clock, telemetry=metrics
        )
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
            events = SlackEvents(
                secret=settings.slack_signing_secret,
                dispatch=self._dispatcher.dispatch,
                clock=clock,
                telemetry=metrics,
            )
        callbacks = SinchCallbacks(
            address=address,
            read=XmsCallbacks(settings.sinch_webhook_secret),
            reports=store.reports,
            clock=clock,
            on_news=self._on_news,
            telemetry=metrics,
        )
        self._server = server(
            web_app(events=events, callbacks=callbacks.handle, readiness=self._readiness, metrics=metrics.page)
        )
        self._watch = SlackWatch(slack.identify, clock=clock)
        self._housekeeper = Housekeeper(store, retention_days=settings.retention_days, clock=clock)
        self._pinged: tuple[float, bool] | None = None

    def _queued(self, user_id: str) -> None:
        self._worker.wake()
        self._screens.changed(user_id)

    def _list_changed(self) -> None:
        self._directory.wake()
        self._screens.changed()

    def _on_news(self) -> None:
        """Something became of a message: that it was accepted may be news, too."""
        self._notifier.wake()
        self._delivery_news.wake()
        self._screens.changed()

    async def _who_is(self, user_id: str) -> Known:
        await self._directory.learn([user_id], within_s=WHO_IS_LIMIT_S)
        return self._directory.known()

    def _admins(self) -> tuple[str, ...]:
        return everybody_with(self._access.policy, self._directory.known(), Role.ADMIN)

    def _has_admin(self) -> bool:
        """Somebody listed by ID who counts, or a group: who is in it may not be known yet."""
        policy = self._access.policy
        return bool(admins_by_id(policy, self._directory.known()) or any(map(is_group, policy.admins)))

    async def _group_lost(self, group_id: str) -> bool:
        """False if there is nobody who could be told."""
        admins = self._admins()
        await self._store.access.group_lost(group_id, admins=admins, now=self._clock.now())
        self._notices.wake()
        return bool(admins)

    async def run(self, listening: socket.socket) -> None:
        """Serve on ``listening`` until SIGTERM or SIGINT.

        Raises:
            TokenRefusedError: Slack refuses a token.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        _warm_up(self._settings)
        _settle_down()
        await self._access_watch.look()
        _warn(foresight.at_start(self._settings, self._access.policy))
        self._worker.start()
        self._poller.start()
        self._notifier.start()
        self._delivery_news.start()
        self._notices.start()
        beside = [
            asyncio.create_task(self._access_watch.run(), name="access"),
            asyncio.create_task(self._screens.run(), name="home"),
            asyncio.create_task(self._housekeeper.run(), name="housekeeping"),
            asyncio.create_task(self._metrics.watch_lag(), name="loop-lag"),
        ]
        http = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        slack = asyncio.create_task(self._connect(), name="slack")
        told_to = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({http, slack, told_to}, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            told_to.cancel()
            for task in beside:
                task.cancel()
            await self._stop(http, slack)

    async def _connect(self) -> None:
        """Everything that Slack has to be asked for, kept up until cancelled."""
        try:
            standing = await find_out(self._slack.standing, clock=self._clock)
        except TokenRefusedError as refused:
            raise TokenRefusedError(*refused.args, *await self._app_token_faults()) from refused
        self._access.workspace = standing.workspace
        _warn(foresight.by_slack(standing, SystemClock().now()))
        kept_up = [
            asyncio.create_task(self._directory.keep_fresh()),
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
        await self._poller.stop()
        sends = asyncio.create_task(self._worker.stop(within_s=SENDS_END_WITHIN_S))
        await asyncio.wait([http, slack])
        await self._dispatcher.drain(AFTER_ACKS_END_WITHIN_S)
        await asyncio.wait([sends], timeout=SENDS_END_WITHIN_S + LAST_ROWS_WITHIN_S)
        answers = [
            asyncio.create_task(outbox.stop(within_s=ANSWERS_END_WITHIN_S))
            for outbox in (self._notifier, self._delivery_news, self._notices)
        ]
        await asyncio.wait(answers, timeout=ANSWERS_END_WITHIN_S + LAST_ROWS_WITHIN_S)
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
        slack = self._access.workspace is not None and self._directory.tried and self._watch.usable
        if self._socket is not None:
            slack = slack and self._socket.connected
        state: dict[str, Any] = {"ready": database and slack, "database": database, "slack": slack}
        if not self._has_admin():
            state["admin"] = foresight.NO_ADMIN
        return state


def _version() -> str:
    try:
        return version("mms-bot")
    except PackageNotFoundError:  # run from a folder that nobody installed
        return "unknown"


def _warn(warnings: Iterable[foresight.Told]) -> None:
    for event, what_to_do in warnings:
        _log.warning(event, what_to_do=what_to_do)


def _new_code(kind: Kind, code: str) -> None:
    """A vendor used a code that the catalogue does not know; told once for each."""
    _log.warning("new_code", kind=kind, code=code)


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


def _settle_down() -> None:
    """What stays for good is not looked at again by the garbage collector: going through it takes 80 ms."""
    gc.collect()
    gc.freeze()


def _sinch(settings: Settings) -> sinch.Sinch:
    try:
        return sinch.Sinch(
            service_plan_id=settings.sinch_service_plan_id,
            api_token=settings.sinch_api_token.reveal(),
            base_url=settings.sinch_api_base_url,
            retry=sinch.NoRetry(),  # the worker decides, and its decision is a row
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
            open_gateway(
                bot_token=settings.slack_bot_token, base_url=settings.slack_api_base_url, pace=Pace(SystemClock())
            ) as slack,
            _sinch(settings) as xms,
        ):
            await Bot(settings, store=store, slack=slack, xms=xms).run(listen(settings))
    finally:
        await store.close()
