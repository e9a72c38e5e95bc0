"""Nothing that the bot asks of its database reads more because there is more: counted, not timed, on both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.growth.__main__ import NOW, SMALL, open_filled
from bench.growth.measure import Row, table
from bench.growth.work import SLACK, grown, work
from bench.numbers import Series
from tests.postgres import Postgres

MORE = 20_000


@pytest.fixture(params=list(SLACK))
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'small.db'}", f"sqlite:///{tmp_path / 'large.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    names = postgres.create(), postgres.create()
    yield postgres.url(names[0]), postgres.url(names[1])
    for name in names:
        postgres.drop(name)


async def compared(urls: tuple[str, str], *, without: str | None = None) -> list[str]:
    found = []
    for url, size in zip(urls, (SMALL, MORE), strict=True):
        store = open_filled(url, size)
        if without is not None:
            with store.engine.begin() as connection:
                connection.execute(text(f"DROP INDEX {without}"))
        found.append(await work(store, now=NOW))
        await store.close()
    return grown(found[0], found[1], slack=SLACK[urls[0].partition(":")[0]])


@pytest.mark.timeout(240)
async def test_twenty_times_as_many_rows_are_no_more_work(urls: tuple[str, str]) -> None:
    assert await compared(urls) == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("index", "place"), [("message_by_user", "sql.py, read"), ("access_change_version", "access.py, _changes")]
)
async def test_a_missing_index_is_seen(urls: tuple[str, str], index: str, place: str) -> None:
    assert any(place in line for line in await compared(urls, without=index))


def test_the_table_marks_what_takes_too_long() -> None:
    slow = Row("recent", Series((1.0, 1.0), "ms"), Series((3.0, 3.0), "ms"), promised=True)
    free = Row("the last day", Series((1.0, 1.0), "ms"), Series((3.0, 3.0), "ms"), promised=False)

    assert not slow.kept
    assert free.kept
    printed = table([slow, free], sizes=(1_000, 1_000_000))
    assert "| recent | 1.00 (1.00–1.00) | 3.00 (3.00–3.00) | 3.00 **too much** |" in printed
    assert "3.00 (not promised) |" in printed
