"""The values that statements leave open, each by one name.

Statements are made once, when their module is loaded: to make one costs three times as much as to run it. No name is
that of a column, for those are taken by what an update sets.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, bindparam

NOW: BindParameter[float] = bindparam("now")  # seconds since 1970, as all times here
UNTIL: BindParameter[float] = bindparam("until")
NEXT_AT: BindParameter[float | None] = bindparam("next_at")
OWNER: BindParameter[str] = bindparam("owner")
OF: BindParameter[str] = bindparam("of")  # the client_reference of a message
THIS: BindParameter[Any] = bindparam("this")  # the key of a row
THESE: BindParameter[Any] = bindparam("these", expanding=True)  # a list
LIMIT: BindParameter[int] = bindparam("limit")
