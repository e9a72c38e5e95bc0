"""The answer about a message's delivery: taken by Slack, whatever there is to tell, and honest about each recipient."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import Catalogue
from bot.domain import Message, State
from bot.reports import DELIVERED, DISPATCHED, NO_FINAL_WORD, QUEUED, RecipientState, Standing, counts_of, standing_of
from bot.slack import ids
from bot.slack.blocks import Blocks
from bot.slack.delivery_messages import delivery_news
from sandbox.slack.block_kit import check_message
from sandbox.slack.state import words_of
from tests.bot.home_samples import NUMBERS, messages, recipients_of, reported, sent

OPTED_OUT, NO_PICTURES = ("Failed", 257), ("Failed", 416)


def shown(message: Blocks) -> str:
    assert check_message(message) == []
    return words_of(message["blocks"])


def news(causes: Catalogue, *states: tuple[str, int | None], unfolded: bool = False, **fields: Any) -> str:
    message = sent(1, count=len(states), **fields)
    return shown(delivery_news(message, reported(*states), unfolded=unfolded, causes=causes))


def buttons(message: Blocks) -> dict[str, str]:
    [actions] = [block for block in message["blocks"] if block["type"] == "actions"]
    return {one["action_id"]: one["text"]["text"] for one in actions["elements"]}


# -- limits


@given(messages, recipients_of(), st.booleans())
def test_whatever_there_is_to_tell_slack_takes_it(
    causes: Catalogue, message: Message, recipients: list[RecipientState], unfolded: bool
) -> None:
    told = delivery_news(message, recipients, unfolded=unfolded, causes=causes)
    text = shown(told)
    assert told["text"].strip()
    assert len(text) < 12_000
    for block in told["blocks"]:
        assert block["type"] == "actions" or block["text"]["verbatim"] is True
    assert not re.search(r"<(?!!date\\^)", text), "no mention and no link"


@pytest.mark.parametrize("reasons", [1, 3, 12])
def test_of_230_that_failed_every_one_is_there_or_counted(causes: Catalogue, reasons: int) -> None:
    text = news(causes, *(("Failed", 900_000 + n % reasons) for n in range(230)), unfolded=True)
    listed = re.findall(r"\+\d+", text)
    more = sum(map(int, re.findall(r"and (\d+) more, see the details", text)))
    assert len(listed) == len(set(listed))
    assert len(listed) + more == 230
    assert len(listed) >= 150


def test_reasons_for_which_there_is_no_room_are_counted(causes: Catalogue) -> None:
    text = news(causes, *(("Failed", 900_000 + n % 15) for n in range(1000)), unfolded=True)
    listed = len(re.findall(r"\+\d+", text))
    more = sum(map(int, re.findall(r"and (\d+) more, see the details", text)))
    assert listed + more == 1000


# -- one recipient


def test_one_that_was_delivered_is_told_in_one_sentence(causes: Catalogue) -> None:
    assert news(causes, (DELIVERED, 0)).startswith(
        f"Your picture message (MMS) was delivered to {NUMBERS[0]}.\nBatch ID: `01HVBATCH`"
    )


def test_one_that_failed_comes_with_its_reason_and_code(causes: Catalogue) -> None:
    text = news(causes, ("Failed", 414))
    assert f"was not delivered to {NUMBERS[0]}. {causes.get('delivery-414').words} (Code DELIVERY-414)" in text
    assert ids.UNFOLD not in text


def test_of_one_without_a_final_word_nothing_is_claimed(causes: Catalogue) -> None:
    text = news(causes, (NO_FINAL_WORD, None))
    assert f"There is no final word on your picture message (MMS) to {NUMBERS[0]}." in text
    assert "may have been sent" in text
    assert "was delivered" not in text
    assert NO_FINAL_WORD not in text


def test_one_whose_number_was_purged_is_told_without_it(causes: Catalogue) -> None:
    told = delivery_news(sent(1), reported((DELIVERED, 0), kept=False), unfolded=False, causes=causes)
    assert "was delivered to a number that is no longer kept" in shown(told)


# -- several


def test_the_counts_are_told_and_the_batch_id(causes: Catalogue) -> None:
    states = [(DELIVERED, 0)] * 41 + [OPTED_OUT, NO_PICTURES] + [(DISPATCHED, 401), (QUEUED, 400), (QUEUED, None)]
    text = news(causes, *states)
    assert "to 46 recipients: 41 delivered, 2 failed and 3 on their way." in text
    assert "`01HVBATCH`" in text
    assert "CARRIER-257" not in text


def test_all_that_were_delivered_are_one_sentence(causes: Catalogue) -> None:
    message = delivery_news(sent(1, count=3), reported(*[(DELIVERED, 0)] * 3), unfolded=True, causes=causes)
    assert "was delivered to all 3 recipients." in shown(message)
    assert set(buttons(message)) == {ids.DETAILS}


def test_the_failed_ones_unfold_by_reason_with_their_numbers_in_full(causes: Catalogue) -> None:
    states = [(DELIVERED, 0), OPTED_OUT, NO_PICTURES, OPTED_OUT]
    folded = delivery_news(sent(1, count=4), reported(*states), unfolded=False, causes=causes)
    assert buttons(folded) == {ids.UNFOLD: "Show the failed ones", ids.DETAILS: "Details"}
    assert NUMBERS[1] not in shown(folded)
    unfolded = delivery_news(sent(1, count=4), reported(*states), unfolded=True, causes=causes)
    assert buttons(unfolded) == {ids.FOLD: "Hide them", ids.DETAILS: "Details"}
    text = shown(unfolded)
    assert f"*2 failed*: {causes.get('carrier-257').words} (Code CARRIER-257)\n{NUMBERS[1]}, {NUMBERS[3]}" in text
    assert f"*1 failed*: {causes.get('delivery-416').words} (Code DELIVERY-416)\n{NUMBERS[2]}" in text
    assert NUMBERS[0] not in text


def test_those_without_a_final_word_are_told_as_what_they_are(causes: Catalogue) -> None:
    states = [(DELIVERED, 0), (NO_FINAL_WORD, None), ("Unknown", None)]
    message = delivery_news(sent(1, count=3), reported(*states), unfolded=False, causes=causes)
    assert "1 delivered and 2 without a final word. Nothing final came" in shown(message)
    assert buttons(message)[ids.UNFOLD] == "Show those without a final word"
    assert "failed" not in shown(message)


def test_what_was_cancelled_and_arrived_all_the_same_is_told(causes: Catalogue) -> None:
    text = news(causes, (DELIVERED, 0), ("Cancelled", 407), state=State.CANCELLED)
    assert "was cancelled. What became of it all the same: 1 delivered and 1 failed." in text


def test_a_code_that_nobody_knows_is_still_shown(causes: Catalogue) -> None:
    assert "99999" in news(causes, (DELIVERED, 0), ("Failed", 99_999), unfolded=True)


@given(recipients_of())
def test_purged_numbers_change_no_count(causes: Catalogue, recipients: list[RecipientState]) -> None:
    counts = counts_of(recipients)
    told = delivery_news(sent(1, count=len(recipients)), recipients, unfolded=True, causes=causes)
    if len(recipients) > 1 and counts.delivered < counts.total:
        for number, word in ((counts.delivered, "delivered"), (counts.failed, "failed")):
            assert not number or f"{number} {word}" in told["text"]
    wrong = [one for one in recipients if standing_of(one.state) in (Standing.FAILED, Standing.NO_FINAL_WORD)]
    assert (ids.FOLD in buttons(told)) == (bool(wrong) and len(recipients) > 1)
