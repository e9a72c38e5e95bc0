"""Writes docs/reference.md from what the code and .env.example say: ``make docs``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.cli import _parser
from bot.domain import STEPS
from bot.slack.command import Name
from bot.web import CALLBACKS_PATH, EVENTS_PATH

ROOT = Path(__file__).parents[1]
# A test compares them with the routes that are served.
ROUTES = {
    f"POST {EVENTS_PATH}": "everything from Slack, signed; not there over Socket Mode",
    f"POST {CALLBACKS_PATH}{{key}}": "what Sinch reports; nobody guesses the key; signed if a secret is set",
    "GET /healthz": "the process lives",
    "GET /readyz": "the database and Slack are usable: 200 or 503, with what is not",
    "GET /metrics": "numbers for Prometheus; none of a person's",
}


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Made from the code by `make docs`. Codes: [causes](causes.md). Metrics: [metrics](metrics.md).",
            "",
            "## Settings",
            "",
            "From the environment, and from a file `.env` in the working folder; the environment wins.",
            "",
            "| name | usual value | meaning |",
            "| --- | --- | --- |",
            *_settings(),
            "",
            "## Commands",
            "",
            "Exit status: 0 done, 1 it ran and the answer is no, 2 wrong use or wrong settings.",
            "",
            *_commands(),
            "## Words after the command in Slack",
            "",
            "`" + "`, `".join(Name) + "`; anything else fills the dialog in.",
            "",
            "## Routes",
            "",
            "| route | for |",
            "| --- | --- |",
            *(f"| `{route}` | {meaning} |" for route, meaning in ROUTES.items()),
            "",
            "## States of a message",
            "",
            "| state | next |",
            "| --- | --- |",
            *_states(),
            "",
        ]
    )


def _settings() -> Iterator[str]:
    said: list[str] = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        if match := re.fullmatch(r"#?([A-Z_]+)=(.*)", line):
            yield f"| `{match[1]}` | {f'`{match[2]}`' if match[2] else ''} | {' '.join(said)} |"
            said = []
        elif line.startswith("# ") and not line.startswith("# ---"):
            said.append(line[2:])
        else:
            said = []


def _states() -> Iterator[str]:
    for state, ends in STEPS.items():
        following = ", ".join(f"`{one}`" for one in sorted(ends))
        yield f"| `{state}` | {following or 'an end'} |"


def _commands() -> Iterator[str]:
    for name, parser in _subcommands(_parser()).items():
        text = re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage: ")).strip()
        yield f"### `{name}`"
        yield ""
        yield f"`{text}`"
        yield ""
        for action in parser._actions:
            if action.help and action.dest != "help" and not isinstance(action, argparse._SubParsersAction):
                yield f"- `{', '.join(action.option_strings) or action.metavar}`: {action.help}"
        yield ""


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


if __name__ == "__main__":
    sys.stdout.write(page())
