"""What people read in the fake Slack and what the phones got in the fake Sinch, put into the entries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from chaos.ledger import Entry, Word
from sandbox.sinch import FakeSinch
from sandbox.slack import Message

_BATCH_ID = re.compile(r"Batch ID: `([^`]+)`")
_OPEN_AGAIN = "mms_open_again"  # the button of a refusal and of an unknown, and of nothing else
_NOTHING, _MAYBE = "nothing was sent", "may have been sent"


def words_in(message: Message) -> Iterator[tuple[str, Word]]:
    """(batch ID or client_reference, what is said of it) for each final answer in a message.

    A refusal and an unknown carry the reference in their button. A message may hold several answers.
    """
    said = ""
    for block in message.blocks:
        if block.get("type") == "section":
            said = block["text"]["text"].lower()
            for batch_id in _BATCH_ID.findall(block["text"]["text"]):
                yield batch_id, Word.ACCEPTED
        for element in block.get("elements", ()):
            if element.get("action_id") == _OPEN_AGAIN and (reference := element.get("value")):
                if _MAYBE in said:
                    yield reference, Word.UNKNOWN
                elif _NOTHING in said:
                    yield reference, Word.REFUSED


class Reader:
    """Goes on reading where it stopped.

    Args:
        entries: by view ID; the reader fills them in.
    """

    def __init__(self, messages: list[Message], sinch: FakeSinch, entries: Mapping[str, Entry]) -> None:
        self._messages = messages
        self._sinch = sinch
        self._entries = entries
        self._read = 0
        self._heard: dict[str, set[Word]] = {}

    def read(self, references: Mapping[str, str]) -> None:
        """Take in what was said and sent by now. ``references`` is client_reference → view ID, by the bot's rows."""
        for message in self._messages[self._read :]:
            for about, word in words_in(message):
                self._heard.setdefault(about, set()).add(word)
        self._read = len(self._messages)
        by_text = {batch.id: batch.request.text for batch in self._sinch.batches}
        by_number = {f"{entry.number:06d}": entry for entry in self._entries.values()}
        for about, words in self._heard.items():
            text = by_text.get(about)
            entry = self._entries.get(references.get(about, "")) if text is None else _of(text, by_number)
            if entry is not None:
                entry.words |= words
        for entry, count in _counted(by_text.values(), by_number):
            entry.batches = count
        for inbox in self._sinch.phones.all().values():
            for entry, count in _counted((one.text for one in inbox), by_number):
                entry.copies = max(entry.copies, count)


def _of(text: str, by_number: Mapping[str, Entry]) -> Entry | None:
    return by_number.get(text.split()[1])


def _counted(texts: Iterable[str], by_number: Mapping[str, Entry]) -> Iterator[tuple[Entry, int]]:
    for text, count in Counter(texts).items():
        if (entry := _of(text, by_number)) is not None:
            yield entry, count
