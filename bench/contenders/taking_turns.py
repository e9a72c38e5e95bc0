"""Many of the same thing, so many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def all_of(one: Callable[[], Awaitable[None]], count: int, at_once: int) -> None:
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await one()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, count)):
            group.create_task(some())
