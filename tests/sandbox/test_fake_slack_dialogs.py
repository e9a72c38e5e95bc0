"""Dialogs of the fake Slack as a person uses them: typing, submitting, what each response_action does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.slack import CannotTypeError, Dialog, FakeSlack, NothingSeenError, Outcome
from sandbox.slack.people import ANN
from sandbox.slack.stand_in import Received, Reply, StandInBot


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(params=["http", "socket"])
async def bot(request: pytest.FixtureRequest, slack: FakeSlack) -> AsyncIterator[StandInBot]:
    stand_in = StandInBot(slack)
    await (stand_in.listen() if request.param == "http" else stand_in.connect())
    yield stand_in
    await stand_in.stop()


def field(block_id: str, *, optional: bool = False, **element: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": block_id, **element}
    label = {"type": "plain_text", "text": block_id.title()}
    return {"type": "input", "block_id": block_id, "label": label, "element": element, "optional": optional}


def form(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "mms_compose",
        "title": {"type": "plain_text", "text": "Send a message"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": list(blocks) or [field("to"), field("message", multiline=True, optional=True)],
        **fields,
    }


def notice(text: str, **fields: Any) -> dict[str, Any]:
    words = {"type": "section", "text": {"type": "plain_text", "text": text}}
    return {"type": "modal", "title": {"type": "plain_text", "text": "Notice"}, "blocks": [words], **fields}


async def opened(slack: FakeSlack, bot: StandInBot, view: dict[str, Any]) -> Dialog:
    answer = await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=view)
    assert answer["ok"], answer
    return await slack.person("ann").dialog()


def answer_with(bot: StandInBot, body: object, *, status: int | None = 200, content_type: str | None = None) -> None:
    async def answer(_received: Received) -> Reply:
        return Reply(body, status=status, content_type=content_type)

    bot.answer = answer


async def test_what_is_typed_comes_with_the_submit_and_an_empty_answer_closes(
    slack: FakeSlack, bot: StandInBot
) -> None:
    dialog = await opened(slack, bot, form(private_metadata="m"))
    dialog.type_in({"to": "+1 201 555 0123", "message": "Two\nlines"})
    answer = await dialog.submit()
    assert answer.outcome is Outcome.CLOSED
    assert not dialog.is_open
    payload = bot.received[0].payload
    assert payload["type"] == "view_submission"
    assert set(payload) == {
        *("type", "team", "user", "api_app_id", "token", "trigger_id", "view", "response_urls"),
        *("is_enterprise_install", "enterprise"),
    }
    assert payload["team"] == {"id": "T0SANDBOX", "domain": "sandbox"}
    assert payload["user"] == {"id": ANN, "username": "ann", "name": "ann", "team_id": "T0SANDBOX"}
    view = payload["view"]
    assert view["state"]["values"] == {
        "to": {"to": {"type": "plain_text_input", "value": "+1 201 555 0123"}},
        "message": {"message": {"type": "plain_text_input", "value": "Two\nlines"}},
    }
    assert (view["private_metadata"], view["callback_id"], view["external_id"]) == ("m", "mms_compose", "")
    assert (view["id"], view["root_view_id"], view["previous_view_id"]) == (dialog.id, dialog.id, None)
    assert (view["app_id"], view["bot_id"], view["app_installed_team_id"]) == ("A0MMSBOT", "B0MMSBOT", "T0SANDBOX")


async def test_an_empty_field_is_null_in_the_state(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "x", "message": "y"})
    dialog.type_in({"message": ""})
    await dialog.submit()
    assert bot.received[0].payload["view"]["state"]["values"]["message"]["message"]["value"] is None


async def test_a_required_field_left_empty_never_reaches_the_bot(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    answer = await dialog.submit()
    assert answer.outcome is Outcome.INCOMPLETE
    assert set(dialog.errors) == {"to"}
    assert bot.received == []
    assert dialog.is_open


@pytest.mark.parametrize(
    ("element", "entry"),
    [
        ({"type": "url_text_input"}, "not an address"),
        ({"type": "email_text_input"}, "nobody"),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5"),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "3"}, "3.5"),
        ({"min_length": 3}, "ab"),
    ],
)
async def test_the_client_checks_the_form_of_a_value(
    slack: FakeSlack, bot: StandInBot, element: dict[str, Any], entry: str
) -> None:
    dialog = await opened(slack, bot, form(field("to", **element)))
    dialog.type_in({"to": entry})
    assert (await dialog.submit()).outcome is Outcome.INCOMPLETE
    assert bot.received == []


async def test_nothing_is_typed_that_slacks_client_would_not_take(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form(field("to", max_length=3)))
    for entries in ({"to": "four"}, {"nowhere": "x"}, {"to": 7}):
        with pytest.raises(CannotTypeError):
            dialog.type_in(entries)
    dialog.type_in({"to": "a\nb"})
    assert dialog.values == {"to": "a b"}


async def test_menus_pickers_and_lists_have_their_own_states(slack: FakeSlack, bot: StandInBot) -> None:
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("one", "two")]
    view = form(
        field("pick", type="static_select", options=options, initial_option=options[0]),
        field("many", type="multi_static_select", options=options),
        field("people", type="multi_users_select", max_selected_items=2),
        field("when", type="datetimepicker"),
        field("boxes", type="checkboxes", options=options, optional=True),
    )
    dialog = await opened(slack, bot, view)
    dialog.type_in({"many": ["one", "two"], "people": ["U0BEN"], "when": 1_900_000_000})
    assert dialog.values == {
        "pick": "one",
        "many": ["one", "two"],
        "people": ["U0BEN"],
        "when": 1_900_000_000,
        "boxes": [],
    }
    for entries in ({"pick": "three"}, {"people": ["U1", "U2", "U3"]}, {"when": "tomorrow"}):
        with pytest.raises(CannotTypeError):
            dialog.type_in(entries)
    await dialog.submit()
    values = bot.received[0].payload["view"]["state"]["values"]
    assert values["pick"]["pick"]["selected_option"]["value"] == "one"
    assert values["people"]["people"] == {"type": "multi_users_select", "selected_users": ["U0BEN"]}
    assert values["when"]["when"] == {"type": "datetimepicker", "selected_date_time": 1_900_000_000}
    assert values["boxes"]["boxes"] == {"type": "checkboxes", "selected_options": []}


async def test_errors_stand_under_their_fields_and_the_typed_stays(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "555-12"})
    answer_with(bot, {"response_action": "errors", "errors": {"to": "too short"}})
    answer = await dialog.submit()
    assert answer.outcome is Outcome.ERRORS
    assert dialog.errors == {"to": "too short"}
    assert "too short" in dialog.shown
    assert dialog.values["to"] == "555-12"
    answer_with(bot, None)
    assert (await dialog.submit()).outcome is Outcome.CLOSED
    assert slack.refusals == []


@pytest.mark.parametrize(
    "body",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors", "errors": {"to": ""}},
        {"response_action": "errors"},
        {"response_action": "updates", "view": notice("x")},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "update", "view": notice("x"), "errors": {}},
        {"response_action": "push"},
        {"text": "done"},
    ],
)
async def test_an_answer_that_slack_does_not_take_leaves_the_dialog_and_is_recorded(
    slack: FakeSlack, bot: StandInBot, body: object
) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "x"})
    answer_with(bot, body)
    answer = await dialog.submit()
    assert (answer.outcome, answer.shown) == (Outcome.TROUBLE, "We had some trouble connecting. Try again?")
    assert dialog.is_open
    assert dialog.values["to"] == "x"
    assert [refusal.where for refusal in slack.refusals] == ["view_submission"]


async def test_errors_for_a_block_without_an_input_are_a_mistake(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form(field("to", optional=True), {"type": "divider", "block_id": "line"}))
    answer_with(bot, {"response_action": "errors", "errors": {"line": "x"}})
    assert (await dialog.submit()).outcome is Outcome.TROUBLE


async def test_an_update_keeps_what_was_typed_where_the_ids_stay(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "typed", "message": "text"})
    changed = form(
        field("to", initial_value="other"),
        field("message_2", initial_value="fresh"),
        field("message", action_id="another", initial_value="new"),
    )
    answer_with(bot, {"response_action": "update", "view": changed})
    before = dialog.view["hash"]
    assert (await dialog.submit()).outcome is Outcome.UPDATED
    assert dialog.values == {"to": "typed", "message_2": "fresh", "message": "new"}
    assert dialog.is_open
    assert dialog.view["id"] == dialog.id
    assert dialog.view["hash"] != before


async def test_an_update_keeps_nothing_that_does_not_fit_the_new_input(slack: FakeSlack, bot: StandInBot) -> None:
    def option(name: str) -> dict[str, Any]:
        return {"text": {"type": "plain_text", "text": name}, "value": name}

    before = form(field("a"), field("b", type="static_select", options=[option("one"), option("two")]))
    dialog = await opened(slack, bot, before)
    dialog.type_in({"a": "typed", "b": "one"})
    after = form(field("a", type="url_text_input"), field("b", type="static_select", options=[option("two")]))
    await bot.call("views.update", view_id=dialog.id, view=after)
    assert dialog.values == {"a": None, "b": None}


async def test_an_update_to_a_view_without_submit_cannot_be_sent_again(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form(field("to", optional=True)))
    answer_with(bot, {"response_action": "update", "view": notice("You may not send.")})
    answer = await dialog.submit()
    assert "You may not send." in answer.shown
    with pytest.raises(CannotTypeError, match="no submit button"):
        await dialog.submit()


async def test_push_puts_a_view_on_top_and_an_empty_answer_takes_only_that_away(
    slack: FakeSlack, bot: StandInBot
) -> None:
    ann = slack.person("ann")
    first = await opened(slack, bot, form(field("to", initial_value="kept")))
    answer_with(bot, {"response_action": "push", "view": form(field("sure", optional=True), callback_id="review")})
    assert (await first.submit()).outcome is Outcome.PUSHED
    second = await ann.dialog(callback_id="review")
    assert (second.view["previous_view_id"], second.view["root_view_id"]) == (first.id, first.id)
    answer_with(bot, None)
    assert (await second.submit()).outcome is Outcome.CLOSED
    below = await ann.dialog()
    assert (below.id, below.values) == (first.id, {"to": "kept"})


async def test_clear_closes_the_whole_stack(slack: FakeSlack, bot: StandInBot) -> None:
    first = await opened(slack, bot, form(field("to", optional=True)))
    answer_with(bot, {"response_action": "push", "view": form(field("sure", optional=True))})
    await first.submit()
    answer_with(bot, {"response_action": "clear"})
    top = slack.person("ann").open_dialog()
    assert top is not None
    assert (await top.submit()).outcome is Outcome.CLEARED
    assert slack.person("ann").open_dialog() is None


async def test_a_double_click_sends_the_same_view_twice(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "x"})
    answer = await dialog.submit(times=2)
    assert [answer.outcome, *(other.outcome for other in answer.others)] == [Outcome.CLOSED, Outcome.CLOSED]
    first, second = (received.payload for received in bot.received)
    assert first["view"] == second["view"]
    assert first["trigger_id"] != second["trigger_id"]
    assert slack.refusals == []


async def test_the_second_answer_of_a_double_click_finds_the_dialog_closed(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form(field("to", optional=True)))
    answer_with(bot, {"response_action": "clear"})
    answer = await dialog.submit(times=2)
    assert {answer.outcome, *(other.outcome for other in answer.others)} == {Outcome.CLEARED, Outcome.CLOSED}
    assert slack.refusals == []


async def test_an_answer_must_say_that_it_is_json(slack: FakeSlack) -> None:
    stand_in = StandInBot(slack)
    await stand_in.listen()
    try:
        dialog = await opened(slack, stand_in, form(field("to", optional=True)))
        answer_with(stand_in, {"response_action": "clear"}, content_type="text/plain")
        assert (await dialog.submit()).outcome is Outcome.TROUBLE
    finally:
        await stand_in.stop()
    assert [refusal.detail for refusal in slack.refusals] == [("text/plain",)]


async def test_a_missed_ack_is_trouble_and_the_dialog_stays(slack: FakeSlack, bot: StandInBot) -> None:
    slack.ack_timeout_s = 0.05
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "x"})
    answer_with(bot, None, status=None)
    answer = await dialog.submit()
    assert (answer.outcome, answer.status) == (Outcome.TROUBLE, None)
    assert dialog.is_open
    assert slack.refusals == []


async def test_the_bot_can_change_an_open_dialog_later(slack: FakeSlack, bot: StandInBot) -> None:
    dialog = await opened(slack, bot, form())
    dialog.type_in({"to": "typed"})
    await bot.call("views.update", view_id=dialog.id, view=form(field("to", initial_value="other")))
    await dialog.wait_until(lambda d: set(d.values) == {"to"})
    assert dialog.values == {"to": "typed"}
    with pytest.raises(NothingSeenError):
        await dialog.wait_until(lambda d: "never" in d.shown, timeout_s=0.01)


async def test_closing_is_told_when_the_bot_asked_for_it(slack: FakeSlack, bot: StandInBot) -> None:
    quiet = await opened(slack, bot, form())
    assert await quiet.close() is None
    assert bot.received == []
    told = await opened(slack, bot, form(notify_on_close=True))
    told.type_in({"to": "x"})
    ack = await told.close()
    assert ack is not None
    assert ack.status == 200
    payload = bot.received[0].payload
    assert (payload["type"], payload["is_cleared"], payload["view"]["id"]) == ("view_closed", False, told.id)
    assert payload["view"]["state"]["values"] == {}
    with pytest.raises(CannotTypeError, match="closed"):
        told.type_in({"to": "y"})


async def test_the_x_closes_all_and_names_the_root(slack: FakeSlack, bot: StandInBot) -> None:
    first = await opened(slack, bot, form(field("to", optional=True), notify_on_close=True))
    answer_with(bot, {"response_action": "push", "view": notice("more")})
    await first.submit()
    top = slack.person("ann").open_dialog()
    assert top is not None
    answer_with(bot, None)
    await top.close(everything=True)
    payload = bot.received[-1].payload
    assert (payload["type"], payload["is_cleared"], payload["view"]["id"]) == ("view_closed", True, first.id)
    assert slack.person("ann").open_dialog() is None


async def test_a_button_in_a_dialog_sends_its_view_and_no_response_url(slack: FakeSlack, bot: StandInBot) -> None:
    button = {"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}, "value": "7"}
    dialog = await opened(slack, bot, form(field("to"), {"type": "actions", "block_id": "b", "elements": [button]}))
    dialog.type_in({"to": "typed so far"})
    await dialog.click("more")
    payload = bot.received[0].payload
    assert payload["type"] == "block_actions"
    assert payload["container"] == {"type": "view", "view_id": dialog.id}
    assert payload["view"]["state"]["values"]["to"]["to"]["value"] == "typed so far"
    assert "response_url" not in payload
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == ("more", "b", "7", "button")
    pushed = await bot.call("views.push", trigger_id=payload["trigger_id"], view=notice("more"))
    assert pushed["view"]["root_view_id"] == dialog.id


async def test_ids_that_the_bot_left_out_are_invented_and_stay(slack: FakeSlack, bot: StandInBot) -> None:
    element = {"type": "plain_text_input"}
    block = {"type": "input", "label": {"type": "plain_text", "text": "L"}, "element": element}
    dialog = await opened(slack, bot, form(block))
    (block_id,) = dialog.values
    dialog.type_in({block_id: "x"})
    await dialog.submit()
    assert list(bot.received[0].payload["view"]["state"]["values"]) == [block_id]


async def test_home_is_looked_at_and_clicked(slack: FakeSlack, bot: StandInBot) -> None:
    ann = slack.person("ann")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    await bot.call("views.publish", user_id=ANN, view=home)
    await ann.open_home()
    await ann.click_home("go")
    event, click = (received.payload for received in bot.received)
    assert event["event"]["view"]["type"] == "home"
    assert click["container"]["view_id"] == event["event"]["view"]["id"]
    with pytest.raises(LookupError):
        await slack.person("ben").click_home("go")


async def test_of_buttons_that_share_an_action_id_the_one_with_the_value_is_clicked(
    slack: FakeSlack, bot: StandInBot
) -> None:
    text = {"type": "plain_text", "text": "Go"}
    blocks = [
        {"type": "actions", "elements": [{"type": "button", "action_id": "go", "value": value, "text": text}]}
        for value in ("first", "second")
    ]
    await bot.call("views.publish", user_id=ANN, view={"type": "home", "blocks": blocks})
    ann = slack.person("ann")
    await ann.wait_for_home(lambda words: "Go" in words)
    await ann.click_home("go", value="second")
    await ann.click_home("go")
    assert [click.payload["actions"][0]["value"] for click in bot.received] == ["second", "first"]
    with pytest.raises(CannotTypeError):
        await ann.click_home("go", value="third")


async def test_waiting_for_a_dialog_that_does_not_come_says_so(slack: FakeSlack) -> None:
    with pytest.raises(NothingSeenError, match="a dialog for ann did not come within"):
        await slack.person("ann").dialog(timeout_s=0.01)
