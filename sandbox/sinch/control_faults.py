"""Faults as a shell writes them: JSON → a fault, and whom it is aimed at.

``{"operation": "send", "fault": "status", "times": 1, "to": "+1…", "text": "…", "status": 503, "shape": "html"}``: the
name of a fault, whom it is aimed at, and its own fields; times ``null`` means until cleared.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sandbox.sinch.faults import (
    CutAnswer,
    Fault,
    FaultBoard,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Reset,
    Slow,
    Stall,
    Status,
)
from sandbox.sinch.refusals import Shape
from sandbox.sinch.routes import Operation

FAULTS: dict[str, type[Fault]] = {
    "status": Status,
    "slow": Slow,
    "stall": Stall,
    "reset": Reset,
    "cut-answer": CutAnswer,
    "odd-answer": OddAnswer,
    "invisible": Invisible,
    "no-reference-filter": NoReferenceFilter,
}
_AIM = {"operation", "fault", "times", "to", "text", "client_reference"}
_TYPES: dict[str, tuple[type, ...]] = {
    "status": (int,),
    "shape": (str,),
    "code": (str,),
    "retry_after": (int, float, str),
    "accept": (bool,),
    "accept_first": (bool,),
    "unread": (bool,),
    "in_headers": (bool,),
    "seconds": (int, float),
    "look_ups": (int,),
    "body": (str,),
}


def add_fault(board: FaultBoard, given: dict[str, Any]) -> None:
    """Switch a fault on. Raises ValueError with a sentence."""
    if given.get("operation") not in tuple(Operation):
        raise ValueError(f'"operation" is one of {", ".join(Operation)}')
    kind = FAULTS.get(str(given.get("fault")))
    if kind is None:
        raise ValueError(f'"fault" is one of {", ".join(FAULTS)}')
    for key in ("to", "text", "client_reference"):
        if not isinstance(given.get(key), str | None):
            raise ValueError(f'"{key}" is text')
    times = given.get("times", 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool)):
        raise ValueError('"times" is a whole number, or null')
    board.add(
        given["operation"],
        _read_fault(kind, {key: value for key, value in given.items() if key not in _AIM}),
        times,
        to=given.get("to"),
        text=given.get("text"),
        client_reference=given.get("client_reference"),
    )


def _read_fault(kind: type[Fault], given: dict[str, Any]) -> Fault:
    known = {field.name for field in fields(kind)} - _AIM
    for key, value in given.items():
        if key not in known:
            raise ValueError(f'this fault has no "{key}"')
        if not isinstance(value, _TYPES[key]) or (isinstance(value, bool) and bool not in _TYPES[key]):
            raise ValueError(f'"{key}" has the wrong type')
    values = dict(given)
    if "shape" in values:
        values["shape"] = Shape(values["shape"])
    if "body" in values:
        values["body"] = OddBody(values["body"])
    try:
        return kind(**values)
    except TypeError:
        raise ValueError("a field of this fault is missing") from None
