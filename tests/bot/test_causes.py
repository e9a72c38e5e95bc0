"""The catalogue of causes: complete, honest about what was sent, and useful for what it does not know."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import MAX_SENTENCE, MAX_VENDOR_TEXT, About, Catalogue, CatalogueError, Cause, Kind, Sent
from bot.causes.glossary import uses
from bot.causes.news import REMEMBERED
from bot.causes.reading import FALLBACKS

CAUSES = Catalogue.load()
ALL = [CAUSES.get(key) for key in sorted(CAUSES.keys)]
REFERENCE = "m-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Documented:
    """What Sinch's pages list for sending: a status, and a word code where there is one."""

    status: int
    word: str | None
    code: str
    sent: Sent


# Sinch SMS API, "Status codes"; 408 is HTTP's own, 502 and 504 are those of gateways
DOCUMENTED = [
    Documented(400, "syntax_invalid_json", "syntax_invalid_json", Sent.NO),
    Documented(400, "syntax_invalid_parameter_format", "syntax_invalid_parameter_format", Sent.NO),
    Documented(400, "syntax_constraint_violation", "syntax_constraint_violation", Sent.NO),
    Documented(403, "unknown_group", "unknown_group", Sent.NO),
    Documented(403, "unknown_campaign", "unknown_campaign", Sent.NO),
    Documented(403, "missing_callback_url", "missing_callback_url", Sent.NO),
    Documented(403, "illegal_number_type", "illegal_number_type", Sent.NO),
    Documented(403, "llegal_number_type", "llegal_number_type", Sent.NO),
    Documented(403, "blocked_account", "blocked_account", Sent.NO),
    Documented(403, "batch_already_dispatched", "batch_already_dispatched", Sent.NO),
    Documented(403, "conflict_group_name", "conflict_group_name", Sent.NO),
    Documented(409, "conflict_send_at", "conflict_send_at", Sent.NO),
    Documented(400, None, "SINCH-400", Sent.NO),
    Documented(401, None, "SINCH-401", Sent.NO),
    Documented(403, None, "SINCH-403", Sent.NO),
    Documented(404, None, "SINCH-404", Sent.NO),
    Documented(405, None, "SINCH-405", Sent.NO),
    Documented(408, None, "SINCH-408", Sent.MAYBE),
    Documented(409, None, "SINCH-409", Sent.NO),
    Documented(415, None, "SINCH-415", Sent.NO),
    Documented(429, None, "SINCH-429", Sent.NO),
    Documented(500, None, "SINCH-500", Sent.MAYBE),
    Documented(502, None, "SINCH-502", Sent.MAYBE),
    Documented(503, None, "SINCH-503", Sent.MAYBE),
    Documented(504, None, "SINCH-504", Sent.MAYBE),
]
NEVER_LEFT = ["dns", "refused", "tls", "connect-timeout", "pool", "not-connected"]
MAY_HAVE_LEFT = ["timeout", "reset", "cut", "other", "bad-answer"]
OWN = {
    "own-gave-up": ("MMS-GAVE-UP", Sent.NO),
    "http-429-too-long": ("SINCH-429-TOO-LONG", Sent.NO),
    "own-not-sent": ("MMS-NOT-SENT", Sent.NO),
    "own-crash": ("MMS-CRASH", Sent.MAYBE),
}

CAUSES_OF_STATUS = sorted(cause.key for cause in ALL if cause.kind is Kind.STATUS)

every_cause = pytest.mark.parametrize("cause", ALL, ids=[cause.key for cause in ALL])


def _entry(**changed: str | None) -> str:
    fields: dict[str, str | None] = {
        "happened": "It did not work.",
        "sent": "no",
        "do": "Try again.",
        "admin": "Nothing to do.",
        "source": "a page",
        "certainty": "agreed",
    }
    lines = [f"{key} = '{value}'" for key, value in (fields | changed).items() if value is not None]
    return "\n[http-499]\n" + "\n".join(lines)


def _whole_with(entry: str) -> str:
    return "\n".join(_entry(happened=f"This is {key}.").replace("http-499", key) for key in FALLBACKS) + entry


# Completeness


@pytest.mark.parametrize("row", DOCUMENTED, ids=[f"{row.status}-{row.word}" for row in DOCUMENTED])
def test_everything_that_sinch_documents_for_sending_has_its_own_sentence(row: Documented) -> None:
    cause = CAUSES.for_refusal(status=row.status, word=row.word)
    assert (cause.code, cause.sent) == (row.code, row.sent)
    assert cause.key in {f"http-{row.status}", row.word, "illegal_number_type"}
    assert cause.key in CAUSES.keys


@pytest.mark.parametrize("kind", NEVER_LEFT)
def test_a_request_that_never_left_sent_nothing(kind: str) -> None:
    assert CAUSES.get(f"transport-{kind}").sent is Sent.NO
    assert CAUSES.get(f"transport-{kind}").code == f"NET-{kind.upper()}"


@pytest.mark.parametrize("kind", MAY_HAVE_LEFT)
def test_a_request_that_may_have_left_may_have_been_sent(kind: str) -> None:
    assert CAUSES.get(f"transport-{kind}").sent is Sent.MAYBE
    assert CAUSES.get(f"transport-{kind}").code == f"NET-{kind.upper()}"


@pytest.mark.parametrize("key", OWN)
def test_what_the_bot_decides_itself_has_its_own_code(key: str) -> None:
    assert (CAUSES.get(key).code, CAUSES.get(key).sent) == OWN[key]


def test_a_key_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        CAUSES.get("http-499")


# What a person reads


@every_cause
def test_a_sentence_carries_the_code_and_an_unknown_the_reference(cause: Cause) -> None:
    assert f"Code {cause.code}, reference {REFERENCE}" in CAUSES.sentence(cause, reference=REFERENCE)
    if cause.sent is not Sent.MAYBE or cause.about is not About.MESSAGE:
        assert CAUSES.sentence(cause).endswith(f"(Code {cause.code})")
    else:
        with pytest.raises(ValueError, match="reference"):
            CAUSES.sentence(cause)


def test_one_sentence_in_full() -> None:
    assert CAUSES.sentence(CAUSES.get("http-401")) == (
        "Sinch did not accept the bot's token. Nothing was sent. "
        "Ask an admin to check the bot's Sinch account, then send it again. (Code SINCH-401)"
    )


# What Sinch wrote


def test_what_sinch_wrote_is_quoted_after_our_own_words() -> None:
    sentence = CAUSES.sentence(CAUSES.get("http-403"), vendor_text='The "sender"\nis\u202e not\x00 allowed')
    assert "Sinch wrote: “The 'sender' is not allowed” (Code SINCH-403)" in sentence
    assert sentence.startswith(CAUSES.get("http-403").words)


def test_a_long_vendor_text_is_cut_to_its_limit() -> None:
    sentence = CAUSES.sentence(CAUSES.get("http-403"), vendor_text="x" * 121)
    assert f"“{'x' * 119}…”" in sentence
    assert f"“{'x' * 120}”" in CAUSES.sentence(CAUSES.get("http-403"), vendor_text="x" * 120)


@given(st.text(max_size=400), st.sampled_from(ALL))
def test_vendor_text_is_cut_and_adds_no_control_characters(text: str, cause: Cause) -> None:
    plain = CAUSES.sentence(cause, reference=REFERENCE)
    sentence = CAUSES.sentence(cause, reference=REFERENCE, vendor_text=text)
    assert not {unicodedata.category(one) for one in sentence} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(sentence) <= len(plain) + len(" Sinch wrote: “”") + MAX_VENDOR_TEXT
    assert sentence.startswith(cause.words)


# What nobody knows


def test_an_unknown_word_gets_the_sentence_of_its_status_and_is_shown() -> None:
    cause = CAUSES.for_refusal(status=403, word="sender_on_holiday")
    assert cause.happened == CAUSES.get("http-403").happened
    assert "(Code SINCH-403, sender_on_holiday)" in CAUSES.sentence(cause)


@pytest.mark.parametrize("word", ["", "403", "two words", "line\nfeed", "<!channel>", "x" * 65, "word\n"])
def test_a_word_that_is_no_word_is_not_shown(word: str) -> None:
    assert CAUSES.for_refusal(status=403, word=word) == CAUSES.get("http-403")
    assert CAUSES.describe("http-403", vendor_code=word, maybe_sent=False) == CAUSES.get("http-403")


@pytest.mark.parametrize(("status", "key"), [(302, "http-3xx"), (418, "http-4xx"), (507, "http-5xx")])
def test_an_unknown_status_gets_the_sentence_of_its_class_and_is_shown(status: int, key: str) -> None:
    cause = CAUSES.for_refusal(status=status, word=None)
    assert (cause.happened, cause.code) == (CAUSES.get(key).happened, f"SINCH-{status}")
    assert CAUSES.describe(cause.key, maybe_sent=cause.sent is Sent.MAYBE) == cause


def test_a_word_does_not_make_a_5xx_a_refusal() -> None:
    cause = CAUSES.for_refusal(status=500, word="syntax_invalid_json")
    assert (cause.key, cause.code, cause.sent) == ("http-500", "SINCH-500, syntax_invalid_json", Sent.MAYBE)


def test_a_word_that_is_a_key_of_ours_is_no_word_of_sinch() -> None:
    assert CAUSES.for_refusal(status=400, word="own-crash").happened == CAUSES.get("http-400").happened


@given(st.integers(), st.none() | st.text(max_size=80) | st.sampled_from(sorted(CAUSES.keys)))
def test_any_status_and_word_gets_a_useful_sentence(status: int, word: str | None) -> None:
    cause = CAUSES.for_refusal(status=status, word=word)
    sentence = CAUSES.sentence(cause, reference=REFERENCE)
    assert cause.code in sentence
    assert re.fullmatch(r"(?:SINCH-[0-9]{3}, )?[A-Za-z][A-Za-z0-9_.-]*", cause.code)
    assert ("Nothing was sent" in sentence) == (300 <= status < 500 and status != 408)
    again = CAUSES.describe(cause.key, vendor_code=word, maybe_sent=cause.sent is Sent.MAYBE)
    assert (again.happened, again.sent, again.code) == (cause.happened, cause.sent, cause.code)


@given(st.text(max_size=40) | st.sampled_from(sorted(CAUSES.keys)), st.none() | st.text(max_size=80), st.booleans())
def test_what_a_row_remembers_never_disagrees_with_its_state(key: str, word: str | None, maybe_sent: bool) -> None:
    cause = CAUSES.describe(key, vendor_code=word, maybe_sent=maybe_sent)
    assert cause.sent is (Sent.MAYBE if maybe_sent else Sent.NO)
    assert cause.about is About.MESSAGE
    known = CAUSES.get(key) if key in CAUSES.keys else None
    if known and known.sent is cause.sent and known.kind in (Kind.WORD, Kind.HTTP, Kind.TRANSPORT, Kind.OWN):
        assert (cause.happened == known.happened) is (known.about is About.MESSAGE)


@pytest.mark.parametrize(
    ("key", "maybe_sent", "told"),
    [
        ("own-database", True, "transport-other"),
        ("Failed", True, "transport-other"),
        ("Aborted", False, "own-not-sent"),
        ("expired_trigger_id", False, "own-not-sent"),
    ],
)
def test_a_row_is_never_told_as_something_that_is_not_about_its_message(key: str, maybe_sent: bool, told: str) -> None:
    assert CAUSES.describe(key, maybe_sent=maybe_sent) == CAUSES.get(told)


def test_a_kind_of_connection_is_found_with_either_dash() -> None:
    assert CAUSES.describe("transport-connect_timeout", maybe_sent=False) == CAUSES.get("transport-connect-timeout")
    assert CAUSES.describe("transport-other", maybe_sent=False) == CAUSES.get("transport-not-connected")


# Corrections by people who know no Python


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (_entry(sent="perhaps"), "sent"),
        (_entry(sent="yes"), 'sent can only be "no" or "maybe"'),
        (_entry(admin=None), "lacks admin"),
        (_entry(about="weather"), "about is one of message, recipient"),
        (_entry(about="incoming", sent="maybe"), 'sent can only be "no"'),
        (_entry(kind="word code"), "needs no kind"),
        (_entry(happened="So it is.").replace("http-499", "some_word"), "needs a kind"),
        (_entry(happened="So it is.", kind="weather").replace("http-499", "some_word"), "needs a kind"),
        (_entry(charged="Yes, once."), "charged_source"),
        (_entry(charged_source="a page"), "charged_source"),
        (_entry(admin="Check the DNS and the TTL."), "uses DNS, TTL, which [glossary] does not explain"),
        (_entry(do="Ask for 10DLC."), "uses 10DLC"),
        (_entry() + "\n[glossary]\nDNS = 'Names'", "full stop"),
        (_entry() + "\n[glossary]\nDNS = 'Names over TCP.'", "uses TCP"),
        (_entry().replace("http-499", "own-NOT_sent"), "both called own-NOT_sent"),
        (_entry(do=None), "lacks do"),
        (_entry(do=""), "do has to be text"),
        (_entry(do="Try again"), "full stop"),
        (_entry(hint="Look."), "hint"),
        (_entry(certainty="sure"), "certainty"),
        (_entry(certainty="uncertain"), "may"),
        (_entry(happened="It broke. Nothing was sent."), "must not say"),
        (_entry(happened="It may have been sent."), "must not say"),
        (_entry(happened="Long" + "er" * 140 + "."), "too long"),
        (_entry(happened="This is http-3xx."), "http-3xx"),
        (_entry() + "\nalso = 'word'", "also"),
        ("\n[http-499", "not TOML"),
    ],
)
def test_a_correction_that_does_not_fit_is_named(entry: str, named: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(named)) as refused:
        Catalogue.parse(_whole_with(entry))
    assert "causes.toml" in str(refused.value)


def test_a_correction_that_fits_is_taken() -> None:
    catalogue = Catalogue.parse(_whole_with(_entry(happened="It was Tuesday.")))
    assert catalogue.for_refusal(status=499, word=None).happened == "It was Tuesday."


def test_what_was_charged_can_be_said_with_its_source() -> None:
    catalogue = Catalogue.parse(_whole_with(_entry(charged="Yes.", charged_source="a price list")))
    assert (catalogue.get("http-499").charged, catalogue.get("http-499").charged_source) == ("Yes.", "a price list")


def test_a_word_that_the_glossary_explains_may_be_used() -> None:
    glossary = "\n[glossary]\nDNS = 'A directory of names.'"
    assert Catalogue.parse(_whole_with(_entry(admin="Check the DNS. DNS_SERVER is a setting.") + glossary)).glossary


@pytest.mark.parametrize("key", FALLBACKS)
def test_an_entry_that_others_fall_back_on_can_not_be_dropped(key: str) -> None:
    with pytest.raises(CatalogueError, match=f"{key}.* is missing"):
        Catalogue.parse(_whole_with("").replace(f"[{key}]", "[http-555]"))


@pytest.mark.parametrize(
    ("text", "word", "used"),
    [
        ("They wrote STOP.", "STOP", True),
        ("The proxies stop it.", "STOP", False),
        ("Tokens expire.", "token", True),
        ("Its tokenizer is old.", "token", False),
        ("Set SINCH_TOKEN.", "token", False),
        ("Their short codes.", "short code", True),
    ],
)
def test_a_word_of_the_trade_is_seen_where_it_is_used(text: str, word: str, used: bool) -> None:
    assert uses(text, word) is used


# Delivery reports


@pytest.mark.parametrize("status", ["Failed", "FAILED", "failed"])
def test_a_status_is_found_in_any_case(status: str) -> None:
    assert CAUSES.for_delivery(status=status, code=None) == CAUSES.get("Failed")


@pytest.mark.parametrize(
    ("status", "code", "key"),
    [
        ("Delivered", 0, "delivery-0"),
        ("Aborted", 402, "delivery-402"),
        ("Aborted", "402", "delivery-402"),
        ("Failed", 257, "carrier-257"),
        ("Failed", 2560, "gateway-2560"),
        (None, 414, "delivery-414"),
        ("Sleeping", 414, "delivery-414"),
        ("Queued", 400, "delivery-400"),
    ],
)
def test_a_known_code_says_more_than_its_status(status: str | None, code: int | str, key: str) -> None:
    assert CAUSES.for_delivery(status=status, code=code) == CAUSES.get(key)


@pytest.mark.parametrize(
    ("status", "code"), [("Delivered", 402), ("Failed", 0), ("Rejected", 401), ("Aborted", 400), ("Dispatched", 257)]
)
def test_a_code_that_contradicts_the_status_is_only_shown(status: str, code: int) -> None:
    cause = CAUSES.for_delivery(status=status, code=code)
    assert cause.sent is CAUSES.get(status).sent
    assert cause.happened == f"{CAUSES.get(status).happened} It came with the code {code}."
    assert cause.code == f"{status}, {code}"


@pytest.mark.parametrize("status", CAUSES_OF_STATUS)
def test_an_unknown_code_gets_the_sentence_of_its_status_and_is_shown(status: str) -> None:
    cause = CAUSES.for_delivery(status=status, code=999999)
    assert CAUSES.get(status).happened in cause.happened
    assert "a code (999999) that the bot does not know" in cause.happened
    assert (cause.code, cause.sent) == (f"{status}, 999999", CAUSES.get(status).sent)
    assert len(cause.words) <= MAX_SENTENCE


def test_an_unknown_status_and_an_unknown_code_are_both_shown() -> None:
    cause = CAUSES.for_delivery(status="Sleeping", code=733)
    assert (cause.happened, cause.sent) == (CAUSES.get("delivery-other").happened, Sent.MAYBE)
    assert cause.code == "DELIVERY-733, Sleeping"


@given(
    st.none() | st.text(max_size=80) | st.sampled_from(CAUSES_OF_STATUS),
    st.none() | st.integers() | st.text(max_size=20) | st.integers(0, 5000) | st.just(10**5000),
)
def test_any_report_gets_a_useful_sentence(status: str | None, code: int | str | None) -> None:
    cause = CAUSES.for_delivery(status=status, code=code)
    assert len(cause.words) <= MAX_SENTENCE
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*(?:, [A-Za-z0-9_.-]+)?", cause.code)
    assert cause.words.endswith(cause.do)
    assert cause.sent_words.endswith("to this number.")


# Slack


@pytest.mark.parametrize("error", ["expired_trigger_id", "away", "http-500", "http-599", "something_new"])
def test_a_dialog_that_did_not_open_sent_nothing_whatever_slacks_word(error: str) -> None:
    cause = CAUSES.for_dialog(error)
    assert cause.words.count("Nothing was sent.") == 1
    assert cause.code == f"SLACK-{error}"


@given(st.text(max_size=90) | st.from_regex(r"http-[0-9]{3}", fullmatch=True))
def test_any_word_of_slacks_gets_a_useful_sentence(error: str) -> None:
    cause = CAUSES.for_slack(error)
    assert re.fullmatch(r"SLACK-[A-Za-z][A-Za-z0-9_.-]{0,63}", cause.code)
    assert len(replace(cause, about=About.MESSAGE, sent=Sent.NO).words) <= MAX_SENTENCE


# What is new


def _new(ask: Callable[[Catalogue], object]) -> list[tuple[Kind, str]]:
    told: list[tuple[Kind, str]] = []
    ask(Catalogue.load(on_new=lambda kind, code: told.append((kind, code))))
    return told


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda c: c.for_refusal(status=403, word="sender_on_holiday"), (Kind.WORD, "sender_on_holiday")),
        (lambda c: c.describe("http-429", vendor_code="so_many", maybe_sent=False), (Kind.WORD, "so_many")),
        (lambda c: c.for_refusal(status=418, word=None), (Kind.HTTP, "418")),
        (lambda c: c.for_delivery(status="Failed", code=733), (Kind.DELIVERY, "733")),
        (lambda c: c.for_delivery(status="Sleeping", code=402), (Kind.STATUS, "Sleeping")),
        (lambda c: c.for_slack("something_new"), (Kind.SLACK, "something_new")),
    ],
)
def test_an_unknown_code_is_told_once_as_new(ask: Callable[[Catalogue], object], told: tuple[Kind, str]) -> None:
    assert _new(lambda catalogue: [ask(catalogue) for _ in range(3)]) == [told]


def test_a_known_code_is_nothing_new() -> None:
    def ask(catalogue: Catalogue) -> None:
        catalogue.for_refusal(status=400, word="syntax_invalid_json")
        catalogue.for_refusal(status=500, word="syntax_invalid_json")
        catalogue.for_refusal(status=403, word="llegal_number_type")
        catalogue.for_refusal(status=99, word=None)
        catalogue.describe("http-429", vendor_code=None, maybe_sent=False)
        catalogue.for_delivery(status="failed", code="257")
        catalogue.for_delivery(status="Failed", code=0)
        catalogue.for_slack("http-502")
        catalogue.for_slack("away")

    assert _new(ask) == []


@pytest.mark.parametrize(
    "word", ["+12015550123", "12015550123", "to_12015550123", "two words", "<!channel>", "x\n", ""]
)
def test_what_may_hold_a_number_or_a_text_is_never_told_as_new(word: str) -> None:
    def ask(catalogue: Catalogue) -> None:
        catalogue.for_refusal(status=403, word=word)
        catalogue.for_delivery(status=word, code=word)
        catalogue.for_slack(word)

    assert _new(ask) == []


def test_a_flood_of_new_codes_is_told_up_to_a_limit() -> None:
    told = _new(lambda catalogue: [catalogue.for_slack(f"word_{n}") for n in range(REMEMBERED * 2)])
    assert len(told) == REMEMBERED
