"""The types of columns that are not the same on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.types import TypeEngine


def word(length: int) -> TypeEngine[Any]:
    """Of about ``length`` characters. SQLite keeps longer ones all the same; so that PostgreSQL does, it is told none.

    Most come from others, who may change their minds: a batch ID has to be kept, however long it is.
    """
    return String(length).with_variant(Text(), "postgresql")


def serial() -> TypeEngine[Any]:
    """A number that the database gives, in SQLite's width; somebody may well ask for one that was never given."""
    return BigInteger().with_variant(Integer(), "sqlite")
