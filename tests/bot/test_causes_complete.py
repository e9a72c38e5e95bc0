"""Every code that a vendor lists has a sentence of its own, in plain words, and whoever is shown it finds it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sinch
from bot.causes import MAX_SENTENCE, Catalogue, Cause, Certainty, Kind, Sent
from bot.causes.entry import SENT_WORDS
from bot.causes.glossary import uses
from bot.causes.reading import FALLBACKS
from bot.explain import explain
from bot.slack.gateway import TOKEN_REFUSED

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CAUSES = Catalogue.load()
CODES: dict[str, Any] = tomllib.loads((HERE / "vendor_codes.toml").read_text())
every_cause = pytest.mark.parametrize("cause", CAUSES.causes, ids=lambda cause: cause.key)


def listed() -> dict[str, str]:
    """What is typed in the lists, as it is asked for → the key of its entry."""
    spelt = {"llegal_number_type": "illegal_number_type"}
    asked = {word: spelt.get(word, word) for word in CODES["word_codes"]}
    asked |= {f"SINCH-{status}": f"http-{status}" for status in CODES["http_statuses"]}
    asked |= {word: word for word in CODES["delivery_statuses"] + CODES["inbound_kinds"]}
    for prefix, name in (
        ("delivery", "delivery_codes"),
        ("carrier", "carrier_codes"),
        ("gateway", "gateway_codes"),
        ("inbound-media", "inbound_media"),
        ("callback", "callbacks"),
    ):
        asked |= {f"{prefix}-{code}": f"{prefix}-{code}" for code in CODES[name]}
    asked |= {f"NET-{kind.upper()}": f"transport-{kind}" for kind in CODES["never_left"] + CODES["may_have_left"]}
    asked |= {f"SLACK-{word}": word for word in CODES["slack_errors"]}
    for word in CODES["slack_own"]:
        asked[f"SLACK-{word}"] = f"slack-{word[:6]}xx" if word.startswith("http-") else f"slack-{word}"
    return asked | {key: key for key in CODES["general"]}


LISTED = listed()
OWN = {key for key in CAUSES.keys if CAUSES.get(key).kind is Kind.OWN} | {"http-429-too-long"}


@pytest.mark.parametrize("asked", LISTED)
def test_every_code_that_a_vendor_lists_has_its_own_sentence(asked: str) -> None:
    assert LISTED[asked] in CAUSES.keys
    explained = explain(asked, catalogue=CAUSES)
    assert explained.found
    assert explained.text.startswith(f"{LISTED[asked]} (")


def test_there_is_no_entry_that_is_in_no_list() -> None:
    assert CAUSES.keys - set(LISTED.values()) == OWN


def test_no_two_causes_share_a_sentence_or_a_code() -> None:
    assert len({cause.happened for cause in CAUSES.causes}) == len(CAUSES.causes)
    assert len({cause.code for cause in CAUSES.causes}) == len(CAUSES.causes)


@every_cause
def test_a_sentence_is_short_calm_and_plain(cause: Cause) -> None:
    assert len(cause.words) <= MAX_SENTENCE
    told = f"{cause.words} {cause.admin}"
    assert not re.search(
        r"\b(oops|sorry|please|you did|your fault|invalid|error|unfortunately|failed to)\b|!", told, re.IGNORECASE
    )
    assert "_" not in cause.words, "names of settings are for admins"
    if cause.certainty is Certainty.UNCERTAIN:
        assert re.search(r"\b(may|might)\b", cause.happened)


@every_cause
def test_a_sentence_says_once_whether_anything_was_sent(cause: Cause) -> None:
    said = {
        Sent.YES: "was sent to this number",
        Sent.NO: "Nothing was sent",
        Sent.MAYBE: "sent once at most" if cause.kind is Kind.OWN and cause.about == "dialog" else "may have been sent",
    }
    assert cause.words.count(said[cause.sent]) == 1
    assert len(re.findall(r"\bbeen sent\b|\bwas sent\b|\bis sent\b", cause.words)) == 1


@every_cause
def test_there_is_something_for_the_sender_and_for_an_admin_or_it_says_that_there_is_nothing(cause: Cause) -> None:
    for text in (cause.do, cause.admin):
        assert text.endswith(".")
        assert not re.search(r"(?i)\bnothing to do\b", text) or text == "Nothing to do."
    if "the code at the end" in cause.do:
        assert cause.admin != "Nothing to do.", "whoever is given the code finds what to do with it"


@every_cause
def test_whether_it_was_charged_is_not_invented(cause: Cause) -> None:
    assert cause.charged_source or cause.charged == "not documented"


@every_cause
def test_every_word_of_the_trade_is_explained(cause: Cause) -> None:
    text = f"{cause.words} {cause.admin}"
    explained = " ".join(CAUSES.glossary)
    unexplained = [word for word in CODES["trade_words"] if uses(text, word) and not uses(explained, word)]
    assert unexplained == []


def test_the_glossary_explains_what_somebody_reads_and_nothing_else() -> None:
    read = " ".join([*(f"{cause.words} {cause.admin}" for cause in CAUSES.causes), *CAUSES.glossary.values()])
    assert [word for word in CAUSES.glossary if not uses(read, word)] == []
    explained = " ".join(CAUSES.glossary)
    for word, meaning in CAUSES.glossary.items():
        assert [one for one in CODES["trade_words"] if uses(meaning, one) and not uses(explained, one)] == [], word


@every_cause
def test_every_cause_is_found_by_its_key_and_by_what_people_are_shown(cause: Cause) -> None:
    for name in (*cause.names, cause.code.lower(), f"Code {cause.code}", f"({cause.code})"):
        explained = explain(name, catalogue=CAUSES)
        assert explained.found
        assert explained.text.startswith(f"{cause.key} (")


# What the code itself knows


def test_every_way_in_which_a_connection_fails_has_an_entry() -> None:
    never = {"not-connected" if kind == "other" else kind.replace("_", "-") for kind in sinch.ConnectionFailedKind}
    assert never | {"not-connected"} == set(CODES["never_left"])
    assert {*sinch.AnswerLostKind, "bad-answer"} == set(CODES["may_have_left"])


def test_every_word_by_which_slack_refuses_a_token_has_an_entry() -> None:
    assert set(CODES["slack_errors"]) >= TOKEN_REFUSED


def test_every_failure_of_the_bots_own_that_the_code_tells_has_an_entry_and_none_is_left_over() -> None:
    code = "\n".join(file.read_text() for file in (ROOT / "bot").rglob("*.py"))
    told = {f"own-{key}" for key in re.findall(r'\bown(?:_text)?\(\s*"([a-z-]+)"', code)}
    told |= {f"own-{key}" for key in re.findall(r'"(internal(?:-dialog)?)"', code)}
    told |= set(re.findall(r'"(own-[a-z-]+)"', code)) - {"own-"}
    assert told == OWN - {"http-429-too-long"}


def test_what_is_fallen_back_on_is_there() -> None:
    assert set(FALLBACKS) <= CAUSES.keys


def test_every_way_to_say_whether_anything_was_sent_is_used() -> None:
    assert {(cause.about, cause.sent) for cause in CAUSES.causes} == set(SENT_WORDS)
