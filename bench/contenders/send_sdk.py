"""The vendor's SDK in threads. A program, not a module: its package has the name of ours, and must be found first."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sinch import SinchClient  # type: ignore[attr-defined]  # the vendor's, in a place of its own

sys.path.append(str(Path(__file__).parents[2]))  # behind the vendor's package, which has the name of ours

from bench.contenders.sending import FROM, PICTURE, TEXT, TO, Told, serve, told

MOST_THREADS = 32


def client_at(where: Told) -> SinchClient:
    """The SDK as it comes, but that it talks to this machine."""
    client = SinchClient(service_plan_id=where.plan, sms_api_token="bench", sms_region="us")
    client.configuration.sms_origin_with_service_plan_id = where.sinch
    client.configuration.transport.http_session.trust_env = False
    return client


def main(where: Told) -> None:
    client = client_at(where)

    def one(_: int) -> None:
        client.sms.batches.send_mms(
            to=[TO], from_=FROM, body={"url": PICTURE, "message": TEXT}, client_reference="bench"
        )

    pools: dict[int, ThreadPoolExecutor] = {}

    def send(count: int, at_once: int) -> None:
        threads = min(at_once, MOST_THREADS)
        pool = pools.setdefault(threads, ThreadPoolExecutor(threads))
        list(pool.map(one, range(count)))

    serve(send)


if __name__ == "__main__":
    main(told())
