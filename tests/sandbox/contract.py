"""The exchanges of ``sandbox/sinch/contract`` (its README has the format), and a fake on which they are set up."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

import sandbox.sinch
from sandbox.sinch import FakeSinch, InboundMedia, Readings, Script, State
from tests.sandbox.sinch_wire import NO_AUTHORITIES, NOON

_NAMED = re.compile(r"\$\{first\.(\d+)\.(\w+)\}")

Exchange = dict[str, Any]


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All of them, file by file."""
    folder = Path(sandbox.sinch.__file__).with_name("contract")
    return tuple(
        exchange
        for file in sorted(folder.glob("*.toml"))
        for exchange in tomllib.loads(file.read_text(encoding="utf-8"))["exchange"]
    )


class Scene:
    """A fake whose clock stands at noon, and an HTTP client that knows nothing of our own one; use ``async with``.

    ``answers`` are those of the steps played so far, None where there was none.
    """

    def __init__(self, readings: Readings | None = None, *, callback_url: str | None = None) -> None:
        self.now = NOON
        self.fake = FakeSinch(clock=lambda: self.now, readings=readings, callback_url=callback_url)
        self.http = httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES)
        self.answers: list[dict[str, Any] | None] = []

    async def __aenter__(self) -> Self:
        await self.fake.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()
        await self.fake.stop()

    async def set_up(self, exchange: Exchange) -> None:
        """Play what the exchange has as ``first``."""
        for step in exchange.get("first", ()):
            self.answers.append(await self._play(step))

    async def ask(self, asked: Exchange) -> httpx.Response:
        """Make the exchange's request."""
        usual = {
            "Authorization": f"Bearer {self.fake.settings()['SINCH_API_TOKEN']}",
            "Content-Type": "application/json",
        }
        path = self.filled(asked["path"])
        return await self.http.request(
            asked.get("method", "POST"),
            self.fake.base_url + (path[1:] if path.startswith("//") else f"/xms/v1/{self.fake.service_plan_id}{path}"),
            content=self.filled(asked.get("body")),
            headers={name: value for name, value in (usual | asked.get("headers", {})).items() if value},
        )

    def filled(self, value: Any) -> Any:
        """A text, or texts at any depth, with what earlier answers are to stand for."""
        match value:
            case str():
                return _NAMED.sub(self._named, value)
            case dict():
                return {self.filled(key): self.filled(inner) for key, inner in value.items()}
            case list():
                return [self.filled(inner) for inner in value]
        return value

    def _named(self, match: re.Match[str]) -> str:
        answer = self.answers[int(match[1])]
        assert answer is not None, f"step {match[1]} has no answer"
        return str(answer[match[2]])

    async def _play(self, step: str | Exchange) -> dict[str, Any] | None:
        match step:
            case str():
                return await self._made({"path": "/batches", "body": step})
            case {"wait_s": seconds}:
                self.now += timedelta(seconds=seconds)
            case {"script": script}:
                self.fake.phones.script(script["number"], _script(script))
            case {"reply": reply}:
                return await self._reply(reply)
            case _:
                return await self._made(step)
        return None

    async def _made(self, asked: Exchange) -> dict[str, Any] | None:
        answer = await self.ask(asked)
        assert answer.is_success, f"{asked}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def _reply(self, reply: dict[str, Any]) -> dict[str, Any]:
        inbound = await self.fake.phones.reply(
            reply["from"],
            reply.get("to"),
            text=reply.get("text"),
            subject=reply.get("subject"),
            media=[
                InboundMedia(one.get("url"), one["content_type"], one.get("code", 0)) for one in reply.get("media", ())
            ],
            data=bytes.fromhex(reply["data"]) if "data" in reply else None,
            udh=bytes.fromhex(reply.get("udh", "")),
        )
        return inbound.to_json(self.fake.plan.write)


def _script(given: dict[str, Any]) -> Script:
    def wait(key: str) -> float | None:
        value = given.get(key, 0)
        return None if value == "never" else float(value)

    return Script(
        given.get("code", 0),
        State(given["state"]) if "state" in given else None,
        dispatched_after_s=wait("dispatched_after_s"),
        final_after_s=wait("final_after_s"),
    )
