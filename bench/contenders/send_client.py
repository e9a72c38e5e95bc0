"""The project's own ``sinch`` client, by itself."""

from __future__ import annotations

import asyncio

import uvloop

import sinch
from bench.contenders.sending import FROM, PICTURE, TEXT, TO, Told, serve, told
from bench.contenders.taking_turns import all_of

MOST_AT_ONCE = 500


def main(where: Told) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        client = sinch.Sinch(
            service_plan_id=where.plan,
            api_token="bench",
            base_url=where.sinch,
            retry=sinch.NoRetry(),
            max_in_flight=MOST_AT_ONCE,
            trust_env=False,
        )

        async def one() -> None:
            await client.batches.send(
                sinch.MediaMessage(to=(TO,), from_=FROM, url=PICTURE, message=TEXT, client_reference="bench")
            )

        serve(lambda count, at_once: runner.run(all_of(one, count, at_once)))


if __name__ == "__main__":
    main(told())
