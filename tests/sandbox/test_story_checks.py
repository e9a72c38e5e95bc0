"""The story's checks: each of them can fail, and says what was there."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sandbox.sinch import FakeSinch
from sandbox.sinch.rules import BatchRequest, read_batch
from sandbox.slack import FakeSlack
from sandbox.story.checks import Checks, Tally, mistakes, on_phone, tally

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def asked(reference: str, *to: str) -> BatchRequest:
    fields = {"type": "mt_text", "from": "+12015550100", "to": list(to), "body": "Hello", "client_reference": reference}
    return read_batch("application/json", json.dumps(fields).encode(), NOW)


def deliver(sinch: FakeSinch, request: BatchRequest) -> None:
    sinch.plan.accept(request)


def test_equal_values_hold_and_others_fail_with_both_values_in_words() -> None:
    checks = Checks()
    assert checks.equal("phones", expected=1, seen=1)
    assert not checks.equal("texts", expected=["a"], seen=[])
    assert [str(check) for check in checks.failed] == ["texts: expected a, seen nothing"]
    assert len(checks.made) == 2


def test_a_text_without_the_words_fails() -> None:
    checks = Checks()
    assert checks.contains("answer", expected="Nothing", seen="Nothing was sent")
    assert not checks.contains("answer", expected="Nothing", seen="It may have been sent")
    assert [str(check) for check in checks.failed] == ["answer: expected 'Nothing' in it, seen It may have been sent"]


def test_each_phone_once_is_not_twice() -> None:
    sinch = FakeSinch()
    deliver(sinch, asked("message-1", "+12015550123", "+12015550124"))
    deliver(sinch, asked("message-2", "+12015550123"))
    assert tally(sinch) == Tally(submissions=0, accepted=2, refused=0, phones=2, twice=0)


@pytest.mark.parametrize("repeats", [1, 3])
def test_one_submission_in_two_batches_is_counted_for_each_phone(repeats: int) -> None:
    sinch = FakeSinch()
    for _ in range(1 + repeats):
        deliver(sinch, asked("message-1", "+12015550123", "+12015550124"))
    assert tally(sinch).twice == 2 * repeats


def test_a_phone_is_described_by_kind_text_and_picture() -> None:
    sinch = FakeSinch()
    assert on_phone(sinch.phones.of("+12015550123")) == []
    deliver(sinch, asked("message-1", "+12015550123"))
    assert on_phone(sinch.phones.of("+12015550123")) == ["SMS | Hello"]


def test_mistakes_are_named_with_their_details() -> None:
    slack = FakeSlack()
    assert mistakes(slack) == []
    slack.state.refuse("views.open", "invalid_arguments", "title too long")
    assert mistakes(slack) == ["views.open: invalid_arguments title too long"]
