"""What ``mms-bot access`` prints: columns, CSV, and who did it."""

from __future__ import annotations

import csv
import getpass
import io
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Policy, Role
from bot.access.changes import EMPTY, AccessChange, AccessList, Action, Added, ByDoor, Entry
from bot.shell import CSV_HEADER, by_login, columns, csv_text, list_text, log_text, shell_name, utc

AT = datetime(2026, 1, 2, 12, 0, 5, 999_999, tzinfo=UTC)


def a_change(version: int, by: str = "shell:ada", member: str = "U0BEN", role: Role = Role.SENDER) -> AccessChange:
    at = AT + timedelta(minutes=version)
    return AccessChange(version, at, by, ByDoor.SHELL, Action.ADDED, Entry(member, role))


# -- the list


def test_the_list_shows_admins_first_and_where_everybody_comes_from() -> None:
    base = Policy(senders=frozenset({"S0SUPPORT"}), admins=frozenset({"W0ZOE"}))
    added = AccessList(
        2,
        (
            Added(Entry("U0BEN", Role.SENDER), "W0ZOE", AT, ByDoor.DIALOG),
            Added(Entry("U0ADA", Role.ADMIN), "shell:root", AT, ByDoor.SHELL),
            Added(Entry("S0SUPPORT", Role.SENDER), "U0ADA", AT, ByDoor.COMMAND),
        ),
    )
    assert list_text(base, added, command="/mms") == (
        "role    id         from      by          at                    door\n"
        "admin   W0ZOE      settings  -           -                     -\n"
        "admin   U0ADA      added     shell:root  2026-01-02T12:00:05Z  shell\n"
        "sender  S0SUPPORT  settings  -           -                     -\n"
        "sender  S0SUPPORT  added     U0ADA       2026-01-02T12:00:05Z  command\n"
        "sender  U0BEN      added     W0ZOE       2026-01-02T12:00:05Z  dialog\n"
    )


def test_an_empty_list_says_that_nobody_may_send_and_how_to_name_an_admin() -> None:
    said = list_text(Policy(), EMPTY, command="/picture")
    assert "Nobody may send" in said
    assert "mms-bot access allow --admin ID" in said
    assert "/picture whoami" in said


def test_a_list_without_an_admin_says_so_below_the_senders() -> None:
    said = list_text(Policy(frozenset({"U0BEN"}), frozenset()), EMPTY, command="/mms").splitlines()
    assert said[1].split()[:3] == ["sender", "U0BEN", "settings"]
    assert said[2].startswith("There is no admin.")
    added = AccessList(1, (Added(Entry("U0ADA", Role.ADMIN), "U0ZOE", AT, ByDoor.DIALOG),))
    assert "no admin" not in list_text(Policy(), added, command="/mms")
    assert "no admin" not in list_text(Policy(frozenset(), frozenset({"U0BOSS"})), EMPTY, command="/mms")


@given(st.lists(st.tuples(*[st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)] * 3), min_size=1))
def test_cells_stand_under_each_other(rows: list[tuple[str, str, str]]) -> None:
    lines = columns(rows)
    starts = {line.rindex(" ") for line in lines}
    assert len(starts) == 1
    assert [tuple(line.split()) for line in lines] == rows


# -- the log


def test_the_log_shows_changes_in_the_order_given() -> None:
    assert log_text([a_change(2, role=Role.ADMIN), a_change(1)]) == (
        "at                    by         door   action  role    id\n"
        "2026-01-02T12:02:05Z  shell:ada  shell  added   admin   U0BEN\n"
        "2026-01-02T12:01:05Z  shell:ada  shell  added   sender  U0BEN\n"
    )


def test_a_log_without_changes_is_a_sentence() -> None:
    assert log_text([]) == "The list was never changed.\n"


def test_times_are_in_utc_whatever_they_were_given_in() -> None:
    assert utc(AT.astimezone(timezone(timedelta(hours=-5)))) == "2026-01-02T12:00:05Z"


# -- CSV


def test_the_export_has_a_header_and_one_line_for_each_change() -> None:
    assert csv_text([a_change(1), a_change(2)]) == (
        "at,by,door,action,role,member_id,version\n"
        "2026-01-02T12:01:05Z,shell:ada,shell,added,sender,U0BEN,1\n"
        "2026-01-02T12:02:05Z,shell:ada,shell,added,sender,U0BEN,2\n"
    )
    assert csv_text([]) == "at,by,door,action,role,member_id,version\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula_to_a_spreadsheet(start: str) -> None:
    text = csv_text([a_change(1, by=f"{start}1+1", member=f"{start}2")])
    cells = list(csv.reader(io.StringIO(text, newline="")))[1]
    assert cells[1] == f"'{start}1+1"
    assert cells[5] == f"'{start}2"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_an_export_reads_back_as_what_was_written(texts: list[tuple[str, str]]) -> None:
    changes = [a_change(version, by=by, member=member) for version, (by, member) in enumerate(texts)]
    rows = list(csv.reader(io.StringIO(csv_text(changes), newline="")))
    assert rows[0] == list(CSV_HEADER)
    assert len(rows) == 1 + len(changes)
    for (by, member), row in zip(texts, rows[1:], strict=True):
        assert row[1].removeprefix("'") == by.replace("\r", " ").removeprefix("'")
        assert row[5].removeprefix("'") == member.replace("\r", " ").removeprefix("'")
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row)


# -- who did it


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("ada", "shell:ada"),
        ("ada.l_1-x", "shell:ada.l_1-x"),
        ("CORP\\ada l", "shell:CORPadal"),
        ("ada\n=1+1", "shell:ada11"),
        ("", "shell:unknown"),
        ("<@!>", "shell:unknown"),
        ("a" * 41, "shell:" + "a" * 40),
    ],
)
def test_a_login_name_is_cut_down_to_what_is_harmless(login: str, name: str) -> None:
    assert shell_name(login) == name


@given(st.text())
def test_a_name_from_the_shell_is_short_and_plain(login: str) -> None:
    assert re.fullmatch(r"shell:[A-Za-z0-9._-]{1,40}", shell_name(login))


@pytest.mark.parametrize("error", [KeyError("uid not found: 1001"), OSError("no username"), ImportError("pwd")])
def test_whoever_has_no_login_name_is_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert by_login() == "shell:unknown"


def test_the_login_name_is_the_one_of_whoever_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert by_login() == "shell:ada"
