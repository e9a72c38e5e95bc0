"""The page's routes.

==========================  ===============================================================
``GET /?as=NAME``           the page, as this person
``GET /events?as=NAME``     server-sent events: each part of the page, whenever it changes
``GET /static/…``           style and scripts
``GET /picture/….svg``      a drawn picture
``POST /write``             a line typed in the composer
``POST /click``             a button
``POST /submit, /close``    the dialog
``POST /home``              somebody looks at the Home tab
``POST /switch``            something goes wrong, or right again
``POST /kill``              kill -9
==========================  ===============================================================
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable
from importlib.resources import files
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from sandbox.page import picture
from sandbox.page.guards import add_policy, guard
from sandbox.page.render import Renderer
from sandbox.page.stage import CAST, CHANNEL, DIRECT, NotPossibleError, Stage

LOOK_EVERY_S = 0.15  # what an eye takes for at once
KEEP_ALIVE_S = 10.0
MAX_BODY_BYTES = 256 * 1024
SHUTDOWN_S = 1.0
_STATIC = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_PICTURE = re.compile(r"[0-9a-f]{12}")


class Page:
    """One page for one stage. ``start``, and ``stop`` when done.

    Args:
        host: a loopback address.
        port: 0 takes a free one.
    """

    def __init__(self, stage: Stage, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._stage = stage
        self._address = (host, port)
        self._token = secrets.token_urlsafe(24)
        self._renderer = Renderer(stage, token=self._token)
        self._leaving = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    async def start(self) -> None:
        """Raises ``OSError`` if the address can't be had."""
        app = web.Application(middlewares=[guard(self._token)], client_max_size=MAX_BODY_BYTES)
        app.on_response_prepare.append(add_policy)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/events", self._events),
                web.get("/static/{name}", self._static),
                web.get("/picture/{name}.svg", self._picture),
                web.post("/write", self._write),
                web.post("/click", self._click),
                web.post("/submit", self._submit),
                web.post("/close", self._close),
                web.post("/home", self._home),
                web.post("/switch", self._switch),
                web.post("/kill", self._kill),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self._address).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._address = (self._address[0], runner.addresses[0][1])

    async def stop(self) -> None:
        self._leaving.set()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- what is shown

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._renderer.page(_person(request)), content_type="text/html")

    async def _static(self, request: web.Request) -> web.Response:
        kind = _STATIC.get(request.match_info["name"])
        if kind is None:
            raise web.HTTPNotFound
        content = files("sandbox.page").joinpath("static", request.match_info["name"]).read_bytes()
        return web.Response(body=content, content_type=kind, charset="utf-8")

    async def _picture(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not _PICTURE.fullmatch(name):
            raise web.HTTPNotFound
        return web.Response(text=picture.drawn(name), content_type="image/svg+xml")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """All parts at first, then each that has changed. A reload and a lost connection begin anew."""
        me = _person(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        shown: dict[str, str] = {}
        quiet_s = 0.0
        try:
            while not self._leaving.is_set():
                parts = {"bot": self._renderer.bot(), **self._renderer.parts(me)}
                changed = {name: str(part) for name, part in parts.items() if shown.get(name) != str(part)}
                for name, part in changed.items():
                    await response.write(f"event: part\ndata: {json.dumps({'id': name, 'html': part})}\n\n".encode())
                shown |= changed
                quiet_s = 0.0 if changed else quiet_s + LOOK_EVERY_S
                if quiet_s >= KEEP_ALIVE_S:  # notices a tab that was closed
                    await response.write(b": here\n\n")
                    quiet_s = 0.0
                await asyncio.wait([leaving := asyncio.ensure_future(self._leaving.wait())], timeout=LOOK_EVERY_S)
                leaving.cancel()
        except ConnectionError:
            pass  # the tab was closed
        return response

    # -- what people do

    async def _write(self, request: web.Request) -> web.Response:
        form = await request.post()
        place = {"general": CHANNEL, "@mms": DIRECT}.get(_word(form, "place"), "")
        return await _done(self._stage.write(_person(request), _word(form, "text"), place))

    async def _click(self, request: web.Request) -> web.Response:
        form = await request.post()
        return await _done(
            self._stage.click(
                _person(request),
                _word(form, "action_id"),
                place=_word(form, "where"),
                ts=_word(form, "ts"),
                value=_word(form, "value") or None,
                entry=_word(form, "entry"),
            )
        )

    async def _submit(self, request: web.Request) -> web.Response:
        form = await request.post()
        values: dict[str, list[str]] = {}
        for name, value in form.items():
            if isinstance(value, str):
                values.setdefault(name, []).append(value)
        return await _done(self._stage.submit(_person(request), _word(form, "view_id"), values))

    async def _close(self, request: web.Request) -> web.Response:
        return await _done(self._stage.close(_person(request), _word(await request.post(), "view_id")))

    async def _home(self, request: web.Request) -> web.Response:
        return await _done(self._stage.look_home(_person(request)))

    async def _switch(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            await self._stage.trouble.set(_word(form, "name"), on=_word(form, "on") == "true")
        except KeyError:
            raise web.HTTPBadRequest(text="There is no such switch.") from None
        return web.json_response({})

    async def _kill(self, _request: web.Request) -> web.Response:
        return await _done(self._stage.kill())


async def _done(act: Awaitable[None]) -> web.Response:
    try:
        await act
    except NotPossibleError as wrong:
        raise web.HTTPConflict(text=str(wrong)) from None
    return web.json_response({})


def _person(request: web.Request) -> str:
    name = request.query.get("as", "ann")
    if name not in CAST:
        raise web.HTTPNotFound(text="There is nobody of that name here.")
    return name


def _word(form: MultiMapping[Any], name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
