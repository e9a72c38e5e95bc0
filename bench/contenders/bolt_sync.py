"""Bolt's App on Flask, under gunicorn with 32 threads, and one commit for each request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from gunicorn.app.base import BaseApplication
from slack_bolt import Ack, App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bench.contenders.common import INSERT, Arguments, arguments, listen, open_database
from bench.contenders.smallest import VIEW

THREADS = 32


def application(told: Arguments, after_ack: Callable[[], object] = lambda: None) -> Flask:
    client = WebClient(token=told.token, base_url=told.slack)

    def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0SANDBOX", bot_token=told.token)

    app = App(signing_secret=told.secret, client=client, authorize=authorize)
    own = threading.local()

    @app.command("/mms")
    def _command(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=VIEW)

    @app.view("mms_compose")
    def _submit(ack: Ack, body: dict[str, Any]) -> None:
        if not hasattr(own, "rows"):
            own.rows = open_database(told.database)
        own.rows.execute(INSERT, (body["view"]["id"], json.dumps(body["view"]["state"]["values"]), time.time()))
        ack()
        after_ack()

    handler = SlackRequestHandler(app)
    flask = Flask(__name__)

    @flask.post("/slack/events")
    def _events() -> Any:
        return handler.handle(request)

    return flask


class _Server(BaseApplication):
    def __init__(self, app: Flask, fd: int) -> None:
        self._app, self._fd = app, fd
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"fd://{self._fd}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("workers", 1)
        self.cfg.set("keepalive", 75)
        self.cfg.set("loglevel", "error")

    def load(self) -> Flask:
        return self._app


def serve(application: Flask) -> None:
    _Server(application, listen().detach()).run()


if __name__ == "__main__":
    serve(application(arguments()))
