"""The operations on delivery reports: a checked call of each. Thin over the plan.

Source: Sinch SMS API reference, "Delivery reports".
"""

from __future__ import annotations

from sandbox.sinch.batches import Batch
from sandbox.sinch.faults import FaultBoard
from sandbox.sinch.listing import OF_REPORTS, ListQuery, one_page, read_codes, read_list_query, read_states
from sandbox.sinch.lives import Message
from sandbox.sinch.operations.batches import about_batch
from sandbox.sinch.operations.calls import Ask, Call, Operations
from sandbox.sinch.plan import ServicePlan
from sandbox.sinch.readings import ReferenceFilter
from sandbox.sinch.refusals import Answer, RefusedError, bad_format, json_answer
from sandbox.sinch.reports import batch_report, recipient_report
from sandbox.sinch.routes import Operation
from sandbox.sinch.wire_values import bare_digits, msisdn_digits


class ReportOperations:
    def __init__(self, plan: ServicePlan, faults: FaultBoard) -> None:
        self._plan = plan
        self._faults = faults

    def all(self) -> Operations:
        return {
            Operation.DELIVERY_REPORT: self.get,
            Operation.RECIPIENT_REPORT: self.get_for_recipient,
            Operation.LIST_REPORTS: self.page,
        }

    def get(self, ask: Ask) -> Call:
        ask.only_query("type", "status", "code")
        kind = ask.query.get("type", "summary")
        if kind not in ("summary", "full"):
            raise bad_format("type: must be summary or full")
        states, codes = read_states(ask.query), read_codes(ask.query)

        def act(batch: Batch) -> Answer:
            report = batch_report(
                batch,
                self._plan.clock(),
                self._plan.write,
                full=kind == "full",
                wanted=lambda state, code: (not states or state in states) and (not codes or code in codes),
            )
            return json_answer(200, report)

        return about_batch(self._plan, self._faults, ask, act)

    def get_for_recipient(self, ask: Ask) -> Call:
        ask.no_query()
        if msisdn_digits(ask.ids[1]) is None:
            raise bad_format("recipient_msisdn: must be an MSISDN")
        recipient = bare_digits(ask.ids[1])

        def act(batch: Batch) -> Answer:
            # The newest: a replaced batch can have an older one for the same recipient.
            for message in reversed(batch.messages):
                if message.recipient == recipient:
                    step = message.now(self._plan.clock())
                    return json_answer(200, recipient_report(batch, message, step, self._plan.write))
            raise RefusedError(404)

        return about_batch(self._plan, self._faults, ask, act)

    def page(self, ask: Ask) -> Call:
        query = read_list_query(ask.query, OF_REPORTS, self._plan.clock())
        reference = query.client_reference

        def act() -> Answer:
            now = self._plan.clock()
            page = one_page(
                "delivery_reports",
                query,
                self._found(query),
                lambda one: recipient_report(one[0], one[1], one[1].now(now), self._plan.write),
            )
            return json_answer(200, page)

        return Call(act, None if reference is None else self._plan.asked.get(reference), reference)

    def _found(self, query: ListQuery) -> list[tuple[Batch, Message]]:
        now, how = self._plan.clock(), self._plan.readings.reference_filter
        if self._faults.takes_away_reference_filter(Operation.LIST_REPORTS):
            how = ReferenceFilter.IGNORED
        return [
            (batch, message)
            for batch in reversed(self._plan.batches.all)
            if query.in_time(batch.created_at, now) and query.of_reference(batch.client_reference, how)
            for message in batch.messages
            if query.of_state(message.now(now).state, message.now(now).code)
        ]
