"""One ``httpx.AsyncClient`` for everything, as one would usually write it."""

from __future__ import annotations

import asyncio

import httpx
import uvloop

from bench.contenders.sending import FROM, PICTURE, TEXT, TO, Told, serve, told
from bench.contenders.taking_turns import all_of

MOST_AT_ONCE = 500


def main(where: Told) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        client = httpx.AsyncClient(
            headers={"Authorization": "Bearer bench"},
            timeout=httpx.Timeout(30.0, pool=None),
            limits=httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE),
            trust_env=False,
        )
        body = {
            "type": "mt_media",
            "to": [TO],
            "from": FROM,
            "client_reference": "bench",
            "body": {"url": PICTURE, "message": TEXT},
        }

        async def one() -> None:
            answer = await client.post(f"{where.sinch}/xms/v1/{where.plan}/batches", json=body)
            answer.raise_for_status()
            answer.json()["id"]

        serve(lambda count, at_once: runner.run(all_of(one, count, at_once)))


if __name__ == "__main__":
    main(told())
