"""Rows and values: what goes in comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Content, Recipient
from bot.store.rows import content_from, content_json, moment, seconds

any_text = st.text(st.characters(), max_size=50)  # with halves of surrogate pairs: they can come from a paste
contents = st.builds(
    Content,
    recipients=st.lists(st.builds(Recipient, e164=any_text, region=any_text), max_size=4).map(tuple),
    text=any_text,
    media_url=st.none() | any_text,
    subject=st.none() | any_text,
    typed_to=any_text,
)


@given(contents)
def test_content_comes_back_as_it_was_kept(content: Content) -> None:
    raw = content_json(content)
    raw.encode("ascii")
    assert content_from(raw) == content
    assert content_from(json.dumps(json.loads(raw))) == content


def test_content_that_was_purged_is_none() -> None:
    assert content_from(None) is None
    assert moment(None) is None


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  hypothesis wants them bare
def test_a_time_comes_back_as_it_was_kept(when: datetime) -> None:
    back = moment(seconds(when))
    assert back is not None
    assert abs((back - when).total_seconds()) < 1e-5
    assert back.tzinfo is UTC


@given(contents, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order_of_recipients(content: Content, random: object) -> None:
    turned = Content(
        tuple(reversed(content.recipients)), content.text, content.media_url, content.subject, content.typed_to
    )
    assert content.digest() == turned.digest()
    assert len(content.digest()) == 64


@given(contents, contents)
def test_different_content_has_another_digest(one: Content, other: Content) -> None:
    def essence(content: Content) -> object:
        return sorted(r.e164 for r in content.recipients), content.text, content.media_url, content.subject

    assert (one.digest() == other.digest()) == (essence(one) == essence(other))
