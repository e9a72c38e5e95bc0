"""A secret prints as stars, wherever it is printed."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from bot.secret import STARS, Secret

VALUE = "xoxb-0123-sandbox"


def test_no_way_of_printing_shows_it() -> None:
    secret = Secret(VALUE)

    @dataclass
    class Holder:
        token: Secret

    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!s} {secret!r}",
        "%s" % secret,  # noqa: UP031  the old way prints too
        "{}".format(secret),  # noqa: UP032  and this one
        repr([secret]),
        repr({"token": secret}),
        repr(Holder(secret)),
        str(ValueError(secret)),
    ]
    assert not any(VALUE in text for text in shown)
    assert str(secret) == STARS
    assert STARS not in VALUE
    assert len(STARS) != len(VALUE)


def test_it_does_not_become_json_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(VALUE))
    assert not hasattr(Secret(VALUE), "__dict__")


def test_only_reveal_gives_it() -> None:
    assert Secret(VALUE).reveal() == VALUE


def test_two_secrets_are_equal_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
