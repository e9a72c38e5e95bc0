"""What the campaign hears in the bot's own sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.causes import Catalogue
from bot.domain import Answer, AnswerKind, ReplyRoute, State
from bot.domain import Kind as MessageKind
from bot.domain import Message as Row
from bot.slack import messages
from bot.slack.blocks import Blocks
from chaos.ledger import Word
from chaos.reading import words_in
from sandbox.slack import Message

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFERENCE, BATCH = "mms-0001", "01BATCH"


@pytest.fixture(scope="module")
def causes() -> Catalogue:
    return Catalogue.load()


def row(state: State) -> Row:
    return Row(
        client_reference=REFERENCE,
        view_id="V1",
        team_id="T1",
        state=state,
        kind=MessageKind.SMS,
        recipient_count=1,
        content=None,
        digest="",
        reply=ReplyRoute(user_id="U1"),
        response_url_uses=0,
        created_at=NOW,
        batch_id=BATCH if state is State.ACCEPTED else None,
        cause="transport-read" if state is State.UNKNOWN else "http-403",
    )


def shown(blocks: Blocks) -> Message:
    return Message(ts="1", channel_id="C1", route="response_url", text=blocks["text"], blocks=tuple(blocks["blocks"]))


def said(kind: AnswerKind, state: State, causes: Catalogue) -> Blocks:
    return messages.answer(Answer(1, kind, row(state), NOW, 0), causes=causes)


@pytest.mark.parametrize(
    ("kind", "state", "heard"),
    [
        (AnswerKind.RESULT, State.ACCEPTED, [(BATCH, Word.ACCEPTED)]),
        (AnswerKind.FOUND, State.ACCEPTED, [(BATCH, Word.ACCEPTED)]),
        (AnswerKind.RESULT, State.REFUSED, [(REFERENCE, Word.REFUSED)]),
        (AnswerKind.UNKNOWN, State.UNKNOWN, [(REFERENCE, Word.UNKNOWN)]),
        (AnswerKind.PROGRESS, State.QUEUED, []),
        (AnswerKind.WAITING, State.QUEUED, []),
        (AnswerKind.RATE_LIMITED, State.QUEUED, []),
    ],
)
def test_an_answer_is_heard_as_what_it_says(
    kind: AnswerKind, state: State, heard: list[tuple[str, Word]], causes: Catalogue
) -> None:
    assert list(words_in(shown(said(kind, state, causes)))) == heard


def test_several_answers_in_one_message_are_all_heard(causes: Catalogue) -> None:
    late = [said(AnswerKind.UNKNOWN, State.UNKNOWN, causes), said(AnswerKind.RESULT, State.ACCEPTED, causes)]
    other = replace(row(State.REFUSED), client_reference="mms-0002")
    late.append(messages.answer(Answer(2, AnswerKind.RESULT, other, NOW, 0), causes=causes))

    assert list(words_in(shown(messages.untold(late)))) == [
        (REFERENCE, Word.UNKNOWN),
        (BATCH, Word.ACCEPTED),
        ("mms-0002", Word.REFUSED),
    ]
