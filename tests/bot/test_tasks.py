"""Work in the background is not forgotten."""

from __future__ import annotations

import asyncio
import gc

import structlog

from bot.tasks import Tasks


async def test_a_task_is_kept_until_it_is_done() -> None:
    tasks, done = Tasks(), asyncio.Event()

    async def work() -> None:
        # Nothing but this task refers to the future that it waits for: asyncio alone would not keep it.
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        loop.call_soon(lambda: loop.call_soon(future.set_result, None))
        await future
        done.set()

    tasks.start(work())
    gc.collect()
    await asyncio.wait_for(done.wait(), 1)
    await tasks.drain(1)


async def test_drain_waits_for_all_and_cancels_what_is_late() -> None:
    tasks, ended, hold = Tasks(), list[str](), asyncio.Event()

    async def quick() -> None:
        await asyncio.sleep(0)
        ended.append("quick")

    async def stuck() -> None:
        try:
            await hold.wait()
        finally:
            ended.append("cut off")

    tasks.start(quick())
    tasks.start(stuck())
    await tasks.drain(0.01)
    assert ended == ["quick", "cut off"]
    await tasks.drain(0.01)


async def test_a_fault_is_logged_and_harms_no_other() -> None:
    tasks, done = Tasks(), asyncio.Event()

    async def faulty() -> None:
        raise KeyError("our own")

    async def fine() -> None:
        done.set()

    with structlog.testing.capture_logs() as lines:
        tasks.start(faulty())
        tasks.start(fine())
        await tasks.drain(1)
    assert done.is_set()
    [line] = lines
    assert (line["event"], line["error"]) == ("background_fault", "KeyError")
