"""The words `allow`, `remove`, `access` and `access log`: what they change, what they refuse, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from bot.access.changes import ByDoor
from bot.slack.access import changing
from bot.slack.access.commands import LOG_SHOWN
from bot.slack.dispatch import Answer
from bot.store.tables import access_change, message
from sandbox.slack.people import ADA, ANN, BEN, DAN, EVE, GUS, NOBODY, ROBO, SAM, SUPPORT
from tests.bot.access_desk import UNCHANGED, Desk, admin, sender

if TYPE_CHECKING:
    from tests.bot.conftest import Doors

ACK_LIMIT_S = 3.0  # Slack's
READING = ("access", "access log", "admin")  # the words that change nothing themselves


# -- allow


async def test_who_is_allowed_may_send_at_once_and_the_log_says_who_did_it(desk: Desk, doors: Doors) -> None:
    said = await desk.command("ada", "allow @sam")
    assert f"<@{SAM}>" in said
    assert UNCHANGED.lower() not in said.lower()
    assert await desk.entries() == {("sender", SAM)}
    assert desk.log() == [(ADA, "added", SAM, "sender")]
    assert [row["door"] for row in desk.database.rows(access_change)] == [ByDoor.COMMAND]
    assert doors.noticed == 1
    assert await desk.command("sam", "+12015550123 Hi") == ""
    assert (await desk.slack.person("sam").dialog()).callback_id == "mms_compose"


async def test_several_people_and_groups_are_one_change(desk: Desk) -> None:
    await desk.command("ada", "allow @sam, @ben;@nobody")
    assert await desk.entries() == {("sender", SAM), ("sender", BEN), ("sender", NOBODY)}
    assert {row["version"] for row in desk.database.rows(access_change)} == {1}


@pytest.mark.parametrize("ending", ["as admin", "as admins", "AS ADMIN"])
async def test_as_admin_makes_an_admin(desk: Desk, doors: Doors, ending: str) -> None:
    await desk.command("ada", f"allow @sam {ending}")
    assert await desk.entries() == {("admin", SAM)}
    await desk.command("sam", "allow @ben")
    assert await desk.entries() == {("admin", SAM), ("sender", BEN)}


async def test_who_was_added_at_another_process_a_moment_ago_gets_in_at_once(desk: Desk) -> None:
    await desk.elsewhere(sender(SAM), admin(BEN))
    assert await desk.command("sam", "") == ""
    assert (await desk.slack.person("sam").dialog()).callback_id == "mms_compose"
    assert SAM in await desk.command("ben", "access")


async def test_slack_is_asked_about_somebody_new_for_a_moment_only(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, asked = doors.directory.learn, list[tuple[set[str], float]]()

    async def noting(user_ids: Iterable[str], *, within_s: float) -> None:
        asked.append((set(user_ids), within_s))
        await learn(user_ids, within_s=within_s)

    monkeypatch.setattr(doors.directory, "learn", noting)
    await desk.command("ada", "allow @sam")
    await desk.command("ada", "allow @sam @ben")
    assert asked == [({SAM}, changing.LEARN_LIMIT_S), ({BEN}, changing.LEARN_LIMIT_S)]
    assert changing.LEARN_LIMIT_S < 1


async def test_somebody_known_is_answered_in_the_ack(desk: Desk, doors: Doors) -> None:
    await doors.directory.learn([SAM], within_s=1)
    answer = await desk.slack.person("ada").command("/mms", "allow @sam")
    assert answer.message is not None
    assert f"<@{SAM}>" in answer.message.shown
    assert await desk.entries() == {("sender", SAM)}


async def test_somebody_of_whom_slack_says_nothing_is_saved_and_it_is_said(desk: Desk, doors: Doors) -> None:
    doors.directory.silent = True
    said = await desk.command("ada", "allow @sam")
    assert "Slack has not said" in said
    assert await desk.entries() == {("sender", SAM)}


@pytest.mark.parametrize(("name", "user_id"), [("robo", ROBO), ("mms", "U0MMSBOT"), ("eve", EVE), ("dan", DAN)])
@pytest.mark.parametrize("known", [True, False])
async def test_who_cannot_count_is_refused_with_everybody_beside_them(
    desk: Desk, doors: Doors, name: str, user_id: str, known: bool
) -> None:
    if known:
        await doors.directory.learn([user_id, SAM], within_s=1)
    said = await desk.command("ada", f"allow @sam @{name}")
    assert UNCHANGED in said
    assert f"<@{user_id}>" in said
    assert f"<@{SAM}>" not in said
    assert desk.log() == []


async def test_slacks_own_bot_is_refused_though_slack_calls_it_a_person(desk: Desk) -> None:
    assert UNCHANGED in await desk.command("ada", "allow <@USLACKBOT>", escape=False)
    assert desk.log() == []


async def test_a_guest_may_be_listed_by_name(desk: Desk) -> None:
    await desk.command("ada", "allow @gus")
    assert await desk.entries() == {("sender", GUS)}
    assert await desk.command("gus", "") == ""
    assert (await desk.slack.person("gus").dialog()).callback_id == "mms_compose"


@pytest.mark.parametrize("word", ["allow", "remove"])
@pytest.mark.parametrize("names", ["ben", "@ben", "ben <@U0SAM>", "<#C0GENERAL|ben>", BEN, "<mailto:b@x.org|@ben>"])
async def test_what_is_no_mention_is_never_guessed(desk: Desk, doors: Doors, word: str, names: str) -> None:
    doors.access.take(await desk.elsewhere(sender(BEN), sender(SAM)))
    before = desk.log()
    assert UNCHANGED in await desk.command("ada", f"{word} {names}", escape=False)
    assert desk.log() == before


@pytest.mark.parametrize("text", ["allow", "remove", "allow as admin", "ALLOW  ,"])
async def test_a_word_with_nobody_after_it_asks_whom(desk: Desk, text: str) -> None:
    assert UNCHANGED in await desk.command("ada", text)
    assert desk.log() == []


async def test_a_group_that_the_workspace_does_not_name_is_refused(desk: Desk) -> None:
    said = await desk.command("ada", "allow <!subteam^S0GONE|@gone> <@U0SAM|sam>", escape=False)
    assert UNCHANGED in said
    assert "S0GONE" in said
    assert desk.log() == []


async def test_while_the_groups_are_not_known_a_group_is_taken_and_it_is_said(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors.directory, "user_groups", lambda: ())
    assert "S0NEW" in await desk.command("ada", "allow <!subteam^S0NEW>", escape=False)
    assert await desk.entries() == {("sender", "S0NEW")}


@pytest.mark.parametrize("text", ["allow @ann", "allow @support", "allow @ada", "allow @ada as admin", "allow @ben"])
async def test_who_is_listed_already_changes_nothing(desk: Desk, doors: Doors, text: str) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    before = desk.log()
    assert "nothing was changed" in (await desk.command("ada", text)).lower()
    assert desk.log() == before


async def test_a_sender_can_be_made_an_admin_and_stays_a_sender(desk: Desk) -> None:
    await desk.command("ada", "allow @ann as admin")
    assert await desk.entries() == {("admin", ANN)}
    assert "admin" in await desk.command("ann", "whoami")


# -- remove


async def test_who_is_removed_may_not_send_any_more_and_what_they_queued_stays(desk: Desk) -> None:
    await desk.command("ada", "allow @sam")
    await desk.command("sam", "+12015550123 Hi")
    sam = desk.slack.person("sam")
    assert (await (await sam.dialog()).submit()).outcome == "closed"
    await desk.command("sam", "+12015550123 Again")
    second = await sam.dialog()
    said = await desk.command("ada", "remove @sam")
    assert f"<@{SAM}>" in said
    assert "queued before still go" in said
    assert await desk.entries() == set()
    assert desk.log()[1:] == [(ADA, "removed", SAM, "sender")]
    assert (await second.submit()).outcome == "updated"
    assert [row["user_id"] for row in desk.database.rows(message)] == [SAM]


@pytest.mark.parametrize(("name", "member"), [("ann", ANN), ("support", SUPPORT), ("ada", ADA)])
async def test_who_is_in_the_settings_cannot_be_removed_nor_anybody_beside_them(
    desk: Desk, name: str, member: str
) -> None:
    await desk.elsewhere(sender(SAM))
    said = await desk.command("ada", f"remove @sam @{name}")
    assert UNCHANGED in said
    assert member in said
    assert await desk.entries() == {("sender", SAM)}


async def test_who_is_not_on_the_list_cannot_be_removed_nor_anybody_beside_them(desk: Desk) -> None:
    await desk.elsewhere(sender(SAM))
    said = await desk.command("ada", "remove @sam @ben")
    assert UNCHANGED in said
    assert f"<@{BEN}>" in said
    assert await desk.entries() == {("sender", SAM)}


async def test_somebody_deactivated_can_be_removed(desk: Desk) -> None:
    await desk.elsewhere(sender(DAN))
    await desk.command("ada", "remove @dan")
    assert await desk.entries() == set()


async def test_the_last_admin_cannot_be_removed_and_groups_do_not_count(desk: Desk, doors: Doors) -> None:
    await desk.only_added(admin(ADA), admin(BEN), admin(NOBODY), sender(SAM))
    await desk.command("ada", "remove @ben")
    assert ("admin", BEN) not in await desk.entries()
    before = await desk.entries()
    assert UNCHANGED in await desk.command("ada", "remove @ada @sam")
    assert await desk.entries() == before


async def test_an_admin_who_does_not_count_is_no_other_admin(desk: Desk, doors: Doors) -> None:
    await desk.only_added(admin(ADA), admin(DAN))
    await doors.directory.learn([DAN], within_s=1)
    assert UNCHANGED in await desk.command("ada", "remove @ada")
    assert ("admin", ADA) in await desk.entries()


async def test_who_removed_themselves_is_no_admin_any_more(desk: Desk) -> None:
    await desk.only_added(admin(ADA), admin(BEN))
    await desk.command("ada", "remove @ada")
    before = desk.log()
    assert "Nothing was" in await desk.command("ada", "allow @sam")
    assert desk.log() == before


# -- once, and by those who are admins when it counts


@pytest.mark.parametrize("text", ["allow @sam", "remove @ben"])
@pytest.mark.parametrize("where", ["same process", "another process", "same process, ten minutes later"])
async def test_the_same_command_again_changes_nothing_and_says_nothing(
    desk: Desk, doors: Doors, where: str, text: str
) -> None:
    doors.access.take(await desk.elsewhere(sender(BEN)))
    answer = await desk.slack.person("ada").command("/mms", text)
    await desk.settle()
    undone = sender(SAM) if "allow" in text else sender(BEN)
    await (desk.elsewhere(remove=(undone,)) if "allow" in text else desk.elsewhere(undone))
    before, told = desk.log(), len(desk.slack.state.messages)
    again = desk.another() if where == "another process" else doors
    if "later" in where:
        desk.clock.jump(700)
    assert await again.dispatcher.dispatch(answer.payload) == Answer(200, "")
    await desk.settle()
    assert desk.log() == before
    assert len(desk.slack.state.messages) == told


@pytest.mark.parametrize("text", ["allow @sam", "remove @sam", "allow @sam as admin"])
async def test_an_admin_whom_another_process_removed_is_refused_in_the_transaction(
    desk: Desk, doors: Doors, text: str
) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN), sender(SAM)))
    await desk.elsewhere(remove=(admin(BEN),), store=desk.database.store())
    before = desk.log()
    assert doors.access.policy.admins == {ADA, BEN}, "the doors here have not heard of it"
    assert "Nothing was" in await desk.command("ben", text)
    assert desk.log() == before


@pytest.mark.parametrize("text", ["allow @sam", "remove @ann", "access", "access log", "admin"])
@pytest.mark.parametrize("name", ["ann", "sam", "gus"])
async def test_who_is_no_admin_changes_nothing_and_reads_nothing(desk: Desk, name: str, text: str) -> None:
    said = await desk.command(name, text)
    assert "Nothing was" in said
    assert SUPPORT not in said
    assert desk.log() == []
    assert desk.slack.person(name).open_dialog() is None


# -- the database


async def test_a_locked_database_is_told_in_time_and_never_as_nothing_changed(desk: Desk, doors: Doors) -> None:
    await doors.directory.learn([SAM], within_s=1)
    with desk.database.locked():
        started = time.monotonic()
        said = await desk.command("ada", "allow @sam")
        assert time.monotonic() - started < ACK_LIMIT_S
    assert "MMS-DATABASE" in said
    assert UNCHANGED not in said
    assert await desk.entries() == set()


async def test_a_database_that_hangs_is_not_waited_for(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    assert changing.COMMIT_LIMIT_S < ACK_LIMIT_S
    assert changing.READ_LIMIT_S < ACK_LIMIT_S
    monkeypatch.setattr(changing, "COMMIT_LIMIT_S", 0.02)
    monkeypatch.setattr(changing, "READ_LIMIT_S", 0.02)
    for name in ("change", "current", "log"):
        monkeypatch.setattr(doors.store.access, name, never)
    for text in ("allow @support @nobody", "remove @sam", "access", "access log", "admin"):
        assert "MMS-DATABASE" in await desk.command("ada", text)
    assert desk.slack.calls_of("views.open") == []


@pytest.mark.parametrize("text", ["allow @nobody", "allow @sam", "remove @sam", *READING])
async def test_a_database_that_is_away_gives_every_word_a_sentence(desk: Desk, text: str) -> None:
    await desk.away()
    said = await desk.command("ada", text)
    assert "MMS-DATABASE" in said
    assert (UNCHANGED in said) is (text in READING)


# -- access, access log


async def test_access_shows_who_may_send_who_added_them_and_what_is_to_be_known(desk: Desk, doors: Doors) -> None:
    await desk.command("ada", "allow @sam @gus @nobody")
    await desk.elsewhere(admin(DAN), by="shell:root")
    await doors.directory.learn([DAN], within_s=1)
    said = await desk.command("ada", "access")
    lines = {line[2:].split(":")[0]: line for line in said.splitlines() if line.startswith("• ")}
    assert "settings" in lines[f"<@{ANN}>"]
    assert "settings" in lines[f"<@{ADA}>"]
    assert f"<@{ADA}>" in lines[f"<@{SAM}>"]
    assert "guest" in lines[f"<@{GUS}>"]
    assert "deactivated" in lines[f"<@{DAN}>"]
    assert "root" in lines[f"<@{DAN}>"]
    assert f"<!subteam^{NOBODY}>" in said


async def test_access_shows_the_newest_list_and_not_this_processs_copy(desk: Desk) -> None:
    await desk.elsewhere(sender(SAM))
    assert f"<@{SAM}>" in await desk.command("ada", "access")


async def test_the_log_shows_the_last_changes_newest_first(desk: Desk) -> None:
    for number in range(LOG_SHOWN + 1):
        await desk.elsewhere(sender(f"U0NEW{number}"))
    await desk.command("ada", "remove <@U0NEW0>", escape=False)
    said = await desk.command("ada", "access log")
    assert said.index("U0NEW0") < said.index(f"U0NEW{LOG_SHOWN}") < said.index("U0NEW3>")
    assert "U0NEW1>" not in said, "older than the last that are shown"
    assert f"<@{ADA}>" in said


async def test_a_log_with_nothing_in_it_is_a_sentence_too(desk: Desk) -> None:
    said = await desk.command("ada", "access log")
    assert said
    assert "added" not in said
