"""Bolt on Flask under gunicorn, and the vendor's SDK in threads after the ack. A program, as ``send_sdk``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sinch import SinchClient  # type: ignore[attr-defined]  # the vendor's, in a place of its own

sys.path.append(str(Path(__file__).parents[2]))

from bench.contenders.bolt_sync import application, serve
from bench.contenders.common import Arguments, arguments
from bench.contenders.sending import FROM, PICTURE, TEXT, TO

THREADS = 32


def main(told: Arguments) -> None:
    client = SinchClient(service_plan_id="bench", sms_api_token="bench", sms_region="us")
    client.configuration.sms_origin_with_service_plan_id = told.sinch
    client.configuration.connection_timeout = 30
    client.configuration.transport.http_session.trust_env = False
    pool = ThreadPoolExecutor(THREADS)

    def send() -> None:
        client.sms.batches.send_mms(to=[TO], from_=FROM, body={"url": PICTURE, "message": TEXT})

    serve(application(told, lambda: pool.submit(send)))


if __name__ == "__main__":
    main(arguments())
