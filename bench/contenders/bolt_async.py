"""Bolt's AsyncApp with its own Starlette adapter, as its documentation has it; the row by group commit."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response

from bench.contenders.common import GroupCommit, arguments
from bench.contenders.serving import Handler, serve
from bench.contenders.smallest import VIEW


def main() -> None:
    told = arguments()

    def make() -> Handler:
        rows = GroupCommit(told.database)
        client = AsyncWebClient(token=told.token, base_url=told.slack)

        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(enterprise_id=None, team_id="T0SANDBOX", bot_token=told.token)

        app = AsyncApp(signing_secret=told.secret, client=client, authorize=authorize)

        @app.command("/mms")
        async def _command(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=VIEW)

        @app.view("mms_compose")
        async def _submit(ack: AsyncAck, body: dict[str, Any]) -> None:
            await rows.insert(body["view"]["id"], json.dumps(body["view"]["state"]["values"]))
            await ack()

        handler = AsyncSlackRequestHandler(app)

        async def handle(request: Request) -> Response:
            return await handler.handle(request)

        return handle

    serve(make)


if __name__ == "__main__":
    main()
