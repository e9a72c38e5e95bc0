"""What Sinch says of plan, token, region, sender and pictures. Everything here is a question or a dry run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import sinch
from bot.doctor import findings
from bot.doctor.findings import Finding, not_tried, ok, wrong
from bot.settings import Settings, is_loopback

LIMIT_S = 10.0
# Kept free for fiction; nothing is sent there: a dry run only counts.
TRIED_NUMBER = "+12015550123"
TRIED_PICTURE = "https://example.com/picture.png"

Open = Callable[[str], sinch.Sinch]


def opener(settings: Settings) -> Open:
    """Makes clients for the plan of these settings."""

    def open_at(base_url: str) -> sinch.Sinch:
        return sinch.Sinch(
            service_plan_id=settings.sinch_service_plan_id,
            api_token=settings.sinch_api_token.reveal(),
            base_url=base_url,
            retry=sinch.NoRetry(),  # whoever waits for the doctor wants to know now
            trust_env=not is_loopback(urlsplit(base_url).hostname or ""),
        )

    return open_at


async def plan(open_at: Open, base_url: str, elsewhere: tuple[str, ...]) -> Finding:
    """Plan, token and region, told apart by what each region says (401: token and plan; 404: no such plan).

    Args:
        open_at: makes a client for a base address.
        elsewhere: the other regions' addresses.
    """
    said = await _ask(open_at, base_url)
    if said is None:
        return ok(findings.PLAN, f"Sinch knows the plan and takes the token ({urlsplit(base_url).hostname}).")
    if not isinstance(said, sinch.Unauthorized | sinch.NotFound):
        if isinstance(said, sinch.StatusError):
            return wrong("sinch-odd", error=_words(said), code=f"SINCH-{said.status}")
        return wrong("sinch-away", host=urlsplit(base_url).hostname or base_url, error=_words(said))
    unauthorized = isinstance(said, sinch.Unauthorized)
    for base in elsewhere:
        there = await _ask(open_at, base)
        if there is None:
            return wrong("sinch-region", region=base)
        unauthorized |= isinstance(there, sinch.Unauthorized)
    return wrong("sinch-token" if unauthorized else "sinch-plan")


async def messages(xms: sinch.Sinch, *, number: str, callback_url: str | None) -> AsyncIterator[Finding]:
    """Whether Sinch would take a text, a picture and an address for reports, as far as a dry run tells."""
    text = sinch.TextMessage(to=[TRIED_NUMBER], from_=number, body="MMS bot: a dry run. Nothing is sent.")
    refused = await _dry(xms, text)
    if refused is not None:
        if isinstance(refused, sinch.StatusError) and 400 <= refused.status < 500 and refused.status != 429:
            yield wrong("sender", error=_words(refused))
        else:
            yield not_tried(findings.SENDER, f"The dry run had no answer ({_words(refused)}).")
        yield not_tried(findings.MMS, "The dry run of a text was not taken.")
        yield not_tried(findings.REPORTS, "The dry run of a text was not taken.")
        return
    yield ok(findings.SENDER, f"Sinch takes {number} as the sender of a dry run.")
    picture = sinch.MediaMessage(to=[TRIED_NUMBER], from_=number, url=TRIED_PICTURE, message="A dry run.")
    refused = await _dry(xms, picture)
    yield (
        ok(findings.MMS, "Sinch takes a picture in a dry run. Only a real one shows whether it arrives: --send-test.")
        if refused is None
        else wrong("mms", error=_words(refused))
    )
    if callback_url is None:
        yield ok(findings.REPORTS, "PUBLIC_URL is not set: the bot asks Sinch what became of each message.")
        return
    asking = sinch.TextMessage(
        to=[TRIED_NUMBER],
        from_=number,
        body="A dry run that asks for reports.",
        delivery_report=sinch.ReportType.PER_RECIPIENT,
        callback_url=callback_url,
    )
    refused = await _dry(xms, asking)
    yield (
        ok(findings.REPORTS, "Sinch takes the address for its reports.")
        if refused is None
        else wrong("reports", error=_words(refused))
    )


async def send(xms: sinch.Sinch, *, number: str, to: str, text: str) -> Finding:
    """A real message; what came of it."""
    try:
        batch = await xms.batches.send(sinch.TextMessage(to=[to], from_=number, body=text), timeout_s=LIMIT_S)
    except sinch.SinchError as error:
        code = f"SINCH-{error.status}" if isinstance(error, sinch.StatusError) else "SINCH-0"
        maybe = "; it may have been sent" if error.maybe_sent else "; nothing was sent"
        return wrong("test", error=_words(error) + maybe, code=code)
    return ok(findings.TEST, f"Sinch has accepted it, batch ID {batch.id}. Look at the phone.")


async def _ask(open_at: Open, base_url: str) -> sinch.SinchError | None:
    async with open_at(base_url) as xms:
        try:
            async for _ in xms.batches.list(page_size=1, timeout_s=LIMIT_S):
                break
        except sinch.SinchError as error:
            return error
    return None


async def _dry(xms: sinch.Sinch, message: sinch.Message) -> sinch.SinchError | None:
    try:
        await xms.batches.dry_run(message, timeout_s=LIMIT_S)
    except sinch.SinchError as error:
        return error
    return None


def _words(error: sinch.SinchError) -> str:
    """Short, ours, and without what a stranger may have written into an answer."""
    if isinstance(error, sinch.StatusError):
        code = error.code if error.code and re.fullmatch(r"[a-z0-9_]{1,60}", error.code) else None
        return f"{error.status} {code}" if code else str(error.status)
    if isinstance(error, sinch.ConnectionFailed | sinch.AnswerLost):
        return str(error.kind)
    return "an answer that can't be read"
