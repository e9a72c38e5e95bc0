"""What Sinch answers instead of a batch: refusals, and the body shapes that errors have been seen in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from sandbox.sinch.wire_values import write_time

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, as values."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), JSON_TYPE)


class RefusedError(Exception):
    """A documented refusal. ``code`` None means an empty body, as with 401, 404, 405 and 415."""

    def __init__(self, status: int, code: str | None = None, text: str = "") -> None:
        super().__init__(f"{status} {code or ''} {text}".strip())
        self.status = status
        self.code = code
        self.text = text


def bad_format(text: str) -> RefusedError:
    """A field has the wrong form; the text names it."""
    return RefusedError(400, "syntax_invalid_parameter_format", text)


def bad_constraint(text: str) -> RefusedError:
    """The form is right, a rule is broken."""
    return RefusedError(400, "syntax_constraint_violation", text)


class Shape(StrEnum):
    """The error bodies that Sinch's sources show, and that gateways in front of it send."""

    SINCH = "sinch"  # {code, text}
    DESCRIPTION = "description"  # {code, description}
    FRAMEWORK = "framework"  # {timestamp, status, error, path}
    ERROR_OBJECT = "error-object"  # {error: {code, message, status, details}}
    EMPTY = "empty"
    HTML = "html"


def shaped(status: int, shape: Shape, *, code: str, text: str, path: str, at: datetime) -> Answer:
    """An error answer in one of the shapes; ``code`` and ``text`` stand where the shape has a place for them."""
    reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unassigned"
    match shape:
        case Shape.SINCH:
            return json_answer(status, {"code": code, "text": text})
        case Shape.DESCRIPTION:
            return json_answer(status, {"code": code, "description": text})
        case Shape.FRAMEWORK:
            return json_answer(status, {"timestamp": write_time(at), "status": status, "error": reason, "path": path})
        case Shape.ERROR_OBJECT:
            error = {"code": status, "message": text, "status": code.upper(), "details": []}
            return json_answer(status, {"error": error})
        case Shape.EMPTY:
            return Answer(status)
        case Shape.HTML:
            page = f"<html><head><title>{status} {reason}</title></head><body><h1>{reason}</h1></body></html>"
            return Answer(status, page.encode(), "text/html")
