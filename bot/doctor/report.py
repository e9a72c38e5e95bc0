"""The findings as lines for a person, as JSON for a program, and all faults as a page. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.doctor.findings import FAULTS, Finding, Mark

_WIDTH = max(len(mark) for mark in Mark)


def line(finding: Finding) -> str:
    """One finding, with what to do below it; ends with a line end."""
    indent = " " * (_WIDTH + 2)
    said = f"{finding.mark:<{_WIDTH}}  {finding.check}: {finding.said}\n"
    if finding.mark is not Mark.WRONG:
        return said
    return f"{said}{indent}→ {finding.todo}\n{indent}  Where: {finding.where}.\n"


def summary(found: Sequence[Finding]) -> str:
    counted = {mark: sum(one.mark is mark for one in found) for mark in Mark}
    if not counted[Mark.WRONG]:
        return "\nNothing is wrong. Start the bot with mms-bot run, and type the command's word whoami in Slack.\n"
    is_wrong = "1 thing is wrong" if counted[Mark.WRONG] == 1 else f"{counted[Mark.WRONG]} things are wrong"
    return f"\n{is_wrong}. Mend the first one first: others may follow from it.\n"


def as_json(found: Sequence[Finding]) -> str:
    """``{"ok": bool, "findings": [{"check", "mark", "key", "said", "todo", "where"}]}``."""
    shown: dict[str, Any] = {
        "ok": all(one.mark is not Mark.WRONG for one in found),
        "findings": [
            {
                "check": one.check,
                "mark": one.mark.value,
                "key": one.key,
                "said": one.said,
                "todo": one.todo,
                "where": one.where,
            }
            for one in found
        ],
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Every fault that the doctor knows, in Markdown."""
    rows = [
        f"| `{key}` | {fault.check} | {_cell(fault.said)} | {_cell(fault.todo)} | {_cell(fault.where)} |"
        for key, fault in FAULTS.items()
    ]
    return "\n".join(
        [
            "# What the doctor finds",
            "",
            "`mms-bot doctor` looks at the whole set-up and changes nothing: settings, database, Slack, people,",
            "Sinch, the public address. Each line says *ok*, *wrong* or *not tried*; below what is wrong stands what",
            "to do, and where. It ends with status 1 if something is wrong. `--json` is for programs,",
            "`--send-test NUMBER` sends a real text, after a question. No secret is ever shown.",
            "",
            "| key in `--json` | looked at | what is seen | what to do | where |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("{", "*").replace("}", "*")
