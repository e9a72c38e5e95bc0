"""FakeSinch: the XMS batches API on a real loopback socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from urllib.parse import unquote

from aiohttp import web

from sandbox.sinch import control
from sandbox.sinch.batches import Batch, BatchBook
from sandbox.sinch.connections import Door, reset, send_cut
from sandbox.sinch.faults import CutAnswer, Fault, FaultBoard, OddAnswer, OddBody, Operation, Reset, Slow, Stall, Status
from sandbox.sinch.listing import one_page, read_list_query
from sandbox.sinch.phones import Phones
from sandbox.sinch.refusals import JSON_TYPE, Answer, RefusedError, json_answer, shaped
from sandbox.sinch.rules import BatchRequest, read_batch

SANDBOX_PLAN = "sandbox-plan"
SANDBOX_TOKEN = "sandbox-sinch-token"
SANDBOX_NUMBER = "+12015550100"  # 555-01xx: kept free for fiction
MAX_BODY = 1024 * 1024  # ours; 1000 recipients with a text take 20 kB


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class RequestSeen:
    """One request that arrived. ``status`` is None while it has no answer, and for ever if it never gets one.

    ``operation`` is None for paths that are no operation. ``fault`` is the one that was used on it.
    """

    operation: Operation | None
    method: str
    path: str
    at: datetime
    status: int | None = None
    client_reference: str | None = None
    body_read: bool = False
    fault: Fault | None = None


class FakeSinch:
    """A strict fake of Sinch. Use as an async context manager, or ``start`` and ``stop``."""

    def __init__(
        self,
        *,
        service_plan_id: str = SANDBOX_PLAN,
        api_token: str = SANDBOX_TOKEN,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.service_plan_id = service_plan_id
        self.phones = Phones(clock)
        self.faults = FaultBoard()
        self.requests: list[RequestSeen] = []
        self._api_token = api_token
        self._clock = clock
        self._book = BatchBook()
        self._asked: dict[str, BatchRequest] = {}  # by client_reference, accepted or not: what a look-up is about
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
        """Break what is open and refuse connections, until ``come_back`` on the same port."""
        self._leaving.set()
        if self._server is not None:
            await self._door.shut(self._server)
            self._server = None

    async def come_back(self) -> None:
        if self._server is None:
            self._leaving = asyncio.Event()
            host, port = self._address
            self._server = web.Server(self._handle, access_log=None)
            self._address = (host, await self._door.open(self._server, host, port))

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
        return self._book.all

    def settings(self) -> dict[str, str]:
        """The environment that points the bot here."""
        return {
            "SINCH_SERVICE_PLAN_ID": self.service_plan_id,
            "SINCH_API_TOKEN": self._api_token,
            "SINCH_API_BASE_URL": self.base_url,
            "SINCH_NUMBER": SANDBOX_NUMBER,
        }

    def seen(self, operation: Operation | str) -> list[RequestSeen]:
        """The requests of one operation."""
        return [one for one in self.requests if one.operation == operation]

    async def until(self, condition: Callable[[FakeSinch], bool], timeout_s: float = 5.0) -> None:
        """Wait until something about requests, batches or phones is true, without polling.

        Raises:
            TimeoutError: it did not become true in time.
        """
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.rel_url.raw_path.startswith(control.PREFIX):
            return _response(await control.handle(self, request))
        seen = RequestSeen(None, request.method, request.rel_url.raw_path, self._clock())
        self.requests.append(seen)
        self._tell()
        try:
            answer = await self._operate(request, seen)
        except RefusedError as refused:
            answer = refused.answer()
        except web.HTTPRequestEntityTooLarge:
            answer = Answer(413)
        if answer is None:
            self._tell()
            # The connection is gone already, so this can't be written; the server wants something all the same.
            return web.Response()
        seen.status = answer.status
        self._tell()
        return _response(answer)

    async def _operate(self, request: web.BaseRequest, seen: RequestSeen) -> Answer | None:
        """The answer, or None when there is none and the connection was broken."""
        path = [unquote(part) for part in seen.path.split("/")[1:]]
        if path[:2] != ["xms", "v1"] or len(path) < 3:
            raise RefusedError(404)
        if path[2] != self.service_plan_id or request.headers.get("Authorization") != f"Bearer {self._api_token}":
            raise RefusedError(401)
        match path[3:], request.method:
            case ["batches"], "POST":
                return await self._send(request, seen)
            case ["batches"], "GET":
                return await self._list(request, seen)
            case ["batches", batch_id], "GET" if batch_id not in ("", "dry_run"):
                return await self._get(request, seen, batch_id)
            case (["batches", "dry_run"], "POST") | (["batches", _], "POST" | "PUT" | "DELETE"):
                raise RefusedError(501, "sandbox_not_built", "The sandbox does not have this operation yet.")
            case ((["batches"] | ["batches", _]), _):
                raise RefusedError(405)
        raise RefusedError(404)

    async def _send(self, request: web.BaseRequest, seen: RequestSeen) -> Answer | None:
        seen.operation = Operation.SEND
        if self.faults.take_unread(Operation.SEND):
            self._reset_unread(request, seen)
            return None
        raw = await _read(request)
        seen.body_read = True
        # Checked before any fault, so that a fault never hides a caller's mistake.
        asked = read_batch(request.headers.get("Content-Type"), raw, self._clock())
        seen.client_reference = asked.client_reference
        if asked.client_reference is not None:
            self._asked[asked.client_reference] = asked
        return await self._faulty(request, seen, asked, lambda: self._accept(asked))

    def _accept(self, asked: BatchRequest) -> Answer:
        batch = self._book.accept(asked, self._clock())
        self.phones.deliver(batch)
        self._tell()
        return json_answer(201, batch.to_json())

    async def _list(self, request: web.BaseRequest, seen: RequestSeen) -> Answer | None:
        seen.operation = Operation.LIST
        names = list(request.query)
        if len(set(names)) != len(names):
            raise RefusedError(400, "syntax_invalid_parameter_format", "a query parameter is there twice")
        query = read_list_query(request.query, self._clock())
        reference = seen.client_reference = query.client_reference
        if self.faults.take_unread(Operation.LIST):
            self._reset_unread(request, seen)
            return None

        def found() -> Answer:
            now = self._clock()
            key = None if self.faults.takes_away_reference_filter() else reference
            fitting = [batch for batch in self._book.newest_first(key) if query.fits(batch, now)]
            visible = [batch for batch in fitting if not self.faults.hides(Operation.LIST, batch, now)]
            return json_answer(200, one_page(query, visible))

        about = self._asked.get(reference) if reference is not None else None
        return await self._faulty(request, seen, about, found)

    async def _get(self, request: web.BaseRequest, seen: RequestSeen, batch_id: str) -> Answer | None:
        seen.operation = Operation.GET
        if self.faults.take_unread(Operation.GET):
            self._reset_unread(request, seen)
            return None
        batch = self._book.get(batch_id)
        seen.client_reference = batch.client_reference if batch else None

        def found() -> Answer:
            if batch is None or self.faults.hides(Operation.GET, batch, self._clock()):
                raise RefusedError(404)
            return json_answer(200, batch.to_json())

        return await self._faulty(request, seen, batch.request if batch else None, found)

    def _reset_unread(self, request: web.BaseRequest, seen: RequestSeen) -> None:
        seen.fault = Reset(unread=True)
        reset(request)

    async def _faulty(
        self, request: web.BaseRequest, seen: RequestSeen, about: BatchRequest | None, act: Callable[[], Answer]
    ) -> Answer | None:
        """Do ``act`` and answer it, with the fault that is on for this message, if any."""
        fault = seen.fault = self.faults.take(seen.operation, about) if seen.operation else None
        match fault:
            case Status():
                if fault.accept:
                    act()
                answer = shaped(
                    fault.status, fault.shape, code=fault.code, text=fault.text, path=seen.path, at=self._clock()
                )
                return Answer(answer.status, answer.body, answer.content_type, fault.headers())
            case Slow(seconds, accept_first):
                done = act() if accept_first else None
                if not await self._pause(seconds):
                    reset(request)
                    return None
                return act() if done is None else done
            case Stall(accept):
                if accept:
                    act()
                self._tell()
                await self._leaving.wait()
                reset(request)
                return None
            case Reset(accept):
                if accept:
                    act()
                reset(request)
                return None
            case CutAnswer(in_headers):
                send_cut(request, act(), in_headers=in_headers)
                return None
            case OddAnswer(body):
                return _odd(act(), body)
        return act()

    async def _pause(self, seconds: float) -> bool:
        """Wait; False when the fake leaves meanwhile."""
        self._tell()
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return True
        return False


async def _read(request: web.BaseRequest) -> bytes:
    size = request.content_length
    if size is not None and size > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=size)
    return await request.read()


def _odd(answer: Answer, body: OddBody) -> Answer:
    match body:
        case OddBody.NO_ID:
            return Answer(answer.status, b'{"type": "mt_media", "canceled": false}', JSON_TYPE)
        case OddBody.NOT_JSON:
            return Answer(answer.status, b"accepted", "text/plain")
        case OddBody.EMPTY:
            return Answer(answer.status)


def _response(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)
