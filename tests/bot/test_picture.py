"""Which picture addresses Sinch could fetch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.picture import (
    MAX_URL,
    MEDIA_HINT,
    REFUSED_ENDINGS,
    TAKEN_ENDINGS,
    UrlFault,
    UrlReason,
    check_media_url,
    looks_like_picture,
)

MAX_HINT = 2000  # Slack: hint of an input block


def reason(address: str) -> UrlReason | None:
    checked = check_media_url(address)
    return checked.reason if isinstance(checked, UrlFault) else None


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/cat.jpg",
        "https://pictures.example/",
        "https://example.com",
        "https://cdn-1.example.co.uk/a/b/picture?size=600&type=webp",
        "https://example.com:8443/cat.png",
        "https://my_bucket.s3.example.com/cat.PNG",
        "https://example.com/cat.unknown",
        "https://example.com/cat%20one.gif",
        "https://1.example/cat.gif",
        "https://avatars.slack-edge.com/cat.png",
        "https://notslack.com/files/cat.png",
        "https://slack.com/logo.png",
    ],
)
def test_a_public_https_address_stays_as_typed(address: str) -> None:
    assert check_media_url(address) == address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("  https://example.com/cat.jpg\n", "https://example.com/cat.jpg"),
        ("\u200bhttps://example.com/cat.jpg\u202c", "https://example.com/cat.jpg"),
        ("<https://example.com/cat.jpg>", "https://example.com/cat.jpg"),
        ("<https://example.com/cat.jpg?a=1&amp;copy=2|our cat>", "https://example.com/cat.jpg?a=1&copy=2"),
        ("https://example.com/cat.jpg?a=1&amp;b=2", "https://example.com/cat.jpg?a=1&amp;b=2"),
        ("HTTPS://Example.COM/Cat.JPG", "https://example.com/Cat.JPG"),
        ("https://example.com:443/cat.jpg", "https://example.com/cat.jpg"),
        ("https://example.com/cat.jpg#top", "https://example.com/cat.jpg"),
        ("https://bücher.example/é.jpg?q=ü", "https://xn--bcher-kva.example/%C3%A9.jpg?q=%C3%BC"),
        ("https://example.com/${name}.jpg", "https://example.com/$%7Bname%7D.jpg"),
    ],
)
def test_an_address_is_unwrapped_and_made_fit_for_sinch(typed: str, address: str) -> None:
    assert check_media_url(typed) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", UrlReason.NOT_HTTPS),
        ("example.com/cat.jpg", UrlReason.NOT_HTTPS),
        ("http://example.com/cat.jpg", UrlReason.NOT_HTTPS),
        ("<http://example.com/cat.jpg>", UrlReason.NOT_HTTPS),
        ("ftp://example.com/cat.jpg", UrlReason.NOT_HTTPS),
        ("https:/example.com/cat.jpg", UrlReason.NOT_HTTPS),
        ("javascript:alert(1)", UrlReason.NOT_HTTPS),
        ("https://example.com/" + "a" * MAX_URL, UrlReason.TOO_LONG),
        ("https://example.com/a cat.jpg", UrlReason.ODD_CHARACTERS),
        ("https://example.com/a\tcat.jpg", UrlReason.ODD_CHARACTERS),
        ("https://example.com/a\x00cat.jpg", UrlReason.ODD_CHARACTERS),
        ("https://exam\u200bple.com/cat.jpg", UrlReason.ODD_CHARACTERS),
        ("https://example.com\\@evil.example/cat.jpg", UrlReason.ODD_CHARACTERS),
        ("https://example.com/\ud800.jpg", UrlReason.ODD_CHARACTERS),
        ("https://a.example/1.jpg https://a.example/2.jpg", UrlReason.ODD_CHARACTERS),
        ("https://ann:secret@example.com/cat.jpg", UrlReason.PASSWORD),
        ("https://ann@example.com/cat.jpg", UrlReason.PASSWORD),
        ("https://@example.com/cat.jpg", UrlReason.PASSWORD),
        ("https://", UrlReason.NO_HOST),
        ("https:///cat.jpg", UrlReason.NO_HOST),
        ("https://example.com./cat.jpg", UrlReason.NO_HOST),
        ("https://example..com/cat.jpg", UrlReason.NO_HOST),
        ("https://-a.example.com/cat.jpg", UrlReason.NO_HOST),
        ("https://exa%6dple.com/cat.jpg", UrlReason.NO_HOST),
        ("https://" + "a" * 64 + ".com/cat.jpg", UrlReason.NO_HOST),
        ("https://" + "é" * 10_000 + ".com/cat.jpg", UrlReason.NO_HOST),
        ("https://127.0.0.1/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://93.184.215.14/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://127.1/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://127.0.0.1./cat.jpg", UrlReason.IP_ADDRESS),
        ("https://2130706433/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://0177.0.0.01/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://0x7f000001/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://0X7F.1/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://127.0.0.0x1/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://１２７.０.０.１/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://127。0。0。1/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://[::1]/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://[::ffff:127.0.0.1]/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://[nonsense]/cat.jpg", UrlReason.IP_ADDRESS),
        ("https://localhost/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://LOCALHOST:8443/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://ｌocalhost/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://a.localhost/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://intranet/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://pictures/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://printer.local/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://metadata.google.internal/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://nas.home.arpa/cat.jpg", UrlReason.PRIVATE_HOST),
        ("https://example.com:0/cat.jpg", UrlReason.PORT),
        ("https://example.com:65536/cat.jpg", UrlReason.PORT),
        ("https://example.com:https/cat.jpg", UrlReason.PORT),
        ("https://files.slack.com/files-pri/T1-F1/cat.jpg", UrlReason.SLACK_FILE),
        ("https://acme.slack.com/files/U1/F1/cat.jpg", UrlReason.SLACK_FILE),
        ("https://acme.enterprise.slack.com/files/U1/F1/cat.jpg", UrlReason.SLACK_FILE),
        ("https://slack-files.com/T1-F1-0a1b2c", UrlReason.SLACK_FILE),
        ("https://files.slack-gov.com/files-pri/T1-F1/cat.jpg", UrlReason.SLACK_FILE),
        ("https://example.com/cat.html", UrlReason.ENDING),
        ("https://example.com/cat.jpg.HTM", UrlReason.ENDING),
        ("https://example.com/cat%2Ewebp", UrlReason.ENDING),
        ("https://example.com/cat.heic?as=cat.jpg", UrlReason.ENDING),
        ("https://example.com/cat.svg#cat.png", UrlReason.ENDING),
        ("https://example.com/cats.zip", UrlReason.ENDING),
    ],
)
def test_an_address_that_sinch_could_not_use_is_refused_by_name(address: str, expected: UrlReason) -> None:
    assert reason(address) is expected


def test_every_fault_has_its_own_sentence() -> None:
    said = {UrlFault(reason, "x").sentence() for reason in UrlReason}
    assert len(said) == len(UrlReason)
    assert all(sentence.endswith(".") and len(sentence) < 150 for sentence in said)


def test_sentences_name_the_figure_and_the_ending() -> None:
    too_long = check_media_url("https://example.com/" + "a" * 3000)
    assert isinstance(too_long, UrlFault)
    assert "3020" in too_long.sentence()
    assert "2048" in too_long.sentence()
    web_page = check_media_url("https://example.com/cat.WebP")
    assert isinstance(web_page, UrlFault)
    assert ".webp" in web_page.sentence()


def test_the_longest_address_is_taken() -> None:
    start = "https://example.com/"
    longest = start + "a" * (MAX_URL - len(start))
    assert check_media_url(longest) == longest
    assert reason(longest + "a") is UrlReason.TOO_LONG


def test_no_ending_is_both_taken_and_refused() -> None:
    assert not TAKEN_ENDINGS & REFUSED_ENDINGS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in TAKEN_ENDINGS | REFUSED_ENDINGS)


def test_the_hint_fits_and_names_what_phones_take() -> None:
    assert len(MEDIA_HINT) <= MAX_HINT
    assert all(word in MEDIA_HINT for word in ("JPEG", "PNG", "GIF", "500 KB", "1 MB", "https"))


@pytest.mark.parametrize(
    ("url", "looks"),
    [
        ("https://example.com/cat.jpg", True),
        ("https://example.com/cat.JPEG?x=1", True),
        ("http://example.com/clip.mp4", True),
        ("https://example.com/card.vcf", True),
        ("https://example.com/cat.html", False),
        ("https://example.com/cat.webp", False),
        ("https://example.com/", False),
        ("https://example.com/page?picture=cat.jpg", False),
        ("https://example.jpg", False),
        ("mailto:cat.jpg", False),
        ("https://[", False),
    ],
)
def test_a_link_looks_like_a_picture_by_the_end_of_its_path(url: str, looks: bool) -> None:
    assert looks_like_picture(url) is looks


@given(
    st.one_of(
        st.text(), st.text().map("https://{}".format), st.text("ab.:/@[]\\#?%01x-é。<>|&; ").map("https://{}".format)
    )
)
def test_any_text_is_an_address_within_the_rules_or_a_fault(text: str) -> None:
    checked = check_media_url(text)
    if isinstance(checked, str):
        assert checked.startswith("https://")
        assert len(checked) <= MAX_URL
        assert checked.isascii()
        assert not set(checked) & set(' "<>\\^`{|}#')
        assert check_media_url(checked) == checked
    looks_like_picture(text)
