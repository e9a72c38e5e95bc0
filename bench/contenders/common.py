"""What the contenders share: their arguments, Slack's signature, and the durable row with a group commit."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPEN_FOR_S = 300
TABLE = "CREATE TABLE IF NOT EXISTS message (view_id TEXT PRIMARY KEY, content TEXT NOT NULL, created_at REAL NOT NULL)"
INSERT = "INSERT OR IGNORE INTO message VALUES (?, ?, ?)"
_GROUP = 256


@dataclass(frozen=True, slots=True)
class Arguments:
    """What every contender is told; ``sinch`` is empty for those that send nothing."""

    slack: str
    database: str
    secret: str
    token: str
    sinch: str


def arguments() -> Arguments:
    parser = argparse.ArgumentParser()
    for name in ("slack", "database", "secret", "token"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--sinch", default="")
    read = parser.parse_args()
    return Arguments(read.slack, read.database, read.secret, read.token, read.sinch)


def listen() -> socket.socket:
    """A port of its own, told on standard output."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], flush=True)
    return listening


def genuine(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    """Slack's signature on the raw bytes, within five minutes."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > OPEN_FOR_S:
        return False
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}", headers.get("x-slack-signature", ""))


def open_database(path: str) -> sqlite3.Connection:
    """As durable as the bot's: every commit is on the disk."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE)
    return connection


class GroupCommit:
    """One thread writes, and commits for everybody who waits at that moment."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[tuple[tuple[Any, ...], asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, daemon=True).start()

    async def insert(self, view_id: str, content: str) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put(((view_id, content, time.time()), done))
        await done

    def _run(self) -> None:
        connection = open_database(self._path)
        while True:
            group = [self._jobs.get()]
            while len(group) < _GROUP and not self._jobs.empty():
                group.append(self._jobs.get())
            connection.execute("BEGIN IMMEDIATE")
            for row, _ in group:
                connection.execute(INSERT, row)
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_settle, [done for _, done in group])


def _settle(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        done.set_result(None)
