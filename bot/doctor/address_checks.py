"""Does PUBLIC_URL lead to this machine?"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx

from bot.doctor import findings
from bot.doctor.findings import Finding, ok, wrong
from bot.settings import is_loopback

LIMIT_S = 10.0
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"


async def public_address(public_url: str, *, host: str, port: int) -> Finding:
    """Ask the address for ``/healthz``: the bot answers, or, while none runs here, the doctor in its place."""
    word = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        try:
            stand_in = await asyncio.start_server(_answering(word), host, port)
        except OSError:  # the bot runs, or somebody else has the port
            expected = None
        else:
            await stack.enter_async_context(stand_in)
            expected = word
        try:
            async with httpx.AsyncClient(
                timeout=LIMIT_S, follow_redirects=False, trust_env=not is_loopback(urlsplit(public_url).hostname or "")
            ) as client:
                answer = await client.get(f"{public_url}/healthz")
        except httpx.HTTPError as error:
            return wrong("public-away", error=type(error).__name__)
    if answer.status_code != 200:
        return wrong("public-away", error=f"status {answer.status_code}")
    if expected is not None and answer.text != expected:
        return wrong("public-away", error="somebody else answers")
    return ok(findings.PUBLIC, "PUBLIC_URL leads here.")


def _answering(word: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """One small answer to whatever is asked, and nothing else."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"{_HEAD}Content-Length: {len(word)}\r\n\r\n{word}".encode())
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or asks for something else
        finally:
            writer.close()

    return reply
