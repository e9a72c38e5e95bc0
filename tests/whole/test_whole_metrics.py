"""``/metrics`` of the real bot: a job is seen in it, nobody's data is, and several processes add up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.bot_process import BotProcess
from sandbox.sinch import Reset, Status, rate_limited
from sandbox.slack import Actor, Dialog, Message, SubmitAnswer
from sandbox.world import World
from tests.postgres import Postgres

NUMBER, WORDS = "+12015550187", "Quetzalcoatl"
MAYBE = "may have been sent"

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def address(postgres: Postgres) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@asynccontextmanager
async def browser(bot: BotProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bot.origin, trust_env=False) as client:
        yield client


async def scrape(bot: BotProcess) -> tuple[str, Samples]:
    async with browser(bot) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text, {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_a_job_is_seen_from_outside_and_nobodys_data_is(
    new_world: NewWorld, send: Send, told: Told, socket_mode: bool
) -> None:
    async with new_world(socket_mode=socket_mode) as world:
        ann, sam = world.slack.person("ann"), world.slack.person("sam")
        stories: dict[str, Any] = {
            "1": None,
            "2": Status(400, text=f"words about {NUMBER}"),
            "3": Reset(accept=True),
            "4": rate_limited(1),
        }
        for number, fault in stories.items():
            if fault is not None:
                world.sinch.faults.add("send", fault, text=f"{WORDS} {number}")
            await send(world, ann, to=NUMBER, message=f"{WORDS} {number}")
        await told(ann, "Nothing was sent", within_s=15.0)
        await world.slack.state.changes.wait_for(
            lambda: True if sum("Sinch accepted" in message.shown for message in ann.messages) == 3 else None,
            timeout_s=30.0,
            what="three results",
        )
        await sam.command("/mms", f"{NUMBER} {WORDS}")
        if not socket_mode:
            forged = world.slack.command_body("ann", text=WORDS)
            await world.slack.post_raw(forged, world.slack.signed_headers(forged, secret="wrong"))
        async with browser(world.bot) as client:
            await client.request("BREW", f"/{WORDS}/{NUMBER}")
            refused = await client.post("/metrics")
        assert refused.status_code == 405

        text, found = await scrape(world.bot)
        private = [NUMBER.removeprefix("+"), WORDS, ann.id, sam.id, "555", world.slack.bot_token, "BREW", "response"]

    assert value(found, "mms_bot_database_up") == 1
    assert value(found, "mms_bot_messages_total", state="accepted", code="") == 3
    assert value(found, "mms_bot_messages_total", state="refused", code="http-400") == 1
    assert sum(number for (name, _), number in found.items() if name == "mms_bot_lookups_total") >= 1
    assert value(found, "mms_bot_attempts_total", outcome="retried", code="http-429") == 1
    assert value(found, "mms_bot_ack_seconds_count", payload="submit") == 4
    assert (value(found, "mms_bot_ack_seconds_count", payload="command") or 0) >= 5
    assert value(found, "mms_bot_denied_total") == 1
    assert value(found, "mms_bot_accepted_seconds_count") == 3
    assert value(found, "mms_bot_requests_turned_away_total", reason="signature") == (0 if socket_mode else 1)
    assert (value(found, "mms_bot_answers_total", result="told") or 0) >= 4
    assert value(found, "mms_bot_queue_messages", state="queued") == 0
    assert (value(found, "mms_bot_process_open_fds") or 0) > 5
    labels = " ".join(re.findall(r"\{(.*?)\}", text))
    assert not [one for one in private if one in text.replace("le=", "") and one in labels]
    assert not re.search(r"\d{7}", labels)


async def test_two_processes_on_one_database_add_up_and_agree_on_the_queue(
    new_world: NewWorld, open_dialog: OpenDialog, address: str, tmp_path: Path
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        other = BotProcess(world.bot.settings, folder=tmp_path)
        await other.start()
        try:
            await world.sinch.go_away()
            people: list[Actor] = [world.slack.person("ann"), world.slack.person("ada")]
            for bot, actor in zip((world.bot, other), people, strict=True):
                world.slack.deliver_by_http(bot.events_url)
                dialog = await open_dialog(world, actor)
                dialog.type_in({"to": NUMBER, "message": WORDS})
                await dialog.submit()
            (_, first), (_, second) = [await scrape(bot) for bot in (world.bot, other)]
        finally:
            await other.kill()

    waiting = [
        sum(number for (name, _), number in found.items() if name == "mms_bot_queue_messages")
        for found in (first, second)
    ]
    assert waiting == [2, 2]
    acked = [value(found, "mms_bot_ack_seconds_count", payload="submit") for found in (first, second)]
    assert acked == [1, 1]
