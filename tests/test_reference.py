"""The reference is what the code says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.routing import Route

from bot.slack.command import Name
from bot.web import SlackEvents, web_app
from ops.reference import ROUTES, page

ROOT = Path(__file__).parent.parent


def test_the_page_is_what_the_code_says() -> None:
    assert (ROOT / "docs/reference.md").read_text() == page()


def test_every_route_that_is_served_is_there_and_no_other() -> None:
    one: Any = object.__new__(SlackEvents)
    app = web_app(events=one, callbacks=one, readiness=one, metrics=one)
    served = {
        f"{method} {route.path}" for route in app.routes if isinstance(route, Route) for method in route.methods or ()
    }

    assert served - {route.replace("GET", "HEAD") for route in ROUTES if route.startswith("GET")} == set(ROUTES)


def test_every_command_setting_word_and_exit_status_is_there() -> None:
    text = page()

    assert all(f"### `{name}`" in text for name in ("run", "init", "doctor", "migrate", "forget", "sandbox"))
    assert all(f"| `{name}` |" in text for name in ("SLACK_BOT_TOKEN", "SLACK_API_BASE_URL", "DATABASE_URL", "PORT"))
    assert all(f"`{word}`" in text for word in Name)
