"""The floor: nothing but Slack's signature."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bench.contenders.common import arguments, genuine
from bench.contenders.serving import Handler, serve


def main() -> None:
    told = arguments()

    def make() -> Handler:
        async def handle(request: Request) -> Response:
            body = await request.body()
            return Response(status_code=200 if genuine(body, request.headers, told.secret) else 401)

        return handle

    serve(make)


if __name__ == "__main__":
    main()
