"""The operations on batches: a checked call of each. Thin over the plan.

Source: Sinch SMS API reference, "Batches".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.sinch.batches import Batch
from sandbox.sinch.faults import FaultBoard
from sandbox.sinch.listing import OF_BATCHES, one_page, query_flag, query_number, read_list_query
from sandbox.sinch.operations.calls import Ask, Call, Operations
from sandbox.sinch.parts import encoding, number_of_parts
from sandbox.sinch.phones import filled
from sandbox.sinch.plan import Feedback, ServicePlan
from sandbox.sinch.readings import LateCancel
from sandbox.sinch.refusals import Answer, RefusedError, bad_constraint, json_answer
from sandbox.sinch.routes import Operation
from sandbox.sinch.rules import BatchRequest, read_batch, read_feedback
from sandbox.sinch.updates import changed, read_changes
from sandbox.sinch.wire_values import is_group_id

MOST_DETAILS, USUAL_DETAILS = 1000, 100  # recipients in the answer of a dry run


class BatchOperations:
    def __init__(self, plan: ServicePlan, faults: FaultBoard) -> None:
        self._plan = plan
        self._faults = faults

    def all(self) -> Operations:
        return {
            Operation.SEND: self.send,
            Operation.DRY_RUN: self.dry_run,
            Operation.LIST: self.page,
            Operation.GET: self.get,
            Operation.UPDATE: self.update,
            Operation.REPLACE: self.replace,
            Operation.CANCEL: self.cancel,
            Operation.DELIVERY_FEEDBACK: self.delivery_feedback,
        }

    def send(self, ask: Ask) -> Call:
        asked = self._read(ask)
        ask.no_query()
        if asked.client_reference is not None:
            self._plan.asked[asked.client_reference] = asked
        return Call(lambda: self._answer(self._plan.accept(asked), 201), asked, asked.client_reference)

    def dry_run(self, ask: Ask) -> Call:
        ask.only_query("per_recipient", "number_of_recipients")
        details = query_flag(ask.query, "per_recipient")
        most = query_number(ask.query, "number_of_recipients", default=USUAL_DETAILS, least=0, most=MOST_DETAILS)
        asked = self._read(ask)

        def act() -> Answer:
            numbers = list(self._plan.groups.recipients(asked.to))
            parts = [self._tried(asked, number) for number in numbers]
            key = "message_part" if self._plan.readings.message_part else "number_of_parts"
            answer: dict[str, Any] = {
                "number_of_recipients": len(numbers),
                "number_of_messages": sum(one[key] for one in parts),
            }
            return json_answer(200, answer | ({"per_recipient": parts[:most]} if details else {}))

        return Call(act, asked, asked.client_reference)

    def _tried(self, asked: BatchRequest, number: str) -> dict[str, Any]:
        text = filled(asked, number)
        parts = number_of_parts(text) if asked.type == "mt_text" else 1
        return {
            "recipient": self._plan.write.number(number),
            "message_part" if self._plan.readings.message_part else "number_of_parts": parts,
            "body": text,
            "encoding": encoding(text),
        }

    def page(self, ask: Ask) -> Call:
        query = read_list_query(ask.query, OF_BATCHES, self._plan.clock())
        reference = query.client_reference

        def act() -> Answer:
            now = self._plan.clock()
            unfiltered = self._faults.takes_away_reference_filter(Operation.LIST)
            found = self._plan.batches.newest_first(
                None if unfiltered else reference, self._plan.readings.reference_filter
            )
            fitting = [
                batch
                for batch in found
                if (not query.senders or batch.sender in query.senders) and query.in_time(batch.created_at, now)
            ]
            visible = [batch for batch in fitting if not self._faults.hides(Operation.LIST, batch, now)]
            return json_answer(200, one_page("batches", query, visible, lambda one: one.to_json(self._plan.write)))

        return Call(act, None if reference is None else self._plan.asked.get(reference), reference)

    def get(self, ask: Ask) -> Call:
        ask.no_query()
        return self._about(ask, lambda batch: self._answer(batch))

    def update(self, ask: Ask) -> Call:
        ask.no_query()
        changes = read_changes(ask.content_type, ask.raw, older_names=self._plan.readings.older_update_names)

        def act(batch: Batch) -> Answer:
            now = self._plan.clock()
            if batch.started(now) or batch.canceled:
                status = self._plan.readings.late_update.value
                raise RefusedError(status, "batch_already_dispatched", "This batch can't be changed any more.")
            self._plan.update(batch, changed(batch.request, changes, now, self._plan.rules()))
            return self._answer(batch)

        return self._about(ask, act)

    def replace(self, ask: Ask) -> Call:
        ask.no_query()
        asked = self._read(ask)

        def act(batch: Batch) -> Answer:
            self._plan.replace(batch, asked)
            return self._answer(batch)

        return self._about(ask, act)

    def cancel(self, ask: Ask) -> Call:
        ask.no_query()

        def act(batch: Batch) -> Answer:
            how = self._plan.readings.late_cancel
            if how is not LateCancel.OK and not batch.canceled and batch.under_way(self._plan.clock()):
                code = "conflict_send_at" if how is LateCancel.CONFLICT else None
                raise RefusedError(409, code, "This batch has been sent.")
            self._plan.cancel(batch)
            return self._answer(batch)

        return self._about(ask, act)

    def delivery_feedback(self, ask: Ask) -> Call:
        ask.no_query()
        recipients = read_feedback(ask.content_type, ask.raw)

        def act(batch: Batch) -> Answer:
            if not batch.request.fields.get("feedback_enabled"):
                raise bad_constraint("feedback_enabled: this batch was sent without it")
            if not recipients and any(map(is_group_id, batch.request.to)):
                raise bad_constraint("recipients: a batch to a group needs at least one")
            known = {message.recipient for message in batch.messages}
            for index, recipient in enumerate(recipients):
                if recipient not in known:  # Sinch is silent
                    raise bad_constraint(f"recipients[{index}]: is not in this batch")
            self._plan.feedback.append(Feedback(batch.id, tuple(recipients), self._plan.clock()))
            self._plan.changed()
            return Answer(202)

        return self._about(ask, act)

    def _read(self, ask: Ask) -> BatchRequest:
        return read_batch(ask.content_type, ask.raw, self._plan.clock(), plan=self._plan.rules())

    def _about(self, ask: Ask, act: Callable[[Batch], Answer]) -> Call:
        return about_batch(self._plan, self._faults, ask, act)

    def _answer(self, batch: Batch, status: int = 200) -> Answer:
        return json_answer(status, batch.to_json(self._plan.write))


def about_batch(plan: ServicePlan, faults: FaultBoard, ask: Ask, act: Callable[[Batch], Answer]) -> Call:
    """A call about the batch whose ID comes first in the path; 404 if there is none, or a fault hides it."""
    batch = plan.batches.get(ask.ids[0])

    def found() -> Answer:
        if batch is None or faults.hides(ask.operation, batch, plan.clock()):
            raise RefusedError(404)
        return act(batch)

    return Call(found, batch.request if batch else None, batch.client_reference if batch else None)
