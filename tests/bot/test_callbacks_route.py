"""The address that Sinch calls back: who is let in, what is taken, and that nothing it hears is a fault of ours."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.callbacks import CallbackAddress, SinchCallbacks
from bot.delivery.xms_callbacks import XmsCallbacks
from bot.domain import Content, Recipient, ReplyRoute, State, Submission
from bot.reports import Counts, RecipientState
from bot.secret import Secret
from bot.store import StoreUnavailableError
from bot.store.sql import SqlStore
from bot.store.tables import message, recipient
from bot.web import CALLBACKS_PATH, MAX_BODY_BYTES, web_app
from sinch import callbacks as signing
from tests.bot.conftest import START, FakeClock
from tests.bot.databases import Database, SqliteDatabase
from tests.bot.report_steps import ANN, BEN, CAT, THREE, accepted, found, states, unknown

SECRET = "an invented secret"
Submit = Callable[..., Submission]
Json = Mapping[str, Any]


class Office:
    """The route, as the bot serves it, and Sinch in front of it."""

    def __init__(self, store: SqlStore, clock: FakeClock, *, secret: str | None = None) -> None:
        self.store = store
        self.clock = clock
        self.news = 0
        self.address = CallbackAddress(store.reports, public_url="https://bot.example")
        self.route = SinchCallbacks(
            address=self.address,
            read=XmsCallbacks(None if secret is None else Secret(secret)),
            reports=store.reports,
            clock=clock,
            on_news=self._on_news,
        )
        app = web_app(events=None, callbacks=self.route.handle, readiness=self._readiness, metrics=self._metrics)
        self.web = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot.example")

    def _on_news(self) -> None:
        self.news += 1

    async def _metrics(self) -> bytes:
        return b""

    async def _readiness(self) -> Mapping[str, Any]:
        return {"ready": True}

    async def path(self) -> str:
        return f"{CALLBACKS_PATH}{await self.address.key()}"

    async def post(self, body: Json | bytes, *, headers: Mapping[str, str] | None = None) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await self.web.post(await self.path(), content=raw, headers=dict(headers or {}))
        assert answer.content == b""
        return answer.status_code

    def signed(self, body: Json, *, secret: str = SECRET, nonce: str = "01HZX7D0R6V2W9Z1A3C4E5F6G7") -> dict[str, str]:
        return signing.sign(json.dumps(body).encode(), secret=secret, nonce=nonce, timestamp=self.clock.now())


def of_recipient(e164: str, status: str, code: int, *, batch_id: str = "B1", **more: Any) -> dict[str, Any]:
    return {
        "type": "recipient_delivery_report_mms",
        "batch_id": batch_id,
        "recipient": e164.removeprefix("+"),
        "code": code,
        "status": status,
        "at": "2026-01-02T12:00:03.250Z",
        **more,
    }


def of_batch(*statuses: Json, **more: Any) -> dict[str, Any]:
    return {"type": "delivery_report_mms", "batch_id": "B1", "total_message_count": 3, "statuses": statuses, **more}


@pytest.fixture
async def office(store: SqlStore, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(store, clock)
    yield office
    await office.web.aclose()


@pytest.fixture
async def signed_office(store: SqlStore, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(store, clock, secret=SECRET)
    yield office
    await office.web.aclose()


# -- what is taken


async def test_a_report_of_one_recipient_is_committed_when_it_is_answered(office: Office, submission: Submit) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    assert await office.post(of_recipient(BEN, "Failed", 417)) == 200
    when = START + timedelta(seconds=3.25)
    failed = RecipientState(1, BEN, "Failed", 417, when, None, when)
    assert (await office.store.reports.recipients(reference))[1] == failed
    assert office.news == 1
    assert await office.post(of_recipient(BEN, "Failed", 417)) == 200
    assert office.news == 1, "the same again is no news"


async def test_a_full_report_moves_everybody_it_names(office: Office, submission: Submit) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    statuses = (
        {"code": 0, "status": "Delivered", "count": 2, "recipients": ["12015550123", "+12015550125"]},
        {"code": 257, "status": "Rejected", "count": 1, "recipients": ["12015550124"]},
    )
    assert await office.post(of_batch(*statuses)) == 200
    assert await states(office.store, reference) == ["Delivered", "Rejected", "Delivered"]


async def test_a_summary_makes_the_question_due(office: Office, submission: Submit) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    assert await office.post(of_batch({"code": 0, "status": "Delivered", "count": 3})) == 200
    due = await office.store.reports.claim_polls(owner="w1", limit=9, now=START, lease_s=9)
    assert [one.client_reference for one in due] == [reference]
    assert await states(office.store, reference) == ["Queued"] * 3


async def test_the_empty_report_of_a_cancelled_batch_is_no_news(office: Office, submission: Submit) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    assert await office.post(of_batch()) == 200
    assert await states(office.store, reference) == ["Queued"] * 3


async def test_a_report_that_comes_before_our_own_record_is_not_lost(office: Office, submission: Submit) -> None:
    reference = await unknown(office.store, submission(to=THREE))
    body = of_recipient(CAT, "Delivered", 0, batch_id="B7", client_reference=reference)
    assert await office.post(body) == 200
    assert (await found(office.store, reference)).batch_id == "B7"
    assert await states(office.store, reference) == ["Queued", "Queued", "Delivered"]
    assert office.news == 1


async def test_reports_of_other_batches_are_counted_and_told_now_and_then(
    office: Office, database: Database, submission: Submit
) -> None:
    await accepted(office.store, submission(to=THREE), "B1")
    before = database.rows(recipient)
    with capture_logs() as logs:
        for number in range(11):
            body = of_recipient(ANN, "Failed", 414, batch_id=f"X{number}", client_reference="theirs")
            assert await office.post(body) == 200
    assert [line["count"] for line in logs if line["event"] == "reports_not_ours"] == [1, 10]
    assert office.route.not_ours == 11
    assert office.news == 0
    assert database.rows(recipient) == before


@pytest.mark.parametrize("kind", ["mo_text", "mo_binary", "mo_media"])
async def test_what_people_write_back_is_dropped_and_no_word_of_it_reaches_the_log(office: Office, kind: str) -> None:
    body: dict[str, Any] = {
        "mo_text": "Lantern",
        "mo_binary": "TGFudGVybg==",
        "mo_media": {"subject": "Lantern", "media": []},
    }
    inbound = {"type": kind, "id": "I1", "from": "12015550123", "to": "12015550100", "body": body[kind], "udh": "00"}
    inbound["received_at"] = "2026-01-02T12:00:03.250Z"
    with capture_logs() as logs:
        assert await office.post(inbound) == 200
    assert [(line["event"], line.get("kind")) for line in logs] == [("inbound_dropped", kind)]
    assert not [word for word in ("2015550123", "Lantern", "TGFudGVybg") if word in str(logs)]


async def test_no_number_reaches_the_log(office: Office, submission: Submit) -> None:
    await accepted(office.store, submission(to=THREE), "B1")
    with capture_logs() as logs:
        await office.post(of_recipient(BEN, "Failed", 417))
        await office.post(of_batch({"code": 0, "status": "Delivered", "count": 1, "recipients": ["12015550124"]}))
        await office.post({"type": "recipient_delivery_report_mms", "recipient": "12015550124"})
        await office.post({"type": "12015550124"})
    assert len(logs) == 4
    assert "2015550124" not in str(logs)


# -- who is let in


@pytest.mark.parametrize("wrong", ["", "x", "key/more", "%00", "%ED%A0%80", "é", "k" * 5000])
async def test_whoever_does_not_know_the_key_finds_nothing(office: Office, submission: Submit, wrong: str) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    answer = await office.web.post(f"{CALLBACKS_PATH}{wrong}", json=of_recipient(BEN, "Failed", 417))
    assert answer.status_code == 404
    almost = (await office.path())[:-1]
    assert (await office.web.post(almost, json=of_recipient(BEN, "Failed", 417))).status_code == 404
    assert await states(office.store, reference) == ["Queued"] * 3


async def test_only_a_post_is_let_in(office: Office) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await office.web.request(method, await office.path())).status_code == 405


async def test_with_a_secret_only_what_sinch_signed_counts(signed_office: Office, submission: Submit) -> None:
    office = signed_office
    reference = await accepted(office.store, submission(to=THREE), "B1")
    body = of_recipient(BEN, "Failed", 417)
    other = of_recipient(CAT, "Failed", 417)
    forged: tuple[dict[str, str], ...] = (
        {},
        office.signed(body, secret="guessed"),
        office.signed(other),
        office.signed(body) | {signing.ALGORITHM_HEADER: "HmacSHA1"},
        office.signed(body) | {signing.NONCE_HEADER: "another"},
    )
    for headers in forged:
        assert await office.post(body, headers=headers) == 401
    assert await office.post(b"not json", headers={}) == 401, "an unsigned body is not read at all"
    assert await states(office.store, reference) == ["Queued"] * 3
    assert await office.post(body, headers=office.signed(body)) == 200
    assert (await states(office.store, reference))[1] == "Failed"


async def test_a_request_that_is_replayed_changes_nothing(
    signed_office: Office, database: Database, submission: Submit
) -> None:
    office = signed_office
    await accepted(office.store, submission(to=THREE), "B1")
    first = of_recipient(BEN, "Dispatched", 401)
    headers = office.signed(first)
    assert await office.post(first, headers=headers) == 200
    last = of_recipient(BEN, "Delivered", 0)
    assert await office.post(last, headers=office.signed(last, nonce="second")) == 200
    before = database.rows(recipient), database.rows(message)
    office.clock.jump(3600)
    assert await office.post(first, headers=headers) == 200
    assert (database.rows(recipient), database.rows(message)) == before
    office.clock.jump(24 * 3600)
    assert await office.post(first, headers=headers) == 401, "signed too long ago"


# -- what can't be taken


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"type": "something_new"}',
        b'{"type": "recipient_delivery_report_sms"}',
        b'{"type": "delivery_report_sms", "batch_id": "B1", "statuses": 7}',
        b'{"type": "recipient_delivery_report_sms", "batch_id": "", "recipient": "1", "code": 0, "status": "x"}',
    ],
)
async def test_what_can_not_be_read_is_refused_so_that_it_is_not_repeated(office: Office, body: bytes) -> None:
    assert await office.post(body) == 400


async def test_a_body_that_is_too_long_is_cut_off(office: Office) -> None:
    assert await office.post(b" " * (MAX_BODY_BYTES + 1)) == 413


async def test_while_the_database_is_away_sinch_is_asked_to_come_again(
    database: Database, clock: FakeClock, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = database.store()
    office = Office(store, clock)
    reference = await accepted(store, submission(to=THREE), "B1")

    async def away() -> str:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(store.reports, "callback_key", away)
        nobody_knows = await office.web.post(f"{CALLBACKS_PATH}any", json=of_recipient(BEN, "Failed", 417))
    assert nobody_knows.status_code == 503
    await office.path()
    with database.locked():
        assert await office.post(of_recipient(BEN, "Failed", 417)) == 503
    assert office.news == 0
    assert await office.post(of_recipient(BEN, "Failed", 417)) == 200, "as Sinch repeats it"
    assert (await states(store, reference))[1] == "Failed"
    await office.web.aclose()


async def test_a_database_that_hangs_is_not_waited_for(
    office: Office, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.callbacks.COMMIT_LIMIT_S", 0.05)

    async def never(**_: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(office.store.reports, "take", never)
    assert await office.post(of_recipient(BEN, "Failed", 417)) == 503


# -- whatever comes

odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["B1", "\0", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = ("batch_id", "recipient", "code", "status", "at", "client_reference", "statuses", "total_message_count", "id")
kinds = ("recipient_delivery_report_sms", "delivery_report_mms", "mo_text", "mo_media", "other")
almost_reports = st.builds(
    lambda usual, kind, odd: {**usual, "type": kind, **odd},
    st.sampled_from(
        [
            of_recipient(ANN, "Delivered", 0),
            of_batch({"code": 0, "status": "Delivered", "count": 1, "recipients": ["12015550123"]}),
        ]
    ),
    st.sampled_from(kinds),
    st.dictionaries(st.sampled_from(names), odd_values, max_size=3),
)
bodies = st.binary(max_size=200) | (odd_values | almost_reports).map(lambda value: json.dumps(value).encode())


@settings(max_examples=60)
@given(st.lists(bodies, min_size=1, max_size=8))
@example([json.dumps(of_recipient(ANN, "\ud83d\0" * 90, 2**53 - 1, at="9999-12-31T23:59:59.9999999Z")).encode()])
@example([json.dumps(of_recipient("\0", "Delivered", 0, client_reference="\0\ud83d")).encode()])
def test_no_body_is_a_fault_of_ours_and_the_counts_still_add_up(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, some: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("callbacks")
    database = SqliteDatabase(Path(shutil.copy(sqlite_template, folder / "mms-bot.db")))

    async def play() -> None:
        store = database.store()
        office = Office(store, FakeClock())
        reference = await accepted(store, _to_three(), "B1")
        for body in some:
            assert await office.post(body) in (200, 400)
        counts = await store.reports.counts([reference])
        assert counts[reference].total == 3
        assert (await found(store, reference)).state is State.ACCEPTED
        await office.web.aclose()
        await database.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    "body",
    [
        of_recipient(ANN, "\ud83d\0" * 90, 2**53 - 1, at="9999-12-31T23:59:59.9999999Z"),
        of_recipient(ANN, "Delivered", 0, at="0001-01-01T00:00:00Z"),
        of_recipient("\0", "Delivered", 0, client_reference="\0\ud83d", batch_id="\u2028é"),
        of_batch({"code": 0, "status": "\0", "count": 2**53 - 1, "recipients": ["\0", "12015550123"] * 50}),
    ],
)
async def test_odd_words_are_no_fault_on_any_database(office: Office, submission: Submit, body: Json) -> None:
    reference = await accepted(office.store, submission(to=THREE), "B1")
    assert await office.post(body) in (200, 400)
    assert (await office.store.reports.counts([reference]))[reference].total == Counts(on_their_way=3).total


def _to_three() -> Submission:
    content = Content(tuple(Recipient(e164, "US") for e164 in THREE), "Hi", None, None, "")
    return Submission("V1", "T1", content, ReplyRoute("U0ANN"))
