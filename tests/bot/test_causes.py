"""The catalogue of causes: complete, honest about what was sent, and useful for what it does not know."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import MAX_SENTENCE, MAX_VENDOR_TEXT, Catalogue, CatalogueError, Cause, Certainty, Sent

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

every_cause = pytest.mark.parametrize("cause", ALL, ids=[cause.key for cause in ALL])


def _entry(**changed: str | None) -> str:
    fields: dict[str, str | None] = {
        "happened": "It did not work.",
        "sent": "no",
        "do": "Try again.",
        "source": "a page",
        "certainty": "agreed",
    }
    lines = [f"{key} = '{value}'" for key, value in (fields | changed).items() if value is not None]
    return "\n[http-499]\n" + "\n".join(lines)


def _whole_with(entry: str) -> str:
    fallbacks = ["http-3xx", "http-4xx", "http-5xx", "own-not-sent"]
    fallbacks += ["transport-not-connected", "transport-other", "transport-bad-answer"]
    return "\n".join(_entry(happened=f"This is {key}.").replace("http-499", key) for key in fallbacks) + entry


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


def test_there_is_no_entry_that_no_test_knows() -> None:
    known = {row.word or f"http-{row.status}" for row in DOCUMENTED} - {"llegal_number_type"}
    known |= {"http-3xx", "http-4xx", "http-5xx"} | set(OWN)
    known |= {f"transport-{kind}" for kind in NEVER_LEFT + MAY_HAVE_LEFT}
    assert known == CAUSES.keys


def test_a_key_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        CAUSES.get("http-499")


# What a person reads


@every_cause
def test_a_sentence_says_once_whether_anything_was_sent(cause: Cause) -> None:
    sentence = CAUSES.sentence(cause, reference=REFERENCE)
    no, maybe = sentence.count("Nothing was sent"), sentence.count("may have been sent")
    assert (no, maybe) == ((1, 0) if cause.sent is Sent.NO else (0, 1))
    assert len(re.findall(r"\bbeen sent\b|\bwas sent\b", sentence)) == 1


@every_cause
def test_a_sentence_carries_the_code_and_an_unknown_the_reference(cause: Cause) -> None:
    assert f"Code {cause.code}, reference {REFERENCE}" in CAUSES.sentence(cause, reference=REFERENCE)
    if cause.sent is Sent.NO:
        assert CAUSES.sentence(cause).endswith(f"(Code {cause.code})")
    else:
        with pytest.raises(ValueError, match="reference"):
            CAUSES.sentence(cause)


@every_cause
def test_a_sentence_is_short_calm_and_says_what_to_do(cause: Cause) -> None:
    assert cause.do
    assert len(cause.words) <= MAX_SENTENCE
    told = f"{cause.words} {cause.admin or ''}".lower()
    assert not re.search(r"\b(oops|sorry|please|you did|your fault|invalid|error|unfortunately|failed to)\b|!", told)
    assert "_" not in cause.words, "names of settings are for admins"


@every_cause
def test_what_is_uncertain_is_said_with_may_or_might(cause: Cause) -> None:
    if cause.certainty is Certainty.UNCERTAIN:
        assert re.search(r"\b(may|might)\b", cause.happened)


def test_no_two_causes_share_a_sentence_or_a_code() -> None:
    assert len({cause.happened for cause in ALL}) == len(ALL)
    assert len({cause.code for cause in ALL}) == len(ALL)


@every_cause
def test_whoever_is_given_the_code_finds_what_to_do_with_it(cause: Cause) -> None:
    if "the code at the end" in cause.do:
        assert cause.admin


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
    if key in CAUSES.keys and CAUSES.get(key).sent is cause.sent:
        assert cause.happened == CAUSES.get(key).happened


def test_a_kind_of_connection_is_found_with_either_dash() -> None:
    assert CAUSES.describe("transport-connect_timeout", maybe_sent=False) == CAUSES.get("transport-connect-timeout")
    assert CAUSES.describe("transport-other", maybe_sent=False) == CAUSES.get("transport-not-connected")


# Corrections by people who know no Python


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (_entry(sent="perhaps"), "sent"),
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


def test_an_entry_that_others_fall_back_on_can_not_be_dropped() -> None:
    with pytest.raises(CatalogueError, match="http-5xx"):
        Catalogue.parse(_whole_with("").replace("[http-5xx]", "[http-555]"))
