"""What the client asks for when it is made, and what it never shows."""

from __future__ import annotations

import ast
import pprint
import sys
import traceback
from pathlib import Path

import pytest

import sinch
from sinch import ConnectionFailed, Sinch

TOKEN = "sandbox-token-that-nobody-may-see"


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "tokén", "tab\there"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="api_token has to be visible ASCII") as caught:
        Sinch(service_plan_id="plan", api_token=token, trust_env=False)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("plan", ["", "  ", ".", ".."])
def test_an_empty_plan_is_refused(plan: str) -> None:
    with pytest.raises(ValueError, match="service_plan_id"):
        Sinch(service_plan_id=plan, api_token=TOKEN, trust_env=False)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "us.sms.api.sinch.com",
        "ftp://sinch.example",
        "https://",
        "https://user:secret-word@sinch.example",
        "https://sinch.example/?a=1",
        "https://sinch.example/#a",
        "https://sinch.example:port",
    ],
)
def test_a_base_address_that_cannot_work_is_refused_without_showing_it(base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        Sinch(service_plan_id="plan", api_token=TOKEN, base_url=base_url, trust_env=False)
    assert "secret-word" not in str(caught.value)


def test_fewer_than_one_request_in_flight_is_refused() -> None:
    with pytest.raises(ValueError, match="max_in_flight"):
        Sinch(service_plan_id="plan", api_token=TOKEN, max_in_flight=0, trust_env=False)


async def test_the_token_shows_in_no_repr_and_no_traceback() -> None:
    async with Sinch(service_plan_id="plan", api_token=TOKEN, base_url="http://127.0.0.1:1", trust_env=False) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.batches.get("b-1")
        shown = [
            *(repr(thing) + str(thing) for thing in (client, client.batches, caught.value)),
            pprint.pformat(vars(client)),
            pprint.pformat(vars(client._transport)),
            pprint.pformat(vars(client.batches)),
            "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()),
        ]
    assert "sinch" in shown[-1]
    assert not [text for text in shown if TOKEN in text]


async def test_a_closed_client_says_that_nothing_left() -> None:
    client = Sinch(service_plan_id="plan", api_token=TOKEN, base_url="http://127.0.0.1:1", trust_env=False)
    await client.aclose()
    await client.aclose()
    with pytest.raises(ConnectionFailed) as caught:
        await client.batches.get("b-1")
    assert (caught.value.kind, caught.value.maybe_sent) == ("other", False)


def test_every_public_name_is_there_and_nothing_else() -> None:
    assert not [name for name in sinch.__all__ if not hasattr(sinch, name)]
    public = {name for name, value in vars(sinch).items() if getattr(value, "__module__", "").startswith("sinch.")}
    assert public <= set(sinch.__all__)


def test_sinch_imports_httpx_and_the_standard_library_only() -> None:
    allowed = {"sinch", "httpx", *sys.stdlib_module_names}
    for file in Path(sinch.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, file.name
