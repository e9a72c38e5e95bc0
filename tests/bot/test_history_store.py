"""What was sent, page by page and in numbers; and that no question about it looks at every row."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert

from bot.domain import Message, State, Submission
from bot.store import Overview, Stuck
from bot.store.history import LAST_DAY_S, MAX_PEOPLE, MAX_STUCK, STUCK_AFTER_S
from bot.store.sql import SqlStore
from bot.store.tables import message
from sandbox.slack.people import ANN, BEN
from tests.bot.conftest import START
from tests.bot.databases import Database, SqliteDatabase
from tests.bot.report_steps import LEASE_S, accepted, queued, sending, unknown

Submit = Callable[..., Submission]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def row(number: int, *, user: str, created_at: float, state: State = State.ACCEPTED) -> dict[str, Any]:
    return {
        "client_reference": f"mms-{number:07d}",
        "view_id": f"V{number}",
        "team_id": "T1",
        "user_id": user,
        "state": state,
        "kind": "sms",
        "recipient_count": 1,
        "digest": "",
        "created_at": created_at,
        "batch_id": f"B{number}",
    }


def references(messages: Sequence[Message]) -> list[str]:
    return [one.client_reference for one in messages]


# -- pages


async def test_a_page_has_the_newest_first_of_one_person_or_of_everybody(store: SqlStore, submission: Submit) -> None:
    by_ann = [await queued(store, submission(), now=at(number)) for number in (0, 2)]
    by_ben = [await queued(store, submission(user=BEN), now=at(number)) for number in (1, 3)]
    reports = store.reports
    assert references(await reports.page(ANN, before=None, limit=9)) == by_ann[::-1]
    assert references(await reports.page(BEN, before=None, limit=1)) == by_ben[-1:]
    everybody = references(await reports.page(None, before=None, limit=9))
    assert everybody == [by_ben[1], by_ann[1], by_ben[0], by_ann[0]]
    assert references(await reports.page(None, before=by_ann[1], limit=1)) == [by_ben[0]]
    assert references(await reports.page(ANN, before=by_ben[1], limit=9)) == by_ann[::-1]
    assert await reports.page(ANN, before="mms-none", limit=9) == []
    assert await reports.page("U0NOBODY", before=None, limit=9) == []


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_pages_leave_nobody_out_and_show_nobody_twice(database: Database, size: int) -> None:
    """Also those of the very same moment."""
    store = database.store()
    rows = [row(number, user=(ANN, BEN)[number % 2], created_at=float(number // 5)) for number in range(23)]
    with database.engine().connect() as connection, connection.begin():
        connection.execute(insert(message), rows)
    for user in (None, ANN):
        wanted = [one for one in rows if user in (None, one["user_id"])]
        wanted.sort(key=lambda one: (one["created_at"], one["client_reference"]), reverse=True)
        seen: list[str] = []
        while shown := await store.reports.page(user, before=seen[-1] if seen else None, limit=size):
            assert len(shown) <= size
            seen.extend(references(shown))
        assert seen == [one["client_reference"] for one in wanted]


async def test_anybodys_message_is_found_by_batch_id_or_reference(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(user=BEN), "B1")
    for asked in ("B1", reference):
        found = await store.reports.find(asked)
        assert found is not None
        assert (found.client_reference, found.reply.user_id) == (reference, BEN)
    assert await store.reports.find("B2") is None


# -- in numbers


async def test_an_empty_database_has_an_overview(store: SqlStore) -> None:
    assert await store.reports.overview(now=START) == Overview(0, None, 0, 0, [], {}, [])


async def test_the_overview_says_what_waits_what_is_stuck_and_what_the_last_day_brought(
    store: SqlStore, submission: Submit
) -> None:
    now = at(LAST_DAY_S + 100)
    await accepted(store, submission(user=BEN), "B0", now=at(0))  # more than a day ago
    old = await queued(store, submission(user=BEN), now=at(50))
    lost = await unknown(store, submission(), now=at(LAST_DAY_S))
    new = await sending(store, submission(), now=now)
    await accepted(store, submission(), "B1", now=now)
    waits = await queued(store, submission(user=BEN), now=now)
    overview = await store.reports.overview(now=now)
    assert (overview.waiting, overview.oldest_waiting_since) == (2, at(50))
    assert overview.unknown == 1
    assert overview.untold == 2, "the two that were accepted"
    assert overview.stuck == [
        Stuck(old, BEN, State.QUEUED, at(50), None),
        Stuck(lost, ANN, State.UNKNOWN, at(LAST_DAY_S), "transport-reset"),
    ]
    assert {new.client_reference, waits}.isdisjoint(one.client_reference for one in overview.stuck)
    assert overview.last_day == {State.UNKNOWN: 1, State.SENDING: 1, State.ACCEPTED: 1, State.QUEUED: 1}
    assert overview.by_person == [(ANN, 3), (BEN, 1)]
    later = await store.reports.overview(now=now + timedelta(seconds=STUCK_AFTER_S + 1))
    assert {new.client_reference, waits} <= {one.client_reference for one in later.stuck}


async def test_the_overview_is_short_whatever_happened(database: Database) -> None:
    rows = [
        row(number, user=f"U{number % 30}", created_at=START.timestamp() - number, state=State.QUEUED)
        for number in range(200)
    ]
    with database.engine().connect() as connection, connection.begin():
        connection.execute(insert(message), rows)
    overview = await database.store().reports.overview(now=at(1000))
    assert (overview.waiting, len(overview.stuck), len(overview.by_person)) == (200, MAX_STUCK, MAX_PEOPLE)
    assert overview.stuck[0].since == at(-199)


# -- what it costs


@contextmanager
def plans_of(engine: Engine) -> Iterator[list[str]]:
    """How SQLite goes about each statement that is executed meanwhile."""
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _explain(connection: Connection, _c: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if statement.startswith("EXPLAIN") or many:
            return
        explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(f"{row[-1]}  [{' '.join(statement.split())[-80:]}]" for row in explained)

    yield plans
    event.remove(engine, "before_cursor_execute", _explain)


async def test_no_question_looks_at_every_row(sqlite_template: Path, tmp_path: Path, submission: Submit) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    database = SqliteDatabase(Path(shutil.copy(sqlite_template, folder / "mms-bot.db")))
    engine = database.engine()
    store = database.store(engine)
    reference = await accepted(store, submission(), "B1")
    reports = store.reports
    with plans_of(engine) as plans:
        await reports.page(ANN, before=reference, limit=9)
        await reports.page(None, before=reference, limit=9)
        await reports.find("B1")
        await reports.overview(now=START)
        await reports.take(batch_id="B1", client_reference=reference, reports=(), now=START)
        await reports.poll_soon(batch_id="B9", client_reference="mms-none", now=START)
        await reports.claim_polls(owner="w1", limit=9, now=at(99), lease_s=LEASE_S)
        await reports.polled(reference, next_at=None, now=at(99))
        await reports.claim_news(owner="w1", limit=9, now=at(99), lease_s=LEASE_S)
        await reports.news_told(reference, shown="1/0/0/0", channel_id=None, ts=None, by_response_url=False, now=at(99))
        await reports.counts([reference])
    await database.close()
    assert plans
    everything = re.compile(r"SCAN (message|recipient|answer|delivery_news)(?! USING INDEX message_(queued|sending))")
    assert [plan for plan in plans if everything.match(plan)] == []
    assert [plan for plan in plans if "message_by_time (created_at<?)" in plan and "LIMIT" not in plan] == []
