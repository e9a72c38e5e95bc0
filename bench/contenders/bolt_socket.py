"""Bolt's AsyncApp with its own Socket Mode handler; the row by group commit."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import uvloop
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bench.contenders.common import Arguments, GroupCommit, arguments


async def main(told: Arguments) -> None:
    rows = GroupCommit(told.database)
    client = AsyncWebClient(token=told.token, base_url=told.slack)

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0SANDBOX", bot_token=told.token)

    app = AsyncApp(signing_secret=told.secret, client=client, authorize=authorize)

    @app.view("mms_compose")
    async def _submit(ack: AsyncAck, body: dict[str, Any]) -> None:
        await rows.insert(body["view"]["id"], json.dumps(body["view"]["state"]["values"]))
        await ack()

    handler = AsyncSocketModeHandler(app, "xapp-bench", web_client=client)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt gives it no types
    print(0, flush=True)  # where a port would be told: it is there
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(arguments()))
