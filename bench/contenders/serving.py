"""uvicorn as the bot runs it: uvloop, httptools, no access log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.contenders.common import listen

Handler = Callable[[Request], Awaitable[Response]]


def serve(make: Callable[[], Handler]) -> None:
    """Serve what ``make`` makes once the loop runs."""

    async def run() -> None:
        handler = make()

        async def endpoint(request: Request) -> Response:
            return await handler(request)

        app = Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])
        config = uvicorn.Config(app, access_log=False, log_level="warning", loop="uvloop", http="httptools")
        await uvicorn.Server(config).serve(sockets=[listen()])

    uvloop.run(run())
