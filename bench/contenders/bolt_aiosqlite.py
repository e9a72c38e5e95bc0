"""Bolt's AsyncApp with its own adapter, and one commit for each request through aiosqlite."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiosqlite
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response

from bench.contenders.common import INSERT, TABLE, arguments
from bench.contenders.serving import Handler, serve


def main() -> None:
    told = arguments()

    def make() -> Handler:
        turn = asyncio.Lock()
        opened: list[aiosqlite.Connection] = []

        async def connection() -> aiosqlite.Connection:
            if not opened:
                made = await aiosqlite.connect(told.database, isolation_level=None)
                await made.execute("PRAGMA journal_mode=WAL")
                await made.execute("PRAGMA synchronous=FULL")
                await made.execute(TABLE)
                opened.append(made)
            return opened[0]

        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(enterprise_id=None, team_id="T0SANDBOX", bot_token=told.token)

        client = AsyncWebClient(token=told.token, base_url=told.slack)
        app = AsyncApp(signing_secret=told.secret, client=client, authorize=authorize)

        @app.view("mms_compose")
        async def _submit(ack: AsyncAck, body: dict[str, Any]) -> None:
            async with turn:
                rows = await connection()
                await rows.execute("BEGIN IMMEDIATE")
                values = json.dumps(body["view"]["state"]["values"])
                await rows.execute(INSERT, (body["view"]["id"], values, time.time()))
                await rows.commit()
            await ack()

        handler = AsyncSlackRequestHandler(app)

        async def handle(request: Request) -> Response:
            return await handler.handle(request)

        return handle

    serve(make)


if __name__ == "__main__":
    main()
