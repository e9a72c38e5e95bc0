"""Everything that a person reads: taken by Slack, honest about what was sent, and harmless whatever is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Reason, Role
from bot.causes import Catalogue
from bot.domain import INTERIM, Answer, AnswerKind, Content, Kind, Message, Recipient, ReplyRoute, State
from bot.reports import Counts, RecipientState
from bot.slack import ids, messages
from bot.slack.command import Name
from bot.slack.whose import Sight
from sandbox.slack.block_kit import check_message
from sandbox.slack.state import words_of
from tests.bot.home_samples import recipients_of

CAUSES = Catalogue.load()
KEYS = sorted(CAUSES.keys)
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CONTENT = Content((Recipient("+12015550123", "US"),), "Hello", None, None, "+12015550123")
MESSAGE = Message(
    client_reference="mms-0123456789abcdef0123456789abcdef",
    view_id="V1",
    team_id="T1",
    state=State.ACCEPTED,
    kind=Kind.MMS,
    recipient_count=3,
    content=CONTENT,
    digest=CONTENT.digest(),
    reply=ReplyRoute("U0ANN"),
    response_url_uses=0,
    created_at=NOW,
    batch_id="01HV6WZ3B0X5Q4S9Y2K7N8M1PD",
)
HOSTILE = [
    "<!channel>",
    "<@U0BEN>",
    "<!here|x>",
    "<https://evil.example|your bank>",
    "`x` *y*",
    "&amp;<",
    "🎉" * 99,
    "x" * 3000,
    "<" * 3000,
]
hostile = st.text(max_size=100) | st.sampled_from(HOSTILE)
SLACKS_OWN = re.compile(r"<!date\^\d+\^\{date_short_pretty\} at \{time(_secs)?\}\|[-:\d ]+ UTC>|<@U0A(DA|NN)>")


def told(kind: AnswerKind, message: Message, until: datetime | None = None) -> messages.Blocks:
    return messages.answer(Answer(1, kind, message, NOW, 0, until), causes=CAUSES)


def refused(**changes: Any) -> Message:
    return replace(MESSAGE, state=State.REFUSED, batch_id=None, cause="http-401", **changes)


def must_be_harmless(message: messages.Blocks) -> None:
    """Slack takes it, and there is no mention or link in it but ours."""
    assert check_message(message) == []
    assert message["text"].strip()
    texts = [message["text"]]
    for block in message["blocks"]:
        if block["type"] == "section":
            assert block["text"]["verbatim"] is True
            texts.append(block["text"]["text"])
    for text in texts:
        assert "<" not in SLACKS_OWN.sub("", text)
        assert ">" not in SLACKS_OWN.sub("", text)


any_message = st.builds(
    replace,
    st.just(MESSAGE),
    state=st.sampled_from(State),
    kind=st.sampled_from(Kind),
    recipient_count=st.integers(1, 1000),
    batch_id=st.none()
    | st.text(min_size=1, max_size=26)
    | st.sampled_from(["01HV6WZ3B0X5Q4S9Y2K7N8M1PD", "<!channel>`"]),
    cause=st.none() | st.sampled_from(KEYS) | hostile,
    vendor_code=st.none() | hostile,
    vendor_text=st.none() | hostile,
)


@given(any_message, st.sampled_from(AnswerKind), st.none() | st.just(NOW))
def test_every_answer_is_one_that_slack_takes(message: Message, kind: AnswerKind, until: datetime | None) -> None:
    must_be_harmless(told(kind, message, until))


any_counts = st.builds(Counts, *[st.integers(0, 1000)] * 4)


@given(st.lists(any_message, max_size=10), any_counts, hostile, st.booleans())
def test_every_list_is_one_that_slack_takes(found: list[Message], counts: Counts, batch_id: str, admin: bool) -> None:
    must_be_harmless(messages.recent(found, {MESSAGE.client_reference: counts}, causes=CAUSES))
    must_be_harmless(messages.no_such_batch(batch_id, admin=admin))


@given(any_message, recipients_of(), st.sampled_from(Sight))
def test_the_status_of_every_message_is_one_that_slack_takes(
    message: Message, recipients: list[RecipientState], sight: Sight
) -> None:
    said = messages.status(message, recipients, sight=sight, causes=CAUSES)
    must_be_harmless(said)
    assert len(words_of(said["blocks"])) < 40_000


@given(hostile, st.sampled_from(Name), st.sampled_from(Reason), st.lists(st.just("U0ADA"), max_size=9), st.booleans())
def test_every_other_message_is_one_that_slack_takes(
    typed: str, word: Name, reason: Reason, admins: list[str], may_ask: bool
) -> None:
    for message in (
        messages.suggestion("/mms", word=word, typed=typed),
        messages.denied(reason, admins=admins, may_ask=may_ask),
        messages.whoami("U0ANN", reason, admins=admins, may_ask=may_ask),
        messages.not_opened(typed, causes=CAUSES),
    ):
        must_be_harmless(message)


def test_the_fixed_messages_are_ones_that_slack_takes() -> None:
    for message in (
        messages.help_text("/mms", admin=False),
        messages.help_text("/mms", admin=True),
        messages.status_usage("/mms"),
        messages.own("internal", causes=CAUSES),
        messages.own("database-read", causes=CAUSES),
        messages.plain("A sentence."),
        messages.not_yours(),
        messages.whoami("U0ANN", Role.ADMIN, admins=[]),
        messages.whoami("U0ANN", Role.SENDER, admins=[]),
        messages.whoami("", Reason.FOREIGN, admins=[]),
    ):
        must_be_harmless(message)


@given(st.lists(any_message, min_size=1, max_size=10), st.data())
def test_what_is_told_late_is_one_message_that_slack_takes(found: list[Message], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(AnswerKind), min_size=len(found), max_size=len(found)))
    late = messages.untold([told(kind, message) for kind, message in zip(kinds, found, strict=True)])
    must_be_harmless(late)


# -- what it says


def test_accepted_is_not_called_sent_or_delivered() -> None:
    said = told(AnswerKind.RESULT, MESSAGE)["text"]
    assert MESSAGE.batch_id is not None
    assert MESSAGE.batch_id in said
    assert "accepted" in said
    assert "3 recipients" in said
    assert "MMS" in said
    assert "not yet delivered" in said
    assert "sent" not in said


@pytest.mark.parametrize("key", [*KEYS, "http-418", "a_new_word", ""])
def test_every_refusal_says_that_nothing_was_sent_and_a_code(key: str) -> None:
    said = told(AnswerKind.RESULT, replace(refused(), cause=key))["text"]
    assert "Nothing was sent" in said
    assert "may have been sent" not in said
    assert re.search(r"Code [\w.-]+", said)


@pytest.mark.parametrize("key", [*KEYS, "http-599", "a_new_word", ""])
def test_every_unknown_says_that_it_may_have_been_sent_with_its_reference(key: str) -> None:
    lost = replace(MESSAGE, state=State.UNKNOWN, batch_id=None, cause=key)
    said = told(AnswerKind.UNKNOWN, lost)["text"]
    assert "may have been sent" in said
    assert "Nothing was sent" not in said
    assert lost.client_reference in said
    assert re.search(r"Code [\w.-]+", said)


@pytest.mark.parametrize("kind", [AnswerKind.WAITING, AnswerKind.RATE_LIMITED])
def test_a_wait_says_that_nothing_was_sent_yet(kind: AnswerKind) -> None:
    said = told(kind, MESSAGE, NOW)["text"]
    assert "nothing was sent yet" in said
    if kind is AnswerKind.RATE_LIMITED:
        assert f"<!date^{int(NOW.timestamp())}^" in said
        assert "SINCH-429" in said


def test_an_unknown_is_sent_again_only_after_a_warning() -> None:
    lost = replace(MESSAGE, state=State.UNKNOWN, batch_id=None, cause="transport-reset")
    for message, warned in ((told(AnswerKind.UNKNOWN, lost), True), (told(AnswerKind.RESULT, refused()), False)):
        [button] = message["blocks"][1]["elements"]
        assert (button["action_id"], button["value"]) == (ids.OPEN_AGAIN, MESSAGE.client_reference)
        assert ("confirm" in button) == warned
        if warned:
            assert "may have been sent already" in words_of(button["confirm"])


def test_no_button_opens_an_accepted_message_again() -> None:
    [_, actions] = told(AnswerKind.RESULT, MESSAGE)["blocks"]
    assert [element["action_id"] for element in actions["elements"]] == [ids.CANCEL]


@pytest.mark.parametrize("kind", sorted(INTERIM))
def test_what_waits_can_be_cancelled_and_is_asked_about_first(kind: AnswerKind) -> None:
    [_, actions] = told(kind, replace(MESSAGE, state=State.QUEUED, batch_id=None))["blocks"]
    [button] = actions["elements"]
    assert (button["action_id"], button["value"]) == (ids.CANCEL, MESSAGE.client_reference)
    assert button["confirm"]["title"]["text"] == "Cancel this message?"


@pytest.mark.parametrize("key", sorted(key for key in KEYS if key.startswith("own-cancelled")))
def test_a_message_that_was_cancelled_says_whether_anything_may_have_gone_out(key: str) -> None:
    batch_id = MESSAGE.batch_id if "at-sinch" in key else None
    said = told(AnswerKind.RESULT, replace(MESSAGE, state=State.CANCELLED, batch_id=batch_id, cause=key))["text"]
    assert CAUSES.get(key).code in said
    assert ("Nothing was sent" in said) is (batch_id is None)
    assert ("may have been sent" in said) is (batch_id is not None)
    assert (MESSAGE.client_reference in said) is (batch_id is not None)


def test_an_unknown_found_before_it_could_be_told_is_not_called_unknown() -> None:
    # The look-up found the batch while the answer "may have been sent" still waited for Slack.
    said = told(AnswerKind.UNKNOWN, MESSAGE)["text"]
    assert "not known" not in said


def test_a_vendors_words_are_cut_and_never_all() -> None:
    said = told(AnswerKind.RESULT, refused(vendor_text="No such thing. " * 200))["text"]
    assert len(said) < 800
    assert "Nothing was sent" in said


@pytest.mark.parametrize("reason", Reason)
def test_every_denial_says_that_nothing_happened(reason: Reason) -> None:
    said = messages.denied_text(reason, admins=[])
    assert "Nothing was sent" in said or (reason is Reason.NOT_ADMIN and "Nothing was changed" in said)


def ask_buttons(message: messages.Blocks) -> list[str]:
    return [
        element["action_id"]
        for b in message["blocks"]
        if b.get("block_id") == "ask_access"
        for element in b["elements"]
    ]


def test_the_denied_read_whom_to_ask() -> None:
    assert "ask <@U0ADA> or <@U0BEN>." in messages.denied_text(Reason.NOT_LISTED, admins=["U0ADA", "U0BEN"])
    many = messages.denied_text(Reason.NOT_LISTED, admins=[f"U{n}" for n in range(9)])
    assert "<@U4> and 4 more." in many


@pytest.mark.parametrize("reason", [Reason.NOT_LISTED, Reason.GUEST, Reason.NOT_ADMIN])
def test_without_any_admin_the_denied_read_how_one_is_named(reason: Reason) -> None:
    for said in (
        messages.denied(reason, admins=[], may_ask=True)["text"],
        messages.whoami("U0ANN", reason, admins=[])["text"],
        messages.whoami("U0ANN", Role.SENDER, admins=[])["text"],
    ):
        assert "No admin is named yet" in said
        assert "SLACK_ADMIN_USERS" in said
    assert "`mms-bot access allow --admin U0ANN`" in messages.whoami("U0ANN", reason, admins=[])["text"]
    assert "`mms-bot access allow --admin ID`" in messages.denied_text(reason, admins=[])
    assert "No admin" not in messages.denied_text(reason, admins=["U0ADA"])


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("may_ask", [True, False])
def test_those_whom_it_helps_can_ask_for_access(reason: Reason, may_ask: bool) -> None:
    helps = reason in (Reason.NOT_LISTED, Reason.GUEST)
    for message in (
        messages.denied(reason, admins=["U0ADA"], may_ask=may_ask),
        messages.whoami("U0ANN", reason, admins=["U0ADA"], may_ask=may_ask),
    ):
        assert ask_buttons(message) == (["mms_ask_access"] if helps and may_ask else [])
        assert ("*Ask for access*" in message["text"]) == (helps and may_ask)
    assert ask_buttons(messages.denied(reason, admins=[], may_ask=may_ask)) == []  # nobody would read it


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.DEACTIVATED, "your account is deactivated"),
        (Reason.GUEST, "listed by name, not through a user group"),
        (Reason.NOT_KNOWN, "try again in a minute"),
        (Reason.NOT_LISTED, "not on the list"),
    ],
)
def test_each_reason_has_its_sentence(reason: Reason, said: str) -> None:
    assert said in messages.denied_text(reason, admins=["U0ADA"])


def test_whoami_shows_the_id() -> None:
    assert "`U0ANN`" in messages.whoami("U0ANN", Role.SENDER, admins=["U0ADA"])["text"]


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role.ADMIN, "You are an admin, and you may send."),
        (Role.SENDER, "`U0ANN`. You may send."),
        (Role.MEMBER, "You are not on the list"),
        (Role.ANYBODY, "You are not on the list"),
    ],
)
def test_whoami_says_what_the_person_may(role: Role, said: str) -> None:
    assert said in messages.whoami("U0ANN", role, admins=["U0ADA"])["text"]


def test_help_names_every_word_that_senders_may_use() -> None:
    said = messages.help_text("/post", admin=False)["text"]
    for word in ("/post", "recent", "status", "whoami", "help"):
        assert word in said


@pytest.mark.parametrize("word", ["admin", "access", "access log", "allow @ann", "remove @ann"])
def test_help_names_the_words_of_admins_to_admins_alone(word: str) -> None:
    assert f"`/post {word}`" in messages.help_text("/post", admin=True)["text"]
    assert f"`/post {word}`" not in messages.help_text("/post", admin=False)["text"]


@pytest.mark.parametrize("state", State)
def test_the_list_names_every_state(state: State) -> None:
    said = messages.recent([replace(MESSAGE, state=state, cause="http-401")], {}, causes=CAUSES)["text"]
    assert state.value in said
    if state is State.UNKNOWN:
        assert MESSAGE.client_reference in said
    assert "+1201555" not in said


def test_ten_messages_of_the_longest_kind_are_listed_whole() -> None:
    lost = replace(MESSAGE, state=State.UNKNOWN, cause="transport-connect-timeout", vendor_code="x" * 64)
    said = messages.recent([lost] * 10, {}, causes=CAUSES)["text"]
    assert said.count(MESSAGE.client_reference) == 10
    assert said.endswith(")")


@pytest.mark.parametrize("error", ["expired_trigger_id", "invalid_trigger_id", "away", "ratelimited", "something_new"])
def test_a_dialog_that_did_not_open_is_told_with_slacks_word(error: str) -> None:
    said = messages.not_opened(error, causes=CAUSES)["text"]
    assert f"SLACK-{error}" in said
    assert "Nothing was sent" in said
