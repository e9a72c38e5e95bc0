"""The listening socket and the HTTP server on it."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from bot.settings import Settings

REQUESTS_END_WITHIN_S = 2
_BACKLOG = 2048

_log = structlog.get_logger(__name__)


class CannotStartError(Exception):
    """Something of this machine is in the way; the text names the setting and what to do."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: one place decides when the process ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def server(app: ASGIApp) -> Server:
    return Server(
        uvicorn.Config(
            app,
            access_log=False,  # half of the throughput, and it would log addresses
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=REQUESTS_END_WITHIN_S,
        )
    )


def listen(settings: Settings) -> socket.socket:
    try:
        listening = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise CannotStartError(
            f"HOST, PORT: cannot listen on {settings.host}, port {settings.port} ({error.strerror or error}). "
            "Is another program there? Name another port with PORT or --port."
        ) from error
    host, port = listening.getsockname()[:2]
    _log.info("listening", host=host, port=port, mode="socket" if settings.socket_mode else "http")
    return listening
