"""What becomes of messages: scripts for numbers, phones, validity, cancelling; how texts are counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sinch import AT_ONCE, NO_LAST_WORD, FakeSinch, MediaFailure, Readings, Script, State
from sandbox.sinch.batches import Batch
from sandbox.sinch.lives import state_of, steps
from sandbox.sinch.parts import encoding, number_of_parts
from sandbox.sinch.rules import read_batch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANN, BOB = "+12015550123", "+12015550124"


class Carrier:
    """A fake that is not served, and its clock."""

    def __init__(self) -> None:
        self.now = NOON
        self.fake = FakeSinch(clock=lambda: self.now)

    def send(self, *to: str, **more: Any) -> Batch:
        raw = json.dumps({"from": "+12015550100", "to": to or [ANN], "body": "Hi", **more}).encode()
        plan = self.fake.plan
        return plan.accept(read_batch("application/json", raw, self.now, plan=plan.rules()))

    def state(self, batch: Batch, number: int = 0) -> tuple[str, int]:
        step = batch.messages[number].now(self.now)
        return step.state, step.code


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


def test_without_a_script_a_message_is_on_the_phone_at_once(carrier: Carrier) -> None:
    batch = carrier.send()
    assert carrier.state(batch) == ("Delivered", 0)
    assert len(carrier.fake.phones.of(ANN)) == 1


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        ("+12015550414", ("Aborted", 414)),
        ("+12015550257", ("Rejected", 257)),
        ("+12015550402", ("Aborted", 402)),
        ("+12015550407", ("Cancelled", 407)),
        ("+12015550406", ("Expired", 406)),
        ("+12015550400", ("Delivered", 0)),
        ("+12015550401", ("Delivered", 0)),
        ("+12015550419", ("Delivered", 0)),
        ("+12015550000", ("Delivered", 0)),
        ("+12015550152", ("Delivered", 0)),
    ],
)
def test_the_last_digits_of_a_number_say_how_its_messages_end(
    carrier: Carrier, number: str, ending: tuple[str, int]
) -> None:
    batch = carrier.send(number)
    assert carrier.state(batch) == ending
    carrier.fake.phones.script(number, Script(310))
    assert carrier.state(carrier.send(number)) == ("Rejected", 310), "what was said of a number counts more"


def test_a_number_that_fails_takes_the_usual_time_for_it(carrier: Carrier) -> None:
    carrier.fake.phones.usual = Script(dispatched_after_s=5, final_after_s=5)
    batch = carrier.send("+12015550257")
    assert carrier.state(batch) == ("Queued", 400)
    carrier.now += timedelta(seconds=10)
    assert carrier.state(batch) == ("Rejected", 257)
    carrier.fake.phones.usual = Script(321)
    assert carrier.state(carrier.send("+12015550414")) == ("Rejected", 321)


def test_every_number_that_is_kept_free_for_fiction_gets_its_messages(carrier: Carrier) -> None:
    batch = carrier.send(*(f"+120155501{number:02d}" for number in range(100)))
    assert {message.now(carrier.now).code for message in batch.messages} == {0}


def test_a_message_moves_from_queued_to_dispatched_to_its_last_state_by_the_clock(carrier: Carrier) -> None:
    carrier.fake.phones.script(ANN, Script(dispatched_after_s=10, final_after_s=20))
    batch = carrier.send()
    seen = []
    for seconds in (0, 9.9, 0.1, 19.9, 0.1):
        carrier.now += timedelta(seconds=seconds)
        seen.append((*carrier.state(batch), len(carrier.fake.phones.of(ANN))))
    assert seen == [
        ("Queued", 400, 0),
        ("Queued", 400, 0),
        ("Dispatched", 401, 0),
        ("Dispatched", 401, 0),
        ("Delivered", 0, 1),
    ]


@pytest.mark.parametrize(
    "script", [Script(402), Script(414), Script(257), Script(9, State.DELETED), Script(0, State.FAILED)]
)
def test_what_is_not_delivered_is_on_no_phone(carrier: Carrier, script: Script) -> None:
    carrier.fake.phones.script(ANN, script)
    batch = carrier.send(ANN, BOB)
    assert carrier.state(batch)[1] == script.code
    assert carrier.fake.phones.of(ANN) == []
    assert len(carrier.fake.phones.of(BOB)) == 1


@pytest.mark.parametrize("script", [NO_LAST_WORD, Script(0, State.UNKNOWN)])
def test_what_a_carrier_says_no_last_word_about_is_on_the_phone_all_the_same(carrier: Carrier, script: Script) -> None:
    carrier.fake.phones.script(ANN, script)
    carrier.send()
    assert len(carrier.fake.phones.of(ANN)) == 1


def test_a_script_can_be_taken_away_and_another_can_be_usual(carrier: Carrier) -> None:
    carrier.fake.phones.script("12015550123", Script(402))
    carrier.fake.phones.usual = Script(404)
    assert carrier.state(carrier.send(ANN)) == ("Aborted", 402)
    assert carrier.state(carrier.send(BOB)) == ("Aborted", 404)
    carrier.fake.phones.script(ANN, None)
    assert carrier.state(carrier.send(ANN)) == ("Aborted", 404)
    carrier.fake.phones.script(ANN, Script(402))
    carrier.fake.phones.clear_scripts()
    assert carrier.state(carrier.send(ANN)) == ("Delivered", 0)


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, "Delivered"), (402, "Aborted"), (406, "Expired"), (407, "Cancelled"), (410, "Aborted"), (414, "Aborted"),
     (418, "Aborted"), (257, "Rejected"), (15, "Rejected")],
)  # fmt: skip
def test_a_code_has_its_state(code: int, state: str) -> None:
    assert state_of(code, Readings()) == state


def test_a_code_of_the_older_api_is_hidden_behind_one_of_ours_unless_read_otherwise(carrier: Carrier) -> None:
    carrier.fake.phones.script(ANN, Script(3003))
    assert carrier.state(carrier.send()) == ("Aborted", 414)
    carrier.fake.readings = Readings(gateway_codes=True, media_failure=MediaFailure.FAILED)
    assert carrier.state(carrier.send()) == ("Failed", 3003)


@pytest.mark.parametrize(
    "wrong",
    [{"state": State.QUEUED}, {"code": 401}, {"dispatched_after_s": -1}, {"final_after_s": float("inf")}],
)
def test_a_script_that_could_never_happen_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Script(**wrong)


def test_a_message_that_was_stopped_is_never_dispatched(carrier: Carrier) -> None:
    carrier.fake.phones.script(ANN, Script(402))
    (message,) = carrier.send().messages
    assert [step.state for step in message.steps] == ["Queued", "Aborted"]


def test_a_message_that_waits_expires_and_one_that_the_carrier_has_expires_too(carrier: Carrier) -> None:
    carrier.fake.phones.script(ANN, Script(dispatched_after_s=600))
    carrier.fake.phones.script(BOB, Script(final_after_s=601))
    batch = carrier.send(ANN, BOB, expire_at="2026-03-01T12:10:00Z")
    carrier.now += timedelta(seconds=599)
    assert [carrier.state(batch, n) for n in (0, 1)] == [("Queued", 400), ("Dispatched", 401)]
    carrier.now += timedelta(days=1)
    assert [carrier.state(batch, n) for n in (0, 1)] == [("Expired", 406)] * 2
    assert carrier.fake.phones.of(ANN) == carrier.fake.phones.of(BOB) == []


def test_a_cancelled_batch_is_on_no_phone_when_its_time_comes(carrier: Carrier) -> None:
    batch = carrier.send(send_at="2026-03-01T13:00:00Z")
    carrier.fake.plan.cancel(batch)
    carrier.now += timedelta(hours=2)
    assert carrier.fake.phones.of(ANN) == []
    assert carrier.fake.phones.all() == {ANN: []}


def test_what_is_on_its_way_arrives_in_spite_of_a_cancel(carrier: Carrier) -> None:
    carrier.fake.phones.script(ANN, Script(final_after_s=60))
    carrier.fake.phones.script(BOB, Script(dispatched_after_s=60))
    carrier.fake.plan.cancel(carrier.send(ANN, BOB))
    carrier.now += timedelta(hours=1)
    assert (len(carrier.fake.phones.of(ANN)), carrier.fake.phones.of(BOB)) == (1, [])


def test_bytes_arrive_as_they_were_sent(carrier: Carrier) -> None:
    carrier.send(type="mt_binary", body="SGkgVGhlcmU=", udh="0605")
    (message,) = carrier.fake.phones.of(ANN)
    assert (message.kind, message.text) == ("binary", "SGkgVGhlcmU=")


def test_an_update_moves_what_the_phones_will_have(carrier: Carrier) -> None:
    batch = carrier.send(ANN, send_at="2026-03-01T13:00:00Z")
    fields = {**batch.request.fields, "to": [BOB], "body": "Hello"}
    carrier.fake.plan.update(batch, read_batch("application/json", json.dumps(fields).encode(), carrier.now))
    carrier.now += timedelta(hours=1)
    assert carrier.fake.phones.of(ANN) == []
    assert [one.text for one in carrier.fake.phones.of(BOB)] == ["Hello"]


def test_an_update_leaves_alone_what_a_replaced_batch_had_sent(carrier: Carrier) -> None:
    batch = carrier.send(ANN)
    for body in ("later", "later still"):
        fields = {**batch.request.fields, "body": body, "send_at": "2026-03-01T13:00:00Z"}
        asked = read_batch("application/json", json.dumps(fields).encode(), carrier.now)
        (carrier.fake.plan.replace if body == "later" else carrier.fake.plan.update)(batch, asked)
    assert [carrier.state(batch, n) for n in range(len(batch.messages))] == [("Delivered", 0), ("Queued", 400)]
    carrier.now += timedelta(hours=1)
    assert [one.text for one in carrier.fake.phones.of(ANN)] == ["Hi", "later still"]


WAITS = st.none() | st.floats(0, 400_000)


@given(st.builds(Script, st.sampled_from([0, 257, 402, 407, 414, 3003]), dispatched_after_s=WAITS, final_after_s=WAITS))
def test_every_life_begins_queued_goes_forward_in_time_and_ends_once(script: Script) -> None:
    life = steps(script, NOON, NOON, NOON + timedelta(days=3), Readings())
    assert life[0].state is State.QUEUED
    assert [step.at for step in life] == sorted(step.at for step in life)
    assert [step.state.final for step in life[:-1]] == [False] * (len(life) - 1)
    assert life[-1].at <= NOON + timedelta(days=3)
    assert life[-1].state.final or script.final_after_s is None


def test_at_once_is_what_happens_without_a_script() -> None:
    assert [step.at for step in steps(AT_ONCE, NOON, NOON, NOON + timedelta(days=3), Readings())] == [NOON] * 3


# How texts are counted


@pytest.mark.parametrize(
    ("text", "kind", "parts"),
    [
        ("", "text", 1),
        ("a" * 160, "text", 1),
        ("a" * 161, "text", 2),
        ("a" * 306, "text", 2),
        ("a" * 307, "text", 3),
        ("€" * 80, "text", 1),
        ("€" * 80 + "a", "text", 2),
        ("ж" * 70, "unicode", 1),
        ("ж" * 71, "unicode", 2),
        ("ж" * 134, "unicode", 2),
        ("ж" * 135, "unicode", 3),
        ("👋" * 35, "unicode", 1),
        ("👋" * 36, "unicode", 2),
        ("Grüße, Ñandú @ £5 §", "unicode", 1),  # ú is not in the alphabet
        ("Grüße @ £5 §", "text", 1),
    ],
)
def test_a_text_is_encoded_and_counted_as_gsm_does(text: str, kind: str, parts: int) -> None:
    assert (encoding(text), number_of_parts(text)) == (kind, parts)
