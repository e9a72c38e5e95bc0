"""How a text is encoded, and in how many parts an SMS carries it. Pure.

Source: 3GPP TS 23.038 (alphabet) and 23.040 (parts); figures as in Sinch's dry run.
"""

from __future__ import annotations

from math import ceil

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_PLACES = frozenset("\f^{}\\[~]|€")  # an escape and a character
_ONE_PART, _EACH_OF_MANY = {"text": 160, "unicode": 70}, {"text": 153, "unicode": 67}


def encoding(text: str) -> str:
    """``text`` when the GSM alphabet has every character, else ``unicode``; the words of the dry run."""
    return "text" if all(one in _BASIC or one in _TWO_PLACES for one in text) else "unicode"


def number_of_parts(text: str) -> int:
    """How many parts carry the text, at least one."""
    kind = encoding(text)
    if kind == "text":
        places = sum(2 if one in _TWO_PLACES else 1 for one in text)
    else:
        places = len(text.encode("utf-16-be")) // 2
    return 1 if places <= _ONE_PART[kind] else ceil(places / _EACH_OF_MANY[kind])
