"""Which words of the trade a sentence uses, and which of them nobody explains. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A word in capitals, with digits or not: DNS, 10DLC. Names of settings, with an underscore, are no words.
_IN_CAPITALS = re.compile(r"(?<![\w-])(?=[0-9]*[A-Z])[A-Z0-9&]{2,}(?![\w-])")
_EVERYBODY_KNOWS = frozenset({"ID"})


def uses(text: str, word: str) -> bool:
    """Does ``text`` use ``word``, or its plural? A word without capitals is found in any case."""
    flags = re.IGNORECASE if word == word.lower() else 0
    return re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", text, flags) is not None


def words_in(text: str, words: Iterable[str]) -> list[str]:
    """Those of ``words`` that ``text`` uses, in their order."""
    return [word for word in words if uses(text, word)]


def unexplained(text: str, words: Iterable[str]) -> list[str]:
    """What ``text`` has in capitals and none of ``words`` is."""
    known = set(words) | _EVERYBODY_KNOWS
    return [found for found in dict.fromkeys(_IN_CAPITALS.findall(text)) if found not in known]
