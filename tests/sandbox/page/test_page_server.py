"""The sandbox's page over HTTP: its routes, who may ask, and what it shows of what really happens."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from sandbox.page.faults import SWITCHES
from sandbox.page.guards import POLICY, is_here
from sandbox.page.server import Page
from sandbox.page.stage import CAST, Stage
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SOON_S = 20.0
TO = "+12015550123"


class Tab:
    """One browser tab, without the browser: the page's token, and the parts that came."""

    def __init__(self, session: aiohttp.ClientSession, page: Page, me: str) -> None:
        self.session, self.page, self.me = session, page, me
        self.parts: dict[str, str] = {}
        self.token = ""

    async def load(self) -> str:
        async with self.session.get(self.page.url, params={"as": self.me}) as answer:
            assert answer.status == 200
            text = await answer.text()
        self.token = re.findall(r'name="page-token" content="([^"]+)"', text)[0]
        return text

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> tuple[int, str]:
        sent = {"Origin": self.page.url.rstrip("/"), "X-Page-Token": self.token} | (headers or {})
        url = f"{self.page.url.rstrip('/')}{path}"
        async with self.session.post(url, params={"as": self.me}, data=form, headers=sent) as answer:
            return answer.status, await answer.text()

    async def until(self, part: str, words: str) -> str:
        """The part, as soon as these words are in it."""
        url = f"{self.page.url}events"
        async with asyncio.timeout(SOON_S), self.session.get(url, params={"as": self.me}) as events:
            async for line in events.content:
                if line.startswith(b"data: "):
                    told: dict[str, str] = json.loads(line[6:])
                    self.parts[told["id"]] = told["html"]
                    if part in self.parts and words in self.parts[part]:
                        return self.parts[part]
        raise AssertionError("the events ended")

    async def view_id(self) -> str:
        return str(re.findall(r'data-view="([^"]+)"', await self.until("dialog", "data-view"))[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("page")
    async with World(folder) as world:
        made = Stage(world, folder)
        yield made
        await made.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(stage: Stage) -> AsyncIterator[Page]:
    started = Page(stage)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def tab(page: Page) -> AsyncIterator[Tab]:
    async with aiohttp.ClientSession() as session:
        one = Tab(session, page, "ann")
        await one.load()
        yield one


async def test_the_page_holds_no_script_and_no_style_of_its_own_and_names_no_other_host(tab: Tab) -> None:
    text = await tab.load()

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=\"/static/)", text)
    addresses = re.findall(r"(?:src|href|action)=\"([^\"]+)\"", text)
    assert all(one.startswith(("/", "#")) for one in addresses)


@pytest.mark.parametrize(
    "path", ["", "static/page.css", "static/page.js", "static/icon.svg", "static/absent", "?as=eve"]
)
async def test_every_answer_has_the_strict_policy(tab: Tab, path: str) -> None:
    async with tab.session.get(f"{tab.page.url}{path}") as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_message_goes_from_the_composer_over_the_dialog_to_the_phone(tab: Tab, stage: Stage) -> None:
    picture = "https://pictures.example.com/way.jpg"
    assert (await tab.post("/write", place="general", text=f"/mms {TO} On its way {picture}"))[0] == 200
    view_id = await tab.view_id()

    status, said = await tab.post("/submit", view_id=view_id, to=TO, message="On its way", media_url=picture)

    assert (status, said) == (200, "{}")
    phones = await tab.until("phones", "On its way")
    assert "+1 201 555 0123" in phones
    assert re.search(r'<img src="/picture/[0-9a-f]{12}\.svg" alt="[^"]*way\.jpg"', phones)
    assert "Batch ID" in await tab.until("general", "Batch ID")
    assert "On its way" in [batch.request.text for batch in stage.world.sinch.batches]


async def test_what_is_wrong_stands_under_its_field_and_what_was_typed_stays(tab: Tab) -> None:
    await tab.post("/write", place="general", text="/mms")
    view_id = await tab.view_id()
    await tab.post("/submit", view_id=view_id, to="12", message="Mine & <yours>")

    dialog = await tab.until("dialog", 'class="error"')

    assert 'aria-invalid="true"' in dialog
    assert "Mine &amp; &lt;yours&gt;" in dialog
    await tab.post("/close", view_id=view_id)


async def test_two_people_see_each_their_own(page: Page, tab: Tab) -> None:
    async with aiohttp.ClientSession() as session:
        sam = Tab(session, page, "sam")
        await sam.load()
        await sam.post("/write", place="general", text="/mms whoami")
        await sam.until("general", "U0SAM")
        await tab.until("general", "")

        assert "U0SAM" not in tab.parts["general"]


async def test_a_mere_message_is_seen_by_everybody_and_the_bot_gets_nothing(page: Page, tab: Tab) -> None:
    async with aiohttp.ClientSession() as session:
        ada = Tab(session, page, "ada")
        await ada.load()
        await tab.post("/write", place="general", text="Good <b>morning</b>")

        assert "Good &lt;b&gt;morning" in await ada.until("general", "Good")


async def test_the_home_tab_is_drawn_when_somebody_looks(tab: Tab) -> None:
    assert (await tab.post("/home"))[0] == 200

    assert "Your messages" in await tab.until("home", "Your messages")


async def test_under_the_hood_every_secret_is_stars(tab: Tab, stage: Stage) -> None:
    hood = await tab.until("hood", "auth.test")
    slack, sinch = stage.world.slack, stage.world.sinch
    secrets = [slack.bot_token, slack.signing_secret, sinch.settings()["SINCH_API_TOKEN"], sinch.service_plan_id]

    assert not any(secret in hood for secret in secrets)
    assert not any(trigger in hood for trigger in slack.state.triggers)
    assert not any(token in hood for token in slack.state.response_urls)
    assert "•••" in hood


@pytest.mark.parametrize("name", SWITCHES)
async def test_every_switch_goes_on_and_off(tab: Tab, stage: Stage, name: str) -> None:
    assert (await tab.post("/switch", name=name, on="true"))[0] == 200
    assert stage.trouble.on == {name}
    assert re.search(rf'data-switch="{name}" checked', await tab.until("switches", f'data-switch="{name}" checked'))

    await tab.post("/switch", name=name, on="false")
    assert stage.trouble.on == set()


async def test_a_killed_bot_comes_back_and_goes_on(tab: Tab, stage: Stage) -> None:
    before = stage.world.bot.pid
    assert (await tab.post("/kill"))[0] == 200
    await tab.until("bot", "killed")
    await tab.until("bot", "The bot is running")

    assert stage.world.bot.pid != before
    assert (await tab.post("/write", place="general", text="/mms help"))[0] == 200


# -- who may ask


@pytest.mark.parametrize(
    "headers",
    [{"X-Page-Token": "other"}, {"X-Page-Token": "é"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=str,
)
async def test_nobody_but_the_page_itself_may_act(tab: Tab, stage: Stage, headers: dict[str, str]) -> None:
    seen = len(stage.log)

    assert (await tab.post("/write", headers, place="general", text="/mms help"))[0] == 403
    assert len(stage.log) == seen


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", ""])
async def test_under_another_name_the_page_does_not_answer(tab: Tab, host: str) -> None:
    async with tab.session.get(tab.page.url, headers={"Host": host}) as answer:
        assert answer.status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1:8000", "[::1]:8000", "[::1]", "127.0.0.2"])
async def test_names_of_this_machine_are_known(host: str) -> None:
    assert is_here(host)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/write", {"text": "", "place": "general"}, 409),
        ("/write", {"text": "x", "place": "backroom"}, 409),
        ("/write", {}, 409),
        ("/submit", {"view_id": "V0"}, 409),
        ("/close", {}, 409),
        ("/click", {"where": "message", "ts": "1.1", "action_id": "x"}, 409),
        ("/click", {"where": "home", "action_id": "nothing"}, 409),
        ("/click", {"where": "dialog", "action_id": "nothing"}, 409),
        ("/switch", {"name": "absent", "on": "true"}, 400),
        ("/nowhere", {}, 404),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(tab: Tab, path: str, form: dict[str, str], status: int) -> None:
    found, said = await tab.post(path, None, **form)

    assert found == status
    assert said


async def test_too_much_is_refused(tab: Tab) -> None:
    assert (await tab.post("/write", place="general", text="x" * 300_000))[0] == 413


@pytest.mark.parametrize("name", ["0" * 12, "nothing", "../x", "0123456789ab"])
async def test_pictures_are_drawn_and_nothing_else(tab: Tab, name: str) -> None:
    async with tab.session.get(f"{tab.page.url}picture/{name}.svg") as answer:
        drawn = re.fullmatch(r"[0-9a-f]{12}", name) is not None
        assert answer.status == (200 if drawn else 404)
        if drawn:
            assert (await answer.text()).startswith("<svg")


async def test_everybody_in_the_cast_has_a_page(tab: Tab) -> None:
    for name in CAST:
        async with tab.session.get(tab.page.url, params={"as": name}) as answer:
            assert f'data-me="{name}"' in await answer.text()


async def test_two_pages_can_be_served_side_by_side(stage: Stage) -> None:
    one, other = Page(stage), Page(stage)
    await one.start()
    await other.start()

    assert one.url != other.url
    await one.stop()
    await other.stop()
