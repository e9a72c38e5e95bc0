"""The smallest hand-written program that does the same: verify, parse, commit a row; for a command, open a dialog."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qsl

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from bench.contenders.common import GroupCommit, arguments, genuine
from bench.contenders.serving import Handler, serve

VIEW = {"type": "modal", "callback_id": "mms_compose", "title": {"type": "plain_text", "text": "MMS"}, "blocks": []}


def main() -> None:
    told = arguments()

    def make() -> Handler:
        rows = GroupCommit(told.database)
        session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {told.token}"})
        opening = set[asyncio.Task[None]]()

        async def open_view(trigger_id: str) -> None:
            async with session.post(
                f"{told.slack}views.open", json={"trigger_id": trigger_id, "view": VIEW}
            ) as response:
                await response.read()

        async def handle(request: Request) -> Response:
            body = await request.body()
            if not genuine(body, request.headers, told.secret):
                return Response(status_code=401)
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            if "payload" in fields:
                view = json.loads(fields["payload"])["view"]
                await rows.insert(view["id"], json.dumps(view["state"]["values"]))
            else:
                task = asyncio.create_task(open_view(fields["trigger_id"]))
                opening.add(task)
                task.add_done_callback(opening.discard)
            return Response()

        return handle

    serve(make)


if __name__ == "__main__":
    main()
