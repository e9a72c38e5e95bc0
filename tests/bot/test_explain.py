"""``mms-bot explain``: what people paste is found, what nobody knows is said, and nothing odd comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import Catalogue
from bot.cli import main
from bot.explain import MAX_ASKED, Explained, explain, table

ROOT = Path(__file__).parent.parent.parent
CAUSES = Catalogue.load()
NAMES = sorted({name for cause in CAUSES.causes for name in cause.names})


def asked(text: str) -> Explained:
    return explain(text, catalogue=CAUSES)


def heads(text: str) -> list[str]:
    """The keys of the entries that are printed, in their order."""
    lines = asked(text).text.splitlines()
    return [line.split(" (")[0] for line in lines if line.endswith(")") and " (" in line and not line.startswith(" ")]


def test_an_entry_in_full() -> None:
    assert asked("http-401") == Explained(
        True,
        """http-401 (HTTP status, shown as SINCH-401)
  What happened      Sinch did not accept the bot's token.
  Was anything sent  No. Nothing was sent.
  Was it charged     Not documented.
  The sender         Ask an admin to check the bot's Sinch account, then send it again.
  An admin           Compare SINCH_API_TOKEN and SINCH_SERVICE_PLAN_ID with the Sinch dashboard, and
                     SINCH_API_BASE_URL with the plan's region. Then restart the bot.
  Source             Sinch SMS API, status codes (well known)
  Words              region: The part of the world in which Sinch keeps an account, such as us or
                     eu.
                     token: A long secret word by which the bot proves to Sinch or to Slack who it
                     is.
""",
    )


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("SINCH-401", ["http-401"]),
        ("sinch_401", ["http-401"]),
        ("Code SINCH-401", ["http-401"]),
        ("(Code SINCH-500, reference mms-0123456789abcdef0123456789abcdef)", ["http-500"]),
        ("`SLACK-expired_trigger_id`.", ["expired_trigger_id"]),
        ("EXPIRED-TRIGGER-ID", ["expired_trigger_id"]),
        ("NET-RESET", ["transport-reset"]),
        ("transport_connect_timeout", ["transport-connect-timeout"]),
        ("MMS-CRASH", ["own-crash"]),
        ("SLACK-away", ["slack-away"]),
        ("SLACK-http-500", ["slack-http-5xx"]),
        ("aborted, 402", ["Aborted", "delivery-402"]),
        ("unknown", ["Unknown"]),
        ("401", ["http-401", "delivery-401"]),
        ("403", ["http-403", "delivery-403"]),
        ("429", ["http-429", "http-429-too-long"]),
        ("0", ["delivery-0", "inbound-media-0"]),
        ("257", ["carrier-257"]),
        ("-1", ["inbound-media-1"]),
        ("SINCH-401 http-401 SINCH-401", ["http-401"]),
    ],
)
def test_what_people_are_shown_and_paste_is_found(text: str, keys: list[str]) -> None:
    assert asked(text).found
    assert heads(text) == keys


def test_a_known_code_with_an_unknown_word_beside_it_is_found_and_the_word_is_named() -> None:
    explained = asked("(Code SINCH-403, sender_on_holiday)")
    assert explained.found
    assert explained.text.startswith("http-403 (")
    assert "does not know sender_on_holiday" in explained.text


@pytest.mark.parametrize(
    ("text", "nearest", "general"),
    [
        ("SINCH-418", "http-415", ["http-418"]),
        ("http-599", "http-504", ["http-599"]),
        ("delivery-733", "delivery-418", ["delivery-other"]),
        ("carrier-258", "carrier-257", ["delivery-other"]),
        ("SLACK-something_new", "", ["slack-other"]),
        ("net-fog", "", ["transport-other"]),
        ("net-5", "", ["transport-other"]),
        ("inbound-media-7", "inbound-media-3", ["inbound-media-other"]),
        ("402000", "gateway-4007", []),
        ("syntax_invalid_jsn", "syntax_invalid_json", []),
        ("expired_triger_id", "expired_trigger_id", []),
        ("qqq", "", []),
    ],
)
def test_an_unknown_code_says_so_names_the_nearest_and_what_can_be_said_of_its_kind(
    text: str, nearest: str, general: list[str]
) -> None:
    explained = asked(text)
    assert not explained.found
    first = explained.text.splitlines()[0]
    assert first.startswith(f"The bot does not know {text}. The nearest that it knows: {nearest}")
    assert set(first.rstrip(".").split(": ")[1].split(", ")) <= CAUSES.keys
    assert heads(text) == general


@pytest.mark.parametrize("text", ["", "  ", "...", "(code)", "\x1b\x07", "reference mms-" + "0" * 32])
def test_what_holds_no_code_is_told_how_one_looks(text: str) -> None:
    assert not asked(text).found
    assert "such as SINCH-401" in asked(text).text


def test_what_is_long_is_shown_cut() -> None:
    assert asked("x" * 500).text.startswith(f"The bot does not know {'x' * 59}…. The nearest")
    assert asked("9" * 5000).text.startswith("The bot does not know 999")


def test_a_whole_page_is_not_looked_up() -> None:
    assert asked(" ".join(NAMES)).text.count("\n  What happened") <= MAX_ASKED


@given(
    st.text(max_size=200)
    | st.binary(max_size=50).map(os.fsdecode)
    | st.sampled_from(NAMES)
    | st.from_regex(r"(?:[a-zA-Z]{2,9}[-_])?[0-9]{1,30}", fullmatch=True)
    | st.lists(st.sampled_from([*NAMES, "\x1b[2J", "ß", "İ-1", "９", "x" * 99, "9" * 5000]), max_size=20).map(" ".join)
)
def test_anything_at_all_gets_an_answer_without_what_can_not_be_seen(text: str) -> None:
    explained = asked(text)
    assert explained.text.endswith("\n")
    odd = {one for one in explained.text if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert odd <= {"\n"}
    assert max(map(len, explained.text.splitlines())) <= 200
    assert explained.found or "does not know" in explained.text or "such as SINCH-401" in explained.text


# The page


def test_the_page_in_the_docs_is_the_one_that_is_made_from_the_catalogue() -> None:
    assert (ROOT / "docs/causes.md").read_text(encoding="utf-8") == table(CAUSES), "run make docs"


def test_the_page_has_every_cause_and_every_word_once_and_its_tables_are_even() -> None:
    page = table(CAUSES)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for cause in CAUSES.causes:
        assert sum(row.startswith(f"| `{cause.key}`") and cause.happened in row for row in rows) == 1
    for word, meaning in CAUSES.glossary.items():
        assert f"| {word} | {meaning} |" in rows
    assert {row.count(" | ") for row in rows} == {6, 1}


# The command


@pytest.mark.parametrize(
    ("line", "status"), [("SINCH-401", 0), ("SINCH-403, some_word", 0), ("401", 0), ("SINCH-418", 1), ("nonsense", 1)]
)
def test_the_command_prints_it_without_settings_or_a_database(
    no_environment: Path, capsys: pytest.CaptureFixture[str], line: str, status: int
) -> None:
    assert main(["explain", *line.split()]) == status
    out, err = capsys.readouterr()
    assert (out, err) == (asked(line).text, "")
    assert list(no_environment.iterdir()) == []


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--table"]) == 0
    assert capsys.readouterr().out == table(CAUSES)


@pytest.mark.parametrize("line", ["", "--table SINCH-401", "--nonsense"])
def test_wrong_use_of_the_command_is_status_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["explain", *line.split()])
    assert caught.value.code == 2
    assert "usage: mms-bot" in capsys.readouterr().err


def test_a_correction_that_does_not_fit_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalogue, "load", lambda: Catalogue.parse("[oops]\n"))
    assert main(["explain", "401"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "causes.toml: [oops] lacks happened\n"


def test_the_command_works_on_a_terminal_that_knows_ascii_alone_and_loads_no_big_library(tmp_path: Path) -> None:
    program = (
        "import sys; from bot.cli import main; status = main(['explain', 'é\\udcff', 'delivery-405']); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "delivery-405 (delivery code, shown as DELIVERY-405)" in done.stdout
    assert not set(done.stderr.split()) & {"sqlalchemy", "slack_bolt", "slack_sdk", "aiohttp", "httpx", "structlog"}
    assert list(tmp_path.iterdir()) == []
