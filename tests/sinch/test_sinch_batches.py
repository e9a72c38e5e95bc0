"""Each method against the documented shapes of requests and answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
import respx

from sinch import (
    AnswerLost,
    BadAnswer,
    Batch,
    ConnectionFailed,
    MediaMessage,
    NoRetry,
    RateLimited,
    Sinch,
    SinchError,
    StatusError,
    TextMessage,
)

BASE = "https://sinch.example"
BATCHES = f"{BASE}/xms/v1/plan-1/batches"
BATCH_ID = "01FC66621XXXXX119Z8PMV1QPQ"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HI = TextMessage(to=["+12015550123"], from_="Shop", body="Hi", client_reference="ref-1")


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[Sinch]:
    async with Sinch(
        service_plan_id="plan-1", api_token="sandbox-token", base_url=BASE, retry=NoRetry(), trust_env=False
    ) as sinch:
        yield sinch


async def test_a_picture_goes_out_as_documented(api: respx.MockRouter, client: Sinch) -> None:
    route = api.post(BATCHES).respond(201, json={"id": BATCH_ID, "to": ["12015550123"], "canceled": False})
    batch = await client.batches.send(
        MediaMessage(
            to=["+12015550123"],
            from_="+12015550199",
            url="https://example.com/cat.jpg",
            message="A cat \N{CAT}",
            client_reference="ref-00000001",
        )
    )
    assert batch == Batch(id=BATCH_ID, to=("12015550123",))
    request = route.calls.last.request
    assert json.loads(request.content) == {
        "type": "mt_media",
        "to": ["+12015550123"],
        "from": "+12015550199",
        "body": {"url": "https://example.com/cat.jpg", "message": "A cat \N{CAT}"},
        "client_reference": "ref-00000001",
    }
    assert request.headers["authorization"] == "Bearer sandbox-token"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.content))


async def test_a_text_goes_out_as_documented(api: respx.MockRouter, client: Sinch) -> None:
    route = api.post(BATCHES).respond(201, json={"id": BATCH_ID})
    await client.batches.send(replace(HI, delivery_report="summary"))
    assert json.loads(route.calls.last.request.content) == {
        "type": "mt_text",
        "to": ["+12015550123"],
        "from": "Shop",
        "body": "Hi",
        "delivery_report": "summary",
        "client_reference": "ref-1",
    }


@pytest.mark.parametrize(
    ("base_url", "plan", "url"),
    [
        (f"{BASE}/", "plan-1", BATCHES),
        (f"{BASE}:8443//", "plan-1", f"{BASE}:8443/xms/v1/plan-1/batches"),
        (f"{BASE}/gateway/", "plan-1", f"{BASE}/gateway/xms/v1/plan-1/batches"),
        (BASE, "a/b?c", f"{BASE}/xms/v1/a%2Fb%3Fc/batches"),
    ],
)
async def test_the_address_is_built_from_base_and_plan(
    api: respx.MockRouter, base_url: str, plan: str, url: str
) -> None:
    route = api.route().respond(201, json={"id": BATCH_ID})
    async with Sinch(service_plan_id=plan, api_token="sandbox-token", base_url=base_url, trust_env=False) as client:
        await client.batches.send(HI)
    assert str(route.calls.last.request.url) == url


async def test_get_reads_one_batch_and_encodes_its_id(api: respx.MockRouter, client: Sinch) -> None:
    route = api.route(method="GET").respond(200, json={"id": "a/b c%", "client_reference": "ref-1"})
    batch = await client.batches.get("a/b c%")
    request = route.calls.last.request
    assert (batch.id, batch.client_reference) == ("a/b c%", "ref-1")
    assert request.url.raw_path == b"/xms/v1/plan-1/batches/a%2Fb%20c%25"
    assert "content-type" not in request.headers


async def test_a_batch_that_is_not_there_is_a_404(api: respx.MockRouter, client: Sinch) -> None:
    api.get(f"{BATCHES}/{BATCH_ID}").respond(404)
    with pytest.raises(StatusError) as caught:
        await client.batches.get(BATCH_ID)
    assert (caught.value.status, caught.value.text, caught.value.maybe_sent) == (404, None, False)


async def test_a_redirect_is_not_followed(api: respx.MockRouter, client: Sinch) -> None:
    elsewhere = api.route(host="elsewhere.example").respond(201, json={"id": BATCH_ID})
    api.post(BATCHES).respond(307, headers={"location": "https://elsewhere.example/"})
    with pytest.raises(StatusError) as caught:
        await client.batches.send(HI)
    assert (caught.value.status, caught.value.maybe_sent, elsewhere.called) == (307, False, False)


async def test_cookies_of_an_answer_are_not_sent_back(api: respx.MockRouter, client: Sinch) -> None:
    route = api.get(f"{BATCHES}/{BATCH_ID}").respond(200, json={"id": BATCH_ID}, headers={"set-cookie": "lane=7"})
    await client.batches.get(BATCH_ID)
    await client.batches.get(BATCH_ID)
    assert "cookie" not in route.calls.last.request.headers


@pytest.mark.parametrize("header", ["Retry-After", "retry-after", "RETRY-AFTER"])
async def test_429_tells_how_long_to_wait(api: respx.MockRouter, client: Sinch, header: str) -> None:
    api.post(BATCHES).respond(429, headers={header: "7200"})
    with pytest.raises(RateLimited) as caught:
        await client.batches.send(HI)
    assert caught.value.retry_after_s == 7200.0


async def test_a_2xx_without_body_may_have_been_sent(api: respx.MockRouter, client: Sinch) -> None:
    api.post(BATCHES).respond(201)
    with pytest.raises(BadAnswer) as caught:
        await client.batches.send(HI)
    assert caught.value.maybe_sent is True


@pytest.mark.parametrize(
    ("failure", "expected", "kind"),
    [
        (httpx.ConnectError, ConnectionFailed, "other"),
        (httpx.ConnectTimeout, ConnectionFailed, "connect_timeout"),
        (httpx.PoolTimeout, ConnectionFailed, "pool"),
        (httpx.ProxyError, ConnectionFailed, "other"),
        (httpx.ReadTimeout, AnswerLost, "timeout"),
        (httpx.WriteTimeout, AnswerLost, "timeout"),
        (httpx.ReadError, AnswerLost, "reset"),
        (httpx.WriteError, AnswerLost, "reset"),
        (httpx.RemoteProtocolError, AnswerLost, "reset"),
        (httpx.DecodingError, AnswerLost, "other"),
        (RuntimeError, AnswerLost, "other"),
    ],
)
async def test_a_transport_that_reports_no_steps_is_judged_by_its_exception(
    api: respx.MockRouter,
    client: Sinch,
    failure: type[Exception],
    expected: type[SinchError],
    kind: str,
) -> None:
    api.post(BATCHES).mock(side_effect=failure)
    with pytest.raises(SinchError) as caught:
        await client.batches.send(HI)
    error = caught.value
    assert type(error) is expected
    assert isinstance(error, ConnectionFailed | AnswerLost)
    assert error.kind == kind
    assert error.maybe_sent is (expected is AnswerLost)


class BatchList:
    """The documented batch list: newest first, 0-based pages, ``count`` over all, ``page_size`` of this answer."""

    def __init__(self, references: list[str], *, filters: bool = True, counts: bool = True) -> None:
        self.entries = [
            {"id": f"batch-{number}", "client_reference": reference} for number, reference in enumerate(references)
        ]
        self.filters = filters
        self.counts = counts
        self.queries: list[dict[str, str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        self.queries.append(query)
        wanted = query["client_reference"]
        entries = [e for e in self.entries if e["client_reference"] == wanted or not self.filters]
        size, page = int(query["page_size"]), int(query["page"])
        here = entries[page * size : (page + 1) * size]
        body: dict[str, object] = {"page": page, "page_size": len(here), "batches": here}
        return httpx.Response(200, json=body | ({"count": len(entries)} if self.counts else {}))


async def find(api: respx.MockRouter, client: Sinch, batches: BatchList) -> list[str]:
    api.get(BATCHES).mock(side_effect=batches.answer)
    return [batch.id for batch in await client.batches.find(client_reference="ref-1", start_date=START)]


async def test_find_asks_once_when_the_first_page_has_all(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-0", "ref-1", "ref-2"])
    assert await find(api, client, batches) == ["batch-1"]
    assert batches.queries == [
        {"page": "0", "page_size": "100", "start_date": "2026-03-01T12:00:00.000Z", "client_reference": "ref-1"}
    ]


async def test_find_gives_nothing_when_nothing_is_there(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-0"])
    assert await find(api, client, batches) == []
    assert len(batches.queries) == 1


async def test_find_gives_every_batch_with_the_reference(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-1"] * 230)
    assert await find(api, client, batches) == [f"batch-{number}" for number in range(230)]
    assert len(batches.queries) == 3


async def test_find_without_a_count_ends_at_the_first_empty_page(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-1"] * 150, counts=False)
    assert len(await find(api, client, batches)) == 150
    assert len(batches.queries) == 3


async def test_find_turns_pages_where_the_filter_is_ignored(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-0"] * 250 + ["ref-1", "ref-10"], filters=False)
    assert await find(api, client, batches) == ["batch-250"]
    assert len(batches.queries) == 3


async def test_find_stops_at_the_page_that_has_the_batch_where_the_filter_is_ignored(
    api: respx.MockRouter, client: Sinch
) -> None:
    batches = BatchList(["ref-0", "ref-1"] + ["ref-0"] * 500, filters=False)
    assert await find(api, client, batches) == ["batch-1"]
    assert len(batches.queries) == 1


async def test_find_turns_ten_pages_at_most(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-0"] * 5000 + ["ref-1"], filters=False, counts=False)
    assert await find(api, client, batches) == []
    assert len(batches.queries) == 10


async def test_a_batch_that_moves_to_the_next_page_is_found_once(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-1"] * 150)
    for entry in batches.entries[100:101]:
        entry["id"] = "batch-99"
    found = await find(api, client, batches)
    assert len(found) == len(set(found)) == 149


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"batches": 7}', b"<html>"])
async def test_a_list_that_cannot_be_read_is_a_bad_answer(api: respx.MockRouter, client: Sinch, body: bytes) -> None:
    api.get(BATCHES).respond(200, content=body)
    with pytest.raises(BadAnswer):
        await client.batches.find(client_reference="ref-1", start_date=START)


async def test_find_passes_a_refusal_on(api: respx.MockRouter, client: Sinch) -> None:
    api.get(BATCHES).respond(401)
    with pytest.raises(SinchError) as caught:
        await client.batches.find(client_reference="ref-1", start_date=START)
    assert isinstance(caught.value, StatusError)


async def test_a_list_gives_each_batch_once_and_turns_its_pages(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-1"] * 250)
    api.get(BATCHES).mock(side_effect=batches.answer)
    listed = [batch.id async for batch in client.batches.list(client_reference="ref-1")]
    assert listed == [f"batch-{number}" for number in range(250)]
    assert [query["page"] for query in batches.queries] == ["0", "1", "2"]


async def test_a_list_without_a_count_ends_at_the_first_empty_page(api: respx.MockRouter, client: Sinch) -> None:
    batches = BatchList(["ref-1"] * 3, counts=False)
    api.get(BATCHES).mock(side_effect=batches.answer)
    assert len([batch async for batch in client.batches.list(client_reference="ref-1", page_size=2)]) == 3
    assert [query["page"] for query in batches.queries] == ["0", "1", "2"]


async def test_a_server_that_gives_the_same_page_for_ever_comes_to_an_end(api: respx.MockRouter, client: Sinch) -> None:
    route = api.get(BATCHES).respond(200, json={"batches": [{"id": "batch-1"}, {"id": "batch-2"}]})
    assert [batch.id async for batch in client.batches.list()] == ["batch-1", "batch-2"]
    assert route.call_count == 2
