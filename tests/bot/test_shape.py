"""What is let through to Bolt, and that the rest is turned away without an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.shape import as_documented

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    ["type", "command", "team", "user", "view", "event", "actions", "authorizations", "response_urls", "ssl_check"]
)
_kinds = st.sampled_from(["view_submission", "block_actions", "event_callback", "url_verification", "view_closed"])


@given(st.dictionaries(_names | st.text(max_size=6), _json | _kinds, max_size=8))
def test_whatever_comes_it_is_taken_or_turned_away_without_an_error(body: dict[str, Any]) -> None:
    known = as_documented(body)

    assert known is None or isinstance(known, dict)


def test_a_command_keeps_the_fields_of_a_command_and_loses_what_would_make_it_something_else() -> None:
    known = as_documented({"command": "/mms", "text": "hi", "type": "view_submission", "authorizations": "0"})

    assert known == {"command": "/mms", "text": "hi"}


def test_a_part_that_slack_leaves_null_is_as_good_as_absent() -> None:
    body = {"type": "view_submission", "team": None, "enterprise": None, "view": {"callback_id": "mms_compose"}}

    assert as_documented(body) == {
        "type": "view_submission",
        "view": {"type": "modal", "callback_id": "mms_compose"},
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": 7},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": [[]]},
        {"type": "block_actions", "actions": [{}]},
        {"type": "view_submission"},
        {"type": "view_submission", "view": None},
        {"type": "view_submission", "view": {}},
        {"type": "event_callback", "event": None},
        {"type": "event_callback", "event": "message"},
        {"type": "shortcut", "team": "T1"},
        {"type": "shortcut", "user": 7},
        {"type": "shortcut", "authorizations": "0"},
        {"type": "shortcut", "response_urls": [0]},
    ],
)
def test_what_slack_does_not_send_is_turned_away(body: dict[str, Any]) -> None:
    assert as_documented(body) is None
