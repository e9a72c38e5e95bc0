"""Bolt on Flask under gunicorn, and the vendor's SDK in threads after the ack. A program, as ``send_sdk``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sinch  # noqa: F401  the vendor's, before ours can be found: see below

sys.path.append(str(Path(__file__).parents[2]))  # behind the vendor's package, which has the name of ours

from bench.contenders.bolt_sync import application, serve
from bench.contenders.common import Arguments, arguments
from bench.contenders.send_sdk import MOST_THREADS, client_at
from bench.contenders.sending import FROM, PICTURE, TEXT, TO, Told

TIME_LIMIT_S = 30  # its own is as long as Sinch takes here


def main(told: Arguments) -> None:
    client = client_at(Told(told.sinch, plan="bench"))
    client.configuration.connection_timeout = TIME_LIMIT_S
    pool = ThreadPoolExecutor(MOST_THREADS)

    def send() -> None:
        client.sms.batches.send_mms(to=[TO], from_=FROM, body={"url": PICTURE, "message": TEXT})

    serve(application(told, lambda: pool.submit(send)))


if __name__ == "__main__":
    main(arguments())
