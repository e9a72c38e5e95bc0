"""Answers that go wrong on purpose: a checked call, and the fault that is on for it, on a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from sandbox.sinch.connections import reset, send_cut
from sandbox.sinch.faults import CutAnswer, Fault, OddAnswer, OddBody, Reset, Slow, Stall, Status
from sandbox.sinch.refusals import JSON_TYPE, Answer, shaped


async def answer_with(
    fault: Fault | None,
    request: web.BaseRequest,
    act: Callable[[], Answer],
    *,
    leaving: asyncio.Event,
    now: datetime,
    waits: Callable[[], None],
) -> Answer | None:
    """Do ``act`` and answer it, as far as the fault lets it.

    Args:
        leaving: set when the fake goes away, which ends every wait.
        waits: called before a wait.

    Returns:
        None when there is no answer, and the connection was broken.
    """
    match fault:
        case Status():
            if fault.accept:
                act()
            path = request.rel_url.raw_path
            answer = shaped(fault.status, fault.shape, code=fault.code, text=fault.text, path=path, at=now)
            return Answer(answer.status, answer.body, answer.content_type, fault.headers())
        case Slow(seconds, accept_first):
            done = act() if accept_first else None
            waits()
            if not await _pause(seconds, leaving):
                reset(request)
                return None
            return act() if done is None else done
        case Stall(accept):
            if accept:
                act()
            waits()
            await leaving.wait()
            reset(request)
            return None
        case Reset(accept):
            if accept:
                act()
            reset(request)
            return None
        case CutAnswer(in_headers):
            send_cut(request, act(), in_headers=in_headers)
            return None
        case OddAnswer(body):
            return _odd(act(), body)
    return act()


async def _pause(seconds: float, leaving: asyncio.Event) -> bool:
    """Wait; False when the fake leaves meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await leaving.wait()
    except TimeoutError:
        return True
    return False


def _odd(answer: Answer, body: OddBody) -> Answer:
    match body:
        case OddBody.NO_ID:
            return Answer(answer.status, b'{"type": "mt_media", "canceled": false}', JSON_TYPE)
        case OddBody.NOT_JSON:
            return Answer(answer.status, b"accepted", "text/plain")
        case OddBody.EMPTY:
            return Answer(answer.status)
