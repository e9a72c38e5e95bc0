"""What is tried again by itself, and what never is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from sinch import (
    AnswerLost,
    AnswerLostKind,
    Backoff,
    BadAnswer,
    Batch,
    Conflict,
    ConnectionFailed,
    ConnectionFailedKind,
    Effect,
    NoRetry,
    NotFound,
    OutOfService,
    RateLimited,
    Refused,
    ServerFailed,
    Sinch,
    SinchError,
    TextMessage,
    Unauthorized,
)
from tests.sinch.ticking import TickingClock

BASE = "https://sinch.example"
BATCHES = f"{BASE}/xms/v1/plan-1/batches"
HI = TextMessage(to=["+12015550123"], from_="Shop", body="Hi", client_reference="ref-1")
OK = httpx.Response(200, json={"id": "batch-1"})
OWN_503 = httpx.Response(503, json={"code": "service_unavailable", "text": "Later"})
GATEWAY_503 = httpx.Response(503, html="<html>")

Step = httpx.Response | type[Exception]


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
async def client(clock: TickingClock) -> AsyncIterator[Sinch]:
    policy = Backoff(jitter=lambda: 0.0)
    async with Sinch(
        service_plan_id="plan-1", api_token="token", base_url=BASE, retry=policy, clock=clock, trust_env=False
    ) as sinch:
        yield sinch


async def send(client: Sinch) -> Batch:
    return await client.batches.send(HI)


async def get(client: Sinch) -> Batch:
    return await client.batches.get("batch-1")


async def cancel(client: Sinch) -> Batch:
    return await client.batches.cancel("batch-1")


async def replace(client: Sinch) -> Batch:
    return await client.batches.replace("batch-1", HI)


def script(api: respx.MockRouter, *steps: Step) -> respx.Route:
    return api.route().mock(side_effect=list(steps))


SAFE_TO_REPEAT: list[Step] = [httpx.ConnectError, httpx.ConnectTimeout, httpx.Response(429), OWN_503]
OUTCOME_OPEN: list[Step] = [
    *(httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError),
    *(httpx.Response(408), httpx.Response(500), httpx.Response(502), httpx.Response(504), GATEWAY_503),
]
LASTING: list[Step] = [
    *(httpx.Response(400), httpx.Response(401), httpx.Response(403), httpx.Response(404), httpx.Response(409)),
    *(httpx.Response(301), httpx.Response(200, content=b"<html>")),
]


@pytest.mark.parametrize("call", [send, replace, get, cancel])
@pytest.mark.parametrize("step", SAFE_TO_REPEAT, ids=str)
async def test_what_certainly_had_no_effect_is_tried_again(
    api: respx.MockRouter, client: Sinch, call: Callable[[Sinch], object], step: Step
) -> None:
    route = script(api, step, OK)
    batch = await call(client)  # type: ignore[misc] # each of them is awaitable
    assert (batch.id, route.call_count) == ("batch-1", 2)


@pytest.mark.parametrize("call", [send, replace])
@pytest.mark.parametrize("step", OUTCOME_OPEN, ids=str)
async def test_a_send_whose_outcome_is_open_is_never_tried_again(
    api: respx.MockRouter, client: Sinch, clock: TickingClock, call: Callable[[Sinch], object], step: Step
) -> None:
    route = script(api, step, OK)
    with pytest.raises(SinchError) as caught:
        await call(client)  # type: ignore[misc]
    assert (caught.value.maybe_sent, route.call_count, clock.waits) == (True, 1, [])


@pytest.mark.parametrize("call", [get, cancel])
@pytest.mark.parametrize("step", OUTCOME_OPEN, ids=str)
async def test_what_may_arrive_twice_is_tried_again_after_a_lost_answer(
    api: respx.MockRouter, client: Sinch, call: Callable[[Sinch], object], step: Step
) -> None:
    route = script(api, step, OK)
    batch = await call(client)  # type: ignore[misc]
    assert (batch.id, route.call_count) == ("batch-1", 2)


@pytest.mark.parametrize("call", [send, get, cancel])
@pytest.mark.parametrize("step", LASTING, ids=str)
async def test_what_will_not_pass_is_told_at_once(
    api: respx.MockRouter, client: Sinch, call: Callable[[Sinch], object], step: Step
) -> None:
    route = script(api, step, OK)
    with pytest.raises(SinchError):
        await call(client)  # type: ignore[misc]
    assert route.call_count == 1


async def test_pauses_double_and_tries_end(api: respx.MockRouter, client: Sinch, clock: TickingClock) -> None:
    route = script(api, *[httpx.Response(500)] * 9)
    with pytest.raises(ServerFailed):
        await get(client)
    assert (route.call_count, clock.waits) == (3, [0.5, 1.0])


async def test_a_retry_after_is_kept_in_full(api: respx.MockRouter, client: Sinch, clock: TickingClock) -> None:
    script(api, httpx.Response(429, headers={"Retry-After": "12"}), OK)
    await send(client)
    assert clock.waits == [12.0]


async def test_a_wait_that_would_outlast_the_call_is_not_begun(
    api: respx.MockRouter, client: Sinch, clock: TickingClock
) -> None:
    script(api, httpx.Response(429, headers={"Retry-After": "21"}), OK)
    with pytest.raises(RateLimited) as caught:
        await send(client)
    assert (caught.value.retry_after_s, clock.waits) == (21.0, [])


async def test_the_time_limit_counts_over_all_tries(api: respx.MockRouter, client: Sinch, clock: TickingClock) -> None:
    route = script(api, *[httpx.Response(429, headers={"Retry-After": "12"})] * 3)
    with pytest.raises(RateLimited):
        await send(client)
    assert (route.call_count, clock.waits) == (2, [12.0])


async def test_an_earlier_try_that_may_have_had_effect_is_not_forgotten(api: respx.MockRouter, client: Sinch) -> None:
    script(api, httpx.ReadTimeout, httpx.Response(409))
    with pytest.raises(Conflict) as caught:
        await cancel(client)
    assert caught.value.maybe_sent is True


async def test_a_question_has_no_effect_however_often_it_was_asked(api: respx.MockRouter, client: Sinch) -> None:
    script(api, httpx.ReadTimeout, httpx.Response(500), httpx.ReadTimeout)
    with pytest.raises(AnswerLost) as caught:
        await get(client)
    assert caught.value.maybe_sent is False


async def test_without_retry_every_failure_is_told_at_once(api: respx.MockRouter, clock: TickingClock) -> None:
    route = script(api, httpx.ConnectError, OK)
    async with Sinch(
        service_plan_id="plan-1", api_token="token", base_url=BASE, retry=NoRetry(), clock=clock, trust_env=False
    ) as client:
        with pytest.raises(ConnectionFailed):
            await get(client)
    assert route.call_count == 1


async def test_the_policy_is_the_callers(api: respx.MockRouter, clock: TickingClock) -> None:
    asked: list[tuple[str, Effect, int]] = []

    class Twice:
        def pause_s(self, error: SinchError, *, effect: Effect, tries: int) -> float | None:
            asked.append((type(error).__name__, effect, tries))
            return 4.0 if tries < 2 else None

    script(api, httpx.Response(404), httpx.Response(401))
    async with Sinch(
        service_plan_id="plan-1", api_token="token", base_url=BASE, retry=Twice(), clock=clock, trust_env=False
    ) as client:
        with pytest.raises(Unauthorized):
            await send(client)
    assert asked == [("NotFound", Effect.EACH, 1), ("Unauthorized", Effect.EACH, 2)]
    assert clock.waits == [4.0]


@pytest.mark.parametrize("kind", [ConnectionFailedKind.TLS, ConnectionFailedKind.POOL, ConnectionFailedKind.PACE])
def test_what_trying_again_cannot_mend_is_told_at_once(kind: ConnectionFailedKind) -> None:
    assert Backoff().pause_s(ConnectionFailed(kind), effect=Effect.NONE, tries=1) is None


def statuses(*kinds: type[SinchError]) -> st.SearchStrategy[SinchError]:
    return st.builds(
        lambda kind, status, maybe: kind(status=status, code=None, text=None, sinch_body=False, maybe_sent=maybe),
        st.sampled_from(kinds),
        st.integers(300, 599),
        st.booleans(),
    )


ERRORS = st.one_of(
    st.builds(ConnectionFailed, st.sampled_from(ConnectionFailedKind)),
    st.builds(AnswerLost, st.sampled_from(AnswerLostKind), maybe_sent=st.booleans()),
    st.builds(BadAnswer, status=st.integers(200, 299), why=st.just("it is odd"), maybe_sent=st.booleans()),
    st.builds(
        RateLimited,
        code=st.none(),
        text=st.none(),
        sinch_body=st.booleans(),
        retry_after_s=st.none() | st.floats(0, 1e9),
    ),
    statuses(Refused, Unauthorized, NotFound, Conflict, OutOfService, ServerFailed),
)


@given(error=ERRORS, effect=st.sampled_from(Effect), tries=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_default_policy_never_risks_a_second_effect_and_never_pauses_oddly(
    error: SinchError, effect: Effect, tries: int, jitter: float
) -> None:
    pause = Backoff(tries=20_000, jitter=lambda: jitter).pause_s(error, effect=effect, tries=tries)
    if error.maybe_sent and effect is Effect.EACH:
        assert pause is None
    if pause is not None and not (isinstance(error, RateLimited) and error.retry_after_s is not None):
        assert 0.375 <= pause <= 30.0
