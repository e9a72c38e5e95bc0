"""What the senders share: how they are told what to send, and how they tell what it took.

Each line of standard input is ``{"count": 500, "at_once": 32}``; the answer is ``{"seconds": 1.5, "cpu_s": 0.8}``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

TO = "+12015550123"
FROM = "+12015550100"
TEXT = "Your parcel is here"
PICTURE = "https://pictures.example.com/parcel.png"


@dataclass(frozen=True, slots=True)
class Told:
    """Where Sinch is."""

    sinch: str
    plan: str


def told() -> Told:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sinch", required=True)
    parser.add_argument("--plan", required=True)
    read = parser.parse_args()
    return Told(read.sinch, read.plan)


def serve(send: Callable[[int, int], None]) -> None:
    """Send ``count`` messages, ``at_once`` at a time, whenever somebody asks for it."""
    for line in sys.stdin:
        asked = json.loads(line)
        began, cpu = time.perf_counter(), time.process_time()
        send(asked["count"], asked["at_once"])
        took = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
        print(json.dumps(took), flush=True)
