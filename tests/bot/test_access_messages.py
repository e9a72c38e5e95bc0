"""What admins and those who ask read: taken by Slack, honest about what was changed, harmless whatever is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import NOTHING_KNOWN, Known, Policy, Profile, Reason, Role
from bot.access.changes import AccessChange, AccessList, Action, Added, ByDoor, Edit, Entry
from bot.access.requests import Decision, Request
from bot.causes import Catalogue
from bot.slack import ids
from bot.slack.access import messages
from bot.slack.access.messages import Blocks, edit_words
from bot.slack.access.words import Shown
from sandbox.slack.block_kit import check_message
from sandbox.slack.state import words_of

CAUSES = Catalogue.load()
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
HOSTILE = ["<!channel>", "<@U0EVE>", "`x` *y*", "&amp;<", "🎉" * 99, "x" * 3000, "<" * 3000, "", "`"]
SLACKS_OWN = re.compile(
    r"<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>|<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[-:\d ]+ UTC>"
)
ANN, BEN, SUPPORT = Entry("U0ANN", Role.SENDER), Entry("U0BEN", Role.ADMIN), Entry("S0SUPPORT", Role.SENDER)
REQUEST = Request(7, "U0SAM", NOW)
ALLOWED = replace(REQUEST, decision=Decision.ALLOWED, decided_by="U0ADA")

texts = st.text(max_size=90) | st.sampled_from(HOSTILE)
users = st.from_regex(r"[UW][A-Z0-9]{1,3}", fullmatch=True)
groups = st.from_regex(r"S[A-Z0-9]{1,3}", fullmatch=True)
members = users | groups
entries = st.builds(Entry, members, st.sampled_from([Role.SENDER, Role.ADMIN]))
profiles = st.builds(Profile, texts, st.booleans(), st.booleans(), st.booleans(), st.booleans())
knowns = st.builds(
    Known, st.dictionaries(groups, st.frozensets(users), max_size=9), st.dictionaries(users, profiles, max_size=9)
)
whos = users | texts.map(lambda name: f"shell:{name}") | texts
policies = st.builds(Policy, st.frozensets(members, max_size=40), st.frozensets(members, max_size=9))
lists = st.builds(
    AccessList,
    st.integers(0, 9),
    st.lists(
        st.builds(Added, entries, whos, st.just(NOW), st.sampled_from(ByDoor)), max_size=30, unique_by=lambda a: a.entry
    ).map(tuple),
)
shown_values = st.builds(Shown, policies, lists, knowns, st.just(()))
changes = st.builds(
    AccessChange, st.integers(0, 9), st.just(NOW), whos, st.sampled_from(ByDoor), st.sampled_from(Action), entries
)
edits = st.builds(Edit, st.frozensets(entries, max_size=40), st.frozensets(entries, max_size=40))
requests = st.builds(
    Request, st.integers(1, 2**62), users, st.just(NOW), st.none() | st.sampled_from(Decision), st.none() | whos
)


def must_be_harmless(message: Blocks) -> None:
    """Slack takes it, and there is no mention or link in it but ours."""
    assert check_message(message) == []
    assert message["text"].strip()
    sections = [block["text"] for block in message["blocks"] if block["type"] == "section"]
    assert all(text["verbatim"] is True for text in sections)
    for text in [message["text"], *(text["text"] for text in sections)]:
        assert not re.search("[<>]", SLACKS_OWN.sub("", text))


def added(*of: Entry, by: str = "U0ADA", door: ByDoor = ByDoor.DIALOG) -> AccessList:
    return AccessList(3, tuple(Added(entry, by, NOW, door) for entry in of))


NOBODY = Policy()


def shown(access: AccessList | None = None, *, base: Policy = NOBODY, known: Known = NOTHING_KNOWN) -> Shown:
    return Shown(base, access or added(), known, ())


def buttons(message: Blocks) -> dict[str, str]:
    """action_id → value."""
    actions = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    return {element["action_id"]: element["value"] for elements in actions for element in elements}


@given(shown_values, st.lists(changes, max_size=40), edits)
def test_the_list_its_log_and_a_change_are_messages_that_slack_takes(
    shown: Shown, log: list[AccessChange], edit: Edit
) -> None:
    must_be_harmless(messages.access_list(shown, command="/mms"))
    must_be_harmless(messages.access_log(log))
    must_be_harmless(messages.saved(edit, shown))
    assert len(edit_words(edit)) < 1500


@given(requests, knowns, st.lists(users, max_size=40))
def test_what_is_said_of_a_request_is_a_message_that_slack_takes(
    request: Request, known: Known, admins: list[str]
) -> None:
    for message in (
        messages.request_notice(request, known, command="/mms"),
        messages.outcome(request, command="/mms"),
        messages.asked_before(request),
        messages.decided_before(request),
        messages.asked(admins),
    ):
        must_be_harmless(message)


@given(
    st.lists(texts, min_size=1, max_size=30),
    st.sets(members, min_size=1),
    st.dictionaries(users, st.sampled_from(Reason)),
)
def test_every_refusal_is_harmless_and_says_that_nothing_was_changed(
    words: list[str], named: set[str], faults: dict[str, Reason]
) -> None:
    for message in (
        messages.not_mentions(words, command="/mms", word="allow"),
        messages.usage("/mms", "allow"),
        messages.usage("/mms", "remove"),
        messages.cannot_count(faults),
        messages.unknown_groups(named),
        messages.fixed(named),
        messages.not_on_list(named),
        messages.last_admin(),
        messages.no_such_request(),
        messages.may_send_already("/mms"),
        messages.asked_before(REQUEST),
        messages.decided_before(ALLOWED),
    ):
        must_be_harmless(message)
        assert "Nothing was changed" in message["text"]


@pytest.mark.parametrize("key", ["database-save", "database-change", "database-button"])
def test_a_commit_whose_outcome_is_not_known_is_not_called_nothing(key: str) -> None:
    said = CAUSES.own(key)
    assert "not known whether" in said
    assert "Nothing was changed" not in said
    assert "MMS-DATABASE" in said


def test_a_list_that_can_not_be_read_was_not_changed() -> None:
    assert "Nothing was changed" in CAUSES.own("database-list")


def test_a_group_that_slack_does_not_know_any_more_is_told() -> None:
    must_be_harmless(messages.group_lost("S0SUPPORT"))


# -- the list


def test_the_list_says_where_each_comes_from() -> None:
    base = Policy(frozenset({"U0CAT"}), frozenset({"U0BEN"}))
    access = added(ANN, BEN)
    said = words_of(messages.access_list(shown(access, base=base), command="/mms")["blocks"])
    assert "3 people may send" in said
    assert "*Senders*\n• <@U0ANN>: added by <@U0ADA> <!date^" in said
    assert "• <@U0CAT>: fixed in the settings (not known yet" in said
    assert "<@U0BEN>: fixed in the settings; also added by <@U0ADA> <!date^" in said
    assert said.index("*Admins*") < said.index("<@U0BEN>") < said.index("*Senders*")


@pytest.mark.parametrize(
    ("by", "door", "expected"),
    [
        ("U0ADA", ByDoor.DIALOG, "added by <@U0ADA> <!date.*>, in the dialog"),
        ("U0ADA", ByDoor.COMMAND, "added by <@U0ADA> <!date.*>, by command"),
        ("U0ADA", ByDoor.REQUEST, "added by <@U0ADA> <!date.*>, on request"),
        ("shell:root", ByDoor.SHELL, "added by `root` at the host's shell <!date.*>"),
    ],
)
def test_the_list_says_by_which_door(by: str, door: ByDoor, expected: str) -> None:
    known = Known({}, {"U0ANN": Profile("Ann")})
    said = words_of(messages.access_list(shown(added(ANN, by=by, door=door), known=known), command="/mms")["blocks"])
    assert re.search(rf"<@U0ANN>: {expected}$", said, re.MULTILINE)


def test_the_list_counts_the_members_of_a_group_who_may() -> None:
    people = {"U1": Profile("A"), "U2": Profile("B", guest=True), "U3": Profile("C", bot=True)}
    known = Known({"S0SUPPORT": frozenset({"U1", "U2", "U3", "U4"})}, people)
    said = words_of(messages.access_list(shown(added(SUPPORT), known=known), command="/mms")["blocks"])
    assert "(1 member who may)" in said
    assert "1 person may send" in said
    assert "*Admins* (they may send too): nobody" in said
    unread = words_of(messages.access_list(shown(added(SUPPORT)), command="/mms")["blocks"])
    assert "(members not known)" in unread
    assert "0 people may send" in unread


def test_an_empty_list_says_that_nobody_may_send_and_how_to_begin() -> None:
    said = messages.access_list(shown(), command="/mms")["text"]
    for phrase in ("Nobody may send", "SLACK_ADMIN_USERS", "mms-bot access allow --admin", "`/mms whoami`"):
        assert phrase in said


def test_a_long_list_comes_in_several_sections_and_says_where_the_rest_is() -> None:
    access = added(*(Entry(f"U{n:09d}", Role.SENDER) for n in range(2000)))
    message = messages.access_list(shown(access), command="/mms")
    must_be_harmless(message)
    said = words_of(message["blocks"])
    cut = re.search(r"and (\d+) more; `mms-bot access list` shows all", said)
    assert cut
    assert len(re.findall(r"^• <@U\d", said, re.MULTILINE)) + int(cut[1]) == 2000
    assert 2 < len(message["blocks"]) <= 45
    assert len(said) < 40_000


def test_the_log_says_who_did_what_and_when() -> None:
    log = [
        AccessChange(5, NOW, "U0ADA", ByDoor.DIALOG, Action.REMOVED, BEN),
        AccessChange(4, NOW, "shell:root", ByDoor.SHELL, Action.ADDED, SUPPORT),
    ]
    said = words_of(messages.access_log(log)["blocks"])
    assert "last 2 changes, newest first" in said
    assert "• <@U0ADA> took <@U0BEN> away as an admin, <!date^" in said
    assert "• `root` at the host's shell added <!subteam^S0SUPPORT> as a sender, <!date^" in said
    assert said.index("U0BEN") < said.index("S0SUPPORT")
    assert "Nothing has been changed yet" in messages.access_log([])["text"]


# -- a change


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit(), ""),
        (Edit(add=frozenset({ANN})), "<@U0ANN> added as a sender"),
        (Edit(add=frozenset({ANN, SUPPORT})), "<@U0ANN> and <!subteam^S0SUPPORT> added as senders"),
        (
            Edit(add=frozenset({ANN}), remove=frozenset({BEN})),
            "<@U0ANN> added as a sender, <@U0BEN> taken away as an admin",
        ),
    ],
)
def test_a_change_in_words(edit: Edit, words: str) -> None:
    assert edit_words(edit) == words


def test_many_are_named_in_part() -> None:
    words = edit_words(Edit(add=frozenset(Entry(f"U{n:03d}", Role.SENDER) for n in range(52))))
    assert words.endswith("<@U011> and 40 more added as senders")


def test_a_change_that_changes_nothing_says_so() -> None:
    assert messages.saved(Edit(), shown())["text"] == "The list already reads so; nothing was changed."


@pytest.mark.parametrize("removed", [True, False])
def test_those_taken_away_leave_queued_messages_behind(removed: bool) -> None:
    edit = Edit(remove=frozenset({ANN})) if removed else Edit(add=frozenset({ANN}))
    said = messages.saved(edit, shown())["text"]
    assert ("Messages that they had queued before still go out." in said) == removed
    assert "may still send" not in said


KNOWN = Known({"S0SUPPORT": frozenset({"U0ANN"})}, {"U0ANN": Profile("Ann")})
GUEST = Known(KNOWN.members, {"U0ANN": Profile("Ann", guest=True)})
GONE = Known(KNOWN.members, {"U0ANN": Profile("Ann", deactivated=True)})
FIXED = Policy(frozenset({"U0ANN"}), frozenset())
ADMIN = Entry("U0ANN", Role.ADMIN)


@pytest.mark.parametrize(
    ("view", "by"),
    [
        (shown(base=FIXED), "listed in the settings"),
        (shown(added(ADMIN)), "listed as an admin"),
        (shown(added(SUPPORT), known=KNOWN), "a member of <!subteam^S0SUPPORT>"),
        (shown(added(SUPPORT, ADMIN), known=KNOWN), "listed as an admin and a member of <!subteam^S0SUPPORT>"),
        (shown(added(SUPPORT, ADMIN), known=GUEST), "listed as an admin"),
        (shown(added(SUPPORT)), None),
        (shown(added(SUPPORT), known=GUEST), None),
        (shown(added(SUPPORT, ADMIN), base=FIXED, known=GONE), None),
        (shown(known=KNOWN), None),
    ],
)
def test_who_may_still_send_is_said_with_the_reason(view: Shown, by: str | None) -> None:
    said = messages.saved(Edit(remove=frozenset({ANN})), view)["text"]
    assert ("may still send" in said) == (by is not None)
    if by:
        assert f"<@U0ANN> may still send: {by}.\n" in said


def test_what_is_not_known_yet_of_those_added_is_said() -> None:
    edit = Edit(add=frozenset({ANN, SUPPORT}))
    said = messages.saved(edit, shown(added(ANN, SUPPORT)))["text"]
    assert "Slack has not said yet who <@U0ANN> is" in said
    assert "The members of <!subteam^S0SUPPORT> are not known yet" in said
    known = messages.saved(edit, shown(added(ANN, SUPPORT), known=KNOWN))["text"]
    assert "not" not in known


# -- commands


def test_a_name_that_is_no_mention_is_repeated_with_what_to_do() -> None:
    said = messages.not_mentions(["@ann"], command="/mms", word="allow")["text"]
    assert said.startswith("`@ann` is no mention")
    assert "`/mms allow @`" in said
    many = messages.not_mentions([f"n{i}" for i in range(9)], command="/mms", word="allow")["text"]
    assert "`n4` and 4 more are no mentions" in many


def test_those_who_can_not_count_are_named_with_the_reason() -> None:
    said = messages.cannot_count({"U0ROBO": Reason.BOT, "U0DAN": Reason.DEACTIVATED, "U0EVE": Reason.FOREIGN})["text"]
    for line in ("<@U0ROBO> is a bot", "<@U0DAN> is deactivated in Slack", "<@U0EVE> belongs to another workspace"):
        assert line in said


# -- requests


def test_an_open_request_has_two_buttons_that_name_it() -> None:
    message = messages.request_notice(REQUEST, NOTHING_KNOWN, command="/mms")
    assert buttons(message) == {ids.ALLOW_REQUEST: "7", ids.DECLINE_REQUEST: "7"}
    assert "<@U0SAM> asks to be allowed to send with `/mms`" in message["text"]


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (Profile("Sam"), "<@U0SAM> asks"),
        (Profile("Sam", guest=True), "(a guest)"),
        (Profile("Sam", deactivated=True), "(deactivated in Slack: does not count)"),
    ],
)
def test_a_request_says_what_is_to_be_known_of_the_person(profile: Profile, said: str) -> None:
    assert said in messages.request_notice(REQUEST, Known({}, {"U0SAM": profile}), command="/mms")["text"]


@pytest.mark.parametrize(
    ("decision", "by", "said"),
    [
        (Decision.ALLOWED, "U0ADA", ": allowed by <@U0ADA>."),
        (Decision.DECLINED, "U0ADA", ": declined by <@U0ADA>."),
        (Decision.ALLOWED, "shell:root", ": allowed by `root` at the host's shell."),
        (Decision.ALLOWED, None, ": allowed."),
        (Decision.REPLACED, None, "has asked again: see the newer message."),
    ],
)
def test_a_decided_request_says_who_decided_and_has_no_buttons(decision: Decision, by: str | None, said: str) -> None:
    decided = replace(REQUEST, decision=decision, decided_by=by)
    message = messages.request_notice(decided, NOTHING_KNOWN, command="/mms")
    assert message["text"].endswith(said)
    assert buttons(message) == {}


def test_the_person_who_asked_reads_what_was_decided() -> None:
    allowed = messages.outcome(ALLOWED, command="/mms")["text"]
    assert "allowed by <@U0ADA>: you may send now. Type `/mms`" in allowed
    declined = messages.outcome(replace(ALLOWED, decision=Decision.DECLINED), command="/mms")["text"]
    again = int((NOW + timedelta(days=1)).timestamp())
    assert "declined by <@U0ADA>. Nothing was sent." in declined
    assert f"ask again <!date^{again}^" in declined
    assert "may send now" not in declined


def test_asking_names_the_admins_and_sends_nothing() -> None:
    for message in (messages.asked(["U0ADA", "U0BEN"]), messages.asked([]), messages.asked_before(REQUEST)):
        assert "a message that you typed is not sent by it" in message["text"].lower()
    assert "<@U0ADA> and <@U0BEN> are told" in messages.asked(["U0ADA", "U0BEN"])["text"]


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (None, "nobody has answered yet"),
        (Decision.ALLOWED, "was allowed by <@U0ADA>"),
        (Decision.DECLINED, "was declined by <@U0ADA>"),
    ],
)
def test_a_second_request_says_how_the_first_stands_and_when_to_ask_again(decision: Decision | None, said: str) -> None:
    before = replace(REQUEST, decision=decision, decided_by="U0ADA" if decision else None)
    message = messages.asked_before(before)["text"]
    assert said in message
    assert f"<!date^{int((NOW + timedelta(days=1)).timestamp())}^" in message


def test_an_admin_who_comes_second_reads_who_was_first() -> None:
    assert "of <@U0SAM> was allowed by <@U0ADA>" in messages.decided_before(ALLOWED)["text"]


def test_a_lost_group_is_named_with_its_effect_and_the_scope() -> None:
    said = messages.group_lost("S0SUPPORT")["text"]
    for phrase in ("<!subteam^S0SUPPORT>", "nobody may send through", "`usergroups:read`"):
        assert phrase in said
