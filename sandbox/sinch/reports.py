"""Delivery reports: a batch and its messages at some moment → what Sinch answers and calls back with. Pure.

Source: Sinch SMS API reference, "Delivery reports" and "Webhooks".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.sinch.batches import Batch
from sandbox.sinch.lives import Message, State, Step
from sandbox.sinch.parts import number_of_parts
from sandbox.sinch.wire_values import Writer, write_time


def batch_report(
    batch: Batch,
    now: datetime,
    write: Writer,
    *,
    full: bool,
    wanted: Callable[[State, int], bool] = lambda _state, _code: True,
) -> dict[str, Any]:
    """Counts by state and code, with the recipients when ``full``; ``wanted`` filters the counts, never the total."""
    by_state: dict[tuple[int, State], list[str]] = {}
    for message in batch.messages:
        step = message.now(now)
        if wanted(step.state, step.code):
            by_state.setdefault((step.code, step.state), []).append(message.recipient)
    statuses = []
    for (code, state), recipients in sorted(by_state.items()):
        status: dict[str, Any] = {"code": code, "status": write.status(state), "count": len(recipients)}
        if full:
            status["recipients"] = write.numbers(recipients)
        statuses.append(status)
    total = len(batch.messages)
    report = {
        "type": f"delivery_report_{_kind(batch)}",
        "batch_id": batch.id,
        "total_message_count": str(total) if write.readings.total_as_text else total,
        "statuses": statuses,
    }
    return report | _reference(batch)


def recipient_report(batch: Batch, message: Message, step: Step, write: Writer) -> dict[str, Any]:
    """One recipient at one step."""
    report: dict[str, Any] = {
        "type": f"recipient_delivery_report_{_kind(batch)}",
        "batch_id": batch.id,
        "recipient": write.number(message.recipient),
        "code": str(step.code) if write.readings.recipient_code_as_text else step.code,
        "status": write.status(step.state),
        "at": write_time(step.at),
    }
    if step.state.of_the_carrier:
        report["operator_status_at"] = write_time(step.at)
    if "max_number_of_message_parts" in batch.request.fields:
        report["number_of_message_parts"] = number_of_parts(message.text)
    return report | _reference(batch)


def _kind(batch: Batch) -> str:
    return "mms" if batch.request.type == "mt_media" else "sms"


def _reference(batch: Batch) -> dict[str, str]:
    return {} if batch.client_reference is None else {"client_reference": batch.client_reference}
