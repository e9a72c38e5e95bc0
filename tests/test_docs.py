"""Pages written by hand say what the code does: the log's events, the payload; and their links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.causes import Catalogue
from bot.delivery.xms import XmsSender
from bot.domain import Content, Message, Recipient, ReplyRoute, State
from sandbox.sinch import FakeSinch
from sinch import NoRetry, Sinch

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sinch/*.md")])
# Not said by a call with a name in it: what a library logs, and what `bot.foresight` yields.
BY_THE_WAY = {
    **dict.fromkeys(("library", "no_admin", "nobody_may_send", "may_be_put_to_sleep"), "warning"),
    **dict.fromkeys(("slack_scopes", "more_scopes_than_needed", "clock"), "warning"),
}
_LEVELS = frozenset({"debug", "info", "warning", "error"})


def _logged() -> Iterator[tuple[str, str]]:
    """(event, level) of every line that the code writes."""
    for path in ROOT.glob("bot/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
                logger, first = node.func.value, node.args[0] if node.args else None
                if isinstance(logger, ast.Name) and logger.id == "_log" and isinstance(first, ast.Constant):
                    yield str(first.value), node.func.attr


def test_the_page_about_the_log_has_every_event_at_its_level_and_no_other() -> None:
    page = (ROOT / "docs/log.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\w+) \|", page, re.MULTILINE)
    written = {(event, level) for events, level in rows for event in re.findall(r"\w+", events)}

    assert written == {*_logged(), *BY_THE_WAY.items()}


def test_what_is_foreseen_at_the_start_is_on_the_page_about_the_log() -> None:
    source = (ROOT / "bot/foresight.py").read_text()
    yielded = set(re.findall(r'yield \(?\s*"(\w+)"', source))
    assert yielded
    assert yielded | {"slack_scopes", "clock"} == set(BY_THE_WAY) - {"library"}


@pytest.mark.parametrize("media_url", [None, "https://pictures.example.com/parcel.png"])
async def test_the_payload_on_its_page_is_what_goes_to_sinch(media_url: str | None) -> None:
    subject = "Parcel" if media_url else None
    to = (Recipient("+12015550123", "US"), Recipient("+12015550124", "US"))
    content = Content(to, "Your parcel is here", media_url, subject, "")
    message = Message(
        client_reference="mms-REFERENCE",
        view_id="V1",
        team_id="T1",
        state=State.SENDING,
        kind=content.kind,
        recipient_count=2,
        content=content,
        digest=content.digest(),
        reply=ReplyRoute("U1"),
        response_url_uses=0,
        created_at=datetime.now(UTC),
    )

    async def address() -> str:
        return "https://mms.example.com/sinch/callbacks/KEY"

    async with FakeSinch() as carrier, _client(carrier) as client:
        sender = XmsSender(client, number="+12015550100", causes=Catalogue.load(), callback_url=address)
        await sender.send(message)
        [sent] = [json.loads(one.body) for one in carrier.seen("send")]
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", _payload_page(), re.DOTALL)]
    assert sent in shown
    assert len(shown) == 2


def _client(carrier: FakeSinch) -> Sinch:
    settings = carrier.settings()
    return Sinch(
        service_plan_id=settings["SINCH_SERVICE_PLAN_ID"],
        api_token=settings["SINCH_API_TOKEN"],
        base_url=carrier.base_url,
        retry=NoRetry(),
        trust_env=False,
    )


def _payload_page() -> str:
    return (ROOT / "docs/payload.md").read_text()


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
    return words.strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_heading_leads_to_one(page: Path) -> None:
    text = page.read_text()
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        if "://" in target:
            continue
        other = (page.parent / target).read_text() if target else text
        assert anchor in {_anchor(one) for one in re.findall(r"^#+ (.+)$", other, re.MULTILINE)}, (target, anchor)


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text() + (ROOT / "docs/decisions/README.md").read_text()
    linked = {Path(target).name for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", index)}
    assert {page.name for page in ROOT.glob("docs/**/*.md")} - linked - {"README.md"} == set()


SLACKS_OWN = {"/mms is not a valid command"}


def test_what_troubleshooting_says_that_one_reads_is_what_the_bot_says() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text()
    seen = {
        words for cell in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for words in re.findall(r'"([^"]+)"', cell)
    }
    sources = [*ROOT.glob("bot/**/*.py"), ROOT / "bot/causes.toml"]
    said = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in sources)).lower()

    assert len(seen) > 4
    assert {words for words in seen - SLACKS_OWN if words.lower() not in said} == set()
