"""FakeSinch: the XMS API on a real loopback socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from urllib.parse import unquote

from aiohttp import web

from sandbox.sinch import control
from sandbox.sinch.batches import Batch
from sandbox.sinch.callbacks import Callbacks
from sandbox.sinch.connections import Door, reset
from sandbox.sinch.faults import Fault, FaultBoard, Reset
from sandbox.sinch.faulty import answer_with
from sandbox.sinch.operations.batches import BatchOperations
from sandbox.sinch.operations.calls import Ask, Operations
from sandbox.sinch.operations.groups import GroupOperations
from sandbox.sinch.operations.inbounds import InboundOperations
from sandbox.sinch.operations.reports import ReportOperations
from sandbox.sinch.phones import Phones
from sandbox.sinch.plan import SANDBOX_NUMBER, ServicePlan
from sandbox.sinch.readings import Readings
from sandbox.sinch.refusals import Answer, RefusedError, Shape, shaped
from sandbox.sinch.routes import Operation, route

SANDBOX_PLAN = "sandbox-plan"
SANDBOX_TOKEN = "sandbox-sinch-token"
MAX_BODY = 1024 * 1024  # ours; a group of 10 000 numbers takes 150 kB


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class RequestSeen:
    """One request that arrived. ``status`` is None while it has no answer, and for ever if it never gets one.

    ``operation`` is None for paths that are no operation. ``query`` and ``body`` are as they came. ``fault`` is the one
    that was used on it.
    """

    operation: Operation | None
    method: str
    path: str
    at: datetime
    query: str = ""
    status: int | None = None
    client_reference: str | None = None
    body_read: bool = False
    body: bytes = b""
    fault: Fault | None = None


class FakeSinch:
    """A strict fake of Sinch. Use as an async context manager, or ``start`` and ``stop``.

    Args:
        clock: the time, in UTC.
        readings: how the uncertain points of the documents are read.
        callback_url: the service plan's address for callbacks; a batch can have its own.
        webhook_secret: signs callbacks; None as for an account without signatures.
        plan_type: another kind of plan than the usual one.
    """

    def __init__(
        self,
        *,
        service_plan_id: str = SANDBOX_PLAN,
        api_token: str = SANDBOX_TOKEN,
        clock: Callable[[], datetime] = _utc_now,
        readings: Readings | None = None,
        callback_url: str | None = None,
        webhook_secret: str | None = None,
        plan_type: type[ServicePlan] = ServicePlan,
    ) -> None:
        self.service_plan_id = service_plan_id
        self.faults = FaultBoard()
        self.requests: list[RequestSeen] = []
        self.plan = plan_type(clock=clock, readings=readings, callback_url=callback_url)
        self.callbacks = Callbacks(self.plan, webhook_secret)
        self.plan.changed = self._plan_changed
        self.plan.on_start = self.callbacks.watch
        self.plan.on_inbound = self.callbacks.inbound
        self._operations: Operations = {
            **BatchOperations(self.plan, self.faults).all(),
            **ReportOperations(self.plan, self.faults).all(),
            **InboundOperations(self.plan, self.faults).all(),
            **GroupOperations(self.plan).all(),
        }
        self._api_token = api_token
        self._clock = clock
        self._door = Door()
        self._server: web.Server | None = None
        self._address = ("127.0.0.1", 0)
        self._leaving = asyncio.Event()
        self._changed = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self._address = (host, port)
        await self.come_back()

    async def stop(self) -> None:
        """Break what is open and give the port back. Phones, batches and requests stay readable."""
        await self.go_away()
        self._door.release()

    async def go_away(self) -> None:
        """Break what is open, refuse connections and send no callbacks, until ``come_back`` on the same port."""
        self._leaving.set()
        await self.callbacks.stop()
        if self._server is not None:
            await self._door.shut(self._server)
            self._server = None

    async def come_back(self) -> None:
        if self._server is None:
            self._leaving = asyncio.Event()
            host, port = self._address
            self._server = web.Server(self._handle, access_log=None)
            self._address = (host, await self._door.open(self._server, host, port))
            await self.callbacks.start()

    async def __aenter__(self) -> FakeSinch:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def batches(self) -> list[Batch]:
        """Every accepted batch, in order."""
        return self.plan.batches.all

    @property
    def phones(self) -> Phones:
        return self.plan.phones

    @property
    def readings(self) -> Readings:
        return self.plan.readings

    @readings.setter
    def readings(self, readings: Readings) -> None:
        self.plan.readings = readings

    def settings(self) -> dict[str, str]:
        """The environment that points the bot here."""
        secret = self.callbacks.secret
        return {
            "SINCH_SERVICE_PLAN_ID": self.service_plan_id,
            "SINCH_API_TOKEN": self._api_token,
            "SINCH_API_BASE_URL": self.base_url,
            "SINCH_NUMBER": SANDBOX_NUMBER,
            **({} if secret is None else {"SINCH_WEBHOOK_SECRET": secret}),
        }

    def seen(self, operation: Operation | str) -> list[RequestSeen]:
        """The requests of one operation."""
        return [one for one in self.requests if one.operation == operation]

    async def until(self, condition: Callable[[FakeSinch], bool], timeout_s: float = 5.0) -> None:
        """Wait until something about requests, batches, phones or callbacks is true, without polling.

        Raises:
            TimeoutError: it did not become true in time.
        """
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _plan_changed(self) -> None:
        self.callbacks.wake()
        self._tell()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.rel_url.raw_path.startswith(control.PREFIX):
            return _response(await control.handle(self, request))
        seen = RequestSeen(
            None, request.method, request.rel_url.raw_path, self._clock(), request.rel_url.raw_query_string
        )
        self.requests.append(seen)
        self._tell()
        try:
            answer = await self._operate(request, seen)
        except RefusedError as refused:
            answer = self._refusal(refused, seen.path)
        except web.HTTPRequestEntityTooLarge:
            answer = Answer(413)
        except ConnectionResetError:  # the caller died in the middle of its request
            answer = None
        if answer is None:
            self._tell()
            # The connection is gone already, so this can't be written; the server wants something all the same.
            return web.Response()
        seen.status = answer.status
        self._tell()
        return _response(answer)

    def _refusal(self, refused: RefusedError, path: str) -> Answer:
        if refused.code is None:
            return Answer(refused.status)
        shape = Shape(self.readings.refusal_body.value)
        return shaped(refused.status, shape, code=refused.code, text=refused.text, path=path, at=self._clock())

    async def _operate(self, request: web.BaseRequest, seen: RequestSeen) -> Answer | None:
        """The answer, or None when there is none and the connection was broken."""
        path = [unquote(part) for part in seen.path.split("/")[1:]]
        if path[:2] != ["xms", "v1"] or len(path) < 3:
            raise RefusedError(404)
        if request.headers.get("Authorization") != f"Bearer {self._api_token}":
            raise RefusedError(401)
        if path[2] != self.service_plan_id:
            raise RefusedError(self.readings.other_plan.value)
        operation, ids = route(request.method, path[3:])
        seen.operation = operation
        if self.faults.take_unread(operation):
            seen.fault = Reset(unread=True)
            reset(request)
            return None
        if len(set(request.query)) != len(list(request.query)):
            raise RefusedError(400, "syntax_invalid_parameter_format", "a query parameter is there twice")
        if request.method in ("POST", "PUT"):
            seen.body = await _read(request)
            seen.body_read = True
        # Checked before any fault, so that a fault never hides a caller's mistake.
        ask = Ask(operation, ids, request.query, request.headers.get("Content-Type"), seen.body)
        call = self._operations[operation](ask)
        seen.client_reference = call.client_reference
        seen.fault = self.faults.take(operation, call.about)
        return await answer_with(
            seen.fault, request, call.act, leaving=self._leaving, now=self._clock(), waits=self._tell
        )


async def _read(request: web.BaseRequest) -> bytes:
    size = request.content_length
    if size is not None and size > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=size)
    return await request.read()


def _response(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)
