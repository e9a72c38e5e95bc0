"""Log lines with IDs and counts, and the one place that redacts.

Our own lines say what happened with named values. The libraries' lines are cut down to where they come from: their
texts hold bodies, addresses and tokens, at DEBUG everything.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_OURS = ("bot", "sinch", "sandbox")
_LIBRARIES_AT_LEAST = logging.WARNING
_QUIET = ("slack_bolt", "slack_sdk", "uvicorn.error")  # what they warn of, we say ourselves, once
_SENSITIVE = (
    (re.compile(r"xox[a-z]-[\w-]+|xoxe\.[\w.-]+|xapp-[\w-]+"), "[token]"),
    (re.compile(r"(?i)bearer\s+\S+"), "[token]"),
    (re.compile(r"(?i)(?:https?|wss?)://[^\s\"'>]+"), "[address]"),
    (re.compile(r"(?<![\w-])\+?\d(?:[\s()./\-\u2010-\u2015]{0,3}\d){6,14}(?!\w)"), "[number]"),
)

Event = MutableMapping[str, Any]


class _Output:
    """Standard output, a line at a time. Where nobody takes the lines, work goes on without them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._turn = threading.Lock()

    def msg(self, line: str) -> None:
        try:
            with self._turn:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):  # a full disk, a reader that is gone, a closed stream
            pass

    debug = info = warning = error = critical = msg


def redact(text: str) -> str:
    """``text`` without tokens, addresses and phone numbers."""
    for pattern, word in _SENSITIVE:
        text = pattern.sub(word, text)
    return text


def configure(*, level: str, log_format: str) -> None:
    """Set up logging for the process, on standard output."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where_it_failed,
        _redacted,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    output = _Output(sys.stdout)
    # Ours go straight to the output: through the standard library, a line costs as much as the reading of a form.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=lambda *_: output,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_cut_down, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LIBRARIES_AT_LEAST)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)


def _cut_down(_: Any, __: str, event: Event) -> Event:
    """A library's record: who, and where in its code; not what."""
    record: logging.LogRecord = event["_record"]
    event["event"] = "library"
    event["library"] = record.name
    event["at"] = f"{record.module}:{record.lineno}"
    if record.exc_info and record.exc_info[0] is not None:
        event["error"] = record.exc_info[0].__name__
    event.pop("exc_info", None)
    return event


def _where_it_failed(_: Any, __: str, event: Event) -> Event:
    """An exception: its type and the places it passed, without its words, which may hold anything."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        event["places"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _redacted(_: Any, __: str, event: Event) -> Event:
    for name, value in event.items():
        if name != "timestamp" and not name.startswith("_"):
            event[name] = _redacted_value(value)
    return event


def _redacted_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted_value(entry) for entry in value]
    if isinstance(value, dict):
        return {_redacted_value(key): _redacted_value(entry) for key, entry in value.items()}
    return value
