"""Turns the pages of a list, and knows when it is at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from typing import TypeVar

from sinch import _calls
from sinch._models import Page, read_page
from sinch._session import Session

PAGE_SIZE = 100  # Sinch SMS API, lists: page_size is 1…100

_T = TypeVar("_T")


async def pages(
    session: Session,
    url: str,
    key: str,
    read: Callable[[object], _T],
    *,
    query: Mapping[str, str | None],
    page_size: int,
    deadline: Callable[[], float],
) -> AsyncIterator[Page[_T]]:
    """Each page from the first to the last.

    The end is the first empty page, or the page with which ``count`` entries were read: ``page_size`` of an answer says
    how many entries it has, not how many fit.

    Args:
        key: the name of the list in the answer.
        read: reads one entry; one that it refuses (Malformed) is left out.
        query: what else is asked; None is left out.
        deadline: asked before each page, when that page has to be here.

    Raises:
        ValueError: ``page_size`` is not 1…100.
    """
    if not 1 <= page_size <= PAGE_SIZE:
        raise ValueError(f"page_size is 1 to {PAGE_SIZE}")
    entries_read = number = 0
    while True:
        call = _calls.read(url, {"page": str(number), "page_size": str(page_size), **query})
        page = await session.read(call, lambda value: read_page(value, key, read), deadline=deadline())
        entries_read += page.entries
        number += 1
        yield page
        if page.entries == 0 or (page.count is not None and entries_read >= page.count):
            return


async def entries(pages: AsyncIterator[Page[_T]], identity: Callable[[_T], Hashable]) -> AsyncIterator[_T]:
    """Each entry once, in order: while pages are turned, new entries push others onto the next page.

    A page that has entries and none that is new ends the list: a server that ignores ``page`` would give it for ever.
    """
    seen: set[Hashable] = set()
    async for page in pages:
        new = [item for item in page.items if identity(item) not in seen]
        if page.items and not new:
            return
        for item in new:
            if identity(item) not in seen:
                seen.add(identity(item))
                yield item
